//! The system clock, `CLOCK_REALTIME`.

use std::cell::Cell;

use clock_models::discipline::ClockReading;
use clock_models::time::{Duration, Free, LeapEvent, LeapTable, Tai, Timestamp, Utc, UtcReading};
use utcd_linux::clock::{
    ATTEMPTS, ClockError, CrossReading as Readings, LeapSecond, LeapState, SyncState,
    SystemClock as Kernel, cross_read,
};

use super::even::EvenLine;
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
    /// What it shows, for as long as nobody but utcd has set it.
    line: Cell<EvenLine>,
}

impl SystemClock {
    /// Where a sandbox forbids to ask for its frequency (a container, for one), it is
    /// taken as not steered: it can be observed.
    pub(super) fn new() -> Self {
        let kernel = Kernel::new();
        let frequency = kernel.status().map_or(0.0, |status| status.frequency);
        Self { kernel, frequency, owned: false, line: Cell::default() }
    }

    pub(super) fn cross_read(&self, leap: &LeapTable) -> CrossReading {
        let (cross, shown) = self.read(leap);
        let reading = ClockReading { base: cross.raw, time: leap.to_tai(shown) };
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
        self.line.take();
        self.kernel.step(step).map(drop)
    }

    pub(super) fn set_frequency(&mut self, frequency: f64) -> Result<(), ClockError> {
        // Up to here it ran at the frequency of before.
        self.even(cross_read(ATTEMPTS));
        self.frequency = self.kernel.set_frequency(frequency)?;
        Ok(())
    }

    pub(super) fn host_slept(&self) {
        self.line.take();
    }

    pub(super) fn notice_foreign_steering(&mut self) -> bool {
        if !self.owned {
            return false;
        }
        let Ok(status) = self.kernel.status() else { return false };
        let is_foreign =
            status.kernel_discipline || (status.frequency - self.frequency).abs() > 1e-12;
        self.frequency = status.frequency;
        if is_foreign {
            self.line.take();
        }
        is_foreign
    }

    pub(super) fn tell_kernel(
        &mut self,
        quality: Option<Quality>,
        leap: &LeapTable,
    ) -> Result<(), ClockError> {
        let (_, shown) = self.read(leap);
        let state = quality.map_or(SyncState::Unsynchronised, |quality| {
            let seconds = |s: f64| Duration::from_seconds(s).unwrap_or(Duration::from_secs(16));
            SyncState::Synchronised {
                max_error: seconds(quality.bound),
                est_error: seconds(quality.uncertainty),
                leap: announced(leap, shown.timestamp),
            }
        });
        self.kernel.set_status(state)?;
        self.owned = true;
        let offset = kernel_tai_offset(leap, shown);
        let known = self.kernel.status().map(|status| i64::from(status.tai_offset));
        match i32::try_from(offset) {
            Ok(seconds) if known != Ok(offset) => self.kernel.set_tai_offset(seconds),
            _ => Ok(()),
        }
    }

    /// A reading without what the clock does for a moment, where it is known how it runs.
    fn even(&self, mut cross: Readings) -> Readings {
        if self.owned {
            let line = self.line.get();
            let (line, even) = line.with(cross.raw, cross.realtime, cross.window, self.frequency);
            self.line.set(line);
            cross.realtime = even;
        }
        cross
    }

    /// What the clock shows. Only next to a leap second is the kernel asked whether it is
    /// in one: before and after, for it may have begun or ended in between.
    fn read(&self, leap: &LeapTable) -> (Readings, UtcReading) {
        let mut cross = cross_read(ATTEMPTS);
        let near = leap.next_event(cross.realtime - LEAP_VICINITY);
        let Some(event) = near.filter(|e| (e.midnight - cross.realtime).abs() < LEAP_VICINITY)
        else {
            let cross = self.even(cross);
            return (cross, UtcReading { timestamp: cross.realtime, in_leap_second: false });
        };
        let mut in_leap_second = self.is_in_leap_second();
        loop {
            cross = cross_read(ATTEMPTS);
            let before = std::mem::replace(&mut in_leap_second, self.is_in_leap_second());
            if before == in_leap_second {
                return (cross, beside_leap_second(cross.realtime, in_leap_second, event));
            }
        }
    }

    fn is_in_leap_second(&self) -> bool {
        self.kernel.status().is_ok_and(|status| status.leap == LeapState::InProgress)
    }
}

/// What `CLOCK_REALTIME` means next to a leap second. The kernel sets it back at the first
/// tick of an inserted one; until then it shows midnight, and the kernel already says that
/// the leap second passes.
fn beside_leap_second(
    realtime: Timestamp<Utc>,
    in_leap_second: bool,
    event: LeapEvent,
) -> UtcReading {
    let is_late = in_leap_second && realtime >= event.midnight;
    let timestamp = if is_late { realtime - Duration::SECOND } else { realtime };
    UtcReading { timestamp, in_leap_second }
}

/// What makes `CLOCK_TAI` of `CLOCK_REALTIME`, s. In an inserted leap second it is already
/// what it is after it, since the count is repeated.
fn kernel_tai_offset(leap: &LeapTable, shown: UtcReading) -> i64 {
    leap.tai_minus_utc(shown.timestamp) + i64::from(shown.in_leap_second)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// 2017-01-01, when TAI−UTC became 37 s.
    const MIDNIGHT: i64 = 1_483_228_800;

    #[test]
    fn through_an_inserted_second_time_and_tai_offset_are_right() {
        let leap = LeapTable::built_in();
        let event = leap.next_event(Timestamp::from_secs(MIDNIGHT - 1)).unwrap();
        // Tenths of a second past midnight as the clock shows them, the kernel's word, TAI
        // in tenths after that of the leap second's begin, the kernel's offset.
        for (shown, in_leap_second, tai, offset) in [
            (-1, false, -1, 36),
            (0, true, 0, 37),
            (-9, true, 1, 37),
            (-1, true, 9, 37),
            (0, false, 10, 37),
        ] {
            let realtime = Timestamp::from_secs(MIDNIGHT) + Duration::SECOND * shown / 10;
            let reading = beside_leap_second(realtime, in_leap_second, event);
            let begin = Timestamp::from_secs(MIDNIGHT + 36);
            assert_eq!(leap.to_tai(reading), begin + Duration::SECOND * tai / 10, "{shown}");
            assert_eq!(kernel_tai_offset(&leap, reading), offset, "{shown}");
            // The kernel must not be told to forget it before it has begun it.
            assert_eq!(announced(&leap, reading.timestamp) == LeapSecond::Insert, tai < 10);
        }
    }
}
