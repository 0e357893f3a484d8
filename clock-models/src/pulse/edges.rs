//! The edges of a line of pulses: those that begin a pulse, and those that end one.

use std::collections::VecDeque;

use crate::time::{Free, Timestamp};

/// How much wider or narrower than stated a pulse may be, as part of the pulse or of the gap
/// after it, whichever is shorter. Receivers hold the width that they are set to within
/// microseconds; what makes wide pulses of narrow ones (a monostable with a resistor and a
/// capacitor) holds some 5 to 10 %, and data sheets round.
const TOLERANCE: f64 = 0.1;
/// The least of that, s: level converters and optocouplers delay the two edges differently
/// by some microseconds.
const LEAST_TOLERANCE: f64 = 20e-6;
/// What an unknown time base makes of a second, s (RFC 5905 appendix A.5.1.1, `MAXFREQ`).
const SLACK: f64 = 500e-6;
/// So long ago an edge may be to be remembered, s: two periods of pulses that come every
/// other second.
const MEMORY: f64 = 4.5;
/// So many edges are remembered at most: a line that rattles is told from pulses by these.
const MOST: usize = 64;

/// How wide the pulses of a line are: from the edge that begins one to the edge that ends it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Width(f64);

impl Width {
    /// Nominally so many `seconds`: above 0 and below 1, else `None`.
    #[must_use]
    pub fn new(seconds: f64) -> Option<Self> {
        (seconds > 0.0 && seconds < 1.0).then_some(Self(seconds))
    }

    /// How far from that a pulse may be, s: 10 % of it or of what is left of the second,
    /// whichever is less, and 20 µs at least.
    #[must_use]
    pub fn tolerance(self) -> f64 {
        (TOLERANCE * self.0.min(1.0 - self.0)).max(LEAST_TOLERANCE)
    }

    /// Whether an edge that begins one of the pulses of each second can be told from one
    /// that ends it: neither what is left of the second, nor all of it, may be a width.
    #[must_use]
    pub fn tells_apart(self) -> bool {
        let is_none = |other: f64| (other - self.0).abs() > self.tolerance() + SLACK;
        is_none(1.0 - self.0) && is_none(1.0)
    }

    fn is(self, seconds: f64) -> bool {
        (seconds - self.0).abs() <= self.tolerance()
    }
}

/// The edges that came by a line, as far as they may have begun pulses.
#[derive(Debug, Clone, Default)]
pub struct Edges {
    width: Option<Width>,
    /// Those of late, in the order in which they came.
    recent: VecDeque<Timestamp<Free>>,
}

impl Edges {
    /// None so far, of pulses of this width, if it is known.
    #[must_use]
    pub fn new(width: Option<Width>) -> Self {
        Self { width, recent: VecDeque::new() }
    }

    /// Takes in the edge `at`, in the free-running time base. Whether it ends a pulse: it
    /// comes the width of one after an edge that did not.
    pub fn is_end(&mut self, at: Timestamp<Free>) -> bool {
        self.recent.retain(|earlier| (at - *earlier).seconds() <= MEMORY);
        let is_end = self.width.is_some_and(|width| {
            self.recent.iter().any(|earlier| width.is((at - *earlier).seconds()))
        });
        if !is_end {
            if self.recent.len() == MOST {
                self.recent.pop_front();
            }
            self.recent.push_back(at);
        }
        is_end
    }

    pub(super) fn have_width(&self) -> bool {
        self.width.is_some()
    }

    /// Forgets those that came: others may have been missed since.
    pub fn forget(&mut self) {
        self.recent.clear();
    }

    /// Those before the last one that ended no pulse, the newest first.
    pub(super) fn before(&self) -> impl Iterator<Item = Timestamp<Free>> {
        self.recent.iter().rev().skip(1).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    fn at(seconds: f64) -> Timestamp<Free> {
        Timestamp::from_epoch(Duration::from_seconds(seconds).unwrap())
    }

    #[test]
    fn a_width_that_leaves_both_orders_alike_tells_nothing_apart() {
        for none in [0.0, 1.0, -0.1, f64::NAN] {
            assert_eq!(Width::new(none), None, "{none}");
        }
        let tells_apart = |width: f64| Width::new(width).unwrap().tells_apart();
        for width in [1e-6, 1e-3, 0.1, 0.2, 0.47, 0.53, 0.9, 0.99] {
            assert!(tells_apart(width), "{width}");
        }
        for width in [0.48, 0.5, 0.52, 0.999_8] {
            assert!(!tells_apart(width), "{width}");
        }
    }

    #[test]
    fn an_edge_a_width_after_one_that_begins_a_pulse_ends_it() {
        let mut edges = Edges::new(Width::new(0.1));
        for (second, is_end) in [
            (0.0, false),
            (0.1, true),
            // It ended a pulse, so that nothing ends a width after it.
            (0.2, false),
            (1.0, false),
            (1.05, false),
            (1.091, true),
            (2.0, false),
            (2.111, false),
        ] {
            assert_eq!(edges.is_end(at(second)), is_end, "{second}");
        }
        edges.forget();
        assert!(!edges.is_end(at(2.1)));
    }

    #[test]
    fn without_a_width_no_edge_is_known_to_end_a_pulse() {
        let mut edges = Edges::default();
        assert!([0.0, 0.1, 1.0, 1.1].iter().all(|second| !edges.is_end(at(*second))));
    }

    #[test]
    fn a_line_that_rattles_does_not_fill_the_memory() {
        let mut edges = Edges::new(Width::new(0.5));
        for number in 0..1000 {
            edges.is_end(at(f64::from(number) * 1e-4));
        }
        assert_eq!(edges.recent.len(), MOST);
        assert!(!edges.is_end(at(10.0)));
        assert_eq!(edges.recent.len(), 1);
    }
}
