use super::{Duration, Tai, Timestamp, Utc};

/// Seconds from the NTP epoch (1900-01-01) to 1970-01-01.
pub(super) const NTP_TO_UNIX: i64 = 2_208_988_800;
/// 2⁻³² s, the unit of an NTP time stamp, in the unit of [`Duration`] (2⁻³² ns).
const NTP_UNIT: i128 = 1_000_000_000;

/// The 64-bit NTP time stamp (RFC 5905 section 6): seconds of the current era in the
/// upper 32 bits, 2⁻³² s in the lower. It says nothing of the era, so it becomes a
/// [`Timestamp<Utc>`] only next to a time known to within 68 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct NtpTimestamp(u64);

impl NtpTimestamp {
    /// "Unknown or unsynchronised" (RFC 5905 section 6).
    pub const ZERO: Self = Self(0);

    /// From the 64 bits on the wire.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits on the wire.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Nearest 2⁻³² s, era dropped.
    #[must_use]
    pub fn from_utc(utc: Timestamp<Utc>) -> Self {
        Self(units_since_1900(utc) as u64)
    }

    /// The instant with these 64 bits that lies nearest to `near`, exactly.
    ///
    /// Right whenever `near` is within 68 years (half an era) of the truth.
    #[must_use]
    pub fn to_utc(self, near: Timestamp<Utc>) -> Timestamp<Utc> {
        // The difference of two era-less stamps, as a signed number, is the way from
        // one to the other within half an era (RFC 5905 section 6, figure 4).
        let near_units = units_since_1900(near);
        let ahead = self.0.wrapping_sub(near_units as u64).cast_signed();
        let since_1900 = Duration::from_bits((near_units + i128::from(ahead)) * NTP_UNIT);
        Timestamp::from_epoch(since_1900 - Duration::from_secs(NTP_TO_UNIX))
    }
}

/// Units of 2⁻³² s since 1900, the nearest.
fn units_since_1900(utc: Timestamp<Utc>) -> i128 {
    let since_1900 = utc.since_epoch() + Duration::from_secs(NTP_TO_UNIX);
    let (seconds, rest) = (since_1900 + Duration::from_bits(NTP_UNIT / 2)).split();
    (seconds << 32) + i128::from(rest / NTP_UNIT as u64)
}

/// The 32-bit NTP short format (RFC 5905 section 6), 2⁻¹⁶ s: root delay and dispersion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NtpShort(u32);

impl NtpShort {
    /// From the 32 bits on the wire.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The 32 bits on the wire.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// In seconds, 0..65536.
    #[must_use]
    pub fn seconds(self) -> f64 {
        f64::from(self.0) / 65_536.0
    }

    /// From seconds, rounded **up**, since it states a bound; below 0 gives 0, beyond
    /// the format (and not a number) its largest value.
    #[must_use]
    pub fn from_seconds_up(seconds: f64) -> Self {
        let units = (seconds * 65_536.0).ceil();
        if units.is_nan() { Self(u32::MAX) } else { Self(units as u32) }
    }
}

/// The PTP time stamp (IEEE 1588-2019 5.3.3): 48-bit seconds and 32-bit nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PtpTimestamp {
    seconds: u64,
    nanoseconds: u32,
}

impl PtpTimestamp {
    /// `None` unless seconds fit 48 bits and nanoseconds are below 10⁹.
    #[must_use]
    pub const fn new(seconds: u64, nanoseconds: u32) -> Option<Self> {
        if seconds >> 48 == 0 && nanoseconds < 1_000_000_000 {
            Some(Self { seconds, nanoseconds })
        } else {
            None
        }
    }

    /// `secondsField`.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.seconds
    }

    /// `nanosecondsField`.
    #[must_use]
    pub const fn nanoseconds(self) -> u32 {
        self.nanoseconds
    }

    /// Rounded down to the nanosecond; the rest travels in the correctionField.
    /// `None` before 1970 or past 48 bits.
    #[must_use]
    pub fn from_tai(tai: Timestamp<Tai>) -> Option<Self> {
        let seconds = u64::try_from(tai.since_epoch().floor_secs()).ok()?;
        let nanoseconds = u32::try_from(tai.since_epoch().subsec().floor_nanos()).ok()?;
        Self::new(seconds, nanoseconds)
    }

    /// Exact.
    #[must_use]
    pub fn to_tai(self) -> Timestamp<Tai> {
        // 48 bits fit an i64.
        Timestamp::from_secs(self.seconds as i64)
            + Duration::from_nanos(i64::from(self.nanoseconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HALF_UNIT: i128 = NTP_UNIT / 2;

    #[test]
    fn first_second_of_era_one_is_7_february_2036() {
        let rollover = Timestamp::<Utc>::from_secs((1 << 32) - NTP_TO_UNIX);
        assert_eq!(rollover.to_string(), "2036-02-07T06:28:16.000000000Z");
        assert_eq!(NtpTimestamp::from_utc(rollover), NtpTimestamp::ZERO);
        let before = rollover - Duration::from_nanos(1_000_000);
        assert_eq!(NtpTimestamp::ZERO.to_utc(before), rollover);
        let last_of_era_zero = NtpTimestamp::from_bits(u64::MAX);
        assert!(last_of_era_zero.to_utc(rollover) < rollover);
    }

    #[test]
    fn rfc_5905_figure_4_dates() {
        // 1972-01-01 is 2 272 060 800 s after 1900.
        let t = Timestamp::<Utc>::from_secs(63_072_000);
        assert_eq!(NtpTimestamp::from_utc(t).to_bits() >> 32, 2_272_060_800);
    }

    #[test]
    fn short_format_rounds_up_and_saturates() {
        assert_eq!(NtpShort::from_seconds_up(1.0).to_bits(), 0x1_0000);
        assert_eq!(NtpShort::from_seconds_up(1e-9).to_bits(), 1);
        assert_eq!(NtpShort::from_seconds_up(-1.0).to_bits(), 0);
        assert_eq!(NtpShort::from_seconds_up(f64::NAN).to_bits(), u32::MAX);
        assert_eq!(NtpShort::from_seconds_up(1e9).to_bits(), u32::MAX);
    }

    #[test]
    fn ptp_fields_out_of_range_are_refused() {
        assert_eq!(PtpTimestamp::new(1 << 48, 0), None);
        assert_eq!(PtpTimestamp::new(0, 1_000_000_000), None);
        assert_eq!(PtpTimestamp::from_tai(Timestamp::from_secs(-1)), None);
    }

    /// Times from 1700 to 2500, to 2⁻³² ns.
    fn any_utc() -> impl Strategy<Value = Timestamp<Utc>> {
        (-8_520_336_000i64..16_725_225_600, 0..1i64 << 61)
            .prop_map(|(s, f)| Timestamp::from_secs(s) + Duration::from_bits(i128::from(f)))
    }

    proptest! {
        #[test]
        fn ntp_round_trip_is_within_half_a_unit_in_any_era(
            utc in any_utc(), away in -2_000_000_000i64..2_000_000_000
        ) {
            let near = utc + Duration::from_secs(away);
            let back = NtpTimestamp::from_utc(utc).to_utc(near);
            prop_assert!((back - utc).to_bits().abs() <= HALF_UNIT);
        }

        #[test]
        fn ntp_bits_round_trip_exactly(bits in any::<u64>(), near in any_utc()) {
            let stamp = NtpTimestamp::from_bits(bits);
            prop_assert_eq!(NtpTimestamp::from_utc(stamp.to_utc(near)), stamp);
        }

        #[test]
        fn short_format_round_trips(bits in any::<u32>()) {
            let s = NtpShort::from_bits(bits);
            prop_assert_eq!(NtpShort::from_seconds_up(s.seconds()), s);
        }

        #[test]
        fn ptp_round_trips(s in 0u64..1 << 48, ns in 0u32..1_000_000_000) {
            let t = PtpTimestamp::new(s, ns).unwrap();
            prop_assert_eq!(PtpTimestamp::from_tai(t.to_tai()), Some(t));
        }
    }
}
