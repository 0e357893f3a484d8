mod early;
mod measured;
mod received;

use std::collections::VecDeque;

use clock_models::comparison::{Comparison, Stamp, StampedBy};
use clock_models::time::{Duration, Free, LeapTable, Timestamp};

use crate::config::{
    self, ArbitraryTimescale, ConfigError, DelayMechanism, PdelayAnswer, PortConfig,
};
use crate::engine::{self, Engine, Request};
use crate::foreign_masters::{ForeignMaster, ForeignMasters};
use crate::peer::Peer;
use crate::rejection::{Rejection, Rejections};
use crate::slave::Slave;
use crate::status::{Parent, PeerDelayUse, PortState, PortStatus};
use crate::transport::Group;
use crate::wire::{Message, PortIdentity};
use early::EarlySync;

/// Names a sent event message, for its transmit time stamp. It can be used once.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct TransmitId(u64);

/// What the caller is to do.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Send this on the event socket, and hand its transmit time stamp to
    /// [`Port::handle_transmitted`].
    SendEvent {
        /// For the time stamp.
        id: TransmitId,
        /// To whom.
        to: Group,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Send this on the event socket, which is to write into it how long the request that it
    /// answers was kept ([`PdelayAnswer::OneStep`]). It has no transmit time stamp.
    SendOneStep {
        /// To whom.
        to: Group,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Send this on the general socket.
    SendGeneral {
        /// To whom.
        to: Group,
        /// The message.
        bytes: Vec<u8>,
    },
    /// The clock was compared with its master.
    Compared(PortComparison),
    /// From here on comparisons are with another master: what was learnt of the one
    /// before does not hold for it. Comes before the first comparison with it.
    MasterChanged {
        /// Who was the master.
        from: Option<PortIdentity>,
        /// Who is.
        to: Option<PortIdentity>,
    },
}

/// A comparison with a master.
///
/// Each reading leaves the port exactly once. One from the master (Sync) leaves at once,
/// and takes along the last one to the master (Delay_Req) if that has not left yet and
/// lies within the announce receipt timeout. A reading to the master that no Sync fetched
/// before the next one of its kind leaves alone. So no reading is counted twice, and none
/// is lost.
///
/// With the peer delay mechanism no Delay_Req goes to the master. Where the master itself
/// answers Pdelay_Req, and its stamps show the same time as its Syncs, the Pdelay_Req makes
/// a reading to the master and the Pdelay_Resp one from it. They leave the port together at
/// the next Sync, before what that shows.
///
/// Any other exchange shows the link only. Where one has since, every second Sync makes the
/// reading to the master instead of one from it: what the Sync shows and twice the mean link
/// delay, which is what a message would show that goes back at once. No Sync makes both, and
/// no link delay is used twice, so that the noise of each reading is its own.
///
/// The first master that is heard where no other is qualified is measured from the last Sync
/// before its first Announce on. Its comparisons leave the port when there is one of both
/// directions, or when its second Announce has qualified it. IEEE 1588-2019 9.3.2.5 waits for
/// the second Announce in any case, IEEE 802.1AS-2020 10.3.11 never: a master that has answered
/// is no stray message, and who knows no other loses nothing by it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PortComparison {
    /// With the differences as TAI, corrections and delayAsymmetry included. The root
    /// delay is 0; the root dispersion is `clock_accuracy`, or 0 where that is `None`.
    pub comparison: Comparison,
    /// The master.
    pub master: PortIdentity,
    /// What the grandmaster claims for its error, s. `None` is no claim at all, which a
    /// root dispersion cannot say: the budget has to.
    pub clock_accuracy: Option<f64>,
    /// Who took this host's time stamps; the least able if there were two.
    pub stamped_by: StampedBy,
}

/// A port of a slave-only ordinary clock.
pub struct Port {
    config: PortConfig,
    engine: Engine,
    foreign_masters: ForeignMasters,
    master: Option<PortIdentity>,
    early: Option<EarlySync>,
    slave: Slave,
    /// With the peer delay mechanism.
    peer: Option<Peer>,
    pdelay_answer: PdelayAnswer,
    delay_request: Option<Timestamp<Free>>,
    link_up: bool,
    transmitted: u64,
    actions: VecDeque<Action>,
    rejections: Rejections,
}

impl Port {
    /// A port whose link is up. `seed` spreads its Delay_Req over time (9.5.11.2).
    ///
    /// # Errors
    /// A value of the configuration out of its range.
    pub fn new(config: PortConfig, seed: u64) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            engine: Engine::new(&config, seed),
            foreign_masters: ForeignMasters::new(&config),
            peer: match config.delay_mechanism {
                DelayMechanism::E2e => None,
                DelayMechanism::P2p { log_min_pdelay_req_interval } => {
                    Some(Peer::new(&config, log_min_pdelay_req_interval))
                }
            },
            pdelay_answer: PdelayAnswer::default(),
            config,
            master: None,
            early: None,
            slave: Slave::default(),
            delay_request: None,
            link_up: true,
            transmitted: 0,
            actions: VecDeque::new(),
            rejections: Rejections::default(),
        })
    }

    /// The name of the port.
    #[must_use]
    pub const fn identity(&self) -> PortIdentity {
        self.config.identity()
    }

    /// What the port is doing.
    #[must_use]
    pub fn status(&self) -> PortStatus {
        PortStatus {
            state: match self.master {
                _ if !self.link_up || self.has_several_neighbours() => PortState::Faulty,
                None => PortState::Listening,
                Some(_) if self.slave.calibrated => PortState::Slave,
                Some(_) => PortState::Uncalibrated,
            },
            parent: self.selected().map(Parent::from),
            mean_path_delay: match &self.peer {
                Some(peer) => peer.mean_link_delay(),
                None => self.slave.mean_path_delay,
            },
            peer_delay: self.peer.as_ref().map(|_| match self.slave.direct.in_force {
                true => PeerDelayUse::Readings,
                false => PeerDelayUse::MeanLinkDelay,
            }),
            delay_req_interval: match &self.peer {
                Some(peer) => peer.interval(),
                None => config::interval(self.log_delay_req_interval()),
            },
            utc_offset_mismatch: self.slave.utc_offset_mismatch,
        }
    }

    pub(crate) const fn arbitrary_timescale(&self) -> ArbitraryTimescale {
        self.config.arbitrary_timescale
    }

    /// What was refused since the start, by reason.
    #[must_use]
    pub const fn rejections(&self) -> &Rejections {
        &self.rejections
    }

    /// Puts a newer leap table in force.
    pub fn set_leap_table(&mut self, leap_table: LeapTable) {
        self.config.leap_table = leap_table;
    }

    /// How Pdelay_Req are answered from now on; in two steps until then.
    pub const fn set_pdelay_answer(&mut self, pdelay_answer: PdelayAnswer) {
        self.pdelay_answer = pdelay_answer;
    }

    /// The next thing to do. Call it after every `handle_*` until there is none.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` if only a message
    /// can change anything.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp<Free>> {
        let peer = self.peer.as_ref().filter(|_| self.link_up).map(Peer::due);
        [self.delay_request, peer, self.foreign_masters.next_expiry()].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Timestamp<Free>) {
        if self.foreign_masters.expire(now) {
            self.decide(now);
        }
        if self.delay_request.is_some_and(|due| due <= now) {
            self.delay_request = None;
            let requests = self.engine.delay_timer();
            self.fulfil(requests, now);
        }
        self.request_peer(now);
    }

    /// A message came on the event socket, or the only one there is (Ethernet), with its
    /// receive time stamp.
    ///
    /// # Errors
    /// Why it was refused; it is also counted.
    pub fn handle_event(
        &mut self,
        bytes: &[u8],
        stamp: Stamp,
        now: Timestamp<Free>,
    ) -> Result<(), Rejection> {
        let result = self.receive(bytes, Some(stamp), now);
        self.counted(result)
    }

    /// A message came on the general socket, or without a time stamp.
    ///
    /// # Errors
    /// Why it was refused; it is also counted.
    pub fn handle_general(&mut self, bytes: &[u8], now: Timestamp<Free>) -> Result<(), Rejection> {
        let result = self.receive(bytes, None, now);
        self.counted(result)
    }

    /// The transmit time stamp of an event message came. It may be late, which costs
    /// that exchange, or never come, which costs nothing more.
    ///
    /// # Errors
    /// Why it was of no use; it is also counted.
    pub fn handle_transmitted(&mut self, id: TransmitId, stamp: Stamp) -> Result<(), Rejection> {
        let result = self.transmitted(&id, stamp);
        self.counted(result)
    }

    /// The link is gone: everything learnt from it is forgotten, the counters are not.
    pub fn link_down(&mut self) {
        self.link_up = false;
        self.foreign_masters.clear();
        self.engine.listen();
        self.early = None;
        // What was to be sent is not to be sent to whomever the link comes back to.
        let sends = |action: &Action| match action {
            Action::SendEvent { .. } | Action::SendOneStep { .. } | Action::SendGeneral { .. } => {
                true
            }
            Action::Compared(_) | Action::MasterChanged { .. } => false,
        };
        self.actions.retain(|action| !sends(action));
        self.change_master(None);
        if let Some(peer) = &mut self.peer {
            peer.reset();
        }
    }

    /// The link is back; masters are looked for anew.
    pub fn link_up(&mut self) {
        self.link_up = true;
    }

    fn counted(&mut self, result: Result<(), Rejection>) -> Result<(), Rejection> {
        if let Err(reason) = result {
            self.rejections.add(reason);
        }
        result
    }

    /// Sends a Pdelay_Req, if one is due.
    fn request_peer(&mut self, now: Timestamp<Free>) {
        let Some(peer) = self.peer.as_mut().filter(|peer| self.link_up && peer.due() <= now) else {
            return;
        };
        let id = next(&mut self.transmitted);
        let (request, missing) = peer.request(id, now);
        self.note(missing);
        self.send(id, Group::Pdelay, &request);
    }

    fn has_several_neighbours(&self) -> bool {
        self.peer.as_ref().is_some_and(Peer::has_several_responders)
    }

    fn transmitted(&mut self, id: &TransmitId, stamp: Stamp) -> Result<(), Rejection> {
        let of_peer = self.peer.as_mut().and_then(|peer| peer.transmitted(id.0, stamp));
        if let Some(follow_up) = of_peer {
            let message = follow_up?.map(|message| message.encode());
            let send = |bytes| Action::SendGeneral { to: Group::Pdelay, bytes };
            self.actions.extend(message.map(send));
            return Ok(());
        }
        let time = engine::time(stamp.at).ok_or(Rejection::TimeStamp)?;
        let context = self.slave.request_stamped(id.0, stamp)?;
        self.engine.transmitted(context, time);
        self.measure()
    }

    /// Runs the best-master-clock algorithm (9.3).
    fn decide(&mut self, now: Timestamp<Free>) {
        let masters = self.foreign_masters.eligible();
        let requests = if masters.is_empty() {
            self.engine.listen();
            Vec::new()
        } else {
            self.engine.select(&masters)
        };
        self.change_master(self.engine.master());
        self.take_early(now);
        self.release();
        self.fulfil(requests, now);
    }

    /// Lets the comparisons with the master out, once it may be followed.
    fn release(&mut self) {
        let qualified = self.selected().is_some_and(|master| master.qualified);
        if qualified || self.slave.calibrated {
            self.actions.extend(self.slave.made.drain(..).map(Action::Compared));
        }
    }

    /// The master, as it announces itself.
    fn selected(&self) -> Option<&ForeignMaster> {
        self.foreign_masters.get(self.master?)
    }

    fn change_master(&mut self, to: Option<PortIdentity>) {
        if to == self.master {
            return;
        }
        let from = std::mem::replace(&mut self.master, to);
        self.slave = Slave::default();
        self.delay_request = None;
        self.actions.push_back(Action::MasterChanged { from, to });
    }

    fn fulfil(&mut self, requests: Vec<Request>, now: Timestamp<Free>) {
        for request in requests {
            match request {
                // statime asks from end to end only; so it is not to ask.
                Request::DelayTimer(_) if self.peer.is_some() => {}
                Request::DelayTimer(after) => {
                    self.delay_request = Some(now + self.in_force(after));
                }
                Request::SendEvent { context, bytes } => self.send_event(context, &bytes),
                Request::SendGeneral { bytes } => {
                    self.actions.push_back(Action::SendGeneral { to: Group::Primary, bytes });
                }
            }
        }
    }

    /// logMinDelayReqInterval in force.
    fn log_delay_req_interval(&self) -> i8 {
        let own = self.config.log_min_delay_req_interval;
        config::delay_req_interval(own, self.slave.log_min_delay_req_interval)
    }

    /// Takes the interval that the master states. The next request is waiting already, for
    /// a random time of the interval until now; what is left of it becomes as much of the
    /// new one.
    fn take_delay_req_interval(&mut self, stated: i8, now: Timestamp<Free>) {
        let before = self.log_delay_req_interval();
        self.slave.log_min_delay_req_interval = Some(stated);
        let change = self.log_delay_req_interval() - before;
        self.delay_request = self.delay_request.map(|due| now + scaled(due - now, change));
    }

    /// statime knows only our own logMinDelayReqInterval: the one in force scales the
    /// random time that statime has drawn.
    fn in_force(&self, after: Duration) -> Duration {
        scaled(after, self.log_delay_req_interval() - self.config.log_min_delay_req_interval)
    }

    /// Sends what statime wrote, under the number of this port.
    fn send_event(&mut self, context: statime::port::TimestampContext, bytes: &[u8]) {
        // statime's own bytes always decode.
        let Ok(mut message) = Message::decode(bytes) else { return };
        message.header.source = self.identity();
        let id = next(&mut self.transmitted);
        let missing = self.slave.request_sent(id, message.header.sequence_id, context);
        self.note(missing);
        self.send(id, Group::Primary, &message);
    }

    fn send(&mut self, id: u64, to: Group, message: &Message) {
        let bytes = message.encode();
        self.actions.push_back(Action::SendEvent { id: TransmitId(id), to, bytes });
    }

    fn note(&mut self, missing: Option<Rejection>) {
        if let Some(reason) = missing {
            self.rejections.add(reason);
        }
    }
}

/// The next number.
const fn next(number: &mut u64) -> u64 {
    *number += 1;
    *number
}

/// 2^`log` times as long, for −30 ≤ `log` ≤ 30.
fn scaled(duration: Duration, log: i8) -> Duration {
    if log < 0 { duration / (1_i64 << -log) } else { duration * (1_i64 << log) }
}
