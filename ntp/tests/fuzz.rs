//! A bounded, deterministic fuzz of client, server and what both may be wrapped in: damaged
//! packets give a named reason, and the counters account for every one of them.
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Duration, Free, LeapTable, Timestamp, Utc};
use ntp::client::{Client, ClientConfig, TransmitToken};
use ntp::over_ptp::{self, Tlv};
use ntp::packet::{Header, LeapIndicator, Packet, ReferenceId};
use ntp::server::{Interleaved, ServerState, Synchronised};

const PACKETS: u64 = 200_000;
/// 2026-11-22T04:46:44Z.
const START: Timestamp<Utc> = Timestamp::from_secs(1_795_322_804);

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 16) as usize % end
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Changes a packet in a few places, or its length, or nothing.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.below(4) {
            match self.below(8) {
                0..5 if !bytes.is_empty() => self.damage_field(bytes),
                5 => bytes.truncate(self.below(60)),
                6 => bytes.extend_from_slice(&(self.next() as u32).to_be_bytes()),
                _ => self.append_field(bytes),
            }
        }
    }

    /// Flips a bit, or writes one of the bytes at which fields change their meaning.
    fn damage_field(&mut self, bytes: &mut [u8]) {
        let at = self.below(bytes.len());
        match self.below(7) {
            0 => bytes[at] = 0,
            1 => bytes[at] = 0xff,
            2 => bytes[at] = 0x80,
            3 => bytes[at] = self.next() as u8,
            4 if bytes.len() >= Header::LEN => {
                let kiss = [*b"RATE", *b"DENY", *b"RSTR", *b"NTSN", [0; 4]][self.below(5)];
                bytes[1] = 0;
                bytes[12..16].copy_from_slice(&kiss);
            }
            5 => bytes[0] = self.next() as u8,
            _ => bytes[at] ^= 1 << self.below(8),
        }
    }

    fn append_field(&mut self, bytes: &mut Vec<u8>) {
        let length = 4 * self.below(12);
        let stated = if self.one_in(4) { self.next() as u16 } else { length as u16 };
        bytes.extend_from_slice(&[0xf3, 0x23]);
        bytes.extend_from_slice(&stated.to_be_bytes());
        bytes.extend(std::iter::repeat_n(0xa5, length));
    }
}

fn state() -> ServerState {
    ServerState {
        precision: -24,
        synchronised: Some(Synchronised {
            leap: LeapIndicator::NoWarning,
            stratum: 1,
            root_delay: 0.0,
            root_dispersion: 1e-6,
            reference_id: ReferenceId::from_code("NIM").unwrap(),
            reference_time: START,
        }),
    }
}

#[test]
fn damaged_requests_are_answered_or_dropped_by_name() {
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut fates: BTreeMap<&str, u64> = BTreeMap::new();
    let mut client = Client::new(ClientConfig::default(), Timestamp::EPOCH).unwrap();
    let request = client.handle_timeout(Timestamp::EPOCH, [1, 1]).request.unwrap().bytes;
    let (mut server, mut now) = (Interleaved::default(), START);
    // The receive time stamp of the last answer.
    let mut last = [0; 8];
    for _ in 0..PACKETS {
        now += Duration::from_nanos(random.next() as i64 % 2_000_000);
        let mut bytes = request.to_vec();
        if random.one_in(2) {
            bytes[24..32].copy_from_slice(&last);
            bytes[32..40].fill(1);
        }
        random.damage(&mut bytes);
        let fate = match server.respond(&bytes, CLIENT, now, &state()) {
            Ok(response) => {
                if let Some(departing) = response.departing() {
                    server.left(departing, now + Duration::from_nanos(random.next() as i64 % 1000));
                }
                let answer = response.finish(now);
                assert!(answer.len() <= bytes.len());
                assert!(Packet::parse(&answer).is_ok());
                assert_ne!(answer[32..40], answer[40..48]);
                last.copy_from_slice(&answer[32..40]);
                if answer[24..32] == bytes[40..48] {
                    "answered"
                } else {
                    assert_eq!(answer[24..32], bytes[32..40], "the origin is mirrored");
                    "interleaved"
                }
            }
            Err(dropped) => dropped.name(),
        };
        *fates.entry(fate).or_default() += 1;
    }
    assert_eq!(fates.values().sum::<u64>(), PACKETS);
    for name in [
        "answered",
        "interleaved",
        "too-short",
        "version",
        "not-a-client-request",
        "malformed-extension",
    ] {
        assert!(fates.contains_key(name), "{name} of {fates:?}");
    }
}

#[test]
fn damaged_ptp_messages_hold_an_ntp_message_or_are_refused_by_name() {
    let mut random = Random(0x0ddb_a11c_0ffe_e123);
    let mut fates: BTreeMap<&str, u64> = BTreeMap::new();
    for _ in 0..PACKETS {
        let tlv = if random.one_in(2) { Tlv::Organization } else { Tlv::Experimental };
        let mut bytes = over_ptp::wrap(tlv, random.next() as u16, &[0x5a; Header::LEN]);
        if random.one_in(2) {
            // Where it says what it is.
            let places = [0, 1, 3, 4, 5, 6, 45, 47, 50, 53];
            bytes[places[random.below(places.len())]] ^= 1 << random.below(8);
        }
        random.damage(&mut bytes);
        let fate = match over_ptp::unwrap(&bytes) {
            Ok(wrapped) => {
                assert!(bytes.ends_with(wrapped.message));
                "unwrapped"
            }
            Err(refused) => refused.name(),
        };
        *fates.entry(fate).or_default() += 1;
    }
    for name in [
        "unwrapped",
        "ptp-too-short",
        "ptp-version",
        "ptp-message-type",
        "ptp-sdo-id",
        "ptp-length",
        "ptp-domain",
        "ptp-flags",
        "ptp-tlv",
        "ptp-tlv-length",
    ] {
        assert!(fates.contains_key(name), "{name} of {fates:?}");
    }
}

/// A client among damaged answers.
struct Target {
    client: Client,
    server: Interleaved,
    now: Timestamp<Free>,
    /// Of the open request.
    token: Option<TransmitToken>,
    packets: u64,
}

impl Target {
    fn new(now: Timestamp<Free>, interleaved: bool) -> Self {
        let config = ClientConfig { interleaved, ..ClientConfig::default() };
        let client = Client::new(config, now).unwrap();
        Self { client, server: Interleaved::default(), now, token: None, packets: 0 }
    }

    fn utc(&self) -> Timestamp<Utc> {
        START + self.now.since_epoch()
    }

    /// Goes to the next moment at which the client wants to act. Gives the answer of a
    /// good server to what it sends then.
    fn ask(&mut self, random: &mut Random) -> Option<Vec<u8>> {
        self.now = self.client.poll_timeout()?.max(self.now);
        let wake = self.client.handle_timeout(self.now, [random.next(), random.next()]);
        let request = wake.request?;
        self.token = Some(request.token);
        let utc = self.utc();
        let response = self.server.respond(&request.bytes, CLIENT, utc, &state()).unwrap();
        if let Some(departing) = response.departing() {
            self.server.left(departing, utc + Duration::from_nanos(1500));
        }
        Some(response.finish(utc + Duration::from_nanos(1000)).to_vec())
    }

    fn transmitted(&mut self) {
        if let Some(token) = self.token.take() {
            // It may be given up or of no use: the counters say so.
            let _ = self.client.handle_transmitted(token, self.stamp(Duration::ZERO));
        }
    }

    fn receive(&mut self, bytes: &[u8], after: Duration, leap: &LeapTable) {
        self.packets += 1;
        let before = self.refused();
        let stamp = self.stamp(after);
        let result = self.client.handle_response(bytes, stamp, self.utc(), leap);
        assert_eq!(self.refused() - before, u64::from(result.is_err()));
        if let Ok(Some(answer)) = result {
            // A damaged precision may excuse 2⁻⁶ s.
            assert!((-0.016..=3.0).contains(&answer.delay), "{}", answer.delay);
            assert!((1..16).contains(&answer.stratum));
        }
    }

    /// Besides exchanges of before that this one was to complete.
    fn refused(&self) -> u64 {
        let all = self.client.rejected();
        all.values().sum::<u64>() - all.get("not-interleaved").unwrap_or(&0)
    }

    fn stamp(&self, later: Duration) -> Stamp {
        Stamp { at: self.now + later, uncertainty: 1e-6, by: StampedBy::Kernel }
    }

    /// Every packet was accepted or refused, but for one that may await its stamp, and one
    /// that the next may tell the departure of.
    fn check_counters(&self) {
        let rejected: u64 = self.client.rejected().values().sum();
        let no_answer = self.client.rejected().get("no-answer").unwrap_or(&0);
        let accounted = self.client.accepted() + rejected - no_answer;
        assert!(self.packets - accounted <= 2, "{} {accounted}", self.packets);
    }
}

#[test]
fn damaged_answers_are_believed_or_refused_by_name() {
    let leap = LeapTable::built_in();
    let mut random = Random(0xfeed_5eed_0bad_cafe);
    let mut fates: BTreeMap<&str, u64> = BTreeMap::new();
    let mut packets = 0;
    while packets < PACKETS {
        let mut target = Target::new(Timestamp::EPOCH, random.one_in(2));
        while target.client.stopped().is_none() && packets + target.packets < PACKETS {
            let Some(good) = target.ask(&mut random) else { continue };
            if random.one_in(2) {
                target.transmitted();
            }
            for _ in 0..random.below(6) {
                let mut bytes = good.clone();
                random.damage(&mut bytes);
                let after = if random.one_in(20) { 5_000 } else { 2 };
                target.receive(&bytes, Duration::from_nanos(1_000_000) * after, &leap);
            }
            if !random.one_in(8) {
                target.transmitted();
            }
        }
        target.check_counters();
        packets += target.packets;
        *fates.entry("accepted").or_default() += target.client.accepted();
        for (name, count) in target.client.rejected() {
            *fates.entry(name).or_default() += count;
        }
    }
    let unseen: Vec<_> = REACHABLE.iter().filter(|name| !fates.contains_key(*name)).collect();
    assert!(unseen.is_empty(), "{unseen:?} of {fates:?}");
}

/// The fates that this fuzz must reach to be worth its time.
const REACHABLE: [&str; 21] = [
    "accepted",
    "delay-too-long",
    "duplicate",
    "kiss-deny",
    "kiss-rate",
    "kiss-rstr",
    "kiss-unknown",
    "malformed-extension",
    "mode",
    "negative-delay",
    "no-answer",
    "no-transmit-stamp",
    "not-interleaved",
    "origin-mismatch",
    "reference-time-after-transmit",
    "root-distance",
    "server-times-out-of-order",
    "stratum",
    "too-short",
    "unsynchronised",
    "version",
];
