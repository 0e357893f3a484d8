//! utcd as a client: of `chronyd` by NTP, of `ptp4l` by PTP.

use std::net::IpAddr;

use utcd::status::{ClockState, SelectionState};

use crate::daemon::{Utcd, clock, source};
use crate::network::{Host, on_network};
use crate::peers::{Master, TRANSPORTS, chronyd, ntp_source, p2p_source, ptp_source};
use crate::program::Scratch;
use crate::query::assert_on_time;

fn utcd_follows_chronyd(address: fn(&Host) -> IpAddr) {
    on_network::<2>(&["chronyd"], move |network| {
        let [here, there] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let _chronyd = chronyd(there, &scratch);
        let utcd = Utcd::start(here, &scratch, &ntp_source("server", address(there)));
        let clock = utcd.until_locked_to("server");
        assert_eq!((clock.stratum, clock.tai_offset), (4, 37));
        assert_on_time(there, address(here));
    });
}

#[test]
fn utcd_follows_chronyd_over_ipv4() {
    utcd_follows_chronyd(Host::ipv4);
}

#[test]
fn utcd_follows_chronyd_over_ipv6() {
    utcd_follows_chronyd(Host::ipv6);
}

#[test]
fn utcd_is_told_by_chronyd_and_by_utcd_when_their_answers_left() {
    on_network::<3>(&["chronyd"], |network| {
        let [here, there, elsewhere] = &network.hosts[..] else { panic!() };
        let (scratch, other_scratch) = (Scratch::new(), Scratch::new());
        let _chronyd = chronyd(there, &scratch);
        let interleaved =
            |name, host: &Host| ntp_source(name, host.ipv4()) + "interleaved = true\n";
        let server = Utcd::start(elsewhere, &other_scratch, &interleaved("chronyd", there));
        let follows = |utcd: &Utcd<'_>, name| {
            utcd.until("the mode is not interleaved", |status| {
                source(status, name).is_some_and(|source| source.interleaved)
            });
            utcd.until_locked_to(name);
        };
        follows(&server, "chronyd");
        let client = Utcd::start(here, &scratch, &interleaved("utcd", elsewhere));
        follows(&client, "utcd");
        let status = server.until("it told nobody when its answers left", |status| {
            status.ntp_server.as_ref().is_some_and(|server| server.interleaved > 8)
        });
        let served = status.ntp_server.unwrap();
        assert_eq!(served.hardware_stamped, 0, "there are no NICs here");
        assert_eq!(served.stamp_faults.len(), 0, "{served:?}");
        let status = client.status().unwrap();
        let rejected = &source(&status, "utcd").unwrap().rejected;
        assert!(!rejected.keys().any(|name| name.starts_with("transmit-stamp")), "{rejected:?}");
        assert_on_time(there, here.ipv4());
    });
}

/// Two masters of two domains on one interface, each a source.
fn utcd_follows_ptp4l((name, transport): (&'static str, &'static str)) {
    on_network::<2>(&["ptp4l"], move |network| {
        let [here, there] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let masters = [0, 24].map(|domain| Master::of(name, domain));
        let _running: Vec<_> = masters.iter().map(|master| master.run(there, &scratch)).collect();
        let sources = [0, 24].map(|domain| ptp_source(&format!("gm-{domain}"), transport, domain));
        let utcd = Utcd::start(here, &scratch, &sources.concat());
        let status = utcd.until_agreeing(&["gm-0", "gm-24"]);
        for (source, master) in status.sources.iter().zip(&masters) {
            assert_eq!(source.reference, Some(master.clock_identity()));
            assert_eq!((source.protocol.as_str(), source.stratum), ("ptp", Some(1)));
        }
        let status = utcd.until("not locked", |status| clock(status).state == ClockState::Locked);
        assert_eq!(clock(&status).stratum, 2);
        assert_on_time(there, here.ipv4());
    });
}

#[test]
fn utcd_follows_ptp4l_over_udp_ipv4_in_two_domains() {
    utcd_follows_ptp4l(TRANSPORTS[0]);
}

#[test]
fn utcd_follows_ptp4l_over_udp_ipv6_in_two_domains() {
    utcd_follows_ptp4l(TRANSPORTS[1]);
}

#[test]
fn utcd_follows_ptp4l_over_ethernet_in_two_domains() {
    utcd_follows_ptp4l(TRANSPORTS[2]);
}

/// Both ask each other, and `ptp4l` holds a neighbour that it cannot hear for a fault.
fn utcd_follows_ptp4l_peer_to_peer((name, transport): (&'static str, &'static str)) {
    on_network::<2>(&["ptp4l"], move |network| {
        let [here, there] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let master = Master { delay_mechanism: "P2P", ..Master::of(name, 0) };
        let running = master.run(there, &scratch);
        let utcd = Utcd::start(here, &scratch, &p2p_source("gm", transport, 0));
        utcd.until_locked_to("gm");
        let status = utcd.until("the link was not measured", |status| {
            source(status, "gm").is_some_and(|gm| gm.delay.is_some())
        });
        let gm = source(&status, "gm").unwrap();
        assert_eq!(gm.reference, Some(master.clock_identity()));
        for fault in ["multiple-responders", "message-type", "link-delay"] {
            assert_eq!(gm.rejected.get(fault), None, "{:?}", gm.rejected);
        }
        assert!(!running.said().contains("FAULTY"), "{}", running.said());
        assert_on_time(there, here.ipv4());
    });
}

#[test]
fn utcd_follows_ptp4l_peer_to_peer_over_udp_ipv4() {
    utcd_follows_ptp4l_peer_to_peer(TRANSPORTS[0]);
}

#[test]
fn utcd_follows_ptp4l_peer_to_peer_over_udp_ipv6() {
    utcd_follows_ptp4l_peer_to_peer(TRANSPORTS[1]);
}

#[test]
fn utcd_follows_ptp4l_peer_to_peer_over_ethernet() {
    utcd_follows_ptp4l_peer_to_peer(TRANSPORTS[2]);
}

#[test]
fn two_neighbours_on_what_is_to_be_a_link_are_a_fault_that_is_named() {
    on_network::<3>(&["ptp4l"], |network| {
        let [here, there, elsewhere] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let masters = [1, 2].map(|identity| {
            let master = Master { identity, ..Master::of("UDPv4", 0) };
            Master { delay_mechanism: "P2P", ..master }
        });
        let _one = masters[0].run(there, &scratch);
        let other = masters[1].run(elsewhere, &scratch);
        let utcd = Utcd::start(here, &scratch, &p2p_source("gm", "udp-ipv4", 0));
        utcd.until("the fault is not named", |status| {
            source(status, "gm").is_some_and(|gm| {
                let text =
                    gm.reason.as_ref().is_some_and(|reason| reason.contains("one neighbour"));
                text && gm.rejected.contains_key("multiple-responders")
            })
        });
        other.stop();
        utcd.until_locked_to("gm");
    });
}

#[test]
fn a_master_of_an_arbitrary_timescale_is_refused_unless_it_is_declared() {
    on_network::<2>(&["ptp4l"], |network| {
        let [here, there] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let _master = Master::of("L2", 0).run(there, &scratch);
        let undeclared =
            ptp_source("gm", "ethernet", 0).replace("arbitrary-timescale = \"utc\"\n", "");
        let utcd = Utcd::start(here, &scratch, &undeclared);
        let status = utcd.until("its time was not refused", |status| {
            let gm = source(status, "gm");
            gm.and_then(|gm| gm.rejected.get("arbitrary-timescale").copied()) > Some(8)
        });
        let gm = source(&status, "gm").unwrap();
        assert_eq!(gm.state, SelectionState::Unusable);
        assert!(gm.reason.as_ref().unwrap().contains("set arbitrary-timescale"), "{gm:?}");
        assert_eq!(clock(&status).state, ClockState::Unsynchronised);
        let log = utcd.log();
        assert_eq!(log.matches("set arbitrary-timescale").count(), 1, "{log}");
    });
}
