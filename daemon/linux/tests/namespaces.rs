//! PTP sockets and the link monitor between two hosts: network namespaces of the test's
//! own, joined by a veth pair. They vanish with the thread that made them. Needs root.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod common;

use std::fs::{File, read_to_string};
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::Command;

use clock_models::comparison::StampedBy;
use common::{assert_order, patiently, receive, transmitted, until_stamped, wait};
use nix::libc::{sockaddr_ll, socklen_t};
use nix::poll::PollFlags;
use nix::sched::{CloneFlags, setns, unshare};
use socket2::{Domain, SockRef, Socket, Type};
use utcd_linux::ethernet;
use utcd_linux::interface::{Interface, InterfaceError, MacAddress};
use utcd_linux::link::{LinkEvent, Monitor};
use utcd_linux::socket::{Hardware, IpVersion, OpenError, PtpPort, Remote, TimeSocket, ptp};

/// Two hosts: `v0` of the one is joined to `v1` of the other.
struct Hosts {
    one: File,
    other: File,
}

impl Hosts {
    fn new() -> io::Result<Self> {
        let hosts = Self { one: new_namespace()?, other: new_namespace()? };
        hosts.on_one(|| ip("link add v0 type veth peer name v1"));
        let other = format!("/proc/{}/fd/{}", std::process::id(), hosts.other.as_raw_fd());
        hosts.on_one(|| ip(&format!("link set v1 netns {other}")));
        hosts.on_one(|| bring_up("v0", 1));
        hosts.on_other(|| bring_up("v1", 2));
        hosts.on_one(|| until_running("v0"));
        hosts.on_other(|| until_running("v1"));
        Ok(hosts)
    }

    fn on_one<T>(&self, act: impl FnOnce() -> T) -> T {
        setns(&self.one, CloneFlags::CLONE_NEWNET).unwrap();
        act()
    }

    fn on_other<T>(&self, act: impl FnOnce() -> T) -> T {
        setns(&self.other, CloneFlags::CLONE_NEWNET).unwrap();
        act()
    }

    fn sockets(&self, open: impl Fn(&str) -> Result<TimeSocket, OpenError>) -> Sockets {
        Sockets {
            one: self.on_one(|| open("v0")).unwrap(),
            other: self.on_other(|| open("v1")).unwrap(),
        }
    }
}

/// Moves this thread into a namespace of its own.
fn new_namespace() -> io::Result<File> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    File::open("/proc/thread-self/ns/net")
}

fn try_ip(arguments: &str) -> bool {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    output.is_ok_and(|output| output.status.success())
}

fn ip(arguments: &str) {
    assert!(try_ip(arguments), "ip {arguments}");
}

fn bring_up(interface: &str, host: u8) {
    // An address that is being checked for duplicates cannot be sent from for a second.
    ip(&format!("link set {interface} addrgenmode none"));
    ip(&format!("link set {interface} up"));
    ip(&format!("address add 10.99.0.{host}/24 dev {interface}"));
    ip(&format!("address add fe80::{host}/64 dev {interface} nodad"));
}

/// The kernel notices a carrier in the background, and drops what is sent before.
fn until_running(interface: &str) {
    patiently("no carrier", || Interface::by_name(interface).unwrap().running.then_some(()));
}

fn ethernet(interface: &str) -> Result<TimeSocket, OpenError> {
    ethernet::open(interface, Hardware::Unwanted)
}

/// Runs `test` in a thread whose namespaces are its own, or says why it cannot.
fn between_hosts(test: impl FnOnce(&Hosts) + Send + 'static) {
    let thread = std::thread::spawn(move || {
        if !try_ip("-V") {
            return println!("skipped: there is no `ip` command");
        }
        match Hosts::new() {
            Ok(hosts) => test(&hosts),
            Err(error) => println!("skipped: network namespaces need root ({error})"),
        }
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

struct Sockets {
    one: TimeSocket,
    other: TimeSocket,
}

impl Sockets {
    /// Sends one way, with kernel stamps in order; says who sent.
    fn exchange(&mut self) -> Remote {
        until_stamped(|| {
            let sent = self.one.send(b"Sync").unwrap();
            let (id, departure) = transmitted(&mut self.one);
            let (received, bytes) = receive(&mut self.other);
            assert_eq!((sent.id, bytes.as_slice()), (Some(id), b"Sync".as_slice()));
            assert!(self.one.receive(&mut [0; 8]).unwrap().is_none(), "heard itself");
            let stamped = [departure.by, received.stamp.by] == [StampedBy::Kernel; 2];
            stamped.then(|| {
                assert_order(departure, received.stamp);
                received.from
            })
        })
    }
}

fn event(version: IpVersion) -> impl Fn(&str) -> Result<TimeSocket, OpenError> {
    move |interface| ptp(interface, version, PtpPort::Event, Hardware::Unwanted)
}

#[test]
fn ptp_over_ipv4_is_stamped_on_both_sides() {
    between_hosts(|hosts| {
        let from = hosts.sockets(event(IpVersion::V4)).exchange();
        assert_eq!(from, Remote::Udp("10.99.0.1:319".parse().unwrap()));
    });
}

#[test]
fn ptp_over_ipv6_is_stamped_on_both_sides() {
    between_hosts(|hosts| {
        let Remote::Udp(from) = hosts.sockets(event(IpVersion::V6)).exchange() else { panic!() };
        assert_eq!((from.ip(), from.port()), ("fe80::1".parse().unwrap(), 319));
    });
}

#[test]
fn ptp_over_ethernet_is_stamped_on_both_sides() {
    between_hosts(|hosts| {
        let from = hosts.sockets(ethernet).exchange();
        let mac = hosts.on_one(|| Interface::by_name("v0")).unwrap().mac.unwrap();
        assert_eq!(from, Remote::Ethernet(mac));
    });
}

#[test]
fn general_messages_have_a_port_of_their_own_and_no_transmit_stamps() {
    between_hosts(|hosts| {
        for version in [IpVersion::V4, IpVersion::V6] {
            let mut events = hosts.sockets(event(version));
            let mut general =
                hosts.sockets(|name| ptp(name, version, PtpPort::General, Hardware::Unwanted));
            let sent = general.one.send(b"Announce").unwrap();
            assert_eq!(sent.id, None);
            assert_eq!(receive(&mut general.other).1, b"Announce");
            assert!(events.other.receive(&mut [0; 8]).unwrap().is_none());
        }
    });
}

#[test]
fn two_sockets_share_the_ptp_port_of_an_interface() {
    between_hosts(|hosts| {
        for version in [IpVersion::V4, IpVersion::V6] {
            let mut sockets = hosts.sockets(event(version));
            let mut neighbour = hosts.on_other(|| event(version)("v1")).unwrap();
            sockets.exchange();
            assert_eq!(receive(&mut neighbour).1, b"Sync");
        }
    });
}

#[test]
fn groups_that_other_programs_have_joined_are_not_heard() {
    between_hosts(|hosts| {
        let mut sockets = hosts.sockets(event(IpVersion::V4));
        // The group of PTP's second domain in its first edition.
        let (group, here) = (Ipv4Addr::new(224, 0, 1, 130), Ipv4Addr::new(10, 99, 0, 2));
        let neighbour = hosts.on_other(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
        neighbour.join_multicast_v4(&group, &here).unwrap();
        let sender = hosts.on_one(|| UdpSocket::bind("10.99.0.1:0")).unwrap();
        SockRef::from(&sender).bind_device(Some(b"v0")).unwrap();
        sender.send_to(b"another's", (group, 319)).unwrap();
        sockets.exchange();
        assert!(sockets.other.receive(&mut [0; 8]).unwrap().is_none());
    });
}

#[test]
fn both_ethernet_groups_of_ptp_are_joined() {
    between_hosts(|hosts| {
        let _socket = hosts.on_one(|| ethernet("v0")).unwrap();
        let joined = hosts.on_one(|| read_to_string("/proc/thread-self/net/dev_mcast")).unwrap();
        for group in ["011b19000000", "0180c200000e"] {
            let line = joined.lines().find(|line| line.contains(group)).unwrap();
            assert!(line.contains("v0"), "{joined}");
        }
    });
}

#[test]
fn ethernet_frames_of_this_host_are_not_heard() {
    between_hosts(|hosts| {
        let mut sockets = hosts.sockets(ethernet);
        let mut neighbour = hosts.on_one(|| ethernet("v0")).unwrap();
        sockets.exchange();
        assert!(neighbour.receive(&mut [0; 8]).unwrap().is_none(), "heard its own host");
    });
}

/// A PTP frame to `group`, as it is on the wire, with `tags` before its EtherType.
fn frame(group: [u8; 6], tags: &[u8]) -> Vec<u8> {
    let sender = [0x02, 0, 0, 0, 0, 0x55];
    [&group, &sender, tags, &[0x88, 0xf7], b"Announce".as_slice()].concat()
}

#[test]
fn a_frame_with_a_vlan_tag_or_for_another_host_is_not_heard() {
    between_hosts(|hosts| {
        let mut sockets = hosts.sockets(ethernet);
        let raw = hosts.on_one(|| Socket::new(Domain::PACKET, Type::RAW, None)).unwrap();
        let mut v0 = SockRef::from(&sockets.one).local_addr().unwrap();
        // SAFETY: a whole `sockaddr_ll`, of which the kernel has filled in all but the end;
        // the storage is larger and was zeroed.
        unsafe { v0.set_length(size_of::<sockaddr_ll>() as socklen_t) };
        hosts.on_other(|| ip("link set v1 promisc on"));
        let other_host = [0x02, 0, 0, 0, 0, 0x77];
        let group = ethernet::PTP_GROUP.0;
        for unheard in [frame(group, &[0x81, 0x00, 0x00, 0x05]), frame(other_host, &[])] {
            raw.send_to(&unheard, &v0).unwrap();
        }
        for heard in [group, ethernet::PEER_DELAY_GROUP.0] {
            raw.send_to(&frame(heard, &[]), &v0).unwrap();
            let (received, bytes) = receive(&mut sockets.other);
            let sender = MacAddress([0x02, 0, 0, 0, 0, 0x55]);
            assert_eq!(received.from, Remote::Ethernet(sender));
            assert_eq!(bytes, b"Announce");
        }
        assert!(sockets.other.receive(&mut [0; 32]).unwrap().is_none());
    });
}

#[test]
fn frames_of_a_vlan_are_not_heard_beside_its_own_interface() {
    between_hosts(|hosts| {
        let mut plain = hosts.sockets(ethernet);
        let add = |on: &str| try_ip(&format!("link add link {on} name vlan5 type vlan id 5"));
        if !hosts.on_one(|| add("v0")) {
            return println!("skipped: no VLANs in this kernel");
        }
        hosts.on_one(|| ip("link set vlan5 up"));
        let mut tagged = hosts.on_one(|| ethernet("vlan5")).unwrap();
        tagged.send(b"to no VLAN there").unwrap();
        assert!(hosts.on_other(|| add("v1")));
        hosts.on_other(|| ip("link set vlan5 up"));
        let mut heard = hosts.on_other(|| ethernet("vlan5")).unwrap();
        tagged.send(b"tagged").unwrap();
        assert_eq!(receive(&mut heard).1, b"tagged");
        assert!(plain.other.receive(&mut [0; 32]).unwrap().is_none(), "heard a VLAN");
    });
}

#[test]
fn an_interface_without_an_address_is_named() {
    between_hosts(|hosts| {
        hosts.on_one(|| ip("address flush dev v0"));
        let error = hosts.on_one(|| event(IpVersion::V4)("v0")).unwrap_err();
        assert!(error.to_string().starts_with("v0 has no IPv4 address"), "{error}");
    });
}

#[test]
fn an_interface_that_is_not_there_is_named_with_those_that_are() {
    between_hosts(|hosts| {
        for opened in [event(IpVersion::V4)("eth9"), ethernet("eth9")] {
            let error = opened.unwrap_err();
            assert!(matches!(error, OpenError::Interface(InterfaceError::Missing { .. })));
        }
        let error = hosts.on_one(|| Interface::by_name("eth9")).unwrap_err();
        assert_eq!(error.to_string(), "no such interface eth9; there are: lo, v0");
    });
}

/// Events of `v0` until one satisfies `wanted`.
fn until(monitor: &mut Monitor, wanted: impl Fn(&LinkEvent) -> bool) -> LinkEvent {
    loop {
        match monitor.next_event().unwrap() {
            Some(event) if wanted(&event) => return event,
            Some(_) => {}
            None => assert!(wait(monitor, PollFlags::POLLIN), "no such event came"),
        }
    }
}

fn is_running(event: &LinkEvent) -> Option<bool> {
    match event {
        LinkEvent::Present { name, running, .. } if name == "v0" => Some(*running),
        _ => None,
    }
}

#[test]
fn a_link_that_goes_and_comes_is_told_and_the_sockets_serve_it_again() {
    between_hosts(|hosts| {
        let mut monitor = hosts.on_one(Monitor::open).unwrap();
        let mut udp = hosts.sockets(event(IpVersion::V4));
        let mut raw = hosts.sockets(ethernet);
        udp.exchange();
        raw.exchange();

        hosts.on_one(|| ip("link set v0 down"));
        until(&mut monitor, |event| is_running(event) == Some(false));
        udp.one.send(b"into the void").unwrap_err();
        raw.one.send(b"into the void").unwrap_err();

        hosts.on_one(|| ip("link set v0 up"));
        until(&mut monitor, |event| is_running(event) == Some(true));
        // The kernel tells an Ethernet socket once that its interface was down.
        for socket in [&mut raw.one, &mut raw.other] {
            let _ = socket.receive(&mut [0; 8]);
        }
        udp.exchange();
        raw.exchange();
    });
}

#[test]
fn a_lost_carrier_is_told_though_the_interface_stays_up() {
    between_hosts(|hosts| {
        let mut monitor = hosts.on_one(Monitor::open).unwrap();
        hosts.on_other(|| ip("link set v1 down"));
        until(&mut monitor, |event| is_running(event) == Some(false));
        let interface = hosts.on_one(|| Interface::by_name("v0")).unwrap();
        assert!(interface.up && !interface.running);
    });
}

#[test]
fn an_interface_that_is_removed_comes_back_with_another_index() {
    between_hosts(|hosts| {
        let mut monitor = hosts.on_one(Monitor::open).unwrap();
        let before = hosts.on_one(|| Interface::by_name("v0")).unwrap().index;
        hosts.on_one(|| ip("link delete v0"));
        let gone = LinkEvent::Removed { name: "v0".to_owned(), index: before };
        until(&mut monitor, |event| *event == gone);
        hosts.on_one(|| Interface::by_name("v0")).unwrap_err();

        hosts.on_one(|| ip("link add v0 type veth peer name v1"));
        let back = until(&mut monitor, |event| is_running(event).is_some());
        let LinkEvent::Present { index, .. } = back else { panic!("{back:?}") };
        assert_ne!(index, before);
    });
}

#[test]
fn a_rename_is_told_and_the_sockets_go_on() {
    between_hosts(|hosts| {
        let mut monitor = hosts.on_one(Monitor::open).unwrap();
        let mut raw = hosts.sockets(ethernet);
        raw.exchange();
        hosts.on_one(|| ip("link set v0 down"));
        hosts.on_one(|| ip("link set v0 name lan7"));
        hosts.on_one(|| ip("link set lan7 up"));
        let index = hosts.on_one(|| Interface::by_name("lan7")).unwrap().index;
        let (from, to) = ("v0".to_owned(), "lan7".to_owned());
        let renamed = LinkEvent::Renamed { index, from, to };
        until(&mut monitor, |event| *event == renamed);
        hosts.on_one(|| until_running("lan7"));
        hosts.on_other(|| until_running("v1"));
        for socket in [&mut raw.one, &mut raw.other] {
            let _ = socket.receive(&mut [0; 8]);
        }
        raw.exchange();
    });
}
