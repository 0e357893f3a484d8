//! Interfaces that come, go, lose their carrier and change: news from rtnetlink(7).

mod changes;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, socket,
};

use crate::bytes::field;
use crate::interface::Interface;
use changes::{Changes, Facts};

/// As large as the kernel makes a netlink datagram.
const BUFFER: usize = 32 * 1024;
/// struct nlmsghdr: length, type, flags, sequence, port.
const HEADER: usize = 16;
/// struct ifinfomsg: family, type, index, flags, change.
const LINK_HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;
/// Attribute IFLA_IFNAME (linux/if_link.h).
const NAME: u16 = 3;

/// News of a network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// The interface exists, and this is its state; repeated when anything changes.
    Present {
        /// Its name.
        name: String,
        /// Its index, another one after it was removed and came back.
        index: u32,
        /// Up, with a carrier.
        running: bool,
    },
    /// The interface is gone, and every socket bound to it is dead.
    Removed {
        /// Its name.
        name: String,
        /// The index it had.
        index: u32,
    },
    /// The interface has another name now. Sockets bound to it go on; what is configured
    /// by name is to be looked up again.
    Renamed {
        /// Its index, which stays.
        index: u32,
        /// The name it had.
        from: String,
        /// The name it has.
        to: String,
    },
    /// The link came up at another speed: delays measured before do not hold.
    SpeedChanged {
        /// Its index.
        index: u32,
        /// What it was, Mbit/s.
        from: u32,
        /// What it is, Mbit/s.
        to: u32,
    },
    /// Another PTP hardware clock stamps, as after a reset of the driver or a failover of a
    /// bond: open the sockets again, and compare no stamp with one of before.
    ClockChanged {
        /// Its index.
        index: u32,
        /// The clock it was, N of `/dev/ptpN`.
        from: Option<u32>,
        /// The clock it is.
        to: Option<u32>,
    },
    /// News came faster than it was read, and some is lost: look at every interface.
    Missed,
}

/// A non-blocking source of [`LinkEvent`]s.
///
/// It tells of changes only: ask [`crate::interface::Interface`] after opening it, so
/// that none falls between.
#[derive(Debug)]
pub struct Monitor {
    socket: OwnedFd,
    events: VecDeque<LinkEvent>,
    changes: Changes,
    buffer: Vec<u8>,
}

impl Monitor {
    /// Subscribes to all interfaces of this network namespace. Needs no privilege.
    ///
    /// # Errors
    /// Where a sandbox forbids netlink (systemd: `RestrictAddressFamilies=AF_NETLINK`).
    pub fn open() -> io::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket =
            socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, libc::RTMGRP_LINK as u32))?;
        Ok(Self { socket, events: VecDeque::new(), changes: now(), buffer: vec![0; BUFFER] })
    }

    /// The next event, or `None` when there is none yet.
    ///
    /// # Errors
    /// The socket's; open a new monitor then.
    pub fn next_event(&mut self) -> io::Result<Option<LinkEvent>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            match recvfrom::<NetlinkAddr>(self.socket.as_raw_fd(), &mut self.buffer) {
                // Any process can send to a netlink socket; the kernel's port is 0.
                Ok((length, Some(from))) if from.pid() == 0 => {
                    for event in parse(self.buffer.get(..length).unwrap_or_default()) {
                        self.events.extend(self.changes.tell(event, look));
                    }
                }
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::ENOBUFS) => {
                    self.changes = now();
                    return Ok(Some(LinkEvent::Missed));
                }
                Err(Errno::EAGAIN) => return Ok(None),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Monitor {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// The state of all interfaces.
fn now() -> Changes {
    // Where they cannot be listed, each counts as new when it is heard of.
    let all = Interface::all().unwrap_or_default().into_iter();
    Changes::from_now(all.map(|one| (one.index, one.name.clone(), facts(&one))))
}

fn look(name: &str) -> Facts {
    facts(&Interface { name: name.to_owned(), ..Interface::default() })
}

fn facts(interface: &Interface) -> Facts {
    Facts {
        speed: interface.speed().ok().flatten(),
        phc: interface.abilities().ok().map(|abilities| abilities.phc),
    }
}

/// The events in a datagram. What is malformed or of another kind is passed over.
fn parse(datagram: &[u8]) -> Vec<LinkEvent> {
    let mut events = Vec::new();
    let mut rest = datagram;
    while let Some((message, next)) = split(rest, field(rest, 0).map(u32::from_ne_bytes), HEADER) {
        events.extend(parse_message(message));
        rest = next;
    }
    events
}

fn parse_message(message: &[u8]) -> Option<LinkEvent> {
    let kind = u16::from_ne_bytes(field(message, 4)?);
    let [family] = field(message, HEADER)?;
    // A bridge tells of its ports under its own family, in the same messages.
    if libc::c_int::from(family) != libc::AF_UNSPEC {
        return None;
    }
    let index = u32::try_from(i32::from_ne_bytes(field(message, HEADER + 4)?)).ok()?;
    let flags = u32::from_ne_bytes(field(message, HEADER + 8)?);
    let name = interface_name(message.get(HEADER + LINK_HEADER..)?)?;
    match kind {
        libc::RTM_NEWLINK => {
            let running = (libc::IFF_UP | libc::IFF_RUNNING) as u32;
            Some(LinkEvent::Present { name, index, running: flags & running == running })
        }
        libc::RTM_DELLINK => Some(LinkEvent::Removed { name, index }),
        _ => None,
    }
}

fn interface_name(attributes: &[u8]) -> Option<String> {
    let mut rest = attributes;
    loop {
        let length = field(rest, 0).map(u16::from_ne_bytes).map(u32::from);
        let (attribute, next) = split(rest, length, ATTRIBUTE_HEADER)?;
        if u16::from_ne_bytes(field(attribute, 2)?) == NAME {
            let value = attribute.get(ATTRIBUTE_HEADER..)?;
            let text = value.split(|byte| *byte == 0).next()?;
            return String::from_utf8(text.to_vec()).ok();
        }
        rest = next;
    }
}

/// Splits off the first `length` bytes, which begin with a header; the next begin at
/// a multiple of four. `None` at the end or where the length cannot be.
fn split(bytes: &[u8], length: Option<u32>, header: usize) -> Option<(&[u8], &[u8])> {
    let length = usize::try_from(length?).ok().filter(|length| *length >= header)?;
    let first = bytes.get(..length)?;
    Some((first, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A message as the kernel writes it, here without an attribute before the name.
    fn message(kind: u16, family: u8, index: i32, flags: u32, name: &str) -> Vec<u8> {
        let mut attribute = Vec::new();
        attribute.extend((5 + name.len() as u16).to_ne_bytes());
        attribute.extend(NAME.to_ne_bytes());
        attribute.extend(name.as_bytes());
        attribute.push(0);
        attribute.resize(attribute.len().next_multiple_of(4), 0);
        let mut bytes = Vec::new();
        bytes.extend(((HEADER + LINK_HEADER + attribute.len()) as u32).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend([family, 0, 1, 0]);
        bytes.extend(index.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(attribute);
        bytes
    }

    fn present(name: &str, index: u32, running: bool) -> LinkEvent {
        LinkEvent::Present { name: name.to_owned(), index, running }
    }

    const UP: u32 = libc::IFF_UP as u32;
    const RUNNING: u32 = libc::IFF_RUNNING as u32;

    #[test]
    fn a_link_is_running_when_it_is_up_and_has_a_carrier() {
        for (flags, running) in [(UP | RUNNING, true), (UP, false), (RUNNING, false)] {
            let events = parse(&message(libc::RTM_NEWLINK, 0, 7, flags, "eth0"));
            assert_eq!(events, [present("eth0", 7, running)]);
        }
    }

    #[test]
    fn several_messages_in_one_datagram_are_all_told() {
        let mut datagram = message(libc::RTM_DELLINK, 0, 7, 0, "eth0");
        datagram.extend(message(libc::RTM_NEWLINK, 0, 12, UP | RUNNING, "enp1s0f1"));
        let gone = LinkEvent::Removed { name: "eth0".to_owned(), index: 7 };
        assert_eq!(parse(&datagram), [gone, present("enp1s0f1", 12, true)]);
    }

    #[test]
    fn a_port_that_leaves_a_bridge_is_not_gone() {
        let bridge = libc::AF_BRIDGE as u8;
        assert_eq!(parse(&message(libc::RTM_DELLINK, bridge, 7, UP, "eth0")), []);
    }

    #[test]
    fn nothing_has_happened_yet_on_a_new_monitor() {
        // Other tests may make interfaces, in network namespaces of their own.
        assert_eq!(Monitor::open().unwrap().next_event().unwrap(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn a_damaged_message_gives_one_event_at_most_or_its_remains(
            at in 0usize..44, value in any::<u8>()
        ) {
            let mut bytes = message(libc::RTM_NEWLINK, 0, 7, UP, "eth0");
            prop_assert!(bytes.len() == 44);
            bytes[at] = value;
            prop_assert!(parse(&bytes).len() <= 1);
        }
    }
}
