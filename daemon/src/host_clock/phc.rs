//! A PTP hardware clock as a clock that is kept.

use std::cell::RefCell;
use std::rc::Rc;

use clock_models::comparison::Stamp;
use clock_models::discipline::ClockReading;
use clock_models::time::{
    Duration, Free, LeapTable, Phc as PhcScale, Tai, Timestamp, Utc, UtcReading,
};
use utcd_linux::clock::ClockError;

use super::hardware::SharedPhc;
use super::{CrossReading, Device};

/// What a PTP hardware clock is taken to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timescale {
    /// TAI, as PTP has it.
    Tai,
    /// UTC, as the clocks of virtual machines show.
    Utc,
}

/// The clock, and what it counts.
#[derive(Debug)]
pub(super) struct PhcClock {
    phc: Rc<RefCell<SharedPhc>>,
    timescale: Timescale,
    /// Once utcd has set it.
    owned: bool,
}

impl PhcClock {
    pub(super) const fn new(phc: Rc<RefCell<SharedPhc>>, timescale: Timescale) -> Self {
        Self { phc, timescale, owned: false }
    }

    pub(super) const fn shared(&self) -> &Rc<RefCell<SharedPhc>> {
        &self.phc
    }

    fn tai(&self, shown: Timestamp<PhcScale>, leap: &LeapTable) -> Timestamp<Tai> {
        match self.timescale {
            Timescale::Tai => Timestamp::from_epoch(shown.since_epoch()),
            Timescale::Utc => {
                let timestamp = Timestamp::<Utc>::from_epoch(shown.since_epoch());
                leap.to_tai(UtcReading { timestamp, in_leap_second: false })
            }
        }
    }

    pub(super) fn base(&self, raw: Timestamp<Free>) -> Timestamp<Free> {
        self.phc.borrow_mut().base(raw).0
    }

    pub(super) fn stamp(&self, stamp: Stamp) -> Stamp {
        let (at, reading) = self.phc.borrow_mut().base(stamp.at);
        Stamp { at, uncertainty: stamp.uncertainty.hypot(reading), ..stamp }
    }

    pub(super) fn now(&self) -> Timestamp<Free> {
        self.phc.borrow_mut().read().0
    }

    pub(super) fn read(&self, leap: &LeapTable) -> ClockReading {
        let (base, shown) = self.phc.borrow_mut().read();
        ClockReading { base, time: self.tai(shown, leap) }
    }

    pub(super) fn cross_read(&self, leap: &LeapTable) -> Option<CrossReading> {
        let mut phc = self.phc.borrow_mut();
        let now = phc.cross_read()?;
        let reading = ClockReading { base: now.base, time: self.tai(now.shown, leap) };
        let rate = (1.0 + phc.rate()) * (1.0 + phc.line().frequency()) - 1.0;
        Some(CrossReading { raw: now.raw, reading, window: now.window, rate, method: now.method })
    }

    pub(super) fn time_at(&self, base: Timestamp<Free>, leap: &LeapTable) -> Timestamp<Tai> {
        self.tai(self.phc.borrow().line().shown_at(base), leap)
    }

    pub(super) fn frequency(&self) -> f64 {
        self.phc.borrow().line().frequency()
    }

    pub(super) fn set_frequency(&mut self, frequency: f64) -> Result<(), ClockError> {
        self.phc.borrow_mut().set_frequency(frequency)?;
        self.owned = true;
        Ok(())
    }

    pub(super) fn step(&mut self, step: Duration) -> Result<(), ClockError> {
        self.phc.borrow_mut().step(step)
    }

    pub(super) fn host_slept(&mut self) -> Result<(), ClockError> {
        let mut phc = self.phc.borrow_mut();
        let frequency = phc.line().frequency();
        phc.host_slept();
        // A driver that sets its clock up anew loses it, and the kernel does not know.
        if self.owned { phc.set_frequency(frequency) } else { Ok(()) }
    }

    pub(super) fn notice_foreign_steering(&mut self) -> bool {
        // Notices a step, too, and takes it out of the time base.
        let mut phc = self.phc.borrow_mut();
        let _ = phc.cross_read();
        self.owned && phc.notice_foreign_steering()
    }

    pub(super) fn device(&self) -> Device {
        let phc = self.phc.borrow();
        let capabilities = phc.capabilities();
        Device {
            path: phc.index().map(|index| format!("/dev/ptp{index}")),
            driver: capabilities.map(|caps| caps.name.clone()),
            max_frequency: capabilities.map(|caps| caps.max_frequency),
            fault: phc.fault().map(str::to_owned),
        }
    }
}
