//! The system clock, `CLOCK_REALTIME`.

use clock_models::discipline::ClockReading;
use clock_models::time::{Duration, Free, LeapTable, Tai, Timestamp, Utc, UtcReading};
use utcd_linux::clock::{
    ATTEMPTS, ClockError, LeapSecond, LeapState, SyncState, SystemClock as Kernel, cross_read,
};

use super::{CrossReading, Quality};

/// How near a leap second the kernel is asked whether it is in one, s.
const LEAP_VICINITY: Duration = Duration::from_secs(3);
/// How long before it a leap second is announced to the kernel.
const LEAP_ANNOUNCEMENT: Duration = Duration::from_secs(86_400);

/// The system clock, with what it is given to run at.
#[derive(Debug)]
pub(super) struct SystemClock {
    kernel: Kernel,
    frequency: f64,
    /// Once utcd has set it.
    owned: bool,
}

impl SystemClock {
    /// Where a sandbox forbids to ask for its frequency (a container, for one), it is
    /// taken as not steered: it can be observed.
    pub(super) fn new() -> Self {
        let kernel = Kernel::new();
        let frequency = kernel.status().map_or(0.0, |status| status.frequency);
        Self { kernel, frequency, owned: false }
    }

    pub(super) fn cross_read(&self, leap: &LeapTable) -> CrossReading {
        let cross = cross_read(ATTEMPTS);
        let time = leap.to_tai(self.utc_reading(leap, cross.realtime));
        let reading = ClockReading { base: cross.raw, time };
        let (window, rate) = (cross.window, self.frequency);
        CrossReading { raw: cross.raw, reading, window, rate, method: "vdso" }
    }

    pub(super) fn time_at(&self, base: Timestamp<Free>, leap: &LeapTable) -> Timestamp<Tai> {
        let now = self.cross_read(leap).reading;
        let ago = base - now.base;
        let gained = Duration::from_seconds(ago.seconds() * self.frequency);
        now.time + ago + gained.unwrap_or(Duration::ZERO)
    }

    pub(super) const fn frequency(&self) -> f64 {
        self.frequency
    }

    pub(super) fn step(&mut self, step: Duration) -> Result<(), ClockError> {
        self.kernel.step(step).map(drop)
    }

    pub(super) fn set_frequency(&mut self, frequency: f64) -> Result<(), ClockError> {
        self.frequency = self.kernel.set_frequency(frequency)?;
        Ok(())
    }

    pub(super) fn notice_foreign_steering(&mut self) -> bool {
        if !self.owned {
            return false;
        }
        let Ok(status) = self.kernel.status() else { return false };
        let is_foreign =
            status.kernel_discipline || (status.frequency - self.frequency).abs() > 1e-12;
        self.frequency = status.frequency;
        is_foreign
    }

    pub(super) fn tell_kernel(
        &mut self,
        quality: Option<Quality>,
        leap: &LeapTable,
    ) -> Result<(), ClockError> {
        let utc = cross_read(1).realtime;
        let state = quality.map_or(SyncState::Unsynchronised, |quality| {
            let seconds = |s: f64| Duration::from_seconds(s).unwrap_or(Duration::from_secs(16));
            SyncState::Synchronised {
                max_error: seconds(quality.bound),
                est_error: seconds(quality.uncertainty),
                leap: announced(leap, utc),
            }
        });
        self.kernel.set_status(state)?;
        self.owned = true;
        let offset = leap.tai_minus_utc(utc);
        let known = self.kernel.status().map(|status| i64::from(status.tai_offset));
        match i32::try_from(offset) {
            Ok(seconds) if known != Ok(offset) => self.kernel.set_tai_offset(seconds),
            _ => Ok(()),
        }
    }

    /// Only next to a leap second is the kernel asked whether it is in one.
    fn utc_reading(&self, leap: &LeapTable, realtime: Timestamp<Utc>) -> UtcReading {
        let near = leap.next_event(realtime - LEAP_VICINITY);
        let is_near = near.is_some_and(|event| (event.midnight - realtime).abs() < LEAP_VICINITY);
        let in_leap_second = is_near
            && self.kernel.status().is_ok_and(|status| status.leap == LeapState::InProgress);
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
