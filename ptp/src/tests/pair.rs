//! A port and scripted masters on a simulated network, in virtual time.

use std::collections::BTreeMap;

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Duration, Free, LeapTable, PtpTimestamp, Timestamp};

use crate::config::interval;
use crate::wire::{Announce, Body, DelayResp, Flags, FollowUp, Header, Message, Sync};
use crate::{Action, ClockIdentity, Port, PortComparison, PortConfig, PortIdentity, TransmitId};

pub(super) const CLOCK: ClockIdentity = ClockIdentity([0, 0, 0, 0xff, 0xfe, 0, 0, 0x5c]);
/// 2026-11-22 TAI, about, as offset of a master from a time base that starts at 0.
pub(super) const OFFSET: Duration = Duration::from_secs(1_795_322_841);
pub(super) const MICROSECOND: Duration = Duration::from_nanos(1000);
pub(super) const MILLISECOND: Duration = Duration::from_nanos(1_000_000);

pub(super) fn config() -> PortConfig {
    PortConfig { log_announce_interval: 0, ..PortConfig::new(CLOCK, LeapTable::built_in()) }
}

pub(super) fn stamp(at: Timestamp<Free>) -> Stamp {
    Stamp { at, uncertainty: 1e-6, by: StampedBy::Kernel }
}

/// A master that does what its fields say.
#[derive(Clone)]
pub(super) struct Master {
    pub(super) identity: PortIdentity,
    pub(super) announce: Announce,
    pub(super) flags: Flags,
    pub(super) domain: u8,
    /// Its time less the time base.
    pub(super) offset: Duration,
    pub(super) two_step: bool,
    pub(super) log_announce_interval: i8,
    pub(super) sync_interval: Duration,
    pub(super) log_min_delay_req_interval: i8,
    /// Time a message takes from and to it, besides the residence times.
    pub(super) down: Duration,
    pub(super) up: Duration,
    /// Residence times that are put in the correctionField: of Sync, in 2⁻¹⁶ ns, half
    /// of it told by the Follow_Up; of Delay_Req.
    pub(super) residence: (i64, i64),
    pub(super) alive: bool,
    /// It answers Delay_Req.
    pub(super) answers: bool,
    pub(super) sequence_ids: [u16; 2],
}

impl Master {
    pub(super) fn new(number: u8) -> Self {
        let clock = ClockIdentity([number; 8]);
        Self {
            identity: PortIdentity { clock, port: 1 },
            announce: Announce {
                current_utc_offset: 37,
                grandmaster_priority1: 128,
                clock_class: 6,
                clock_accuracy: 0x21,
                offset_scaled_log_variance: 0x4e5d,
                grandmaster_priority2: number,
                grandmaster_identity: clock,
                time_source: 0x20,
                ..Announce::default()
            },
            flags: Flags::PTP_TIMESCALE | Flags::CURRENT_UTC_OFFSET_VALID,
            domain: 0,
            offset: OFFSET,
            two_step: true,
            log_announce_interval: 0,
            sync_interval: Duration::SECOND,
            log_min_delay_req_interval: 0,
            down: MICROSECOND * 50,
            up: MICROSECOND * 50,
            residence: (0, 0),
            alive: true,
            answers: true,
            sequence_ids: [0xfffd; 2],
        }
    }

    fn header(&self, sequence_id: u16, log_message_interval: i8) -> Header {
        Header {
            domain: self.domain,
            flags: self.flags,
            source: self.identity,
            sequence_id,
            log_message_interval,
            ..Header::default()
        }
    }

    pub(super) fn announce(&mut self) -> Message {
        self.sequence_ids[0] = self.sequence_ids[0].wrapping_add(1);
        let header = self.header(self.sequence_ids[0], self.log_announce_interval);
        Message { header, body: Body::Announce(self.announce) }
    }

    /// Its reading at `now`, and what of it the time stamp cannot hold.
    fn read(&self, now: Timestamp<Free>) -> (PtpTimestamp, i64) {
        let time = Timestamp::from_epoch(now.since_epoch() + self.offset);
        let timestamp = PtpTimestamp::from_tai(time).unwrap();
        (timestamp, i64::try_from((time - timestamp.to_tai()).to_bits() >> 16).unwrap())
    }

    /// The Sync that leaves at `now`, and its Follow_Up.
    pub(super) fn sync(&mut self, now: Timestamp<Free>) -> (Message, Option<Message>) {
        self.sequence_ids[1] = self.sequence_ids[1].wrapping_add(1);
        let mut header = self.header(self.sequence_ids[1], 0);
        let (sent, fraction) = self.read(now);
        if !self.two_step {
            header.correction_field = self.residence.0 + fraction;
            return (Message { header, body: Body::Sync(Sync { origin_timestamp: sent }) }, None);
        }
        let body = Body::FollowUp(FollowUp { precise_origin_timestamp: sent });
        let told = self.residence.0 / 2;
        let follow_up = Header { correction_field: told + fraction, ..header };
        header.correction_field = self.residence.0 - told;
        header.flags = header.flags | Flags::TWO_STEP;
        let sync = Message { header, body: Body::Sync(Sync::default()) };
        (sync, Some(Message { header: follow_up, body }))
    }

    /// The answer to a request that arrives at `now`.
    pub(super) fn delay_resp(&self, request: &Header, now: Timestamp<Free>) -> Message {
        let (received, fraction) = self.read(now);
        let header = Header {
            correction_field: request.correction_field + self.residence.1 - fraction,
            ..self.header(request.sequence_id, self.log_min_delay_req_interval)
        };
        let response = DelayResp { receive_timestamp: received, requesting_port: request.source };
        Message { header, body: Body::DelayResp(response) }
    }
}

enum Event {
    Announce(usize),
    Sync(usize),
    Request(usize, Header),
    Arrive { bytes: Vec<u8>, event: bool },
    Transmitted(TransmitId, Timestamp<Free>),
}

/// The port, its masters, and what came of it.
pub(super) struct Pair {
    pub(super) port: Port,
    pub(super) masters: Vec<Master>,
    pub(super) now: Timestamp<Free>,
    /// How long the n-th transmit stamp takes; `None` if it never comes.
    pub(super) stamp_latency: fn(u64) -> Option<Duration>,
    pub(super) compared: Vec<PortComparison>,
    pub(super) changes: Vec<(Timestamp<Free>, Option<PortIdentity>)>,
    pub(super) requests: Vec<Timestamp<Free>>,
    pub(super) plugged: bool,
    events: BTreeMap<(Timestamp<Free>, u64), Event>,
    scheduled: u64,
}

impl Pair {
    pub(super) fn new(config: PortConfig, masters: Vec<Master>) -> Self {
        let mut pair = Self {
            port: Port::new(config, 1).unwrap(),
            masters: Vec::new(),
            now: Timestamp::EPOCH,
            stamp_latency: |_| Some(MICROSECOND * 20),
            compared: Vec::new(),
            changes: Vec::new(),
            requests: Vec::new(),
            plugged: true,
            events: BTreeMap::new(),
            scheduled: 0,
        };
        masters.into_iter().for_each(|master| pair.add(master));
        pair
    }

    pub(super) fn add(&mut self, master: Master) {
        let index = self.masters.len();
        self.masters.push(master);
        // Not all at once, so that every order of messages occurs.
        let phase = Duration::from_nanos(37_000_000 * (i64::try_from(index).unwrap() + 1));
        self.schedule(self.now + phase, Event::Announce(index));
        self.schedule(self.now + phase * 2, Event::Sync(index));
    }

    fn schedule(&mut self, at: Timestamp<Free>, event: Event) {
        self.scheduled += 1;
        self.events.insert((at, self.scheduled), event);
    }

    pub(super) fn run(&mut self, seconds: f64) {
        let end = self.now + Duration::from_seconds(seconds).unwrap();
        loop {
            let event = self.events.first_key_value().map(|(&(at, _), _)| at);
            let timeout = self.port.poll_timeout().map(|due| due.max(self.now));
            let Some(next) = event.into_iter().chain(timeout).min().filter(|&at| at <= end) else {
                break;
            };
            self.now = next;
            if timeout == Some(next) {
                self.port.handle_timeout(next);
            } else {
                let (_, event) = self.events.pop_first().unwrap();
                self.happen(event);
            }
            self.perform();
        }
        self.now = end;
    }

    fn happen(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Announce(index) => {
                let master = &mut self.masters[index];
                let (at, next) = (now + master.down, now + interval(master.log_announce_interval));
                let alive = master.alive;
                let bytes = master.announce().encode();
                if alive {
                    self.schedule(at, Event::Arrive { bytes, event: false });
                }
                self.schedule(next, Event::Announce(index));
            }
            Event::Sync(index) => self.send_sync(index),
            Event::Request(index, header) => {
                let master = &self.masters[index];
                if master.alive && master.answers {
                    let bytes = master.delay_resp(&header, now).encode();
                    self.schedule(now + master.down, Event::Arrive { bytes, event: false });
                }
            }
            // What is refused is looked for in the counters.
            Event::Arrive { .. } if !self.plugged => {}
            Event::Arrive { bytes, event: true } => {
                let _ = self.port.handle_event(&bytes, stamp(now), now);
            }
            Event::Arrive { bytes, event: false } => {
                let _ = self.port.handle_general(&bytes, now);
            }
            Event::Transmitted(id, at) => {
                let _ = self.port.handle_transmitted(id, stamp(at));
            }
        }
    }

    fn send_sync(&mut self, index: usize) {
        let now = self.now;
        let master = &mut self.masters[index];
        let residence = Duration::from_bits(i128::from(master.residence.0) << 16);
        let (at, next) = (now + master.down + residence, now + master.sync_interval);
        let alive = master.alive;
        let (sync, follow_up) = master.sync(now);
        if alive {
            self.schedule(at, Event::Arrive { bytes: sync.encode(), event: true });
            if let Some(message) = follow_up {
                let at = at + MICROSECOND * 30;
                self.schedule(at, Event::Arrive { bytes: message.encode(), event: false });
            }
        }
        self.schedule(next, Event::Sync(index));
    }

    fn perform(&mut self) {
        while let Some(action) = self.port.poll_action() {
            match action {
                Action::SendEvent { id, bytes, .. } => self.send(id, &bytes),
                Action::SendGeneral { .. } | Action::SendOneStep { .. } => {
                    panic!("a slave has nothing to say but what needs a stamp")
                }
                Action::Compared(comparison) => self.compared.push(comparison),
                Action::MasterChanged { from, to } => {
                    assert_eq!(from, self.changes.last().and_then(|&(_, to)| to));
                    self.changes.push((self.now, to));
                }
            }
        }
    }

    fn send(&mut self, id: TransmitId, bytes: &[u8]) {
        let message = Message::decode(bytes).unwrap();
        assert!(matches!(message.body, Body::DelayReq(_)));
        assert_eq!(message.header.source, self.port.identity());
        let left = self.now + MICROSECOND * 5;
        if let Some(latency) = (self.stamp_latency)(self.requests.len() as u64) {
            self.schedule(left + latency, Event::Transmitted(id, left));
        }
        self.requests.push(self.now);
        if self.plugged {
            for index in 0..self.masters.len() {
                let residence =
                    Duration::from_bits(i128::from(self.masters[index].residence.1) << 16);
                let at = left + self.masters[index].up + residence;
                self.schedule(at, Event::Request(index, message.header));
            }
        }
    }

    pub(super) fn master(&self) -> Option<PortIdentity> {
        self.port.status().parent.map(|parent| parent.port_identity)
    }
}
