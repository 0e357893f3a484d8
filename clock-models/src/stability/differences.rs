//! Root mean squares of differences of the phase.

use pulp::{Arch, Simd, WithSimd};

use super::Statistic;

/// Wide enough for the vector instructions of every processor.
pub(super) const LANES: usize = 8;

/// Points of a piece of the record that stays near the processor.
pub(super) const PIECE: usize = 4096;

/// The root mean squares of the differences that `statistic` is made of, in the unit of
/// `phase`, and how many of them there are, for each factor. Not for those of windows.
pub(super) fn root_mean_squares(
    statistic: Statistic,
    phase: &[f64],
    factors: &[usize],
) -> Vec<(f64, usize)> {
    let each = |of: &dyn Fn(usize) -> (f64, usize)| factors.iter().map(|m| of(*m)).collect();
    match statistic {
        Statistic::Adev => each(&|m| of_differences(&decimated(phase, m), 1, second)),
        Statistic::Hdev => each(&|m| of_differences(&decimated(phase, m), 1, third)),
        Statistic::Totdev => each(&|m| of_differences(&reflected(phase, m), m, second)),
        Statistic::Ohdev => of_factors(phase, factors, third),
        Statistic::TieRms => of_factors(phase, factors, |[a, b]| b - a),
        _ => of_factors(phase, factors, second),
    }
}

/// How many terms a record of `points` has at the factor `m` if no point is missing.
pub(super) fn complete_terms(statistic: Statistic, points: usize, m: usize) -> usize {
    let decimated = points.div_ceil(m);
    let terms = match statistic {
        Statistic::Adev => decimated.checked_sub(2),
        Statistic::Hdev => decimated.checked_sub(3),
        Statistic::Oadev => points.checked_sub(2 * m),
        Statistic::Ohdev => points.checked_sub(3 * m),
        Statistic::Mdev | Statistic::Tdev => (points + 1).checked_sub(3 * m),
        Statistic::Totdev => points.checked_sub(2),
        Statistic::Mtie | Statistic::TieRms => points.checked_sub(m),
    };
    terms.unwrap_or(0)
}

fn decimated(phase: &[f64], m: usize) -> Vec<f64> {
    phase.iter().copied().step_by(m).collect()
}

/// The record with m − 1 points more at either end, which are its own turned by half a
/// revolution about its first and last point (SP 1065 5.2.11).
fn reflected(phase: &[f64], m: usize) -> Vec<f64> {
    let known = |at: &f64| !at.is_nan();
    let first = phase.iter().position(known).unwrap_or(0);
    let last = phase.iter().rposition(known).unwrap_or(0);
    let Some(phase) = phase.get(first..=last) else { return Vec::new() };
    // A reflection reaches no further than the record.
    if m >= phase.len() {
        return Vec::new();
    }
    let about = |pivot: f64| move |x: &f64| 2.0 * pivot - x;
    let (start, end) = (phase[0], phase[phase.len() - 1]);
    let before = phase[1..m].iter().rev().map(about(start));
    let after = phase[phase.len() - m..phase.len() - 1].iter().rev().map(about(end));
    before.chain(phase.iter().copied()).chain(after).collect()
}

/// The second difference of three points.
#[inline(always)]
pub(super) fn second([a, b, c]: [f64; 3]) -> f64 {
    (c - b) - (b - a)
}

/// The third difference of four points.
#[inline(always)]
fn third([a, b, c, d]: [f64; 4]) -> f64 {
    second([b, c, d]) - second([a, b, c])
}

/// The root mean square of the `difference` of the points x[i + k·m] over all i for which
/// none of them is missing, and how many they are.
pub(super) fn of_differences<const K: usize>(
    x: &[f64],
    m: usize,
    difference: impl Fn([f64; K]) -> f64,
) -> (f64, usize) {
    of_factors(x, &[m], difference)[0]
}

/// The same for many factors. All of them pass over one piece of the record before the
/// next, while that piece is near the processor.
fn of_factors<const K: usize>(
    x: &[f64],
    factors: &[usize],
    difference: impl Fn([f64; K]) -> f64,
) -> Vec<(f64, usize)> {
    let has_gaps = x.iter().any(|x| x.is_nan());
    let mut squares = vec![Squares::default(); factors.len()];
    for from in (0..x.len()).step_by(PIECE) {
        for (m, squares) in factors.iter().zip(&mut squares) {
            let to = x.len().saturating_sub((K - 1) * m).min(from + PIECE);
            if from >= to {
                continue;
            }
            let parts = std::array::from_fn(|k| &x[from + k * m..to + k * m]);
            if has_gaps {
                squares.add::<K, true>(parts, &difference);
            } else {
                squares.add::<K, false>(parts, &difference);
            }
        }
    }
    squares.into_iter().map(Squares::root_mean).collect()
}

/// Sums of squares, in parallel lanes: a single sum would wait for each addition.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Squares {
    sums: [f64; LANES],
    counts: [f64; LANES],
}

impl Squares {
    /// Adds the squares of the `difference` of the parts; with `GAPS`, only of those that are
    /// no NaN.
    pub(super) fn add<const K: usize, const GAPS: bool>(
        &mut self,
        parts: [&[f64]; K],
        difference: impl Fn([f64; K]) -> f64,
    ) {
        Arch::new().dispatch(Adding::<K, GAPS, _> { squares: self, parts, difference });
    }

    pub(super) fn root_mean(self) -> (f64, usize) {
        let count: f64 = self.counts.iter().sum();
        ((self.sums.iter().sum::<f64>() / count.max(1.0)).sqrt(), count as usize)
    }
}

/// What [`Squares::add`] does, compiled for the vectors of each kind of processor: all of it
/// must be inlined for that. The lanes are the same for each, and so are the results.
struct Adding<'a, const K: usize, const GAPS: bool, F> {
    squares: &'a mut Squares,
    parts: [&'a [f64]; K],
    difference: F,
}

impl<const K: usize, const GAPS: bool, F: Fn([f64; K]) -> f64> WithSimd for Adding<'_, K, GAPS, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { squares, parts, difference } = self;
        let n = parts[0].len();
        let parts: [(&[[f64; LANES]], &[f64]); K] = parts.map(|part| part[..n].as_chunks());
        let Squares { mut sums, mut counts } = *squares;
        for block in 0..n / LANES {
            let blocks: [&[f64; LANES]; K] = std::array::from_fn(|k| &parts[k].0[block]);
            for lane in 0..LANES {
                let term = difference(std::array::from_fn(|k| blocks[k][lane]));
                if GAPS {
                    let is_known = !term.is_nan();
                    sums[lane] += if is_known { term * term } else { 0.0 };
                    counts[lane] += if is_known { 1.0 } else { 0.0 };
                } else {
                    sums[lane] += term * term;
                }
            }
        }
        if !GAPS {
            counts[0] += (n - n % LANES) as f64;
        }
        for rest in 0..n % LANES {
            let term = difference(std::array::from_fn(|k| parts[k].1[rest]));
            if !term.is_nan() {
                sums[rest] += term * term;
                counts[rest] += 1.0;
            }
        }
        *squares = Squares { sums, counts };
    }
}
