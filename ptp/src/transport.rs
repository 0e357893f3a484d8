//! Where PTP messages go. The port itself does not care: these are for the sockets.

use std::net::{Ipv4Addr, Ipv6Addr};

/// UDP port of event messages, which are time-stamped (IEEE 1588-2019 annexes C and D).
pub const EVENT_PORT: u16 = 319;

/// UDP port of general messages (annexes C and D).
pub const GENERAL_PORT: u16 = 320;

/// Whom a message goes to: each transport has two multicast addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Everybody in the domain.
    Primary,
    /// The neighbour on the link: the messages of the peer delay mechanism.
    Pdelay,
}

/// IPv4 group of all messages but the peer-to-peer ones (annex C).
pub const IPV4_GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 1, 129);

/// IPv6 group, ff0X::181, with X = E for global scope, as linuxptp has it (annex D).
///
/// Other scopes are for the caller to put in: 2 for the link, 5 for the site.
pub const IPV6_GROUP: Ipv6Addr = Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 0, 0x181);

/// Ethernet group of all messages but the peer-to-peer ones (annex E).
pub const ETHERNET_GROUP: [u8; 6] = [0x01, 0x1b, 0x19, 0x00, 0x00, 0x00];

/// EtherType of PTP straight over Ethernet (annex E).
pub const ETHERTYPE: u16 = 0x88f7;

/// IPv4 group of the peer delay messages (annex C): routers do not forward it.
pub const IPV4_PDELAY_GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 107);

/// IPv6 group of the peer delay messages (annex D).
pub const IPV6_PDELAY_GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x6b);

/// Ethernet group of the peer delay messages (annex E): bridges do not forward it.
pub const ETHERNET_PDELAY_GROUP: [u8; 6] = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e];
