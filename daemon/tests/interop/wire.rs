//! What utcd sends, as `tshark` reads it.

use std::collections::BTreeMap;
use std::net::UdpSocket;

use crate::daemon::Utcd;
use crate::network::{Host, on_network};
use crate::peers::{Master, TRANSPORTS, chronyd, ntp_source, p2p_source, ptp_source};
use crate::program::{Running, Scratch, find, patiently, run};
use crate::query::ask_in_version;

/// The packets that a host sent, by protocol and kind, and the complaints about them.
fn dissect(capture: &str, mac: &str) -> BTreeMap<String, u32> {
    let filter = format!("eth.src == {mac} && (ntp || ptp)");
    let fields = [
        "frame.protocols",
        "ntp.flags.vn",
        "ntp.flags.mode",
        "ptp.v2.messagetype",
        "_ws.malformed",
        "_ws.expert.message",
    ];
    let mut arguments = vec!["-r", capture, "-Y", &filter, "-T", "fields", "-E", "separator=/s"];
    arguments.extend(fields.iter().flat_map(|field| ["-e", field]));
    // It complains of a last packet that is only half written yet.
    let output = run("tshark", &arguments);
    let mut kinds = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let kind = line.split_whitespace().collect::<Vec<_>>().join(" ");
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

/// A program that records what passes the interface of this host.
fn record(host: &Host, scratch: &Scratch, capture: &str) -> Running {
    let arguments = ["-q", "-i", "eth0", "-w", capture];
    let recorder = host.on(|| Running::start(&find("dumpcap").unwrap(), &arguments, scratch));
    patiently("dumpcap does not record", || recorder.said().contains("File:").then_some(()));
    recorder
}

#[test]
fn tshark_decodes_every_packet_that_utcd_sends() {
    on_network::<2>(&["chronyd", "ptp4l", "tshark", "dumpcap"], |network| {
        let [here, there] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let capture = scratch.file("utcd.pcapng");
        let _recorder = record(there, &scratch, &capture);
        let _chronyd = chronyd(there, &scratch);
        let masters = [0, 1, 2].map(|n| Master::of(TRANSPORTS[usize::from(n)].0, n));
        let _masters = masters.map(|master| master.run(there, &scratch));
        let mut sources = ntp_source("v4", there.ipv4()) + &ntp_source("v6", there.ipv6());
        for (domain, (name, transport)) in (0..).zip(TRANSPORTS) {
            sources += &ptp_source(name, transport, domain);
        }
        let utcd = Utcd::start(here, &scratch, &sources);
        utcd.until_agreeing(&["v4", "v6", "UDPv4", "UDPv6", "L2"]);
        for version in [3, 4] {
            ask_in_version(version, there, here.ipv4());
        }
        drop(utcd);

        let mut expected = vec!["eth:ethertype:ptp 0x01".to_owned()];
        for ip in ["eth:ethertype:ip:udp", "eth:ethertype:ipv6:udp"] {
            // Client, version 4; Delay_Req.
            expected.extend([format!("{ip}:ntp 4 3"), format!("{ip}:ptp 0x01")]);
        }
        // Server.
        expected.extend([3, 4].map(|version| format!("eth:ethertype:ip:udp:ntp {version} 4")));
        let sent = patiently("what was sent is not in the capture", || {
            let sent = dissect(&capture, &here.mac());
            expected.iter().all(|kind| sent.contains_key(kind)).then_some(sent)
        });
        assert_eq!(sent.len(), expected.len(), "{sent:#?}");
    });
}

#[test]
fn tshark_decodes_every_packet_of_the_peer_delay_mechanism() {
    on_network::<2>(&["ptp4l", "tshark", "dumpcap"], |network| {
        let [here, there] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let capture = scratch.file("utcd.pcapng");
        let _recorder = record(there, &scratch, &capture);
        let masters = [0, 1, 2].map(|n| {
            let master = Master::of(TRANSPORTS[usize::from(n)].0, n);
            Master { delay_mechanism: "P2P", ..master }.run(there, &scratch)
        });
        let mut sources = String::new();
        for (domain, (name, transport)) in (0..).zip(TRANSPORTS) {
            sources += &p2p_source(name, transport, domain);
        }
        let utcd = Utcd::start(here, &scratch, &sources);
        utcd.until_agreeing(&["UDPv4", "UDPv6", "L2"]);
        drop((utcd, masters));

        // Pdelay_Req, Pdelay_Resp and Pdelay_Resp_Follow_Up, and nothing else.
        let carriers =
            ["eth:ethertype:ip:udp:ptp", "eth:ethertype:ipv6:udp:ptp", "eth:ethertype:ptp"];
        let expected: Vec<String> = carriers
            .iter()
            .flat_map(|carrier| ["0x02", "0x03", "0x0a"].map(|kind| format!("{carrier} {kind}")))
            .collect();
        let sent = patiently("what was sent is not in the capture", || {
            let sent = dissect(&capture, &here.mac());
            expected.iter().all(|kind| sent.contains_key(kind)).then_some(sent)
        });
        assert_eq!(sent.len(), expected.len(), "{sent:#?}");
    });
}

#[test]
fn tshark_marks_a_packet_that_is_cut_short() {
    on_network::<2>(&["tshark", "dumpcap"], |network| {
        let [here, there] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let capture = scratch.file("cut.pcapng");
        let _recorder = record(there, &scratch, &capture);
        let socket = here.on(|| UdpSocket::bind("0.0.0.0:319")).unwrap();
        let mut delay_req = [0; 30];
        delay_req[..4].copy_from_slice(&[0x01, 0x02, 0, 44]);
        socket.send_to(&delay_req, (there.ipv4(), 319)).unwrap();
        let sent = patiently("nothing was recorded", || {
            Some(dissect(&capture, &here.mac())).filter(|sent| !sent.is_empty())
        });
        assert!(sent.keys().all(|kind| kind.contains("Malformed")), "{sent:?}");
    });
}
