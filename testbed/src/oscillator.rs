//! The oscillator of a host: the free-running time base, with its noise.
//!
//! Every noise is advanced exactly over any stretch of time, so that the events of a
//! simulation may lie as they like and no step is too long.

use std::f64::consts::{LN_10, PI, TAU};

use clock_models::time::{Duration, Free, Tai, Timestamp};
use clock_models::uncertainty::FrequencyNoise;

use crate::profile::Profile;
use crate::quantity::Seconds;
use crate::random::Random;

/// Time constants of the relaxation processes that make flicker noise, s: one a decade,
/// from what no exchange resolves to what no run lasts.
const FLICKER_TIMES: [f64; 9] = [1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
/// f_h, Hz, up to which there is phase noise: 1/2πτ for the edge of the fastest of
/// [`FLICKER_TIMES`], half a decade below it.
const BANDWIDTH: f64 = 50.329_212;
/// What the time base shows at the start of a simulation, s: a host that booted an hour
/// ago.
const BOOTED: i64 = 3600;

/// Power-law phase noise: coefficients of the one-sided spectrum S_y(f) = h₁f + h₂f² up
/// to 50 Hz (IEEE 1139).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PhaseNoise {
    /// h₁, s².
    pub flicker: f64,
    /// h₂, s³.
    pub white: f64,
}

impl PhaseNoise {
    /// Standard deviation of the white noise of each reading, s: S_x = S_y/(2πf)², so
    /// that h₂/4π² is there at every frequency.
    fn white_deviation(self) -> f64 {
        (self.white * BANDWIDTH).sqrt() / TAU
    }

    /// Standard deviation of each of the processes that add up to flicker noise, s, as in
    /// [`flicker_deviation`].
    fn flicker_deviation(self) -> f64 {
        (self.flicker * LN_10).sqrt() / TAU
    }
}

/// What an oscillator is like.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Frequency error at the start, ratio; positive if fast.
    pub frequency: f64,
    /// Spectrum of its phase noise.
    pub phase_noise: PhaseNoise,
    /// Spectrum of its frequency noise.
    pub noise: FrequencyNoise,
    /// Drift of the frequency, 1/s.
    pub ageing: f64,
    /// What a warmer day does to the frequency, 1/°C.
    pub temperature_coefficient: f64,
    /// By how much it is warmer than where `frequency` holds, °C.
    pub temperature: Option<Profile<f64>>,
}

impl Model {
    /// An oscillator without noise that is fast by `frequency` (ratio).
    #[must_use]
    pub const fn quiet(frequency: f64) -> Self {
        Self {
            frequency,
            phase_noise: PhaseNoise { flicker: 0.0, white: 0.0 },
            noise: FrequencyNoise { white: 0.0, flicker: 0.0, random_walk: 0.0 },
            ageing: 0.0,
            temperature_coefficient: 0.0,
            temperature: None,
        }
    }
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
            noise: FrequencyNoise { white, flicker, random_walk },
            ..Model::quiet(frequency)
        };
        match self {
            Self::Crystal => Model {
                temperature_coefficient: 1e-6,
                temperature: Some(Profile::Sinusoid { amplitude: 1.0, period: Seconds(86_400.0) }),
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
    /// What it has gained since the start, s, apart from phase noise.
    phase: f64,
    /// White phase noise of this moment, s.
    white_phase: f64,
    /// Flicker phase noise, s.
    flicker_phase: [f64; FLICKER_TIMES.len()],
    /// What the frequency has walked, ratio.
    walked: f64,
    /// Flicker frequency noise, ratio.
    flicker: [f64; FLICKER_TIMES.len()],
    random: Random,
}

impl Oscillator {
    /// An oscillator that starts at `start`.
    #[must_use]
    pub fn new(model: Model, start: Timestamp<Tai>, mut random: Random) -> Self {
        let flicker = FLICKER_TIMES.map(|_| flicker_deviation(model.noise) * random.normal());
        let deviation = model.phase_noise.flicker_deviation();
        let flicker_phase =
            FLICKER_TIMES.map(|_| if deviation > 0.0 { deviation * random.normal() } else { 0.0 });
        Self {
            model,
            start,
            at: start,
            phase: 0.0,
            white_phase: 0.0,
            flicker_phase,
            walked: 0.0,
            flicker,
            random,
        }
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
        if let Some(temperature) = &self.model.temperature {
            self.phase += self.model.temperature_coefficient * temperature.integral(age, age + dt);
        }
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
        let PhaseNoise { white, flicker } = self.model.phase_noise;
        if white > 0.0 {
            self.white_phase = self.model.phase_noise.white_deviation() * self.random.normal();
        }
        if flicker > 0.0 {
            self.relax_phase(dt);
        }
    }

    /// The processes of the flicker phase noise, of which only the values count.
    fn relax_phase(&mut self, dt: f64) {
        let deviation = self.model.phase_noise.flicker_deviation();
        for (value, time) in self.flicker_phase.iter_mut().zip(FLICKER_TIMES) {
            let kept = (-dt / time).exp();
            let fresh = (-(-2.0 * dt / time).exp_m1()).sqrt();
            *value = *value * kept + deviation * fresh * self.random.normal();
        }
    }

    /// What it has gained since the start, s.
    fn gained(&self) -> f64 {
        self.phase + self.white_phase + self.flicker_phase.iter().sum::<f64>()
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
        let gained = Duration::from_seconds(self.gained()).unwrap_or(Duration::ZERO);
        Timestamp::from_secs(BOOTED) + (self.at - self.start) + gained
    }

    /// Its frequency error apart from white noise and phase noise, ratio; positive if fast.
    #[must_use]
    pub fn frequency(&self) -> f64 {
        let age = self.age();
        let warmer = self.model.temperature.as_ref().map_or(0.0, |profile| profile.at(age));
        let warm = self.model.temperature_coefficient * warmer;
        let flicker: f64 = self.flicker.iter().sum();
        self.model.frequency + self.model.ageing * age + warm + self.walked + flicker
    }

    fn age(&self) -> f64 {
        (self.at - self.start).seconds()
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

    /// Allan variance at an averaging time, s, for a coefficient of 1.
    type Theory = fn(f64) -> f64;

    /// Twenty runs of 4000 s, s.
    fn runs(model: &Model) -> Vec<Vec<f64>> {
        let start = Timestamp::from_secs(0);
        let run = |seed| {
            let mut oscillator = Oscillator::new(model.clone(), start, Random::new(seed, 0));
            let mut phase = |second| {
                oscillator.advance(start + Duration::from_secs(second));
                oscillator.gained()
            };
            (0..4000).map(&mut phase).collect()
        };
        (1..=20).map(run).collect()
    }

    /// The overlapping Allan variance at τ = `m` × 1 s.
    fn allan_variance(runs: &[Vec<f64>], m: usize) -> f64 {
        let second_difference = |w: &[f64]| (w[2 * m] - 2.0 * w[m] + w[0]).powi(2);
        let squares = runs.iter().flat_map(|phase| phase.windows(2 * m + 1).map(second_difference));
        let (sum, count) = squares.fold((0.0, 0.0), |(sum, n), square| (sum + square, n + 1.0));
        sum / (2.0 * (m * m) as f64 * count)
    }

    #[test]
    fn each_noise_has_the_allan_variance_of_its_coefficient() {
        let of = |white, flicker, random_walk| Model {
            noise: FrequencyNoise { white, flicker, random_walk },
            ..Model::quiet(1e-6)
        };
        let phase = |white, flicker| Model {
            phase_noise: PhaseNoise { flicker, white },
            ..Model::quiet(1e-6)
        };
        // IEEE 1139-2008, annex B, by which white phase noise has 3f_h h₂/4π²τ².
        let flicker_pm: Theory =
            |tau| (1.038 + 3.0 * (TAU * BANDWIDTH * tau).ln()) / (TAU * tau).powi(2);
        let expected: [(&str, Model, Theory); 5] = [
            ("white PM", phase(1e-20, 0.0), |tau| 3.0 * BANDWIDTH / (TAU * tau).powi(2)),
            ("flicker PM", phase(0.0, 1e-20), flicker_pm),
            ("white FM", of(1e-20, 0.0, 0.0), |tau| 0.5 / tau),
            ("flicker FM", of(0.0, 1e-20, 0.0), |_| 2.0 * 2f64.ln()),
            ("random walk FM", of(0.0, 0.0, 1e-20), |tau| 2.0 * PI * PI / 3.0 * tau),
        ];
        for (name, model, theory) in expected {
            let runs = runs(&model);
            for (m, tolerance) in [(1, 0.05), (10, 0.05), (100, 0.2)] {
                let ratio = allan_variance(&runs, m) / (1e-20 * theory(m as f64));
                assert!((ratio - 1.0).abs() < tolerance, "{name}, τ = {m} s: {ratio}");
            }
        }
    }

    #[test]
    fn a_wander_of_w_per_root_second_has_an_allan_variance_of_a_third_of_w_squared_tau() {
        let noise = FrequencyNoise { random_walk: random_walk(1e-9), white: 0.0, flicker: 0.0 };
        let model = Model { noise, ..Model::quiet(0.0) };
        assert!((allan_variance(&runs(&model), 10) / (1e-18 * 10.0 / 3.0) - 1.0).abs() < 0.15);
    }

    #[test]
    fn ageing_and_temperature_integrate_to_phase() {
        let model = Model {
            ageing: 1e-12,
            temperature_coefficient: 1e-7,
            temperature: Some(Profile::Sinusoid { amplitude: 2.0, period: Seconds(1000.0) }),
            ..Model::quiet(1e-6)
        };
        let start = Timestamp::from_secs(0);
        let mut oscillator = Oscillator::new(model, start, Random::new(1, 0));
        oscillator.advance(start + Duration::from_secs(250));
        assert!((oscillator.frequency() - (1e-6 + 250e-12 + 2e-7)).abs() < 1e-15);
        oscillator.advance(start + Duration::from_secs(1500));
        let expected = 1e-6 * 1500.0 + 0.5e-12 * 1500f64.powi(2) + 2e-7 * 1000.0 / PI;
        assert!((oscillator.gained() - expected).abs() < 1e-12);
    }
}
