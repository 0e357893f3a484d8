//! The clocks of this host that utcd can read, and steer if it owns them.

mod even;
mod hardware;
mod phc;
mod pulse_reader;
mod system;
mod virtual_clock;

use std::cell::RefCell;
use std::rc::Rc;

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::discipline::{ClockReading, Command};
use clock_models::time::{Duration, Free, LeapTable, Phc as PhcScale, Tai, Timestamp, Utc};
use utcd_linux::clock::{ClockError, raw_now};
use utcd_linux::other_programs;
use utcd_linux::socket::Hardware;

pub use hardware::{NoPhc, Phcs, Place, PulseError, SharedPhc};
use phc::PhcClock;
pub use phc::Timescale;
use system::SystemClock;
use virtual_clock::VirtualClock;

/// A clock of this host, over a free-running time base of its own: `CLOCK_MONOTONIC_RAW`,
/// for a virtual clock seen through the error of its own oscillator; the oscillator of a
/// PTP hardware clock.
#[derive(Debug)]
pub struct HostClock {
    kind: Kind,
    leap: Rc<RefCell<LeapTable>>,
}

#[derive(Debug)]
enum Kind {
    Virtual(VirtualClock),
    System(SystemClock),
    Phc(PhcClock),
}

/// The device of a clock in hardware.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Device {
    /// `/dev/ptpN`; `None` while it is gone.
    pub path: Option<String>,
    /// What its driver calls it.
    pub driver: Option<String>,
    /// How far its frequency can be set to either side, ratio.
    pub max_frequency: Option<f64>,
    /// Why it cannot be read, while it cannot.
    pub fault: Option<String>,
}

impl Device {
    /// `/dev/ptp0 (igb)`; `None` while it is gone.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match (self.path.as_ref()?, self.driver.as_deref()) {
            (path, None | Some("")) => Some(path.clone()),
            (path, Some(driver)) => Some(format!("{path} ({driver})")),
        }
    }
}

/// What the rest of the host is told of a clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Hard bound of its error, s.
    pub bound: f64,
    /// Standard uncertainty, s.
    pub uncertainty: f64,
}

/// A clock and `CLOCK_MONOTONIC_RAW`, which all clocks of the host can be read against,
/// read together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CrossReading {
    /// `CLOCK_MONOTONIC_RAW`, in the middle of the window.
    pub raw: Timestamp<Free>,
    /// The clock and its own time base.
    pub reading: ClockReading,
    /// `raw` belongs to `reading` within ± half of it.
    pub window: Duration,
    /// How fast the clock runs against `CLOCK_MONOTONIC_RAW`, ratio − 1.
    pub rate: f64,
    /// How they were read, in a word.
    pub method: &'static str,
}

impl HostClock {
    /// A virtual clock that starts `offset` (s) fast of the system clock, on an
    /// oscillator that is fast by `frequency` (ratio).
    #[must_use]
    pub fn virtual_clock(offset: f64, frequency: f64, leap: Rc<RefCell<LeapTable>>) -> Self {
        let clock = VirtualClock::new(offset, frequency, &leap.borrow());
        Self { kind: Kind::Virtual(clock), leap }
    }

    /// The system clock, `CLOCK_REALTIME`.
    #[must_use]
    pub fn system(leap: Rc<RefCell<LeapTable>>) -> Self {
        Self { kind: Kind::System(SystemClock::new()), leap }
    }

    /// A PTP hardware clock that counts `timescale`.
    #[must_use]
    pub const fn phc(
        phc: Rc<RefCell<SharedPhc>>,
        timescale: Timescale,
        leap: Rc<RefCell<LeapTable>>,
    ) -> Self {
        Self { kind: Kind::Phc(PhcClock::new(phc, timescale)), leap }
    }

    /// `virtual`, `system` or `phc`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Virtual(_) => "virtual",
            Kind::System(_) => "system",
            Kind::Phc(_) => "phc",
        }
    }

    /// The clock's time base at an instant of `CLOCK_MONOTONIC_RAW`.
    #[must_use]
    pub fn base(&self, raw: Timestamp<Free>) -> Timestamp<Free> {
        match &self.kind {
            Kind::Virtual(clock) => clock.base(raw),
            Kind::System(_) => raw,
            Kind::Phc(clock) => clock.base(raw),
        }
    }

    /// A stamp on `CLOCK_MONOTONIC_RAW` in the clock's time base; where that takes a
    /// reading of both, its uncertainty is in that of the stamp.
    #[must_use]
    pub fn stamp(&self, stamp: Stamp) -> Stamp {
        match &self.kind {
            Kind::Virtual(_) | Kind::System(_) => Stamp { at: self.base(stamp.at), ..stamp },
            Kind::Phc(clock) => clock.stamp(stamp),
        }
    }

    /// The clock's time base now.
    #[must_use]
    pub fn now(&self) -> Timestamp<Free> {
        match &self.kind {
            Kind::Phc(clock) => clock.now(),
            Kind::Virtual(_) | Kind::System(_) => self.base(raw_now()),
        }
    }

    /// The clock and its time base, read together. One whose device is gone shows what it
    /// would show by the last reading.
    #[must_use]
    pub fn read(&self) -> ClockReading {
        let leap = self.leap.borrow();
        match &self.kind {
            Kind::Virtual(clock) => clock.cross_read().reading,
            Kind::System(clock) => clock.cross_read(&leap).reading,
            Kind::Phc(clock) => clock.read(&leap),
        }
    }

    /// The clock and `CLOCK_MONOTONIC_RAW`, read together; `None` while its device cannot
    /// be read.
    #[must_use]
    pub fn cross_read(&self) -> Option<CrossReading> {
        let leap = self.leap.borrow();
        match &self.kind {
            Kind::Virtual(clock) => Some(clock.cross_read()),
            Kind::System(clock) => Some(clock.cross_read(&leap)),
            Kind::Phc(clock) => clock.cross_read(&leap),
        }
    }

    /// A stamp of a PTP hardware clock (`/dev/ptp` `index`, where that is told) in the time
    /// base of this clock. Of its own stamps nothing is lost; those of another clock are
    /// brought to `CLOCK_MONOTONIC_RAW` by a reading of `phc`, which is that clock.
    #[must_use]
    pub fn hardware_stamp(
        &self,
        at: Timestamp<PhcScale>,
        phc: &Rc<RefCell<SharedPhc>>,
    ) -> Option<Stamp> {
        match &self.kind {
            Kind::Phc(clock) if Rc::ptr_eq(clock.shared(), phc) => {
                let at = phc.borrow_mut().base_of(at)?;
                Some(Stamp { at, uncertainty: hardware::RESOLUTION, by: StampedBy::Hardware })
            }
            _ => {
                let stamp = phc.borrow_mut().stamp_on_raw(at)?;
                Some(self.stamp(stamp))
            }
        }
    }

    /// A pulse that this clock, a PTP hardware clock, has stamped, in its time base. `None` where
    /// it is older than a second, and it is not known what was done to the clock since.
    #[must_use]
    pub fn pulse_stamp(&self, at: Timestamp<PhcScale>) -> Option<Stamp> {
        let Kind::Phc(clock) = &self.kind else { return None };
        let at = clock.shared().borrow_mut().base_of_pulse(at)?;
        Some(Stamp { at, uncertainty: hardware::RESOLUTION, by: StampedBy::Hardware })
    }

    /// What the clock showed, or will show, at an instant of its time base not long
    /// from now.
    #[must_use]
    pub fn time_at(&self, base: Timestamp<Free>) -> Timestamp<Tai> {
        match &self.kind {
            Kind::Virtual(clock) => clock.time_at(base),
            Kind::System(clock) => clock.time_at(base, &self.leap.borrow()),
            Kind::Phc(clock) => clock.time_at(base, &self.leap.borrow()),
        }
    }

    /// A TAI time as UTC.
    #[must_use]
    pub fn utc(&self, time: Timestamp<Tai>) -> Timestamp<Utc> {
        self.leap.borrow().to_utc(time).timestamp
    }

    /// TAI−UTC in force, s.
    #[must_use]
    pub fn tai_minus_utc(&self, time: Timestamp<Tai>) -> i64 {
        self.leap.borrow().tai_minus_utc(self.utc(time))
    }

    /// What the clock runs at against its time base, ratio − 1.
    #[must_use]
    pub fn frequency(&self) -> f64 {
        match &self.kind {
            Kind::Virtual(clock) => clock.frequency(),
            Kind::System(clock) => clock.frequency(),
            Kind::Phc(clock) => clock.frequency(),
        }
    }

    /// Does what the discipline decided. Only the owner of the clock calls this.
    ///
    /// # Errors
    /// The kernel's refusal, with what to do about it.
    pub fn apply(&mut self, command: Command) -> Result<(), ClockError> {
        let base = self.now();
        match (&mut self.kind, command) {
            (Kind::Virtual(clock), Command::Step(step)) => clock.step(step),
            (Kind::Virtual(clock), Command::Frequency(f)) => clock.set_frequency(base, f),
            (Kind::System(clock), Command::Step(step)) => clock.step(step)?,
            (Kind::System(clock), Command::Frequency(f)) => clock.set_frequency(f)?,
            (Kind::Phc(clock), Command::Step(step)) => clock.step(step)?,
            (Kind::Phc(clock), Command::Frequency(f)) => clock.set_frequency(f)?,
        }
        Ok(())
    }

    /// Goes on after the host was suspended for `slept`, s, of which the clock knows what its
    /// kind does: the kernel has set the system clock ahead, a virtual clock is set ahead here,
    /// and a PTP hardware clock may show anything.
    ///
    /// # Errors
    /// If it does not take its frequency again.
    pub fn host_slept(&mut self, slept: f64) -> Result<(), ClockError> {
        match &mut self.kind {
            Kind::Virtual(clock) => {
                clock.step(Duration::from_seconds(slept).unwrap_or(Duration::ZERO));
            }
            Kind::System(clock) => clock.host_slept(),
            Kind::Phc(clock) => clock.host_slept()?,
        }
        Ok(())
    }

    /// True if another program has set the frequency of the clock, or switched the
    /// kernel's own discipline on, since utcd set it last. What it set counts from here
    /// on as what the clock runs at.
    pub fn notice_foreign_steering(&mut self) -> bool {
        match &mut self.kind {
            Kind::Virtual(_) => false,
            Kind::System(clock) => clock.notice_foreign_steering(),
            Kind::Phc(clock) => clock.notice_foreign_steering(),
        }
    }

    /// Tries to have the device of the clock again, if it is gone. True if it is back: it
    /// may show anything.
    pub fn reopen(&mut self) -> bool {
        match &self.kind {
            Kind::Virtual(_) | Kind::System(_) => false,
            Kind::Phc(clock) => clock.shared().borrow_mut().reopen(),
        }
    }

    /// The device of a clock in hardware.
    #[must_use]
    pub fn device(&self) -> Option<Device> {
        match &self.kind {
            Kind::Virtual(_) | Kind::System(_) => None,
            Kind::Phc(clock) => Some(clock.device()),
        }
    }

    /// The PTP hardware clock that it is, if it is one.
    #[must_use]
    pub fn shared_phc(&self) -> Option<Rc<RefCell<SharedPhc>>> {
        match &self.kind {
            Kind::Virtual(_) | Kind::System(_) => None,
            Kind::Phc(clock) => Some(Rc::clone(clock.shared())),
        }
    }

    /// What a socket is to be asked for whose stamps are for this clock: stamps of the NIC,
    /// and if this is a virtual clock of the NIC's own one, on it.
    #[must_use]
    pub fn wanted_stamps(&self) -> Hardware {
        let found = self.shared_phc().and_then(|phc| phc.borrow().virtual_of());
        found.map_or(Hardware::Wanted, |(clock, of)| Hardware::Virtual { clock, of })
    }

    /// The other programs that have the device of the clock open, as far as this one may
    /// know, and those that perhaps steer it.
    #[must_use]
    pub fn held_by(&self) -> Vec<String> {
        match &self.kind {
            Kind::Virtual(_) => Vec::new(),
            Kind::System(_) => other_programs::of_system_clock(),
            Kind::Phc(clock) => clock.shared().borrow().held_by(),
        }
    }

    /// Tells the kernel how good the system clock is, for programs that ask it.
    /// `None`: nobody vouches for it.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn tell_kernel(&mut self, quality: Option<Quality>) -> Result<(), ClockError> {
        match &mut self.kind {
            Kind::Virtual(_) | Kind::Phc(_) => Ok(()),
            Kind::System(clock) => clock.tell_kernel(quality, &self.leap.borrow()),
        }
    }
}
