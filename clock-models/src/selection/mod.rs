//! Which sources of a clock to believe, to follow and to combine.
//!
//! 1. *Vote* (RFC 5905 section 11.2.1): every source says that the true offset lies in
//!    its correctness interval. Where most intervals overlap, most sources agree; who
//!    misses that is a falseticker.
//! 2. *Cluster* (section 11.2.2): of those that agree, the ones that differ from most
//!    others by more than their uncertainties allow are set aside.
//! 3. *Lead*: the one with the smallest uncertainty leads, and stays until another is
//!    clearly and lastingly better.
//! 4. *Combine* (section 11.2.3): those consistent with the leader, weighted by 1/u².

mod cluster;
mod verdict;
mod vote;

#[cfg(test)]
mod tests;

use cluster::{consistent, worst_outlier};
use vote::Vote;

pub use verdict::{Aside, Reason, Unusable, Verdict};
pub use vote::Interval;

/// A challenger must have an uncertainty this many times smaller than the leader's …
///
/// Estimated uncertainties of equally good sources scatter by tens of percent.
pub const CHALLENGE_FACTOR: f64 = 1.5;

/// … in this many rounds one after the other.
///
/// As many as the reach register remembers (RFC 5905 section 9.2): whoever was better
/// all that time is not better by accident.
pub const CHALLENGE_ROUNDS: u32 = 8;

/// A source among those of one clock; the caller numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// What one source says at the instant of the round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Which source; unique in a round.
    pub id: SourceId,
    /// Source less an anchor that is common to all candidates, s.
    pub offset: f64,
    /// Standard uncertainty of the offset, s, > 0.
    pub standard_uncertainty: f64,
    /// Hard bound of the offset, s, > 0: half of the width of the correctness interval.
    pub bound: f64,
    /// Standard deviation of single comparisons, s, ≥ 0.
    pub jitter: f64,
    /// Stratum: decides between equal uncertainties.
    pub stratum: u8,
    /// Why it cannot take part, if it cannot.
    pub usable: Result<(), Unusable>,
    /// Where preferred sources agree, only they lead and are combined.
    pub prefer: bool,
    /// Believed to be true: where any is usable, only the trusted vote, so that none but
    /// another trusted source can outvote it.
    pub trust: bool,
    /// Where any is required, nothing is selected unless one of them agrees.
    pub require: bool,
}

impl Candidate {
    /// Where the true offset must lie if the source is right.
    fn interval(&self) -> Interval {
        Interval { lower: self.offset - self.bound, upper: self.offset + self.bound }
    }

    /// `usable`, after a look at the numbers: they come from outside in the end.
    fn fitness(&self) -> Result<(), Unusable> {
        self.usable?;
        let interval = self.interval();
        let is_positive = |x: f64| x.is_finite() && x > 0.0;
        let is_sound = is_positive(self.standard_uncertainty)
            && is_positive(self.bound)
            && (self.jitter == 0.0 || is_positive(self.jitter))
            && interval.lower.is_finite()
            && interval.upper.is_finite();
        if is_sound { Ok(()) } else { Err(Unusable::Invalid) }
    }
}

/// What a round of selection decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// Every candidate in the order given, with what became of it.
    pub verdicts: Vec<(SourceId, Verdict)>,
    /// The source to follow.
    pub leader: Option<SourceId>,
    /// The sources to combine, leader included; the weights sum to 1. Empty without a
    /// leader.
    pub weights: Vec<(SourceId, f64)>,
    /// From the first to the last offset that a majority holds possible: the truth is in
    /// there if a majority is right, however the others lie. Where any is trusted, it is
    /// the majority of the trusted, and of all as far as the trusted leave the choice.
    pub agreed: Option<Interval>,
    /// Why there is no leader, where there is none.
    pub why_none: Option<Reason>,
}

/// Selects in rounds, and remembers who led.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    min_agreeing: usize,
    leader: Option<SourceId>,
    /// Rounds one after the other in which a challenger was better.
    challenged: u32,
}

impl Selector {
    /// Nothing is selected unless at least `min_agreeing` sources agree (0 is as 1).
    #[must_use]
    pub fn new(min_agreeing: usize) -> Self {
        Self { min_agreeing, leader: None, challenged: 0 }
    }

    /// One round. The order of the candidates has no influence.
    ///
    /// A round that selects nothing does not forget the leader: it leads on if it is
    /// among those that agree next time.
    #[must_use]
    pub fn select(&mut self, candidates: &[Candidate]) -> Selection {
        let usable = candidates.iter().filter(|c| c.fitness().is_ok()).collect();
        let mut round = Round { left: usable, fallen: Vec::new(), vote: None, leader: None };
        let why_none = match vote::vote(&round.left) {
            Err(reason) => Some(reason),
            Ok(vote) => {
                round.vote = Some(vote);
                round.keep(Aside::Outvoted, |c| c.interval().holds(&vote.core));
                self.why_not(candidates, &round.left)
            }
        };
        if why_none.is_none() {
            while let Some(outlier) = worst_outlier(&round.left, self.leader) {
                round.keep(Aside::Outlier, |c| c.id != outlier);
            }
            let is_any_preferred = round.left.iter().any(|c| c.prefer);
            round.keep(Aside::NotPreferred, |c| c.prefer || !is_any_preferred);
            round.leader = self.lead(&round.left);
        } else {
            self.challenged = 0;
        }
        if let Some(leader) = round.leader {
            round.keep(Aside::Inconsistent, |c| consistent(c, leader));
        }
        Selection {
            verdicts: candidates.iter().map(|c| (c.id, round.verdict(c))).collect(),
            leader: round.leader.map(|c| c.id),
            weights: round.leader.map_or_else(Vec::new, |_| weights(&round.left)),
            agreed: round.vote.map(|vote| vote.agreed),
            why_none,
        }
    }

    /// What the operator demands of those that agree, and is not so.
    fn why_not(&self, candidates: &[Candidate], agreeing: &[&Candidate]) -> Option<Reason> {
        if agreeing.len() < self.min_agreeing {
            return Some(Reason::TooFewAgree { agree: agreeing.len(), needed: self.min_agreeing });
        }
        let is_required = candidates.iter().any(|c| c.require);
        (is_required && !agreeing.iter().any(|c| c.require)).then_some(Reason::RequiredMissing)
    }

    /// The best of these, unless the one that led is about as good.
    fn lead<'a>(&mut self, eligible: &[&'a Candidate]) -> Option<&'a Candidate> {
        let best = *eligible.iter().min_by(|a, b| rank(a, b))?;
        let chosen = match eligible.iter().find(|c| Some(c.id) == self.leader) {
            Some(leader) => {
                let margin = CHALLENGE_FACTOR * best.standard_uncertainty;
                let is_better = margin < leader.standard_uncertainty;
                self.challenged = if is_better { self.challenged + 1 } else { 0 };
                if self.challenged < CHALLENGE_ROUNDS { *leader } else { best }
            }
            None => best,
        };
        if self.leader != Some(chosen.id) {
            self.leader = Some(chosen.id);
            self.challenged = 0;
        }
        Some(chosen)
    }
}

/// Smallest uncertainty first, then smallest stratum; the number only makes it definite.
fn rank(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    let by_uncertainty = a.standard_uncertainty.total_cmp(&b.standard_uncertainty);
    by_uncertainty.then(a.stratum.cmp(&b.stratum)).then(a.id.cmp(&b.id))
}

/// 1/u², scaled to sum to 1: the weights of least variance if the errors of the sources
/// are independent.
fn weights(combined: &[&Candidate]) -> Vec<(SourceId, f64)> {
    let smallest = combined.iter().map(|c| c.standard_uncertainty).fold(f64::INFINITY, f64::min);
    // Against the smallest, so that no square overflows.
    let raw = |c: &Candidate| (smallest / c.standard_uncertainty).powi(2);
    let sum: f64 = combined.iter().map(|c| raw(c)).sum();
    combined.iter().map(|c| (c.id, raw(c) / sum)).collect()
}

/// A round, from stage to stage.
struct Round<'a> {
    /// Who came through every stage so far.
    left: Vec<&'a Candidate>,
    /// Who fell out at one after the vote, and why.
    fallen: Vec<(SourceId, Aside)>,
    vote: Option<Vote>,
    leader: Option<&'a Candidate>,
}

impl Round<'_> {
    /// A stage: who is not kept is set aside.
    fn keep(&mut self, aside: Aside, is_kept: impl Fn(&Candidate) -> bool) {
        self.left.retain(|c| {
            let is_kept = is_kept(c);
            if !is_kept {
                self.fallen.push((c.id, aside));
            }
            is_kept
        });
    }

    /// The first stage at which a candidate fell out names the reason.
    fn verdict(&self, candidate: &Candidate) -> Verdict {
        if let Err(unusable) = candidate.fitness() {
            return Verdict::Unusable(unusable);
        }
        let Some(vote) = self.vote else { return Verdict::Candidate(Aside::NothingSelected) };
        let missed_by = candidate.interval().distance(&vote.agreed);
        if missed_by > 0.0 {
            return Verdict::Falseticker { missed_by };
        }
        match self.leader {
            Some(leader) if leader.id == candidate.id => Verdict::Leader,
            leader => match self.fallen.iter().find(|(id, _)| *id == candidate.id) {
                Some((_, aside)) => Verdict::Candidate(*aside),
                None if leader.is_some() => Verdict::Combined,
                None => Verdict::Candidate(Aside::NothingSelected),
            },
        }
    }
}
