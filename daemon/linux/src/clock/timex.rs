//! What `clock_adjtime(2)` is told and what it answers, in units of people.
//!
//! Pure: nothing here calls the kernel. See kernel/time/ntp.c for the meaning.

use clock_models::time::Duration;
use nix::libc::{self, c_int, c_long, timex};

use super::ClockError;

/// Length of a tick as the kernel counts it, µs, when the clock runs at its own rate.
/// `USER_HZ` is 100 on every 64-bit architecture.
const NOMINAL_TICK: c_long = 10_000;
/// What one µs of tick changes in frequency.
const PER_TICK: f64 = 1e-4;
/// Unit of the kernel's frequency: 2⁻¹⁶ ppm.
const PER_FREQUENCY: f64 = 1e-6 / 65_536.0;
/// As far as the kernel's frequency alone goes (MAXFREQ).
const FINE_RANGE: f64 = 500e-6;
/// As far as the tick goes.
const RANGE: f64 = 0.1;
/// Largest error the kernel counts, µs (NTP_PHASE_LIMIT); beyond it the clock is
/// unsynchronised.
const LARGEST_ERROR: i128 = 16_000_000;
/// Largest TAI offset the kernel keeps (MAX_TAI_OFFSET); it ignores others silently.
const LARGEST_TAI_OFFSET: i32 = 100_000;
const NANOS: i128 = 1_000_000_000;

/// A leap second that the kernel is to make, or will make, at the end of this UTC day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LeapSecond {
    /// None.
    #[default]
    None,
    /// 23:59:60 is inserted.
    Insert,
    /// 23:59:59 is left out.
    Delete,
}

/// Where the kernel is with a leap second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeapState {
    /// Waiting for the end of the day, or nothing to do.
    Announced(LeapSecond),
    /// The inserted second is passing (TIME_OOP).
    InProgress,
    /// It has passed, and its flag is still to be cleared (TIME_WAIT).
    Done,
}

/// What the kernel is told of the system clock, for programs that ask it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncState {
    /// The clock follows nothing.
    Unsynchronised,
    /// The clock follows a reference. The kernel also copies it to the RTC now.
    Synchronised {
        /// Bound of its error. The kernel lets it grow by 500 ppm, and counts the clock
        /// as unsynchronised at 16 s.
        max_error: Duration,
        /// Estimate of its error.
        est_error: Duration,
        /// What happens at the end of this UTC day.
        leap: LeapSecond,
    },
}

/// What the kernel says of the system clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelStatus {
    /// Frequency it is given beyond that of its oscillator, ratio − 1, tick included:
    /// positive where it was made faster.
    pub frequency: f64,
    /// Nobody vouches for it (STA_UNSYNC).
    pub unsynchronised: bool,
    /// Bound of its error.
    pub max_error: Duration,
    /// Estimate of its error.
    pub est_error: Duration,
    /// TAI − UTC, s; 0 until somebody sets it.
    pub tai_offset: i32,
    /// Leap second.
    pub leap: LeapState,
    /// The kernel's own PLL, FLL or PPS discipline is on: another program steers.
    pub kernel_discipline: bool,
}

impl KernelStatus {
    /// From the kernel's answer and the clock state it returned (TIME_OK, …).
    pub(super) fn parse(answer: &timex, state: c_int) -> Self {
        let flag = |flags: c_int| answer.status & flags != 0;
        let announced = if flag(libc::STA_INS) {
            LeapSecond::Insert
        } else if flag(libc::STA_DEL) {
            LeapSecond::Delete
        } else {
            LeapSecond::None
        };
        Self {
            frequency: frequency(answer),
            unsynchronised: flag(libc::STA_UNSYNC),
            max_error: Duration::from_nanos(answer.maxerror.saturating_mul(1000)),
            est_error: Duration::from_nanos(answer.esterror.saturating_mul(1000)),
            tai_offset: answer.tai,
            leap: match state {
                libc::TIME_OOP => LeapState::InProgress,
                libc::TIME_WAIT => LeapState::Done,
                _ => LeapState::Announced(announced),
            },
            kernel_discipline: flag(
                libc::STA_PLL | libc::STA_FLL | libc::STA_PPSFREQ | libc::STA_PPSTIME,
            ),
        }
    }
}

/// The frequency in force, ratio − 1.
pub(super) fn frequency(answer: &timex) -> f64 {
    (answer.tick - NOMINAL_TICK) as f64 * PER_TICK + fine_frequency(answer)
}

/// Sets the frequency to `ratio` (− 1), always with the tick, which another program
/// may have left somewhere.
pub(super) fn set_frequency(ratio: f64) -> Result<timex, ClockError> {
    let (ticks, fine) = split(ratio).ok_or_else(|| ClockError::OutOfRange {
        what: format!("a frequency of {:.0} ppm (the kernel goes to ±100 000 ppm)", ratio * 1e6),
    })?;
    let mut request = request(libc::ADJ_FREQUENCY | libc::ADJ_TICK);
    request.tick = NOMINAL_TICK + ticks;
    request.freq = fine;
    Ok(request)
}

/// Sets the frequency of a clock without ticks to `ratio` (− 1), within ±`range`.
///
/// Rounded to the kernel's unit, and never past the range: the kernel counts that in
/// whole ppb.
pub(crate) fn set_fine_frequency(ratio: f64, range: f64) -> Result<timex, ClockError> {
    if ratio.is_nan() || ratio.abs() > range {
        let (asked, ppm) = (ratio * 1e6, range * 1e6);
        return Err(ClockError::OutOfRange {
            what: format!("a frequency of {asked:.3} ppm (this clock goes to ±{ppm} ppm)"),
        });
    }
    let limit = (range / PER_FREQUENCY).floor();
    let mut request = request(libc::ADJ_FREQUENCY);
    request.freq = (ratio / PER_FREQUENCY).round().clamp(-limit, limit) as c_long;
    Ok(request)
}

/// The frequency in force of a clock without ticks, ratio − 1.
pub(crate) fn fine_frequency(answer: &timex) -> f64 {
    answer.freq as f64 * PER_FREQUENCY
}

/// Divides a frequency into ticks and the kernel's fine frequency.
///
/// Within ±500 ppm the tick stays nominal, so that the usual frequencies are one
/// number; beyond, the tick takes the most of it. `None` past ±10 %.
fn split(ratio: f64) -> Option<(c_long, c_long)> {
    if ratio.is_nan() || ratio.abs() > RANGE {
        return None;
    }
    let ticks = if ratio.abs() <= FINE_RANGE { 0.0 } else { (ratio / PER_TICK).round() };
    let fine = ((ratio - ticks * PER_TICK) / PER_FREQUENCY).round();
    Some((ticks as c_long, fine as c_long))
}

/// Steps the clock by `by`, positive ahead, rounded to a nanosecond. Also gives what
/// the step is then.
pub(crate) fn step(by: Duration) -> Result<(timex, Duration), ClockError> {
    let nanos = (by + Duration::from_nanos(1) / 2).floor_nanos();
    let out_of_range = || ClockError::OutOfRange { what: format!("a step of {by:?}") };
    let seconds = i64::try_from(nanos.div_euclid(NANOS)).map_err(|_| out_of_range())?;
    let subsec = nanos.rem_euclid(NANOS) as i64;
    let mut request = request(libc::ADJ_SETOFFSET | libc::ADJ_NANO);
    request.time.tv_sec = seconds;
    // With ADJ_NANO these are nanoseconds, and never negative.
    request.time.tv_usec = subsec;
    Ok((request, Duration::from_secs(seconds) + Duration::from_nanos(subsec)))
}

/// Sets status, errors and leap flags. Every flag that is not named is cleared: the
/// kernel's own discipline is off.
pub(super) fn set_status(state: SyncState) -> timex {
    let mut request = request(libc::ADJ_STATUS | libc::ADJ_MAXERROR | libc::ADJ_ESTERROR);
    match state {
        SyncState::Unsynchronised => {
            request.status = libc::STA_UNSYNC;
            request.maxerror = LARGEST_ERROR as c_long;
            request.esterror = LARGEST_ERROR as c_long;
        }
        SyncState::Synchronised { max_error, est_error, leap } => {
            request.status = match leap {
                LeapSecond::None => 0,
                LeapSecond::Insert => libc::STA_INS,
                LeapSecond::Delete => libc::STA_DEL,
            };
            request.maxerror = error_micros(max_error);
            request.esterror = error_micros(est_error);
        }
    }
    request
}

/// An error bound in µs, rounded up: a bound must not shrink.
fn error_micros(error: Duration) -> c_long {
    let micros = -(-error).floor_nanos().div_euclid(1000);
    micros.clamp(0, LARGEST_ERROR) as c_long
}

/// Sets TAI − UTC, s.
pub(super) fn set_tai_offset(seconds: i32) -> Result<timex, ClockError> {
    if !(0..=LARGEST_TAI_OFFSET).contains(&seconds) {
        return Err(ClockError::OutOfRange {
            what: format!("a TAI offset of {seconds} s (the kernel keeps 0 to 100 000 s)"),
        });
    }
    let mut request = request(libc::ADJ_TAI);
    request.constant = c_long::from(seconds);
    Ok(request)
}

/// A request that changes what `modes` says, and nothing else.
pub(crate) fn request(modes: libc::c_uint) -> timex {
    // SAFETY: `timex` is a plain C structure of integers, for which zeros are valid.
    let mut request: timex = unsafe { std::mem::zeroed() };
    request.modes = modes;
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The answer of a kernel that does as it is told.
    fn obeyed(request: &timex) -> KernelStatus {
        KernelStatus::parse(request, libc::TIME_OK)
    }

    #[test]
    fn ordinary_frequencies_leave_the_tick_alone() {
        for (ppm, fine) in [(0.0, 0), (1.0, 65_536), (-20.0, -1_310_720), (500.0, 32_768_000)] {
            let request = set_frequency(ppm * 1e-6).unwrap();
            assert_eq!((request.tick, request.freq), (10_000, fine), "{ppm} ppm");
            assert_eq!(request.modes, libc::ADJ_FREQUENCY | libc::ADJ_TICK);
        }
    }

    #[test]
    fn large_frequencies_take_the_tick() {
        for (ppm, tick, fine) in [
            (1000.0, 10_010, 0),
            (-83_333.0, 9167, -33 * 65_536),
            (100_000.0, 11_000, 0),
            (-100_000.0, 9000, 0),
        ] {
            let request = set_frequency(ppm * 1e-6).unwrap();
            assert_eq!((request.tick, request.freq), (tick, fine), "{ppm} ppm");
        }
    }

    #[test]
    fn a_frequency_beyond_the_kernel_is_refused_with_its_range() {
        for ratio in [0.100_001, -1.0, f64::INFINITY, f64::NAN] {
            let error = set_frequency(ratio).unwrap_err().to_string();
            assert!(error.contains("±100 000 ppm"), "{error}");
        }
    }

    #[test]
    fn a_clock_without_ticks_is_set_to_its_own_range_and_no_further() {
        for (ppb, fine) in
            [(0.0, 0), (1000.0, 65_536), (-15.0, -983), (62_499_999.0, 4_095_999_934)]
        {
            let request = set_fine_frequency(ppb * 1e-9, 62_499_999e-9).unwrap();
            assert_eq!((request.modes, request.freq), (libc::ADJ_FREQUENCY, fine), "{ppb} ppb");
            assert!((fine_frequency(&request) - ppb * 1e-9).abs() <= PER_FREQUENCY);
        }
        for ratio in [1.001e-3, -1.001e-3, f64::NAN] {
            let error = set_fine_frequency(ratio, 1e-3).unwrap_err().to_string();
            assert!(error.contains("±1000 ppm"), "{error}");
        }
    }

    #[test]
    fn a_step_back_has_a_positive_fraction() {
        let (request, made) = step(Duration::from_nanos(-1)).unwrap();
        assert_eq!((request.time.tv_sec, request.time.tv_usec), (-1, 999_999_999));
        assert_eq!(made, Duration::from_nanos(-1));
        assert_eq!(request.modes, libc::ADJ_SETOFFSET | libc::ADJ_NANO);
    }

    #[test]
    fn a_step_is_rounded_to_the_nearest_nanosecond_and_says_so() {
        for (sixteenths, nanos) in [(24, 2), (23, 1), (-23, -1), (-25, -2)] {
            let (_, made) = step(Duration::from_nanos(sixteenths) / 16).unwrap();
            assert_eq!(made, Duration::from_nanos(nanos), "{sixteenths}/16 ns");
        }
    }

    #[test]
    fn a_step_of_geological_size_is_refused() {
        let error = step(Duration::from_bits(i128::MAX / 2)).unwrap_err();
        assert!(matches!(error, ClockError::OutOfRange { .. }));
    }

    #[test]
    fn a_synchronised_clock_clears_unsync_and_the_kernels_own_loops() {
        let request = set_status(SyncState::Synchronised {
            max_error: Duration::from_nanos(1_500_001),
            est_error: Duration::from_nanos(999),
            leap: LeapSecond::None,
        });
        assert_eq!(request.status, 0);
        assert_eq!((request.maxerror, request.esterror), (1501, 1));
        assert_eq!(request.modes, libc::ADJ_STATUS | libc::ADJ_MAXERROR | libc::ADJ_ESTERROR);
    }

    #[test]
    fn leap_seconds_are_announced_to_the_kernel() {
        for (leap, flag) in
            [(LeapSecond::Insert, libc::STA_INS), (LeapSecond::Delete, libc::STA_DEL)]
        {
            let (max_error, est_error) = (Duration::ZERO, Duration::ZERO);
            let request = set_status(SyncState::Synchronised { max_error, est_error, leap });
            assert_eq!(request.status, flag);
            assert_eq!(obeyed(&request).leap, LeapState::Announced(leap));
        }
    }

    #[test]
    fn an_unsynchronised_clock_says_so_with_the_largest_error() {
        let request = set_status(SyncState::Unsynchronised);
        assert_eq!((request.status, request.maxerror), (libc::STA_UNSYNC, 16_000_000));
        assert!(obeyed(&request).unsynchronised);
    }

    #[test]
    fn an_error_beyond_what_the_kernel_counts_is_its_largest() {
        assert_eq!(error_micros(Duration::from_secs(3600)), 16_000_000);
        assert_eq!(error_micros(Duration::from_secs(-1)), 0);
    }

    #[test]
    fn the_state_of_a_leap_second_in_progress_outranks_its_flag() {
        let mut answer = request(0);
        answer.status = libc::STA_INS;
        for (state, leap) in [
            (libc::TIME_INS, LeapState::Announced(LeapSecond::Insert)),
            // An unsynchronised clock returns TIME_ERROR and hides the state: the flag stays.
            (libc::TIME_ERROR, LeapState::Announced(LeapSecond::Insert)),
            (libc::TIME_OOP, LeapState::InProgress),
            (libc::TIME_WAIT, LeapState::Done),
        ] {
            assert_eq!(KernelStatus::parse(&answer, state).leap, leap);
        }
    }

    #[test]
    fn the_kernels_own_discipline_is_seen() {
        let mut answer = request(0);
        answer.tick = 10_000;
        answer.status = libc::STA_PLL | libc::STA_NANO;
        assert!(obeyed(&answer).kernel_discipline);
        answer.status = libc::STA_NANO;
        assert!(!obeyed(&answer).kernel_discipline);
    }

    #[test]
    fn a_tai_offset_that_the_kernel_would_ignore_is_refused() {
        assert_eq!(set_tai_offset(37).unwrap().constant, 37);
        assert!(set_tai_offset(-1).is_err());
        assert!(set_tai_offset(100_001).is_err());
    }

    proptest! {
        #[test]
        fn every_frequency_is_met_to_half_a_unit_within_the_kernels_limits(
            ratio in prop_oneof![-0.1..=0.1f64, -600e-6..600e-6f64]
        ) {
            let request = set_frequency(ratio).unwrap();
            prop_assert!((9000..=11_000).contains(&request.tick));
            prop_assert!(request.freq.abs() <= 32_768_000);
            prop_assert!((frequency(&request) - ratio).abs() <= 0.51 * PER_FREQUENCY);
        }

        #[test]
        fn every_step_is_within_half_a_nanosecond_and_well_formed(bits in any::<i64>()) {
            let by = Duration::from_bits(i128::from(bits) << 16);
            let (request, made) = step(by).unwrap();
            prop_assert!((0..1_000_000_000).contains(&request.time.tv_usec));
            prop_assert!((made - by).abs() <= Duration::from_nanos(1) / 2);
        }
    }
}
