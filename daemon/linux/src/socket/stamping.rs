//! Kernel time stamps: asking for them, and bringing them to the time base.
//!
//! The kernel stamps with `CLOCK_REALTIME`, which is steered and stepped; everything
//! else counts in the free-running time base. A stamp is brought there by how old it is
//! on a [`CrossReading`] taken when it is read.

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Duration, Free, Timestamp, Utc};
use nix::sys::socket::sockopt::{ReceiveTimestampns, Timestamping};
use nix::sys::socket::{TimestampingFlag, setsockopt};
use socket2::Socket;

use crate::clock::CrossReading;

/// Standard uncertainty of a stamp taken by the program, s.
///
/// Between the passage of the driver and the program lie an interrupt, the network stack
/// and the scheduler: 5 µs to 60 µs on an idle host, one-sided. As a rectangle 60 µs wide
/// that is 17 µs; a loaded host does worse, which shows as jitter.
pub const USER_SPACE_UNCERTAINTY: f64 = 20e-6;

/// An older stamp says more of a fault than of its datagram.
const LARGEST_AGE: Duration = Duration::SECOND;
/// By how much readings may disagree beyond their windows before it was a step.
const STEP_TOLERANCE: Duration = Duration::from_nanos(1000);
/// The rate of the system clock is measured over this many windows: to 10 ppm.
const RATE_BASE: i64 = 100_000;
/// Frequency that the kernel may give the clock between two measurements of it.
const ORDINARY_STEERING: f64 = 500e-6;
/// Standard uncertainty of a stamp in whole nanoseconds, s.
const RESOLUTION: f64 = 0.289e-9;

/// Who stamps the datagrams of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamping {
    /// Those that come.
    pub receive: StampedBy,
    /// Those that go.
    pub transmit: StampedBy,
}

/// Which stamps a socket needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Of what comes; answers of a server go unstamped.
    Receive,
    /// Of what comes and goes.
    Both,
}

/// Asks for the kernel's stamps; says what it grants.
pub(crate) fn enable(socket: &Socket, wanted: Wanted) -> Stamping {
    let flags = match wanted {
        Wanted::Receive => receiving(),
        Wanted::Both => receiving() | transmitting(),
    };
    if setsockopt(socket, Timestamping, &flags).is_ok() {
        let transmit = match wanted {
            Wanted::Receive => StampedBy::UserSpace,
            Wanted::Both => StampedBy::Kernel,
        };
        return Stamping { receive: StampedBy::Kernel, transmit };
    }
    Stamping { receive: receive_only(socket), transmit: StampedBy::UserSpace }
}

/// The older option, where SO_TIMESTAMPING is refused: some sandboxes and emulations.
fn receive_only(socket: &Socket) -> StampedBy {
    match setsockopt(socket, ReceiveTimestampns, &true) {
        Ok(()) => StampedBy::Kernel,
        Err(_) => StampedBy::UserSpace,
    }
}

/// Lets the kernel number the datagrams from 0 again: it does so where OPT_ID becomes set.
pub(crate) fn restart_numbers(socket: &Socket) -> nix::Result<()> {
    let without = (receiving() | transmitting()) - TimestampingFlag::SOF_TIMESTAMPING_OPT_ID;
    setsockopt(socket, Timestamping, &without)?;
    setsockopt(socket, Timestamping, &(receiving() | transmitting()))
}

fn receiving() -> TimestampingFlag {
    TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE | TimestampingFlag::SOF_TIMESTAMPING_RX_SOFTWARE
}

/// OPT_TSONLY: the stamp alone comes back, without the datagram, for which an
/// unprivileged program may not ask everywhere (sysctl net.core.tstamp_allow_data).
fn transmitting() -> TimestampingFlag {
    TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE
        | TimestampingFlag::SOF_TIMESTAMPING_OPT_ID
        | TimestampingFlag::SOF_TIMESTAMPING_OPT_TSONLY
}

/// Brings stamps of `CLOCK_REALTIME` to the free-running time base.
#[derive(Debug)]
pub(crate) struct Conversion {
    /// The last reading from which the rate was taken.
    base: CrossReading,
    /// Rate of the system clock against the time base, ratio − 1.
    rate: f64,
    /// No step has been seen since.
    steady_since: Timestamp<Free>,
}

impl Conversion {
    /// To be made before the first datagram can be stamped.
    pub(crate) fn new(now: CrossReading) -> Self {
        Self { base: now, rate: 0.0, steady_since: now.raw }
    }

    /// The kernel's `stamp` on the time base, with a reading taken right after it was read.
    ///
    /// `None` where the system clock may have been stepped in between (see
    /// [`CrossReading::stepped`]), or the age is not that of a stamp: less than none or
    /// more than a second. The standard uncertainty is that of the reading, of whole
    /// nanoseconds, and of the rate over the age: 500 ppm or what is measured, if more, as
    /// half-width of a rectangle, 14 ns at an age of 50 µs. Only a slew of the system clock
    /// by more than 500 ppm that began within the last few ms escapes it.
    pub(crate) fn convert(&mut self, stamp: Timestamp<Utc>, now: &CrossReading) -> Option<Stamp> {
        self.observe(now);
        let age = now.realtime - stamp;
        if age + STEP_TOLERANCE + now.window < Duration::ZERO || age > LARGEST_AGE {
            return None;
        }
        let gained = Duration::from_seconds(age.seconds() * self.rate / (1.0 + self.rate))?;
        let at = now.raw - age + gained;
        if at < self.steady_since {
            return None;
        }
        let rate = self.rate.abs().max(ORDINARY_STEERING) / 3_f64.sqrt();
        let uncertainty = now.uncertainty().hypot(age.seconds() * rate).hypot(RESOLUTION);
        Some(Stamp { at, uncertainty, by: StampedBy::Kernel })
    }

    fn observe(&mut self, now: &CrossReading) {
        let windows = self.base.window + now.window;
        let stepped = now.stepped - self.base.stepped;
        if stepped.abs() > windows + STEP_TOLERANCE {
            self.base = *now;
            self.steady_since = now.raw;
            return;
        }
        let elapsed = now.raw - self.base.raw;
        if elapsed > windows * RATE_BASE {
            let gained = now.realtime - self.base.realtime - stepped - elapsed;
            self.rate = gained.seconds() / elapsed.seconds();
            self.base = *now;
        }
    }
}

/// The program's own stamp of something that happened between two times.
pub(crate) fn user_space(after: Timestamp<Free>, before: Timestamp<Free>) -> Stamp {
    let between = before - after;
    let uncertainty = (between.seconds() / 12_f64.sqrt()).hypot(USER_SPACE_UNCERTAINTY);
    Stamp { at: after + between / 2, uncertainty, by: StampedBy::UserSpace }
}

#[cfg(test)]
#[path = "stamping_tests.rs"]
mod tests;
