//! The components of a comparison with an NTP or PTP source, and of holdover.

use std::f64::consts::PI;

use super::{Component, Evaluation};

/// Power-law frequency noise of an oscillator: coefficients of the one-sided spectrum
/// S_y(f) = h₀ + h₋₁/f + h₋₂/f².
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrequencyNoise {
    /// h₀, s.
    pub white: f64,
    /// h₋₁, 1.
    pub flicker: f64,
    /// h₋₂, 1/s.
    pub random_walk: f64,
}

impl Component {
    /// The calibration of a source against its origin: expanded uncertainty (s) and
    /// coverage factor of the certificate.
    #[must_use]
    pub fn calibration(expanded: f64, coverage_factor: f64) -> Self {
        Self::certificate("calibration certificate", expanded, coverage_factor)
    }

    /// The limit (s) that a PTP grandmaster states by its clockAccuracy
    /// (IEEE 1588-2019 7.6.2.6).
    #[must_use]
    pub fn clock_accuracy(limit: f64) -> Self {
        Self::rectangular("clockAccuracy", limit)
    }

    /// The upstream way of an NTP server: its root delay (s) may be all in one direction,
    /// so that half of it is the largest error.
    #[must_use]
    pub fn root_delay(root_delay: f64) -> Self {
        Self::rectangular("root delay", root_delay / 2.0)
    }

    /// What an NTP server states as its maximum error besides the root delay, s
    /// (RFC 5905 section 4).
    #[must_use]
    pub fn root_dispersion(root_dispersion: f64) -> Self {
        Self::rectangular("root dispersion", root_dispersion)
    }

    /// The unknown part of the round-trip `delay` (s) may be all in one direction: half
    /// of it is the largest error. A declared or calibrated `minimum` (s), known to be
    /// the same in both directions, is not unknown.
    ///
    /// A delay that differs from the minimum by no more than its own standard uncertainty
    /// (`deviation`, s) shows nothing but its scatter, of which that of the offset is the
    /// other half: only what goes beyond it counts, though the bound holds all.
    ///
    /// A delay below the declared minimum shows that the declaration is wrong by at
    /// least the difference, which then counts as unknown; never is more than half of
    /// the delay at stake.
    #[must_use]
    pub fn path_asymmetry(delay: f64, deviation: f64, minimum: Option<f64>) -> Self {
        let unknown = minimum.map_or(delay, |minimum| (delay - minimum).abs().min(delay));
        let scatter = minimum.map_or(0.0, |_| deviation.min(unknown));
        let shown = Self::rectangular("path asymmetry", (unknown - scatter) / 2.0);
        Self { bound: unknown / 2.0, ..shown }
    }

    /// The time stamps of this host together: their standard uncertainty, s.
    #[must_use]
    pub fn time_stamps(standard_uncertainty: f64) -> Self {
        Self::normal("time stamps", Evaluation::B, standard_uncertainty, f64::INFINITY)
    }

    /// What the estimate scatters: TDEV at the averaging time (s), or s/√n only where the
    /// phase noise is white; and its degrees of freedom.
    #[must_use]
    pub fn noise(standard_uncertainty: f64, degrees_of_freedom: f64) -> Self {
        Self::type_a("network and servo noise", standard_uncertainty, degrees_of_freedom)
    }

    /// Holdover: what the standard uncertainty of the frequency (ratio) and its degrees
    /// of freedom make of the time `elapsed` (s): T·u(y).
    #[must_use]
    pub fn holdover_frequency(elapsed: f64, frequency: f64, degrees_of_freedom: f64) -> Self {
        Self::type_a("holdover frequency", elapsed * frequency, degrees_of_freedom)
    }

    /// Holdover: what the standard uncertainty of the frequency `drift` (1/s) makes of
    /// the time `elapsed` (s): ½T²·u(D).
    #[must_use]
    pub fn holdover_drift(elapsed: f64, drift: f64) -> Self {
        let u = elapsed * elapsed * drift / 2.0;
        Self::normal("holdover drift", Evaluation::B, u, f64::INFINITY)
    }

    /// Holdover: the random walk of the oscillator over the time `elapsed` (s), with the
    /// phase variance ½h₀T + 2h₋₁T² + ⅔π²h₋₂T³ of the two-state clock model of Brown and
    /// Hwang.
    #[must_use]
    pub fn oscillator_noise(elapsed: f64, noise: FrequencyNoise) -> Self {
        let t = elapsed;
        let variance = noise.white * t / 2.0
            + 2.0 * noise.flicker * t.powi(2)
            + 2.0 / 3.0 * PI.powi(2) * noise.random_walk * t.powi(3);
        Self::normal("oscillator noise", Evaluation::B, variance.sqrt(), f64::INFINITY)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Budget;
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12 * b.abs()
    }

    #[test]
    fn the_distance_of_an_ntp_source_is_the_root_distance_of_rfc_5905() {
        let budget = Budget::new([
            Component::root_delay(20e-3),
            Component::root_dispersion(5e-3),
            Component::path_asymmetry(8e-3, 1e-5, None),
        ])
        .unwrap();
        // Half of all delays, and the dispersion.
        assert!(close(budget.bound(), 10e-3 + 5e-3 + 4e-3));
        let u = (100.0f64 + 25.0 + 16.0).sqrt() * 1e-3 / 3f64.sqrt();
        assert!(close(budget.standard_uncertainty(), u));
    }

    #[test]
    fn a_declared_minimum_leaves_only_the_rest_of_the_delay_unknown() {
        let part = Component::path_asymmetry(100e-6, 0.0, Some(90e-6));
        assert!(close(part.bound, 5e-6), "{part:?}");
        assert!(close(part.standard_uncertainty, 5e-6 / 3f64.sqrt()));
    }

    #[test]
    fn a_delay_below_the_declared_minimum_makes_the_difference_unknown() {
        assert!(close(Component::path_asymmetry(80e-6, 0.0, Some(90e-6)).bound, 5e-6));
    }

    #[test]
    fn a_difference_from_the_minimum_within_the_scatter_of_the_delay_shows_nothing() {
        let of = |deviation| Component::path_asymmetry(100e-6, deviation, Some(90e-6));
        assert!(close(of(4e-6).standard_uncertainty, 3e-6 / 3f64.sqrt()));
        assert_eq!(of(12e-6).standard_uncertainty, 0.0);
        assert!(close(of(12e-6).bound, 5e-6), "it is possible all the same");
        let undeclared = Component::path_asymmetry(100e-6, 12e-6, None);
        assert!(close(undeclared.standard_uncertainty, 50e-6 / 3f64.sqrt()));
    }

    #[test]
    fn holdover_grows_with_time_and_its_powers() {
        let hour = 3600.0;
        assert!(close(Component::holdover_frequency(hour, 1e-8, 20.0).standard_uncertainty, 36e-6));
        assert!(close(Component::holdover_drift(hour, 1e-12).standard_uncertainty, 6.48e-6));
        // A low-grade crystal after an hour, reckoned by hand: random walk dominates.
        let crystal = FrequencyNoise { white: 2e-19, flicker: 7e-21, random_walk: 2e-20 };
        let u = Component::oscillator_noise(hour, crystal).standard_uncertainty;
        assert!((u - 78.4e-6).abs() < 0.1e-6, "{u}");
    }

    proptest! {
        #[test]
        fn a_declared_minimum_never_makes_the_asymmetry_larger(
            delay in 0.0f64..1.0,
            minimum in 0.0f64..1.0,
        ) {
            let with = Component::path_asymmetry(delay, 0.0, Some(minimum)).bound;
            prop_assert!(0.0 <= with && with <= delay / 2.0);
        }
    }
}
