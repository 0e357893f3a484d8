//! How probable a queueing delay is.

use crate::limit::LimitError;
use crate::network::Queueing;

/// Steps of the numerical integrals; their error is below 1e-9.
const STEPS: u32 = 400;
/// Delays that the table of the heavy tail reaches from and to, in units of its body.
const TABLE: (f64, f64) = (1e-6, 1e6);
/// Points of that table, evenly spread over the logarithm of the delay.
const POINTS: u32 = 1000;

/// The density of a queueing delay whose stamps are rounded.
#[derive(Debug, Clone)]
pub(super) struct Density {
    shape: Shape,
    /// Half of what stamps are rounded to, s: a delay may seem that much below 0.
    rounding: f64,
}

#[derive(Debug, Clone)]
enum Shape {
    /// With its mean, s.
    Exponential(f64),
    /// With its standard deviation, s.
    Gaussian(f64),
    /// With the scale of its body, s, and the logarithm of the density of what is in units
    /// of that.
    HeavyTail(f64, Vec<f64>),
}

impl Density {
    /// The density of what `Queueing` draws.
    ///
    /// # Errors
    /// A queueing that has none here.
    pub(super) fn new(queueing: Queueing, rounding: f64) -> Result<Self, LimitError> {
        let shape = match queueing {
            Queueing::Exponential { mean } => Shape::Exponential(mean.0),
            Queueing::Gaussian { deviation } => Shape::Gaussian(deviation.0),
            Queueing::HeavyTail { body, part, late } => {
                Shape::HeavyTail(body.0, heavy_tail(part, late.0 / body.0))
            }
            _ => return Err(LimitError::Path),
        };
        Ok(Self { shape, rounding })
    }

    /// The standard deviation of the delay, if it is normally distributed, s.
    pub(super) fn normal(&self) -> Option<f64> {
        match self.shape {
            Shape::Gaussian(deviation) => Some(deviation),
            Shape::Exponential(_) | Shape::HeavyTail(..) => None,
        }
    }

    /// Logarithm of the density at a delay (s), up to a constant; −∞ where there is none.
    pub(super) fn ln(&self, delay: f64) -> f64 {
        if let Shape::Gaussian(deviation) = self.shape {
            return -0.5 * (delay / deviation).powi(2);
        }
        if delay < -self.rounding {
            return f64::NEG_INFINITY;
        }
        let one_sided = match &self.shape {
            Shape::Exponential(mean) => -delay / mean,
            Shape::HeavyTail(body, table) => look_up(table, delay.max(self.rounding) / body),
            Shape::Gaussian(_) => 0.0,
        };
        // The edge at 0 is as wide as the rounding.
        if delay < self.rounding {
            one_sided + ((delay + self.rounding) / (2.0 * self.rounding)).ln()
        } else {
            one_sided
        }
    }
}

/// The table of a heavy tail, in units of its body: the logarithm of the density.
///
/// The product of two unit exponentials has the density 2·K₀(2√x). A part of the packets
/// waits `late` × (a uniform v in 0..`part`) × (a unit exponential) more, which has the
/// density E₁(x/c)/c, c = `late` × `part`. Their sum differs from the latter by what the
/// body is wide, which matters only where the other packets are a thousand times as
/// many: its mean is added to x instead.
fn heavy_tail(part: f64, late: f64) -> Vec<f64> {
    let scale = late * part;
    (0..=POINTS)
        .map(|point| {
            let x = TABLE.0 * (TABLE.1 / TABLE.0).powf(f64::from(point) / f64::from(POINTS));
            let body = 2.0 * bessel_k0(2.0 * x.sqrt());
            let behind = exponential_integral((x + 1.0) / scale) / scale;
            ((1.0 - part) * body + part * behind).ln()
        })
        .collect()
}

fn look_up(table: &[f64], x: f64) -> f64 {
    let place = (x / TABLE.0).ln() / (TABLE.1 / TABLE.0).ln() * f64::from(POINTS);
    let place = place.clamp(0.0, f64::from(POINTS) - 1e-6);
    let (index, part) = (place as usize, place.fract());
    table[index] * (1.0 - part) + table[index + 1] * part
}

/// K₀(x) = ∫₀^∞ exp(−x·cosh t) dt, x > 0 (NIST DLMF 10.32.9).
fn bessel_k0(x: f64) -> f64 {
    integral(move |t| (-x * t.cosh()).exp(), 1.0 + (800.0 / x).asinh())
}

/// E₁(x) = ∫₀^∞ exp(−x·eᵗ) dt, x > 0 (NIST DLMF 6.2.1 with t = ln of its variable).
fn exponential_integral(x: f64) -> f64 {
    integral(move |t| (-x * t.exp()).exp(), (1.0 + 800.0 / x).ln())
}

/// From 0 to `end`, by Simpson's rule.
fn integral(of: impl Fn(f64) -> f64, end: f64) -> f64 {
    let step = end / f64::from(STEPS);
    let inner: f64 = (1..STEPS).map(|i| f64::from(2 + 2 * (i % 2)) * of(f64::from(i) * step)).sum();
    (of(0.0) + inner + of(end)) * step / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Seconds;
    use crate::random::Random;

    #[test]
    fn the_special_functions_have_the_values_of_the_tables() {
        // Abramowitz and Stegun, tables 9.8 and 5.1.
        for (x, k0) in [(0.1, 2.427_069_024_7), (1.0, 0.421_024_438_2), (5.0, 0.003_691_098_334)] {
            assert!((bessel_k0(x) / k0 - 1.0).abs() < 1e-8, "K0({x}) = {}", bessel_k0(x));
        }
        for (x, e1) in [(0.01, 4.037_929_577), (0.5, 0.559_773_595), (2.0, 0.048_900_510_7)] {
            let found = exponential_integral(x);
            assert!((found / e1 - 1.0).abs() < 1e-8, "E1({x}) = {found}");
        }
    }

    #[test]
    fn a_density_is_that_of_the_delays_that_are_drawn() {
        let s = Seconds;
        let tail = Queueing::HeavyTail { body: s(1e-5), part: 0.08, late: s(50e-3) };
        for queueing in [Queueing::Exponential { mean: s(1e-5) }, tail] {
            let density = Density::new(queueing, 0.5e-9).unwrap();
            let mut random = Random::new(1, 0);
            let draws: Vec<f64> = (0..100_000).map(|_| queueing.draw_one(&mut random)).collect();
            // The density is known up to a constant, so parts are compared with the first.
            let edges = [1e-7, 1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 1e-2];
            let parts = edges.windows(2).map(|edge| {
                let (from, to) = (edge[0], edge[1]);
                let drawn = draws.iter().filter(|q| (from..to).contains(*q)).count();
                (drawn as f64, integral(|t| density.ln(from + t).exp(), to - from))
            });
            let (drawn, stated): (Vec<f64>, Vec<f64>) = parts.unzip();
            let scale = drawn.iter().sum::<f64>() / stated.iter().sum::<f64>();
            for (drawn, stated) in drawn.iter().zip(&stated) {
                let expected = scale * stated;
                // Five standard deviations of a count, and 2 % of what is neglected.
                let allowed = 5.0 * (expected + 1.0).sqrt() + 0.02 * expected;
                assert!((drawn - expected).abs() < allowed, "{queueing:?}: {drawn}, {expected}");
            }
        }
    }
}
