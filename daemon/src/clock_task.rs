//! The owner of one clock: takes the reports of its sources, keeps the clock, publishes.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clock_models::discipline::{ClockReading, Command, Discipline, Limits, State, Tick};
use clock_models::graph::Chain;
use clock_models::keeper::Keeper;
use clock_models::recording::{Believed, Journal};
use clock_models::selection::{SourceId, Verdict};
use clock_models::standing::Standing;
use clock_models::time::{
    Duration as Span, Free, Heard, LeapEvent, LeapNotice, LeapTable, Timestamp, hear,
};
use clock_models::uncertainty::Budget;
use clock_models::units::{Ratio, Time};
use tokio::sync::mpsc;
use tokio::time::sleep;
use utcd_linux::clock::ClockError;

use crate::account::{Account, SharedAccount};
use crate::board::Board;
use crate::chain::{self, Upward};
use crate::config::{self, ClockMode, Origin};
use crate::drift::{self, Drift};
use crate::host_clock::{HostClock, Quality};
use crate::record::Recorder;
use crate::source::Report;
use crate::status::{ClockState, ClockStatus, SelectionState, SourceStatus};

/// How often the clock is looked after and accounted for at least, without news of a
/// source: somebody else's hand on it is noticed and what is published of it kept fresh.
const TICK: Duration = Duration::from_secs(1);
/// How long a clock is locked before its frequency is worth keeping, and how often it is
/// kept then.
const FIRST_DRIFT: Duration = Duration::from_secs(120);
const DRIFT_INTERVAL: Duration = Duration::from_secs(3600);
/// Stratum of a clock that is not synchronised (RFC 5905 figure 11).
const UNSYNCHRONISED: u8 = 16;

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

/// The source that leads, or did until the holdover began.
#[derive(Debug)]
struct Leading {
    name: String,
    /// What it is called in a chain, if not by its own name.
    clock: Option<String>,
    protocol: String,
    origin: Option<Box<Origin>>,
    upper: Option<Rc<Account>>,
}

/// What has been logged, so that only changes are.
#[derive(Debug, Default)]
struct Said {
    state: ClockState,
    leader: Option<SourceId>,
    falsetickers: BTreeSet<SourceId>,
    why_none: Option<String>,
    drift_error: Option<String>,
    foreign_steering: bool,
    denied_leap: Option<LeapEvent>,
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
            led_by: None,
            heartbeat,
            account_due: Instant::now(),
            said: Said::default(),
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
            self.refused(told.err());
        }
    }

    fn is_disciplined(&self) -> bool {
        self.config.mode == ClockMode::Discipline
    }

    fn obey(&mut self, order: Order) {
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
                self.latest.remove(&id);
            }
        }
    }

    /// True if the edge is another than before. A request that went out changes nothing.
    fn take(&mut self, report: Report) -> bool {
        // The last words of a source that is no longer configured come too late.
        if !self.origins.contains_key(&report.edge.id) {
            return false;
        }
        let edge = report.edge.clone();
        self.latest.insert(edge.id, report).is_none_or(|before| before.edge != edge)
    }

    /// Looks after the clock, and says for how long it may then be left alone.
    fn look_after(&mut self, news: bool) -> Duration {
        let (reading, frequency) = {
            let mut clock = self.clock.borrow_mut();
            if clock.reopen() {
                self.keeper.clock_replaced();
            }
            (clock.read(), clock.frequency())
        };
        let edges: Vec<_> = self.latest.values().map(|report| report.edge.clone()).collect();
        let tick = self.keeper.round(reading, frequency, &edges);
        self.notice_others(&tick);
        let commanded = tick.command.map_or(Ok(()), |command| self.command(command));
        // The end of a slew is nothing to tell.
        let is_told = news
            || self.keeper.selected_at() == Some(reading.base)
            || commanded.is_err()
            || matches!(tick.command, Some(Command::Step(_)))
            || self.state() != self.said.state
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

    /// Tells everybody how the clock is, and what became of the command.
    fn account(&mut self, tick: &Tick, reading: ClockReading, commanded: Result<(), ClockError>) {
        self.account_due = Instant::now() + TICK;
        self.hear_leap(tick, reading);
        let status = self.publish(tick, reading);
        self.record(tick, reading, &status);
        if let (Some(Command::Step(step)), Ok(())) = (tick.command, &commanded) {
            tracing::warn!("clock {}: stepped by {:+}", self.config.name, Time(step.seconds()));
        }
        let told = match self.is_disciplined() {
            true => self.clock.borrow_mut().tell_kernel(quality(&status)),
            false => Ok(()),
        };
        self.refused(commanded.and(told).err());
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

    /// The clock refuses, or works again: said once, for what lacks is the same whatever
    /// was tried.
    fn refused(&mut self, refusal: Option<ClockError>) {
        match &refusal {
            Some(error) if self.refusal.is_none() => {
                tracing::error!("clock {}: {error}", self.config.name);
            }
            None if self.refusal.is_some() => {
                tracing::info!("clock {}: can be steered again", self.config.name);
            }
            _ => {}
        }
        self.refusal = refusal.map(|error| error.to_string());
    }

    /// Takes a leap second in that the selected sources announce and the table does not
    /// reach.
    fn hear_leap(&mut self, tick: &Tick, reading: ClockReading) {
        let Some(error) = tick.error.and_then(Span::from_seconds) else { return };
        let now = self.clock.borrow().utc(reading.time - error);
        let heard = hear(&self.leap.borrow(), now, &self.notices());
        let name = &self.config.name;
        match heard {
            Heard::Believed(event) => {
                tracing::warn!(
                    "clock {name}: its sources announce {}, which the leap table does not \
                     reach: taken in; renew the table (package tzdata)",
                    what(event)
                );
                self.leap.borrow_mut().announce(event);
            }
            Heard::Denied(event) if self.said.denied_leap != Some(event) => {
                tracing::warn!(
                    "clock {name}: its sources announce {}, and the leap table, which reaches \
                     that day, says otherwise: not believed; check the sources, and the table",
                    what(event)
                );
                self.said.denied_leap = Some(event);
            }
            Heard::Denied(_) | Heard::Nothing => {}
        }
    }

    /// What the sources that are followed say of leap seconds.
    fn notices(&self) -> Vec<LeapNotice> {
        let verdicts = self.keeper.selection().verdicts.iter();
        verdicts
            .filter(|(_, verdict)| matches!(verdict, Verdict::Leader | Verdict::Combined))
            .filter_map(|(id, _)| self.latest.get(id)?.leap)
            .collect()
    }

    fn notice_others(&mut self, tick: &Tick) {
        if let Some(moved) = tick.interference {
            tracing::warn!(
                "clock {}: somebody else moved it by {:+}; is another time daemon running?",
                self.config.name,
                Time(moved)
            );
        }
        let foreign = self.is_disciplined() && self.clock.borrow_mut().notice_foreign_steering();
        if foreign && !self.said.foreign_steering {
            self.steered_by_others += 1;
            let others = self.clock.borrow().held_by();
            let who = match others.as_slice() {
                [] => "another program".to_owned(),
                names => names.join(", "),
            };
            tracing::warn!(
                "clock {}: {who} steers its frequency; only one may: stop it, or set \
                 mode = \"observe\"",
                self.config.name
            );
        }
        self.said.foreign_steering = foreign;
    }

    fn publish(&mut self, tick: &Tick, reading: ClockReading) -> ClockStatus {
        self.notice_leader();
        let mut status = self.clock_status(tick, reading);
        let chain = self.trace(reading, &mut status);
        self.say_falsetickers();
        self.say(&status);
        let sources = self.source_statuses(reading);
        self.board.put_clock(status.clone(), sources);
        let estimate = tick.estimate.zip(status.bound);
        self.shared.replace(Rc::new(Account { status: status.clone(), chain, estimate }));
        status
    }

    fn notice_leader(&mut self) {
        let Some(id) = self.keeper.leader().map(|edge| edge.id) else { return };
        if let Some(report) = self.latest.get(&id) {
            self.led_by = Some(Leading {
                name: report.status.name.clone(),
                clock: report.upper.as_ref().map(|upper| upper.status.name.clone()),
                protocol: method(&report.status.protocol),
                origin: self.origins.get(&id).cloned().flatten(),
                upper: report.upper.clone(),
            });
        }
    }

    fn clock_status(&self, tick: &Tick, reading: ClockReading) -> ClockStatus {
        let discipline = self.keeper.discipline();
        let clock = self.clock.borrow();
        let standing = Standing::of(&self.keeper, reading);
        let estimate = tick.estimate.as_ref();
        let device = clock.device().unwrap_or_default();
        ClockStatus {
            name: self.config.name.clone(),
            kind: clock.kind().to_owned(),
            device: device.name(),
            max_frequency: device.max_frequency,
            fault: device.fault,
            disciplined: self.is_disciplined(),
            state: self.state(),
            offset: tick.error,
            // The oscillator against UTC is the opposite of TAI against the oscillator.
            frequency: estimate.map(|e| -e.frequency),
            frequency_uncertainty: estimate.map(|e| e.frequency_deviation),
            stratum: standing.map_or(UNSYNCHRONISED, |standing| standing.stratum),
            root_delay: standing.map_or(0.0, |standing| standing.root_delay),
            root_dispersion: standing.map_or(0.0, |standing| standing.root_dispersion),
            holdover: discipline.holdover(clock.now()),
            steps: discipline.steps(),
            interference: discipline.interferences() + self.steered_by_others,
            refusal: self.refusal.clone(),
            tai_offset: clock.tai_minus_utc(reading.time),
            leader: self.led_by.as_ref().map(|leading| leading.name.clone()),
            ..ClockStatus::default()
        }
    }

    fn state(&self) -> ClockState {
        if self.clock.borrow().device().is_some_and(|device| device.fault.is_some()) {
            return ClockState::Faulty;
        }
        match self.keeper.discipline().state() {
            State::Unsynchronised if self.origins.is_empty() => ClockState::FreeRunning,
            State::Unsynchronised => ClockState::Unsynchronised,
            State::Acquiring => ClockState::Acquiring,
            State::Locked => ClockState::Locked,
            State::Holdover => ClockState::Holdover,
            State::Panic => ClockState::Panic,
        }
    }

    /// Uncertainty and traceability, which are one thing.
    fn trace(&self, reading: ClockReading, status: &mut ClockStatus) -> Option<Chain> {
        let chain = self.led_by.as_ref().and_then(|leading| {
            let up = Upward {
                source: leading.clock.as_ref().unwrap_or(&leading.name),
                protocol: &leading.protocol,
                origin: leading.origin.as_deref(),
                upper: leading.upper.as_deref(),
            };
            let leader = self.keeper.leader()?;
            let path = self.keeper.path(reading.base)?;
            let now = self.clock.borrow().utc(reading.time);
            chain::chain(&self.config.name, leader, &path, &up, now)
        });
        let Some(chain) = chain else {
            status.not_traceable_because = why_not_following(status).map(str::to_owned);
            return None;
        };
        let budget = chain.budget();
        status.uncertainty = Some(budget.expanded(2.0));
        status.bound = Some(budget.bound());
        let reason = chain.traceable().err().map(ToString::to_string);
        status.not_traceable_because = reason
            .or_else(|| self.why_not_above())
            .or_else(|| why_not_following(status).map(str::to_owned));
        status.traceable = status.not_traceable_because.is_none();
        status.chain = chain::published(&chain);
        Some(chain)
    }

    /// Why the clock of this host that is followed is not traceable, if it is not.
    fn why_not_above(&self) -> Option<String> {
        let above = &self.led_by.as_ref()?.upper.as_ref()?.status;
        let reason = above.not_traceable_because.as_ref()?;
        Some(format!("clock {}: {reason}", above.name))
    }

    fn source_statuses(&self, reading: ClockReading) -> Vec<SourceStatus> {
        let verdicts = &self.keeper.selection().verdicts;
        let verdict = |id: SourceId| verdicts.iter().find(|(v, _)| *v == id);
        let status = |report: &Report| {
            let mut status = report.status.clone();
            if let Some((_, verdict)) = verdict(report.edge.id) {
                status.state = published_verdict(verdict);
                status.reason = match (verdict, status.reason) {
                    (Verdict::Leader | Verdict::Combined, more) => more,
                    (_, Some(more)) => Some(format!("{verdict}: {more}")),
                    (_, None) => Some(verdict.to_string()),
                };
            }
            status.age = report.heard.map(|at| (reading.base - at).seconds());
            if let Some(estimate) = report.edge.corrected() {
                let now = estimate.carried_to(reading.base);
                let clock = reading.time.since_epoch() - reading.base.since_epoch();
                let budget = report.edge.budget(&now);
                status.offset = Some((clock - now.offset).seconds());
                status.uncertainty = budget.as_ref().map(|budget| budget.expanded(2.0));
                status.bound = budget.as_ref().map(Budget::bound);
                status.delay_floor = Some(now.delay_floor);
                status.jitter = Some(now.jitter);
                status.wander = Some(now.wander);
            }
            status
        };
        self.latest.values().map(status).collect()
    }

    /// One line when something changes, and none when all is well.
    fn say(&mut self, status: &ClockStatus) {
        let name = &self.config.name;
        let selection = self.keeper.selection();
        let leader = selection.leader;
        if leader.is_some() && leader != self.said.leader {
            tracing::info!("clock {name}: follows {}", status.leader.as_deref().unwrap_or("?"));
            self.said.leader = leader;
        }
        let why_none = selection.why_none.map(|reason| reason.to_string());
        if why_none != self.said.why_none
            && let (Some(reason), false) = (&why_none, self.latest.is_empty())
        {
            tracing::info!("clock {name}: nothing selected: {reason}");
        }
        self.said.why_none = why_none;
        if self.said.state == status.state {
            return;
        }
        let offset = status.offset.map_or_else(String::new, |offset| {
            let frequency = status.frequency.unwrap_or(0.0);
            format!(": offset {:+}, frequency {:+}", Time(offset), Ratio(frequency))
        });
        match status.state {
            ClockState::Panic => tracing::error!(
                "clock {name}: differs from its sources by {}, beyond panic-threshold; it is left \
                 alone. Check the sources; if they are right, set the clock by hand or raise \
                 panic-threshold",
                Time(status.offset.unwrap_or(0.0))
            ),
            ClockState::Holdover => {
                tracing::warn!("clock {name}: holdover, every source is lost{offset}")
            }
            ClockState::Faulty => tracing::error!(
                "clock {name}: faulty: {}; utcd goes on when it is back",
                status.fault.as_deref().unwrap_or("its device cannot be read")
            ),
            ClockState::FreeRunning => {
                tracing::info!("clock {name}: free-running, no source is configured for it")
            }
            state => tracing::info!("clock {name}: {}{offset}", state.name()),
        }
        self.said.state = status.state;
    }

    /// A source that lies is named, and again when it is believed again.
    fn say_falsetickers(&mut self) {
        let falsetickers = &mut self.said.falsetickers;
        for (id, verdict) in &self.keeper.selection().verdicts {
            let name = self.latest.get(id).map_or("?", |report| report.status.name.as_str());
            match verdict {
                Verdict::Falseticker { .. } if falsetickers.insert(*id) => {
                    tracing::warn!("source {name}: falseticker, {verdict}");
                }
                Verdict::Leader | Verdict::Combined if falsetickers.remove(id) => {
                    tracing::info!("source {name}: agrees with the others again");
                }
                _ => {}
            }
        }
    }

    fn keep_drift(&mut self) {
        let locked = self.keeper.discipline().state() == State::Locked;
        match self.drift_due {
            None if locked => self.drift_due = Some(Instant::now() + FIRST_DRIFT),
            Some(due) if locked && Instant::now() >= due => {
                self.store_drift();
                self.drift_due = Some(Instant::now() + DRIFT_INTERVAL);
            }
            _ => {}
        }
    }

    /// A full disk costs the file, not the clock.
    fn store_drift(&mut self) {
        let clock = self.clock.borrow();
        let path: Option<&PathBuf> = self.config.drift_file.as_ref();
        let status = self.board.current();
        let own = status.clocks.iter().find(|c| c.name == self.config.name);
        let known = own.and_then(|c| c.frequency.zip(c.frequency_uncertainty));
        let (Some(path), Some((frequency, uncertainty)), true) =
            (path, known, self.is_disciplined())
        else {
            return;
        };
        drop(clock);
        let result = drift::store(path, Drift { frequency: -frequency, uncertainty });
        let error = result.err().map(|e| format!("{}: {e}", path.display()));
        if error != self.said.drift_error {
            if let Some(error) = &error {
                tracing::warn!("clock {}: the frequency is not kept: {error}", self.config.name);
            }
            self.said.drift_error = error;
        }
    }
}

/// A leap second, in words.
fn what(event: LeapEvent) -> String {
    let what = if event.inserted { "an inserted" } else { "a deleted" };
    let (year, month, day) = event.midnight.date();
    format!("{what} leap second before {year:04}-{month:02}-{day:02} 00:00 UTC")
}

/// What the kernel may tell other programs.
fn quality(status: &ClockStatus) -> Option<Quality> {
    let vouched = matches!(status.state, ClockState::Locked | ClockState::Holdover);
    let offset = status.offset?.abs();
    let (uncertainty, bound) = status.uncertainty.zip(status.bound)?;
    vouched.then_some(Quality { bound: bound + offset, uncertainty: uncertainty / 2.0 + offset })
}

/// By what a source is compared with the clock, for its chain.
fn method(protocol: &str) -> String {
    match protocol {
        "clock" => "reading both clocks".to_owned(),
        protocol => protocol.to_uppercase(),
    }
}

/// Why a clock is not on its sources, if it is not.
const fn why_not_following(status: &ClockStatus) -> Option<&'static str> {
    match status.state {
        ClockState::Locked => None,
        ClockState::FreeRunning => Some("no source is configured for it"),
        ClockState::Unsynchronised => Some("no source has been selected"),
        ClockState::Acquiring => Some("the clock is still being set"),
        ClockState::Holdover => Some("every source is lost"),
        ClockState::Panic => Some("the clock differs insanely from its sources"),
        ClockState::Faulty => Some("the device of the clock cannot be read"),
    }
}

fn published_verdict(verdict: &Verdict) -> SelectionState {
    use clock_models::selection::Unusable;
    match verdict {
        Verdict::Leader => SelectionState::Leader,
        Verdict::Combined => SelectionState::Combined,
        Verdict::Candidate(_) => SelectionState::Candidate,
        Verdict::Falseticker { .. } => SelectionState::Falseticker,
        Verdict::Unusable(Unusable::Warming) => SelectionState::Warming,
        Verdict::Unusable(Unusable::Unreachable | Unusable::Stale) => SelectionState::Unreachable,
        Verdict::Unusable(_) => SelectionState::Unusable,
    }
}
