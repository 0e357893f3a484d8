//! The owner of one clock: takes the reports of its sources, keeps the clock, publishes.

mod drift;
mod leap;
mod said;
mod status;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use clock_models::discipline::{ClockReading, Command, Discipline, Limits, Tick};
use clock_models::keeper::Keeper;
use clock_models::recording::{Believed, Event, Journal};
use clock_models::selection::SourceId;
use clock_models::time::{Free, LeapTable, Timestamp};
use tokio::sync::mpsc;
use tokio::time::sleep;
use utcd_linux::clock::ClockError;

use self::said::Said;
use self::status::Leading;
use crate::account::SharedAccount;
use crate::board::Board;
use crate::config::{self, ClockMode, Origin};
use crate::host_clock::{HostClock, Quality};
use crate::record::Recorder;
use crate::source::Report;
use crate::status::{ClockState, ClockStatus, SuspendStatus};

/// How often the clock is looked after and accounted for at least, without news of a
/// source: somebody else's hand on it is noticed and what is published of it kept fresh.
const TICK: Duration = Duration::from_secs(1);

/// What the daemon tells the owner of a clock.
#[derive(Debug)]
pub enum Order {
    /// Go on under these terms.
    Reconfigure(Box<config::Clock>),
    /// A source has a declared origin, or none.
    Expect(SourceId, Option<Box<Origin>>),
    /// A source is no longer configured.
    Forget(SourceId),
}

/// The owner of one clock.
#[derive(Debug)]
pub struct ClockTask {
    config: config::Clock,
    clock: Rc<RefCell<HostClock>>,
    /// The leap table in force, which leap seconds that sources announce are put into.
    leap: Rc<RefCell<LeapTable>>,
    keeper: Keeper,
    board: Board,
    /// For those who compare their clock with this one.
    shared: SharedAccount,
    recorder: Option<Recorder>,
    journal: Journal,
    origins: BTreeMap<SourceId, Option<Box<Origin>>>,
    latest: BTreeMap<SourceId, Report>,
    /// The suspends of the host that it knows of.
    suspends: SuspendStatus,
    /// Sources that were heard before the last one, and are to begin anew.
    outdated: BTreeSet<SourceId>,
    /// The leading source, with what it said last: it may be gone.
    led_by: Option<Leading>,
    /// When it last looked after the clock: the watchdog hangs on it.
    heartbeat: Rc<Cell<Instant>>,
    /// When the clock is to be accounted for again, whatever happens until then.
    account_due: Instant,
    said: Said,
    /// Why the clock does not do what it is told, while it does not.
    refusal: Option<String>,
    drift_due: Option<Instant>,
    /// What other programs did to the frequency.
    steered_by_others: u64,
}

/// The limits in a configuration.
fn limits(config: &config::Clock, clock: &HostClock) -> Limits {
    let range = clock.device().and_then(|device| device.max_frequency);
    // The other half is for the clock's own frequency.
    let fastest = range.map_or(f64::INFINITY, |range| range / 2.0);
    Limits {
        step_threshold: config.step_threshold(),
        max_steps: config.max_steps,
        panic_threshold: config.panic_threshold.flatten(),
        max_slew_rate: config.max_slew_rate.min(fastest),
        max_frequency: range,
    }
}

impl ClockTask {
    /// An owner that has not looked at the clock yet.
    #[must_use]
    pub fn new(
        config: config::Clock,
        clock: Rc<RefCell<HostClock>>,
        leap: Rc<RefCell<LeapTable>>,
        board: Board,
        shared: SharedAccount,
        recorder: Option<Recorder>,
        heartbeat: Rc<Cell<Instant>>,
    ) -> Self {
        let discipline = match config.mode {
            ClockMode::Discipline => Discipline::new(limits(&config, &clock.borrow())),
            ClockMode::Observe => Discipline::observer(),
        };
        let needed = config.min_sources as usize;
        let said = Said::nothing(config.name.clone());
        let suspends = board.suspends().status();
        Self {
            config,
            clock,
            leap,
            keeper: Keeper::new(discipline, needed),
            board,
            shared,
            recorder,
            journal: Journal::new(needed),
            origins: BTreeMap::new(),
            latest: BTreeMap::new(),
            suspends,
            outdated: BTreeSet::new(),
            led_by: None,
            heartbeat,
            account_due: Instant::now(),
            said,
            refusal: None,
            drift_due: None,
            steered_by_others: 0,
        }
    }

    /// Looks after the clock for as long as there are orders.
    pub async fn run(
        mut self,
        mut reports: mpsc::Receiver<Report>,
        mut orders: mpsc::Receiver<Order>,
    ) {
        let mut wait = Duration::ZERO;
        loop {
            let mut news = true;
            tokio::select! {
                // First what is configured, so that it is known at the first look.
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => break,
                },
                Some(report) = reports.recv() => news = self.take(report),
                () = sleep(wait) => news = false,
            }
            wait = self.look_after(news);
        }
        self.store_drift();
        if self.is_disciplined() {
            // Nobody vouches for the clock any more.
            let told = self.clock.borrow_mut().tell_kernel(None);
            if let Err(error) = told {
                self.refused(Some(error));
            }
        }
    }

    fn is_disciplined(&self) -> bool {
        self.config.mode == ClockMode::Discipline
    }

    /// Begins anew if the host was suspended: true if it was.
    fn notice_suspend(&mut self) -> bool {
        let suspends = self.board.suspends().status();
        let before = std::mem::replace(&mut self.suspends, suspends);
        if suspends.count == before.count {
            return false;
        }
        let slept = suspends.seconds - before.seconds;
        let told = self.clock.borrow_mut().host_slept(slept);
        if let Err(error) = told {
            self.refused(Some(error));
        }
        if let Some(recorder) = &self.recorder {
            let reading = self.clock.borrow().read();
            recorder.record(&self.config.name, reading, Event::Suspend { slept });
        }
        let needed = self.config.min_sources as usize;
        self.keeper = Keeper::new(self.keeper.discipline().anew(), needed);
        self.journal = Journal::new(needed);
        // The daemon starts others in their place.
        self.outdated.extend(self.origins.keys());
        self.latest.clear();
        self.led_by = None;
        self.account_due = Instant::now();
        true
    }

    fn obey(&mut self, order: Order) {
        // Before a source is added: it is not of those that are outdated.
        self.notice_suspend();
        match order {
            Order::Reconfigure(config) => {
                let limits = limits(&config, &self.clock.borrow());
                self.keeper.set_limits(limits, config.min_sources as usize);
                self.journal.set_min_agreeing(config.min_sources as usize);
                self.config = *config;
            }
            Order::Expect(id, origin) => {
                self.origins.insert(id, origin);
            }
            Order::Forget(id) => {
                self.origins.remove(&id);
                self.outdated.remove(&id);
                self.latest.remove(&id);
            }
        }
    }

    /// True if the edge is another than before. A request that went out changes nothing.
    fn take(&mut self, report: Report) -> bool {
        self.notice_suspend();
        let id = report.edge.id;
        // The last words of a source that is no longer configured come too late.
        if !self.origins.contains_key(&id) || self.outdated.contains(&id) {
            return false;
        }
        let edge = report.edge.clone();
        self.latest.insert(edge.id, report).is_none_or(|before| before.edge != edge)
    }

    /// Looks after the clock, and says for how long it may then be left alone.
    fn look_after(&mut self, news: bool) -> Duration {
        let (reading, frequency) = self.read();
        let edges: Vec<_> = self.latest.values().map(|report| report.edge.clone()).collect();
        let tick = self.keeper.round(reading, frequency, &edges);
        self.notice_others(&tick);
        let commanded = tick.command.map_or(Ok(()), |command| self.command(command));
        // The end of a slew is nothing to tell.
        let is_told = news
            || self.keeper.selected_at() == Some(reading.base)
            || commanded.is_err()
            || matches!(tick.command, Some(Command::Step(_)))
            || self.state() != self.said.state()
            || Instant::now() >= self.account_due;
        if is_told {
            self.account(&tick, reading, commanded);
        }
        self.heartbeat.set(Instant::now());
        match &self.refusal {
            // No sooner, however much there were to do.
            Some(_) => TICK,
            None => tick.next.map_or(TICK, |next| self.until(next)),
        }
    }

    /// What the clock shows, and what it runs at.
    fn read(&mut self) -> (ClockReading, f64) {
        if self.clock.borrow_mut().reopen() {
            self.keeper.clock_replaced();
            // It may be another device, with another range.
            let limits = limits(&self.config, &self.clock.borrow());
            self.keeper.set_limits(limits, self.config.min_sources as usize);
        }
        let reading = self.clock.borrow().read();
        // Asked after it: then nothing that was known before meets a reading of after.
        let reading = if self.notice_suspend() { self.clock.borrow().read() } else { reading };
        (reading, self.clock.borrow().frequency())
    }

    /// Tells everybody how the clock is, and what became of the command.
    fn account(&mut self, tick: &Tick, reading: ClockReading, commanded: Result<(), ClockError>) {
        self.account_due = Instant::now() + TICK;
        self.hear_leap(tick, reading);
        let status = self.publish(tick, reading);
        self.record(tick, reading, &status);
        if let (Some(Command::Step(step)), Ok(())) = (tick.command, &commanded) {
            self.said.stepped(step);
        }
        let told = match self.is_disciplined() {
            true => self.clock.borrow_mut().tell_kernel(quality(&status)),
            false => Ok(()),
        };
        let refusal = commanded.and(told).err();
        // Where nothing was tried, it is not known whether the clock would refuse still.
        if tick.command.is_some() || refusal.is_some() {
            self.refused(refusal);
        }
        self.keep_drift();
    }

    /// From now to an instant of the clock's time base, a tick at most.
    fn until(&self, next: Timestamp<Free>) -> Duration {
        let wait = (next - self.clock.borrow().now()).seconds();
        Duration::from_secs_f64(wait.clamp(0.0, TICK.as_secs_f64()))
    }

    fn record(&mut self, tick: &Tick, reading: ClockReading, status: &ClockStatus) {
        let Some(recorder) = &self.recorder else { return };
        let believed = Believed {
            expanded: status.uncertainty,
            bound: status.bound,
            state: status.state.name().to_owned(),
            leader: status.leader.clone(),
            commanded: self.clock.borrow().frequency(),
            ..Believed::of(&self.keeper, reading, tick)
        };
        let latest = &self.latest;
        let name = |id| latest.get(&id).map_or_else(String::new, |it| it.status.name.clone());
        for event in self.journal.round(&self.keeper, reading, believed, name) {
            recorder.record(&self.config.name, reading, event);
        }
    }

    fn command(&mut self, command: Command) -> Result<(), ClockError> {
        let result = self.clock.borrow_mut().apply(command);
        if result.is_err() {
            self.keeper.command_failed(command);
        }
        result
    }

    /// The clock refuses, or works again.
    fn refused(&mut self, refusal: Option<ClockError>) {
        self.said.refusal(refusal.as_ref());
        self.refusal = refusal.map(|error| error.to_string());
    }

    /// Whoever else has a hand on the clock is named.
    fn notice_others(&mut self, tick: &Tick) {
        if let Some(moved) = tick.interference {
            self.said.moved_by_others(moved, &self.clock.borrow().held_by());
        }
        let foreign = self.is_disciplined() && self.clock.borrow_mut().notice_foreign_steering();
        if self.said.steered_by_others(foreign, || self.clock.borrow().held_by()) {
            self.steered_by_others += 1;
        }
    }
}

/// What the kernel may tell other programs.
fn quality(status: &ClockStatus) -> Option<Quality> {
    let vouched = matches!(status.state, ClockState::Locked | ClockState::Holdover);
    let offset = status.offset?.abs();
    let (uncertainty, bound) = status.uncertainty.zip(status.bound)?;
    vouched.then_some(Quality { bound: bound + offset, uncertainty: uncertainty / 2.0 + offset })
}
