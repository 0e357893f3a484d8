//! Sums over windows of the phase, for the modified Allan deviation.

use pulp::{Arch, Simd, WithSimd};

use super::differences::{LANES, PIECE, Squares, of_differences, second};

/// The root mean square of the second differences of the sums of `m` successive points, for
/// each of the rising `factors`, and how many terms it has.
///
/// Missing points are bridged by straight lines; a term counts only if at least half of the
/// points of each of its windows are there.
pub(super) fn modified_allan(phase: &[f64], factors: &[usize]) -> Vec<(f64, usize)> {
    let has_gaps = phase.iter().any(|x| x.is_nan());
    if !has_gaps && factors.windows(2).all(|pair| pair[1] == 2 * pair[0]) {
        return of_octaves(phase, factors);
    }
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
            return of_differences(&sums.sums, m, second);
        }
        counts.grow(m);
        let half = m as f64 / 2.0;
        let known = |(&sum, &count): (&f64, &f64)| if count >= half { sum } else { f64::NAN };
        let sums: Vec<f64> = sums.sums.iter().zip(&counts.sums).map(known).collect();
        of_differences(&sums, m, second)
    };
    factors.iter().map(of_factor).collect()
}

/// The same for factors each of which is twice the one before, of a record without gaps.
///
/// All of them pass over the record together, one behind the other, each within what the one
/// before has just made: so the sums stay near the processor.
fn of_octaves(phase: &[f64], factors: &[usize]) -> Vec<(f64, usize)> {
    let possible = factors.iter().take_while(|m| 3 * *m <= phase.len());
    let mut octaves: Vec<Octave> = possible.map(|&factor| Octave::new(factor)).collect();
    let Some(first) = octaves.first() else { return vec![(0.0, 0); factors.len()] };
    let mut sums = Windows::new(phase);
    sums.grow(first.factor);
    let sums = &mut sums.sums[..];
    for from in (0..sums.len()).step_by(PIECE) {
        let mut made = sums.len().min(from + PIECE);
        for octave in &mut octaves {
            made = octave.pass(sums, made, phase.len());
        }
    }
    let found = octaves.iter().map(|octave| octave.squares.root_mean());
    found.chain(std::iter::repeat((0.0, 0))).take(factors.len()).collect()
}

/// A factor that passes over the sums of so many points, and leaves those of twice as many.
struct Octave {
    factor: usize,
    squares: Squares,
    /// Where it is: before it are the sums that it leaves.
    at: usize,
}

impl Octave {
    fn new(factor: usize) -> Self {
        Self { factor, squares: Squares::default(), at: 0 }
    }

    /// Passes on as far as it can with the first `made` of its sums, of a record of `points`;
    /// gives how many of the longer sums there are now.
    fn pass(&mut self, sums: &mut [f64], made: usize, points: usize) -> usize {
        let m = self.factor;
        let terms = made.saturating_sub(2 * m);
        // Where the record ends, sums are left that are in no term.
        let end = if made == points + 1 - m { made - m } else { terms };
        while self.at < end {
            let from = self.at;
            let to = end.min(from + PIECE);
            let squared = from..to.min(terms).max(from);
            let parts = [0, m, 2 * m].map(|k| sums.get(squared.start + k..squared.end + k));
            let parts = parts.map(Option::unwrap_or_default);
            self.squares.add::<3, false>(parts, second);
            Arch::new().dispatch(Doubling { sums: &mut sums[from..to + m], m });
            self.at = to;
        }
        self.at
    }
}

/// Adds to each of the sums the one `m` places later, but for the last `m`, which have none.
/// Whatever `m` is, what a block needs is read before any of it is written.
struct Doubling<'a> {
    sums: &'a mut [f64],
    m: usize,
}

impl WithSimd for Doubling<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { sums, m } = self;
        let count = sums.len() - m;
        let whole = count - count % LANES;
        for at in (0..whole).step_by(LANES) {
            let (block, later) = (&sums[at..at + LANES], &sums[at + m..at + m + LANES]);
            let doubled: [f64; LANES] = std::array::from_fn(|lane| block[lane] + later[lane]);
            sums[at..at + LANES].copy_from_slice(&doubled);
        }
        for at in whole..count {
            sums[at] += sums[at + m];
        }
    }
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
