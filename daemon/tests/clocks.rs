//! A clock of the host that follows another one: its uncertainty and its chain go on.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod common;

use common::ntp::Server;
use common::{Daemon, source};
use utcd::status::{ClockState, SelectionState};

/// `upper` and `lower`, which follows it by readings of both.
const TWO: &str = "\
[[clock]]
name = \"upper\"
type = \"virtual\"
initial-offset = \"30 ms\"
drift-file = \"none\"
[[clock]]
name = \"lower\"
type = \"virtual\"
initial-offset = \"-2 s\"
initial-frequency = \"15 ppm\"
drift-file = \"none\"
[[source.clock]]
of = \"upper\"
clock = \"lower\"
interval = \"100 ms\"
";

const ORIGIN: &str = "[source.ntp.origin]\nclock = \"UTC(NIM)\"\nuncertainty = \"1 µs\"\n";

#[test]
fn a_clock_follows_another_whose_chain_it_continues() {
    let server = Server::good();
    let config = TWO.to_owned() + &source("ntp1", server.address) + ORIGIN;
    let mut daemon = Daemon::start(&config);
    let status = daemon.until_locked("lower");
    let clock = |name: &str| status.clocks.iter().find(|c| c.name == name).unwrap();
    let (upper, lower) = (clock("upper"), clock("lower"));
    assert_eq!(upper.state, ClockState::Locked);
    assert_eq!((lower.leader.as_deref(), lower.stratum), (Some("upper-for-lower"), upper.stratum));
    let links: Vec<_> = lower.chain.iter().map(|l| (l.from.as_str(), l.to.as_str())).collect();
    assert_eq!(links, [("UTC(NIM)", "ntp1"), ("ntp1", "upper"), ("upper", "lower")]);
    assert!(lower.traceable, "{:?}", lower.not_traceable_because);
    assert!(lower.root_delay >= upper.root_delay && lower.root_dispersion > 0.0);
    let source = daemon.source("upper-for-lower");
    assert_eq!((source.protocol.as_str(), source.state), ("clock", SelectionState::Leader));
    assert!(source.accepted > 0);
    daemon.assert_sound();
}

#[test]
fn a_clock_that_is_not_on_time_is_not_followed_unless_its_origin_is_declared() {
    let server = Server::good();
    let observed = TWO.replacen("type = \"virtual\"", "type = \"virtual\"\nmode = \"observe\"", 1);
    let config = observed.clone() + &source("ntp1", server.address);
    let mut daemon = Daemon::start(&config);
    daemon.until_locked("upper");
    let lower = daemon.clock("lower");
    assert_eq!((lower.state, lower.leader), (ClockState::Unsynchronised, None));
    assert_eq!(daemon.source("upper-for-lower").accepted, 0);
    daemon.assert_sound();

    let declared = "[source.clock.origin]\nclock = \"UTC(NIM)\"\nuncertainty = \"1 ms\"\n";
    let mut daemon = Daemon::start(&(observed + declared + &source("ntp1", server.address)));
    let status = daemon.until_locked("lower");
    let lower = status.clocks.iter().find(|c| c.name == "lower").unwrap();
    let links: Vec<_> = lower.chain.iter().map(|l| (l.from.as_str(), l.to.as_str())).collect();
    assert_eq!(links, [("UTC(NIM)", "upper-for-lower"), ("upper-for-lower", "lower")]);
    assert_eq!(lower.stratum, 1);
    daemon.assert_sound();
}
