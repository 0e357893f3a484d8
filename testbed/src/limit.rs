//! What an estimator that knows every parameter reaches: the limit.
//!
//! It sees the exchanges that utcd saw in the same run, no more, and knows the floor and
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

use clock_models::comparison::{Comparison, Reading};
use clock_models::time::{Duration, Free, Timestamp};
use clock_models::uncertainty::FrequencyNoise;

use crate::network::{Direction, Queueing};
use crate::oscillator::Model;
use crate::random::Random;
use crate::world::{Protocol, Setup, SetupError, World};

use density::Density;
use kalman::Kalman;
use particles::Particles;

/// How often a second a run is looked at for a new exchange: more often than they come.
const LOOKS: u32 = 4;
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
    /// The directions of PTP come one at a time, and a chain has many oscillators.
    #[error("the limit is known for one host that asks by NTP")]
    Protocol,
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
    /// Exchanges in the order in which they were completed.
    exchanges: Vec<Comparison>,
    /// At each whole second.
    truth: Vec<Truth>,
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

/// One direction of an exchange: an offset that is wrong by the queueing alone.
///
/// Offsets are of TAI less the time base, s, less what the frequency at the start makes
/// of them, so that a float holds them to a picosecond.
#[derive(Debug, Clone, Copy)]
struct Observation<'a> {
    /// The offset, as if nothing had queued.
    offset: f64,
    /// How long before the end of the exchange, s. What the frequency walks in between is
    /// neglected.
    age: f64,
    /// 1 from the reference, −1 to it: the queueing delay is this times (true offset less
    /// `offset`).
    sign: f64,
    delay: &'a Delay,
}

/// Follows the offset with all that is known.
trait Filter {
    /// Takes in an exchange that was completed at `at`, s of the time base.
    fn take(&mut self, at: f64, observations: &[Observation<'_>]);
    /// The estimate of the offset at `at`, which is not before the last exchange.
    fn offset(&self, at: f64) -> f64;
}

/// Runs a setup with this seed for so many seconds.
///
/// # Errors
/// A setting out of its range.
pub fn record(setup: &Setup, seed: u64, seconds: u32) -> Result<Recorded, SetupError> {
    let mut world = World::new(setup, seed)?;
    let mut run = Recorded::default();
    for look in 1..=LOOKS * seconds {
        world.run(f64::from(look) / f64::from(LOOKS), |sample| {
            run.truth.push(Truth { base: sample.base, offset: sample.offset });
        });
        let answer = world.ntp_sources().next().and_then(|source| source.client().last_answer());
        run.exchanges.extend(
            answer
                .map(|answer| answer.comparison)
                .filter(|comparison| run.exchanges.last() != Some(comparison)),
        );
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
        if matches!(site.protocol, Protocol::Ptp(_)) || setup.hops != 1 {
            return Err(LimitError::Protocol);
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

    /// The rms error of the estimates of a run from `from` s on, s. Not a number if there
    /// are none.
    #[must_use]
    pub fn rms(&self, run: &Recorded, from: u32, particles: usize, seed: u64) -> f64 {
        let Some(origin) = run.truth.first() else { return f64::NAN };
        let flat = |base: Timestamp<Free>, offset: Duration| {
            let time = (base - origin.base).seconds();
            (time, (offset - origin.offset).seconds() - self.frequency * time)
        };
        let mut exchanges = run.exchanges.iter().filter_map(both_ways).peekable();
        let mut filter: Option<Box<dyn Filter>> = None;
        let (mut squares, mut count) = (0.0, 0.0);
        for (second, truth) in (1..).zip(&run.truth) {
            while let Some((down, up)) = exchanges.next_if(|(down, _)| down.at <= truth.base) {
                let (at, down) = flat(down.at, down.difference);
                let (sent, up) = flat(up.at, up.difference);
                let observations = self.observations(down, up, at - sent);
                match &mut filter {
                    Some(filter) => filter.take(at, &observations),
                    None => {
                        let [first, second] = observations;
                        let begun = filter.insert(self.filter(at, &first, particles, seed));
                        begun.take(at, &[second]);
                    }
                }
            }
            if second >= from
                && let Some(filter) = &filter
            {
                let (at, offset) = flat(truth.base, truth.offset);
                squares += (filter.offset(at) - offset).powi(2);
                count += 1.0;
            }
        }
        (squares / count).sqrt()
    }

    fn observations(&self, down: f64, up: f64, age: f64) -> [Observation<'_>; 2] {
        let (from, to) = (&self.from_reference, &self.to_reference);
        [
            Observation { offset: down + from.floor, age: 0.0, sign: 1.0, delay: from },
            Observation { offset: up - to.floor, age, sign: -1.0, delay: to },
        ]
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

fn both_ways(exchange: &Comparison) -> Option<(Reading, Reading)> {
    exchange.from_reference.zip(exchange.to_reference)
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
