//! The Kalman filter: exact where all noise is normal.

use super::{Filter, Observation, Walk};

/// Standard deviation of the offset at first, s: far more than any delay.
const UNKNOWN: f64 = 1.0;

/// A normal posterior of offset and frequency.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kalman {
    at: f64,
    walk: Walk,
    offset: f64,
    frequency: f64,
    /// Variances of offset and frequency, and their covariance.
    variance: [f64; 2],
    covariance: f64,
}

impl Kalman {
    /// Begins with one direction of an exchange and with the frequency, which is known.
    pub(super) fn new(at: f64, walk: Walk, first: &Observation<'_>) -> Self {
        let variance = [UNKNOWN * UNKNOWN, 0.0];
        let mut begun = Self { at, walk, offset: 0.0, frequency: 0.0, variance, covariance: 0.0 };
        begun.take(at, &[*first]);
        begun
    }

    fn advance(&mut self, to: f64) {
        let dt = to - self.at;
        let (variance, covariance) = self.walk.variance(dt);
        self.at = to;
        self.offset += self.frequency * dt;
        self.variance[0] += dt * (2.0 * self.covariance + dt * self.variance[1]) + variance[0];
        self.covariance += dt * self.variance[1] + covariance;
        self.variance[1] += variance[1];
    }

    /// Takes in an offset that was seen `age` s ago, with this standard `deviation` (s).
    fn correct(&mut self, seen: f64, age: f64, deviation: f64) {
        let gain =
            [self.variance[0] - age * self.covariance, self.covariance - age * self.variance[1]];
        let innovation = seen - (self.offset - age * self.frequency);
        let total = gain[0] - age * gain[1] + deviation * deviation;
        self.offset += gain[0] / total * innovation;
        self.frequency += gain[1] / total * innovation;
        self.variance[0] -= gain[0] * gain[0] / total;
        self.covariance -= gain[0] * gain[1] / total;
        self.variance[1] -= gain[1] * gain[1] / total;
    }
}

impl Filter for Kalman {
    fn take(&mut self, at: f64, observations: &[Observation<'_>]) {
        self.advance(at);
        for observation in observations {
            if let Some(deviation) = observation.delay.density.normal() {
                self.correct(observation.offset, observation.age, deviation);
            }
        }
    }

    fn offset(&self, at: f64) -> f64 {
        self.offset + self.frequency * (at - self.at)
    }
}
