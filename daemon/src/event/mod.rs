//! External events: edges that come in by an input of this host, and when each of them was.

mod input;
mod time;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::status::ClockState;

pub use input::EventTask;
pub use time::{Moment, moment};

/// Events that are kept for those who ask later.
const KEPT: usize = 1024;

/// An external event.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ExternalEvent {
    /// Counts the events of all inputs since the daemon started, from 0: a gap shows that
    /// some were not read in time.
    pub number: u64,
    /// Name of the input in the configuration.
    pub event: String,
    /// The clock that stamped it.
    pub clock: String,
    /// Who stamps: `hardware` or `kernel`.
    pub time_stamps: String,
    /// When it was, in UTC as ISO 8601 to a nanosecond; `None` where the clock is not on
    /// time, or not known to be.
    pub utc: Option<String>,
    /// The same in TAI since 1970, whole seconds: intervals are right also over a leap
    /// second.
    pub tai_seconds: Option<i64>,
    /// The nanoseconds to be added to them.
    pub tai_nanoseconds: Option<u32>,
    /// Expanded uncertainty U of that time, k = 2, s.
    pub uncertainty: Option<f64>,
    /// Hard bound of its error, s.
    pub bound: Option<f64>,
    /// What the clock was doing.
    pub state: ClockState,
    /// True if an unbroken, valid chain leads from that time to a declared origin.
    pub traceable: bool,
    /// Why not, where it is not; without a time, why there is none.
    pub not_traceable_because: Option<String>,
    /// Edges of this input that were lost between the last event and this one.
    pub lost: u64,
}

/// The last events of all inputs, the oldest first.
#[derive(Debug, Default)]
pub struct EventLog {
    recent: VecDeque<ExternalEvent>,
    next: u64,
}

impl EventLog {
    /// Gives the event its number, and keeps it in the place of the oldest.
    pub fn push(&mut self, event: ExternalEvent) {
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(ExternalEvent { number: self.next, ..event });
        self.next += 1;
    }

    /// The number of the next event.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Those that are kept, from this number on.
    pub fn since(&self, number: u64) -> impl Iterator<Item = &ExternalEvent> {
        self.recent.iter().filter(move |event| event.number >= number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_events_are_kept_and_all_are_counted() {
        let mut log = EventLog::default();
        for _ in 0..KEPT + 10 {
            log.push(ExternalEvent::default());
        }
        let numbers: Vec<u64> = log.since(0).map(|event| event.number).collect();
        assert_eq!(numbers.len(), KEPT);
        assert_eq!((numbers[0], log.next()), (10, KEPT as u64 + 10));
        assert_eq!(log.since(log.next() - 3).count(), 3);
    }
}
