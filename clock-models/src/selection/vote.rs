use super::{Candidate, Reason};

/// A closed interval of offsets, s; `lower` ≤ `upper`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Smallest offset.
    pub lower: f64,
    /// Largest offset.
    pub upper: f64,
}

impl Interval {
    /// True if the whole of `other` lies within.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        self.lower <= other.lower && other.upper <= self.upper
    }

    /// The gap between the two, s; 0 if they touch or overlap.
    #[must_use]
    pub fn distance(&self, other: &Self) -> f64 {
        (other.lower - self.upper).max(self.lower - other.upper).max(0.0)
    }
}

/// Where the sources agree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Vote {
    /// From the first to the last offset that a majority holds possible.
    ///
    /// If a majority is right, the truth is held by a majority, so it is in there; and
    /// whoever misses it is wrong for certain. Holds the whole of `core`.
    pub(super) agreed: Interval,
    /// From the first to the last offset that the *most* hold possible: right if as few
    /// as possible are wrong (RFC 5905 looks for the smallest number of falsetickers).
    ///
    /// Usually one stretch, and then those that hold it overlap each other there. If
    /// equally many say two things, only who holds both is beyond doubt.
    pub(super) core: Interval,
}

/// How many hold an offset possible. Trusted ones count first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Support {
    trusted: usize,
    all: usize,
}

/// A stretch of offsets between two neighbouring ends of intervals.
struct Stretch {
    span: Interval,
    support: Support,
}

/// Finds where the sources agree. Every number must be finite.
pub(super) fn vote(usable: &[&Candidate]) -> Result<Vote, Reason> {
    let stretches = stretches(usable);
    let most = stretches.iter().map(|s| s.support).max().ok_or(Reason::NoneUsable)?;
    let voters = Support { trusted: usable.iter().filter(|c| c.trust).count(), all: usable.len() };

    let is_majority_of_all = |s: Support| 2 * s.all > voters.all;
    let wins = |s: Support| match voters.trusted {
        0 => is_majority_of_all(s),
        trusted => 2 * s.trusted > trusted,
    };
    if !wins(most) {
        return Err(match voters.trusted {
            0 => Reason::NoMajority { agree: most.all, of: voters.all },
            of => Reason::TrustedDisagree { agree: most.trusted, of },
        });
    }
    // Where the trusted leave room, the majority of all may narrow it down.
    let narrowed = is_majority_of_all(most);
    let agreed = hull(&stretches, |s| wins(s) && (!narrowed || is_majority_of_all(s)));
    let core = hull(&stretches, |s| s == most);
    agreed.zip(core).map(|(agreed, core)| Vote { agreed, core }).ok_or(Reason::NoneUsable)
}

/// Sweeps over the ends of the intervals, after Marzullo.
fn stretches(usable: &[&Candidate]) -> Vec<Stretch> {
    let mut ends: Vec<(f64, bool, bool)> = Vec::with_capacity(2 * usable.len());
    for candidate in usable {
        let Interval { lower, upper } = candidate.interval();
        ends.extend([(lower, false, candidate.trust), (upper, true, candidate.trust)]);
    }
    // Intervals are closed: at one offset they begin before others end.
    ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));

    let mut support = Support::default();
    let mut stretches = Vec::with_capacity(ends.len());
    for pair in ends.windows(2) {
        let [(lower, is_end, is_trusted), (upper, ..)] = *pair else { continue };
        if is_end {
            support.all -= 1;
            support.trusted -= usize::from(is_trusted);
        } else {
            support.all += 1;
            support.trusted += usize::from(is_trusted);
        }
        stretches.push(Stretch { span: Interval { lower, upper }, support });
    }
    stretches
}

/// From the first to the last offset with such support.
fn hull(stretches: &[Stretch], is_wanted: impl Fn(Support) -> bool) -> Option<Interval> {
    let wanted = || stretches.iter().filter(|s| is_wanted(s.support)).map(|s| s.span);
    let first = wanted().next()?;
    let last = wanted().next_back()?;
    Some(Interval { lower: first.lower, upper: last.upper })
}
