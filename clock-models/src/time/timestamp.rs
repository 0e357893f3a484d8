use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::{Add, AddAssign, Sub};

use super::Duration;

mod sealed {
    pub trait Sealed {}
}

/// A time scale: what a [`Timestamp`] counts.
pub trait Scale: sealed::Sealed + 'static {
    /// As the standards write it.
    const NAME: &'static str;
}

/// International Atomic Time, counted from 1970-01-01T00:00:00 TAI, the PTP epoch
/// (IEEE 1588-2019 7.2.3).
#[derive(Debug, Clone, Copy)]
pub enum Tai {}

/// Coordinated Universal Time as POSIX counts it: 86 400 s to every day since
/// 1970-01-01. The count repeats one second when a leap second is inserted and
/// jumps over one when it is deleted; see [`UtcReading`](super::UtcReading).
#[derive(Debug, Clone, Copy)]
pub enum Utc {}

/// The free-running time base of one clock: its oscillator as if it had never been
/// stepped or steered. The epoch is arbitrary.
#[derive(Debug, Clone, Copy)]
pub enum Free {}

/// What a PTP hardware clock (PHC) shows, stepped and steered by whoever owns it. TAI
/// while it is kept on time, and anything else while it is not.
#[derive(Debug, Clone, Copy)]
pub enum Phc {}

impl sealed::Sealed for Tai {}
impl sealed::Sealed for Utc {}
impl sealed::Sealed for Free {}
impl sealed::Sealed for Phc {}

impl Scale for Tai {
    const NAME: &'static str = "TAI";
}
impl Scale for Utc {
    const NAME: &'static str = "UTC";
}
impl Scale for Free {
    const NAME: &'static str = "free-running";
}
impl Scale for Phc {
    const NAME: &'static str = "PHC";
}

/// An instant on the time scale `S`, to 2⁻³² ns.
///
/// Two scales do not mix; the difference of two instants of one scale is a
/// [`Duration`]:
///
/// ```
/// use clock_models::time::{Duration, Tai, Timestamp};
/// let a = Timestamp::<Tai>::from_secs(10);
/// assert_eq!(a + Duration::SECOND - a, Duration::SECOND);
/// ```
///
/// ```compile_fail,E0308
/// use clock_models::time::{Tai, Timestamp, Utc};
/// let leap_seconds = Timestamp::<Tai>::from_secs(10) - Timestamp::<Utc>::from_secs(10);
/// ```
///
/// ```compile_fail,E0308
/// use clock_models::time::{Free, Tai, Timestamp};
/// let reading: Timestamp<Free> = Timestamp::<Tai>::from_secs(10);
/// ```
///
/// ```compile_fail,E0308
/// use clock_models::time::{Tai, Timestamp, Utc};
/// let later = Timestamp::<Tai>::from_secs(10) > Timestamp::<Utc>::from_secs(10);
/// ```
///
/// ```compile_fail,E0308
/// use clock_models::time::{NtpTimestamp, Timestamp, Utc};
/// let utc: Timestamp<Utc> = NtpTimestamp::from_bits(0);
/// ```
pub struct Timestamp<S: Scale> {
    since_epoch: Duration,
    scale: PhantomData<S>,
}

impl<S: Scale> Timestamp<S> {
    /// The epoch of the scale.
    pub const EPOCH: Self = Self::from_epoch(Duration::ZERO);

    /// The instant this long after the epoch of the scale.
    #[must_use]
    pub const fn from_epoch(since_epoch: Duration) -> Self {
        Self { since_epoch, scale: PhantomData }
    }

    /// From whole seconds since the epoch.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self::from_epoch(Duration::from_secs(seconds))
    }

    /// Time since the epoch of the scale.
    #[must_use]
    pub const fn since_epoch(self) -> Duration {
        self.since_epoch
    }
}

impl Timestamp<Utc> {
    /// The midnight that begins a day of the Gregorian calendar; `None` for a month or
    /// day that cannot be.
    #[must_use]
    pub fn from_date(year: i64, month: u8, day: u8) -> Option<Self> {
        let (month, day) = (i64::from(month), i64::from(day));
        let first = days_from_civil(year, month, 1);
        let days = first + day - 1;
        let (_, found, _) = civil_from_days(i128::from(days));
        let valid = (1..=12).contains(&month) && day >= 1 && found == i128::from(month);
        valid.then(|| Self::from_secs(days * 86_400))
    }

    /// The day of the Gregorian calendar: year, month, day.
    #[must_use]
    pub fn date(self) -> (i128, u8, u8) {
        let (year, month, day) = civil_from_days(self.since_epoch.floor_secs().div_euclid(86_400));
        // 1 to 12, and 1 to 31.
        (year, month as u8, day as u8)
    }
}

impl<S: Scale> Clone for Timestamp<S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S: Scale> Copy for Timestamp<S> {}

impl<S: Scale> PartialEq for Timestamp<S> {
    fn eq(&self, other: &Self) -> bool {
        self.since_epoch == other.since_epoch
    }
}
impl<S: Scale> Eq for Timestamp<S> {}

impl<S: Scale> PartialOrd for Timestamp<S> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<S: Scale> Ord for Timestamp<S> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.since_epoch.cmp(&other.since_epoch)
    }
}

impl<S: Scale> Hash for Timestamp<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.since_epoch.hash(state);
    }
}

impl<S: Scale> Add<Duration> for Timestamp<S> {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self::from_epoch(self.since_epoch + d)
    }
}

impl<S: Scale> AddAssign<Duration> for Timestamp<S> {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}

impl<S: Scale> Sub<Duration> for Timestamp<S> {
    type Output = Self;
    fn sub(self, d: Duration) -> Self {
        Self::from_epoch(self.since_epoch - d)
    }
}

impl<S: Scale> Sub for Timestamp<S> {
    type Output = Duration;
    fn sub(self, other: Self) -> Duration {
        self.since_epoch - other.since_epoch
    }
}

impl<S: Scale> fmt::Debug for Timestamp<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.since_epoch, S::NAME)
    }
}

/// ISO 8601, to the nanosecond below: `2026-11-22T04:46:44.123456789Z`.
impl fmt::Display for Timestamp<Utc> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.since_epoch.floor_secs();
        let (year, month, day) = self.date();
        let of_day = seconds.rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        let nanos = self.since_epoch.subsec().floor_nanos();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
    }
}

/// The proleptic Gregorian date of a day counted from 1970-01-01.
///
/// Works in eras of 400 years that begin on 1 March, so that the leap day is the
/// last of a year.
fn civil_from_days(days: i128) -> (i128, i128, i128) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    (year, month, day)
}

/// The inverse of [`civil_from_days`].
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn days_and_dates_are_inverse(day in -1_000_000i64..1_000_000) {
            let (y, m, d) = civil_from_days(i128::from(day));
            let date = Timestamp::from_date(y as i64, m as u8, d as u8);
            prop_assert_eq!(date, Some(Timestamp::from_secs(day * 86_400)));
        }
    }

    #[test]
    fn days_that_never_are_give_no_timestamp() {
        for (y, m, d) in [(2026, 2, 29), (2026, 13, 1), (2026, 0, 1), (2026, 4, 31), (2026, 1, 0)] {
            assert_eq!(Timestamp::from_date(y, m, d), None);
        }
    }

    #[test]
    fn utc_prints_as_iso_8601() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000000Z"),
            (1_483_228_799, "2016-12-31T23:59:59.000000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000000Z"),
            (-1, "1969-12-31T23:59:59.000000000Z"),
        ] {
            assert_eq!(Timestamp::<Utc>::from_secs(seconds).to_string(), text);
        }
        let t = Timestamp::<Utc>::from_secs(1_795_322_804) + Duration::from_nanos(5);
        assert_eq!(t.to_string(), "2026-11-22T04:46:44.000000005Z");
    }
}
