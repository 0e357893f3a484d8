//! Leap seconds that the sources of a clock announce, and that the leap table lacks.

use clock_models::discipline::{ClockReading, Tick};
use clock_models::selection::Verdict;
use clock_models::time::{Duration as Span, Heard, LeapNotice, hear};

use super::ClockTask;

impl ClockTask {
    /// Takes a leap second in that the selected sources announce and the table does not
    /// reach.
    pub(super) fn hear_leap(&mut self, tick: &Tick, reading: ClockReading) {
        let Some(error) = tick.error.and_then(Span::from_seconds) else { return };
        let now = self.clock.borrow().utc(reading.time - error);
        let heard = hear(&self.leap.borrow(), now, &self.notices());
        self.said.leap(heard);
        if let Heard::Believed(event) = heard {
            self.leap.borrow_mut().announce(event);
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
}
