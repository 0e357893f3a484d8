//! Extremes over windows of the phase, for MTIE.

/// The greatest peak-to-peak value of any window of m + 1 points, for each of the rising
/// `factors`, and how many windows there are. Missing points are in no window.
pub(super) fn peak_to_peak(phase: &[f64], factors: &[usize]) -> Vec<(f64, usize)> {
    let or = |missing: f64| move |x: &f64| if x.is_nan() { missing } else { *x };
    let mut highest = Extremes::new(phase.iter().map(or(f64::NEG_INFINITY)).collect(), greater);
    let mut lowest = Extremes::new(phase.iter().map(or(f64::INFINITY)).collect(), less);
    let of_factor = |&m: &usize| {
        let windows = phase.len().saturating_sub(m);
        if windows == 0 {
            return (0.0, 0);
        }
        highest.grow(m + 1);
        lowest.grow(m + 1);
        (widest(&highest, &lowest, m + 1, windows), windows)
    };
    factors.iter().map(of_factor).collect()
}

fn greater(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

fn less(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// The greatest difference of highest and lowest value of the windows of `length` points:
/// each is two windows of a power of two, which overlap.
fn widest<F: Fn(f64, f64) -> f64, G: Fn(f64, f64) -> f64>(
    highest: &Extremes<F>,
    lowest: &Extremes<G>,
    length: usize,
    windows: usize,
) -> f64 {
    const LANES: usize = 8;
    let shift = length - highest.length;
    let [top, top_later] = [0, shift].map(|at| &highest.values[at..at + windows]);
    let [bottom, bottom_later] = [0, shift].map(|at| &lowest.values[at..at + windows]);
    let mut widest = [0.0; LANES];
    let pairs = top.chunks(LANES).zip(top_later.chunks(LANES));
    let pairs = pairs.zip(bottom.chunks(LANES).zip(bottom_later.chunks(LANES)));
    for ((a, b), (c, d)) in pairs {
        for (lane, widest) in widest.iter_mut().enumerate().take(a.len()) {
            *widest = greater(*widest, greater(a[lane], b[lane]) - less(c[lane], d[lane]));
        }
    }
    widest.into_iter().fold(0.0, greater)
}

/// The extremes of all windows of a power of two of points.
struct Extremes<F> {
    length: usize,
    values: Vec<f64>,
    spare: Vec<f64>,
    extreme: F,
}

impl<F: Fn(f64, f64) -> f64> Extremes<F> {
    fn new(values: Vec<f64>, extreme: F) -> Self {
        Self { length: 1, values, spare: Vec::new(), extreme }
    }

    /// Lengthens the windows to the greatest power of two that is not above `length`.
    fn grow(&mut self, length: usize) {
        while 2 * self.length <= length {
            self.spare.clear();
            let later = &self.values[self.length..];
            self.spare.extend(self.values.iter().zip(later).map(|(a, b)| (self.extreme)(*a, *b)));
            std::mem::swap(&mut self.values, &mut self.spare);
            self.length *= 2;
        }
    }
}
