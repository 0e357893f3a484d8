//! Root mean squares of differences of the phase.

use super::Statistic;

/// Wide enough for the vector instructions of every processor.
const LANES: usize = 8;

/// The root mean square of the differences that `statistic` is made of, in the unit of
/// `phase`, and how many of them there are. Not for the statistics of windows.
pub(super) fn root_mean_square(statistic: Statistic, phase: &[f64], m: usize) -> (f64, usize) {
    const SECOND: [f64; 3] = [1.0, -2.0, 1.0];
    const THIRD: [f64; 4] = [-1.0, 3.0, -3.0, 1.0];
    match statistic {
        Statistic::Adev => of_differences(&decimated(phase, m), 1, SECOND),
        Statistic::Hdev => of_differences(&decimated(phase, m), 1, THIRD),
        Statistic::Ohdev => of_differences(phase, m, THIRD),
        Statistic::TieRms => of_differences(phase, m, [-1.0, 1.0]),
        Statistic::Totdev => of_differences(&reflected(phase, m), m, SECOND),
        _ => of_differences(phase, m, SECOND),
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

/// The root mean square of Σ coefficient[k]·x[i + k·m] over all i for which no point is
/// missing, and how many they are.
///
/// The sums run in parallel lanes: a single sum would wait for each addition.
pub(super) fn of_differences<const K: usize>(
    x: &[f64],
    m: usize,
    coefficients: [f64; K],
) -> (f64, usize) {
    let Some(n) = x.len().checked_sub((K - 1) * m) else { return (0.0, 0) };
    let parts: [(&[[f64; LANES]], &[f64]); K] =
        std::array::from_fn(|k| x[k * m..k * m + n].as_chunks());
    let mut sums = [0.0; LANES];
    let mut counts = [0.0; LANES];
    for block in 0..n / LANES {
        let blocks: [&[f64; LANES]; K] = std::array::from_fn(|k| &parts[k].0[block]);
        for lane in 0..LANES {
            let term = combined(std::array::from_fn(|k| blocks[k][lane]), coefficients);
            let is_known = !term.is_nan();
            sums[lane] += if is_known { term * term } else { 0.0 };
            counts[lane] += if is_known { 1.0 } else { 0.0 };
        }
    }
    for rest in 0..n % LANES {
        let term = combined(std::array::from_fn(|k| parts[k].1[rest]), coefficients);
        if !term.is_nan() {
            sums[rest] += term * term;
            counts[rest] += 1.0;
        }
    }
    let count: f64 = counts.iter().sum();
    ((sums.iter().sum::<f64>() / count.max(1.0)).sqrt(), count as usize)
}

#[inline(always)]
fn combined<const K: usize>(x: [f64; K], coefficients: [f64; K]) -> f64 {
    (0..K).map(|k| coefficients[k] * x[k]).sum()
}
