//! The oscillator of a host: the free-running time base, with its noise.
//!
//! Every noise is advanced exactly over any stretch of time, so that the events of a
//! simulation may lie as they like and no step is too long.

use std::f64::consts::{LN_10, PI, TAU};

use clock_models::time::{Duration, Free, Tai, Timestamp};
use clock_models::uncertainty::FrequencyNoise;

use crate::random::Random;

/// Time constants of the relaxation processes that make flicker noise, s: one a decade,
/// from what no exchange resolves to what no run lasts.
const FLICKER_TIMES: [f64; 9] = [1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
/// What the time base shows at the start of a simulation, s: a host that booted an hour
/// ago.
const BOOTED: i64 = 3600;

/// What an oscillator is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// Frequency error at the start, ratio; positive if fast.
    pub frequency: f64,
    /// Spectrum of its frequency noise.
    pub noise: FrequencyNoise,
    /// Drift of the frequency, 1/s.
    pub ageing: f64,
    /// What a temperature that comes and goes does to the frequency: amplitude (ratio)
    /// and period (s).
    pub temperature: Option<(f64, f64)>,
}

/// The kinds of oscillators that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Of a PC: 1 ppm a degree, in a room that changes by a degree over the day.
    Crystal,
    /// Temperature compensated, low grade.
    Tcxo,
    /// In an oven.
    Ocxo,
    /// Chip-scale atomic clock.
    Csac,
    /// Rubidium.
    Rubidium,
    /// Caesium beam.
    Caesium,
}

/// h₋₂ of a random walk of the frequency by `wander` per √s.
///
/// The one-sided spectrum of a random walk is 2W²/(2πf)², so h₋₂ = W²/(2π²).
#[must_use]
pub fn random_walk(wander: f64) -> f64 {
    wander * wander / (2.0 * PI * PI)
}

impl Preset {
    /// The oscillator of that name, with a typical error of the frequency.
    ///
    /// h₀, h₋₁ and h₋₂ of TCXO, OCXO, Rb and Cs are those of Brown and Hwang. A PC's
    /// crystal has the noise of a poor TCXO, wanders by 1e-8 per √s and is at the mercy of
    /// the temperature. A CSAC has a specified σ_y(1 s) of 3e-10 (h₀ = 2σ²) and ageing of
    /// 3e-10 a month.
    #[must_use]
    pub fn model(self) -> Model {
        let model = |frequency, white, flicker, random_walk| Model {
            frequency,
            noise: FrequencyNoise { white, flicker, random_walk },
            ageing: 0.0,
            temperature: None,
        };
        match self {
            Self::Crystal => Model {
                temperature: Some((1e-6, 86_400.0)),
                ..model(78e-6, 2e-19, 7e-21, random_walk(1e-8))
            },
            Self::Tcxo => model(1e-6, 2e-19, 7e-21, 2e-20),
            Self::Ocxo => model(1e-8, 2e-25, 7e-25, 6e-25),
            Self::Csac => {
                Model { ageing: 3e-10 / (30.0 * 86_400.0), ..model(5e-10, 1.8e-19, 0.0, 0.0) }
            }
            Self::Rubidium => model(1e-10, 2e-22, 4.5e-26, 1e-30),
            Self::Caesium => model(1e-12, 2e-22, 5e-27, 1.5e-33),
        }
    }
}

/// An oscillator as it runs.
#[derive(Debug, Clone)]
pub struct Oscillator {
    model: Model,
    start: Timestamp<Tai>,
    at: Timestamp<Tai>,
    /// What it has gained since the start, s.
    phase: f64,
    /// What the frequency has walked, ratio.
    walked: f64,
    flicker: [f64; FLICKER_TIMES.len()],
    random: Random,
}

impl Oscillator {
    /// An oscillator that starts at `start`.
    #[must_use]
    pub fn new(model: Model, start: Timestamp<Tai>, mut random: Random) -> Self {
        let flicker = FLICKER_TIMES.map(|_| flicker_deviation(model.noise) * random.normal());
        Self { model, start, at: start, phase: 0.0, walked: 0.0, flicker, random }
    }

    /// Runs on to a true time, which is not before the last one.
    pub fn advance(&mut self, to: Timestamp<Tai>) {
        let dt = (to - self.at).seconds();
        if dt <= 0.0 {
            return;
        }
        let age = self.age();
        self.at = to;
        let Model { frequency, noise, ageing, .. } = self.model;
        self.phase += (frequency + ageing * (age + dt / 2.0)) * dt;
        self.phase += self.warmth(age + dt) - self.warmth(age);
        if noise.white > 0.0 {
            self.phase += (noise.white / 2.0 * dt).sqrt() * self.random.normal();
        }
        self.phase += self.walked * dt;
        if noise.random_walk > 0.0 {
            let wander = PI * (2.0 * noise.random_walk).sqrt();
            let (a, b) = (self.random.normal(), self.random.normal());
            self.phase += wander * dt * dt.sqrt() * (a / 2.0 + b / 12f64.sqrt());
            self.walked += wander * dt.sqrt() * a;
        }
        if noise.flicker > 0.0 {
            self.relax(dt);
        }
    }

    /// Each process is an Ornstein–Uhlenbeck process; its value and its integral over
    /// `dt` have a joint normal distribution.
    fn relax(&mut self, dt: f64) {
        let deviation = flicker_deviation(self.model.noise);
        for (value, time) in self.flicker.iter_mut().zip(FLICKER_TIMES) {
            let a = dt / time;
            let gone = -(-a).exp_m1();
            let kept = 1.0 - gone;
            let of_value = gone * (1.0 + kept);
            let both = gone * gone;
            // 2a − 3 + 4e^−a − e^−2a cancels for a small a.
            let of_integral = if a < 1e-3 {
                a * a * a * (2.0 / 3.0 - a / 2.0)
            } else {
                2.0 * (a - gone) - gone * gone
            };
            let (p, q) = (self.random.normal(), self.random.normal());
            let slope = both / of_value.sqrt();
            let rest = (of_integral - slope * slope).max(0.0).sqrt();
            self.phase += time * (*value * gone + deviation * (slope * p + rest * q));
            *value = *value * kept + deviation * of_value.sqrt() * p;
        }
    }

    /// What it shows at the time it was advanced to.
    #[must_use]
    pub fn time(&self) -> Timestamp<Free> {
        let gained = Duration::from_seconds(self.phase).unwrap_or(Duration::ZERO);
        Timestamp::from_secs(BOOTED) + (self.at - self.start) + gained
    }

    /// Its frequency error apart from white noise, ratio; positive if fast.
    #[must_use]
    pub fn frequency(&self) -> f64 {
        let age = self.age();
        let warm = self
            .model
            .temperature
            .map_or(0.0, |(amplitude, period)| amplitude * (TAU * age / period).sin());
        let flicker: f64 = self.flicker.iter().sum();
        self.model.frequency + self.model.ageing * age + warm + self.walked + flicker
    }

    fn age(&self) -> f64 {
        (self.at - self.start).seconds()
    }

    /// The integral of the temperature's effect, s.
    fn warmth(&self, age: f64) -> f64 {
        self.model.temperature.map_or(0.0, |(amplitude, period)| {
            amplitude * period / TAU * (1.0 - (TAU * age / period).cos())
        })
    }
}

/// Standard deviation of each of the processes that add up to flicker noise.
///
/// One with time constant τ has the spectrum 4σ²τ/(1 + (2πfτ)²); evenly spread over ln τ,
/// `LN_10` apart, they add up to σ²/(f·`LN_10`) = h₋₁/f.
fn flicker_deviation(noise: FrequencyNoise) -> f64 {
    (noise.flicker * LN_10).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The overlapping Allan deviation at τ = `m` × 1 s, of many runs.
    fn allan(noise: FrequencyNoise, m: usize) -> f64 {
        let model = Model { frequency: 1e-6, noise, ageing: 0.0, temperature: None };
        let (mut square, mut count) = (0.0, 0u32);
        for seed in 1..=20 {
            let start = Timestamp::from_secs(0);
            let mut oscillator = Oscillator::new(model, start, Random::new(seed, 0));
            let phase: Vec<f64> = (0..4000)
                .map(|second| {
                    oscillator.advance(start + Duration::from_secs(second));
                    oscillator.phase
                })
                .collect();
            for i in 0..phase.len() - 2 * m {
                square += (phase[i + 2 * m] - 2.0 * phase[i + m] + phase[i]).powi(2);
                count += 1;
            }
        }
        (square / (2.0 * (m * m) as f64 * f64::from(count))).sqrt()
    }

    const NONE: FrequencyNoise = FrequencyNoise { white: 0.0, flicker: 0.0, random_walk: 0.0 };

    #[test]
    fn each_noise_has_the_allan_deviation_of_its_coefficient() {
        // IEEE 1139: h₀/2τ, 2 ln 2 h₋₁, (2π²/3) h₋₂ τ.
        for m in [1, 10, 100] {
            let tau = m as f64;
            let white = allan(FrequencyNoise { white: 2e-20, ..NONE }, m);
            let flicker = allan(FrequencyNoise { flicker: 1e-20, ..NONE }, m);
            let walk = allan(FrequencyNoise { random_walk: 1e-20, ..NONE }, m);
            for (found, expected) in [
                (white, (1e-20 / tau).sqrt()),
                (flicker, (2.0 * 2f64.ln() * 1e-20).sqrt()),
                (walk, (2.0 * PI * PI / 3.0 * 1e-20 * tau).sqrt()),
            ] {
                assert!((found / expected - 1.0).abs() < 0.12, "τ {tau}: {found} {expected}");
            }
        }
    }

    #[test]
    fn a_wander_of_w_per_root_second_has_an_allan_variance_of_a_third_of_w_squared_tau() {
        let noise = FrequencyNoise { random_walk: random_walk(1e-9), ..NONE };
        assert!((allan(noise, 10) / (1e-9 * (10f64 / 3.0).sqrt()) - 1.0).abs() < 0.1);
    }

    #[test]
    fn ageing_and_temperature_integrate_to_phase() {
        let model = Model {
            frequency: 1e-6,
            noise: NONE,
            ageing: 1e-12,
            temperature: Some((1e-7, 1000.0)),
        };
        let start = Timestamp::from_secs(0);
        let mut oscillator = Oscillator::new(model, start, Random::new(1, 0));
        oscillator.advance(start + Duration::from_secs(250));
        assert!((oscillator.frequency() - (1e-6 + 250e-12 + 1e-7)).abs() < 1e-15);
        oscillator.advance(start + Duration::from_secs(1500));
        let expected = 1e-6 * 1500.0 + 0.5e-12 * 1500f64.powi(2) + 1e-7 * 1000.0 / PI;
        assert!((oscillator.phase - expected).abs() < 1e-12);
    }
}
