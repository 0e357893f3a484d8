//! The clocks of this host that utcd can read, and steer if it owns them.

use std::cell::RefCell;
use std::rc::Rc;

use clock_models::discipline::{ClockReading, Command};
use clock_models::time::{Duration, Free, LeapTable, Tai, Timestamp, Utc, UtcReading};
use clock_models::virtual_clock::{Oscillator, VirtualClock};
use utcd_linux::clock::{
    ATTEMPTS, ClockError, LeapSecond, LeapState, SyncState, SystemClock, cross_read, raw_now,
};

/// How near a leap second the kernel is asked whether it is in one, s.
const LEAP_VICINITY: Duration = Duration::from_secs(3);
/// How long before it a leap second is announced to the kernel.
const LEAP_ANNOUNCEMENT: Duration = Duration::from_secs(86_400);

/// A clock of this host.
///
/// Its free-running time base is `CLOCK_MONOTONIC_RAW`, for a virtual clock seen
/// through the error of its own oscillator.
#[derive(Debug)]
pub struct HostClock {
    kind: Kind,
    leap: Rc<RefCell<LeapTable>>,
}

#[derive(Debug)]
enum Kind {
    Virtual {
        oscillator: Oscillator,
        clock: VirtualClock,
    },
    /// `owned` once utcd has set it.
    System {
        clock: SystemClock,
        frequency: f64,
        owned: bool,
    },
}

/// What the rest of the host is told of a clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Hard bound of its error, s.
    pub bound: f64,
    /// Standard uncertainty, s.
    pub uncertainty: f64,
}

impl HostClock {
    /// A virtual clock that starts `offset` (s) fast of the system clock, on an
    /// oscillator that is fast by `frequency` (ratio).
    #[must_use]
    pub fn virtual_clock(offset: f64, frequency: f64, leap: Rc<RefCell<LeapTable>>) -> Self {
        let start = cross_read(ATTEMPTS);
        let time =
            leap.borrow().to_tai(UtcReading { timestamp: start.realtime, in_leap_second: false });
        let fast = Duration::from_seconds(offset).unwrap_or(Duration::ZERO);
        Self {
            kind: Kind::Virtual {
                oscillator: Oscillator::new(start.raw, frequency),
                clock: VirtualClock::new(start.raw, time + fast),
            },
            leap,
        }
    }

    /// The system clock, `CLOCK_REALTIME`. Where a sandbox forbids to ask for its
    /// frequency (a container, for one), it is taken as not steered: it can be observed.
    #[must_use]
    pub fn system(leap: Rc<RefCell<LeapTable>>) -> Self {
        let clock = SystemClock::new();
        let frequency = clock.status().map_or(0.0, |status| status.frequency);
        Self { kind: Kind::System { clock, frequency, owned: false }, leap }
    }

    /// `virtual` or `system`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Virtual { .. } => "virtual",
            Kind::System { .. } => "system",
        }
    }

    /// The clock's time base at an instant of `CLOCK_MONOTONIC_RAW`.
    #[must_use]
    pub fn base(&self, raw: Timestamp<Free>) -> Timestamp<Free> {
        match &self.kind {
            Kind::Virtual { oscillator, .. } => oscillator.at(raw),
            Kind::System { .. } => raw,
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
        match &self.kind {
            Kind::Virtual { clock, .. } => {
                let base = self.now();
                ClockReading { base, time: clock.at(base) }
            }
            Kind::System { clock, .. } => {
                let cross = cross_read(ATTEMPTS);
                let utc = self.utc_reading(clock, cross.realtime);
                ClockReading { base: cross.raw, time: self.leap.borrow().to_tai(utc) }
            }
        }
    }

    /// What the clock showed, or will show, at an instant of its time base not long
    /// from now.
    #[must_use]
    pub fn time_at(&self, base: Timestamp<Free>) -> Timestamp<Tai> {
        match &self.kind {
            Kind::Virtual { clock, .. } => clock.at(base),
            Kind::System { frequency, .. } => {
                let now = self.read();
                let ago = base - now.base;
                let gained = Duration::from_seconds(ago.seconds() * frequency);
                now.time + ago + gained.unwrap_or(Duration::ZERO)
            }
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
            Kind::Virtual { clock, .. } => clock.frequency(),
            Kind::System { frequency, .. } => *frequency,
        }
    }

    /// Does what the discipline decided. Only the owner of the clock calls this.
    ///
    /// # Errors
    /// The kernel's refusal, with what to do about it.
    pub fn apply(&mut self, command: Command) -> Result<(), ClockError> {
        let base = self.now();
        match (&mut self.kind, command) {
            (Kind::Virtual { clock, .. }, Command::Step(step)) => clock.step(step),
            (Kind::Virtual { clock, .. }, Command::Frequency(f)) => clock.set_frequency(base, f),
            (Kind::System { clock, .. }, Command::Step(step)) => {
                clock.step(step)?;
            }
            (Kind::System { clock, frequency, .. }, Command::Frequency(f)) => {
                *frequency = clock.set_frequency(f)?;
            }
        }
        Ok(())
    }

    /// True if another program has set the frequency of the clock, or switched the
    /// kernel's own discipline on, since utcd set it last. What it set counts from here
    /// on as what the clock runs at.
    pub fn notice_foreign_steering(&mut self) -> bool {
        let Kind::System { clock, frequency, owned: true } = &mut self.kind else { return false };
        let Ok(status) = clock.status() else { return false };
        let is_foreign = status.kernel_discipline || (status.frequency - *frequency).abs() > 1e-12;
        *frequency = status.frequency;
        is_foreign
    }

    /// Tells the kernel how good the system clock is, for programs that ask it.
    /// `None`: nobody vouches for it.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn tell_kernel(&mut self, quality: Option<Quality>) -> Result<(), ClockError> {
        let Kind::System { clock, owned, .. } = &mut self.kind else { return Ok(()) };
        let utc = cross_read(1).realtime;
        let leap = self.leap.borrow();
        let state = quality.map_or(SyncState::Unsynchronised, |quality| {
            let seconds = |s: f64| Duration::from_seconds(s).unwrap_or(Duration::from_secs(16));
            SyncState::Synchronised {
                max_error: seconds(quality.bound),
                est_error: seconds(quality.uncertainty),
                leap: announced(&leap, utc),
            }
        });
        clock.set_status(state)?;
        *owned = true;
        let offset = leap.tai_minus_utc(utc);
        let known = clock.status().map(|status| i64::from(status.tai_offset));
        match i32::try_from(offset) {
            Ok(seconds) if known != Ok(offset) => clock.set_tai_offset(seconds),
            _ => Ok(()),
        }
    }

    /// Only next to a leap second is the kernel asked whether it is in one.
    fn utc_reading(&self, clock: &SystemClock, realtime: Timestamp<Utc>) -> UtcReading {
        let near = self.leap.borrow().next_event(realtime - LEAP_VICINITY);
        let is_near = near.is_some_and(|event| (event.midnight - realtime).abs() < LEAP_VICINITY);
        let in_leap_second =
            is_near && clock.status().is_ok_and(|status| status.leap == LeapState::InProgress);
        UtcReading { timestamp: realtime, in_leap_second }
    }
}

/// The leap second at the end of this UTC day.
fn announced(leap: &LeapTable, utc: Timestamp<Utc>) -> LeapSecond {
    match leap.next_event(utc) {
        Some(event) if event.midnight - utc <= LEAP_ANNOUNCEMENT && event.inserted => {
            LeapSecond::Insert
        }
        Some(event) if event.midnight - utc <= LEAP_ANNOUNCEMENT => LeapSecond::Delete,
        _ => LeapSecond::None,
    }
}
