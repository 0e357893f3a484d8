//! The last exchanges: what an estimator begins with.

use crate::comparison::{Comparison, Reading, TwoWay, Upstream};
use crate::time::{Duration, Free, Timestamp};

/// Exchanges that an estimator begins with, at the latest.
const EXCHANGES: usize = 4;
/// As few do where nothing is known of the frequency and they are [`APART`], so that they show
/// it: who asks once a second would wait for four. What is known may be wrong, which takes
/// more of them to see.
const FEWEST: usize = 2;
/// From the first of them to the last, s.
const APART: f64 = 0.9;
/// The scatter of 2, 3 and 4 exchanges is too small by as much, at worst (95 %), relative to
/// that of 4: Student's t for one degree of freedom less (GUM G.3).
const STUDENT: [f64; EXCHANGES + 1 - FEWEST] = [12.71 / 3.18, 4.30 / 3.18, 1.0];

/// The last exchanges, each of the messages nearest to one another.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent {
    /// From the reference and to it, the oldest first.
    exchanges: Vec<[Reading; 2]>,
    /// Messages whose counterpart is still to come.
    pending: [Option<Reading>; 2],
    last: [Option<Timestamp<Free>>; 2],
}

/// What the exchanges show at first sight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct First {
    /// When the first exchange was.
    pub at: Timestamp<Free>,
    /// What it showed.
    pub anchor: Duration,
    /// Its round-trip delay, s.
    pub delay: f64,
    /// How much the round trips scatter, s.
    pub jitter: f64,
}

impl Recent {
    /// Keeps a comparison; gives those of its messages that had not come before.
    pub(super) fn take(&mut self, comparison: &Comparison) -> [Option<Reading>; 2] {
        let fresh =
            [self.fresh(0, comparison.from_reference), self.fresh(1, comparison.to_reference)];
        for (pending, fresh) in self.pending.iter_mut().zip(fresh) {
            *pending = fresh.or(*pending);
        }
        if let [Some(from), Some(to)] = self.pending {
            self.pending = [None; 2];
            if self.exchanges.len() == EXCHANGES {
                self.exchanges.remove(0);
            }
            self.exchanges.push([from, to]);
        }
        fresh
    }

    fn fresh(&mut self, way: usize, reading: Option<Reading>) -> Option<Reading> {
        let reading = reading?;
        if self.last[way].is_some_and(|last| reading.at <= last) {
            return None;
        }
        self.last[way] = Some(reading.at);
        Some(reading)
    }

    /// True until there are as many exchanges as an estimator begins with at the latest.
    pub(super) fn is_filling(&self) -> bool {
        self.exchanges.len() < EXCHANGES
    }

    /// True if there are so many, and no message of theirs is from before `change`, if there
    /// was one: one from before and one from after it show no delay.
    pub(super) fn is_since(&self, change: Option<Timestamp<Free>>) -> bool {
        let mut messages = self.exchanges.iter().flatten();
        !self.is_filling() && messages.all(|message| change.is_none_or(|at| message.at >= at))
    }

    /// The exchanges, the oldest first.
    pub(super) fn exchanges(&self) -> impl Iterator<Item = [Reading; 2]> {
        self.exchanges.iter().copied()
    }

    /// What they show, once there are enough; `frequency` is what is known of that of the
    /// reference, ratio − 1: where that is nothing, what they show of it themselves.
    pub(super) fn first(&self, frequency: Option<f64>) -> Option<First> {
        let is_known = frequency.is_some();
        let frequency = frequency.or_else(|| self.slope()).unwrap_or(0.0);
        let seen: Vec<TwoWay> =
            self.exchanges().filter_map(|exchange| two_way(exchange, frequency)).collect();
        let (first, last) = (seen.first()?, seen.last()?);
        if seen.len() < EXCHANGES && (is_known || (last.at - first.at).seconds() < APART) {
            return None;
        }
        let mut delays: Vec<f64> = seen.iter().map(|exchange| exchange.delay).collect();
        delays.sort_by(f64::total_cmp);
        // The middle one of those above the least: one exchange may be late by anything.
        let jitter = (delays[seen.len() / 2] - delays[0]) * STUDENT.get(seen.len() - FEWEST)?;
        Some(First { at: first.at, anchor: first.difference, delay: first.delay, jitter })
    }

    /// The frequency that the messages from the reference show, ratio − 1.
    fn slope(&self) -> Option<f64> {
        let ([first, _], [last, _]) = (self.exchanges.first()?, self.exchanges.last()?);
        let elapsed = (last.at - first.at).seconds();
        (elapsed > 0.0).then(|| (last.difference - first.difference).seconds() / elapsed)
    }
}

fn two_way([from, to]: [Reading; 2], frequency: f64) -> Option<TwoWay> {
    let (from_reference, to_reference) = (Some(from), Some(to));
    let upstream = Upstream::default();
    Comparison { from_reference, to_reference, stamp_uncertainty: 0.0, upstream }.two_way(frequency)
}
