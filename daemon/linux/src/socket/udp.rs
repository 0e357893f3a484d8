//! Opening sockets over UDP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use nix::errno::Errno;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{Ipv4PacketInfo, Ipv4RecvErr, Ipv6RecvErr, Ipv6RecvPacketInfo};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, Socket, Type};

use super::{Hardware, Ready, TimeSocket, Wanted};
use crate::interface::{Interface, InterfaceError, Purpose};

/// All but peer delay messages over IPv4 (IEEE 1588-2019 Annex C.3).
const PTP_GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 1, 129);
/// The same over IPv6, with global scope (IEEE 1588-2019 Annex D.3).
const PTP_GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 0, 0x181);
/// Peer delay messages over IPv4: routers do not forward it (IEEE 1588-2019 Annex C.3).
const PDELAY_GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 107);
/// The same over IPv6 (IEEE 1588-2019 Annex D.3).
const PDELAY_GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x6b);
/// Below it a port needs a privilege.
const UNPRIVILEGED_PORT: u16 = 1024;

/// Version of the Internet protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpVersion {
    const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

/// The two UDP ports of PTP (IEEE 1588-2019 Annex C.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PtpPort {
    /// 319: messages that are stamped when they come and go.
    Event,
    /// 320: the others.
    General,
}

impl PtpPort {
    /// The number of the port.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Event => 319,
            Self::General => 320,
        }
    }
}

/// How NTP messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NtpOver {
    /// In datagrams of their own.
    Udp,
    /// In PTP event messages (RFC 10030), which NICs stamp that stamp nothing else. Sockets
    /// of one host share the port, as those of PTP do: the kernel gives what came to the one
    /// that names the sender, else to the one that names the address, else to that of PTP.
    Ptp,
}

impl NtpOver {
    /// What the NIC is asked to stamp for.
    #[must_use]
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Udp => Purpose::Ntp,
            Self::Ptp => Purpose::PtpUdp,
        }
    }
}

/// Why a socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The interface is not there.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// Another program has the port.
    #[error(
        "{0} is taken: stop the other program (`ss -ulpn 'sport = :{port}'` names it), \
         or listen on another address or port",
        port = .0.port()
    )]
    PortTaken(SocketAddr),
    /// A port below 1024 without the privilege.
    #[error(
        "port {0} needs CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities= and \
         CapabilityBoundingSet=, as in utcd.service), or use a port from 1024 up"
    )]
    PrivilegedPort(u16),
    /// No interface of this host has the address to listen on.
    #[error("no interface of this host has the address {0}: `ip address` shows those there are")]
    NoSuchAddress(IpAddr),
    /// The interface has no address to send from.
    #[error("{interface} has no {} address: give it one, or use another transport", version.name())]
    NoAddress {
        /// The interface.
        interface: String,
        /// The version that is missing.
        version: IpVersion,
    },
    /// There is no way to the server now.
    #[error("no route to {0}: is the network up?")]
    NoRoute(SocketAddr),
    /// The kernel runs without this version.
    #[error("this host has no {}: use the other version", .0.name())]
    NoIp(IpVersion),
    /// Ethernet frames without the privilege.
    #[error(
        "PTP over Ethernet needs CAP_NET_RAW (systemd: AmbientCapabilities= and \
         CapabilityBoundingSet=, as in utcd.service), or use UDP as transport"
    )]
    RawEthernet,
    /// The interface carries no Ethernet frames.
    #[error("{0} is no Ethernet interface: use UDP as transport")]
    NotEthernet(String),
    /// Anything else.
    #[error("cannot {what}: {source}")]
    Setup {
        /// What was tried.
        what: &'static str,
        /// The kernel's reason.
        source: io::Error,
    },
}

/// Names what was tried in an error that has no better name.
pub(crate) fn cannot<E: Into<io::Error>>(what: &'static str) -> impl Fn(E) -> OpenError {
    move |error| OpenError::Setup { what, source: error.into() }
}

/// A socket connected to an NTP server: what others send does not get in. The kernel picks a
/// random source port (RFC 9109), but over PTP it is that of the server: by it the NIC knows
/// that the answer is to be stamped. The NIC that is asked to stamp is the one that the way
/// to the server leads by now.
///
/// # Errors
/// [`OpenError::NoRoute`], [`OpenError::NoIp`], or the kernel's refusal; over PTP also those
/// of [`server`].
pub fn client(
    server: SocketAddr,
    over: NtpOver,
    hardware: Hardware,
) -> Result<TimeSocket, OpenError> {
    let version = IpVersion::of(server.ip());
    let socket = open(version)?;
    if over == NtpOver::Ptp {
        share_ptp_port(&socket, version)?;
        bind(&socket, own_address(server)?)?;
    }
    match version {
        IpVersion::V4 => setsockopt(&socket, Ipv4RecvErr, &true),
        IpVersion::V6 => setsockopt(&socket, Ipv6RecvErr, &true),
    }
    .map_err(cannot("ask for ICMP errors"))?;
    connect(&socket, server)?;
    // Nothing was sent yet that could be answered.
    let own = socket.local_addr().ok().and_then(|own| own.as_socket());
    let ready = ready_at(&socket, over, hardware, own.map(|own| own.ip()))?.telling();
    if ready.tells() {
        tell_interface(&socket, version)?;
    }
    TimeSocket::new(socket, Wanted::Both, ready).map_err(cannot("open a UDP socket"))
}

fn connect(socket: &Socket, server: SocketAddr) -> Result<(), OpenError> {
    socket.connect(&server.into()).map_err(|error| match errno(&error) {
        Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EADDRNOTAVAIL => {
            OpenError::NoRoute(server)
        }
        _ => cannot("connect to the server")(error),
    })
}

/// The address that the way to `server` leads from, with the same port.
fn own_address(server: SocketAddr) -> Result<SocketAddr, OpenError> {
    let scout = open(IpVersion::of(server.ip()))?;
    connect(&scout, server)?;
    let own = scout.local_addr().map_err(cannot("find the address to send from"))?;
    let mut own = own.as_socket().ok_or(OpenError::NoRoute(server))?;
    own.set_port(server.port());
    Ok(own)
}

/// Shares the port with those of PTP, but not what comes to their multicast groups.
fn share_ptp_port(socket: &Socket, version: IpVersion) -> Result<(), OpenError> {
    let shared = socket.set_reuse_address(true).and_then(|()| match version {
        IpVersion::V4 => socket.set_multicast_all_v4(false),
        IpVersion::V6 => socket.set_multicast_all_v6(false),
    });
    shared.map_err(cannot("share the PTP port"))
}

/// A socket that listens for NTP requests on `address`, which may be unspecified: answers
/// leave from the address that the request came to.
///
/// The NIC that has the address is asked to stamp. For an unspecified address that is up
/// to the caller ([`crate::interface::prepare`]), for each NIC that is to.
///
/// # Errors
/// [`OpenError::PortTaken`], [`OpenError::PrivilegedPort`], [`OpenError::NoSuchAddress`],
/// [`OpenError::NoIp`], or the kernel's refusal.
pub fn server(
    address: SocketAddr,
    over: NtpOver,
    hardware: Hardware,
) -> Result<TimeSocket, OpenError> {
    let version = IpVersion::of(address.ip());
    let socket = open(version)?;
    if over == NtpOver::Ptp {
        share_ptp_port(&socket, version)?;
    }
    tell_interface(&socket, version)?;
    let own = Some(address.ip()).filter(|ip| !ip.is_unspecified());
    let ready = match own {
        Some(_) => ready_at(&socket, over, hardware, own)?,
        None => Ready::anywhere(hardware),
    }
    .telling();
    let socket =
        TimeSocket::new(socket, Wanted::Both, ready).map_err(cannot("open a UDP socket"))?;
    bind(&socket.socket, address)?;
    Ok(socket)
}

/// Makes the NIC ready that has an address of this host, and the socket for it.
fn ready_at(
    socket: &Socket,
    over: NtpOver,
    hardware: Hardware,
    own: Option<IpAddr>,
) -> Result<Ready, OpenError> {
    if hardware == Hardware::Unwanted {
        return Ok(Ready::none());
    }
    let all = Interface::all().unwrap_or_default();
    let has = |interface: &&Interface| own.is_some_and(|own| interface.addresses.contains(&own));
    let Some(interface) = all.iter().find(has) else { return Ok(Ready::anywhere(hardware)) };
    let ready = Ready::on(hardware, &interface.name, over.purpose());
    ready.bind_device(socket, &interface.name).map_err(cannot("bind to the interface"))?;
    Ok(ready)
}

fn tell_interface(socket: &Socket, version: IpVersion) -> Result<(), OpenError> {
    match version {
        IpVersion::V4 => setsockopt(socket, Ipv4PacketInfo, &true),
        IpVersion::V6 => setsockopt(socket, Ipv6RecvPacketInfo, &true),
    }
    .map_err(cannot("ask for the address a datagram comes to"))
}

/// A socket on a PTP port of the interface called `interface`, in the PTP multicast groups
/// and with them as destinations. It hears this interface only, and not itself; several
/// programs and domains may share the port. Only the event port has stamps of the NIC.
///
/// # Errors
/// [`OpenError::Interface`], [`OpenError::NoAddress`], [`OpenError::PrivilegedPort`],
/// [`OpenError::PortTaken`] by a program that does not share,
/// [`OpenError::NoIp`], or the kernel's refusal.
pub fn ptp(
    interface: &str,
    version: IpVersion,
    port: PtpPort,
    hardware: Hardware,
) -> Result<TimeSocket, OpenError> {
    let interface = Interface::by_name(interface)?;
    if !interface.addresses.iter().any(|address| IpVersion::of(*address) == version) {
        return Err(OpenError::NoAddress { interface: interface.name, version });
    }
    let socket = open(version)?;
    socket.set_reuse_address(true).map_err(cannot("share the PTP port"))?;
    socket
        .bind_device(Some(interface.name.as_bytes()))
        .map_err(cannot("bind to the interface (CAP_NET_RAW before Linux 5.7)"))?;
    let (wanted, ready) = match port {
        PtpPort::Event => {
            let ready = Ready::on(hardware, &interface.name, Purpose::PtpUdp).telling();
            (Wanted::Both, ready)
        }
        PtpPort::General => (Wanted::Receive, Ready::none()),
    };
    if ready.tells() {
        tell_interface(&socket, version)?;
    }
    let mut socket = TimeSocket::new(socket, wanted, ready).map_err(cannot("open a UDP socket"))?;
    let inner = &socket.socket;
    let number = port.number();
    let (groups, any): ([SocketAddr; 2], IpAddr) = match version {
        IpVersion::V4 => {
            join_v4(inner, interface.index).map_err(cannot("join 224.0.1.129 and 224.0.0.107"))?;
            let groups = [PTP_GROUP_V4, PDELAY_GROUP_V4].map(|group| (group, number).into());
            (groups, Ipv4Addr::UNSPECIFIED.into())
        }
        IpVersion::V6 => {
            join_v6(inner, interface.index).map_err(cannot("join ff0e::181 and ff02::6b"))?;
            let on_link = |group| SocketAddrV6::new(group, number, 0, interface.index).into();
            ([PTP_GROUP_V6, PDELAY_GROUP_V6].map(on_link), Ipv6Addr::UNSPECIFIED.into())
        }
    };
    bind(inner, (any, number).into())?;
    let [primary, pdelay] = groups.map(SockAddr::from);
    socket.aim(primary, pdelay);
    Ok(socket)
}

fn join_v4(socket: &Socket, interface: u32) -> io::Result<()> {
    for group in [PTP_GROUP_V4, PDELAY_GROUP_V4] {
        socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(interface))?;
    }
    // Not what other programs of this host have joined.
    socket.set_multicast_all_v4(false)?;
    socket.set_multicast_loop_v4(false)?;
    socket.set_multicast_ttl_v4(1)
}

fn join_v6(socket: &Socket, interface: u32) -> io::Result<()> {
    for group in [PTP_GROUP_V6, PDELAY_GROUP_V6] {
        socket.join_multicast_v6(&group, interface)?;
    }
    socket.set_multicast_all_v6(false)?;
    socket.set_multicast_if_v6(interface)?;
    socket.set_multicast_loop_v6(false)?;
    socket.set_multicast_hops_v6(1)
}

fn open(version: IpVersion) -> Result<Socket, OpenError> {
    let domain = match version {
        IpVersion::V4 => Domain::IPV4,
        IpVersion::V6 => Domain::IPV6,
    };
    let socket =
        Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)).map_err(|error| {
            match errno(&error) {
                Errno::EAFNOSUPPORT => OpenError::NoIp(version),
                _ => cannot("open a UDP socket")(error),
            }
        })?;
    if version == IpVersion::V6 {
        socket.set_only_v6(true).map_err(cannot("keep IPv4 out of an IPv6 socket"))?;
    }
    Ok(socket)
}

fn bind(socket: &Socket, address: SocketAddr) -> Result<(), OpenError> {
    socket.bind(&address.into()).map_err(|error| match errno(&error) {
        Errno::EADDRINUSE => OpenError::PortTaken(address),
        Errno::EADDRNOTAVAIL => OpenError::NoSuchAddress(address.ip()),
        Errno::EACCES if address.port() < UNPRIVILEGED_PORT => {
            OpenError::PrivilegedPort(address.port())
        }
        _ => cannot("listen")(error),
    })
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_to_do() {
        let server: SocketAddr = "192.0.2.1:123".parse().unwrap();
        for (error, hint) in [
            (
                OpenError::PortTaken(server),
                "192.0.2.1:123 is taken: stop the other program (`ss -ulpn 'sport = :123'`",
            ),
            (OpenError::PrivilegedPort(123), "port 123 needs CAP_NET_BIND_SERVICE"),
            (OpenError::NoRoute(server), "no route to 192.0.2.1:123"),
            (OpenError::NoIp(IpVersion::V6), "this host has no IPv6: use the other version"),
            (OpenError::RawEthernet, "CAP_NET_RAW"),
            (OpenError::NotEthernet("tun0".to_owned()), "use UDP as transport"),
        ] {
            let text = error.to_string();
            assert!(text.contains(hint), "{text}");
        }
    }
}
