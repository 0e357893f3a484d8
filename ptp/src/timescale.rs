//! From the master's time scale to TAI.

use clock_models::comparison::Reading;
use clock_models::time::{Duration, LeapTable, Tai, Timestamp, Utc};

use crate::config::ArbitraryTimescale;
use crate::rejection::Rejection;
use crate::wire::Flags;

/// A currentUtcOffset that its master vouches for and the leap table denies.
///
/// TAI comes from the time stamps, so no comparison is touched by it; but one of the
/// two will lead somebody to a UTC that is whole seconds off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcOffsetMismatch {
    /// currentUtcOffset of the master, s.
    pub announced: i16,
    /// TAI−UTC of the leap table, s.
    pub table: i64,
}

/// Brings the difference of a reading from the master's time scale to TAI.
pub(crate) fn to_tai(
    reading: Reading,
    flags: Flags,
    arbitrary: ArbitraryTimescale,
    leaps: &LeapTable,
) -> Result<Reading, Rejection> {
    if flags.contains(Flags::PTP_TIMESCALE) {
        return Ok(reading);
    }
    match arbitrary {
        ArbitraryTimescale::Refuse => Err(Rejection::ArbitraryTimescale),
        ArbitraryTimescale::Tai => Ok(reading),
        ArbitraryTimescale::Utc => {
            let utc = Timestamp::from_epoch(reading.at.since_epoch() + reading.difference);
            let offset = unambiguous_offset(utc, leaps)?;
            Ok(Reading { difference: reading.difference + Duration::from_secs(offset), ..reading })
        }
    }
}

/// TAI−UTC, unless it changes within a second: a count that is shown twice does not say
/// which time it is, and kernels step somewhat after midnight.
fn unambiguous_offset(utc: Timestamp<Utc>, leaps: &LeapTable) -> Result<i64, Rejection> {
    let before = leaps.tai_minus_utc(utc - Duration::SECOND);
    let after = leaps.tai_minus_utc(utc + Duration::SECOND);
    if before == after { Ok(after) } else { Err(Rejection::LeapSecond) }
}

/// Checks currentUtcOffset against the table at `tai`; the Announce that brought it may
/// be `age` old, and so tell of the time before a leap second.
pub(crate) fn check_utc_offset(
    flags: Flags,
    announced: i16,
    tai: Timestamp<Tai>,
    age: Duration,
    leaps: &LeapTable,
) -> Option<UtcOffsetMismatch> {
    let stated =
        flags.contains(Flags::CURRENT_UTC_OFFSET_VALID) && flags.contains(Flags::PTP_TIMESCALE);
    let utc = leaps.to_utc(tai).timestamp;
    let table = leaps.tai_minus_utc(utc);
    let agrees = [table, leaps.tai_minus_utc(utc - age)].contains(&i64::from(announced));
    (stated && !agrees).then_some(UtcOffsetMismatch { announced, table })
}

/// A leap second is announced for the UTC day at whose end it is (8.2.4.3, 8.2.4.4).
const LEAP_ANNOUNCEMENT: Duration = Duration::from_secs(86_400);

/// What a master that keeps TAI announces of UTC: currentUtcOffset, and the flags that
/// belong to it.
#[must_use]
pub fn utc_properties(tai: Timestamp<Tai>, leaps: &LeapTable) -> (i16, Flags) {
    let utc = leaps.to_utc(tai).timestamp;
    let announced = leaps.next_event(utc).filter(|e| e.midnight - utc <= LEAP_ANNOUNCEMENT);
    let leap = announced.map_or(Flags::default(), |event| {
        if event.inserted { Flags::LEAP_61 } else { Flags::LEAP_59 }
    });
    // A table is refused beyond 1000 s.
    let offset = leaps.tai_minus_utc(utc) as i16;
    (offset, Flags::PTP_TIMESCALE | Flags::CURRENT_UTC_OFFSET_VALID | leap)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2017-01-01T00:00:00Z, when TAI−UTC became 37 s.
    const LEAP: i64 = 1_483_228_800;

    fn reading(utc: i64) -> Reading {
        Reading { at: Timestamp::from_secs(100), difference: Duration::from_secs(utc - 100) }
    }

    fn utc_to_tai(utc: i64) -> Result<i128, Rejection> {
        let leaps = LeapTable::built_in();
        let tai = to_tai(reading(utc), Flags::default(), ArbitraryTimescale::Utc, &leaps)?;
        Ok((tai.at.since_epoch() + tai.difference).floor_secs())
    }

    #[test]
    fn utc_of_a_master_becomes_tai_by_the_leap_table() {
        assert_eq!(utc_to_tai(LEAP - 2), Ok(i128::from(LEAP - 2 + 36)));
        assert_eq!(utc_to_tai(LEAP + 2), Ok(i128::from(LEAP + 2 + 37)));
    }

    #[test]
    fn utc_beside_a_leap_second_is_refused() {
        for utc in [LEAP - 1, LEAP] {
            assert_eq!(utc_to_tai(utc), Err(Rejection::LeapSecond));
        }
    }

    #[test]
    fn arbitrary_time_is_refused_unless_declared() {
        let leaps = LeapTable::built_in();
        let convert = |flags, arbitrary| to_tai(reading(LEAP), flags, arbitrary, &leaps);
        assert_eq!(
            convert(Flags::default(), ArbitraryTimescale::Refuse),
            Err(Rejection::ArbitraryTimescale)
        );
        assert_eq!(convert(Flags::default(), ArbitraryTimescale::Tai), Ok(reading(LEAP)));
        for arbitrary in [ArbitraryTimescale::Refuse, ArbitraryTimescale::Utc] {
            assert_eq!(convert(Flags::PTP_TIMESCALE, arbitrary), Ok(reading(LEAP)));
        }
    }

    #[test]
    fn a_leap_second_is_announced_for_its_day_and_the_offset_changes_after_it() {
        let leaps = LeapTable::built_in();
        let valid = Flags::CURRENT_UTC_OFFSET_VALID | Flags::PTP_TIMESCALE;
        for (tai, offset, flags) in [
            (LEAP + 36 - 86_401, 36, valid),
            (LEAP + 36 - 86_400, 36, valid | Flags::LEAP_61),
            // 23:59:60.
            (LEAP + 36, 36, valid | Flags::LEAP_61),
            (LEAP + 37, 37, valid),
        ] {
            let announced = utc_properties(Timestamp::from_secs(tai), &leaps);
            assert_eq!(announced, (offset, flags), "{}", tai - LEAP);
        }
    }

    #[test]
    fn utc_offset_is_denied_only_where_it_is_vouched_for_and_wrong() {
        let leaps = LeapTable::built_in();
        let valid = Flags::CURRENT_UTC_OFFSET_VALID | Flags::PTP_TIMESCALE;
        let check = |flags, announced, tai| {
            let tai = Timestamp::from_secs(tai);
            check_utc_offset(flags, announced, tai, Duration::from_secs(6), &leaps)
        };
        let after = LEAP + 37;
        let mismatch = |announced, table| Some(UtcOffsetMismatch { announced, table });
        assert_eq!(check(valid, 36, after + 100), mismatch(36, 37));
        assert_eq!(check(valid, 37, after + 100), None);
        assert_eq!(check(Flags::PTP_TIMESCALE, 0, after + 100), None);
        assert_eq!(check(Flags::CURRENT_UTC_OFFSET_VALID, 0, after + 100), None);
        // An Announce from just before the leap second is no contradiction.
        assert_eq!(check(valid, 36, after + 5), None);
        assert_eq!(check(valid, 37, after - 10), mismatch(37, 36));
    }
}
