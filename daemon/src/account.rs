//! What the owner of a clock lets the other clocks of this host know of it.

use std::cell::RefCell;
use std::rc::Rc;

use clock_models::graph::Chain;
use clock_models::selection::Unusable;
use clock_models::uncertainty::{Budget, Component};

use crate::status::{ClockState, ClockStatus};

/// A clock as its owner accounted for it last.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// What is published of it.
    pub status: ClockStatus,
    /// The way from its origin down to it.
    pub chain: Option<Chain>,
}

/// The last account, for those who compare their clock with this one.
pub type SharedAccount = Rc<RefCell<Rc<Account>>>;

impl Account {
    /// Whether another clock may follow this one by what its owner says.
    ///
    /// # Errors
    /// Why it may not. A clock that is only observed is as far off as it is; who knows
    /// better declares an origin.
    pub fn usable(&self) -> Result<(), Unusable> {
        match self.status.state {
            ClockState::Locked | ClockState::Holdover if self.status.disciplined => Ok(()),
            ClockState::Acquiring => Err(Unusable::Warming),
            _ => Err(Unusable::Unsynchronised),
        }
    }

    /// How far the clock is from its estimate, which the next correction takes out: part
    /// of its error while it lasts.
    #[must_use]
    pub fn offset(&self) -> Component {
        let offset = self.status.offset.map_or(0.0, f64::abs);
        Component::rectangular("offset still to be taken out", offset)
    }

    /// How well the clock is known against its origin.
    #[must_use]
    pub fn budget(&self) -> Option<Budget> {
        let chain = self.chain.as_ref()?.budget();
        let components = chain.components().iter().cloned().chain([self.offset()]);
        Budget::new(components).ok()
    }

    /// How often the clock has jumped: what was learnt by comparisons before is void.
    #[must_use]
    pub const fn jumps(&self) -> u64 {
        self.status.steps + self.status.interference
    }
}
