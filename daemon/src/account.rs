//! What the owner of a clock lets the other clocks of this host know of it.

use std::cell::RefCell;
use std::rc::Rc;

use clock_models::estimator::Estimate;
use clock_models::graph::Chain;
use clock_models::selection::Unusable;
use clock_models::uncertainty::{Budget, Component};

use crate::status::{ClockState, ClockStatus};
use crate::suspends::Suspends;

/// A clock as its owner accounted for it last.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// What is published of it.
    pub status: ClockStatus,
    /// The way from its origin down to it.
    pub chain: Option<Chain>,
    /// The estimate that it is kept by, of TAI against its time base, and within what that
    /// holds, s.
    pub estimate: Option<(Estimate, f64)>,
}

/// The last account, for those who compare their clock with this one.
#[derive(Debug, Clone)]
pub struct SharedAccount {
    /// With the number of suspends that there had been when its clock was read.
    last: Rc<RefCell<(u64, Rc<Account>)>>,
    suspends: Suspends,
}

impl SharedAccount {
    /// Without an account yet, of a host that is suspended now and then.
    #[must_use]
    pub fn new(suspends: Suspends) -> Self {
        Self { last: Rc::default(), suspends }
    }

    /// Puts another account in the place of the last: of a clock that was read after so many
    /// `suspends`.
    pub fn put(&self, account: Account, suspends: u64) {
        self.last.replace((suspends, Rc::new(account)));
    }

    /// The last account, which is void where the host was suspended since.
    #[must_use]
    pub fn get(&self) -> Rc<Account> {
        let (suspends, account) = &*self.last.borrow();
        match *suspends == self.suspends.count() {
            true => Rc::clone(account),
            false => Rc::default(),
        }
    }
}

impl Account {
    /// Whether another clock may follow this one by what its owner says.
    ///
    /// # Errors
    /// Why it may not. A clock that is only observed is as far off as it is; who knows
    /// better declares an origin.
    pub fn usable(&self) -> Result<(), Unusable> {
        match self.status.state {
            ClockState::Locked if self.status.disciplined => Ok(()),
            ClockState::Holdover if self.status.disciplined && self.is_near() => Ok(()),
            ClockState::Acquiring => Err(Unusable::Warming),
            _ => Err(Unusable::Unsynchronised),
        }
    }

    /// A clock in holdover may still have to be set: one that was replaced, for one.
    fn is_near(&self) -> bool {
        let offset = self.status.offset.zip(self.status.bound);
        offset.is_some_and(|(offset, bound)| offset.abs() <= bound)
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

#[cfg(test)]
mod tests {
    use super::*;
    use clock_models::time::Duration;
    use utcd_linux::clock::Slept;

    fn account(state: ClockState, disciplined: bool, offset: f64) -> Account {
        let (offset, bound) = (Some(offset), Some(1e-6));
        let status = ClockStatus { state, disciplined, offset, bound, ..ClockStatus::default() };
        Account { status, ..Account::default() }
    }

    #[test]
    fn only_a_clock_that_is_kept_and_on_time_may_be_followed() {
        assert_eq!(account(ClockState::Locked, true, 5e-6).usable(), Ok(()));
        assert_eq!(account(ClockState::Holdover, true, 5e-7).usable(), Ok(()));
        for (state, disciplined, offset) in [
            (ClockState::Locked, false, 0.0),
            (ClockState::Holdover, false, 0.0),
            (ClockState::Holdover, true, 37.0),
            (ClockState::Acquiring, true, 0.0),
            (ClockState::Unsynchronised, true, 0.0),
            (ClockState::FreeRunning, true, 0.0),
            (ClockState::Panic, true, 0.0),
            (ClockState::Faulty, true, 0.0),
        ] {
            assert!(account(state, disciplined, offset).usable().is_err(), "{state:?}");
        }
    }

    #[test]
    fn an_account_is_void_once_the_host_was_suspended() {
        let suspends = Suspends::none_yet();
        let shared = SharedAccount::new(suspends.clone());
        shared.put(account(ClockState::Locked, true, 0.0), 0);
        assert_eq!(shared.get().usable(), Ok(()));
        let slept = Slept::now().most + Duration::from_secs(60);
        suspends.notice(Slept { least: slept, most: slept });
        assert!(shared.get().usable().is_err() && shared.get().estimate.is_none());
        // Its owner had not noticed yet.
        shared.put(account(ClockState::Locked, true, 0.0), 0);
        assert!(shared.get().usable().is_err());
        shared.put(account(ClockState::Locked, true, 0.0), 1);
        assert_eq!(shared.get().usable(), Ok(()));
    }

    #[test]
    fn what_a_clock_is_still_off_by_counts_for_those_who_follow_it() {
        let off = account(ClockState::Locked, true, -3e-6).offset();
        assert!((off.bound - 3e-6).abs() < 1e-15);
    }
}
