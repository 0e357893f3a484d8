//! The particle filter: as exact as its particles are many, whatever the distribution.

use super::{Filter, Observation, Walk};
use crate::random::Random;

/// Below this part of the particles that count, they are drawn anew.
const RESAMPLE: f64 = 0.5;
/// How far particles that are drawn anew are moved, as a part of the spread of all: the
/// same particle is drawn many times, and the oscillator alone would part those too slowly.
const KERNEL: f64 = 0.1;
/// Below this part, too few are left where the exchange says the offset is. The posterior
/// is thin there, and its samples may all lie beside it.
const DEPLETED: f64 = 0.05;
/// More are then drawn of each particle, four times as many with each try, and moved
/// twice as far: from as they are to as a normal distribution of their moments would be.
/// What the last try leaves is taken, be it little: without it the estimate would be lost
/// for longer, since what made this exchange improbable makes the next one so too.
const TRIES: [(usize, f64); 5] = [(1, 0.0), (4, 0.2), (16, 0.4), (64, 0.8), (256, 1.0)];

/// Samples of the posterior of offset and frequency.
#[derive(Debug)]
pub(super) struct Particles {
    at: f64,
    walk: Walk,
    /// How many there are between exchanges.
    count: usize,
    cloud: Vec<Particle>,
    random: Random,
}

#[derive(Debug, Clone, Copy)]
struct Particle {
    offset: f64,
    frequency: f64,
    /// Sums to 1 over the cloud.
    weight: f64,
}

impl Particles {
    /// Begins with one direction of an exchange and with the frequency, which is known.
    pub(super) fn new(
        at: f64,
        walk: Walk,
        first: &Observation<'_>,
        count: usize,
        mut random: Random,
    ) -> Self {
        let weight = 1.0 / count as f64;
        let cloud = (0..count)
            .map(|_| {
                let queueing = first.delay.queueing.draw_one(&mut random);
                Particle { offset: first.offset + first.sign * queueing, frequency: 0.0, weight }
            })
            .collect();
        Self { at, walk, count, cloud, random }
    }

    /// The posterior after `dt` seconds and an exchange, from `each` successors of every
    /// particle, moved by a kernel. `None` if nothing is left of it.
    fn successors(
        &mut self,
        dt: f64,
        seen: &[Observation<'_>],
        (each, kernel): (usize, f64),
    ) -> Option<Vec<Particle>> {
        let moments = (kernel > 0.0).then(|| Moments::of(&self.cloud));
        let mut cloud = Vec::with_capacity(self.cloud.len() * each);
        let mut likelihoods = Vec::with_capacity(cloud.capacity());
        for parent in &self.cloud {
            for _ in 0..each {
                let mut particle = *parent;
                if let Some(moments) = &moments {
                    moments.smooth(&mut particle, kernel, &mut self.random);
                }
                let deviates = [self.random.normal(), self.random.normal()];
                let (offset, frequency) = self.walk.step(dt, deviates);
                particle.offset += particle.frequency * dt + offset;
                particle.frequency += frequency;
                likelihoods.push(particle.ln_likelihood(seen));
                cloud.push(particle);
            }
        }
        let largest = likelihoods.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut total = 0.0;
        for (particle, ln) in cloud.iter_mut().zip(likelihoods) {
            particle.weight *= (ln - largest).exp();
            total += particle.weight;
        }
        // Not a number if the likelihoods were all 0.
        if total.is_nan() || total <= 0.0 {
            return None;
        }
        cloud.iter_mut().for_each(|particle| particle.weight /= total);
        Some(cloud)
    }

    /// As many particles as there are to be, of equal weight: systematic resampling,
    /// with a kernel that leaves mean and covariance as they are (Liu and West 2001).
    fn resample(&mut self) {
        let share = 1.0 / self.count as f64;
        let mut next = share * self.random.uniform();
        let mut below = 0.0;
        let mut drawn = Vec::with_capacity(self.count);
        for particle in &self.cloud {
            below += particle.weight;
            while next < below && drawn.len() < self.count {
                drawn.push(Particle { weight: share, ..*particle });
                next += share;
            }
        }
        let moments = Moments::of(&drawn);
        for particle in &mut drawn {
            moments.smooth(particle, KERNEL, &mut self.random);
        }
        self.cloud = drawn;
    }
}

impl Particle {
    fn ln_likelihood(&self, seen: &[Observation<'_>]) -> f64 {
        let of = |seen: &Observation<'_>| {
            let then = self.offset - self.frequency * seen.age;
            seen.delay.density.ln(seen.sign * (then - seen.offset))
        };
        seen.iter().map(of).sum()
    }
}

/// First and second moments of a cloud.
#[derive(Debug, Clone, Copy)]
struct Moments {
    offset: f64,
    frequency: f64,
    /// Standard deviation of the offset, s.
    deviation: f64,
    /// What one such deviation makes of the frequency.
    slope: f64,
    /// Standard deviation of the rest of the frequency.
    rest: f64,
}

impl Moments {
    fn of(cloud: &[Particle]) -> Self {
        let (offset, frequency) = (mean(cloud, |p| p.offset), mean(cloud, |p| p.frequency));
        let deviation = mean(cloud, |p| (p.offset - offset).powi(2)).sqrt();
        let both = mean(cloud, |p| (p.offset - offset) * (p.frequency - frequency));
        let slope = if deviation > 0.0 { both / deviation } else { 0.0 };
        let variance = mean(cloud, |p| (p.frequency - frequency).powi(2));
        let rest = (variance - slope * slope).max(0.0).sqrt();
        Self { offset, frequency, deviation, slope, rest }
    }

    /// Moves a particle at random by a part (`kernel`) of the spread of all, and as much
    /// nearer to their mean as leaves the moments as they are.
    fn smooth(&self, particle: &mut Particle, kernel: f64, random: &mut Random) {
        let kept = (1.0 - kernel * kernel).sqrt();
        let [a, b] = [kernel * random.normal(), kernel * random.normal()];
        particle.offset = self.offset + kept * (particle.offset - self.offset) + self.deviation * a;
        particle.frequency = self.frequency
            + kept * (particle.frequency - self.frequency)
            + self.slope * a
            + self.rest * b;
    }
}

fn mean(cloud: &[Particle], of: impl Fn(&Particle) -> f64) -> f64 {
    let (sum, weights) =
        cloud.iter().fold((0.0, 0.0), |(sum, all), p| (sum + p.weight * of(p), all + p.weight));
    sum / weights
}

/// How many particles of equal weight would tell as much.
fn effective(cloud: &[Particle]) -> f64 {
    1.0 / cloud.iter().map(|particle| particle.weight.powi(2)).sum::<f64>()
}

impl Filter for Particles {
    fn take(&mut self, at: f64, observations: &[Observation<'_>]) {
        let dt = at - self.at;
        let count = self.count as f64;
        let mut posterior = None;
        for how in TRIES {
            posterior = self.successors(dt, observations, how).or(posterior);
            if posterior.as_deref().is_some_and(|cloud| effective(cloud) >= DEPLETED * count) {
                break;
            }
        }
        // What leaves nothing even so is set aside: time passes alone.
        let posterior = posterior.or_else(|| self.successors(dt, &[], TRIES[0]));
        self.at = at;
        self.cloud = posterior.unwrap_or_default();
        if self.cloud.len() != self.count || effective(&self.cloud) < RESAMPLE * count {
            self.resample();
        }
    }

    fn offset(&self, at: f64) -> f64 {
        mean(&self.cloud, |particle| particle.offset + particle.frequency * (at - self.at))
    }
}
