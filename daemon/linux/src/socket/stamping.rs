//! Time stamps of the kernel and the NIC: asking for them, and taking them as the program.
//! A NIC's stay on its own clock.

use std::fs;
use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Free, Timestamp};
use nix::errno::Errno;
use nix::libc::{self, c_uint};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use socket2::Socket;

use super::departures::Awaits;
use crate::capability::net_raw_of_host;
use crate::interface::{HardwareStamping, NoHardware, Purpose, prepare, prepare_one_step};

/// Standard uncertainty of a stamp taken by the program, s.
///
/// Between the passage of the driver and the program lie an interrupt, the network stack
/// and the scheduler: 5 µs to 60 µs on an idle host, one-sided. As a rectangle 60 µs wide
/// that is 17 µs; a loaded host does worse, which shows as jitter.
pub const USER_SPACE_UNCERTAINTY: f64 = 20e-6;

/// Who stamps the datagrams of a socket, as granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamping {
    /// Those that come: [`Received::stamp`](super::Received::stamp).
    pub receive: StampedBy,
    /// Those that go: [`Notice::Transmitted`](super::Notice::Transmitted).
    pub transmit: StampedBy,
    /// The NIC that stamps too. `None` where it was not asked for or does not, and for a
    /// server that listens on all addresses: there each stamp says whose it is.
    pub hardware: Option<HardwareStamping>,
    /// Why there are no hardware stamps, where they were asked for.
    pub refused: Option<NoHardware>,
}

/// Whether the NIC is to stamp the datagrams of a socket, beside the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hardware {
    /// No.
    Unwanted,
    /// With its own clock. Where it cannot, or may not, the kernel's stamps are all there
    /// is, and [`Stamping::refused`] says why.
    Wanted,
    /// The same, and it says itself, in the Pdelay_Resp of PTP that leave, how long the request
    /// was kept, where it may be asked for that: [`HardwareStamping::one_step`].
    OneStep,
    /// With a virtual clock of its own one: the kernel turns each stamp into what that clock
    /// shows. With its own one where that is another one, or the socket is not for a certain
    /// interface.
    Virtual {
        /// N of its `/dev/ptpN`.
        clock: u32,
        /// The same of the clock that it is a virtual clock of.
        of: u32,
    },
}

impl Hardware {
    /// What comes of it where the NIC has the clock of this index.
    fn on(self, phc: Option<u32>) -> Self {
        match self {
            Self::Virtual { of, .. } if phc != Some(of) => Self::Wanted,
            as_asked => as_asked,
        }
    }
}

/// Which stamps a socket needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Of what comes.
    Receive,
    /// Of what comes and goes.
    Both,
}

/// Stamps of the NIC, once it was made ready for them.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    wanted: Hardware,
    stamping: Option<HardwareStamping>,
    refused: Option<NoHardware>,
    /// The transmit stamp tells the interface it was taken on.
    told: bool,
}

impl Ready {
    /// Makes the NIC behind `interface` ready, if its stamps are wanted.
    pub(crate) fn on(wanted: Hardware, interface: &str, purpose: Purpose) -> Self {
        if wanted == Hardware::Unwanted {
            return Self::none();
        }
        let granted = match wanted {
            Hardware::OneStep => prepare_one_step(interface, purpose),
            _ => prepare(interface, purpose),
        };
        match granted {
            Ok(stamping) => {
                let wanted = wanted.on(stamping.phc);
                Self { wanted, stamping: Some(stamping), ..Self::none() }
            }
            Err(reason) => Self { refused: Some(reason), ..Self::none() },
        }
    }

    /// Takes the stamps of whatever NIC makes some.
    pub(crate) fn anywhere(wanted: Hardware) -> Self {
        Self { wanted: wanted.on(None), ..Self::none() }
    }

    /// For sockets whose stamps matter to nobody.
    pub(crate) const fn none() -> Self {
        Self { wanted: Hardware::Unwanted, stamping: None, refused: None, told: false }
    }

    /// Lets transmit stamps tell the interface. Only UDP can, and only if the kernel hands
    /// back the datagram with it, which tells the interface.
    pub(crate) fn telling(self) -> Self {
        Self { told: self.wanted != Hardware::Unwanted && hands_back_datagrams(), ..self }
    }

    /// Binds the socket to its interface, where stamps are to be of a virtual clock: the
    /// kernel looks there for the interface whose clock it is.
    pub(crate) fn bind_device(&self, socket: &Socket, interface: &str) -> io::Result<()> {
        match self.wanted {
            Hardware::Virtual { .. } => socket.bind_device(Some(interface.as_bytes())),
            Hardware::Unwanted | Hardware::Wanted | Hardware::OneStep => Ok(()),
        }
    }

    /// What was asked for, as far as it was not refused.
    pub(crate) const fn wanted(&self) -> Hardware {
        self.wanted
    }

    /// [`Ready::telling`] is in force.
    pub(crate) const fn tells(&self) -> bool {
        self.told
    }
}

/// Whether the kernel hands back a datagram with its transmit stamp. It drops the stamp of a
/// socket that asks for both where it does not: it does so for a socket that was opened with
/// CAP_NET_RAW on the host, and for all if the sysctl says so, as it does if nobody has
/// changed it. (A sandbox may hide the sysctl: systemd's ProcSubset=pid.)
fn hands_back_datagrams() -> bool {
    net_raw_of_host()
        || fs::read_to_string("/proc/sys/net/core/tstamp_allow_data")
            .is_ok_and(|allowed| allowed.trim() == "1")
}

/// What SO_TIMESTAMPING is set to: struct so_timestamping.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Flags {
    flags: c_uint,
    /// The virtual clock that stamps, with SOF_TIMESTAMPING_BIND_PHC.
    clock: c_uint,
}

impl Flags {
    fn new(wanted: Wanted, ready: &Ready) -> Self {
        let both = wanted == Wanted::Both;
        let mut flags = libc::SOF_TIMESTAMPING_SOFTWARE | libc::SOF_TIMESTAMPING_RX_SOFTWARE;
        if both {
            flags |= libc::SOF_TIMESTAMPING_TX_SOFTWARE | libc::SOF_TIMESTAMPING_OPT_ID;
            // OPT_TSONLY: the stamp alone comes back, without the datagram, for which an
            // unprivileged program may not ask everywhere.
            flags |= match ready.told {
                true => libc::SOF_TIMESTAMPING_OPT_CMSG,
                false => libc::SOF_TIMESTAMPING_OPT_TSONLY,
            };
        }
        if ready.wanted != Hardware::Unwanted {
            flags |= libc::SOF_TIMESTAMPING_RAW_HARDWARE
                | libc::SOF_TIMESTAMPING_RX_HARDWARE
                | libc::SOF_TIMESTAMPING_OPT_PKTINFO;
            if both {
                flags |= libc::SOF_TIMESTAMPING_TX_HARDWARE | libc::SOF_TIMESTAMPING_OPT_TX_SWHW;
            }
        }
        match ready.wanted {
            Hardware::Virtual { clock, .. } => {
                Self { flags: flags | libc::SOF_TIMESTAMPING_BIND_PHC, clock }
            }
            _ => Self { flags, clock: 0 },
        }
    }

    fn set(self, socket: &Socket) -> io::Result<()> {
        // The second part is known since Linux 5.14.
        let bound = self.flags & libc::SOF_TIMESTAMPING_BIND_PHC != 0;
        let length = if bound { size_of::<Self>() } else { size_of::<c_uint>() };
        // SAFETY: the pointer and length are those of `self`, or of its first part, which
        // outlives the call; the option takes either.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_TIMESTAMPING,
                (&raw const self).cast(),
                length as libc::socklen_t,
            )
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Lets the kernel number the datagrams from 0 again: it does so where OPT_ID becomes
    /// set.
    pub(crate) fn restart_numbers(self, socket: &Socket) -> io::Result<()> {
        Self { flags: self.flags & !libc::SOF_TIMESTAMPING_OPT_ID, ..self }.set(socket)?;
        self.set(socket)
    }

    /// Who stamps each datagram that goes.
    pub(crate) fn awaits(self, stamping: &Stamping) -> Awaits {
        let hardware = self.flags & libc::SOF_TIMESTAMPING_TX_HARDWARE != 0;
        Awaits { software: stamping.transmit == StampedBy::Kernel, hardware }
    }
}

/// Asks for stamps; says what is granted, and what was set for that.
pub(crate) fn enable(socket: &Socket, wanted: Wanted, ready: Ready) -> (Stamping, Flags) {
    let flags = Flags::new(wanted, &ready);
    if flags.set(socket).is_ok() {
        let transmit = match wanted {
            Wanted::Receive => StampedBy::UserSpace,
            Wanted::Both => StampedBy::Kernel,
        };
        let Ready { wanted, stamping: mut hardware, refused, .. } = ready;
        if let (Hardware::Virtual { clock, .. }, Some(hardware)) = (wanted, &mut hardware) {
            hardware.phc = Some(clock);
        }
        let receive = StampedBy::Kernel;
        return (Stamping { receive, transmit, hardware, refused }, flags);
    }
    let refused = match ready.wanted {
        Hardware::Unwanted => return without(socket, flags, ready.refused),
        Hardware::Wanted | Hardware::OneStep => NoHardware::Refused(Errno::last()),
        Hardware::Virtual { clock, .. } => NoHardware::NotItsClock(clock),
    };
    enable(socket, wanted, Ready { refused: Some(refused), ..Ready::none() })
}

/// The older option, where SO_TIMESTAMPING is refused: some sandboxes and emulations.
fn without(socket: &Socket, flags: Flags, refused: Option<NoHardware>) -> (Stamping, Flags) {
    let receive = receive_only(socket);
    (Stamping { receive, transmit: StampedBy::UserSpace, hardware: None, refused }, flags)
}

fn receive_only(socket: &Socket) -> StampedBy {
    match setsockopt(socket, ReceiveTimestampns, &true) {
        Ok(()) => StampedBy::Kernel,
        Err(_) => StampedBy::UserSpace,
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
