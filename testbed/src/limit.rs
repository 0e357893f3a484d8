//! What an estimator that knows every parameter reaches: the limit.
//!
//! It sees the messages that utcd saw in the same run, no more, and knows the floor and
//! the distribution of the delay of each direction, the wander of the oscillator and its
//! frequency at the start. The mean of its posterior is the estimate with the least rms
//! error there is, so no estimator does better on average, up to what the number of
//! particles adds.
//!
//! Where the noise is normal the posterior is that of a Kalman filter; where
//! delays are one-sided, it is that of a particle filter. Both are causal, and
//! their error is taken as that of utcd is: at each whole second, with what has arrived by
//! then.

mod density;
mod kalman;
mod particles;

use std::f64::consts::PI;

use clock_models::comparison::Reading;
use clock_models::recording::Event;
use clock_models::time::{Duration, Free, Timestamp};
use clock_models::uncertainty::FrequencyNoise;

use crate::network::{Direction, Queueing};
use crate::oscillator::Model;
use crate::random::Random;
use crate::world::{Setup, SetupError, World};

use density::Density;
use kalman::Kalman;
use particles::Particles;

/// Stream of a seed, apart from those of the simulation.
const PARTICLES: u64 = 1000;

/// Why there is no limit to be had.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LimitError {
    /// The simulation does not run.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The filters have no model of several sources.
    #[error("the limit is known for one source only, and there are {0}")]
    Sources(usize),
    /// The filters have no model of many oscillators.
    #[error("the limit is known for one host, and there are {0} in a chain")]
    Chain(usize),
    /// The filters have no model of such delays.
    #[error("the limit is known for exponential, gaussian and heavy-tail queueing over a floor")]
    Path,
    /// The filters have no model of such stamps, or servers.
    #[error("the limit is known for servers without faults and stamps without noise")]
    Stamps,
    /// The filters have no model of this oscillator.
    #[error("the limit is known for an oscillator with a random walk of the frequency alone")]
    Oscillator,
}

/// What is known of the host and its path.
#[derive(Debug, Clone)]
pub struct Known {
    from_reference: Delay,
    to_reference: Delay,
    walk: Walk,
    /// Frequency of TAI against the time base at the start, ratio.
    frequency: f64,
}

/// A run as it was: what the host saw, and the truth.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Readings in the order in which they came to the estimator.
    seen: Vec<Seen>,
    /// At each whole second.
    truth: Vec<Truth>,
}

/// A message of an exchange.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// When it came to the estimator.
    known: Timestamp<Free>,
    is_from_reference: bool,
    reading: Reading,
}

#[derive(Debug, Clone, Copy)]
struct Truth {
    /// The time base.
    base: Timestamp<Free>,
    /// TAI less the time base.
    offset: Duration,
}

/// The delay of one direction.
#[derive(Debug, Clone)]
struct Delay {
    /// Least delay, s.
    floor: f64,
    queueing: Queueing,
    density: Density,
}

/// The random walk of a frequency.
#[derive(Debug, Clone, Copy)]
struct Walk {
    /// Per √s.
    wander: f64,
}

/// A message: an offset that is wrong by the queueing alone.
///
/// Offsets are of TAI less the time base, s, less what the frequency at the start makes
/// of them, so that a float holds them to a picosecond.
#[derive(Debug, Clone, Copy)]
struct Observation<'a> {
    /// The offset, as if nothing had queued.
    offset: f64,
    /// How long before the one that the filter took last, s; 0 if it is newer. Answers may
    /// overtake one another. What the frequency walks in between is neglected.
    age: f64,
    /// 1 from the reference, −1 to it: the queueing delay is this times (true offset less
    /// `offset`).
    sign: f64,
    delay: &'a Delay,
}

/// Follows the offset with all that is known.
trait Filter {
    /// Takes in observations at `at`, s of the time base, which is not before the last.
    fn take(&mut self, at: f64, observations: &[Observation<'_>]);
    /// The estimate of the offset at `at`, which is not before the last observation.
    fn offset(&self, at: f64) -> f64;
}

/// The errors of the estimates of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Errors {
    /// Rms error, s. Not a number if there is no estimate.
    pub rms: f64,
    /// Largest error, s.
    pub max: f64,
}

/// Runs a setup with this seed for so many seconds.
///
/// # Errors
/// A setting out of its range.
pub fn record(setup: &Setup, seed: u64, seconds: u32) -> Result<Recorded, SetupError> {
    let mut world = World::new(setup, seed)?;
    world.record();
    let mut run = Recorded::default();
    for second in 1..=seconds {
        world.run(f64::from(second), |sample| {
            run.truth.push(Truth { base: sample.base, offset: sample.offset });
        });
        for row in world.take_rows() {
            let Event::Comparison(compared) = row.event else { continue };
            let comparison = compared.comparison;
            let ways = [(false, comparison.to_reference), (true, comparison.from_reference)];
            let seen = |(is_from_reference, reading): (bool, Option<Reading>)| {
                Some(Seen { known: row.at, is_from_reference, reading: reading? })
            };
            let at = run.seen.len();
            run.seen.extend(ways.into_iter().filter_map(seen));
            run.seen[at..].sort_by_key(|seen| seen.reading.at);
        }
    }
    Ok(run)
}

impl Known {
    /// What there is to know of a setup.
    ///
    /// # Errors
    /// Something in it has no model here.
    pub fn new(setup: &Setup) -> Result<Self, LimitError> {
        let [site] = setup.sites.as_slice() else {
            return Err(LimitError::Sources(setup.sites.len()));
        };
        if setup.hops != 1 {
            return Err(LimitError::Chain(setup.hops));
        }
        if setup.stamping.noise.0 != 0.0 || !site.faults.is_empty() {
            return Err(LimitError::Stamps);
        }
        let rounding = setup.stamping.granularity.0 / 2.0;
        Ok(Self {
            from_reference: Delay::new(&site.path.from_server, rounding)?,
            to_reference: Delay::new(&site.path.to_server, rounding)?,
            walk: Walk::new(&setup.oscillator)?,
            frequency: -setup.oscillator.frequency / (1.0 + setup.oscillator.frequency),
        })
    }

    /// The errors of the estimates of a run from `from` s on.
    #[must_use]
    pub fn errors(&self, run: &Recorded, from: u32, particles: usize, seed: u64) -> Errors {
        let none = Errors { rms: f64::NAN, max: f64::NAN };
        let Some(origin) = run.truth.first() else { return none };
        let flat = |base: Timestamp<Free>, offset: Duration| {
            let time = (base - origin.base).seconds();
            (time, (offset - origin.offset).seconds() - self.frequency * time)
        };
        let mut seen = run.seen.iter().peekable();
        let mut last = f64::NEG_INFINITY;
        let mut filter: Option<Box<dyn Filter>> = None;
        let (mut squares, mut count, mut max) = (0.0, 0.0, 0.0f64);
        for (second, truth) in (1..).zip(&run.truth) {
            while let Some(seen) = seen.next_if(|seen| seen.known <= truth.base) {
                let (at, offset) = flat(seen.reading.at, seen.reading.difference);
                last = at.max(last);
                let observation = self.observation(seen.is_from_reference, offset, last - at);
                match &mut filter {
                    Some(filter) => filter.take(last, &[observation]),
                    None => filter = Some(self.filter(at, &observation, particles, seed)),
                }
            }
            if second >= from
                && let Some(filter) = &filter
            {
                let (at, offset) = flat(truth.base, truth.offset);
                let error = filter.offset(at) - offset;
                squares += error.powi(2);
                count += 1.0;
                max = max.max(error.abs());
            }
        }
        Errors { rms: (squares / count).sqrt(), max }
    }

    fn observation(&self, is_from_reference: bool, offset: f64, age: f64) -> Observation<'_> {
        let (sign, delay) = match is_from_reference {
            true => (1.0, &self.from_reference),
            false => (-1.0, &self.to_reference),
        };
        Observation { offset: offset + sign * delay.floor, age, sign, delay }
    }

    /// The filter for the noise there is, as it begins.
    fn filter(
        &self,
        at: f64,
        first: &Observation<'_>,
        particles: usize,
        seed: u64,
    ) -> Box<dyn Filter> {
        let delays = [&self.from_reference, &self.to_reference];
        if delays.iter().all(|delay| delay.density.normal().is_some()) {
            Box::new(Kalman::new(at, self.walk, first))
        } else {
            let random = Random::new(seed, PARTICLES);
            Box::new(Particles::new(at, self.walk, first, particles, random))
        }
    }
}

impl Delay {
    fn new(direction: &Direction, rounding: f64) -> Result<Self, LimitError> {
        let Direction { floor, loss, duplication, .. } = *direction;
        let [queueing] = *direction.queueing.as_slice() else { return Err(LimitError::Path) };
        // Packets may be lost, but the delay of the others is always of one distribution.
        if *direction != (Direction { loss, duplication, ..Direction::new(floor.0, queueing) }) {
            return Err(LimitError::Path);
        }
        let density = Density::new(queueing, rounding)?;
        Ok(Self { floor: floor.0, queueing, density })
    }
}

impl Walk {
    fn new(oscillator: &Model) -> Result<Self, LimitError> {
        let random_walk = oscillator.noise.random_walk;
        let quiet = Model::quiet(oscillator.frequency);
        let noise = FrequencyNoise { random_walk, ..quiet.noise };
        if *oscillator != (Model { noise, ..quiet }) {
            return Err(LimitError::Oscillator);
        }
        // W² = 2π²·h₋₂.
        Ok(Self { wander: PI * (2.0 * random_walk).sqrt() })
    }

    /// What `dt` seconds add to offset (s) and frequency, for two normal deviates.
    fn step(self, dt: f64, deviates: [f64; 2]) -> (f64, f64) {
        let frequency = self.wander * dt.sqrt() * deviates[0];
        let offset =
            self.wander * dt * dt.sqrt() * (deviates[0] / 2.0 + deviates[1] / 12f64.sqrt());
        (offset, frequency)
    }

    /// The variances of what `dt` seconds add to offset and frequency, and their
    /// covariance.
    fn variance(self, dt: f64) -> ([f64; 2], f64) {
        let rate = self.wander * self.wander;
        ([rate * dt.powi(3) / 3.0, rate * dt], rate * dt * dt / 2.0)
    }
}

#[cfg(test)]
mod tests;
