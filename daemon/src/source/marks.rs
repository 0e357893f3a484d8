//! What sources have in common that tell when a second began, by a pulse or a sentence:
//! they come from one side only, without a path to be measured.

use std::collections::BTreeMap;
use std::f64::consts::SQRT_2;

use clock_models::comparison::{Comparison, Reading, Upstream};
use clock_models::estimator::Estimator;
use clock_models::selection::Unusable;
use clock_models::time::{Duration, Free, Tai, Timestamp};

use super::{Context, Report, Trouble};

/// How often a source is looked after.
pub(super) const LOOK: std::time::Duration = std::time::Duration::from_secs(1);
/// Rest before what a source comes by, a device, a line, a socket or a segment, is opened again.
pub(super) const REST: std::time::Duration = std::time::Duration::from_secs(5);
/// A source that brings nothing for so many seconds is not heard any more.
const SILENCE: f64 = 5.0;
/// Stratum of a receiver, which is a primary reference (RFC 5905 figure 11 counts from 1,
/// for the clock that follows it).
const REFERENCE: u8 = 0;

/// The comparisons with a source of marks of the seconds, and what came of them.
#[derive(Debug)]
pub(super) struct Marks {
    estimator: Estimator,
    pub(super) trouble: Trouble,
    /// Standard uncertainty of the last mark, s.
    uncertainty: f64,
    /// When that was.
    heard: Option<Timestamp<Free>>,
    heard_since_look: bool,
    accepted: u64,
    reach: u8,
}

/// A mark: the time that began at an instant of the time base of the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    pub(super) at: Timestamp<Free>,
    pub(super) time: Timestamp<Tai>,
    /// Standard uncertainty of `at`, s.
    pub(super) uncertainty: f64,
    /// Half-width of what is only known within limits, s.
    pub(super) half_width: f64,
}

impl Marks {
    pub(super) fn new(context: &Context) -> Self {
        context.record_start(context.frequency);
        Self {
            estimator: Estimator::new(context.frequency),
            trouble: Trouble::default(),
            uncertainty: 0.0,
            heard: None,
            heard_since_look: false,
            accepted: 0,
            reach: 0,
        }
    }

    /// What is heard from now on comes another way: but for the frequency, nothing that was
    /// learnt holds.
    pub(super) fn start_afresh(&mut self, context: &Context) {
        self.estimator = Estimator::new(context.frequency);
        context.record_start(context.frequency);
    }

    /// Frequency of TAI against the time base as far as it is known: value and standard
    /// deviation, ratios.
    pub(super) fn frequency(&self, context: &Context) -> Option<(f64, f64)> {
        let estimate = self.estimator.estimate();
        estimate.map(|e| (e.frequency, e.frequency_deviation)).or(context.frequency)
    }

    /// Takes a mark in.
    pub(super) fn take(&mut self, context: &mut Context, mark: Mark) {
        let comparison = compare(mark);
        let fit = self.estimator.update(&comparison);
        let restarted = fit.is_some_and(|fit| fit.restarted);
        if restarted {
            tracing::info!(
                "source {}: its time or the clock has changed; starting afresh",
                context.name
            );
        }
        self.accepted += 1;
        self.heard_since_look = true;
        (self.uncertainty, self.heard) = (mark.uncertainty, Some(mark.at));
        context.record(&comparison, restarted, self.estimator.estimate());
        context.remember(&self.estimator);
    }

    /// Counts something that was refused under a name.
    pub(super) fn refuse(&mut self, name: &str, count: u64) {
        *self.trouble.counts.entry(name.to_owned()).or_default() += count;
    }

    /// To be called once in each [`LOOK`].
    pub(super) fn look(&mut self) {
        self.reach = self.reach << 1 | u8::from(self.heard_since_look);
        self.heard_since_look = false;
    }

    /// For how long nothing has come, s; `None` where nothing has ever.
    pub(super) fn silence(&self, context: &Context) -> Option<f64> {
        let heard = self.heard?;
        Some((context.clock.borrow().now() - heard).seconds())
    }

    fn usable(&self, context: &Context) -> Result<(), Unusable> {
        match self.silence(context) {
            None => Err(Unusable::NeverHeard),
            Some(silence) if silence > SILENCE => Err(Unusable::Unreachable),
            Some(_) => self.estimator.estimate().map(|_| ()).ok_or(Unusable::Warming),
        }
    }

    /// What is known of the source, which cannot be used if there is some `obstacle`.
    pub(super) fn report(
        &self,
        context: &Context,
        [protocol, place, stamped_by]: [&str; 3],
        obstacle: Option<Unusable>,
    ) -> Report {
        let mut status = context.status(protocol, place.to_owned());
        status.reason.clone_from(&self.trouble.now);
        status.rejected = BTreeMap::clone(&self.trouble.counts);
        status.reach = self.reach;
        status.poll_interval = LOOK.as_secs_f64();
        status.accepted = self.accepted;
        stamped_by.clone_into(&mut status.time_stamps);
        let mut edge = context.edge(obstacle.map_or_else(|| self.usable(context), Err));
        edge.estimate = self.estimator.estimate();
        edge.stamp_uncertainty = self.uncertainty;
        edge.stratum = REFERENCE;
        Report { edge, status, heard: self.heard, upper: None, leap: None }
    }
}

/// A mark shows both directions at once. What is only known within limits is as a round
/// trip of twice their half-width.
///
/// The estimator takes the two readings as measured apart, and here they are one: each is
/// given √2 times the uncertainty of the mark, so that together they have just that.
fn compare(mark: Mark) -> Comparison {
    let difference = mark.time.since_epoch() - mark.at.since_epoch();
    let half_width = Duration::from_seconds(mark.half_width).unwrap_or(Duration::ZERO);
    let reading = |difference| Some(Reading { at: mark.at, difference });
    Comparison {
        from_reference: reading(difference - half_width),
        to_reference: reading(difference + half_width),
        stamp_uncertainty: SQRT_2 * mark.uncertainty,
        upstream: Upstream::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(second: i64, late: f64, half_width: f64) -> Mark {
        let at = Timestamp::from_secs(second) + Duration::from_seconds(late).unwrap();
        let time = Timestamp::from_secs(second + 1000);
        Mark { at, time, uncertainty: 1e-6, half_width }
    }

    #[test]
    fn the_limits_of_a_mark_are_its_round_trip() {
        let exchange = compare(mark(7, 0.1, 0.05)).two_way(0.0).unwrap();
        assert!((exchange.difference.seconds() - 999.9).abs() < 1e-9);
        assert!((exchange.delay - 0.1).abs() < 1e-12);
    }

    /// Whatever the pulses say of themselves is true: alike within ±10 µs.
    #[test]
    fn the_uncertainty_of_many_scattered_pulses_covers_their_estimate() {
        const HALF_WIDTH: f64 = 10e-6;
        let (mut estimator, mut state, mut outside) = (Estimator::new(None), 1_u64, 0);
        for second in 0..2000 {
            // A linear congruential generator (Knuth), by its upper half.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let part = f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(u32::MAX);
            let late = HALF_WIDTH * (2.0 * part - 1.0);
            let uncertainty = HALF_WIDTH / 3.0_f64.sqrt();
            estimator.update(&compare(Mark { uncertainty, ..mark(second, late, 0.0) }));
            let Some(estimate) = estimator.estimate().filter(|_| second >= 60) else { continue };
            let error = (estimate.offset - Duration::from_secs(1000)).seconds().abs();
            outside += u32::from(error > 2.0 * estimate.offset_deviation);
        }
        assert!(outside < 1940 / 20, "{outside} of 1940");
    }

    #[test]
    fn pulses_alone_make_an_estimate_that_is_as_sure_as_they_are() {
        let mut estimator = Estimator::new(None);
        for second in 0..100 {
            // Late and early by turns, by one standard uncertainty.
            let late = if second % 2 == 0 { 1e-6 } else { -1e-6 };
            estimator.update(&compare(mark(second, late, 0.0)));
        }
        let estimate = estimator.estimate().unwrap();
        let error = (estimate.offset - Duration::from_secs(1000)).seconds();
        assert!(error.abs() < estimate.bound && error.abs() < 1e-6, "{estimate:?}");
        assert!(estimate.bound < 20e-6, "{estimate:?}");
    }
}
