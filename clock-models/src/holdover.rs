//! How far a clock runs off without its sources: rehearsed while it still has them.
//!
//! What an estimator believes of its oscillator holds over the minutes that it averages.
//! Over a day, flicker noise, ageing and the temperature count, and the error of the
//! frequency at the moment of the loss; and an oscillator that is better than the
//! estimator believes is not shown to be. So every estimate is also taken as the last one
//! before a loss: later estimates show how far off its prediction came to be.

use std::collections::VecDeque;

use crate::estimator::Estimate;
use crate::time::Duration;

/// The shortest horizon that is rehearsed; each further one is twice as long.
const SHORTEST: Duration = Duration::from_secs(64);
/// Horizons, up to three days.
const HORIZONS: usize = 13;
/// Rehearsals of a horizon that run at the same time.
const STAGGERED: i64 = 4;
/// Rehearsals of a horizon that are remembered.
const MEMORY: f64 = 256.0;
/// An estimate whose frequency was this much less certain than that of the present one
/// says nothing of it.
const WORSE: f64 = 2.0;
/// Terms of the law: the noise of the estimates themselves, the error of the frequency
/// with flicker noise, the random walk of the frequency, and its drift; as powers of the
/// time in a variance.
const POWERS: [i32; 4] = [0, 2, 3, 4];
/// Independent rehearsals beyond which a horizon has no more say in the law than others:
/// the many short ones would decide alone what the few long ones are for.
const MOST_SAY: f64 = 8.0;
/// Steps of the fit. It comes near quickly, and near is enough.
const FIT_STEPS: usize = 100;
/// What the law may be too small by besides, in parts of the variance: of some five
/// independent rehearsals, the mean square is less than a third of the truth in one case
/// of twenty.
const DOUBT: f64 = 2.0;

/// Rehearsals of holdover on one clock.
#[derive(Debug, Clone, Default)]
pub struct Rehearsals {
    last: Option<Estimate>,
    horizons: [Horizon; HORIZONS],
    law: Option<Law>,
}

#[derive(Debug, Clone, Default)]
struct Horizon {
    /// Estimates whose time has not come, the oldest first.
    running: VecDeque<Estimate>,
    /// Mean square of the errors of prediction, s².
    square: f64,
    /// Rehearsals in it.
    count: f64,
}

/// How the variance of the error grows: a sum of powers of the time, fitted to what was
/// rehearsed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Law {
    /// Of each power of (t/`longest`), s².
    terms: [f64; POWERS.len()],
    /// The longest horizon that was rehearsed, s.
    longest: f64,
}

impl Rehearsals {
    /// Takes in the estimate that is followed. The same one may come in again.
    pub fn take(&mut self, estimate: &Estimate) {
        if let Some(last) = self.last {
            if estimate.at <= last.at {
                return;
            }
            let expected = last.carried_to(estimate.at);
            let apart = (estimate.offset - expected.offset).seconds().abs();
            // What the bounds exclude was done by the source or the path.
            if apart > estimate.bound + expected.bound {
                self.horizons.iter_mut().for_each(|horizon| horizon.running.clear());
            }
        }
        self.last = Some(*estimate);
        for (horizon, length) in self.horizons.iter_mut().zip(lengths()) {
            if horizon.take(length, estimate) {
                self.law = None;
            }
        }
    }

    /// Draws the conclusion from the rehearsals, so that [`Rehearsals::variance`] need not
    /// do it each time.
    pub fn conclude(&mut self) {
        if self.law.is_none() {
            self.law = Law::fit(&self.horizons);
        }
    }

    /// Variance (s²) that `elapsed` seconds without a source add to that of the last
    /// estimate, where the estimator believes it to be `believed` (s²).
    ///
    /// It is what the rehearsals came to and, because they are few, what the estimator
    /// believes on top of that, as far as they do not exclude it. Beyond the longest of
    /// them, a random walk of the frequency is not excluded.
    #[must_use]
    pub fn variance(&self, elapsed: f64, believed: f64) -> f64 {
        self.law.or_else(|| Law::fit(&self.horizons)).map_or(believed, |law| {
            let rehearsed = law.at(elapsed.min(law.longest));
            let most = DOUBT * rehearsed * (elapsed / law.longest).max(1.0).powi(3);
            law.growth(elapsed) + believed.min(most)
        })
    }
}

fn lengths() -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(SHORTEST), |length| Some(*length * 2))
}

impl Horizon {
    /// Ends the rehearsals whose time has come and begins another if it is time to. True
    /// if one counted.
    fn take(&mut self, length: Duration, estimate: &Estimate) -> bool {
        let age = |start: &Estimate| estimate.at - start.at;
        let mut counted = false;
        while self.running.front().is_some_and(|start| age(start) >= length)
            && let Some(start) = self.running.pop_front()
        {
            let as_good = start.frequency_deviation <= WORSE * estimate.frequency_deviation;
            // Where estimates are rarer than this horizon is long, it cannot be rehearsed.
            if as_good && age(&start) * 2 < length * 3 {
                let error = (estimate.offset - start.carried_to(estimate.at).offset).seconds();
                self.count = (self.count + 1.0).min(MEMORY);
                self.square += (error * error - self.square) / self.count;
                counted = true;
            }
        }
        if self.running.back().is_none_or(|start| age(start) * STAGGERED >= length) {
            self.running.push_back(*estimate);
        }
        counted
    }
}

impl Law {
    /// `None` before the first rehearsal.
    ///
    /// Mean squares scatter in proportion to what they are of. The terms that make them
    /// most likely are approached by factors, so that none becomes negative
    /// (Févotte, Bertin and Durrieu 2009, as non-negative matrix factorisation with the
    /// divergence of Itakura and Saito).
    fn fit(horizons: &[Horizon]) -> Option<Self> {
        let of_length = |(horizon, length): (_, Duration)| (horizon, length.seconds());
        let rehearsed = || {
            let known =
                |(horizon, _): &(&Horizon, f64)| horizon.count > 0.0 && horizon.square > 0.0;
            horizons.iter().zip(lengths()).map(of_length).filter(known)
        };
        let (last, longest) = rehearsed().last()?;
        let mut law = Self { terms: [last.square / POWERS.len() as f64; POWERS.len()], longest };
        for _ in 0..FIT_STEPS {
            let mut needed = [0.0; POWERS.len()];
            let mut there = [0.0; POWERS.len()];
            for (horizon, length) in rehearsed() {
                let say = (horizon.count / STAGGERED as f64).clamp(1.0, MOST_SAY);
                let variance = law.at(length);
                for (i, power) in POWERS.into_iter().enumerate() {
                    let share = say * (length / longest).powi(power) / variance;
                    needed[i] += share * horizon.square / variance;
                    there[i] += share;
                }
            }
            for (i, term) in law.terms.iter_mut().enumerate() {
                *term *= (needed[i] / there[i]).sqrt();
            }
        }
        Some(law)
    }

    /// Mean square of the difference of an estimate and its prediction of `t` seconds
    /// before, s².
    fn at(&self, t: f64) -> f64 {
        self.terms[0] + self.growth(t)
    }

    /// The part of it that grows with the time.
    fn growth(&self, t: f64) -> f64 {
        let terms = self.terms.iter().zip(POWERS).skip(1);
        terms.map(|(term, power)| term * (t / self.longest).powi(power)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Duration, Timestamp};

    fn estimate(at: i64, offset: f64) -> Estimate {
        Estimate {
            at: Timestamp::from_secs(at),
            offset: Duration::from_seconds(offset).unwrap(),
            offset_deviation: 1e-7,
            frequency: 0.0,
            frequency_deviation: 1e-9,
            covariance: 0.0,
            wander: 1e-10,
            bound: 1e-3,
            delay_floor: 1e-4,
            delay_floor_deviation: 0.0,
            jitter: 1e-6,
        }
    }

    /// Rehearsals over `hours` with an estimate each 16 s.
    fn rehearsed(hours: i64, offset: impl Fn(f64) -> f64) -> Rehearsals {
        let mut rehearsals = Rehearsals::default();
        for at in (0..hours * 3600).step_by(16) {
            rehearsals.take(&estimate(at, offset(at as f64)));
        }
        rehearsals
    }

    const DAY: f64 = 86_400.0;
    /// Of a random walk of the frequency by 1e-10 per √s.
    fn believed(t: f64) -> f64 {
        1e-20 * t.powi(3) / 3.0
    }

    #[test]
    fn a_steady_oscillator_is_shown_to_be_better_than_is_believed() {
        // Frequencies are wrong by 1e-12, to either side.
        let rehearsals = rehearsed(12, |t| 1e-12 * t);
        let u = rehearsals.variance(DAY, believed(DAY)).sqrt();
        let error = 1e-12 * DAY;
        assert!(u > error && u < 5.0 * error, "{u}, not some {error}");
        assert!(u < 1e-3 * believed(DAY).sqrt());
    }

    #[test]
    fn a_drift_that_the_estimator_does_not_know_is_foreseen() {
        // Ageing by 1e-12 a second is 3.7 ms in a day, and believed is 1.5 ms.
        let drift = |t: f64| 0.5e-12 * t * t;
        let mut rehearsals = Rehearsals::default();
        for at in (0..12 * 3600).step_by(16) {
            let t = at as f64;
            rehearsals.take(&Estimate { frequency: 1e-12 * t, ..estimate(at, drift(t)) });
        }
        let u = rehearsals.variance(DAY, believed(DAY)).sqrt();
        assert!((0.8..2.0).contains(&(u / drift(DAY))), "{u}, not {}", drift(DAY));
    }

    #[test]
    fn what_is_believed_counts_until_it_is_rehearsed_and_rehearsals_of_minutes_say_little() {
        assert_eq!(Rehearsals::default().variance(DAY, 1e-6), 1e-6);
        let mut short = Rehearsals::default();
        for at in (0..600).step_by(16) {
            // Nothing but the noise of the estimates, 0.1 µs.
            short.take(&estimate(at, if at % 32 == 0 { 1e-7 } else { -1e-7 }));
        }
        let u = short.variance(DAY, believed(DAY)).sqrt();
        assert!(u > 0.1 * believed(DAY).sqrt(), "{u}");
    }

    #[test]
    fn a_jump_of_the_source_beyond_the_bounds_is_no_news_of_the_oscillator() {
        let jump = |t: f64| 1e-12 * t + if t < 21_600.0 { 0.0 } else { 1.0 };
        let u = rehearsed(12, jump).variance(DAY, believed(DAY)).sqrt();
        assert!(u < 1e-6, "{u}");
    }

    #[test]
    fn horizons_shorter_than_the_time_between_two_estimates_are_not_rehearsed() {
        let mut rehearsals = Rehearsals::default();
        (0..100).for_each(|n| rehearsals.take(&estimate(1024 * n, 1e-9 * n as f64)));
        let counts = rehearsals.horizons.each_ref().map(|horizon| horizon.count > 0.0);
        assert_eq!(counts.iter().position(|counted| *counted), Some(4), "1024 s");
    }
}
