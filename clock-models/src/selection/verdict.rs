use std::fmt;

use crate::units::Time;

/// Why a source cannot take part in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unusable {
    /// Too few comparisons for an estimate.
    #[error("has too few comparisons yet")]
    Warming,
    /// Answers have stopped.
    #[error("has stopped answering")]
    Unreachable,
    /// Never heard of.
    #[error("has not answered yet")]
    NeverHeard,
    /// Says so itself.
    #[error("says itself that it is unsynchronised")]
    Unsynchronised,
    /// Its pulses tell when a second begins, and nobody has told which one.
    #[error("waits for another source to name the second")]
    Unnamed,
    /// Of its pulses both edges come, and nobody knows the time well enough to tell which of
    /// them begins the second.
    #[error("brings two edges, of which either may begin the second")]
    Ambiguous,
    /// Its time may be anything: PTP's ptpTimescale is not set.
    #[error("counts in a timescale that is not declared")]
    ArbitraryTimescale,
    /// It follows the clock that would follow it.
    #[error("takes its time from this host")]
    Loop,
    /// Its bound exceeds what the configuration allows.
    #[error("can be further off than is allowed")]
    TooDistant,
    /// Its last good comparison is too old: it went silent, or its time stands still.
    #[error("has brought nothing new for too long")]
    Stale,
    /// An offset, uncertainty, bound or jitter that cannot be.
    #[error("its offset or uncertainty is not a sound number")]
    Invalid,
}

impl Unusable {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::Warming,
        Self::Unreachable,
        Self::NeverHeard,
        Self::Unsynchronised,
        Self::Unnamed,
        Self::Ambiguous,
        Self::ArbitraryTimescale,
        Self::Loop,
        Self::TooDistant,
        Self::Stale,
        Self::Invalid,
    ];

    /// As it is recorded.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warming => "warming",
            Self::Unreachable => "unreachable",
            Self::NeverHeard => "never-heard",
            Self::Unsynchronised => "unsynchronised",
            Self::Unnamed => "unnamed",
            Self::Ambiguous => "ambiguous",
            Self::ArbitraryTimescale => "arbitrary-timescale",
            Self::Loop => "loop",
            Self::TooDistant => "too-distant",
            Self::Stale => "stale",
            Self::Invalid => "invalid",
        }
    }
}

/// Why a source that may be right is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Aside {
    /// It contradicts a source that has as much agreement or more: one of them is wrong,
    /// and the vote does not prove which.
    #[error("contradicts sources that as many or more agree with")]
    Outvoted,
    /// Differs from most others by more than the uncertainties allow.
    #[error("differs from most of those that agree by more than the uncertainties allow")]
    Outlier,
    /// Others are preferred.
    #[error("agrees, but others are preferred")]
    NotPreferred,
    /// Differs from the leader by more than the uncertainties allow.
    #[error("differs from the leader by more than the uncertainties allow")]
    Inconsistent,
    /// The operator wants it measured and never followed.
    #[error("is only measured, as configured")]
    WatchedOnly,
    /// Nothing was selected in this round.
    #[error("usable, but nothing is selected")]
    NothingSelected,
}

/// What selection made of a source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Leads: the best of those that agree.
    Leader,
    /// Agrees, and is combined with the leader.
    Combined,
    /// May be right, but adds nothing.
    Candidate(Aside),
    /// Cannot be right if the majority is.
    Falseticker {
        /// How far its interval misses that of the majority, s, > 0.
        missed_by: f64,
    },
    /// Did not take part.
    Unusable(Unusable),
}

/// The reason, in words that follow the name of the source.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leader => f.write_str("leads those that agree"),
            Self::Combined => f.write_str("agrees and is combined with the leader"),
            Self::Candidate(aside) => aside.fmt(f),
            Self::Falseticker { missed_by } => {
                write!(f, "its interval misses that of the majority by {}", Time(*missed_by))
            }
            Self::Unusable(unusable) => unusable.fmt(f),
        }
    }
}

/// Why a round selected nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reason {
    /// No candidate at all, or none that can take part.
    #[error("no source is usable")]
    NoneUsable,
    /// The largest group that agrees is no majority.
    #[error("no majority: at most {agree} of {of} usable sources agree")]
    NoMajority {
        /// Size of that group.
        agree: usize,
        /// Usable sources.
        of: usize,
    },
    /// The trusted sources contradict each other.
    #[error("no majority of the trusted: at most {agree} of {of} trusted sources agree")]
    TrustedDisagree {
        /// Size of the largest group of trusted sources that agrees.
        agree: usize,
        /// Usable trusted sources.
        of: usize,
    },
    /// Fewer agree than the configuration demands.
    #[error("too few sources agree: {agree}, and {needed} are needed")]
    TooFewAgree {
        /// Sources that agree.
        agree: usize,
        /// As configured.
        needed: usize,
    },
    /// Some are required, and none of them agrees.
    #[error("none of the required sources agrees")]
    RequiredMissing,
}
