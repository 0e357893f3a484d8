//! Sockets that say when a datagram came and went.
//!
//! [`TimeSocket`] is one type for NTP and PTP, over UDP ([`client`], [`server`], [`ptp`])
//! and Ethernet ([`crate::ethernet::open`]). It never waits. Whoever drives it by an
//! edge-triggered poll (epoll: readable and error) takes, after each wake-up,
//! [`TimeSocket::receive`] until `None` and [`TimeSocket::notice`] until `None`.
//!
//! Where the NIC is asked to stamp too ([`Hardware`]), its stamps come beside the kernel's.
//! They count on its own clock, `/dev/ptpN`, which is compared apart from here.
//!
//! The kernel starts to stamp what comes in the background when the first socket of the
//! host asks for it, and stops with the last: the first datagrams may bear the program's
//! stamp. A program that opens and closes sockets all the time keeps one open beside.

mod control;
mod departures;
mod message;
mod stamping;
mod stamping_clock;
mod udp;

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Duration, Free, Phc, Timestamp};
use nix::libc::{self, c_int};
use socket2::{MsgHdr, SockAddr, Socket};

use crate::clock::{ATTEMPTS, Conversion, cross_read, raw_now};
use crate::interface::MacAddress;
use control::{Control, Origin, Source};
use departures::{Awaits, Departures};
use message::Message;
use stamping::Flags;
use stamping_clock::StampingClocks;

pub use control::Local;
pub use departures::{SendId, StampFaults};
pub use stamping::{Hardware, Stamping, USER_SPACE_UNCERTAINTY};
pub use udp::{IpVersion, NtpOver, OpenError, PtpPort, client, ptp, server};

pub(crate) use stamping::{Ready, Wanted};
pub(crate) use udp::cannot;

/// What a kernel stamp may seem earlier than the program's reading before the datagram
/// was handed over, beyond the window of the reading that converts it.
const CONVERSION_SLACK: Duration = Duration::from_nanos(1000);

/// So many errors of earlier datagrams are passed over in one call, lest one that lasts
/// keeps it for ever.
const PASSING_ERRORS: u32 = 16;

/// A non-blocking, time-stamping datagram socket.
#[derive(Debug)]
pub struct TimeSocket {
    socket: Socket,
    /// Where [`TimeSocket::send`] sends to; `None` where the kernel knows (a client), or
    /// there is no such place (a server).
    destination: Option<SockAddr>,
    /// Where [`TimeSocket::send_to_neighbour`] sends to, of PTP.
    neighbour: Option<SockAddr>,
    stamping: Stamping,
    flags: Flags,
    clocks: StampingClocks,
    conversion: Conversion,
    departures: Departures,
}

/// When the NIC saw a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HardwareStamp {
    /// On its PTP hardware clock, whose scale is whatever it is kept on, in whole
    /// nanoseconds.
    pub at: Timestamp<Phc>,
    /// Index of that clock, N of `/dev/ptpN`; `None` where it is not told.
    pub phc: Option<u32>,
    /// Index of the interface that stamped; `None` where that is neither told nor the only
    /// one that the socket uses.
    pub interface: Option<u32>,
    /// Bytes of a frame that came, with its Ethernet header and without check sequence;
    /// `None` where it is not told, and of what goes.
    pub frame_length: Option<u32>,
}

/// The other side of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remote {
    /// Over UDP.
    Udp(SocketAddr),
    /// Over Ethernet.
    Ethernet(MacAddress),
}

/// A datagram that came; its bytes are in the caller's buffer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Received {
    /// Bytes in the buffer.
    pub length: usize,
    /// It was longer than the buffer: the rest is lost.
    pub truncated: bool,
    /// Who sent it.
    pub from: Remote,
    /// Where it came to; UDP servers, and sockets with stamps of the NIC.
    pub local: Option<Local>,
    /// When it came, by the kernel or the program ([`Stamp::by`] says so).
    pub stamp: Stamp,
    /// When it came, by the NIC.
    pub hardware: Option<HardwareStamp>,
}

impl Received {
    /// How long the frame was on the wire of a link of `speed` Mbit/s: so much after the
    /// stamp of the NIC, which is of its first octet (IEEE 1588-2019 7.3.4.1), the last one
    /// came, and with it the datagram to whoever stamps by software.
    #[must_use]
    pub fn frame_duration(&self, speed: u32) -> Duration {
        const CHECK_SEQUENCE: u32 = 4;
        let told = self.hardware.and_then(|stamp| stamp.frame_length);
        let bits = 8 * (told.unwrap_or_else(|| self.least_frame()) + CHECK_SEQUENCE);
        // One bit at 1 Mbit/s takes 1 µs.
        Duration::from_nanos(i64::from(bits) * 1000) / i64::from(speed.max(1))
    }

    /// The shortest frame that the datagram fits in: without a VLAN tag or options.
    fn least_frame(&self) -> u32 {
        const ETHERNET: u32 = 14;
        const IPV4: u32 = 20;
        const IPV6: u32 = 40;
        const UDP: u32 = 8;
        let payload = u32::try_from(self.length).unwrap_or(0);
        payload
            + match self.from {
                Remote::Udp(SocketAddr::V4(_)) => UDP + IPV4 + ETHERNET,
                Remote::Udp(SocketAddr::V6(_)) => UDP + IPV6 + ETHERNET,
                Remote::Ethernet(_) => ETHERNET,
            }
    }
}

/// A datagram that went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sent {
    /// Under this name the kernel's stamp comes by [`TimeSocket::notice`], soon, late or
    /// never. `None` where the socket has no such stamps: `stamp` is all there will be.
    pub id: Option<SendId>,
    /// When the program sent it.
    pub stamp: Stamp,
}

/// News of a datagram that was sent. Where kernel and NIC stamp, each tells once, in any
/// order.
#[derive(Debug)]
pub enum Notice {
    /// It left the NIC.
    TransmittedByHardware {
        /// The name it got from [`TimeSocket::send`].
        id: SendId,
        /// When, by the NIC.
        stamp: HardwareStamp,
    },
    /// It left.
    Transmitted {
        /// The name it got from [`TimeSocket::send`].
        id: SendId,
        /// When: by the kernel, or by the program where the kernel's stamp could not be
        /// converted ([`Stamp::by`] says so).
        stamp: Stamp,
    },
    /// It did not arrive, says ICMP. The socket is well.
    Undelivered {
        /// Why: `ConnectionRefused`, `HostUnreachable`, `NetworkUnreachable`, …
        cause: io::Error,
        /// The host that says so.
        reported_by: Option<IpAddr>,
    },
}

impl TimeSocket {
    /// Around a socket that can receive nothing yet, so that no stamp is missed.
    pub(crate) fn new(socket: Socket, wanted: Wanted, ready: Ready) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let hardware = ready.wanted();
        let (stamping, flags) = stamping::enable(&socket, wanted, ready);
        Ok(Self {
            socket,
            destination: None,
            neighbour: None,
            clocks: StampingClocks::new(hardware, &stamping),
            stamping,
            flags,
            conversion: Conversion::new(cross_read(ATTEMPTS)),
            departures: Departures::default(),
        })
    }

    /// Makes `destination` the place that [`TimeSocket::send`] sends to, and `neighbour`
    /// that of [`TimeSocket::send_to_neighbour`].
    pub(crate) fn aim(&mut self, destination: SockAddr, neighbour: SockAddr) {
        self.destination = Some(destination);
        self.neighbour = Some(neighbour);
    }

    /// Who stamps, as granted by the kernel and the NIC. Single stamps may still be the
    /// program's own: each says so ([`Stamp::by`]). What the NIC does may change with the
    /// link: ask a new socket then.
    #[must_use]
    pub const fn stamping(&self) -> &Stamping {
        &self.stamping
    }

    /// Transmit stamps that did not come as they should, so far.
    #[must_use]
    pub const fn stamp_faults(&self) -> StampFaults {
        self.departures.faults()
    }

    /// Looks up anew which PTP hardware clock the interfaces have, of whose stamps it tells
    /// ([`HardwareStamp::phc`]). To be called when an interface or a clock has come, gone or
    /// changed: clocks that are registered anew may change their numbers.
    pub fn look_at_clocks_anew(&mut self) {
        self.clocks.look_anew();
    }

    /// Address and port of this side; `None` over Ethernet.
    ///
    /// # Errors
    /// The kernel's.
    pub fn local_address(&self) -> io::Result<Option<SocketAddr>> {
        Ok(self.socket.local_addr()?.as_socket())
    }

    /// Takes the next datagram into `buffer`, or `None` when there is none yet.
    ///
    /// # Errors
    /// A fault of the socket, such as an interface that is down or gone: one that lasts
    /// needs a new socket. What ICMP says of sent datagrams is no error here; it comes by
    /// [`TimeSocket::notice`].
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        let Some(message) = self.message(buffer, 0)? else { return Ok(None) };
        let now = cross_read(ATTEMPTS);
        let from = remote(&message.from).ok_or_else(no_such_family)?;
        let hardware = self.hardware(&message.control);
        let stamp = message.control.stamp.and_then(|stamp| self.conversion.convert(stamp, &now));
        Ok(Some(Received {
            length: message.length,
            truncated: message.truncated,
            from,
            local: message.control.local,
            stamp: stamp.unwrap_or_else(|| stamping::user_space(now.raw, now.raw)),
            hardware,
        }))
    }

    /// The NIC's stamp, and whose it is: of what comes the kernel tells the interface that
    /// stamped, if the driver lets it; of what goes, the one it left by.
    fn hardware(&mut self, control: &Control) -> Option<HardwareStamp> {
        let at = control.hardware?;
        let left_by = control.local.filter(|_| control.origin.is_some());
        let told = control.stamped_on.or(left_by.map(|local| local.interface));
        let frame_length = control.frame_length.filter(|_| control.origin.is_none());
        let (phc, interface) = (self.clocks.of(told), told.or(self.clocks.usual_interface()));
        Some(HardwareStamp { at, phc, interface, frame_length })
    }

    fn message(&self, buffer: &mut [u8], flags: c_int) -> io::Result<Option<Message>> {
        let mut patience = PASSING_ERRORS;
        loop {
            match message::receive(&self.socket, buffer, flags) {
                Ok(message) => return Ok(Some(message)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if patience > 0 && is_passing(&error) => patience -= 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends to the place the socket was opened for: the server, or the PTP group.
    ///
    /// # Errors
    /// The datagram did not leave. Stamps of earlier ones that are still awaited are given
    /// up then; the socket goes on, unless the fault lasts.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<Sent> {
        if self.destination.is_none() {
            // An ICMP answer to an earlier datagram, told by `notice`, would fail this one.
            self.socket.take_error()?;
        }
        let before = raw_now();
        let result = self.sendmsg(bytes, self.destination.as_ref());
        self.departed(before, result)
    }

    /// Sends a PTP peer delay message, to the group that is not forwarded.
    ///
    /// # Errors
    /// As [`TimeSocket::send`]; also where the socket is none of PTP.
    pub fn send_to_neighbour(&mut self, bytes: &[u8]) -> io::Result<Sent> {
        let neighbour = self.neighbour.as_ref().ok_or_else(no_such_family)?;
        let before = raw_now();
        let result = self.sendmsg(bytes, Some(neighbour));
        self.departed(before, result)
    }

    /// Sends a Pdelay_Resp of PTP in which the NIC says itself how long the request was kept
    /// ([`HardwareStamping::one_step`](crate::interface::HardwareStamping)): no stamp of the
    /// NIC is waited for.
    ///
    /// # Errors
    /// As [`TimeSocket::send_to_neighbour`].
    pub fn send_to_neighbour_in_one_step(&mut self, bytes: &[u8]) -> io::Result<()> {
        let neighbour = self.neighbour.as_ref().ok_or_else(no_such_family)?;
        let before = raw_now();
        let result = self.sendmsg(bytes, Some(neighbour));
        let awaits = Awaits { hardware: false, ..self.flags.awaits(&self.stamping) };
        self.departed_awaiting(awaits, before, result).map(drop)
    }

    fn sendmsg(&self, bytes: &[u8], destination: Option<&SockAddr>) -> io::Result<usize> {
        let parts = [IoSlice::new(bytes)];
        let mut header = MsgHdr::new().with_buffers(&parts);
        if let Some(destination) = destination {
            header = header.with_addr(destination);
        }
        self.socket.sendmsg(&header, 0)
    }

    /// Answers `request`, from the address that it was sent to.
    ///
    /// # Errors
    /// As [`TimeSocket::send`]; also where the request did not come over UDP.
    pub fn reply(&mut self, bytes: &[u8], request: &Received) -> io::Result<Sent> {
        let Remote::Udp(to) = request.from else {
            return Err(no_such_family());
        };
        let (to, parts) = (SockAddr::from(to), [IoSlice::new(bytes)]);
        let source = request.local.and_then(|local| Source::new(local.address));
        let mut header = MsgHdr::new().with_addr(&to).with_buffers(&parts);
        if let Some(source) = &source {
            header = header.with_control(source.as_bytes());
        }
        let before = raw_now();
        let result = self.socket.sendmsg(&header, 0);
        self.departed(before, result)
    }

    fn departed(&mut self, before: Timestamp<Free>, result: io::Result<usize>) -> io::Result<Sent> {
        self.departed_awaiting(self.flags.awaits(&self.stamping), before, result)
    }

    fn departed_awaiting(
        &mut self,
        awaits: Awaits,
        before: Timestamp<Free>,
        result: io::Result<usize>,
    ) -> io::Result<Sent> {
        let stamp = stamping::user_space(before, raw_now());
        if let Err(error) = result {
            if awaits.any() {
                self.restart_numbers();
            }
            return Err(error);
        }
        Ok(Sent { id: awaits.any().then(|| self.departures.sent(before, stamp, awaits)), stamp })
    }

    fn restart_numbers(&mut self) {
        self.departures.restart();
        if self.flags.restart_numbers(&self.socket).is_err() {
            self.stamping.transmit = StampedBy::UserSpace;
        }
    }

    /// Takes the next news of sent datagrams, or `None` when there is none yet.
    ///
    /// # Errors
    /// A fault of the socket.
    pub fn notice(&mut self) -> io::Result<Option<Notice>> {
        while let Some(message) = self.message(&mut [], libc::MSG_ERRQUEUE)? {
            let notice = match message.control.origin {
                Some(Origin::Stamp(number)) => self.transmitted(number, &message.control),
                Some(Origin::Undelivered(errno, reported_by)) => Some(Notice::Undelivered {
                    cause: io::Error::from_raw_os_error(errno),
                    reported_by,
                }),
                None => None,
            };
            if notice.is_some() {
                return Ok(notice);
            }
        }
        Ok(None)
    }

    /// A message bears the stamp of the kernel or the NIC, never both: each hands over a
    /// copy of the datagram of its own (skb_is_swtx_tstamp in net/socket.c).
    fn transmitted(&mut self, number: u32, control: &Control) -> Option<Notice> {
        if let Some(stamp) = self.hardware(control) {
            let id = self.departures.stamped_by_hardware(number)?;
            return Some(Notice::TransmittedByHardware { id, stamp });
        }
        let now = cross_read(ATTEMPTS);
        let stamp = control.stamp.and_then(|stamp| self.conversion.convert(stamp, &now));
        let slack = CONVERSION_SLACK + now.window;
        let (id, stamp) = self.departures.stamped(number, stamp, slack)?;
        Some(Notice::Transmitted { id, stamp })
    }
}

impl AsFd for TimeSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for TimeSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// An interrupted call, or what ICMP says of an earlier datagram: the kernel tells it
/// once to whoever calls next, whatever the call. It is no fault of this call.
fn is_passing(error: &io::Error) -> bool {
    const PASSING: [c_int; 10] = [
        libc::EINTR,
        libc::ECONNREFUSED,
        libc::EHOSTUNREACH,
        libc::EHOSTDOWN,
        libc::ENETUNREACH,
        libc::ENONET,
        libc::ENOPROTOOPT,
        libc::EMSGSIZE,
        libc::EPROTO,
        libc::EACCES,
    ];
    error.raw_os_error().is_some_and(|errno| PASSING.contains(&errno))
}

fn no_such_family() -> io::Error {
    io::Error::from_raw_os_error(libc::EAFNOSUPPORT)
}

fn remote(address: &SockAddr) -> Option<Remote> {
    match address.as_socket() {
        Some(address) => Some(Remote::Udp(address)),
        None => crate::ethernet::source(address).map(Remote::Ethernet),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_takes_as_long_as_its_bits_at_the_speed_of_the_link() {
        let at = Timestamp::from_secs(0);
        let received = |length, frame_length, from: &str| Received {
            length,
            truncated: false,
            from: Remote::Udp(from.parse().unwrap()),
            local: None,
            stamp: stamping::user_space(at, at),
            hardware: Some(HardwareStamp {
                at: Timestamp::from_secs(0),
                phc: None,
                interface: None,
                frame_length,
            }),
        };
        for (length, told, from, speed, nanoseconds) in [
            (48, None, "192.0.2.1:123", 1000, 752),
            (48, None, "192.0.2.1:123", 100, 7520),
            (48, None, "[2001:db8::1]:123", 1000, 912),
            (96, None, "192.0.2.1:319", 1000, 1136),
            (48, Some(94), "192.0.2.1:123", 1000, 784),
        ] {
            let took = received(length, told, from).frame_duration(speed);
            assert_eq!(took, Duration::from_nanos(nanoseconds), "{length} {told:?} {speed}");
        }
    }
}
