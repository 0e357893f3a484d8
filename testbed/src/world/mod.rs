//! Hosts, their servers and the network between them, in true time.
//!
//! A host runs the code of the daemon, call for call: `ntp::source::Source` or
//! `ptp::source::Source` for each server as in the daemon's source tasks, and the keeper's
//! round after each report of a source and when the keeper wants it, as in its clock task.
//! (What that does once a second besides, to see whether others touch the clock, changes
//! nothing here.) In a chain each host but the last serves the next one from its own clock.

mod host;
mod link;
mod ntp;
mod ptp;
mod record;

use ::ntp::client::{ClientConfig, ConfigError};
use clock_models::discipline::Discipline;
use clock_models::keeper::Terms;
use clock_models::recording::Row;
use clock_models::time::{Duration, Free, LeapTable, Tai, Timestamp};

use crate::events::Events;
use crate::master::Intervals;
use crate::network::{Path, Stamping};
use crate::oscillator::Model;
use crate::server::{Fault, Served, Server};
use host::Host;
use link::{Association, FarEnd, Link, LinkId};
use record::Record;

/// When simulations begin unless they say otherwise: 2026-11-22T00:00:37 TAI. No leap
/// second is near.
pub const START: Timestamp<Tai> = Timestamp::from_secs(1_795_305_637);
/// How late a timer is. A wake-up that is too early is none, so it must be positive.
const TIMER_SLACK: Duration = Duration::from_nanos(50_000);
/// Hops that NTP counts (RFC 5905 figure 11), and PTP (IEEE 1588-2019 9.3.2.5).
const LONGEST_CHAINS: (usize, usize) = (15, 254);
/// The longest packet, that of a PTP message.
const LONGEST_PACKET: usize = ::ptp::wire::LONGEST;

/// How a server gives its time.
#[derive(Debug, Clone, Copy)]
pub enum Protocol {
    /// It is asked.
    Ntp(ClientConfig),
    /// It is the master of a PTP domain: two-step, end to end.
    Ptp(Intervals),
}

/// A server, and the way to it.
#[derive(Debug, Clone)]
pub struct Site {
    /// How it gives its time.
    pub protocol: Protocol,
    /// What the operator says of it.
    pub terms: Terms,
    /// The way to it and back.
    pub path: Path,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

/// How finely a clock is read and steered.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Steering {
    /// Frequencies are rounded to multiples of this, ratio; 0 for none.
    pub frequency_step: f64,
    /// What it shows is rounded to multiples of this, s; 0 for none.
    pub granularity: f64,
}

/// What is simulated.
#[derive(Debug, Clone)]
pub struct Setup {
    /// When it begins.
    pub start: Timestamp<Tai>,
    /// TAI−UTC, for all of them.
    pub leap: LeapTable,
    /// The oscillator of each host.
    pub oscillator: Model,
    /// What their clocks are fast by at the start, s.
    pub offset: f64,
    /// How finely their clocks are read and steered.
    pub steering: Steering,
    /// How they stamp packets.
    pub stamping: Stamping,
    /// How many sources must agree.
    pub min_agreeing: usize,
    /// The servers of the first host.
    pub sites: Vec<Site>,
    /// How many hosts there are. Each after the first follows the one before it, over the
    /// same kind of link as the first follows its only server.
    pub hops: usize,
}

/// The truth, and what a host makes of it, at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Since the start, s.
    pub elapsed: f64,
    /// The free-running time base.
    pub base: Timestamp<Free>,
    /// TAI less the time base, which the sources estimate.
    pub offset: Duration,
    /// The clock less TAI, s.
    pub clock_error: f64,
    /// The clock's frequency less the true one, ratio.
    pub frequency_error: f64,
    /// What is believed, once anything is.
    pub belief: Option<Belief>,
}

/// What the host believes, against the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Belief {
    /// The estimate of TAI less TAI, s.
    pub error: f64,
    /// The estimate of the frequency less the true one, ratio.
    pub frequency_error: f64,
    /// Standard deviation of the estimate alone (Type A), s.
    pub deviation: f64,
    /// Expanded uncertainty (k = 2) of the path to the leader, s.
    pub expanded: f64,
    /// Hard bound of the path to the leader, s.
    pub bound: f64,
}

/// Why a setup cannot run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SetupError {
    /// A poll interval or a limit out of its range.
    #[error("source {0}: {1}")]
    Client(usize, ConfigError),
    /// A PTP port that cannot be.
    #[error("source {0}: {1}")]
    Port(usize, ::ptp::ConfigError),
    /// A PTP interval out of its range.
    #[error("source {0}: a PTP interval of 2^{1} s: the masters here have -4 to 4")]
    Interval(usize, i8),
    /// The offset at the start is no time.
    #[error("an initial offset of {0} s is no time")]
    Offset(f64),
    /// A chain that its protocol cannot count, or of no host.
    #[error("a chain of {hops} hosts: it must have 1 to {most}")]
    Hops {
        /// As asked for.
        hops: usize,
        /// The most there can be.
        most: usize,
    },
    /// A chain whose first host has not exactly one server.
    #[error("a chain begins with one source, not {0}")]
    Branched(usize),
}

#[derive(Debug)]
enum Event {
    /// A keeper looks after its clock, if it still wants to at this instant of the time
    /// base.
    Tick(usize, Timestamp<Free>),
    /// The truth is compared with what is believed.
    Sample,
    /// A timer of a source, set for this instant of the time base.
    Wake(LinkId, Timestamp<Free>),
    /// The reach register of a PTP source moves.
    Look(LinkId),
    /// A master announces itself.
    Announce(LinkId),
    /// A master sends its time.
    Sync(LinkId),
    /// A packet is at its end.
    Arrive(LinkId, Way, Packet),
}

/// A direction of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToHost,
}

#[derive(Debug, Clone, Copy)]
struct Packet {
    bytes: [u8; LONGEST_PACKET],
    length: usize,
    /// It goes to the PTP event port.
    event: bool,
}

impl Packet {
    /// `message` is not longer than any that is sent here.
    fn new(message: &[u8], event: bool) -> Self {
        let mut bytes = [0; LONGEST_PACKET];
        let length = message.len().min(LONGEST_PACKET);
        bytes[..length].copy_from_slice(&message[..length]);
        Self { bytes, length, event }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A simulation.
#[derive(Debug)]
pub struct World {
    start: Timestamp<Tai>,
    leap: LeapTable,
    events: Events<Event>,
    hosts: Vec<Host>,
}

impl World {
    /// A simulation at its start.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(setup: &Setup, seed: u64) -> Result<Self, SetupError> {
        setup.check_chain()?;
        let mut world = Self {
            start: setup.start,
            leap: setup.leap.clone(),
            events: Events::default(),
            hosts: Vec::with_capacity(setup.hops),
        };
        for hop in 0..setup.hops {
            let mut host = Host::new(setup, seed, hop)?;
            if hop == 0 {
                world.events.plan(setup.start + Duration::SECOND, Event::Sample);
            }
            for (source, site) in setup.sites.iter().enumerate() {
                let far_end = match hop {
                    0 => FarEnd::Server(Server::new(setup.start, site.faults.clone())),
                    _ => FarEnd::Hop,
                };
                let base = host.base();
                let seed = || host.random.bits();
                let id = LinkId { hop, source };
                let link = Link::new(id, site, far_end, base, &setup.leap, seed)?;
                host.links.push(link);
            }
            world.hosts.push(host);
            (0..setup.sites.len()).for_each(|source| world.begin(LinkId { hop, source }));
        }
        Ok(world)
    }

    /// The first events of a link.
    fn begin(&mut self, id: LinkId) {
        let start = self.start;
        if matches!(self.link(id).association, Association::Ptp(_)) {
            self.begin_ptp(id, start);
        }
        self.set_timer(id, start);
    }

    /// Runs until `seconds` of true time after the start, and shows what was on the last
    /// host at each whole second.
    pub fn run(&mut self, seconds: f64, mut show: impl FnMut(&Sample)) {
        let last = self.hosts.len() - 1;
        self.run_hops(seconds, |hop, sample| {
            if hop == last {
                show(sample);
            }
        });
    }

    /// The same, and shows every host, by its number from 0.
    pub fn run_hops(&mut self, seconds: f64, mut show: impl FnMut(usize, &Sample)) {
        let end = self.start + self::seconds(seconds);
        while let Some((now, event)) = self.events.pop_if(|at| at <= end) {
            match event {
                Event::Tick(hop, at) if self.hosts[hop].next == Some(at) => {
                    self.hosts[hop].advance(now);
                    self.look_after(hop, now);
                }
                Event::Tick(..) => {}
                Event::Sample => {
                    for (hop, host) in self.hosts.iter_mut().enumerate() {
                        host.advance(now);
                        show(hop, &host.sample(now, self.start));
                    }
                    self.events.plan(now + Duration::SECOND, Event::Sample);
                }
                Event::Wake(id, at) => self.wake(id, at, now),
                Event::Look(id) => self.look(id, now),
                Event::Announce(id) => self.announce(id, now),
                Event::Sync(id) => self.sync(id, now),
                Event::Arrive(id, Way::ToServer, packet) => self.serve(id, &packet, now),
                Event::Arrive(id, Way::ToHost, packet) => self.receive(id, &packet, now),
            }
        }
    }

    /// Records what the last host takes in and makes of it. To be called at the start.
    pub fn record(&mut self) {
        let Some(host) = self.hosts.last_mut() else { return };
        host.record = Some(Record::new(host.min_agreeing));
        (0..host.links.len()).for_each(|source| host.record_start(source, None));
    }

    /// The rows that were recorded since this was called last.
    pub fn take_rows(&mut self) -> Vec<Row> {
        let record = self.hosts.last_mut().and_then(|host| host.record.as_mut());
        record.map(Record::take).unwrap_or_default()
    }

    /// How often an estimator gave up what it believed.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.hosts.iter().flat_map(|host| &host.links).map(|link| link.restarts).sum()
    }

    /// The discipline of the last clock.
    #[must_use]
    pub fn discipline(&self) -> Option<&Discipline> {
        self.hosts.last().map(Host::discipline)
    }

    /// The NTP sources of the last host, in the order of the setup.
    pub fn ntp_sources(&self) -> impl Iterator<Item = &::ntp::source::Source> {
        self.associations().filter_map(|association| match association {
            Association::Ntp(source) => Some(&**source),
            Association::Ptp(_) => None,
        })
    }

    /// The PTP sources of the last host, in the order of the setup.
    pub fn ptp_sources(&self) -> impl Iterator<Item = &::ptp::source::Source> {
        self.associations().filter_map(|association| match association {
            Association::Ntp(_) => None,
            Association::Ptp(ptp) => Some(&ptp.source),
        })
    }

    fn associations(&self) -> impl Iterator<Item = &Association> {
        self.hosts.last().into_iter().flat_map(|host| &host.links).map(|link| &link.association)
    }

    fn link(&mut self, id: LinkId) -> &mut Link {
        &mut self.hosts[id.hop].links[id.source]
    }

    /// The timer of a source goes off. One that was set anew since does nothing.
    fn wake(&mut self, id: LinkId, at: Timestamp<Free>, now: Timestamp<Tai>) {
        self.hosts[id.hop].advance(now);
        let link = self.link(id);
        if link.timer != Some(at) {
            return;
        }
        link.timer = None;
        match link.association {
            Association::Ntp(_) => self.wake_ntp(id, now),
            Association::Ptp(_) => self.wake_ptp(id, now),
        }
    }

    /// A packet reaches a server.
    fn serve(&mut self, id: LinkId, packet: &Packet, now: Timestamp<Tai>) {
        self.hosts[id.hop].advance(now);
        let Some(served) = self.served(id, now) else { return };
        match self.link(id).association {
            Association::Ntp(_) => self.serve_ntp(id, packet, &served, now),
            Association::Ptp(_) => self.serve_ptp(id, packet, &served, now),
        }
    }

    /// A packet reaches a host.
    fn receive(&mut self, id: LinkId, packet: &Packet, now: Timestamp<Tai>) {
        self.hosts[id.hop].advance(now);
        match self.link(id).association {
            Association::Ntp(_) => self.receive_ntp(id, packet, now),
            Association::Ptp(_) => self.receive_ptp(id, packet, now),
        }
    }

    /// The clock at the far end of a link; `None` if there is none to be had.
    fn served(&mut self, id: LinkId, now: Timestamp<Tai>) -> Option<Served> {
        match &self.link(id).far_end {
            FarEnd::Server(server) => server.serve(now),
            FarEnd::Hop => {
                let before = &mut self.hosts[id.hop - 1];
                before.advance(now);
                before.serve()
            }
        }
    }

    /// Puts a packet on its way.
    fn carry(
        &mut self,
        id: LinkId,
        way: Way,
        packet: Packet,
        now: Timestamp<Tai>,
        leaves: Timestamp<Tai>,
    ) {
        let host = &mut self.hosts[id.hop];
        let lines = &mut host.links[id.source].lines;
        let line = match way {
            Way::ToServer => &mut lines.to_server,
            Way::ToHost => &mut lines.from_server,
        };
        let elapsed = (now - self.start).seconds();
        for delay in line.delays(elapsed, &mut host.network) {
            self.events.plan(leaves + seconds(delay), Event::Arrive(id, way, packet));
        }
    }

    /// What a source task does when its estimator has taken a comparison in.
    fn note_comparison(&mut self, id: LinkId, restarted: bool) {
        self.link(id).restarts += u64::from(restarted);
        self.hosts[id.hop].record_comparison(id.source, restarted);
    }

    /// What a source task does with news.
    fn report(&mut self, id: LinkId, now: Timestamp<Tai>) {
        let host = &mut self.hosts[id.hop];
        let edge = host.links[id.source].edge(host.base());
        host.report(edge);
        self.look_after(id.hop, now);
    }

    fn look_after(&mut self, hop: usize, now: Timestamp<Tai>) {
        let host = &mut self.hosts[hop];
        host.look_after();
        if let Some(next) = host.next {
            self.events.plan(now + host.wait(next) + TIMER_SLACK, Event::Tick(hop, next));
        }
    }

    fn set_timer(&mut self, id: LinkId, now: Timestamp<Tai>) {
        let host = &mut self.hosts[id.hop];
        let timeout = host.links[id.source].poll_timeout();
        let before = std::mem::replace(&mut host.links[id.source].timer, timeout);
        if timeout != before
            && let Some(at) = timeout
        {
            self.events.plan(now + host.wait(at) + TIMER_SLACK, Event::Wake(id, at));
        }
    }
}

impl Setup {
    fn check_chain(&self) -> Result<(), SetupError> {
        if self.hops > 1 && self.sites.len() != 1 {
            return Err(SetupError::Branched(self.sites.len()));
        }
        let most = match self.sites.first().map(|site| site.protocol) {
            Some(Protocol::Ntp(_)) => LONGEST_CHAINS.0,
            Some(Protocol::Ptp(_)) | None => LONGEST_CHAINS.1,
        };
        match self.hops {
            hops if (1..=most).contains(&hops) => Ok(()),
            hops => Err(SetupError::Hops { hops, most }),
        }
    }
}

/// A time that a simulation holds, which a setup cannot make larger than a float's.
fn seconds(seconds: f64) -> Duration {
    Duration::from_seconds(seconds).unwrap_or(Duration::ZERO)
}
