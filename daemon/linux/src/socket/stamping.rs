//! Time stamps of datagrams: asking the kernel for them, and taking them as the program.

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Free, Timestamp};
use nix::sys::socket::sockopt::{ReceiveTimestampns, Timestamping};
use nix::sys::socket::{TimestampingFlag, setsockopt};
use socket2::Socket;

/// Standard uncertainty of a stamp taken by the program, s.
///
/// Between the passage of the driver and the program lie an interrupt, the network stack
/// and the scheduler: 5 µs to 60 µs on an idle host, one-sided. As a rectangle 60 µs wide
/// that is 17 µs; a loaded host does worse, which shows as jitter.
pub const USER_SPACE_UNCERTAINTY: f64 = 20e-6;

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

/// The program's own stamp of something that happened between two times.
pub(crate) fn user_space(after: Timestamp<Free>, before: Timestamp<Free>) -> Stamp {
    let between = before - after;
    let uncertainty = (between.seconds() / 12_f64.sqrt()).hypot(USER_SPACE_UNCERTAINTY);
    Stamp { at: after + between / 2, uncertainty, by: StampedBy::UserSpace }
}

#[cfg(test)]
#[path = "stamping_tests.rs"]
mod tests;
