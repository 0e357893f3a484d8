//! Which noise dominates at an averaging time.

use super::differences::{of_differences, second};
use super::windows::modified_allan;

/// A power law of noise: the spectrum of frequency goes with f to the power α.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noise {
    /// White phase noise, α = 2.
    WhitePhase,
    /// Flicker phase noise, α = 1.
    FlickerPhase,
    /// White frequency noise, α = 0.
    WhiteFrequency,
    /// Flicker frequency noise, α = −1.
    FlickerFrequency,
    /// Random walk of frequency, α = −2.
    RandomWalkFrequency,
    /// Flicker walk of frequency, α = −3.
    FlickerWalkFrequency,
    /// Random run of frequency, α = −4.
    RandomRunFrequency,
}

impl Noise {
    const ALL: [Self; 7] = [
        Self::WhitePhase,
        Self::FlickerPhase,
        Self::WhiteFrequency,
        Self::FlickerFrequency,
        Self::RandomWalkFrequency,
        Self::FlickerWalkFrequency,
        Self::RandomRunFrequency,
    ];

    /// The exponent α of the spectrum of frequency.
    #[must_use]
    pub fn alpha(self) -> i32 {
        2 - self as i32
    }

    /// Its usual abbreviation: `WPM`.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["WPM", "FPM", "WFM", "FFM", "RWFM", "FWFM", "RRFM"][self as usize]
    }

    /// The nearest to `alpha` of those down to `least`.
    fn nearest(alpha: f64, least: i32) -> Self {
        let alpha = alpha.round().clamp(f64::from(least), 2.0);
        Self::ALL[(2.0 - alpha) as usize]
    }
}

/// Fewer averages than these say too little by their autocorrelation (SP 1065 5.5.4).
const LEAST_FOR_AUTOCORRELATION: usize = 30;

/// A record at an averaging factor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identification<'a> {
    /// Phase, s; NaN where it is missing.
    pub(super) phase: &'a [f64],
    /// The averaging factor.
    pub(super) factor: usize,
    /// Of which differences the statistic is made: 2 (Allan) or 3 (Hadamard).
    pub(super) differences: i32,
}

impl Identification<'_> {
    /// The noise that dominates: by the lag-1 autocorrelation where there are points enough,
    /// else by the ratios B1 and R(n). `None` if there are fewer than three averages.
    pub(super) fn noise(self) -> Option<Noise> {
        let decimated: Vec<f64> = self.phase.iter().copied().step_by(self.factor).collect();
        let known = decimated.iter().filter(|x| !x.is_nan()).count();
        if known >= LEAST_FOR_AUTOCORRELATION {
            return by_autocorrelation(decimated, self.differences);
        }
        self.by_ratios(&decimated)
    }

    /// By B1, the ratio of the standard variance of the frequency to its Allan variance, and
    /// for phase noise by R(n), that of the modified Allan variance to the Allan variance
    /// (SP 1065 5.5.2, 5.5.3): the noise for which theory is nearest, as a ratio.
    fn by_ratios(self, decimated: &[f64]) -> Option<Noise> {
        let frequency: Vec<f64> =
            decimated.windows(2).map(|x| x[1] - x[0]).filter(|y| !y.is_nan()).collect();
        let (difference, terms) = of_differences(decimated, 1, second);
        if frequency.len() < 3 || terms == 0 {
            return None;
        }
        let n = frequency.len() as f64;
        let mean = frequency.iter().sum::<f64>() / n;
        let variance = frequency.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let b1 = variance / (difference.powi(2) / 2.0);
        let theory = [
            (Noise::WhitePhase, (n * n - 1.0) / (1.5 * n * (n - 1.0))),
            (Noise::WhiteFrequency, 1.0),
            (Noise::FlickerFrequency, n * n.ln() / (2.0 * (n - 1.0) * 2f64.ln())),
            (Noise::RandomWalkFrequency, n / 2.0),
        ];
        match nearest_ratio(b1, &theory)? {
            Noise::WhitePhase => self.phase_noise(),
            noise => Some(noise),
        }
    }

    /// White or flicker phase noise, by R(n) (SP 1065 5.5.3, with f_h = 1/(2τ₀)).
    fn phase_noise(self) -> Option<Noise> {
        let m = self.factor as f64;
        let (of_sums, _) = modified_allan(self.phase, &[self.factor])[0];
        let (difference, _) = of_differences(self.phase, self.factor, second);
        let pi = std::f64::consts::PI;
        let flicker = {
            let allan = 1.038 + 3.0 * (pi * m).ln();
            let modified = 3.0 * (256f64 / 27.0).ln() / 2.0;
            modified / allan
        };
        let theory = [(Noise::WhitePhase, 1.0 / m), (Noise::FlickerPhase, flicker)];
        nearest_ratio((of_sums / (m * difference)).powi(2), &theory)
    }
}

/// The noise whose ratio is nearest to `found`; `None` if that is no positive number.
fn nearest_ratio(found: f64, theory: &[(Noise, f64)]) -> Option<Noise> {
    let distance = |&&(_, ratio): &&(Noise, f64)| (found / ratio).ln().abs();
    let possible = found > 0.0 && found.is_finite();
    let nearest = theory.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
    nearest.filter(|_| possible).map(|(noise, _)| *noise)
}

/// Riley and Greenhall, "Power law noise identification using the lag 1 autocorrelation"
/// (2004): a series that is not yet stationary is differenced until it is.
///
/// `None` if the record is a parabola, without noise.
fn by_autocorrelation(phase: Vec<f64>, differences: i32) -> Option<Noise> {
    let mut series = phase;
    remove_parabola(&mut series);
    let mut differenced = 0;
    loop {
        let r = lag_1_autocorrelation(&series)?;
        let delta = r / (1.0 + r);
        if delta < 0.25 || differenced >= differences {
            let alpha = (-2.0 * delta).round() - 2.0 * f64::from(differenced) + 2.0;
            // With α + 2d > 1 the variance is finite.
            return Some(Noise::nearest(alpha, 2 - 2 * differences));
        }
        for at in 1..series.len() {
            series[at - 1] = series[at] - series[at - 1];
        }
        series.pop();
        differenced += 1;
    }
}

fn lag_1_autocorrelation(series: &[f64]) -> Option<f64> {
    let [count, sum] = sums(series, |_, x| [1.0, x]);
    let mean = sum / count;
    let [square, product] = sums(series, |at, x| {
        let next = series.get(at + 1).map_or(0.0, |next| next - mean);
        let product = (x - mean) * next;
        [(x - mean).powi(2), if product.is_nan() { 0.0 } else { product }]
    });
    let r = product / square;
    r.is_finite().then_some(r)
}

/// Sums of the `terms` of every point that is not missing, of its place and its value; in
/// parallel lanes, as a single sum would wait for each addition.
fn sums<const K: usize>(series: &[f64], terms: impl Fn(usize, f64) -> [f64; K]) -> [f64; K] {
    const LANES: usize = 4;
    let mut sums = [[0.0; LANES]; K];
    let mut add = |at: usize, lane: usize, x: f64| {
        let terms = if x.is_nan() { [0.0; K] } else { terms(at, x) };
        for k in 0..K {
            sums[k][lane] += terms[k];
        }
    };
    let (blocks, rest) = series.as_chunks::<LANES>();
    for (block, points) in blocks.iter().enumerate() {
        for lane in 0..LANES {
            add(block * LANES + lane, lane, points[lane]);
        }
    }
    for (lane, x) in rest.iter().enumerate() {
        add(blocks.len() * LANES + lane, lane, *x);
    }
    sums.map(|lanes| lanes.iter().sum())
}

/// Takes off the parabola that fits best: offset, frequency and drift are no noise.
fn remove_parabola(series: &mut [f64]) {
    let middle = (series.len() as f64 - 1.0) / 2.0;
    let unit = 1.0 / middle.max(1.0);
    let time = |at: usize| (at as f64 - middle) * unit;
    // The sums Σtᵏ and Σtᵏx of the normal equations.
    let [p0, p1, p2, p3, p4, x0, x1, x2] = sums(series, |at, x| {
        let t = time(at);
        let square = t * t;
        [1.0, t, square, square * t, square * square, x, t * x, square * x]
    });
    let Some([a, b, c]) = solved([p0, p1, p2, p3, p4], [x0, x1, x2]) else { return };
    for (at, x) in series.iter_mut().enumerate() {
        let t = time(at);
        *x -= a + t * (b + t * c);
    }
}

/// Solves the symmetrical equations Σ powers[i + k]·solution[k] = products[i] by Cramer's
/// rule. `None` if they say too little.
fn solved(powers: [f64; 5], products: [f64; 3]) -> Option<[f64; 3]> {
    let [p0, p1, p2, p3, p4] = powers;
    let columns = [[p0, p1, p2], [p1, p2, p3], [p2, p3, p4]];
    let determinant = |[a, b, c]: [[f64; 3]; 3]| {
        a[0] * (b[1] * c[2] - b[2] * c[1]) - b[0] * (a[1] * c[2] - a[2] * c[1])
            + c[0] * (a[1] * b[2] - a[2] * b[1])
    };
    let whole = determinant(columns);
    let solution = std::array::from_fn(|k| {
        let mut columns = columns;
        columns[k] = products;
        determinant(columns) / whole
    });
    solution.iter().all(|value: &f64| value.is_finite()).then_some(solution)
}
