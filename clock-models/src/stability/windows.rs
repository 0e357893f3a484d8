//! Sums over windows of the phase, for the modified Allan deviation.

use super::differences::of_differences;

/// The root mean square of the second differences of the sums of `m` successive points, for
/// each of the rising `factors`, and how many terms it has.
///
/// Missing points are bridged by straight lines; a term counts only if at least half of the
/// points of each of its windows are there.
pub(super) fn modified_allan(phase: &[f64], factors: &[usize]) -> Vec<(f64, usize)> {
    let has_gaps = phase.iter().any(|x| x.is_nan());
    let bridged = if has_gaps { &bridged(phase)[..] } else { phase };
    let present: Vec<f64> =
        if has_gaps { phase.iter().map(|x| f64::from(!x.is_nan())).collect() } else { Vec::new() };
    let mut sums = Windows::new(bridged);
    let mut counts = Windows::new(&present);
    let of_factor = |&m: &usize| {
        if 3 * m > phase.len() {
            return (0.0, 0);
        }
        sums.grow(m);
        if !has_gaps {
            return of_differences(&sums.sums, m, [1.0, -2.0, 1.0]);
        }
        counts.grow(m);
        let half = m as f64 / 2.0;
        let known = |(&sum, &count): (&f64, &f64)| if count >= half { sum } else { f64::NAN };
        let sums: Vec<f64> = sums.sums.iter().zip(&counts.sums).map(known).collect();
        of_differences(&sums, m, [1.0, -2.0, 1.0])
    };
    factors.iter().map(of_factor).collect()
}

/// The series with missing points on straight lines between their neighbours; those before
/// the first or after the last are like it.
pub(super) fn bridged(series: &[f64]) -> Vec<f64> {
    let mut bridged = series.to_vec();
    let mut last: Option<usize> = None;
    for at in 0..series.len() {
        if series[at].is_nan() {
            continue;
        }
        let from = last.map_or(0, |last| last + 1);
        let left = last.map_or(series[at], |last| series[last]);
        for (step, missing) in bridged[from..at].iter_mut().enumerate() {
            let part = (step + 1) as f64 / (at + 1 - from) as f64;
            *missing = left + (series[at] - left) * part;
        }
        last = Some(at);
    }
    if let Some(last) = last {
        bridged[last + 1..].fill(series[last]);
    }
    bridged
}

/// The sums of all windows of `length` successive points.
struct Windows<'a> {
    points: &'a [f64],
    length: usize,
    sums: Vec<f64>,
    spare: Vec<f64>,
}

impl<'a> Windows<'a> {
    fn new(points: &'a [f64]) -> Self {
        Self { points, length: 1, sums: points.to_vec(), spare: Vec::new() }
    }

    /// Lengthens the windows: by as much as they are long, as often as that fits, and then
    /// by what is left. `length` must be no shorter than they are, no longer than the record.
    fn grow(&mut self, length: usize) {
        while 2 * self.length <= length {
            self.spare.clear();
            let later = &self.sums[self.length..];
            self.spare.extend(self.sums.iter().zip(later).map(|(a, b)| a + b));
            std::mem::swap(&mut self.sums, &mut self.spare);
            self.length *= 2;
        }
        if self.length < length {
            let mut tail = Windows::new(&self.points[self.length..]);
            tail.grow(length - self.length);
            self.sums.truncate(tail.sums.len());
            for (sum, more) in self.sums.iter_mut().zip(&tail.sums) {
                *sum += more;
            }
            self.length = length;
        }
    }
}
