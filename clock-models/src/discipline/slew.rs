//! How fast an error of the clock is taken out, and when that is done.

use crate::time::{Duration, Free, Timestamp};

/// The longest part of the interval between estimates, and the longest time at all (s),
/// that a slew takes.
const LONGEST_PART: f64 = 0.75;
const LONGEST: f64 = 1.0;
/// The shortest part of the interval, and the shortest time at all (s): some multiples of
/// what timers are late.
const SHORTEST_PART: f64 = 0.125;
const SHORTEST: f64 = 1.0 / 32.0;
/// In between, the time of a slew is this part of the interval at an error of one
/// standard deviation of the estimate, and shorter as the square of a larger one.
///
/// An error e that is taken out evenly in the part p of each interval adds p·e²/3 to the
/// mean square error of the clock: here a sixth of the variance of the estimate where
/// errors are large, and a few percent of its standard deviation as they come. No more
/// haste than that, because a slew is an error of the frequency.
const PART: f64 = 0.5;
/// An error below this part of the standard deviation of the estimate is left alone. It
/// adds nothing that could be seen.
const NEGLIGIBLE: f64 = 0.05;
/// The longest lateness that is reckoned with, s.
const LATENESS: f64 = 1.0;

/// The slew of a clock towards an estimate.
#[derive(Debug, Clone)]
pub(super) struct Slew {
    /// Seconds between the last two estimates; 0 before there were two.
    interval: f64,
    /// The estimate is new since the last tick.
    renewed: bool,
    /// Until when the error is to be gone.
    end: Option<Timestamp<Free>>,
    next: Option<Timestamp<Free>>,
    /// How late the last tick that was due came, s: the next one will be as late.
    lateness: f64,
}

impl Slew {
    pub(super) const fn new() -> Self {
        Self { interval: 0.0, renewed: false, end: None, next: None, lateness: 0.0 }
    }

    /// There is a new estimate, `interval` s after the last one.
    pub(super) fn renew(&mut self, interval: Option<f64>) {
        self.interval = interval.unwrap_or(0.0);
        self.renewed = true;
    }

    /// When it wants to be asked again; `None` if it has nothing to do.
    pub(super) const fn next(&self) -> Option<Timestamp<Free>> {
        self.next
    }

    /// The part of the frequency (ratio, at most `limit` to either side) that takes out
    /// `error`, s, against an estimate that has a standard deviation of `deviation`, s.
    pub(super) fn rate(
        &mut self,
        now: Timestamp<Free>,
        error: f64,
        deviation: f64,
        limit: f64,
    ) -> f64 {
        if let Some(due) = self.next.filter(|&due| due <= now) {
            self.lateness = (now - due).seconds().min(LATENESS);
        }
        let renewed = std::mem::take(&mut self.renewed);
        let left = self.end.map(|end| (end - now).seconds()).filter(|&left| left > 0.0);
        let time = match left {
            Some(left) if !renewed => left,
            _ if error.abs() <= NEGLIGIBLE * deviation => {
                (self.end, self.next) = (None, None);
                return 0.0;
            }
            _ if renewed => self.time(error / deviation),
            // What a slew has left over for want of a finer clock is not chased.
            _ => LONGEST,
        };
        let time = time.max(error.abs() / limit);
        self.end = Some(later(now, time));
        self.next = Some(later(now, time.min(LONGEST)));
        error / (time + self.lateness)
    }

    /// The time in which an error of so many standard deviations is taken out, s.
    fn time(&self, error: f64) -> f64 {
        let part = (PART / (error * error)).clamp(SHORTEST_PART, LONGEST_PART);
        (part * self.interval).clamp(SHORTEST, LONGEST)
    }
}

fn later(now: Timestamp<Free>, seconds: f64) -> Timestamp<Free> {
    now + Duration::from_seconds(seconds).unwrap_or(Duration::SECOND)
}
