//! Mutated messages in great number, always the same ones.

use clock_models::time::{Duration, Timestamp};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

use super::pair::{MILLISECOND, Master, Pair, config, stamp};
use crate::wire::{
    Body, DelayResp, Flags, Header, Message, PdelayReq, PdelayResp, PdelayRespFollowUp,
};
use crate::{
    Action, ArbitraryTimescale, DelayMechanism, Port, PortConfig, PortState, Rejection, TransmitId,
};

const ROUNDS: u32 = 200_000;

/// What drives a port with nonsense that is close to sense.
struct Fuzzer {
    rng: SmallRng,
    port: Port,
    masters: [Master; 2],
    now: Timestamp<clock_models::time::Free>,
    requests: Vec<(TransmitId, Header)>,
    /// Kinds of messages: 6, or 10 with those of the peer delay mechanism.
    kinds: u8,
    compared: u32,
}

impl Fuzzer {
    fn message(&mut self) -> Vec<u8> {
        let now = self.now;
        let master = &mut self.masters[usize::from(self.rng.r#gen::<bool>())];
        let mut message = match self.rng.gen_range(0..self.kinds) {
            0 | 1 => master.announce(),
            2 => master.sync(now).0,
            3 => master.sync(now).1.unwrap_or_else(|| master.announce()),
            4 => Message { body: Body::Sync(Default::default()), ..master.announce() },
            6..10 => self.peer_message(),
            _ => {
                let request = self.requests.last().map(|(_, header)| *header).unwrap_or_default();
                let header = Header { source: master.identity, ..request };
                let requesting_port = self.port.identity();
                let body = DelayResp { requesting_port, ..DelayResp::default() };
                Message { header, body: Body::DelayResp(body) }
            }
        };
        if self.rng.gen_ratio(1, 8) {
            message.header.correction_field = self.rng.r#gen();
        }
        let mut bytes = message.encode();
        for _ in 0..self.rng.gen_range(0..3) {
            self.mutate(&mut bytes);
        }
        bytes
    }

    /// What a neighbour asks or answers.
    fn peer_message(&mut self) -> Message {
        let request = self.requests.last().map(|(_, header)| *header).unwrap_or_default();
        let source = self.masters[usize::from(self.rng.gen_ratio(1, 50))].identity;
        let header = Header { source, flags: self.masters[0].flags, ..request };
        let requesting_port = self.port.identity();
        let body = match self.rng.gen_range(0..8) {
            0 => Body::PdelayReq(PdelayReq::default()),
            1..5 => Body::PdelayResp(PdelayResp { requesting_port, ..PdelayResp::default() }),
            _ => {
                let origin = PdelayRespFollowUp::default();
                Body::PdelayRespFollowUp(PdelayRespFollowUp { requesting_port, ..origin })
            }
        };
        let two_step = if self.rng.r#gen() { Flags::TWO_STEP } else { Flags::default() };
        Message { header: Header { flags: two_step, ..header }, body }
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let value =
            *[0, 1, 0x7f, 0x80, 0xff, self.rng.r#gen()].get(self.rng.gen_range(0..6)).unwrap();
        match self.rng.gen_range(0..8) {
            0 => bytes.truncate(self.rng.gen_range(0..=bytes.len())),
            1 => bytes.extend((0..self.rng.gen_range(0..40)).map(|_| value)),
            2 if bytes.len() > 44 => bytes[44..].fill(value),
            3 if bytes.len() > 16 => bytes[8..16].fill(value),
            _ if bytes.is_empty() => {}
            _ => {
                let at = self.rng.gen_range(0..bytes.len());
                bytes[at] = value;
            }
        }
    }

    fn round(&mut self) {
        let bytes = self.message();
        // Whatever it answers is right, as long as it answers.
        let _ = match self.rng.gen_range(0..3) {
            0 => self.port.handle_general(&bytes, self.now),
            _ => self.port.handle_event(&bytes, stamp(self.now), self.now),
        };
        if self.rng.gen_ratio(1, 4) {
            self.now += Duration::from_nanos(self.rng.gen_range(0..400_000_000));
            self.port.handle_timeout(self.now);
        }
        if self.rng.gen_ratio(1, 4) && !self.requests.is_empty() {
            let (id, _) = self.requests.swap_remove(self.rng.gen_range(0..self.requests.len()));
            let _ = self.port.handle_transmitted(id, stamp(self.now));
        }
        if self.rng.gen_ratio(1, 5000) {
            self.port.link_down();
            self.port.link_up();
        }
        let mut actions = 0;
        while let Some(action) = self.port.poll_action() {
            actions += 1;
            match action {
                Action::SendEvent { id, bytes, .. } => {
                    self.requests.push((id, Message::decode(&bytes).unwrap().header));
                }
                Action::Compared(_) => self.compared += 1,
                Action::SendOneStep { .. }
                | Action::SendGeneral { .. }
                | Action::MasterChanged { .. } => {}
            }
        }
        assert!(actions <= 8, "{actions} actions at once");
        self.requests.truncate(16);
    }
}

/// A port that has been fuzzed, and the fuzzer.
fn fuzzed(config: PortConfig, kinds: u8) -> Fuzzer {
    let mut fuzzer = Fuzzer {
        rng: SmallRng::seed_from_u64(0x5eed),
        port: Port::new(config, 1).unwrap(),
        masters: [Master::new(1), Master { two_step: false, ..Master::new(2) }],
        now: Timestamp::from_secs(1),
        requests: Vec::new(),
        kinds,
        compared: 0,
    };
    for _ in 0..ROUNDS {
        fuzzer.round();
    }
    // The fuzzing went deep enough to mean something.
    assert!(fuzzer.compared > 1000, "{}", fuzzer.compared);
    let reasons = fuzzer.port.rejections().iter().count();
    assert!(reasons >= 16, "{:?}", fuzzer.port.rejections());
    fuzzer
}

#[test]
fn mutated_messages_never_make_the_port_panic_and_it_follows_a_master_afterwards() {
    let config = PortConfig { arbitrary_timescale: ArbitraryTimescale::Utc, ..config() };
    let fuzzer = fuzzed(config.clone(), 6);
    let mut pair = Pair::new(config, Vec::new());
    pair.changes.push((fuzzer.now, fuzzer.port.status().parent.map(|p| p.port_identity)));
    pair.port = fuzzer.port;
    pair.now = fuzzer.now + MILLISECOND;
    pair.add(Master::new(3));
    pair.run(20.0);
    assert_eq!(pair.port.status().state, PortState::Slave);
    assert_eq!(pair.master(), Some(pair.masters[0].identity));
}

#[test]
fn nor_do_those_of_the_peer_delay_mechanism() {
    let config = PortConfig {
        arbitrary_timescale: ArbitraryTimescale::Utc,
        delay_mechanism: DelayMechanism::P2p { log_min_pdelay_req_interval: -2 },
        ..config()
    };
    let port = fuzzed(config, 10).port;
    for reason in [Rejection::MultipleResponders, Rejection::LinkDelay, Rejection::Unsolicited] {
        assert!(port.rejections().count(reason) > 10, "{reason}: {:?}", port.rejections());
    }
}
