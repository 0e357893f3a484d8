//! One host, its servers and the network between them, in true time.
//!
//! The host runs the code of the daemon, call for call: `ntp::source::Source` for each
//! server as in the daemon's source task, and the keeper's round after each report of a
//! source and once a second, as in its clock task.

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::discipline::{ClockReading, Command, Discipline, Limits};
use clock_models::estimator::Estimate;
use clock_models::keeper::{Edge, Keeper, Terms};
use clock_models::selection::SourceId;
use clock_models::time::{Duration, Free, LeapTable, Tai, Timestamp, Utc};
use clock_models::virtual_clock::VirtualClock;
use ntp::client::{ClientConfig, ConfigError};
use ntp::packet::Header;
use ntp::source::{News, Source};

use crate::events::Events;
use crate::network::{Path, Stamping};
use crate::oscillator::{Model, Oscillator};
use crate::random::Random;
use crate::server::{Fault, Server};

/// When simulations begin: 2026-11-22T00:00:37 TAI. No leap second is near.
const START: Timestamp<Tai> = Timestamp::from_secs(1_795_305_637);
/// How often the daemon looks after its clock without news of a source.
const TICK: Duration = Duration::SECOND;
/// How late a timer is. A wake-up that is too early is none, so it must be positive.
const TIMER_SLACK: Duration = Duration::from_nanos(50_000);
/// The defaults of `[[clock]]` in the daemon's configuration.
const LIMITS: Limits = Limits {
    step_threshold: 1e-3,
    max_steps: 3,
    panic_threshold: Some(1000.0),
    max_slew_rate: 500e-6,
};

/// A server, the way to it, and how it is asked.
#[derive(Debug, Clone)]
pub struct Site {
    /// How it is asked.
    pub client: ClientConfig,
    /// What the operator says of it.
    pub terms: Terms,
    /// The way to it and back.
    pub path: Path,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

/// What is simulated.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The oscillator of the host.
    pub oscillator: Model,
    /// What the clock is fast by at the start, s.
    pub offset: f64,
    /// How the host stamps packets.
    pub stamping: Stamping,
    /// How many sources must agree.
    pub min_agreeing: usize,
    /// The servers.
    pub sites: Vec<Site>,
}

/// The truth, and what the host makes of it, at one instant.
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
    /// The offset at the start is no time.
    #[error("an initial offset of {0} s is no time")]
    Offset(f64),
}

#[derive(Debug)]
enum Event {
    /// The keeper looks after the clock.
    Tick,
    /// The truth is compared with what is believed.
    Sample,
    /// A timer of a source, set for this instant of the time base.
    Wake(usize, Timestamp<Free>),
    /// A request reaches its server.
    AtServer(usize, [u8; Header::LEN]),
    /// An answer reaches the host.
    AtHost(usize, [u8; Header::LEN]),
}

/// A server and what the host keeps of it.
#[derive(Debug)]
struct Remote {
    id: SourceId,
    terms: Terms,
    source: Source,
    server: Server,
    path: Path,
    /// What its timer is set for.
    timer: Option<Timestamp<Free>>,
}

/// A simulation.
#[derive(Debug)]
pub struct World {
    events: Events<Event>,
    leap: LeapTable,
    oscillator: Oscillator,
    clock: VirtualClock,
    stamping: Stamping,
    keeper: Keeper,
    remotes: Vec<Remote>,
    /// The last report of each source, as the owner of the clock has them.
    reports: Vec<Edge>,
    belief: Option<(Estimate, f64, f64)>,
    network: Random,
    host: Random,
    restarts: u64,
}

/// Streams of a seed.
const OSCILLATOR: u64 = 1;
const NETWORK: u64 = 2;
const HOST: u64 = 3;

impl World {
    /// A simulation at its start.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(setup: &Setup, seed: u64) -> Result<Self, SetupError> {
        let oscillator = Oscillator::new(setup.oscillator, START, Random::new(seed, OSCILLATOR));
        let base = oscillator.time();
        let fast = Duration::from_seconds(setup.offset).ok_or(SetupError::Offset(setup.offset))?;
        let mut host = Random::new(seed, HOST);
        let mut events = Events::default();
        // Where in the second the daemon was started.
        events.plan(START + TICK * (host.bits() % 1000).cast_signed() / 1000, Event::Tick);
        events.plan(START + Duration::SECOND, Event::Sample);
        let mut remotes = Vec::new();
        for (index, site) in setup.sites.iter().enumerate() {
            let source = Source::new(site.client, None, base)
                .map_err(|error| SetupError::Client(index, error))?;
            remotes.push(Remote {
                id: SourceId(u32::try_from(index).unwrap_or(u32::MAX)),
                terms: site.terms,
                source,
                server: Server::new(START, site.faults.clone()),
                path: site.path.clone(),
                timer: None,
            });
        }
        let mut world = Self {
            events,
            leap: LeapTable::built_in(),
            oscillator,
            clock: VirtualClock::new(base, START + fast),
            stamping: setup.stamping,
            keeper: Keeper::new(Discipline::new(LIMITS), setup.min_agreeing),
            remotes,
            reports: Vec::new(),
            belief: None,
            network: Random::new(seed, NETWORK),
            host,
            restarts: 0,
        };
        (0..world.remotes.len()).for_each(|index| world.set_timer(index, START));
        Ok(world)
    }

    /// Runs for `seconds` of true time and shows what was each whole second.
    pub fn run(&mut self, seconds: f64, mut show: impl FnMut(&Sample)) {
        while let Some((now, event)) = self.events.pop() {
            if (now - START).seconds() > seconds {
                self.events.plan(now, event);
                return;
            }
            self.oscillator.advance(now);
            match event {
                Event::Tick => {
                    self.look_after();
                    self.events.plan(now + TICK, Event::Tick);
                }
                Event::Sample => {
                    show(&self.sample(now));
                    self.events.plan(now + Duration::SECOND, Event::Sample);
                }
                Event::Wake(index, at) => self.wake(index, at, now),
                Event::AtServer(index, bytes) => self.serve(index, &bytes, now),
                Event::AtHost(index, bytes) => self.receive(index, &bytes, now),
            }
        }
    }

    /// How often an estimator gave up what it believed.
    #[must_use]
    pub const fn restarts(&self) -> u64 {
        self.restarts
    }

    /// The discipline of the clock.
    #[must_use]
    pub const fn discipline(&self) -> &Discipline {
        self.keeper.discipline()
    }

    /// The sources, in the order of the setup.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.remotes.iter().map(|remote| &remote.source)
    }

    /// The timer of a source goes off. One that was set anew since does nothing.
    fn wake(&mut self, index: usize, at: Timestamp<Free>, now: Timestamp<Tai>) {
        let remote = &mut self.remotes[index];
        if remote.timer != Some(at) {
            return;
        }
        remote.timer = None;
        let random = [self.host.bits(), self.host.bits()];
        let wake = remote.source.handle_timeout(self.oscillator.time(), random);
        if let Some(request) = wake.request {
            let elapsed = (now - START).seconds();
            for delay in remote.path.to_server.delays(elapsed, &mut self.network) {
                self.events.plan(now + seconds(delay), Event::AtServer(index, request.bytes));
            }
            let stamp = self.stamp();
            let news = self.remotes[index].source.handle_transmitted(request.token, stamp);
            self.note(news.ok().flatten());
        }
        self.report(index, now);
    }

    fn serve(&mut self, index: usize, request: &[u8], now: Timestamp<Tai>) {
        let remote = &self.remotes[index];
        // A request that is dropped, like a dead server, shows as no answer.
        let Ok(Some(answer)) = remote.server.answer(request, now, &self.leap) else { return };
        let elapsed = (now - START).seconds();
        for delay in remote.path.from_server.delays(elapsed, &mut self.network) {
            self.events.plan(answer.leaves + seconds(delay), Event::AtHost(index, answer.bytes));
        }
    }

    fn receive(&mut self, index: usize, bytes: &[u8], now: Timestamp<Tai>) {
        let stamp = self.stamp();
        let near = self.utc(stamp.at);
        let source = &mut self.remotes[index].source;
        let news = source.handle_response(bytes, stamp, near, &self.leap);
        self.note(news.ok().flatten());
        self.report(index, now);
    }

    fn note(&mut self, news: Option<News>) {
        self.restarts += u64::from(news.is_some_and(|news| news.restarted));
    }

    /// What the source task does after each event.
    fn report(&mut self, index: usize, now: Timestamp<Tai>) {
        self.set_timer(index, now);
        let remote = &self.remotes[index];
        let edge = remote.source.edge(remote.id, remote.terms, None);
        match self.reports.iter_mut().find(|report| report.id == edge.id) {
            Some(report) => *report = edge,
            None => self.reports.push(edge),
        }
        self.look_after();
    }

    fn set_timer(&mut self, index: usize, now: Timestamp<Tai>) {
        let remote = &mut self.remotes[index];
        let timeout = remote.source.client().poll_timeout();
        if timeout != remote.timer
            && let Some(at) = timeout
        {
            let wait = (at - self.oscillator.time()).seconds().max(0.0);
            let true_wait = seconds(wait / (1.0 + self.oscillator.frequency()));
            self.events.plan(now + true_wait + TIMER_SLACK, Event::Wake(index, at));
        }
        remote.timer = timeout;
    }

    /// What the clock task does after each report and once a second.
    fn look_after(&mut self) {
        let base = self.oscillator.time();
        let reading = ClockReading { base, time: self.clock.at(base) };
        let round = self.keeper.round(reading, self.clock.frequency(), &self.reports);
        match round.tick.command {
            Some(Command::Step(step)) => self.clock.step(step),
            Some(Command::Frequency(frequency)) => self.clock.set_frequency(base, frequency),
            None => {}
        }
        let path = round.path.map(|path| (path.expanded(2.0), path.bound()));
        self.belief = round.tick.estimate.zip(path).map(|(e, (u, bound))| (e, u, bound));
    }

    fn sample(&self, now: Timestamp<Tai>) -> Sample {
        let base = self.oscillator.time();
        let oscillator = self.oscillator.frequency();
        let truth = now.since_epoch() - base.since_epoch();
        // TAI against the time base, which the estimate is of.
        let frequency = -oscillator / (1.0 + oscillator);
        Sample {
            elapsed: (now - START).seconds(),
            base,
            offset: truth,
            clock_error: (self.clock.at(base) - now).seconds(),
            frequency_error: (1.0 + oscillator) * (1.0 + self.clock.frequency()) - 1.0,
            belief: self.belief.map(|(then, expanded, bound)| {
                // The claim was made at the last round; what the oscillator may have added
                // since belongs to it.
                let now = then.carried_to(base);
                let grown = now.offset_deviation.powi(2) - then.offset_deviation.powi(2);
                Belief {
                    error: (now.offset - truth).seconds(),
                    frequency_error: now.frequency - frequency,
                    deviation: now.offset_deviation,
                    expanded: (expanded.powi(2) + 4.0 * grown.max(0.0)).sqrt(),
                    bound: bound + (now.bound - then.bound),
                }
            }),
        }
    }

    fn stamp(&mut self) -> Stamp {
        let at = self.oscillator.time();
        let noise = self.stamping.noise.0 * self.host.normal();
        let at = rounded(at + seconds(noise), self.stamping.granularity.0);
        Stamp { at, uncertainty: self.stamping.uncertainty(), by: StampedBy::Kernel }
    }

    fn utc(&self, base: Timestamp<Free>) -> Timestamp<Utc> {
        self.leap.to_utc(self.clock.at(base)).timestamp
    }
}

/// To the nearest multiple of `granularity`, s.
fn rounded(at: Timestamp<Free>, granularity: f64) -> Timestamp<Free> {
    let step = seconds(granularity).to_bits();
    if step <= 0 {
        return at;
    }
    let bits = at.since_epoch().to_bits();
    Timestamp::from_epoch(Duration::from_bits((bits + step / 2).div_euclid(step) * step))
}

/// A time that a simulation holds, which a setup cannot make larger than a float's.
fn seconds(seconds: f64) -> Duration {
    Duration::from_seconds(seconds).unwrap_or(Duration::ZERO)
}
