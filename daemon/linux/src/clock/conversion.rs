//! Kernel time stamps, brought to the time base.
//!
//! The kernel stamps with `CLOCK_REALTIME`, which is steered and stepped; everything
//! else counts in the free-running time base. A stamp is brought there by how old it is
//! on a [`CrossReading`] taken when it is read.

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Duration, Free, Timestamp, Utc};

use super::CrossReading;

/// An older stamp says more of a fault than of its datagram.
const LARGEST_AGE: Duration = Duration::SECOND;
/// By how much readings may disagree beyond their windows before it was a step.
const STEP_TOLERANCE: Duration = Duration::from_nanos(1000);
/// The rate of the system clock is measured over this many windows: to 10 ppm.
const RATE_BASE: i64 = 100_000;
/// Frequency that the kernel may give the clock between two measurements of it.
const ORDINARY_STEERING: f64 = 500e-6;
/// Standard uncertainty of a stamp in whole nanoseconds, s.
const RESOLUTION: f64 = 0.289e-9;

/// Brings stamps of `CLOCK_REALTIME` to the free-running time base.
#[derive(Debug)]
pub struct Conversion {
    /// The last reading from which the rate was taken.
    base: CrossReading,
    /// Rate of the system clock against the time base, ratio − 1.
    rate: f64,
    /// No step has been seen since.
    steady_since: Timestamp<Free>,
}

impl Conversion {
    /// To be made before anything can be stamped.
    #[must_use]
    pub fn new(now: CrossReading) -> Self {
        Self { base: now, rate: 0.0, steady_since: now.raw }
    }

    /// The kernel's `stamp` on the time base, with a reading taken right after it was read.
    ///
    /// `None` where the system clock may have been stepped in between (see
    /// [`CrossReading::stepped`]), or the age is not that of a stamp: less than none or
    /// more than a second. The standard uncertainty is that of the reading, of whole
    /// nanoseconds, and of the rate over the age: 500 ppm or what is measured, if more, as
    /// half-width of a rectangle, 14 ns at an age of 50 µs. Only a slew of the system clock
    /// by more than 500 ppm that began within the last few ms escapes it.
    pub fn convert(&mut self, stamp: Timestamp<Utc>, now: &CrossReading) -> Option<Stamp> {
        self.observe(now);
        let age = now.realtime - stamp;
        if age + STEP_TOLERANCE + now.window < Duration::ZERO || age > LARGEST_AGE {
            return None;
        }
        let gained = Duration::from_seconds(age.seconds() * self.rate / (1.0 + self.rate))?;
        let at = now.raw - age + gained;
        if at < self.steady_since {
            return None;
        }
        let rate = self.rate.abs().max(ORDINARY_STEERING) / 3_f64.sqrt();
        let uncertainty = now.uncertainty().hypot(age.seconds() * rate).hypot(RESOLUTION);
        Some(Stamp { at, uncertainty, by: StampedBy::Kernel })
    }

    fn observe(&mut self, now: &CrossReading) {
        let windows = self.base.window + now.window;
        let stepped = now.stepped - self.base.stepped;
        if stepped.abs() > windows + STEP_TOLERANCE {
            self.base = *now;
            self.steady_since = now.raw;
            return;
        }
        let elapsed = now.raw - self.base.raw;
        if elapsed > windows * RATE_BASE {
            let gained = now.realtime - self.base.realtime - stepped - elapsed;
            self.rate = gained.seconds() / elapsed.seconds();
            self.base = *now;
        }
    }
}

#[cfg(test)]
#[path = "conversion_tests.rs"]
mod tests;
