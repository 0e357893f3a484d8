//! PTP hardware clocks (PHC): the clocks of network interfaces that stamp, `/dev/ptpN`.
//!
//! Reading one needs read access to its device, steering it write access, and neither
//! needs `CAP_SYS_TIME`. Nobody keeps a second program from steering it too.

mod abi;
mod cross;
mod error;
mod pulses;

use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clock_models::time::{self, Duration, Timestamp};
use nix::errno::Errno;
use nix::libc::{self, c_int};
use nix::time::{ClockId, clock_gettime};

use crate::clock::adjust::{self, adjust};
use crate::clock::{ClockError, timex};
use crate::device;
use abi::{Caps, GET_CAPS};
use cross::Reader;

pub use cross::{CrossMethod, PhcReading};
pub use error::PhcError;
pub use pulses::{
    Edges, ExternalStamp, ExternalStamps, PeriodicOutput, Pin, PinFunction, Polarity,
};

/// Longest step that the kernel can hand to a driver, ns: it counts them in 63 bits and
/// would make another one of a longer step.
const LONGEST_STEP: i128 = i64::MAX as i128;

/// What a PTP hardware clock can do.
#[derive(Debug, Clone, PartialEq)]
pub struct PhcCapabilities {
    /// What its driver calls it; several clocks may bear one name. Empty where the kernel
    /// does not tell.
    pub name: String,
    /// As far as its frequency can be set, ratio: ± this. 0 where it cannot be steered.
    pub max_frequency: f64,
    /// Pins whose function can be chosen. Without any, those that exist are fixed.
    pub pins: u32,
    /// Channels that stamp external pulses.
    pub external_stamps: u32,
    /// Channels that put out periodic pulses.
    pub periodic_outputs: u32,
    /// It can tell its full seconds to the kernel, which then has a `/dev/ppsN` for it.
    pub pps: bool,
    /// How it is read together with the system. A single reading may fall back to a lesser
    /// way, and says so.
    pub cross: CrossMethod,
}

impl PhcCapabilities {
    fn new(caps: &Caps, name: String, cross: CrossMethod) -> Self {
        let count = |count: c_int| u32::try_from(count).unwrap_or(0);
        Self {
            name,
            max_frequency: f64::from(count(caps.max_adj)) * 1e-9,
            pins: count(caps.n_pins),
            external_stamps: count(caps.n_ext_ts),
            periodic_outputs: count(caps.n_per_out),
            pps: caps.pps != 0,
            cross,
        }
    }
}

/// An open PTP hardware clock.
///
/// Whoever steers holds it: the methods that change the clock take `&mut self`.
#[derive(Debug)]
pub struct Phc {
    device: File,
    index: u32,
    physical: Option<u32>,
    capabilities: PhcCapabilities,
    reader: Reader,
}

impl Phc {
    /// Opens `/dev/ptp` `index`, for reading alone where writing is not allowed.
    ///
    /// # Errors
    /// As [`Phc::open_path`].
    pub fn open(index: u32) -> Result<Self, PhcError> {
        Self::open_path(&PathBuf::from(format!("/dev/ptp{index}")))
    }

    /// Opens the device at `path`, which may be a link such as `/dev/ptp_kvm`, for reading
    /// alone where writing is not allowed.
    ///
    /// # Errors
    /// [`PhcError::Missing`], [`PhcError::NotPermitted`], [`PhcError::NotAClock`], or as
    /// [`Phc::cross_read`], which is tried.
    pub fn open_path(path: &Path) -> Result<Self, PhcError> {
        let device = device::open(path).map_err(|reason| PhcError::opening(path, reason))?;
        let mut caps = Caps::default();
        GET_CAPS.call(device.as_fd(), &mut caps).map_err(|reason| match reason {
            Errno::ENOTTY | Errno::EINVAL => PhcError::not_a_clock(path),
            reason => PhcError::new("tell what the PTP hardware clock can do", reason),
        })?;
        let node =
            device.metadata().map_err(|error| PhcError::opening(path, device::errno(&error)))?;
        // The kernel numbers its devices as it names them.
        let index = libc::minor(node.rdev());
        let reader = Reader::probe(device.as_fd())?;
        let capabilities = PhcCapabilities::new(&caps, error::clock_name(index), reader.method());
        Ok(Self { device, index, physical: physical(index), capabilities, reader })
    }

    /// The number in `/dev/ptpN`, by which interfaces name their clock.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// The index of the clock that it is a virtual clock of: a count of its own of the ticks
    /// of that one. `None` where it is none.
    #[must_use]
    pub const fn physical(&self) -> Option<u32> {
        self.physical
    }

    /// What it can do.
    #[must_use]
    pub const fn capabilities(&self) -> &PhcCapabilities {
        &self.capabilities
    }

    /// What it shows; µs may pass on the way.
    ///
    /// # Errors
    /// [`PhcError::Gone`], or the refusal of the driver.
    pub fn now(&self) -> Result<Timestamp<time::Phc>, PhcError> {
        let time = clock_gettime(ClockId::from_raw(self.clock()))
            .map_err(|reason| PhcError::new("read the PTP hardware clock", reason))?;
        let subsec = Duration::from_nanos(time.tv_nsec());
        Ok(Timestamp::from_epoch(Duration::from_secs(time.tv_sec()) + subsec))
    }

    /// Reads it together with the time base of the host, the best of `attempts` (1 to 25;
    /// others are taken as the nearest): the one with the smallest window. Where the
    /// hardware latches both, there is but one.
    ///
    /// # Errors
    /// [`PhcError::Gone`], [`PhcError::Stepped`], or the refusal of the driver.
    pub fn cross_read(&self, attempts: u32) -> Result<PhcReading, PhcError> {
        self.reader.read(self.device.as_fd(), attempts)
    }

    /// The frequency it is given beyond that of its oscillator, ratio − 1, as it was set
    /// last: 0 before that, whatever the hardware does.
    ///
    /// # Errors
    /// [`PhcError::Gone`], or the refusal of the driver.
    pub fn frequency(&self) -> Result<f64, PhcError> {
        let mut answer = timex::request(0);
        let what = "read the frequency of the PTP hardware clock";
        adjust::call(self.clock(), &mut answer).map_err(|reason| PhcError::new(what, reason))?;
        Ok(timex::fine_frequency(&answer))
    }

    /// Makes the clock run by `ratio` (1e-6 is 1 ppm; positive: faster) off the rate of its
    /// oscillator, within ± [`PhcCapabilities::max_frequency`]. Returns the frequency as
    /// set, in steps of 2⁻¹⁶ ppm; those of the hardware may be coarser.
    ///
    /// # Errors
    /// [`ClockError::OutOfRange`] beyond the range, otherwise the kernel's refusal.
    pub fn set_frequency(&mut self, ratio: f64) -> Result<f64, ClockError> {
        let mut request = timex::set_fine_frequency(ratio, self.capabilities.max_frequency)?;
        adjust(self.clock(), &mut request, "set the frequency of the PTP hardware clock")?;
        Ok(timex::fine_frequency(&request))
    }

    /// Steps the clock by `by` (positive: ahead), rounded to a nanosecond, and returns the
    /// step as made.
    ///
    /// # Errors
    /// [`ClockError::OutOfRange`] beyond 292 years, otherwise the kernel's refusal.
    pub fn step(&mut self, by: Duration) -> Result<Duration, ClockError> {
        let (mut request, made) = timex::step(by)?;
        if made.abs().floor_nanos() > LONGEST_STEP {
            return Err(ClockError::OutOfRange { what: format!("a step of {by:?}") });
        }
        adjust(self.clock(), &mut request, "step the PTP hardware clock")?;
        Ok(made)
    }

    /// The number by which calls for POSIX clocks know an open device: its descriptor
    /// under the mark of the kind (`FD_TO_CLOCKID` of the kernel, clock_gettime(2)).
    fn clock(&self) -> libc::clockid_t {
        const CLOCKFD: libc::clockid_t = 3;
        (!self.device.as_raw_fd() << 3) | CLOCKFD
    }
}

/// The clock that the one of this index is a virtual clock of: its parent among the devices
/// of the kernel is a clock then.
fn physical(index: u32) -> Option<u32> {
    let clock = |index| PathBuf::from(format!("/sys/class/ptp/ptp{index}"));
    let parent = fs::canonicalize(clock(index).join("device")).ok()?;
    let physical = parent.file_name()?.to_str()?.strip_prefix("ptp")?.parse().ok()?;
    (fs::canonicalize(clock(physical)).ok()? == parent).then_some(physical)
}

impl AsFd for Phc {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

impl AsRawFd for Phc {
    fn as_raw_fd(&self) -> RawFd {
        self.device.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_does_not_exist_is_said_to_be_missing() {
        let error = Phc::open(4_000_000).unwrap_err();
        assert!(matches!(error, PhcError::Missing { .. }), "{error}");
        assert!(error.to_string().contains("/dev/ptp4000000"), "{error}");
    }

    #[test]
    fn another_device_is_no_clock() {
        let error = Phc::open_path(Path::new("/dev/null")).unwrap_err();
        assert!(matches!(error, PhcError::NotAClock { .. }), "{error}");
    }

    #[test]
    fn capabilities_are_those_that_the_driver_tells() {
        let caps = Caps { max_adj: 62_499_999, n_pins: 4, n_ext_ts: 2, pps: 1, ..Caps::default() };
        let told = PhcCapabilities::new(&caps, "igb".to_owned(), CrossMethod::Extended);
        assert!((told.max_frequency - 62_499_999e-9).abs() < 1e-15);
        assert_eq!((told.pins, told.external_stamps, told.periodic_outputs), (4, 2, 0));
        assert!(told.pps);
        let nonsense = Caps { max_adj: -1, n_pins: -1, ..Caps::default() };
        let told = PhcCapabilities::new(&nonsense, String::new(), CrossMethod::Plain);
        assert_eq!((told.max_frequency, told.pins, told.pps), (0.0, 0, false));
    }
}
