//! Which rounds of a keeper are recorded.

use super::{Believed, Event};
use crate::discipline::ClockReading;

/// What the owner of a clock remembers of the last round that was recorded.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// The second of the time base, the state and the leader.
    last: Option<(i128, String, Option<String>)>,
}

impl Journal {
    /// What is to be recorded of a round: one in each second is, and each that came to
    /// another state or leader.
    pub fn round(&mut self, reading: ClockReading, believed: Believed) -> Option<Event> {
        let second = reading.base.since_epoch().floor_secs();
        let round = Some((second, believed.state.clone(), believed.leader.clone()));
        if self.last == round {
            return None;
        }
        self.last = round;
        Some(Event::Round(believed))
    }
}
