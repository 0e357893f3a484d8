//! What is published of a clock and its sources: state, uncertainty, chain.

use std::rc::Rc;

use clock_models::discipline::{ClockReading, State, Tick};
use clock_models::graph::Chain;
use clock_models::selection::{Unusable, Verdict};
use clock_models::standing::Standing;
use clock_models::uncertainty::Budget;

use super::ClockTask;
use crate::account::Account;
use crate::chain::{self, Upward};
use crate::config::Origin;
use crate::source::Report;
use crate::status::{ClockState, ClockStatus, SelectionState, SourceStatus, UNSYNCHRONISED};

/// The source that leads, or did until the holdover began.
#[derive(Debug)]
pub(super) struct Leading {
    name: String,
    /// What it is called in a chain, if not by its own name.
    clock: Option<String>,
    protocol: String,
    origin: Option<Box<Origin>>,
    upper: Option<Rc<Account>>,
}

impl ClockTask {
    /// Puts it all on the board, and says what has changed.
    pub(super) fn publish(&mut self, tick: &Tick, reading: ClockReading) -> ClockStatus {
        self.notice_leader();
        let mut status = self.clock_status(tick, reading);
        let chain = self.trace(reading, &mut status);
        let selection = self.keeper.selection();
        let latest = &self.latest;
        let name = |id| latest.get(&id).map_or("?", |report| report.status.name.as_str());
        self.said.falsetickers(selection, name);
        self.said.selection(selection, &status, !latest.is_empty());
        self.said.status(&status);
        self.said.impossible(&status);
        let sources = self.source_statuses(reading);
        self.board.put_clock(status.clone(), sources, self.suspends);
        let estimate = tick.estimate.zip(status.bound);
        let account = Account { status: status.clone(), chain, estimate };
        self.shared.put(account, self.suspends.count);
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
            impossible_frequency: tick.impossible,
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

    /// What the clock is doing.
    pub(super) fn state(&self) -> ClockState {
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
        self.latest.values().map(|report| self.source_status(report, reading)).collect()
    }

    /// What the source says of itself, with what became of it here.
    fn source_status(&self, report: &Report, reading: ClockReading) -> SourceStatus {
        let mut status = report.status.clone();
        let mut verdicts = self.keeper.selection().verdicts.iter();
        if let Some((_, verdict)) = verdicts.find(|(id, _)| *id == report.edge.id) {
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
    }
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
