//! PTP straight over Ethernet (IEEE 1588-2019 Annex E).

use std::io;
use std::mem::size_of_val;
use std::os::fd::AsRawFd;

use nix::libc::{self, c_int, c_ushort};
use socket2::{Domain, SockAddr, SockAddrStorage, SockFilter, SockRef, Socket, Type};

use crate::interface::{Interface, MacAddress, Purpose};
use crate::socket::{Hardware, OpenError, Ready, TimeSocket, Wanted, cannot};

/// All but peer delay messages (IEEE 1588-2019 E.2).
pub const PTP_GROUP: MacAddress = MacAddress([0x01, 0x1b, 0x19, 0x00, 0x00, 0x00]);
/// Peer delay messages, and everything of IEEE 802.1AS: bridges do not forward it.
pub const PEER_DELAY_GROUP: MacAddress = MacAddress([0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e]);

/// EtherType of PTP, 0x88F7, as the kernel wants it: in network byte order.
const PTP_ETHERTYPE: c_ushort = (libc::ETH_P_1588 as c_ushort).to_be();

/// A socket for PTP event and general messages on the interface called `interface`. The
/// buffers hold the message alone: the kernel takes the Ethernet header off and puts it on.
///
/// # Errors
/// [`OpenError::Interface`], [`OpenError::NotEthernet`], [`OpenError::RawEthernet`], or the kernel's refusal.
pub fn open(interface: &str, hardware: Hardware) -> Result<TimeSocket, OpenError> {
    let interface = Interface::by_name(interface)?;
    if interface.mac.is_none() {
        return Err(OpenError::NotEthernet(interface.name));
    }
    // Protocol 0: nothing comes in before everything is set and bound.
    let socket = Socket::new(Domain::PACKET, Type::DGRAM, None).map_err(|error| {
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => OpenError::RawEthernet,
            _ => cannot("open an Ethernet socket")(error),
        }
    })?;
    socket.attach_filter(&filter(interface.index)).map_err(cannot("filter Ethernet frames"))?;
    for group in [PTP_GROUP, PEER_DELAY_GROUP] {
        join(&socket, interface.index, group).map_err(cannot("join a PTP Ethernet group"))?;
    }
    let ready = Ready::on(hardware, &interface.name, Purpose::PtpEthernet);
    ready.bind_device(&socket, &interface.name).map_err(cannot("bind to the interface"))?;
    let mut socket =
        TimeSocket::new(socket, Wanted::Both, ready).map_err(cannot("open an Ethernet socket"))?;
    let group = address(interface.index, PTP_GROUP);
    SockRef::from(&socket).bind(&group).map_err(cannot("bind to the interface"))?;
    socket.aim(group, address(interface.index, PEER_DELAY_GROUP));
    Ok(socket)
}

/// The Ethernet address in a socket address of that family.
pub(crate) fn source(address: &SockAddr) -> Option<MacAddress> {
    if c_int::from(address.family()) != libc::AF_PACKET {
        return None;
    }
    // SAFETY: the storage behind the pointer is larger than, and aligned for, any socket
    // address, and is initialised; `sockaddr_ll` is made of integers alone.
    let link = unsafe { *address.as_ptr().cast::<libc::sockaddr_ll>() };
    let [a, b, c, d, e, f, ..] = link.sll_addr;
    (link.sll_halen == 6).then_some(MacAddress([a, b, c, d, e, f]))
}

/// What PTP messages go to, and (but for the address) what a socket is bound to.
fn address(interface: u32, to: MacAddress) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: zeros are a valid `sockaddr_ll`, which fits into the storage.
    let link = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    link.sll_family = libc::AF_PACKET as c_ushort;
    link.sll_protocol = PTP_ETHERTYPE;
    link.sll_ifindex = interface as c_int;
    link.sll_halen = 6;
    link.sll_addr[..6].copy_from_slice(&to.0);
    let length = size_of_val(link) as libc::socklen_t;
    // SAFETY: the storage holds a `sockaddr_ll`, which has this length.
    unsafe { SockAddr::new(storage, length) }
}

/// Lets through what came in by the interface itself, for this host or a group. Frames of
/// a VLAN carry the index of the VLAN's interface, or belong to another host where there is
/// none; sent frames have a type of their own.
fn filter(interface: u32) -> [SockFilter; 6] {
    const ANCILLARY: u32 = libc::SKF_AD_OFF as u32;
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const GREATER: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    [
        SockFilter::new(LOAD, 0, 0, ANCILLARY.wrapping_add(libc::SKF_AD_IFINDEX as u32)),
        SockFilter::new(EQUAL, 0, 3, interface),
        SockFilter::new(LOAD, 0, 0, ANCILLARY.wrapping_add(libc::SKF_AD_PKTTYPE as u32)),
        // PACKET_HOST, _BROADCAST and _MULTICAST are the first three.
        SockFilter::new(GREATER, 1, 0, libc::PACKET_MULTICAST.into()),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

fn join(socket: &Socket, interface: u32, group: MacAddress) -> io::Result<()> {
    let [a, b, c, d, e, f] = group.0;
    let membership = libc::packet_mreq {
        mr_ifindex: interface as c_int,
        mr_type: libc::PACKET_MR_MULTICAST as c_ushort,
        mr_alen: 6,
        mr_address: [a, b, c, d, e, f, 0, 0],
    };
    // SAFETY: the pointer and length are those of `membership`, which outlives the call
    // and has the type that this option takes.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const membership).cast(),
            size_of_val(&membership) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
