//! The chi-squared distribution, inverted.

use crate::uncertainty::normal_coverage_factor;

/// The values between which chi-squared with this many degrees of freedom lies with
/// `probability`, with as much outside on either side.
///
/// `None` unless 0 < `probability` < 1 and the degrees of freedom are positive and finite.
pub(super) fn central_interval(degrees_of_freedom: f64, probability: f64) -> Option<[f64; 2]> {
    let z = normal_coverage_factor(probability)?;
    let possible = degrees_of_freedom > 0.0 && degrees_of_freedom.is_finite();
    possible.then(|| {
        let tail = (1.0 - probability) / 2.0;
        [(-z, tail), (z, 1.0 - tail)].map(|(z, p)| quantile(degrees_of_freedom, p, z))
    })
}

/// Where the distribution function is `probability`; `z` is the normal quantile of the same.
///
/// Newton's steps, kept between what is known to be too small and too great, from the cube
/// of Wilson and Hilferty (Abramowitz and Stegun 26.4.17).
fn quantile(degrees_of_freedom: f64, probability: f64, z: f64) -> f64 {
    let a = degrees_of_freedom / 2.0;
    let part = 2.0 / (9.0 * degrees_of_freedom);
    let start = degrees_of_freedom * (1.0 - part + z * part.sqrt()).powi(3);
    let (mut low, mut high) = (0.0, f64::INFINITY);
    // For few degrees of freedom the cube may be negative: then the first term of the series.
    let first_term = || 2.0 * ((probability.ln() + libm::lgamma(a + 1.0)) / a).exp();
    let mut x = if start > 0.0 { start } else { first_term() };
    for _ in 0..100 {
        let excess = lower_gamma(a, x / 2.0) - probability;
        if excess > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let step = excess * 2.0 / density(a, x / 2.0);
        let newton = x - step;
        let next = if newton > low && newton < high {
            newton
        } else if high.is_finite() {
            (low + high) / 2.0
        } else {
            2.0 * x
        };
        if (next - x).abs() <= 1e-14 * x {
            return next;
        }
        x = next;
    }
    x
}

/// x^(a − 1)·e^(−x)/Γ(a).
fn density(a: f64, x: f64) -> f64 {
    ((a - 1.0) * x.ln() - x - libm::lgamma(a)).exp()
}

/// The regularised incomplete gamma function P(a, x): its series (Abramowitz and Stegun
/// 6.5.29) below a + 1, its continued fraction (6.5.31) above.
fn lower_gamma(a: f64, x: f64) -> f64 {
    let front = x * density(a, x);
    if x < a + 1.0 {
        let mut term = 1.0 / a;
        let mut sum = term;
        let mut n = a;
        while term > sum * f64::EPSILON {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return front * sum;
    }
    1.0 - front * upper_fraction(a, x)
}

/// The continued fraction of Γ(a, x)·e^x·x^(−a), by the method of Lentz.
fn upper_fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / f64::MIN_POSITIVE;
    let mut d = 1.0 / b;
    let mut fraction = d;
    let mut n = 0.0;
    loop {
        n += 1.0;
        let numerator = -n * (n - a);
        b += 2.0;
        d = 1.0 / (numerator * d + b);
        c = b + numerator / c;
        fraction *= c * d;
        if (c * d - 1.0).abs() < 4.0 * f64::EPSILON || n > 1e6 {
            return fraction;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantiles_of_the_tables_come_out() {
        // scipy.stats.chi2.ppf(0.05 and 0.95, ν).
        for (nu, low, high) in [
            (0.5, 8.437_150_840_525_987e-6, 2.420_232_274_889_525_7),
            (1.0, 3.932_140_000_019_52e-3, 3.841_458_820_694_124),
            (2.0, 0.102_586_588_775_100_97, 5.991_464_547_107_979),
            (10.0, 3.940_299_136_119_059_5, 18.307_038_053_275_146),
            (99.5, 77.487_824_781_212_68, 123.783_741_225_828_52),
            (1000.0, 927.594_363_020_979, 1_074.679_448_803_441),
        ] {
            let [found_low, found_high] = central_interval(nu, 0.9).unwrap();
            assert!((found_low / low - 1.0).abs() < 1e-12, "{nu}: {found_low}");
            assert!((found_high / high - 1.0).abs() < 1e-12, "{nu}: {found_high}");
        }
    }

    #[test]
    fn many_degrees_of_freedom_are_near_normal() {
        let [low, high] = central_interval(1e6, 0.682_689_492_137).unwrap();
        assert!((low - (1e6 - 2e6_f64.sqrt())).abs() < 1.0, "{low}");
        assert!((high - (1e6 + 2e6_f64.sqrt())).abs() < 1.0, "{high}");
    }

    #[test]
    fn what_is_impossible_has_no_interval() {
        for (nu, probability) in [(0.0, 0.9), (f64::NAN, 0.9), (10.0, 1.0), (10.0, f64::NAN)] {
            assert_eq!(central_interval(nu, probability), None);
        }
    }
}
