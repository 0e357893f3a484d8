//! Hosts on one switch: network namespaces joined by a bridge. They vanish with the thread
//! that made them and the programs that run in them.

use std::fs::File;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd as _;
use std::process::Command;

use nix::sched::{CloneFlags, setns, unshare};

use crate::program::{find, patiently};

/// A host with one interface, `eth0`.
pub(crate) struct Host {
    namespace: File,
    number: u8,
}

/// Hosts and the switch between them.
pub(crate) struct Network {
    switch: File,
    pub(crate) hosts: Vec<Host>,
}

/// Runs `test` in a thread with a network of so many hosts, or says why it cannot.
pub(crate) fn on_network<const HOSTS: u8>(
    needed: &[&str],
    test: impl FnOnce(&Network) + Send + 'static,
) {
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    // Written past the capture of the test harness, so that it is seen where tests pass.
    let skip = |reason: String| {
        let line = format!("{name} skipped: {reason}\n");
        io::stderr().write_all(line.as_bytes()).unwrap();
    };
    for program in ["ip", "setpriv"].iter().chain(needed) {
        if find(program).is_none() {
            return skip(format!("{program} is not installed"));
        }
    }
    let thread = std::thread::spawn(move || Network::new(HOSTS).map(|network| test(&network)));
    match thread.join() {
        Ok(Ok(())) => {}
        Ok(Err(error)) => skip(format!("network namespaces need root ({error})")),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

impl Network {
    fn new(hosts: u8) -> io::Result<Self> {
        let switch = new_namespace()?;
        // Peer delay messages over Ethernet go on (01-80-C2-00-00-0E): two hosts are neighbours.
        ip("link add br0 type bridge mcast_snooping 0 forward_delay 0 group_fwd_mask 0x4000");
        ip("link set br0 up");
        let hosts = (1..=hosts)
            .map(|number| Ok(Host { namespace: new_namespace()?, number }))
            .collect::<io::Result<_>>()?;
        let network = Self { switch, hosts };
        for host in &network.hosts {
            host.on(|| ip("link set lo up"));
            network.plug(host);
        }
        Ok(network)
    }

    /// Makes the interface of a host, joins it to the switch, and waits until it works.
    pub(crate) fn plug(&self, host: &Host) {
        let (number, fd) = (host.number, host.namespace.as_raw_fd());
        let there = format!("/proc/{}/fd/{fd}", std::process::id());
        enter(&self.switch);
        ip(&format!("link add p{number} type veth peer name eth0 netns {there}"));
        ip(&format!("link set p{number} master br0 up"));
        // An address that is being checked for duplicates cannot be sent from for a second.
        host.on(|| ip("link set eth0 addrgenmode none"));
        host.bring_up();
    }
}

impl Host {
    /// Acts as this host: programs that are started and sockets that are opened are its own.
    pub(crate) fn on<T>(&self, act: impl FnOnce() -> T) -> T {
        enter(&self.namespace);
        act()
    }

    pub(crate) fn ipv4(&self) -> IpAddr {
        Ipv4Addr::new(10, 99, 0, self.number).into()
    }

    pub(crate) fn ipv6(&self) -> IpAddr {
        Ipv6Addr::new(0xfd00, 0x99, 0, 0, 0, 0, 0, self.number.into()).into()
    }

    /// The hardware address of its interface, as `tshark` writes it.
    pub(crate) fn mac(&self) -> String {
        // What /sys shows is of the namespace that it was mounted in.
        let link = self.on(|| Command::new("ip").args(["-o", "link", "show", "eth0"]).output());
        let text = String::from_utf8(link.unwrap().stdout).unwrap();
        text.split("link/ether ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
    }

    pub(crate) fn take_down(&self) {
        self.on(|| ip("link set eth0 down"));
    }

    /// With its addresses: those of IPv6 go with the link.
    pub(crate) fn bring_up(&self) {
        let number = self.number;
        self.on(|| {
            ip("link set eth0 up");
            ip(&format!("address replace 10.99.0.{number}/24 dev eth0"));
            for prefix in ["fd00:99::", "fe80::"] {
                ip(&format!("address replace {prefix}{number}/64 dev eth0 nodad"));
            }
            patiently("no carrier", || has_carrier().then_some(()));
        });
    }

    /// Takes the interface out, as if it were on a bus that can be unplugged.
    pub(crate) fn unplug(&self) {
        self.on(|| ip("link delete eth0"));
    }
}

/// Moves this thread into a namespace of its own.
fn new_namespace() -> io::Result<File> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    File::open("/proc/thread-self/ns/net")
}

fn enter(namespace: &File) {
    setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {complaint}");
}

fn has_carrier() -> bool {
    let output = Command::new("ip").args(["-o", "link", "show", "eth0"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).contains("LOWER_UP")
}
