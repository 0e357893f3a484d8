//! The other programs, as servers and masters.

use std::net::IpAddr;

use crate::network::Host;
use crate::program::{Running, Scratch, find};

/// A `chronyd` that gives the time of the system clock by NTP and never steers it (-x).
pub(crate) fn chronyd(host: &Host, scratch: &Scratch) -> Running {
    chronyd_with(host, scratch, &[])
}

/// The same, with more directives.
pub(crate) fn chronyd_with(host: &Host, scratch: &Scratch, more: &[&str]) -> Running {
    let pid_file = format!("pidfile {}", scratch.file("chronyd.pid"));
    let arguments = ["-x", "-d", "-f", "/dev/null", &pid_file];
    let directives = ["local stratum 3", "allow all", "cmdport 0", "bindcmdaddress /", "user root"];
    let directives = directives.into_iter().chain(more.iter().copied());
    let arguments: Vec<&str> = arguments.into_iter().chain(directives).collect();
    host.on(|| Running::start(&find("chronyd").unwrap(), &arguments, scratch))
}

/// How `ptp4l` and utcd call a transport.
pub(crate) const TRANSPORTS: [(&str, &str); 3] =
    [("UDPv4", "udp-ipv4"), ("UDPv6", "udp-ipv6"), ("L2", "ethernet")];

/// A `ptp4l` that gives the time of the system clock.
pub(crate) struct Master {
    pub(crate) transport: &'static str,
    /// `E2E` or `P2P`.
    pub(crate) delay_mechanism: &'static str,
    pub(crate) domain: u8,
    /// Of the grandmaster, and the name of its files.
    pub(crate) identity: u8,
    pub(crate) priority1: u8,
}

impl Master {
    pub(crate) fn of(transport: &'static str, domain: u8) -> Self {
        Self { transport, delay_mechanism: "E2E", domain, identity: domain, priority1: 128 }
    }

    /// The clockIdentity, as utcd writes it.
    pub(crate) fn clock_identity(&self) -> String {
        format!("0200{:02x}.fffe.000001", self.identity)
    }

    /// Runs it, without ever steering the clock (free_running). It announces itself often,
    /// so that tests need not wait.
    pub(crate) fn run(&self, host: &Host, scratch: &Scratch) -> Running {
        let config = format!(
            "[global]\n\
             free_running 1\ntime_stamping software\n\
             domainNumber {}\nnetwork_transport {}\ndelay_mechanism {}\npriority1 {}\nclockIdentity {}\n\
             logAnnounceInterval -2\nannounceReceiptTimeout 2\n\
             logSyncInterval -2\nlogMinDelayReqInterval -2\nlogMinPdelayReqInterval -2\n\
             use_syslog 0\nverbose 1\nuds_address {}\n",
            self.domain,
            self.transport,
            self.delay_mechanism,
            self.priority1,
            self.clock_identity(),
            scratch.file(&format!("ptp4l-{}.sock", self.identity)),
        );
        let file = scratch.write(&format!("ptp4l-{}.conf", self.identity), &config);
        let arguments = ["-f", file.as_str(), "-i", "eth0"];
        host.on(|| Running::start(&find("ptp4l").unwrap(), &arguments, scratch))
    }
}

/// The configuration of a source that is a server.
pub(crate) fn ntp_source(name: &str, server: IpAddr) -> String {
    format!(
        "[[source.ntp]]\nname = \"{name}\"\nserver = \"{server}\"\nmin-poll = 0\nmax-poll = 0\n"
    )
}

/// The configuration of a source that is a domain. With software stamps, `ptp4l` gives UTC and
/// says that its timescale is arbitrary.
pub(crate) fn ptp_source(name: &str, transport: &str, domain: u8) -> String {
    format!(
        "[[source.ptp]]\nname = \"{name}\"\ninterface = \"eth0\"\ntransport = \"{transport}\"\n\
         domain = {domain}\narbitrary-timescale = \"utc\"\n"
    )
}

/// The same with the peer delay mechanism, for a [`Master`] with `P2P`.
pub(crate) fn p2p_source(name: &str, transport: &str, domain: u8) -> String {
    let asked = "delay-mechanism = \"p2p\"\nlog-min-pdelay-req-interval = -2\n";
    ptp_source(name, transport, domain) + asked
}
