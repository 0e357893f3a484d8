//! Another clock of this host as a source: both are read against `CLOCK_MONOTONIC_RAW`.
//!
//! A reading is an exchange of its own kind: what the upper clock shows was read at some
//! moment within the window, so that it is too small for its end, as if it had been sent
//! there, and too large for its beginning. The window is the round trip.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use clock_models::comparison::{Comparison, Reading, Upstream};
use clock_models::estimator::Estimator;
use clock_models::selection::Unusable;
use clock_models::time::{self, Free, Timestamp};
use tokio::time::{MissedTickBehavior, interval};

use super::{Context, Report, Trouble};
use crate::account::{Account, SharedAccount};
use crate::host_clock::{CrossReading, HostClock};
use crate::status::UNSYNCHRONISED;

/// Standard uncertainty of two readings in whole nanoseconds together, s.
const RESOLUTION: f64 = 0.41e-9;
/// Stratum of a clock that is a reference by declaration (RFC 5905 figure 11 counts from
/// 1, for the clock that follows it).
const REFERENCE: u8 = 0;

/// The clock that is the source.
#[derive(Debug, Clone)]
pub struct Upper {
    /// Its name.
    pub name: String,
    /// The clock; read only here.
    pub clock: Rc<RefCell<HostClock>>,
    /// What its owner says of it.
    pub account: SharedAccount,
}

/// The comparisons with another clock of this host.
#[derive(Debug)]
pub struct ClockSource {
    context: Context,
    upper: Upper,
    interval: Duration,
    estimator: Estimator,
    trouble: Trouble,
    /// The last reading of both clocks, while they can be read and compared.
    last: Option<Compared>,
    /// The jumps of the upper clock that the estimator knows of.
    jumps: u64,
    reach: u8,
    accepted: u64,
}

/// A reading of both clocks.
#[derive(Debug, Clone)]
struct Compared {
    comparison: Comparison,
    at: Timestamp<Free>,
    window: time::Duration,
    method: String,
}

impl ClockSource {
    /// A source that has not been read yet, to be read every `interval`.
    #[must_use]
    pub fn new(context: Context, upper: Upper, interval: Duration) -> Self {
        let estimator = Estimator::new(context.frequency);
        Self {
            context,
            upper,
            interval,
            estimator,
            trouble: Trouble::default(),
            last: None,
            jumps: 0,
            reach: 0,
            accepted: 0,
        }
    }

    /// Compares the clocks for as long as the task lives.
    pub async fn run(mut self) {
        self.context.record_start(self.context.frequency);
        let mut looks = interval(self.interval);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let account = self.upper.account.get();
            let usable = self.look(&account);
            self.reach = self.reach << 1 | u8::from(usable.is_ok());
            self.context.report(self.report(&account, usable));
        }
    }

    /// Compares the clocks where that is of any use.
    fn look(&mut self, account: &Account) -> Result<(), Unusable> {
        let usable = match self.context.origin {
            // Declared by the operator, whatever utcd knows of the clock.
            Some(_) => Ok(()),
            None => account.usable(),
        };
        if account.jumps() != self.jumps || usable.is_err() {
            self.jumps = account.jumps();
            self.start_afresh();
        }
        usable?;
        let Some(compared) = self.compare() else {
            let text =
                format!("{} cannot be compared with {}", self.context.clock_name, self.upper.name);
            self.trouble.note(&self.context.name, "unreadable", text);
            return Err(Unusable::Unreachable);
        };
        self.trouble.over(&self.context.name);
        self.take(compared);
        self.estimator.estimate().map(|_| ()).ok_or(Unusable::Warming)
    }

    /// The upper clock was moved, or is not on time: but for the frequency, nothing that
    /// was learnt holds.
    fn start_afresh(&mut self) {
        if self.last.take().is_none() {
            return;
        }
        self.context.remember(&self.estimator);
        self.estimator = Estimator::new(self.context.frequency);
        self.context.record_start(self.context.frequency);
    }

    fn compare(&self) -> Option<Compared> {
        let upper = self.upper.clock.borrow().cross_read()?;
        let lower = self.context.clock.borrow().cross_read()?;
        Some(compare(&lower, &upper))
    }

    fn take(&mut self, compared: Compared) {
        let fit = self.estimator.update(&compared.comparison);
        let restarted = fit.is_some_and(|fit| fit.restarted);
        if restarted {
            tracing::info!(
                "source {}: one of the clocks has changed; starting afresh",
                self.context.name
            );
        }
        self.accepted += 1;
        self.context.record(&compared.comparison, restarted, self.estimator.estimate());
        self.context.remember(&self.estimator);
        self.last = Some(compared);
    }

    fn report(&self, account: &Rc<Account>, usable: Result<(), Unusable>) -> Report {
        let mut status = self.context.status("clock", self.upper.name.clone());
        status.reason.clone_from(&self.trouble.now);
        status.rejected.clone_from(&self.trouble.counts);
        status.reach = self.reach;
        status.poll_interval = self.interval.as_secs_f64();
        status.accepted = self.accepted;
        let mut edge = self.context.edge(usable);
        edge.estimate = self.estimator.estimate();
        edge.stamp_uncertainty = RESOLUTION;
        edge.stratum = REFERENCE;
        let is_declared = self.context.origin.is_some();
        if !is_declared {
            // Both clocks are in one host: the lower one is as near to the primary
            // reference as the upper one, which is one further than what that follows.
            edge.stratum = account.status.stratum.clamp(1, UNSYNCHRONISED) - 1;
            edge.upper = account.budget();
            edge.upstream = Upstream {
                root_delay: account.status.root_delay,
                root_dispersion: account.status.root_dispersion,
                follows: false,
            };
            status.stratum = Some(account.status.stratum);
        }
        if let Some(last) = &self.last {
            status.delay = Some(last.window.seconds());
            status.time_stamps.clone_from(&last.method);
        }
        let upper = (!is_declared).then(|| Rc::clone(account));
        let heard = self.last.as_ref().map(|last| last.at);
        Report { edge, status, heard, upper, leap: None }
    }
}

/// Both clocks at the moment when the lower one was read.
fn compare(lower: &CrossReading, upper: &CrossReading) -> Compared {
    let between = lower.raw - upper.raw;
    let gained = time::Duration::from_seconds(between.seconds() * upper.rate);
    let shown = upper.reading.time + between + gained.unwrap_or(time::Duration::ZERO);
    let at = lower.reading.base;
    let difference = shown.since_epoch() - at.since_epoch();
    let window = lower.window + upper.window;
    let reading = |difference| Some(Reading { at, difference });
    let comparison = Comparison {
        from_reference: reading(difference - window / 2),
        to_reference: reading(difference + window / 2),
        stamp_uncertainty: RESOLUTION,
        upstream: Upstream::default(),
    };
    let method = match (upper.method, lower.method) {
        (upper, lower) if upper == lower => upper.to_owned(),
        (upper, lower) => format!("{upper} and {lower}"),
    };
    Compared { comparison, at, window, method }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock_models::discipline::ClockReading;

    fn read(raw_ns: i64, base: i64, time: i64, window_ns: i64, rate: f64) -> CrossReading {
        CrossReading {
            raw: Timestamp::from_epoch(time::Duration::from_nanos(raw_ns)),
            reading: ClockReading {
                base: Timestamp::from_secs(base),
                time: Timestamp::from_secs(time),
            },
            window: time::Duration::from_nanos(window_ns),
            rate,
            method: "m",
        }
    }

    #[test]
    fn the_windows_of_both_readings_are_the_round_trip() {
        let compared = compare(&read(0, 7, 1, 100, 0.0), &read(0, 99, 1000, 300, 0.0));
        let exchange = compared.comparison.two_way(0.0).unwrap();
        assert_eq!(exchange.at, Timestamp::from_secs(7));
        assert_eq!(exchange.difference, time::Duration::from_secs(993));
        assert!((exchange.delay - 400e-9).abs() < 1e-15);
    }

    #[test]
    fn the_upper_clock_is_carried_to_when_the_lower_one_was_read() {
        let lower = read(1_000_000, 7, 1, 0, 0.0);
        let compared = compare(&lower, &read(0, 99, 1000, 0, 10e-6));
        let shown = compared.comparison.from_reference.unwrap().difference;
        let expected = 993.0 + 1e-3 * (1.0 + 10e-6);
        assert!((shown.seconds() - expected).abs() < 1e-12);
    }
}
