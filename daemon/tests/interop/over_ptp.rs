//! NTP in PTP event messages, both ways with `chronyd`, and beside PTP on the same port.
//!
//! Debian's `chronyd` speaks it as it was before RFC 10030.

use std::net::{SocketAddr, UdpSocket};

use crate::daemon::{Utcd, source};
use crate::network::{Host, on_network};
use crate::peers::{Master, chronyd_with, ntp_source, ptp_source};
use crate::program::Scratch;
use crate::query::GROSS;
use crate::server::{chronyd_asks_with, correction};

const PTP_PORT: &str = "ptpport 319";

fn over(transport: &str, name: &str, server: &Host) -> String {
    format!("{}transport = \"{transport}\"\n", ntp_source(name, server.ipv4()))
}

/// The server listens on the PTP port only, of one of its addresses.
fn listen(host: &Host) -> String {
    format!("ptp-listen = [\"{}\"]\n", SocketAddr::new(host.ipv4(), 319))
}

#[test]
fn utcd_follows_chronyd_over_ptp_beside_a_ptp_domain() {
    on_network::<3>(&["chronyd", "ptp4l"], |network| {
        let [here, there, elsewhere] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let _chronyd = chronyd_with(there, &scratch, &[PTP_PORT]);
        let _master = Master::of("UDPv4", 0).run(elsewhere, &scratch);
        let sources = over("ptp-experimental", "server", there) + &ptp_source("gm", "udp-ipv4", 0);
        let utcd = Utcd::serving(here, &scratch, &listen(here), &sources);
        let status = utcd.until_agreeing(&["server", "gm"]);
        let [server, gm] = ["server", "gm"].map(|name| source(&status, name).unwrap());
        assert_eq!(server.address, SocketAddr::new(there.ipv4(), 319).to_string());
        for refused in server.rejected.keys() {
            assert!(!refused.starts_with("ptp-"), "PTP came to NTP: {:?}", server.rejected);
        }
        for refused in ["length", "tlv", "domain"] {
            assert_eq!(gm.rejected.get(refused), None, "NTP came to PTP: {:?}", gm.rejected);
        }
        assert_eq!(status.ntp_server.unwrap().dropped.len(), 0, "PTP came to the server");
    });
}

#[test]
fn chronyd_accepts_the_time_of_utcd_over_ptp_and_so_does_utcd_by_the_rfc() {
    on_network::<4>(&["chronyd"], |network| {
        let [here, there, elsewhere, other] = &network.hosts[..] else { panic!() };
        let (scratch, other_scratch) = (Scratch::new(), Scratch::new());
        let _chronyd = chronyd_with(there, &scratch, &[PTP_PORT]);
        let sources = over("ptp-experimental", "server", there);
        let utcd = Utcd::serving(here, &scratch, &listen(here), &sources);
        utcd.until_locked_to("server");
        for options in ["port 319", "port 319 xleave"] {
            let (accepted, said) =
                chronyd_asks_with(elsewhere, &scratch, here.ipv4(), options, &[PTP_PORT]);
            assert!(accepted, "{options}: {said}");
            assert!(correction(&said).abs() < GROSS, "{options}: {said}");
        }
        let client = Utcd::start(other, &other_scratch, &over("ptp", "utcd", here));
        client.until_locked_to("utcd");

        // What is none of NTP is counted by its name.
        let stranger = elsewhere.on(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
        stranger.send_to(&[0; 44], SocketAddr::new(here.ipv4(), 319)).unwrap();
        utcd.until("it was not counted", |status| {
            let server = status.ntp_server.as_ref();
            server.is_some_and(|server| server.dropped.get("ptp-too-short") == Some(&1))
        });
    });
}

#[test]
fn a_server_that_speaks_another_form_is_no_server() {
    on_network::<2>(&["chronyd"], |network| {
        let [here, there] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let _chronyd = chronyd_with(there, &scratch, &[PTP_PORT]);
        let utcd = Utcd::start(here, &scratch, &over("ptp", "server", there));
        utcd.until("it was not asked in vain", |status| {
            let server = source(status, "server");
            server.is_some_and(|server| server.rejected.contains_key("no-answer"))
        });
    });
}
