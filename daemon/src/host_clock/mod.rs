//! The clocks of this host that utcd can read, and steer if it owns them.

mod system;
mod virtual_clock;

use std::cell::RefCell;
use std::rc::Rc;

use clock_models::discipline::{ClockReading, Command};
use clock_models::time::{Duration, Free, LeapTable, Tai, Timestamp, Utc};
use utcd_linux::clock::{ClockError, raw_now};

use system::SystemClock;
use virtual_clock::VirtualClock;

/// A clock of this host, over a free-running time base of its own: `CLOCK_MONOTONIC_RAW`,
/// for a virtual clock seen through the error of its own oscillator.
#[derive(Debug)]
pub struct HostClock {
    kind: Kind,
    leap: Rc<RefCell<LeapTable>>,
}

#[derive(Debug)]
enum Kind {
    Virtual(VirtualClock),
    System(SystemClock),
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

    /// `virtual` or `system`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Virtual(_) => "virtual",
            Kind::System(_) => "system",
        }
    }

    /// The clock's time base at an instant of `CLOCK_MONOTONIC_RAW`.
    #[must_use]
    pub fn base(&self, raw: Timestamp<Free>) -> Timestamp<Free> {
        match &self.kind {
            Kind::Virtual(clock) => clock.base(raw),
            Kind::System(_) => raw,
        }
    }

    /// The clock's time base now.
    #[must_use]
    pub fn now(&self) -> Timestamp<Free> {
        self.base(raw_now())
    }

    /// The clock and its time base, read together.
    #[must_use]
    pub fn read(&self) -> ClockReading {
        self.cross_read().reading
    }

    /// The clock and `CLOCK_MONOTONIC_RAW`, read together.
    #[must_use]
    pub fn cross_read(&self) -> CrossReading {
        match &self.kind {
            Kind::Virtual(clock) => {
                let raw = raw_now();
                let base = clock.base(raw);
                let reading = ClockReading { base, time: clock.time_at(base) };
                CrossReading { raw, reading, window: Duration::ZERO, method: "computed" }
            }
            Kind::System(clock) => clock.cross_read(&self.leap.borrow()),
        }
    }

    /// What the clock showed, or will show, at an instant of its time base not long
    /// from now.
    #[must_use]
    pub fn time_at(&self, base: Timestamp<Free>) -> Timestamp<Tai> {
        match &self.kind {
            Kind::Virtual(clock) => clock.time_at(base),
            Kind::System(clock) => clock.time_at(base, &self.leap.borrow()),
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
    pub const fn frequency(&self) -> f64 {
        match &self.kind {
            Kind::Virtual(clock) => clock.frequency(),
            Kind::System(clock) => clock.frequency(),
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
        }
    }

    /// Tells the kernel how good the system clock is, for programs that ask it.
    /// `None`: nobody vouches for it.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn tell_kernel(&mut self, quality: Option<Quality>) -> Result<(), ClockError> {
        match &mut self.kind {
            Kind::Virtual(_) => Ok(()),
            Kind::System(clock) => clock.tell_kernel(quality, &self.leap.borrow()),
        }
    }
}
