use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// Fractional bits of a nanosecond.
const FRACTION_BITS: u32 = 32;
const ONE_NANOSECOND: i128 = 1 << FRACTION_BITS;
const ONE_SECOND: i128 = 1_000_000_000 * ONE_NANOSECOND;
/// A second is 5⁹ · 2⁴¹ units.
const SECOND_ODD: i64 = 5_i64.pow(9);
const SECOND_TWOS: u32 = 41;

/// A signed time interval, in units of 2⁻³² ns.
///
/// The unit divides both the NTP unit (2⁻³² s is exactly 10⁹ of it) and the PTP
/// `TimeInterval` (2⁻¹⁶ ns, IEEE 1588-2019 5.3.2), so that neither is rounded.
/// The range is ±3·10¹⁹ s, far more than any wire format holds: sums of
/// wire values cannot overflow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(i128);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// One second.
    pub const SECOND: Self = Self(ONE_SECOND);

    /// From whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds as i128 * ONE_SECOND)
    }

    /// From whole nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanoseconds: i64) -> Self {
        Self(nanoseconds as i128 * ONE_NANOSECOND)
    }

    /// From units of 2⁻³² ns.
    #[must_use]
    pub const fn from_bits(bits: i128) -> Self {
        Self(bits)
    }

    /// In units of 2⁻³² ns.
    #[must_use]
    pub const fn to_bits(self) -> i128 {
        self.0
    }

    /// From seconds, rounded to 2⁻³² ns.
    ///
    /// A value that is not finite, or beyond ±2⁶³ s, gives `None`: it can only be a
    /// fault of whoever computed it.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        const LIMIT: f64 = i64::MAX as f64;
        if seconds.is_nan() || seconds.abs() >= LIMIT {
            return None;
        }
        // Whole seconds apart, so that the fraction keeps all its digits. Both fit 64 bits.
        let whole = seconds as i64;
        let fraction = rounded((seconds - whole as f64) * ONE_SECOND as f64);
        Some(Self(i128::from(whole) * ONE_SECOND + i128::from(fraction)))
    }

    /// In seconds. Exact to 2⁻⁵² of the value.
    #[must_use]
    pub fn seconds(self) -> f64 {
        // Up to two seconds, as most are, it fits 64 bits.
        if let Ok(short) = i64::try_from(self.0) {
            return short as f64 / ONE_SECOND as f64;
        }
        let (whole, rest) = self.split();
        let whole = i64::try_from(whole).map_or_else(|_| wide(whole), |whole| whole as f64);
        whole + rest as f64 / ONE_SECOND as f64
    }

    /// Whole seconds, rounded down, and what is left above them in units of 2⁻³² ns, less
    /// than 2⁶² of them.
    ///
    /// A division of 128 bits takes longer than all else that is done with a duration.
    /// Without the twos of a second it is one of 64 bits, up to 149 000 years.
    pub(super) const fn split(self) -> (i128, u64) {
        let odd = self.0 >> SECOND_TWOS;
        if odd as i64 as i128 != odd {
            return (self.0.div_euclid(ONE_SECOND), self.0.rem_euclid(ONE_SECOND) as u64);
        }
        let whole = (odd as i64).div_euclid(SECOND_ODD);
        // What overflows above the bits of the rest is of no account.
        let gone = whole.wrapping_mul(ONE_SECOND as i64);
        (whole as i128, (self.0 as i64).wrapping_sub(gone).cast_unsigned())
    }

    /// Whole nanoseconds, rounded down.
    #[must_use]
    pub const fn floor_nanos(self) -> i128 {
        self.0 >> FRACTION_BITS
    }

    /// Whole seconds, rounded down.
    #[must_use]
    pub const fn floor_secs(self) -> i128 {
        self.split().0
    }

    /// What is left above the whole seconds, in 0..1 s.
    #[must_use]
    pub const fn subsec(self) -> Self {
        Self(self.split().1 as i128)
    }

    /// The magnitude.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// True below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

/// 128 bits as a float, which no processor does by itself: apart, or it would be done at
/// each turn, needed or not.
#[cold]
#[inline(never)]
fn wide(value: i128) -> f64 {
    value as f64
}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.abs();
        let nanos = magnitude.floor_nanos();
        write!(f, "{sign}{}.{:09} s", nanos / 1_000_000_000, nanos % 1_000_000_000)
    }
}

impl Add for Duration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Duration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Duration {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl SubAssign for Duration {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Neg for Duration {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Mul<i64> for Duration {
    type Output = Self;
    fn mul(self, factor: i64) -> Self {
        Self(self.0 * i128::from(factor))
    }
}

impl Div<i64> for Duration {
    type Output = Self;
    /// Rounds towards zero.
    fn div(self, divisor: i64) -> Self {
        Self(self.0 / i128::from(divisor))
    }
}

impl Sum for Duration {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::ZERO, Add::add)
    }
}

impl From<std::time::Duration> for Duration {
    fn from(d: std::time::Duration) -> Self {
        Self(i128::from(d.as_secs()) * ONE_SECOND + i128::from(d.subsec_nanos()) * ONE_NANOSECOND)
    }
}

/// To the nearest whole number, a half away from zero. For what fits 64 bits.
fn rounded(x: f64) -> i64 {
    let whole = x as i64;
    let rest = x - whole as f64;
    whole + i64::from(rest >= 0.5) - i64::from(rest <= -0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seconds_survive_a_round_trip_at_nanosecond_level_over_a_century() {
        let century = Duration::from_secs(3_155_760_000) + Duration::from_nanos(1);
        assert_eq!(century.floor_nanos(), 3_155_760_000_000_000_001);
    }

    #[test]
    fn what_is_not_a_number_is_not_a_duration() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            assert_eq!(Duration::from_seconds(bad), None);
        }
    }

    proptest! {
        #[test]
        fn f64_seconds_round_trip_within_their_precision(s in -1e9f64..1e9) {
            let back = Duration::from_seconds(s).unwrap().seconds();
            prop_assert!((back - s).abs() <= s.abs() * f64::EPSILON + 1e-18);
        }

        #[test]
        fn seconds_of_any_size_are_the_quotient_of_128_bits(bits in any::<i128>(), shift in 0u32..128) {
            let bits = bits >> shift;
            let exact = (bits / ONE_SECOND) as f64 + (bits % ONE_SECOND) as f64 / ONE_SECOND as f64;
            prop_assert!((Duration(bits).seconds() - exact).abs() <= exact.abs() * f64::EPSILON);
        }

        #[test]
        fn a_duration_is_split_as_by_a_division_of_128_bits(bits in any::<i128>(), shift in 0u32..128) {
            let bits = bits >> shift;
            let rest = bits.rem_euclid(ONE_SECOND) as u64;
            prop_assert_eq!(Duration(bits).split(), (bits.div_euclid(ONE_SECOND), rest));
        }

        #[test]
        fn a_float_is_rounded_to_the_nearest_unit(s in -1e3f64..1e3, scale in -20i32..7) {
            let s = s * 10f64.powi(scale);
            let whole = s.trunc();
            let fraction = ((s - whole) * ONE_SECOND as f64).round() as i128;
            let nearest = whole as i128 * ONE_SECOND + fraction;
            prop_assert_eq!(Duration::from_seconds(s), Some(Duration(nearest)));
        }

        #[test]
        fn floor_and_subsec_make_the_whole(bits in any::<i64>()) {
            let d = Duration::from_bits(i128::from(bits) << 20);
            let whole = Duration::from_secs(i64::try_from(d.floor_secs()).unwrap());
            prop_assert_eq!(whole + d.subsec(), d);
            prop_assert!(!d.subsec().is_negative() && d.subsec() < Duration::SECOND);
        }
    }
}
