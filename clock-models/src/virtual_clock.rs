//! A software clock: a straight line over a free-running time base.

use crate::time::{Duration, Free, Tai, Timestamp};

/// A clock that exists only as numbers: steered like a real one, and nobody's time but
/// its own. The daemon runs it unprivileged, the testbed runs it in simulated time.
#[derive(Debug, Clone)]
pub struct VirtualClock {
    base: Timestamp<Free>,
    time: Timestamp<Tai>,
    frequency: f64,
    /// Frequencies are rounded to multiples of this, ratio; 0 for none.
    frequency_step: f64,
}

impl VirtualClock {
    /// A clock that shows `time` at `base` and follows the time base from there.
    #[must_use]
    pub const fn new(base: Timestamp<Free>, time: Timestamp<Tai>) -> Self {
        Self { base, time, frequency: 0.0, frequency_step: 0.0 }
    }

    /// The same clock with a frequency in steps of `step` (ratio, ≥ 0), as those of real
    /// clocks are: 2⁻¹⁶ ppm for a kernel's, 1 ppb for many a hardware clock.
    #[must_use]
    pub const fn with_frequency_step(self, step: f64) -> Self {
        Self { frequency_step: step, ..self }
    }

    /// What it shows at an instant of its time base.
    #[must_use]
    pub fn at(&self, base: Timestamp<Free>) -> Timestamp<Tai> {
        let elapsed = base - self.base;
        self.time + elapsed + scaled(elapsed, self.frequency)
    }

    /// Its frequency against the time base, ratio − 1.
    #[must_use]
    pub const fn frequency(&self) -> f64 {
        self.frequency
    }

    /// Runs at another frequency from `base` on, the nearest that it can, without a jump.
    pub fn set_frequency(&mut self, base: Timestamp<Free>, frequency: f64) {
        self.time = self.at(base);
        self.base = base;
        self.frequency = if self.frequency_step > 0.0 {
            (frequency / self.frequency_step).round() * self.frequency_step
        } else {
            frequency
        };
    }

    /// Jumps by `step`: positive goes forward.
    pub fn step(&mut self, step: Duration) {
        self.time += step;
    }
}

/// The oscillator of a virtual clock: a time base that runs fast against another by a
/// constant ratio, so that there is something to discipline.
#[derive(Debug, Clone, Copy)]
pub struct Oscillator {
    start: Timestamp<Free>,
    error: f64,
}

impl Oscillator {
    /// Equal to `reference` at `start`, and fast by `error` (ratio) from there.
    #[must_use]
    pub const fn new(start: Timestamp<Free>, error: f64) -> Self {
        Self { start, error }
    }

    /// How fast it runs, ratio − 1.
    #[must_use]
    pub const fn error(&self) -> f64 {
        self.error
    }

    /// Its reading when the reference reads `reference`.
    #[must_use]
    pub fn at(&self, reference: Timestamp<Free>) -> Timestamp<Free> {
        reference + scaled(reference - self.start, self.error)
    }
}

/// `d` × `ratio`, exact to 2⁻⁵³; nothing for a ratio that is no number.
fn scaled(d: Duration, ratio: f64) -> Duration {
    Duration::from_seconds(d.seconds() * ratio).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_change_of_frequency_makes_no_jump_and_a_step_no_change_of_frequency() {
        let at = |s| Timestamp::<Free>::from_secs(s);
        let mut clock = VirtualClock::new(at(100), Timestamp::from_secs(5000));
        clock.set_frequency(at(110), 1e-4);
        assert_eq!(clock.at(at(110)), Timestamp::from_secs(5010));
        clock.step(Duration::from_secs(-3));
        let gained = clock.at(at(1110)) - Timestamp::from_secs(5010 + 1000 - 3);
        assert!((gained.seconds() - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_clock_with_a_frequency_step_takes_the_nearest_frequency() {
        let base = Timestamp::from_secs(100);
        let clock = VirtualClock::new(base, Timestamp::from_secs(5000));
        let mut clock = clock.with_frequency_step(1e-9);
        clock.set_frequency(base, 20.4e-9);
        assert!((clock.frequency() - 20e-9).abs() < 1e-20);
        clock.set_frequency(base, -20.6e-9);
        assert!((clock.frequency() + 21e-9).abs() < 1e-20);
    }

    proptest! {
        #[test]
        fn an_oscillator_20_ppm_fast_gains_20_microseconds_a_second(s in 0i64..100_000_000) {
            let start = Timestamp::from_secs(7);
            let oscillator = Oscillator::new(start, 20e-6);
            let gained = oscillator.at(Timestamp::from_secs(7 + s)) - start - Duration::from_secs(s);
            prop_assert!((gained.seconds() - s as f64 * 20e-6).abs() < 1e-9);
        }
    }
}
