//! Coverage factors: Student's t and the normal distribution, inverted.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// Up to here the closed form is summed; beyond it the first two terms of the expansion
/// in 1/ν are within 10⁻⁴ for every probability up to 0.9999.
const CLOSED_FORM_LIMIT: f64 = 100.0;

/// The coverage factor k = t_p(ν): a value of Student's distribution lies within ±k with
/// `probability` (JCGM 100 table G.2).
///
/// Degrees of freedom that are no whole number are truncated (G.4.1), and fewer than
/// one count as one. `None` unless 0 < `probability` < 1, or if ν is not a number.
#[must_use]
pub fn coverage_factor(probability: f64, degrees_of_freedom: f64) -> Option<f64> {
    let normal = normal_coverage_factor(probability)?;
    if degrees_of_freedom.is_nan() {
        return None;
    }
    let nu = degrees_of_freedom.trunc().max(1.0);
    if nu > CLOSED_FORM_LIMIT {
        return Some(expansion(normal, nu));
    }
    let angle = invert(|angle| within(angle, nu as u32), probability, FRAC_PI_2);
    Some(nu.sqrt() * angle.tan())
}

/// The coverage factor for infinitely many degrees of freedom: 1.96 for 0.95.
///
/// `None` unless 0 < `probability` < 1.
#[must_use]
pub fn normal_coverage_factor(probability: f64) -> Option<f64> {
    let is_probability = probability > 0.0 && probability < 1.0;
    // No f64 below 1 is reached beyond 9.
    is_probability.then(|| invert(normal_within, probability, 9.0))
}

/// Probability that |t| ≤ √ν·tan(angle): the finite series of Abramowitz and Stegun
/// 26.7.3 (odd ν) and 26.7.4 (even ν).
fn within(angle: f64, nu: u32) -> f64 {
    let (sin, cos) = angle.sin_cos();
    let odd = nu % 2 == 1;
    let mut term = if odd { cos } else { 1.0 };
    let mut sum = 0.0;
    let first = if odd { 1 } else { 0 };
    for power in (first..nu.saturating_sub(1)).step_by(2) {
        sum += term;
        // From cosⁿ to cosⁿ⁺²: the factors 2/3, 4/5 … (odd) or 1/2, 3/4 … (even).
        term *= cos * cos * f64::from(power + 1) / f64::from(power + 2);
    }
    if odd { FRAC_2_PI * (angle + sin * sum) } else { sin * sum }
}

/// Probability that a standard normal value lies within ±z: a series of positive terms,
/// z + z³/3 + z⁵/15 + … (Abramowitz and Stegun 26.2.11).
fn normal_within(z: f64) -> f64 {
    let mut term = z;
    let mut sum = 0.0;
    let mut n = 1.0;
    while term > sum * f64::EPSILON {
        sum += term;
        n += 2.0;
        term *= z * z / n;
    }
    FRAC_2_PI.sqrt() * (-z * z / 2.0).exp() * sum
}

/// Student's quantile from the normal one (Abramowitz and Stegun 26.7.5).
fn expansion(z: f64, nu: f64) -> f64 {
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    z + first / nu + second / (nu * nu)
}

/// Where a rising function from `[0, upper]` takes `value`, by bisection.
fn invert(rising: impl Fn(f64) -> f64, value: f64, upper: f64) -> f64 {
    let (mut low, mut high) = (0.0, upper);
    // 60 halvings exhaust the digits of an f64.
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if rising(middle) < value {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_gum_comes_out() {
        // JCGM 100 table G.2, fractions in percent.
        for (nu, probability, t) in [
            (1.0, 0.6827, 1.84),
            (1.0, 0.95, 12.71),
            (1.0, 0.99, 63.66),
            (2.0, 0.95, 4.30),
            (3.0, 0.9545, 3.31),
            (5.0, 0.99, 4.03),
            (10.0, 0.95, 2.23),
            (16.0, 0.99, 2.92),
            (20.0, 0.9973, 3.42),
            (50.0, 0.95, 2.01),
            (100.0, 0.99, 2.626),
            (f64::INFINITY, 0.6827, 1.000),
            (f64::INFINITY, 0.95, 1.960),
            (f64::INFINITY, 0.9545, 2.000),
            (f64::INFINITY, 0.99, 2.576),
            (f64::INFINITY, 0.9973, 3.000),
        ] {
            let k = coverage_factor(probability, nu).unwrap();
            assert!((k - t).abs() <= 0.0051, "ν = {nu}, p = {probability}: {k}");
        }
    }

    #[test]
    fn closed_form_and_expansion_meet() {
        for probability in [0.5, 0.6827, 0.95, 0.99, 0.9973, 0.9999] {
            let normal = normal_coverage_factor(probability).unwrap();
            let closed = coverage_factor(probability, CLOSED_FORM_LIMIT).unwrap();
            assert!((closed - expansion(normal, CLOSED_FORM_LIMIT)).abs() < 1e-4 * closed);
        }
    }

    #[test]
    fn more_degrees_of_freedom_need_a_smaller_factor() {
        let factors: Vec<f64> =
            (1..300).map(|nu| coverage_factor(0.95, f64::from(nu)).unwrap()).collect();
        assert!(factors.windows(2).all(|pair| pair[1] < pair[0]));
    }

    #[test]
    fn degrees_of_freedom_are_truncated() {
        assert_eq!(coverage_factor(0.99, 16.76), coverage_factor(0.99, 16.0));
        assert_eq!(coverage_factor(0.99, 0.5), coverage_factor(0.99, 1.0));
    }

    #[test]
    fn what_is_no_probability_has_no_factor() {
        for bad in [0.0, 1.0, -0.1, 95.0, f64::NAN] {
            assert_eq!(coverage_factor(bad, 10.0), None);
        }
        assert_eq!(coverage_factor(0.95, f64::NAN), None);
    }
}
