//! A client and a server on a simulated network, driven from event to event in virtual
//! time.
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr};

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Duration, Free, LeapTable, Tai, Timestamp, Utc};
use ntp::client::{Answer, Client, ClientConfig, TransmitToken};
use ntp::packet::{LeapIndicator, ReferenceId};
use ntp::server::{Interleaved, ServerState, Synchronised};

/// 2026-11-22T04:46:44Z, as TAI.
const START: Timestamp<Tai> = Timestamp::from_secs(1_795_322_804 + 37);
/// The client's oscillator against TAI, ratio − 1.
const FREQUENCY: f64 = 20e-6;
/// TAI less the client's time base at the start.
const DIFFERENCE: Duration = Duration::from_secs(1_795_000_000);
/// From the arrival of a request to the departure of its answer.
const AT_SERVER: Duration = Duration::from_nanos(5_000);
/// Of the client's time stamps, s.
const STAMP_UNCERTAINTY: f64 = 1e-6;
/// Where the server sees the client.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// What happens at a moment.
enum Event {
    /// The kernel reports when a request left.
    Transmitted(TransmitToken, Timestamp<Free>),
    /// A packet reaches the server.
    AtServer(Vec<u8>),
    /// A packet reaches the client.
    AtClient(Vec<u8>),
}

/// An event, ordered by time and then by number.
struct Entry(Timestamp<Tai>, u64, Event);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// What the network does.
struct Network {
    /// Shortest way in one direction.
    delay: Duration,
    /// Longest addition to it.
    jitter: Duration,
    /// Packets lost, of 256.
    loss: u64,
    /// Packets doubled, of 256.
    doubled: u64,
    /// Transmit time stamps that never come, of 256.
    unstamped: u64,
    /// Longest time until a transmit time stamp comes.
    stamp_delay: Duration,
}

const LAN: Network = Network {
    delay: Duration::from_nanos(100_000),
    jitter: Duration::from_nanos(10_000),
    loss: 0,
    doubled: 0,
    unstamped: 0,
    stamp_delay: Duration::from_nanos(20_000),
};

struct Pair {
    client: Client,
    server: ServerState,
    answering: Interleaved,
    /// What the server takes from the arrival of a request to the departure of its answer to
    /// be, when it makes the answer.
    foretold: Duration,
    network: Network,
    leap: LeapTable,
    now: Timestamp<Tai>,
    events: BinaryHeap<Reverse<Entry>>,
    number: u64,
    random: u64,
    answers: Vec<Answer>,
    at_client: u64,
}

impl Pair {
    fn new(network: Network) -> Self {
        Self::with(network, ClientConfig { max_poll: 8, ..ClientConfig::default() })
    }

    /// In interleaved mode, of a server that foretells its departures badly.
    fn interleaved(network: Network) -> Self {
        let config =
            ClientConfig { min_poll: 0, max_poll: 0, interleaved: true, ..ClientConfig::default() };
        Self { foretold: AT_SERVER / 5, ..Self::with(network, config) }
    }

    fn with(network: Network, config: ClientConfig) -> Self {
        let server = ServerState {
            precision: -24,
            synchronised: Some(Synchronised {
                leap: LeapIndicator::NoWarning,
                stratum: 1,
                root_delay: 0.0,
                root_dispersion: 1e-6,
                reference_id: ReferenceId::from_code("NIM").unwrap(),
                reference_time: Timestamp::from_secs(1_795_322_800),
            }),
        };
        Self {
            client: Client::new(config, free(START)).unwrap(),
            server,
            answering: Interleaved::default(),
            foretold: AT_SERVER,
            network,
            leap: LeapTable::built_in(),
            now: START,
            events: BinaryHeap::new(),
            number: 0,
            random: 0x9e37_79b9_7f4a_7c15,
            answers: Vec::new(),
            at_client: 0,
        }
    }

    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn chance(&mut self, of_256: u64) -> bool {
        self.random() >> 56 < of_256
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        most * ((self.random() >> 48) as i64) / (1 << 16)
    }

    fn at(&mut self, delay: Duration, event: Event) {
        self.number += 1;
        self.events.push(Reverse(Entry(self.now + delay, self.number, event)));
    }

    fn carry(&mut self, after: Duration, bytes: &[u8], event: fn(Vec<u8>) -> Event) {
        if self.chance(self.network.loss) {
            return;
        }
        let copies = 1 + u64::from(self.chance(self.network.doubled));
        for _ in 0..copies {
            let delay = after + self.network.delay + self.up_to(self.network.jitter);
            self.at(delay, event(bytes.to_vec()));
        }
    }

    fn utc(&self) -> Timestamp<Utc> {
        self.leap.to_utc(self.now).timestamp
    }

    /// Goes from event to event, and to the moments at which the client wants to act.
    fn run(&mut self, seconds: i64) {
        let end = self.now + Duration::from_secs(seconds);
        loop {
            let wake = self.client.poll_timeout().map_or(end, |at| tai(at).max(self.now));
            let next = self.events.peek().map_or(end, |Reverse(entry)| entry.0);
            if end <= wake.min(next) {
                break;
            }
            self.now = wake.min(next);
            if wake < next {
                self.wake();
            } else if let Some(Reverse(entry)) = self.events.pop() {
                self.step(entry.2);
            }
        }
        self.now = end;
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Transmitted(token, at) => {
                let stamp = Stamp { at, uncertainty: STAMP_UNCERTAINTY, by: StampedBy::Kernel };
                let result = self.client.handle_transmitted(token, stamp);
                self.take(result.ok().flatten());
            }
            Event::AtServer(bytes) => {
                let utc = self.utc();
                if let Some(clock) = &mut self.server.synchronised {
                    // As a clock says that is a reference itself.
                    clock.reference_time = utc + self.foretold;
                }
                let response = self.answering.respond(&bytes, CLIENT, utc, &self.server).unwrap();
                let departing = response.departing();
                let bytes = response.finish(utc + self.foretold);
                if let Some(departing) = departing {
                    self.answering.left(departing, utc + AT_SERVER);
                }
                self.carry(AT_SERVER, &bytes, Event::AtClient);
            }
            Event::AtClient(bytes) => {
                self.at_client += 1;
                let stamp = Stamp {
                    at: free(self.now),
                    uncertainty: STAMP_UNCERTAINTY,
                    by: StampedBy::Kernel,
                };
                let near = self.utc();
                let result = self.client.handle_response(&bytes, stamp, near, &self.leap);
                self.take(result.ok().flatten());
            }
        }
    }

    fn wake(&mut self) {
        let random = [self.random(), self.random()];
        if let Some(request) = self.client.handle_timeout(free(self.now), random).request {
            if !self.chance(self.network.unstamped) {
                let delay = self.up_to(self.network.stamp_delay);
                self.at(delay, Event::Transmitted(request.token, free(self.now)));
            }
            self.carry(Duration::ZERO, &request.bytes, Event::AtServer);
        }
    }

    fn take(&mut self, answer: Option<Answer>) {
        if let Some(answer) = answer {
            self.answers.push(answer);
            self.client.handle_fit(0.0, 1.0);
        }
    }

    /// Every request and every packet has one fate.
    fn check_counters(&self) {
        let rejected: u64 = self.client.rejected().values().sum();
        let no_answer = self.rejected("no-answer");
        let waiting = self.at_client - (self.client.accepted() + rejected - no_answer);
        assert!(waiting <= 1, "{:?}", self.client.rejected());
        let open = self.client.sent()
            - no_answer
            - self.client.accepted()
            - self.rejected("no-transmit-stamp")
            - self.rejected("delay-too-long")
            - self.rejected("unsynchronised");
        assert!(open <= 1, "{:?}", self.client.rejected());
        assert_eq!(self.client.accepted(), self.answers.len() as u64);
    }

    fn rejected(&self, name: &str) -> u64 {
        self.client.rejected().get(name).copied().unwrap_or_default()
    }
}

/// The client's time base at an instant.
fn free(at: Timestamp<Tai>) -> Timestamp<Free> {
    let drift = Duration::from_seconds((at - START).seconds() * FREQUENCY).unwrap();
    Timestamp::from_epoch(at.since_epoch() - DIFFERENCE) + drift
}

/// The first nanosecond at which the client's time base shows `at` or more.
fn tai(at: Timestamp<Free>) -> Timestamp<Tai> {
    Timestamp::from_epoch(at.since_epoch() + truth(at)) + Duration::from_nanos(1)
}

/// TAI less the time base when the time base shows `at`.
fn truth(at: Timestamp<Free>) -> Duration {
    let elapsed = (at.since_epoch() - (START.since_epoch() - DIFFERENCE)).seconds();
    DIFFERENCE - Duration::from_seconds(elapsed * FREQUENCY / (1.0 + FREQUENCY)).unwrap()
}

/// No comparison may lie further from the truth than half its delay.
fn assert_true(answers: &[Answer]) {
    for answer in answers {
        let two_way = answer.comparison.two_way(-FREQUENCY).unwrap();
        let error = (two_way.difference - truth(two_way.at)).seconds();
        assert!(two_way.delay > 0.0);
        assert!(error.abs() <= two_way.delay / 2.0 + 1e-9, "{error} of {}", two_way.delay);
    }
}

#[test]
fn comparisons_hold_the_truth_within_half_of_their_delay_and_the_interval_grows() {
    let mut pair = Pair::new(LAN);
    pair.run(2);
    assert!(pair.answers.len() >= 4, "four exchanges in the first second");
    pair.run(7200);
    assert_true(&pair.answers);
    assert_eq!((pair.client.poll(), pair.client.reach()), (8, 0xff));
    assert!(pair.client.rejected().is_empty(), "{:?}", pair.client.rejected());
    pair.check_counters();
}

#[test]
fn a_symmetric_path_gives_the_true_difference_and_delay() {
    let mut pair = Pair::new(Network { jitter: Duration::ZERO, ..LAN });
    pair.run(3600);
    for answer in &pair.answers {
        let two_way = answer.comparison.two_way(-FREQUENCY).unwrap();
        assert!((two_way.difference - truth(two_way.at)).seconds().abs() < 1e-9);
        assert!((two_way.delay - 200e-6).abs() < 10e-9, "{}", two_way.delay);
    }
}

#[test]
fn losses_doubled_packets_and_missing_stamps_cost_exchanges_but_no_truth() {
    let mut pair = Pair::new(Network {
        delay: Duration::from_nanos(20_000_000),
        jitter: Duration::from_nanos(2_000_000_000),
        loss: 40,
        doubled: 60,
        unstamped: 25,
        stamp_delay: Duration::from_nanos(3_000_000_000),
    });
    pair.run(86_400);
    assert_true(&pair.answers);
    pair.check_counters();
    for name in ["no-answer", "duplicate", "no-transmit-stamp", "delay-too-long"] {
        assert!(pair.rejected(name) > 0, "{name}: {:?}", pair.client.rejected());
    }
    assert!(pair.answers.len() > 100);
}

#[test]
fn an_outage_is_noticed_in_minutes_and_a_return_brings_a_burst() {
    let mut pair = Pair::new(LAN);
    pair.run(7200);
    pair.network.loss = 256;
    pair.run(512);
    assert_eq!(pair.client.reach(), 0);
    assert!(pair.client.unanswered() >= 8);
    pair.network.loss = 0;
    let before = pair.answers.len();
    pair.run(90);
    assert!(pair.answers.len() >= before + 8);
    assert_eq!((pair.client.unanswered(), pair.client.reach()), (0, 0xff));
    pair.check_counters();
}

#[test]
fn a_server_that_loses_its_source_is_not_believed() {
    let mut pair = Pair::new(LAN);
    pair.run(60);
    let believed = pair.answers.len();
    let synchronised = pair.server.synchronised.take();
    pair.run(600);
    assert_eq!((pair.answers.len(), pair.client.reach()), (believed, 0));
    assert!(pair.rejected("unsynchronised") > 8);
    assert_eq!(pair.client.stopped(), None);
    pair.server.synchronised = synchronised;
    pair.run(120);
    assert!(pair.answers.len() >= believed + 8);
}

/// What two_way says beside the truth, s.
fn error(answer: &Answer) -> f64 {
    let two_way = answer.comparison.two_way(-FREQUENCY).unwrap();
    (two_way.difference - truth(two_way.at)).seconds()
}

#[test]
fn in_interleaved_mode_the_departures_are_those_of_the_wire() {
    let mut pair = Pair::interleaved(Network { jitter: Duration::ZERO, ..LAN });
    pair.run(60);
    let told: Vec<bool> = pair.answers.iter().map(|answer| answer.interleaved).collect();
    assert_eq!(told[..3], [false, false, true], "the fourth tells of the third");
    assert!(told[2..].iter().all(|told| *told) && told.len() > 50);
    for answer in &pair.answers {
        // A departure that is foretold too early, by 4 µs, makes the server seem slow by half.
        let due = if answer.interleaved { 0.0 } else { -AT_SERVER.seconds() * 0.4 };
        assert!((error(answer) - due).abs() < 1e-9, "{}", error(answer));
    }
    assert_eq!(pair.client.accepted() + 1, pair.at_client, "each but the last");
    assert!(pair.client.rejected().is_empty(), "{:?}", pair.client.rejected());
}

#[test]
fn lost_packets_and_stamps_cost_interleaved_exchanges_but_no_truth() {
    let mut pair = Pair::interleaved(Network { loss: 25, doubled: 60, unstamped: 25, ..LAN });
    pair.run(3600);
    let interleaved = pair.answers.iter().filter(|answer| answer.interleaved).count();
    assert!(interleaved * 2 > pair.answers.len() && pair.answers.len() > 1000);
    assert_true(&pair.answers);
    for name in ["no-answer", "duplicate", "not-interleaved", "no-transmit-stamp"] {
        assert!(pair.rejected(name) > 0, "{name}: {:?}", pair.client.rejected());
    }
}

#[test]
fn a_server_that_does_not_know_interleaved_mode_any_more_is_followed_in_basic_mode() {
    let mut pair = Pair::interleaved(LAN);
    pair.run(30);
    let before = pair.answers.len();
    for _ in 0..20 {
        // It has forgotten everything, every time.
        pair.answering = Interleaved::default();
        pair.run(1);
    }
    let basic = pair.answers[before + 1..].iter().filter(|answer| !answer.interleaved).count();
    assert!((12..=17).contains(&basic), "{basic}");
    assert!((4..=5).contains(&pair.rejected("not-interleaved")));
    assert_eq!((pair.client.reach(), pair.client.unanswered()), (0xff, 0));
}
