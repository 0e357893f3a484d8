//! What the packets allow at all: a hard interval of the offset.

use super::filter::Way;

/// Standard deviations of frequency and time stamps that the interval allows for: four,
/// and twice as many because the noise that was found may be half of what it is.
const SAFETY: f64 = 8.0;

/// The interval that no packet contradicts, relative to the anchor of the estimator, s.
///
/// No packet is faster than light: the offset is at least what a packet from the
/// reference shows and at most what one to the reference shows. Earlier packets keep
/// their say, less what the oscillator may have drifted since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope {
    least: f64,
    most: f64,
}

/// How far an offset may run away in `t` seconds, s.
pub(super) fn drift(frequency_deviation: f64, wander: f64, t: f64) -> f64 {
    SAFETY * (frequency_deviation * t + wander * t * t.sqrt())
}

impl Envelope {
    pub(super) fn new(half_width: f64) -> Self {
        Self { least: -half_width, most: half_width }
    }

    pub(super) fn advance(&mut self, dt: f64, frequency: f64, deviation: f64, wander: f64) {
        let drift = drift(deviation, wander, dt.abs());
        self.least += frequency * dt - drift;
        self.most += frequency * dt + drift;
    }

    pub(super) fn narrow(&mut self, way: Way, difference: f64, noise: f64) {
        let margin = SAFETY * noise;
        match way {
            Way::FromReference => self.least = self.least.max(difference - margin),
            Way::ToReference => self.most = self.most.min(difference + margin),
        }
        // Only a reference that moved can empty the interval: what it shows now counts,
        // and the contradiction stays inside the bound.
        if self.least > self.most {
            std::mem::swap(&mut self.least, &mut self.most);
        }
    }

    /// Half-width of the interval around `offset` that covers all of it.
    pub(super) fn half_width(&self, offset: f64) -> f64 {
        (self.most - offset).max(offset - self.least)
    }
}
