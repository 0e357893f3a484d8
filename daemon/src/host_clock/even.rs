//! The system clock as it was set to run, without what it does for a moment.
//!
//! The kernel lets the clock run by whole units a tick and makes good later what that leaves
//! over: for some ticks the clock is tens of nanoseconds off the line that it was set to. A
//! reading has its own noise besides. Neither is worth a correction, which would be an error
//! as soon as the clock is back.

use clock_models::time::{Duration, Free, Timestamp, Utc};

/// A reading counts for so much more the longer the last one is ago, s: what the clock does
/// for a moment is gone after some ms, what it lost for good is known after some of these.
const TIME_CONSTANT: f64 = 8.0;

/// The line that the clock follows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct EvenLine(Option<(Timestamp<Free>, Timestamp<Utc>)>);

impl EvenLine {
    /// The line with a reading taken in, and what it says for the instant of the reading. The
    /// clock has run at `frequency` (ratio − 1) since the last one. A reading that contradicts
    /// the line by more than its window, within which it may be off itself, begins anew: the
    /// clock was stepped, or ran otherwise.
    pub(super) fn with(
        self,
        raw: Timestamp<Free>,
        read: Timestamp<Utc>,
        window: Duration,
        frequency: f64,
    ) -> (Self, Timestamp<Utc>) {
        let even = self.0.and_then(|(before, shown)| {
            let elapsed = raw - before;
            let gained = Duration::from_seconds(elapsed.seconds() * frequency)?;
            let expected = shown + elapsed + gained;
            let off = read - expected;
            let part = 1.0 - (-elapsed.seconds() / TIME_CONSTANT).exp();
            let taken = Duration::from_seconds(off.seconds() * part)?;
            (elapsed >= Duration::ZERO && off.abs() <= window).then_some(expected + taken)
        });
        let even = even.unwrap_or(read);
        (Self(Some((raw, even))), even)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_nanos(200);
    const FREQUENCY: f64 = -15e-6;

    fn raw(seconds: f64) -> Timestamp<Free> {
        Timestamp::from_epoch(Duration::from_seconds(seconds).unwrap())
    }

    /// What a clock shows that is `off` ns from the line of its frequency.
    fn shown(seconds: f64, off: i64) -> Timestamp<Utc> {
        let ran = Duration::from_seconds(seconds * (1.0 + FREQUENCY)).unwrap();
        Timestamp::from_secs(1_795_322_804) + ran + Duration::from_nanos(off)
    }

    /// How far from that line, ns, the last of some readings is taken to be.
    fn even(readings: &[(f64, i64)]) -> f64 {
        let mut line = EvenLine::default();
        let mut last = 0.0;
        for &(at, off) in readings {
            let (next, even) = line.with(raw(at), shown(at, off), WINDOW, FREQUENCY);
            line = next;
            last = (even - shown(at, 0)).seconds() * 1e9;
        }
        last
    }

    #[test]
    fn what_the_clock_does_for_a_moment_is_hardly_seen_and_soon_forgotten() {
        assert!((even(&[(0.0, 0), (1.0, 24)]) - 2.8).abs() < 0.1);
        assert!(even(&[(0.0, 0), (1.0, 24), (2.0, 0), (10.0, 0)]).abs() < 1.0);
        // Many readings within the moment are not many moments.
        let moment: Vec<_> = (0..100).map(|n| (1.0 + f64::from(n) * 1e-5, 24)).collect();
        assert!(even(&[&[(0.0, 0)][..], &moment].concat()) < 3.0);
    }

    #[test]
    fn what_lasts_is_believed_in_the_end() {
        let lasting: Vec<_> = (1..60).map(|n| (f64::from(n), 150)).collect();
        assert!((even(&[&[(0.0, 0)][..], &lasting].concat()) - 150.0).abs() < 1.0);
    }

    #[test]
    fn a_step_is_believed_at_once() {
        for step in [201, -500, 1_000_000] {
            assert!((even(&[(0.0, 0), (1.0, step)]) - step as f64).abs() < 0.1, "{step}");
        }
    }
}
