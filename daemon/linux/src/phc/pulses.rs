//! Pulses that a PTP hardware clock stamps or puts out, and the pins they pass.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use clock_models::time::{self, Duration, Timestamp};
use nix::errno::Errno;
use nix::libc::c_uint;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::read;

use super::abi::{
    self, ClockTime, EVENT_OFFSET, EVENT_SIZE, EXTERNAL_ENABLE, EXTERNAL_FALLING, EXTERNAL_RISING,
    EXTERNAL_STRICT, EXTERNAL_V1, EXTERNAL_V2, ExternalRequest, OUTPUT_DUTY_CYCLE, OUTPUT_PHASE,
    OUTPUT_V1, OUTPUT_V2, OutputRequest, PIN_GET, PIN_SET, PinDescription,
};
use super::{Phc, PhcError};
use crate::bytes::field;

const EXTERNAL: &str = "stamp external pulses";
const READ: &str = "read the stamps of external pulses";
const OUTPUT: &str = "put out periodic pulses";
/// An output that starts at a given time starts so long from now at least: drivers refuse
/// or miss what is past when they come to it.
const LEAD: Duration = Duration::from_nanos(500_000_000);

/// A pin of a clock whose function can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Its number.
    pub index: u32,
    /// What the driver calls it.
    pub name: String,
    /// What it does now.
    pub function: PinFunction,
}

/// What a pin does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinFunction {
    /// Nothing.
    None,
    /// It takes the pulses that this channel stamps.
    ExternalStamps {
        /// The channel.
        channel: u32,
    },
    /// It puts out the pulses of this channel.
    PeriodicOutput {
        /// The channel.
        channel: u32,
    },
    /// It belongs to the synchronisation of the PHY, or to what this version does not know.
    Other,
}

/// Which edges of an external pulse are stamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edges {
    /// Low to high.
    Rising,
    /// High to low.
    Falling,
    /// Either; the stamps do not tell which.
    Both,
}

/// Whether the edges are those that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Polarity {
    /// The driver said so.
    AsAsked,
    /// The driver may stamp the other edge, or both: what comes is to be sorted by its
    /// distance in time, and the driver's documentation to be asked.
    UpToDriver,
}

/// A pulse that the clock stamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExternalStamp {
    /// The channel that took it.
    pub channel: u32,
    /// When it came, by this clock.
    pub at: Timestamp<time::Phc>,
}

/// Pulses to put out. One a second, on the second, is a period of 1 s and a phase of zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodicOutput {
    /// From rising edge to rising edge.
    pub period: Duration,
    /// From a whole multiple of the period, by this clock, to the rising edge: within the
    /// period.
    pub phase: Duration,
    /// From rising to falling edge, less than the period; `None` leaves it to the driver.
    pub width: Option<Duration>,
}

impl Phc {
    /// Its pins whose function can be chosen.
    ///
    /// # Errors
    /// [`PhcError::Gone`], or the refusal of the driver.
    pub fn pins(&self) -> Result<Vec<Pin>, PhcError> {
        (0..self.capabilities().pins).map(|index| self.pin(index)).collect()
    }

    fn pin(&self, index: u32) -> Result<Pin, PhcError> {
        let mut description = describe(index, PinFunction::None);
        let what = "tell the function of a pin";
        call(self.as_fd(), &PIN_GET, &mut description, what)?;
        Ok(Pin::parse(&description))
    }

    /// Gives pin `index` a function, and takes it from the pin that had that function and
    /// channel.
    ///
    /// # Errors
    /// [`PhcError::NoSuch`], [`PhcError::Unsupported`] where this pin cannot,
    /// [`PhcError::Busy`], [`PhcError::ReadOnly`]; a pin cannot be given
    /// [`PinFunction::Other`].
    pub fn set_pin(&mut self, index: u32, function: PinFunction) -> Result<(), PhcError> {
        let what = "give a pin this function";
        if function == PinFunction::Other {
            return Err(PhcError::Unsupported { what });
        }
        within("pin", index, self.capabilities().pins)?;
        call(self.as_fd(), &PIN_SET, &mut describe(index, function), what)
    }

    /// Has `channel` stamp the pulses that come, and says whether it tells their edges
    /// apart. The stamps come by [`Phc::external_stamps`].
    ///
    /// # Errors
    /// [`PhcError::NoSuch`], [`PhcError::Unsupported`], [`PhcError::Busy`] where no pin has
    /// this function, [`PhcError::ReadOnly`].
    pub fn stamp_external(&mut self, channel: u32, edges: Edges) -> Result<Polarity, PhcError> {
        within("channel of external stamps", channel, self.capabilities().external_stamps)?;
        let mut strict = external_request(channel, edges, EXTERNAL_STRICT);
        match EXTERNAL_V2.call(self.as_fd(), &mut strict) {
            Ok(()) => return Ok(Polarity::AsAsked),
            // ENOTTY: a kernel before 5.4.
            Err(Errno::ENOTTY | Errno::EOPNOTSUPP) => {}
            Err(reason) => return Err(PhcError::new(EXTERNAL, reason)),
        }
        let mut lenient = external_request(channel, edges, 0);
        call(self.as_fd(), &EXTERNAL_V1, &mut lenient, EXTERNAL)?;
        Ok(Polarity::UpToDriver)
    }

    /// Has `channel` stamp no more.
    ///
    /// # Errors
    /// As [`Phc::stamp_external`].
    pub fn end_external(&mut self, channel: u32) -> Result<(), PhcError> {
        within("channel of external stamps", channel, self.capabilities().external_stamps)?;
        let mut off = ExternalRequest { index: channel, ..ExternalRequest::default() };
        call(self.as_fd(), &EXTERNAL_V1, &mut off, "end the stamping of external pulses")
    }

    /// The stamps of external pulses, of all channels.
    ///
    /// # Errors
    /// The program has no more file descriptors.
    pub fn external_stamps(&self) -> io::Result<ExternalStamps> {
        self.as_fd().try_clone_to_owned().map(|device| ExternalStamps { device })
    }

    /// Has `channel` put out pulses. Returns their width as far as it is known: `None`
    /// where the driver decides.
    ///
    /// # Errors
    /// [`PhcError::Impossible`], [`PhcError::NoSuch`], [`PhcError::Unsupported`],
    /// [`PhcError::Busy`] where no pin has this function, [`PhcError::ReadOnly`].
    pub fn put_out(
        &mut self,
        channel: u32,
        output: PeriodicOutput,
    ) -> Result<Option<Duration>, PhcError> {
        within("channel of periodic output", channel, self.capabilities().periodic_outputs)?;
        let mut phased = phased(channel, &output).ok_or(PhcError::Impossible(output))?;
        if accepted(OUTPUT_V2.call(self.as_fd(), &mut phased))? {
            return Ok(output.width);
        }
        let started = started(channel, &output, self.now()?);
        let mut started = started.ok_or(PhcError::Impossible(output))?;
        if output.width.is_some() && accepted(OUTPUT_V2.call(self.as_fd(), &mut started))? {
            return Ok(output.width);
        }
        let mut plain = OutputRequest { flags: 0, on: ClockTime::default(), ..started };
        call(self.as_fd(), &OUTPUT_V1, &mut plain, OUTPUT).map(|()| None)
    }

    /// Has `channel` put out no more.
    ///
    /// # Errors
    /// As [`Phc::put_out`].
    pub fn end_output(&mut self, channel: u32) -> Result<(), PhcError> {
        within("channel of periodic output", channel, self.capabilities().periodic_outputs)?;
        let mut off = OutputRequest { index: channel, ..OutputRequest::default() };
        call(self.as_fd(), &OUTPUT_V1, &mut off, "end the output of pulses")
    }

    /// Has the clock tell the kernel its full seconds, which its `/dev/ppsN` then stamps
    /// ([`crate::pps::Pps`]), or end it. Needs `CAP_SYS_TIME`.
    ///
    /// # Errors
    /// [`PhcError::Unsupported`], or the kernel's refusal.
    pub fn tell_seconds(&mut self, on: bool) -> Result<(), PhcError> {
        let what = "tell the kernel the full seconds of the clock (which needs CAP_SYS_TIME)";
        abi::enable_pps(self.as_fd(), on).map_err(|reason| PhcError::new(what, reason))
    }
}

/// The stamps of external pulses, of all channels of a clock, read apart from it.
///
/// The kernel keeps 128 and drops further ones. Before Linux 6.7 all programs that have the
/// device open share them: what another one reads there is lost here, and
/// [`ExternalStamps::take`] may wait. So it is for a thread of its own.
#[derive(Debug)]
pub struct ExternalStamps {
    device: OwnedFd,
}

impl ExternalStamps {
    /// Waits until there may be one, or the clock is gone: true then, and false where `stop`
    /// has something to read, or its other end is gone.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn wait(&self, stop: BorrowedFd<'_>) -> Result<bool, PhcError> {
        let [device, stop] =
            [self.device.as_fd(), stop].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        let mut polled = [device, stop];
        match poll(&mut polled, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => Ok(!polled[1].any().unwrap_or(true)),
            Err(reason) => Err(PhcError::new(READ, reason)),
        }
    }

    /// Takes the next one, or `None` when there is none yet. Waits where another program has
    /// taken it in the very moment.
    ///
    /// # Errors
    /// [`PhcError::Gone`].
    pub fn take(&mut self) -> Result<Option<ExternalStamp>, PhcError> {
        let refused = |reason| PhcError::new(READ, reason);
        while is_readable(self.device.as_fd()).map_err(refused)? {
            let mut event = [0; EVENT_SIZE];
            match read(self.device.as_fd(), &mut event) {
                Ok(EVENT_SIZE) => {}
                Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
                Err(reason) => return Err(refused(reason)),
            }
            if let Some(stamp) = ExternalStamp::parse(&event) {
                return Ok(Some(stamp));
            }
        }
        Ok(None)
    }
}

impl Pin {
    fn parse(description: &PinDescription) -> Self {
        let name = description.name.split(|byte| *byte == 0).next().unwrap_or_default();
        let channel = description.channel;
        let function = match description.function {
            0 => PinFunction::None,
            1 => PinFunction::ExternalStamps { channel },
            2 => PinFunction::PeriodicOutput { channel },
            _ => PinFunction::Other,
        };
        let name = String::from_utf8_lossy(name).into_owned();
        Self { index: description.index, name, function }
    }
}

fn describe(index: u32, function: PinFunction) -> PinDescription {
    let (function, channel) = match function {
        PinFunction::None | PinFunction::Other => (0, 0),
        PinFunction::ExternalStamps { channel } => (1, channel),
        PinFunction::PeriodicOutput { channel } => (2, channel),
    };
    PinDescription { name: [0; 64], index, function, channel, reserved: [0; 5] }
}

impl ExternalStamp {
    /// `None` for an event that tells no time.
    fn parse(event: &[u8; EVENT_SIZE]) -> Option<Self> {
        let word = |offset| field(event, offset).map(u32::from_ne_bytes);
        let time = ClockTime {
            sec: i64::from_ne_bytes(field(event, 0)?),
            nsec: word(8)?,
            reserved: word(12)?,
        };
        let (channel, flags) = (word(16)?, word(20)?);
        let at = Timestamp::from_epoch(time.since_epoch());
        (flags & EVENT_OFFSET == 0).then_some(Self { channel, at })
    }
}

fn external_request(channel: u32, edges: Edges, strict: c_uint) -> ExternalRequest {
    let edges = match edges {
        Edges::Rising => EXTERNAL_RISING,
        Edges::Falling => EXTERNAL_FALLING,
        Edges::Both => EXTERNAL_RISING | EXTERNAL_FALLING,
    };
    let flags = EXTERNAL_ENABLE | edges | strict;
    ExternalRequest { index: channel, flags, reserved: [0; 2] }
}

/// The request by phase, which the driver starts as soon as it can. `None` for an output
/// that cannot be.
fn phased(channel: u32, output: &PeriodicOutput) -> Option<OutputRequest> {
    let inside = |part: Duration| !part.is_negative() && part < output.period;
    let width = output.width.unwrap_or_default();
    let has_width = output.width.is_none_or(|width| width > Duration::ZERO);
    if !inside(output.phase) || !inside(width) || !has_width {
        return None;
    }
    let duty_cycle = if output.width.is_some() { OUTPUT_DUTY_CYCLE } else { 0 };
    Some(OutputRequest {
        start: ClockTime::new(output.phase)?,
        period: ClockTime::new(output.period)?,
        index: channel,
        flags: OUTPUT_PHASE | duty_cycle,
        on: ClockTime::new(width)?,
    })
}

/// The request by the time of its first pulse, for drivers that know no phase.
fn started(
    channel: u32,
    output: &PeriodicOutput,
    now: Timestamp<time::Phc>,
) -> Option<OutputRequest> {
    let request = phased(channel, output)?;
    let (period, earliest) = (output.period.to_bits(), (now.since_epoch() + LEAD).to_bits());
    let periods = (earliest - output.phase.to_bits()).div_euclid(period) + 1;
    let start = Duration::from_bits(periods * period) + output.phase;
    let flags = request.flags & !OUTPUT_PHASE;
    Some(OutputRequest { start: ClockTime::new(start)?, flags, ..request })
}

/// Whether kernel and driver know this way of asking: before Linux 5.4 the request is
/// none, and before 5.9 its flags are invalid.
fn accepted(result: nix::Result<()>) -> Result<bool, PhcError> {
    match result {
        Ok(()) => Ok(true),
        Err(Errno::ENOTTY | Errno::EINVAL | Errno::EOPNOTSUPP) => Ok(false),
        Err(reason) => Err(PhcError::new(OUTPUT, reason)),
    }
}

fn within(kind: &'static str, number: u32, count: u32) -> Result<(), PhcError> {
    if number < count { Ok(()) } else { Err(PhcError::NoSuch { kind, number, count }) }
}

fn call<T>(
    device: BorrowedFd<'_>,
    request: &crate::device::Request<T>,
    data: &mut T,
    what: &'static str,
) -> Result<(), PhcError> {
    request.call(device, data).map_err(|reason| PhcError::new(what, reason))
}

/// A read of the device would wait in spite of `O_NONBLOCK`.
fn is_readable(device: BorrowedFd<'_>) -> nix::Result<bool> {
    let mut polled = [PollFd::new(device, PollFlags::POLLIN)];
    match poll(&mut polled, PollTimeout::ZERO) {
        Ok(0) | Err(Errno::EINTR) => Ok(false),
        // A clock that is gone polls as an error, and reading it says so.
        Ok(_) => Ok(true),
        Err(reason) => Err(reason),
    }
}

#[cfg(test)]
#[path = "pulses_tests.rs"]
mod tests;
