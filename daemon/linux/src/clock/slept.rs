//! For how long the host has been suspended.

use clock_models::time::Duration;
use nix::time::ClockId;

use super::read;

/// For how long the host has been suspended since it was started, all suspends together, s.
///
/// `CLOCK_BOOTTIME` counts that and `CLOCK_MONOTONIC` does not (clock_gettime(2)), nor does the
/// time base `CLOCK_MONOTONIC_RAW`. They differ by nothing else: what is done to the system
/// clock steps none of them and steers both alike. The kernel learns how long it slept from a
/// counter that ran on, or from the RTC to a second; without either it does not know that it
/// slept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slept {
    /// It was as long as this at least, however the reading was interrupted.
    pub least: Duration,
    /// It was as long as this at most.
    pub most: Duration,
}

impl Slept {
    /// Reads it.
    #[must_use]
    pub fn now() -> Self {
        let [before, boot, after] =
            read([ClockId::CLOCK_MONOTONIC, ClockId::CLOCK_BOOTTIME, ClockId::CLOCK_MONOTONIC]);
        Self { least: boot - after, most: boot - before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_the_host_is_awake_no_reading_contradicts_another() {
        let readings: Vec<_> = (0..1000).map(|_| Slept::now()).collect();
        let least = readings.iter().map(|slept| slept.least).max().unwrap();
        let most = readings.iter().map(|slept| slept.most).min().unwrap();
        assert!(least <= most, "{least:?} {most:?}");
    }
}
