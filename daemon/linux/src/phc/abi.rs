//! Structures and requests of linux/ptp_clock.h, laid out as there.

use std::os::fd::{AsRawFd, BorrowedFd};

use clock_models::time::Duration;
use nix::errno::Errno;
use nix::libc::{self, c_int, c_uint, c_ulong, clockid_t};

use crate::device::Request;

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
    /// From a time since the epoch of its clock, rounded down; `None` beyond 64 bits of
    /// seconds.
    pub(super) fn new(since_epoch: Duration) -> Option<Self> {
        let nsec = since_epoch.subsec().floor_nanos() as u32;
        Some(Self { sec: i64::try_from(since_epoch.floor_secs()).ok()?, nsec, reserved: 0 })
    }

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

/// struct `ptp_extts_request`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ExternalRequest {
    pub(super) index: c_uint,
    pub(super) flags: c_uint,
    pub(super) reserved: [c_uint; 2],
}

/// struct `ptp_perout_request`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct OutputRequest {
    /// With [`OUTPUT_PHASE`] the phase, without it the time of the first pulse.
    pub(super) start: ClockTime,
    /// Zero turns the output off.
    pub(super) period: ClockTime,
    pub(super) index: c_uint,
    pub(super) flags: c_uint,
    /// With [`OUTPUT_DUTY_CYCLE`] the width, without it zero.
    pub(super) on: ClockTime,
}

/// struct `ptp_pin_desc`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct PinDescription {
    pub(super) name: [u8; 64],
    pub(super) index: c_uint,
    /// `enum ptp_pin_function`.
    pub(super) function: c_uint,
    pub(super) channel: c_uint,
    pub(super) reserved: [c_uint; 5],
}

/// struct `ptp_extts_event`, as bytes of a read(2).
pub(super) const EVENT_SIZE: usize = 32;

pub(super) const EXTERNAL_ENABLE: c_uint = 1 << 0;
pub(super) const EXTERNAL_RISING: c_uint = 1 << 1;
pub(super) const EXTERNAL_FALLING: c_uint = 1 << 2;
pub(super) const EXTERNAL_STRICT: c_uint = 1 << 3;
/// Mark of an event that tells a difference and no time (`PTP_EXT_OFFSET`).
pub(super) const EVENT_OFFSET: c_uint = 1 << 4;
pub(super) const OUTPUT_DUTY_CYCLE: c_uint = 1 << 1;
pub(super) const OUTPUT_PHASE: c_uint = 1 << 2;

/// These take no flags but of the edges, which a driver may overlook.
pub(super) const EXTERNAL_V1: Request<ExternalRequest> = writes(2);
/// Since Linux 5.4. Drivers refuse flags that they do not heed.
pub(super) const EXTERNAL_V2: Request<ExternalRequest> = writes(11);
pub(super) const OUTPUT_V1: Request<OutputRequest> = writes(3);
pub(super) const OUTPUT_V2: Request<OutputRequest> = writes(12);

// The second versions of these, since Linux 5.4, do the same: the first ones do.
pub(super) const GET_CAPS: Request<Caps> = reads(1);
/// The header says that the kernel only reads this; it writes the times there.
pub(super) const SYS_OFFSET: Request<SysOffset> = writes(5);
pub(super) const SYS_OFFSET_PRECISE: Request<SysOffsetPrecise> = exchanges(8);
pub(super) const SYS_OFFSET_EXTENDED: Request<SysOffsetExtended> = exchanges(9);
pub(super) const PIN_GET: Request<PinDescription> = exchanges(6);
pub(super) const PIN_SET: Request<PinDescription> = writes(7);

/// `PTP_ENABLE_PPS`: whether the clock tells the kernel its full seconds.
pub(super) fn enable_pps(device: BorrowedFd<'_>, on: bool) -> nix::Result<()> {
    const CODE: c_ulong = nix::request_code_write!(MAGIC, 4, size_of::<c_int>());
    // SAFETY: the kernel takes the argument of this request by value.
    let result = unsafe { libc::ioctl(device.as_raw_fd(), CODE, c_ulong::from(on)) };
    Errno::result(result).map(drop)
}

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
        assert_eq!(size_of::<ExternalRequest>(), 16);
        assert_eq!(size_of::<OutputRequest>(), 56);
        assert_eq!(size_of::<PinDescription>(), 96);
    }

    #[test]
    fn nanoseconds_count_upwards_before_the_epoch_too() {
        let time = ClockTime { sec: -1, nsec: 999_999_999, reserved: 0 };
        assert_eq!(time.since_epoch(), Duration::from_nanos(-1));
        assert_eq!(ClockTime::new(Duration::from_nanos(-1)), Some(time));
    }
}
