//! Pulses that the kernel stamps: `/dev/ppsN`, the PPS API of RFC 2783 as Linux has it.
//!
//! A pulse comes by a line of a serial port, a GPIO, or a PTP hardware clock. The kernel
//! stamps it by `CLOCK_REALTIME` in its interrupt; how late that is nobody tells, and it
//! is not in the uncertainty of the stamp.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::{Path, PathBuf};

use clock_models::comparison::Stamp;
use clock_models::time::{Duration, Timestamp, Utc};
use nix::errno::Errno;
use nix::libc::c_int;

use crate::clock::{ATTEMPTS, Conversion, cross_read};
use crate::device::{self, Request};

/// Which edge of a pulse, as the driver names them. On a serial port assert is the one
/// that sets the line; how that is wired is up to the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edge {
    /// The signal becomes active.
    Assert,
    /// It ends.
    Clear,
}

/// A pulse that the kernel stamped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pulse {
    /// Pulses that came since the last one that was fetched, and are lost.
    pub missed: u32,
    /// When it came. `None` where the stamp cannot be brought to the time base: the system
    /// clock was stepped, or the pulse fetched more than a second late.
    pub stamp: Option<Stamp>,
}

/// Why pulses cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PpsError {
    /// There is no such device now.
    #[error(
        "there is no PPS device {}: load its driver (pps-ldisc and ldattach for a serial port, \
         pps-gpio), or look whether a sandbox hides it (systemd: PrivateDevices=no and \
         DeviceAllow=char-pps rw)",
        .0.display()
    )]
    Missing(PathBuf),
    /// The rights to open the device are missing.
    #[error(
        "not allowed to open {}: let the group utcd read and write it by the udev rule of utcd \
         (60-utcd.rules), and the sandbox by DeviceAllow=char-pps rw (systemd)",
        .0.display()
    )]
    NotPermitted(PathBuf),
    /// The file is none.
    #[error("{} is not a PPS device", .0.display())]
    NotAPps(PathBuf),
    /// The hardware or its driver does not see this edge.
    #[error("the PPS device does not see the {0:?} edge: use the other one")]
    NoSuchEdge(Edge),
    /// The edge is not captured, and capturing it needs a privilege.
    #[error(
        "not allowed to have the {0:?} edge captured: grant CAP_SYS_TIME (systemd: \
         AmbientCapabilities= and CapabilityBoundingSet=, as in utcd.service)"
    )]
    MayNotCapture(Edge),
    /// It was unplugged, or its driver removed.
    #[error("the PPS device is gone: open it again when it is back")]
    Gone,
    /// The kernel's own reason.
    #[error("the kernel refuses to {what}: {reason}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// Its reason.
        reason: Errno,
    },
}

impl PpsError {
    fn opening(path: &Path, reason: Errno) -> Self {
        let path = path.to_owned();
        match reason {
            Errno::ENOENT | Errno::ENODEV | Errno::ENXIO => Self::Missing(path),
            Errno::EACCES | Errno::EPERM => Self::NotPermitted(path),
            reason => Self::Refused { what: "open the PPS device", reason },
        }
    }

    fn new(what: &'static str, reason: Errno) -> Self {
        match reason {
            Errno::ENODEV => Self::Gone,
            reason => Self::Refused { what, reason },
        }
    }
}

/// One edge of the pulses of a device.
#[derive(Debug)]
pub struct Pps {
    device: File,
    edge: Edge,
    /// Number of the last pulse that was fetched.
    last: u32,
    conversion: Conversion,
}

impl Pps {
    /// Opens `/dev/pps` `index`.
    ///
    /// # Errors
    /// As [`Pps::open_path`].
    pub fn open(index: u32, edge: Edge) -> Result<Self, PpsError> {
        Self::open_path(&PathBuf::from(format!("/dev/pps{index}")), edge)
    }

    /// Opens the device at `path` for the pulses that come from now on, by one of their
    /// edges, and has the kernel capture it without a correction of its own. That needs
    /// `CAP_SYS_TIME`, unless it is so already.
    ///
    /// # Errors
    /// [`PpsError`], but for [`PpsError::Gone`].
    pub fn open_path(path: &Path, edge: Edge) -> Result<Self, PpsError> {
        let device = device::open(path).map_err(|reason| PpsError::opening(path, reason))?;
        let mut modes = 0;
        GET_CAP.call(device.as_fd(), &mut modes).map_err(|reason| match reason {
            Errno::ENOTTY | Errno::EINVAL => PpsError::NotAPps(path.to_owned()),
            reason => PpsError::new("tell what the PPS device can do", reason),
        })?;
        if modes & edge.capture() == 0 {
            return Err(PpsError::NoSuchEdge(edge));
        }
        capture(device.as_fd(), edge)?;
        let last = edge.of(&fetch(device.as_fd())?).0;
        Ok(Self { device, edge, last, conversion: Conversion::new(cross_read(ATTEMPTS)) })
    }

    /// The newest pulse, or `None` when there is none since the last call.
    ///
    /// To be called soon after the pulse, as the uncertainty of its stamp grows by 0.3 µs
    /// per ms of age. The device wakes up an edge-triggered poll (epoll) at each pulse; a
    /// level-triggered one finds it readable at all times, until Linux 6.16.
    ///
    /// # Errors
    /// [`PpsError::Gone`], or the kernel's refusal.
    pub fn pulse(&mut self) -> Result<Option<Pulse>, PpsError> {
        let answer = fetch(self.device.as_fd())?;
        let now = cross_read(ATTEMPTS);
        let (number, at) = self.edge.of(&answer);
        let Some(missed) = missed(self.last, number) else { return Ok(None) };
        self.last = number;
        Ok(Some(Pulse { missed, stamp: self.conversion.convert(at, &now) }))
    }
}

impl AsFd for Pps {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

impl AsRawFd for Pps {
    fn as_raw_fd(&self) -> RawFd {
        self.device.as_raw_fd()
    }
}

/// Pulses between the one fetched last and the newest; `None` where that is the same.
fn missed(last: u32, newest: u32) -> Option<u32> {
    newest.wrapping_sub(last).checked_sub(1)
}

/// Has the kernel capture `edge`, and the other one too if it was captured.
fn capture(device: BorrowedFd<'_>, edge: Edge) -> Result<(), PpsError> {
    let mut params = Params::default();
    GET_PARAMS
        .call(device, &mut params)
        .map_err(|reason| PpsError::new("tell how the PPS device captures", reason))?;
    let mode = (params.mode | edge.capture()) & !edge.offset();
    if params.mode == mode {
        return Ok(());
    }
    params.api_version = API_VERSION;
    params.mode = mode;
    SET_PARAMS.call(device, &mut params).map_err(|reason| match reason {
        Errno::EPERM => PpsError::MayNotCapture(edge),
        reason => PpsError::new("set how the PPS device captures", reason),
    })
}

/// What was captured last. A time-out of zero asks for no wait.
fn fetch(device: BorrowedFd<'_>) -> Result<FetchData, PpsError> {
    let mut data = FetchData::default();
    FETCH
        .call(device, &mut data)
        .map_err(|reason| PpsError::new("read the pulses of the PPS device", reason))?;
    Ok(data)
}

/// `PPS_API_VERS_1`.
const API_VERSION: c_int = 1;

impl Edge {
    /// `PPS_CAPTUREASSERT`, `PPS_CAPTURECLEAR`.
    const fn capture(self) -> c_int {
        match self {
            Self::Assert => 0x01,
            Self::Clear => 0x02,
        }
    }

    /// `PPS_OFFSETASSERT`, `PPS_OFFSETCLEAR`: the kernel adds something to the stamp.
    const fn offset(self) -> c_int {
        self.capture() << 4
    }

    /// Number and time of the newest of these edges.
    fn of(self, data: &FetchData) -> (u32, Timestamp<Utc>) {
        let (number, time) = match self {
            Self::Assert => (data.assert_sequence, data.assert_time),
            Self::Clear => (data.clear_sequence, data.clear_time),
        };
        (number, Timestamp::from_secs(time.sec) + Duration::from_nanos(i64::from(time.nsec)))
    }
}

/// struct `pps_ktime`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct Time {
    sec: i64,
    nsec: i32,
    flags: u32,
}

/// struct `pps_kparams`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct Params {
    api_version: c_int,
    mode: c_int,
    assert_offset: Time,
    clear_offset: Time,
}

/// struct `pps_fdata`, which begins with struct `pps_kinfo`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct FetchData {
    assert_sequence: u32,
    clear_sequence: u32,
    assert_time: Time,
    clear_time: Time,
    current_mode: c_int,
    padding: c_int,
    timeout: Time,
}

// The size in these numbers is that of a pointer: linux/pps.h names one.
const GET_PARAMS: Request<Params> = {
    // SAFETY: linux/pps.h: the kernel writes a struct pps_kparams.
    unsafe { Request::new(nix::request_code_read!(b'p', 0xa1, size_of::<usize>())) }
};
const SET_PARAMS: Request<Params> = {
    // SAFETY: linux/pps.h: the kernel reads a struct pps_kparams.
    unsafe { Request::new(nix::request_code_write!(b'p', 0xa2, size_of::<usize>())) }
};
const GET_CAP: Request<c_int> = {
    // SAFETY: linux/pps.h: the kernel writes an int.
    unsafe { Request::new(nix::request_code_read!(b'p', 0xa3, size_of::<usize>())) }
};
const FETCH: Request<FetchData> = {
    // SAFETY: linux/pps.h: the kernel reads and writes a struct pps_fdata.
    unsafe { Request::new(nix::request_code_readwrite!(b'p', 0xa4, size_of::<usize>())) }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structures_are_as_large_as_those_of_the_kernel() {
        assert_eq!(size_of::<Params>(), 40);
        assert_eq!(size_of::<FetchData>(), 64);
        assert_eq!(std::mem::offset_of!(FetchData, timeout), 48);
    }

    #[test]
    fn each_edge_has_its_own_number_and_time() {
        let data = FetchData {
            assert_sequence: 7,
            clear_sequence: 8,
            assert_time: Time { sec: 100, nsec: 5, flags: 0 },
            clear_time: Time { sec: 100, nsec: 200_000_005, flags: 0 },
            ..FetchData::default()
        };
        let at = |nanos| Timestamp::from_secs(100) + Duration::from_nanos(nanos);
        assert_eq!(Edge::Assert.of(&data), (7, at(5)));
        assert_eq!(Edge::Clear.of(&data), (8, at(200_000_005)));
    }

    #[test]
    fn pulses_that_were_not_fetched_are_counted_also_when_their_number_wraps() {
        assert_eq!(missed(7, 7), None);
        assert_eq!(missed(7, 8), Some(0));
        assert_eq!(missed(u32::MAX, 2), Some(2));
    }

    #[test]
    fn what_cannot_be_opened_says_what_to_do() {
        let missing = Pps::open(4_000_000, Edge::Assert).unwrap_err();
        assert_eq!(missing, PpsError::Missing("/dev/pps4000000".into()));
        assert!(missing.to_string().contains("pps-ldisc"));
        let other = Pps::open_path(Path::new("/dev/null"), Edge::Assert).unwrap_err();
        assert_eq!(other, PpsError::NotAPps("/dev/null".into()));
    }
}
