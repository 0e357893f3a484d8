//! Quantities that change over a simulation as planned: a temperature, the floor of a path.

use std::f64::consts::TAU;

use serde::Deserialize;

use crate::quantity::Seconds;

/// A course over the time since the start of the simulation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Profile<Q> {
    /// amplitude × sin(2πt/period): comes and goes.
    Sinusoid {
        /// Half of the range.
        amplitude: Q,
        /// Of one cycle, > 0.
        period: Seconds,
    },
    /// Straight lines between points in the order of time, and constant before the first
    /// and after the last: ramps. Two points of the same time are a step.
    Points {
        /// Time and value.
        points: Vec<(Seconds, Q)>,
    },
}

impl<Q: Copy + Into<f64>> Profile<Q> {
    /// The value at `t` seconds since the start.
    #[must_use]
    pub fn at(&self, t: f64) -> f64 {
        match self {
            Self::Sinusoid { amplitude, period } => {
                (*amplitude).into() * (TAU * t / period.0).sin()
            }
            Self::Points { points } => {
                let after = points.partition_point(|(time, _)| time.0 <= t);
                match (after.checked_sub(1).map(|before| points[before]), points.get(after)) {
                    (Some((t0, v0)), Some(&(t1, v1))) => {
                        let (v0, v1) = (v0.into(), v1.into());
                        v0 + (v1 - v0) * (t - t0.0) / (t1.0 - t0.0)
                    }
                    (Some((_, value)), None) => value.into(),
                    (None, Some(&(_, value))) => value.into(),
                    (None, None) => 0.0,
                }
            }
        }
    }

    /// Its integral from the time `from` to the time `to`, both in s.
    #[must_use]
    pub fn integral(&self, from: f64, to: f64) -> f64 {
        match self {
            Self::Sinusoid { amplitude, period } => {
                let rate = TAU / period.0;
                (*amplitude).into() / rate * ((rate * from).cos() - (rate * to).cos())
            }
            Self::Points { points } => {
                // A straight line's integral is its middle times its length, so each
                // stretch between two points is exact.
                let inner = points.iter().map(|(time, _)| time.0);
                let mut sum = 0.0;
                let mut last = from;
                for end in inner.filter(|t| from < *t && *t < to).chain([to]) {
                    sum += self.at(f64::midpoint(last, end)) * (end - last);
                    last = end;
                }
                sum
            }
        }
    }

    /// What is wrong with it, if anything is.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Sinusoid { period, .. } if period.0 <= 0.0 => {
                Err(format!("a period of {} s: it must be longer than nothing", period.0))
            }
            Self::Points { points } if points.is_empty() => {
                Err("no points: give at least one, such as [\"0 s\", …]".to_owned())
            }
            Self::Points { points } => {
                match points.windows(2).find(|pair| pair[0].0.0 > pair[1].0.0) {
                    Some(pair) => Err(format!(
                        "the point at {} s comes after the one at {} s: put them in the order of \
                         time",
                        pair[1].0.0, pair[0].0.0
                    )),
                    None => Ok(()),
                }
            }
            Self::Sinusoid { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Profile<f64> {
        let points = [(10.0, 1.0), (20.0, 3.0), (20.0, 5.0)];
        Profile::Points { points: points.map(|(t, v)| (Seconds(t), v)).to_vec() }
    }

    #[test]
    fn points_make_ramps_and_steps_and_hold_outside() {
        let values = [0.0, 10.0, 15.0, 20.0, 30.0].map(|t| ramp().at(t));
        assert_eq!(values, [1.0, 1.0, 2.0, 5.0, 5.0]);
    }

    #[test]
    fn integrals_are_exact_over_any_stretch() {
        // 1 × 10 s, then (1 + 3)/2 × 10 s, then 5 × 4 s.
        assert!((ramp().integral(0.0, 24.0) - 50.0).abs() < 1e-12);
        assert!((ramp().integral(12.0, 14.0) - 3.2).abs() < 1e-12);
        let wave = Profile::Sinusoid { amplitude: 2.0, period: Seconds(8.0) };
        assert!((wave.integral(0.0, 4.0) - 2.0 * 8.0 / std::f64::consts::PI).abs() < 1e-12);
        assert!((wave.at(2.0) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_course_is_told() {
        let still = Profile::Sinusoid { amplitude: 1.0, period: Seconds(0.0) };
        assert!(still.check().unwrap_err().contains("period"));
        let nothing = Profile::<f64>::Points { points: Vec::new() };
        assert!(nothing.check().unwrap_err().contains("no points"));
        let back = Profile::Points { points: vec![(Seconds(2.0), 1.0), (Seconds(1.0), 1.0)] };
        assert!(back.check().unwrap_err().contains("order"));
        assert_eq!(ramp().check(), Ok(()));
    }
}
