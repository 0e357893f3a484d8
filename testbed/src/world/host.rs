//! A host: its oscillator, its clock, and the keeper that steers it by its sources.

use std::cell::OnceCell;

use clock_models::comparison::Stamp;
use clock_models::discipline::{ClockReading, Command, Discipline, Limits, State};
use clock_models::estimator::Estimate;
use clock_models::keeper::{Edge, Keeper};
use clock_models::standing::Standing;
use clock_models::time::{Duration, Free, Scale, Tai, Timestamp};
use clock_models::virtual_clock::VirtualClock;

use super::link::Link;
use super::record::Record;
use super::{Belief, Sample, Setup, SetupError, seconds};
use crate::network::Stamping;
use crate::oscillator::Oscillator;
use crate::random::Random;
use crate::server::{Served, TURNAROUND};

/// The defaults of `[[clock]]` in the daemon's configuration.
const LIMITS: Limits = Limits {
    step_threshold: 1e-3,
    max_steps: 3,
    panic_threshold: Some(1000.0),
    max_slew_rate: 500e-6,
    max_frequency: None,
};

/// Streams of a seed. Each host has 256 of its own.
const OSCILLATOR: u64 = 1;
const NETWORK: u64 = 2;
const HOST: u64 = 3;
const STREAMS: u64 = 256;

/// A host as it runs.
#[derive(Debug)]
pub(super) struct Host {
    oscillator: Oscillator,
    clock: VirtualClock,
    /// What the clock shows is rounded to multiples of this, s.
    granularity: f64,
    stamping: Stamping,
    pub(super) keeper: Keeper,
    pub(super) links: Vec<Link>,
    /// The last report of each source, as the owner of the clock has them: in the order of
    /// their numbers.
    reports: Vec<Edge>,
    /// What was believed after the last round.
    belief: Option<Believed>,
    /// When the keeper wants to look after the clock again.
    pub(super) next: Option<Timestamp<Free>>,
    /// How many sources must agree.
    pub(super) min_agreeing: usize,
    /// What it records, if it does.
    pub(super) record: Option<Record>,
    /// Of the packets between it and its sources.
    pub(super) network: Random,
    pub(super) random: Random,
}

/// What is believed after a round of the keeper.
#[derive(Debug)]
struct Believed {
    estimate: Estimate,
    /// When that round was.
    at: Timestamp<Free>,
    /// What was claimed then, once somebody asks.
    claim: OnceCell<Option<Claim>>,
}

/// U (k = 2) and the bound, s.
#[derive(Debug, Clone, Copy)]
struct Claim {
    expanded: f64,
    bound: f64,
}

impl Host {
    /// The `number`th host of a simulation, without its links.
    pub(super) fn new(setup: &Setup, seed: u64, number: usize) -> Result<Self, SetupError> {
        let stream = |of: u64| Random::new(seed, number as u64 * STREAMS + of);
        let oscillator = Oscillator::new(setup.oscillator.clone(), setup.start, stream(OSCILLATOR));
        let fast = Duration::from_seconds(setup.offset).ok_or(SetupError::Offset(setup.offset))?;
        Ok(Self {
            clock: VirtualClock::new(oscillator.time(), setup.start + fast)
                .with_frequency_step(setup.steering.frequency_step),
            granularity: setup.steering.granularity,
            oscillator,
            stamping: setup.stamping,
            keeper: Keeper::new(Discipline::new(LIMITS), setup.min_agreeing),
            links: Vec::new(),
            reports: Vec::new(),
            belief: None,
            next: None,
            min_agreeing: setup.min_agreeing,
            record: None,
            network: stream(NETWORK),
            random: stream(HOST),
        })
    }

    /// Lets its oscillator run on to a true time.
    pub(super) fn advance(&mut self, now: Timestamp<Tai>) {
        self.oscillator.advance(now);
    }

    /// Its free-running time base.
    pub(super) fn base(&self) -> Timestamp<Free> {
        self.oscillator.time()
    }

    /// What its clock shows at an instant of its time base.
    pub(super) fn clock(&self, base: Timestamp<Free>) -> Timestamp<Tai> {
        self.clock.at(base)
    }

    /// The true time until its time base comes to `at`, as long as the frequency stays.
    pub(super) fn wait(&self, at: Timestamp<Free>) -> Duration {
        let wait = (at - self.base()).seconds().max(0.0);
        seconds(wait / (1.0 + self.oscillator.frequency()))
    }

    pub(super) const fn discipline(&self) -> &Discipline {
        self.keeper.discipline()
    }

    /// A time stamp of a packet that passes now.
    pub(super) fn stamp(&mut self) -> Stamp {
        let noise = self.stamping.noise.0 * self.random.normal();
        let at = rounded(self.base() + seconds(noise), self.stamping.granularity.0);
        Stamp { at, uncertainty: self.stamping.uncertainty(), by: self.stamping.by }
    }

    /// Its clock, for those who follow it; `None` while nobody vouches for it.
    pub(super) fn serve(&mut self) -> Option<Served> {
        let base = self.base();
        let reading = ClockReading { base, time: self.clock.at(base) };
        let standing = Standing::of(&self.keeper, reading)?;
        let at = self.stamp().at;
        let now = self.clock.at(at);
        Some(Served { now, then: now + TURNAROUND, standing })
    }

    /// What a source task hands to the owner of the clock.
    pub(super) fn report(&mut self, edge: Edge) {
        match self.reports.binary_search_by_key(&edge.id, |report| report.id) {
            Ok(index) => self.reports[index] = edge,
            Err(index) => self.reports.insert(index, edge),
        }
    }

    /// What the clock task does after each report and when the keeper wants it.
    pub(super) fn look_after(&mut self) {
        let base = self.base();
        let reading = self.reading(base);
        let tick = self.keeper.round(reading, self.clock.frequency(), &self.reports);
        match tick.command {
            Some(Command::Step(step)) => self.clock.step(step),
            Some(Command::Frequency(frequency)) => self.clock.set_frequency(base, frequency),
            None => {}
        }
        let believed = |estimate| Believed { estimate, at: base, claim: OnceCell::new() };
        self.belief = tick.estimate.map(believed);
        self.next = tick.next;
        self.record_round(reading, &tick);
    }

    /// Its clock, read when its time base shows `base`.
    pub(super) fn reading(&self, base: Timestamp<Free>) -> ClockReading {
        ClockReading { base, time: rounded(self.clock.at(base), self.granularity) }
    }

    /// What its clock runs at against its time base, ratio − 1.
    pub(super) fn frequency(&self) -> f64 {
        self.clock.frequency()
    }

    /// The truth, and what it makes of it, at a true time to which it has run.
    pub(super) fn sample(&self, now: Timestamp<Tai>, start: Timestamp<Tai>) -> Sample {
        let base = self.base();
        let oscillator = self.oscillator.frequency();
        let truth = now.since_epoch() - base.since_epoch();
        // TAI against the time base, which the estimate is of.
        let frequency = -oscillator / (1.0 + oscillator);
        Sample {
            elapsed: (now - start).seconds(),
            base,
            offset: truth,
            clock_error: (self.clock.at(base) - now).seconds(),
            frequency_error: (1.0 + oscillator) * (1.0 + self.clock.frequency()) - 1.0,
            belief: self.belief.as_ref().and_then(|believed| {
                let then = &believed.estimate;
                let now = then.carried_to(base);
                let Claim { expanded, bound } = match self.keeper.discipline().state() {
                    // No round renews it.
                    State::Holdover => self.claim(base)?,
                    _ => {
                        // The claim was made at the last round; what the oscillator may have
                        // added since belongs to it.
                        let claim = (*believed.claim.get_or_init(|| self.claim(believed.at)))?;
                        let grown = now.offset_deviation.powi(2) - then.offset_deviation.powi(2);
                        let expanded = (claim.expanded.powi(2) + 4.0 * grown.max(0.0)).sqrt();
                        Claim { expanded, bound: claim.bound + (now.bound - then.bound) }
                    }
                };
                Some(Belief {
                    error: (now.offset - truth).seconds(),
                    frequency_error: now.frequency - frequency,
                    deviation: now.offset_deviation,
                    expanded,
                    bound,
                })
            }),
        }
    }

    /// What is claimed at an instant since the last round.
    fn claim(&self, at: Timestamp<Free>) -> Option<Claim> {
        let path = self.keeper.path(at)?;
        Some(Claim { expanded: path.expanded(2.0), bound: path.bound() })
    }
}

/// To the nearest multiple of `granularity`, s; as it is if that is 0.
fn rounded<S: Scale>(at: Timestamp<S>, granularity: f64) -> Timestamp<S> {
    let step = seconds(granularity).to_bits();
    if step <= 0 {
        return at;
    }
    let bits = at.since_epoch().to_bits();
    Timestamp::from_epoch(Duration::from_bits((bits + step / 2).div_euclid(step) * step))
}
