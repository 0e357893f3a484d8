//! Equivalent degrees of freedom: C. Greenhall and W. Riley, "Uncertainty of stability
//! variances based on finite differences" (PTTI 2003). The numbers of equations and tables
//! here are those of that paper; SP 1065 5.4.2 has them, too.

use super::noise::Noise;

/// So many terms of the basic sum are added up; beyond that it is extrapolated.
const MOST_TERMS: f64 = 100.0;

/// How a variance of stability is made from the phase.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter {
    /// The order d of its differences: 2 for Allan, 3 for Hadamard.
    pub(super) differences: i32,
    /// Whether its terms overlap.
    pub(super) overlapping: bool,
    /// Whether it averages the phase, as the modified variances do.
    pub(super) modified: bool,
}

/// A filter with a noise: what the functions of the paper depend on.
#[derive(Debug, Clone, Copy)]
struct Process {
    alpha: i32,
    d: i32,
}

impl Filter {
    /// The degrees of freedom with `noise` at the factor `m` of a record of `points` phases.
    /// `None` if that is too short.
    pub(super) fn degrees_of_freedom(self, points: usize, m: usize, noise: Noise) -> Option<f64> {
        let process = Process { alpha: noise.alpha(), d: self.differences };
        let (n, m, d) = (points as f64, m as f64, f64::from(self.differences));
        let stride = if self.overlapping { m } else { 1.0 };
        let averaging = if self.modified { 1.0 } else { m };
        let length = m / averaging + m * d;
        if n < length {
            return None;
        }
        let terms = 1.0 + (stride * (n - length) / m).floor();
        let sum = Sum { terms, stride, ratio: terms / stride };
        let inverse = match (self.modified, process.alpha) {
            (true, _) => process.modified(sum),
            (false, 2) => process.white_phase(sum),
            (false, 1) => process.flicker_phase(sum, m),
            (false, _) => process.frequency_noise(sum, m),
        };
        Some(1.0 / inverse)
    }
}

/// How many terms the estimate sums.
#[derive(Debug, Clone, Copy)]
struct Sum {
    /// M, the number of terms.
    terms: f64,
    /// S, the number of terms in a time τ.
    stride: f64,
    /// r = M/S, the length of the sum in units of τ.
    ratio: f64,
}

impl Process {
    /// Case 1: modified variances, any noise.
    fn modified(self, sum: Sum) -> f64 {
        if let Some(inverse) = self.short_sum(sum, 1.0, 1.0) {
            return inverse;
        }
        if sum.ratio > f64::from(self.d + 1) {
            let [a0, a1] = self.table_1();
            return (a0 - a1 / sum.ratio) / sum.ratio;
        }
        let stride = MOST_TERMS / sum.ratio;
        let variance = self.sz(0.0, 1.0);
        self.basic_sum(MOST_TERMS, MOST_TERMS, stride, 1.0) / (variance.powi(2) * MOST_TERMS)
    }

    /// Case 2: unmodified variances, white frequency noise and slower ones.
    fn frequency_noise(self, sum: Sum, m: f64) -> f64 {
        let averaging = if m * f64::from(self.d + 1) <= MOST_TERMS { m } else { f64::INFINITY };
        if let Some(inverse) = self.short_sum(sum, averaging, averaging) {
            return inverse;
        }
        if sum.ratio > f64::from(self.d + 1) {
            let [a0, a1] = self.table_2();
            return (a0 - a1 / sum.ratio) / sum.ratio;
        }
        let stride = MOST_TERMS / sum.ratio;
        let variance = self.sz(0.0, f64::INFINITY);
        self.basic_sum(MOST_TERMS, MOST_TERMS, stride, f64::INFINITY)
            / (variance.powi(2) * MOST_TERMS)
    }

    /// Case 3: unmodified variances, flicker phase noise.
    fn flicker_phase(self, sum: Sum, m: f64) -> f64 {
        if let Some(inverse) = self.short_sum(sum, m, m) {
            return inverse;
        }
        let [b0, b1] = if self.d == 2 { [15.23, 12.0] } else { [47.8, 40.0] };
        let variance: f64 = b0 + b1 * m.ln();
        if sum.ratio > f64::from(self.d + 1) {
            let [a0, a1] = self.table_2();
            return (a0 - a1 / sum.ratio) / (variance.powi(2) * sum.ratio);
        }
        let stride = MOST_TERMS / sum.ratio;
        self.basic_sum(MOST_TERMS, MOST_TERMS, stride, stride) / (variance.powi(2) * MOST_TERMS)
    }

    /// Case 4: unmodified variances, white phase noise.
    fn white_phase(self, sum: Sum) -> f64 {
        let d = self.d;
        let middle = binomial(2 * d, d);
        let overlaps = (1..=d).take_while(|k| f64::from(*k) < sum.ratio);
        let shared = overlaps.map(|k| {
            let part = binomial(2 * d, d - k) / middle;
            (1.0 - f64::from(k) / sum.ratio) * part.powi(2)
        });
        (1.0 + 2.0 * shared.sum::<f64>()) / sum.terms
    }

    /// The inverse by the basic sum itself, if that is short enough.
    fn short_sum(self, sum: Sum, averaging: f64, of_variance: f64) -> Option<f64> {
        let reach = sum.terms.min(f64::from(self.d + 1) * sum.stride);
        let variance = self.sz(0.0, of_variance);
        (reach <= MOST_TERMS).then(|| {
            self.basic_sum(reach, sum.terms, sum.stride, averaging) / (variance.powi(2) * sum.terms)
        })
    }

    /// Equation 10.
    fn basic_sum(self, reach: f64, terms: f64, stride: f64, averaging: f64) -> f64 {
        let square = |j: f64| self.sz(j / stride, averaging).powi(2);
        let between =
            (1..reach as usize).map(|j| 2.0 * (1.0 - j as f64 / terms) * square(j as f64));
        square(0.0) + (1.0 - reach / terms) * square(reach) + between.sum::<f64>()
    }

    /// Equation 9: the covariance of the filtered phase at a distance of `t` times τ.
    fn sz(self, t: f64, averaging: f64) -> f64 {
        let weights: &[f64] =
            if self.d == 2 { &[6.0, -4.0, 1.0] } else { &[20.0, -15.0, 6.0, -1.0] };
        let at = |distance: f64| self.sx(distance, averaging);
        let sides = weights.iter().enumerate().skip(1).map(|(k, weight)| {
            let k = k as f64;
            weight * (at(t - k) + at(t + k))
        });
        weights[0] * at(t) + sides.sum::<f64>()
    }

    /// Equation 8, and its limit for long averages.
    fn sx(self, t: f64, averaging: f64) -> f64 {
        if averaging.is_infinite() {
            return sw(t, self.alpha + 2);
        }
        let step = 1.0 / averaging;
        let second = 2.0 * sw(t, self.alpha) - sw(t - step, self.alpha) - sw(t + step, self.alpha);
        averaging.powi(2) * second
    }

    /// Coefficients of the modified variances.
    fn table_1(self) -> [f64; 2] {
        match (self.d, self.alpha) {
            (2, 2) => [7.0 / 9.0, 0.5],
            (2, 1) => [0.997, 0.616],
            (2, 0) => [1.033, 0.607],
            (2, -1) => [1.048, 0.534],
            (2, _) => [1.302, 0.535],
            (_, 2) => [22.0 / 25.0, 2.0 / 3.0],
            (_, 1) => [1.141, 0.843],
            (_, 0) => [1.184, 0.848],
            (_, -1) => [1.180, 0.816],
            (_, -2) => [1.175, 0.777],
            (_, -3) => [1.194, 0.703],
            _ => [1.489, 0.702],
        }
    }

    /// Coefficients of the unmodified variances.
    fn table_2(self) -> [f64; 2] {
        match (self.d, self.alpha) {
            (2, 1) => [790.0, 410.0],
            (2, 0) => [2.0 / 3.0, 1.0 / 3.0],
            (2, -1) => [0.852, 0.375],
            (2, _) => [1.079, 0.368],
            (_, 1) => [9950.0, 6520.0],
            (_, 0) => [7.0 / 9.0, 0.5],
            (_, -1) => [0.997, 0.617],
            (_, -2) => [1.033, 0.607],
            (_, -3) => [1.053, 0.553],
            _ => [1.302, 0.535],
        }
    }
}

/// Equation 7: the generalised autocovariance of noise.
fn sw(t: f64, alpha: i32) -> f64 {
    let t = t.abs();
    // The limit at zero, where the logarithm has none.
    if t == 0.0 {
        return 0.0;
    }
    let power = t.powi(3 - alpha);
    match alpha {
        2 => -t,
        odd if odd % 2 != 0 => power * t.ln(),
        _ => power,
    }
}

fn binomial(n: i32, k: i32) -> f64 {
    (0..k).map(|i| f64::from(n - i) / f64::from(i + 1)).product()
}

/// The degrees of freedom of the total variance, for the noises for which they are known
/// (SP 1065 table 7); `None` for others.
pub(super) fn total(points: usize, m: usize, noise: Noise) -> Option<f64> {
    let (b, c) = match noise {
        Noise::WhiteFrequency => (1.50, 0.0),
        Noise::FlickerFrequency => (1.17, 0.22),
        Noise::RandomWalkFrequency => (0.93, 0.36),
        _ => return None,
    };
    let averages = points.checked_sub(1)? as f64 / m as f64;
    Some(b * averages - c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_of_freedom_are_those_of_an_independent_implementation() {
        let of = |differences, overlapping, modified| Filter { differences, overlapping, modified };
        let (adev, oadev, mdev) = (of(2, false, false), of(2, true, false), of(2, true, true));
        let (hdev, ohdev) = (of(3, false, false), of(3, true, false));
        // allantools 2024.06, edf_greenhall.
        for (filter, noise, m, points, expected) in [
            (oadev, Noise::WhitePhase, 1, 55_688, 28_638.778_777_952_91),
            (oadev, Noise::WhiteFrequency, 10, 1001, 135.071_405_100_379_3),
            (oadev, Noise::WhiteFrequency, 100, 1001, 12.814_933_422_103_863),
            (oadev, Noise::FlickerFrequency, 16, 1001, 71.305_599_513_285_5),
            (adev, Noise::RandomWalkFrequency, 64, 1001, 12.544),
            (oadev, Noise::FlickerPhase, 8, 1001, 277.863_341_997_365),
            (oadev, Noise::FlickerPhase, 100, 1001, 53.873_798_230_593_94),
            (mdev, Noise::WhiteFrequency, 10, 1001, 94.634_258_491_372_7),
            (mdev, Noise::WhitePhase, 100, 1001, 9.935_564_516_129_032),
            (mdev, Noise::RandomWalkFrequency, 256, 1001, 1.239_898_165_043_096_5),
            (ohdev, Noise::FlickerWalkFrequency, 10, 1001, 92.566_843_556_803_6),
            (ohdev, Noise::WhiteFrequency, 200, 1001, 3.776_188_169_187_223),
            (ohdev, Noise::FlickerPhase, 100, 1001, 41.832_878_026_069_47),
            (hdev, Noise::RandomRunFrequency, 16, 1001, 45.930_528_607_550_1),
        ] {
            let found = filter.degrees_of_freedom(points, m, noise).unwrap();
            assert!((found / expected - 1.0).abs() < 1e-8, "{filter:?} {noise:?} {m}: {found}");
        }
    }

    #[test]
    fn terms_less_than_a_tau_apart_share_no_white_phase_noise() {
        let oadev = Filter { differences: 2, overlapping: true, modified: false };
        let found = oadev.degrees_of_freedom(1001, 400, Noise::WhitePhase).unwrap();
        // 201 terms, τ/400 apart.
        assert!((found - 201.0).abs() < 1e-9, "{found}");
        assert_eq!(oadev.degrees_of_freedom(1001, 501, Noise::WhitePhase), None);
    }
}
