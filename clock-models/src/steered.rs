//! The free-running time base of a clock that can only be read steered: what it would
//! show, had nobody ever touched it.

use std::collections::VecDeque;

use crate::time::{Duration, Free, Phc, Timestamp};

/// Changes that are remembered, for stamps from before them that come late: some minutes of
/// those of a clock that is corrected once a second, some seconds at eight a second.
const CHANGES: usize = 128;

/// What a PTP hardware clock shows, as a piecewise line over its own oscillator.
///
/// Every change that its owner makes begins another piece, so that a stamp of the clock
/// becomes a time of the oscillator by arithmetic alone.
#[derive(Debug, Clone)]
pub struct SteeredLine {
    /// The newest last; never empty, but for which there is [`Piece::at_start`].
    pieces: VecDeque<Piece>,
    /// When somebody else was last seen to have changed it, or it has last shown what it had
    /// shown before it was set back.
    broken: Option<Timestamp<Free>>,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    base: Timestamp<Free>,
    shown: Timestamp<Phc>,
    frequency: f64,
}

impl Piece {
    fn at_start(shown: Timestamp<Phc>) -> Self {
        Self { base: Timestamp::from_epoch(shown.since_epoch()), shown, frequency: 0.0 }
    }

    fn base(&self, shown: Timestamp<Phc>) -> Timestamp<Free> {
        let elapsed = shown - self.shown;
        self.base + elapsed - scaled(elapsed, self.frequency / (1.0 + self.frequency))
    }

    fn shown(&self, base: Timestamp<Free>) -> Timestamp<Phc> {
        let elapsed = base - self.base;
        self.shown + elapsed + scaled(elapsed, self.frequency)
    }
}

impl SteeredLine {
    /// A clock that shows `shown` at `base`, and is given `frequency` (ratio − 1) beyond
    /// that of its oscillator.
    #[must_use]
    pub fn new(base: Timestamp<Free>, shown: Timestamp<Phc>, frequency: f64) -> Self {
        Self { pieces: VecDeque::from([Piece { base, shown, frequency }]), broken: None }
    }

    fn last(&self) -> Piece {
        self.pieces.back().copied().unwrap_or_else(|| Piece::at_start(Timestamp::EPOCH))
    }

    /// The time base when the clock showed `shown`, if it has shown that by the time it
    /// shows `now`. What lies before the last change is found by the pieces before it;
    /// a time that a clock set back has shown twice is taken as the later one.
    #[must_use]
    pub fn base_at(&self, shown: Timestamp<Phc>, now: Timestamp<Phc>) -> Timestamp<Free> {
        let is_of = |piece: &&Piece| piece.shown <= shown;
        let newest = self.pieces.iter().rev();
        let piece = match shown <= now {
            true => newest.clone().find(is_of),
            // It was shown before the clock was set back, if ever.
            false => newest.clone().skip(1).find(is_of),
        };
        piece.copied().unwrap_or_else(|| self.last()).base(shown)
    }

    /// The time base now, when the clock shows `now`.
    #[must_use]
    pub fn base_now(&self, now: Timestamp<Phc>) -> Timestamp<Free> {
        self.last().base(now)
    }

    /// What the clock shows at an instant of its time base from the last change on.
    #[must_use]
    pub fn shown_at(&self, base: Timestamp<Free>) -> Timestamp<Phc> {
        let piece = self.pieces.iter().rev().find(|piece| piece.base <= base);
        piece.copied().unwrap_or_else(|| self.last()).shown(base)
    }

    /// Whether all that was done to the clock from `base` on is known, and what it showed since,
    /// it showed once.
    #[must_use]
    pub fn reaches(&self, base: Timestamp<Free>) -> bool {
        let oldest = self.pieces.front().map(|piece| piece.base);
        oldest.max(self.broken).is_some_and(|since| since <= base)
    }

    /// Somebody else has changed the clock at some time before it showed `now`.
    pub fn break_off(&mut self, now: Timestamp<Phc>) {
        self.broken = self.broken.max(Some(self.base_now(now)));
    }

    /// What the clock is given beyond the frequency of its oscillator, ratio − 1.
    #[must_use]
    pub fn frequency(&self) -> f64 {
        self.last().frequency
    }

    /// The clock runs at another frequency (ratio − 1) from where it showed `shown`.
    pub fn set_frequency(&mut self, shown: Timestamp<Phc>, frequency: f64) {
        let base = self.base_now(shown);
        self.change(Piece { base, shown, frequency });
    }

    /// The clock jumped by `step` (positive: ahead) where it showed `shown`.
    pub fn step(&mut self, shown: Timestamp<Phc>, step: Duration) {
        let base = self.base_now(shown);
        self.change(Piece { base, shown: shown + step, ..self.last() });
        if step < Duration::ZERO {
            self.break_off(shown);
        }
    }

    fn change(&mut self, piece: Piece) {
        if self.pieces.len() == CHANGES {
            self.pieces.pop_front();
        }
        self.pieces.push_back(piece);
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

    const START: i64 = 1_700_000_000;

    fn phc(seconds: f64) -> Timestamp<Phc> {
        Timestamp::from_secs(START) + Duration::from_seconds(seconds).unwrap()
    }

    fn base(seconds: f64) -> Timestamp<Free> {
        Timestamp::from_secs(7) + Duration::from_seconds(seconds).unwrap()
    }

    fn line() -> SteeredLine {
        SteeredLine::new(base(0.0), phc(0.0), 0.0)
    }

    fn assert_close(a: Timestamp<Free>, b: Timestamp<Free>) {
        assert!((a - b).seconds().abs() < 1e-12, "{a:?} {b:?}");
    }

    #[test]
    fn the_frequency_that_a_clock_is_given_is_taken_out() {
        let mut line = line();
        line.set_frequency(phc(10.0), 100e-6);
        assert_close(line.base_at(phc(20.001), phc(20.1)), base(20.0));
        assert_close(line.base_at(phc(5.0), phc(20.1)), base(5.0));
        assert!((line.shown_at(base(20.0)) - phc(20.001)).seconds().abs() < 1e-12);
        assert!((line.shown_at(base(5.0)) - phc(5.0)).seconds().abs() < 1e-12);
    }

    #[test]
    fn a_stamp_from_before_a_step_is_found_where_it_was_taken() {
        let mut line = line();
        line.step(phc(10.0), Duration::from_secs(3));
        assert_close(line.base_at(phc(13.5), phc(14.0)), base(10.5));
        assert_close(line.base_at(phc(9.5), phc(14.0)), base(9.5));
        line.step(phc(14.0), Duration::from_secs(-8));
        // The clock shows 6.1 now, so it showed 13.9 before it was set back.
        assert_close(line.base_at(phc(13.9), phc(6.1)), base(10.9));
        assert_close(line.base_at(phc(6.05), phc(6.1)), base(11.05));
    }

    #[test]
    fn what_is_known_of_the_clock_reaches_back_to_the_oldest_change_and_the_last_of_others() {
        let mut line = line();
        assert!(line.reaches(base(0.0)) && !line.reaches(base(-0.1)));
        for second in 1..200 {
            line.set_frequency(phc(f64::from(second)), 0.0);
        }
        // 199 changes, of which 128 are remembered.
        assert!(line.reaches(base(72.0)) && !line.reaches(base(71.9)));
        line.break_off(phc(150.0));
        assert!(line.reaches(base(150.0)) && !line.reaches(base(149.9)));
    }

    #[test]
    fn what_a_clock_showed_twice_is_not_known() {
        let mut line = line();
        line.step(phc(10.0), Duration::from_secs(-2));
        // 9 s was shown at 9 and at 11.
        assert_close(line.base_at(phc(9.0), phc(13.0)), base(11.0));
        assert!(!line.reaches(base(11.0)) && line.reaches(base(12.0)));
        line.step(phc(20.0), Duration::from_secs(2));
        assert!(line.reaches(base(12.0)), "what it skips it shows once at most");
    }

    proptest! {
        #[test]
        fn however_it_is_steered_the_time_base_runs_evenly(
            changes in prop::collection::vec((0.01..100.0, -1e-3..1e-3, -10i64..10), 1..40),
        ) {
            let mut line = line();
            let mut elapsed = 0.0;
            for (wait, frequency, step) in changes {
                elapsed += wait;
                let now = line.shown_at(base(elapsed));
                line.step(now, Duration::from_secs(step));
                let now = now + Duration::from_secs(step);
                line.set_frequency(now, frequency);
                let now = line.shown_at(base(elapsed + 0.005));
                let found = line.base_at(now, now);
                prop_assert!((found - base(elapsed + 0.005)).seconds().abs() < 1e-9);
            }
        }
    }
}
