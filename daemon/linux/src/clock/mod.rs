//! The clocks of the host: its free-running time base, and the system clock.

pub(crate) mod adjust;
mod conversion;
mod slept;
mod system;
pub(crate) mod timex;

use clock_models::time::{Duration, Free, Timestamp, Utc};
use nix::time::{ClockId, clock_gettime};

pub use adjust::ClockError;
pub use conversion::Conversion;
pub use slept::Slept;
pub use system::SystemClock;
pub use timex::{KernelStatus, LeapSecond, LeapState, SyncState};

/// How often [`cross_read`] usually tries. One reading in some ten thousand is
/// interrupted; that three in a row are is not worth waiting for.
pub const ATTEMPTS: u32 = 3;

/// The free-running time base of the host: `CLOCK_MONOTONIC_RAW`, which runs at the
/// rate of the hardware counter whatever is done to the system clock. It stands still while
/// the host is suspended: see [`Slept`].
#[must_use]
pub fn raw_now() -> Timestamp<Free> {
    let [raw] = read([ClockId::CLOCK_MONOTONIC_RAW]);
    Timestamp::from_epoch(raw)
}

/// The system clock and the free-running time base, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrossReading {
    /// The free-running time base: middle of the window.
    pub raw: Timestamp<Free>,
    /// `CLOCK_REALTIME`, read within the window.
    pub realtime: Timestamp<Utc>,
    /// `CLOCK_REALTIME` less `CLOCK_MONOTONIC`. Both are slewed alike, so this moves
    /// (by more than the window) only when somebody steps the system clock, when a
    /// leap second passes, or when the host was suspended.
    pub stepped: Duration,
    /// Between the two readings of the time base around the others. `raw` belongs to
    /// `realtime` within ± half of it.
    pub window: Duration,
}

impl CrossReading {
    /// Standard uncertainty of `raw` as the time of `realtime`, s: rectangular over
    /// the window (GUM 4.3.7).
    #[must_use]
    pub fn uncertainty(&self) -> f64 {
        self.window.seconds() / 12_f64.sqrt()
    }
}

/// Reads the system clock against the time base, the best of `attempts` (at least
/// one): the one with the smallest window, which was interrupted least.
#[must_use]
pub fn cross_read(attempts: u32) -> CrossReading {
    let first = cross_read_once();
    (1..attempts).map(|_| cross_read_once()).fold(first, narrower)
}

fn narrower(a: CrossReading, b: CrossReading) -> CrossReading {
    if b.window < a.window { b } else { a }
}

fn cross_read_once() -> CrossReading {
    // Each reading takes as long as the next, with nothing between them: CLOCK_REALTIME is in
    // the middle.
    let [before, earlier, realtime, later, after] = read([
        ClockId::CLOCK_MONOTONIC_RAW,
        ClockId::CLOCK_MONOTONIC,
        ClockId::CLOCK_REALTIME,
        ClockId::CLOCK_MONOTONIC,
        ClockId::CLOCK_MONOTONIC_RAW,
    ]);
    let window = after - before;
    CrossReading {
        raw: Timestamp::from_epoch(before + window / 2),
        realtime: Timestamp::from_epoch(realtime),
        stepped: realtime - (earlier + (later - earlier) / 2),
        window,
    }
}

/// Reads clocks one right after the other.
#[expect(clippy::expect_used, reason = "no outside input: these clocks are in every Linux")]
fn read<const N: usize>(clocks: [ClockId; N]) -> [Duration; N] {
    clocks.map(clock_gettime).map(|time| {
        let time = time.expect("the clocks that every kernel has can be read");
        Duration::from_secs(time.tv_sec()) + Duration::from_nanos(time.tv_nsec())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_base_never_goes_back() {
        let readings: Vec<_> = (0..1000).map(|_| raw_now()).collect();
        assert!(readings.is_sorted());
    }

    #[test]
    fn a_cross_reading_lies_between_readings_taken_around_it() {
        let before = raw_now();
        let reading = cross_read(ATTEMPTS);
        let after = raw_now();
        let half = reading.window / 2;
        assert!(before <= reading.raw - half && reading.raw + half <= after);
        assert!(reading.window > Duration::ZERO);
    }

    #[test]
    fn the_reading_with_the_smallest_window_is_kept() {
        let with_window =
            |nanos| CrossReading { window: Duration::from_nanos(nanos), ..cross_read(0) };
        let (interrupted, quiet) = (with_window(5000), with_window(50));
        assert_eq!(narrower(interrupted, quiet), quiet);
        assert_eq!(narrower(quiet, interrupted), quiet);
    }

    #[test]
    fn without_a_step_realtime_and_monotonic_keep_their_distance() {
        let (first, second) = (cross_read(ATTEMPTS), cross_read(ATTEMPTS));
        let tolerance = first.window + second.window;
        assert!((second.stepped - first.stepped).abs() <= tolerance);
    }

    #[test]
    fn the_uncertainty_is_that_of_a_rectangle_as_wide_as_the_window() {
        let reading = CrossReading {
            raw: Timestamp::EPOCH,
            realtime: Timestamp::EPOCH,
            stepped: Duration::ZERO,
            window: Duration::from_nanos(120),
        };
        assert!((reading.uncertainty() - 34.641e-9).abs() < 1e-12);
    }
}
