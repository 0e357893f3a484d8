//! What a host records: rows as the daemon records them.

use clock_models::discipline::{ClockReading, Tick};
use clock_models::recording::{Believed, Compared, Event, Journal, Row};
use clock_models::selection::SourceId;
use clock_models::time::{Free, Timestamp};
use clock_models::uncertainty::Budget;

use super::host::Host;

/// The clock of the host, as it is called in a recording.
const CLOCK: &str = "clock";

/// The rows of a host that have not been taken yet.
#[derive(Debug)]
pub(super) struct Record {
    rows: Vec<Row>,
    next: u64,
    journal: Journal,
}

impl Record {
    /// Of a keeper that follows nothing unless `min_agreeing` sources agree.
    pub(super) const fn new(min_agreeing: usize) -> Self {
        Self { rows: Vec::new(), next: 0, journal: Journal::new(min_agreeing) }
    }

    fn push(&mut self, reading: ClockReading, event: Event) {
        let (number, clock) = (self.next, CLOCK.to_owned());
        self.next += 1;
        self.rows.push(Row { number, clock, at: reading.base, shown: reading.time, event });
    }

    /// The rows since they were taken last.
    pub(super) fn take(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.rows)
    }
}

impl Host {
    /// Records that the estimator of a source begins with what is known of the frequency.
    pub(super) fn record_start(&mut self, source: usize, prior: Option<(f64, f64)>) {
        let reading = self.reading(self.base());
        let Some(record) = &mut self.record else { return };
        record.push(reading, Event::Start { source: name(source), prior });
    }

    /// Records what the estimator of a source took in last, and what it made of it.
    pub(super) fn record_comparison(&mut self, source: usize, restarted: bool) {
        if self.record.is_none() {
            return;
        }
        let association = &self.links[source].association;
        let (comparison, estimate) = (association.last(), association.estimator().estimate());
        let Some(comparison) = comparison else { return };
        let Some(reading) = comparison.newest().map(|base| self.reading(base)) else { return };
        let compared = Compared { source: name(source), comparison, restarted, estimate };
        self.record.iter_mut().for_each(|record| {
            record.push(reading, Event::Comparison(compared.clone()));
        });
    }

    /// Records a round of the keeper, after its command.
    pub(super) fn record_round(&mut self, reading: ClockReading, tick: &Tick) {
        if self.record.is_none() {
            return;
        }
        let budget = self.budget(reading.base);
        let believed = Believed {
            expanded: budget.as_ref().map(|budget| budget.expanded(2.0)),
            bound: budget.as_ref().map(Budget::bound),
            state: self.keeper.discipline().state().name().to_owned(),
            leader: self.keeper.leader().map(|leader| name(leader.id.0 as usize)),
            commanded: self.frequency(),
            ..Believed::of(&self.keeper, reading, tick)
        };
        let Some(record) = &mut self.record else { return };
        let called = |id: SourceId| name(id.0 as usize);
        for event in record.journal.round(&self.keeper, reading, believed, called) {
            record.push(reading, event);
        }
    }

    /// How well the clock is known against the origin of its leader.
    fn budget(&self, now: Timestamp<Free>) -> Option<Budget> {
        let (leader, path) = (self.keeper.leader()?, self.keeper.path(now)?);
        Budget::new(path.components().iter().cloned().chain(leader.upstream_components())).ok()
    }
}

/// What the sources of a host are called, in the order of the setup.
fn name(source: usize) -> String {
    format!("source-{}", source + 1)
}
