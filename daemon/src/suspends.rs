//! Notices that the host was suspended: to RAM, to disk or to idle.
//!
//! The time base of every clock stands still meanwhile, so that what was heard just before
//! looks fresh, and `CLOCK_REALTIME` jumps by what the kernel takes the pause for. Whatever was
//! known of a clock before is void. Nobody is told of it: whoever claims something asks whether
//! the host was suspended since.

use std::sync::{Arc, Mutex, PoisonError};

use clock_models::time::Duration;
use utcd_linux::clock::Slept;

use crate::render;
use crate::status::SuspendStatus;

/// The kernel measures a suspend to a second where it has only the RTC, and none is so short
/// that it would not show in this.
const SHORTEST: Duration = Duration::from_nanos(1_000_000);

/// The suspends of the host since the daemon started. Clones count the same ones.
#[derive(Debug, Clone)]
pub struct Suspends(Arc<Mutex<Noticed>>);

#[derive(Debug)]
struct Noticed {
    /// How long all those together were that there have been since the host was started.
    slept: Duration,
    status: SuspendStatus,
}

impl Suspends {
    /// None yet.
    #[must_use]
    pub fn none_yet() -> Self {
        let (slept, status) = (Slept::now().most, SuspendStatus::default());
        Self(Arc::new(Mutex::new(Noticed { slept, status })))
    }

    /// Those up to this moment. Several between which nobody asked are one.
    #[must_use]
    pub fn status(&self) -> SuspendStatus {
        self.notice(Slept::now());
        // Each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).status
    }

    /// How many there were up to this moment.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.status().count
    }

    /// Takes a reading in. One that was interrupted is too small at worst: it makes no suspend
    /// of nothing, and the next one shows what it missed.
    pub fn notice(&self, slept: Slept) {
        let mut noticed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = slept.least - noticed.slept;
        if last < SHORTEST {
            return;
        }
        let SuspendStatus { count, seconds, .. } = noticed.status;
        let (count, last) = (count + 1, last.seconds());
        let status = SuspendStatus { count, seconds: seconds + last, last };
        *noticed = Noticed { slept: slept.least, status };
        tracing::warn!(
            "the host was suspended for {}: what was known of its clocks is void, every source \
             begins anew",
            render::span(last)
        );
    }
}

impl Default for Suspends {
    fn default() -> Self {
        Self::none_yet()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read when the host had slept for `slept` s, with an interruption of `interrupted` s.
    fn read(slept: f64, interrupted: f64) -> Slept {
        let [least, most] =
            [slept - interrupted, slept].map(|s| Duration::from_seconds(s).unwrap());
        Slept { least, most }
    }

    /// How many there were, and how long all of them, s, after readings from `start` on.
    fn noticed(start: f64, readings: &[Slept]) -> (u64, f64) {
        let suspends = Suspends::none_yet();
        suspends.0.lock().unwrap().slept = Duration::from_seconds(start).unwrap();
        readings.iter().for_each(|reading| suspends.notice(*reading));
        let status = suspends.status();
        (status.count, status.seconds)
    }

    #[test]
    fn a_reading_that_was_interrupted_is_no_suspend() {
        assert_eq!(noticed(100.0, &[read(100.0, 0.0), read(100.0, 5.0), read(100.0, 0.0)]).0, 0);
    }

    #[test]
    fn each_suspend_is_counted_once_and_with_its_length() {
        let readings = [
            read(100.0, 1e-6),
            read(103.0, 1e-6),
            // Missed, for the reading was interrupted for longer than the suspend lasted.
            read(105.0, 2.5),
            read(105.0, 1e-6),
            read(105.0, 0.0),
            read(11_657.0, 1e-6),
        ];
        let (count, seconds) = noticed(100.0, &readings);
        assert_eq!(count, 3);
        assert!((seconds - 11_557.0).abs() < 1e-3, "{seconds}");
    }

    #[test]
    fn those_before_the_daemon_started_do_not_count() {
        let suspends = Suspends::none_yet();
        assert_eq!(suspends.count(), 0);
        assert_eq!(suspends.status(), SuspendStatus::default());
    }

    #[test]
    fn clones_count_the_same_ones() {
        let suspends = Suspends::none_yet();
        let other = suspends.clone();
        let slept = Slept::now().most + Duration::from_secs(11_549);
        suspends.notice(Slept { least: slept, most: slept });
        assert_eq!((suspends.count(), other.count()), (1, 1));
        assert!((other.status().last - 11_549.0).abs() < 1e-3);
    }
}
