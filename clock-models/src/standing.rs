//! What a kept clock states of itself to those who follow it.

use crate::discipline::State;
use crate::keeper::Round;
use crate::uncertainty::Budget;

/// The largest stratum of a synchronised clock, and one more (RFC 5905 figure 11).
const UNSYNCHRONISED: u8 = 16;

/// How far a clock is from its primary reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// One more than the leader's, at most 16, which is that of no synchronised clock.
    pub stratum: u8,
    /// Round-trip delay to the primary reference, s.
    pub root_delay: f64,
    /// Maximum error besides half of the root delay, s.
    pub root_dispersion: f64,
}

impl Standing {
    /// That of a clock after a round; `None` while nobody vouches for it.
    #[must_use]
    pub fn of(round: &Round, state: State) -> Option<Self> {
        if matches!(state, State::Unsynchronised | State::Panic) {
            return None;
        }
        let (leader, path) = (round.leader.as_ref()?, round.path.as_ref()?);
        let upstream = Budget::new(leader.upstream_components()).ok()?;
        let root_delay = leader.upstream.root_delay
            + round.tick.estimate.map_or(0.0, |estimate| estimate.delay_floor);
        let besides = (path.bound() + upstream.bound() - root_delay / 2.0).max(0.0);
        Some(Self {
            stratum: leader.stratum.saturating_add(1).min(UNSYNCHRONISED),
            root_delay,
            root_dispersion: besides + round.tick.error.map_or(0.0, f64::abs),
        })
    }
}
