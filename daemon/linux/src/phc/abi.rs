//! Structures and requests of linux/ptp_clock.h, laid out as there.

use clock_models::time::Duration;
use nix::libc::{c_int, c_uint, clockid_t};

use crate::ioctl::Request;

/// So many readings one request can take (`PTP_MAX_SAMPLES`).
pub(super) const MAX_SAMPLES: u32 = 25;

/// struct `ptp_clock_time`: seconds, and nanoseconds to add to them.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ClockTime {
    pub(super) sec: i64,
    pub(super) nsec: u32,
    pub(super) reserved: u32,
}

impl ClockTime {
    /// As a time since the epoch of its clock.
    pub(super) fn since_epoch(self) -> Duration {
        Duration::from_secs(self.sec) + Duration::from_nanos(i64::from(self.nsec))
    }
}

/// struct `ptp_clock_caps`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Caps {
    /// ppb.
    pub(super) max_adj: c_int,
    pub(super) n_alarm: c_int,
    pub(super) n_ext_ts: c_int,
    pub(super) n_per_out: c_int,
    pub(super) pps: c_int,
    pub(super) n_pins: c_int,
    pub(super) cross_timestamping: c_int,
    pub(super) adjust_phase: c_int,
    pub(super) max_phase_adj: c_int,
    pub(super) reserved: [c_int; 11],
}

/// struct `ptp_sys_offset`: times of the system and of the clock in turn, the system's
/// first and last.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct SysOffset {
    pub(super) n_samples: c_uint,
    pub(super) reserved: [c_uint; 3],
    pub(super) ts: [ClockTime; 2 * MAX_SAMPLES as usize + 1],
}

/// struct `ptp_sys_offset_extended`: system, clock, system for each reading.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct SysOffsetExtended {
    pub(super) n_samples: c_uint,
    /// Clock of the system's times. Before Linux 6.12 this must be 0, which is
    /// `CLOCK_REALTIME`.
    pub(super) clock: clockid_t,
    pub(super) reserved: [c_uint; 2],
    pub(super) ts: [[ClockTime; 3]; MAX_SAMPLES as usize],
}

/// struct `ptp_sys_offset_precise`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SysOffsetPrecise {
    pub(super) device: ClockTime,
    pub(super) sys_realtime: ClockTime,
    pub(super) sys_monoraw: ClockTime,
    pub(super) reserved: [c_uint; 4],
}

// The second versions of these, since Linux 5.4, do the same: the first ones do.
pub(super) const GET_CAPS: Request<Caps> = reads(1);
/// The header says that the kernel only reads this; it writes the times there.
pub(super) const SYS_OFFSET: Request<SysOffset> = writes(5);
pub(super) const SYS_OFFSET_PRECISE: Request<SysOffsetPrecise> = exchanges(8);
pub(super) const SYS_OFFSET_EXTENDED: Request<SysOffsetExtended> = exchanges(9);

/// `PTP_CLK_MAGIC`. The kernel finds out by the size in the number if `T` is not its own.
const MAGIC: u8 = b'=';

const fn reads<T>(number: u8) -> Request<T> {
    // SAFETY: `T` is a structure of integers, laid out as in linux/ptp_clock.h.
    unsafe { Request::new(nix::request_code_read!(MAGIC, number, size_of::<T>())) }
}

const fn writes<T>(number: u8) -> Request<T> {
    // SAFETY: as in `reads`.
    unsafe { Request::new(nix::request_code_write!(MAGIC, number, size_of::<T>())) }
}

const fn exchanges<T>(number: u8) -> Request<T> {
    // SAFETY: as in `reads`.
    unsafe { Request::new(nix::request_code_readwrite!(MAGIC, number, size_of::<T>())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structures_are_as_large_as_those_of_the_kernel() {
        assert_eq!(size_of::<ClockTime>(), 16);
        assert_eq!(size_of::<Caps>(), 80);
        assert_eq!(size_of::<SysOffset>(), 16 + 51 * 16);
        assert_eq!(size_of::<SysOffsetExtended>(), 16 + 75 * 16);
        assert_eq!(size_of::<SysOffsetPrecise>(), 64);
    }

    #[test]
    fn nanoseconds_count_upwards_before_the_epoch_too() {
        let time = ClockTime { sec: -1, nsec: 999_999_999, reserved: 0 };
        assert_eq!(time.since_epoch(), Duration::from_nanos(-1));
    }
}
