//! A clock in software, over an oscillator that can be made to err.

use clock_models::discipline::ClockReading;
use clock_models::time::{Duration, Free, LeapTable, Tai, Timestamp, UtcReading};
use clock_models::virtual_clock::{Oscillator, VirtualClock as Line};
use utcd_linux::clock::{ATTEMPTS, cross_read, raw_now};

use super::CrossReading;

/// A virtual clock and its oscillator.
#[derive(Debug)]
pub(super) struct VirtualClock {
    oscillator: Oscillator,
    line: Line,
}

impl VirtualClock {
    /// It starts `offset` (s) fast of the system clock, on an oscillator that is fast by
    /// `frequency` (ratio).
    pub(super) fn new(offset: f64, frequency: f64, leap: &LeapTable) -> Self {
        let start = cross_read(ATTEMPTS);
        let time = leap.to_tai(UtcReading { timestamp: start.realtime, in_leap_second: false });
        let fast = Duration::from_seconds(offset).unwrap_or(Duration::ZERO);
        Self {
            oscillator: Oscillator::new(start.raw, frequency),
            line: Line::new(start.raw, time + fast),
        }
    }

    pub(super) fn cross_read(&self) -> CrossReading {
        let raw = raw_now();
        let base = self.oscillator.at(raw);
        let reading = ClockReading { base, time: self.line.at(base) };
        let rate = (1.0 + self.oscillator.error()) * (1.0 + self.line.frequency()) - 1.0;
        CrossReading { raw, reading, window: Duration::ZERO, rate, method: "computed" }
    }

    pub(super) fn base(&self, raw: Timestamp<Free>) -> Timestamp<Free> {
        self.oscillator.at(raw)
    }

    pub(super) fn time_at(&self, base: Timestamp<Free>) -> Timestamp<Tai> {
        self.line.at(base)
    }

    pub(super) const fn frequency(&self) -> f64 {
        self.line.frequency()
    }

    pub(super) fn step(&mut self, step: Duration) {
        self.line.step(step);
    }

    pub(super) fn set_frequency(&mut self, base: Timestamp<Free>, frequency: f64) {
        self.line.set_frequency(base, frequency);
    }
}
