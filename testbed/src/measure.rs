//! What a simulation comes to: errors, settling, coverage.

use crate::world::{Belief, Sample};

/// The errors that settling times are given for, s.
pub const SETTLED: [f64; 3] = [1e-3, 10e-6, 1e-6];
/// A clock has settled when it stays within the limit for as long as this, s.
const STAYS: f64 = 30.0;

/// Collects the samples of one run.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// When measuring begins, s.
    from: f64,
    settling: [Settling; SETTLED.len()],
    samples: f64,
    beliefs: f64,
    squares: Squares,
    largest: f64,
    covered: Covered,
}

#[derive(Debug, Clone, Copy, Default)]
struct Settling {
    within_since: Option<f64>,
    settled: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Squares {
    clock: f64,
    clock_frequency: f64,
    estimate: f64,
    estimate_frequency: f64,
    expanded: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Covered {
    type_a: f64,
    expanded: f64,
    bound: f64,
}

/// The figures of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Rms time error of the clock, s.
    pub rms: f64,
    /// Its largest time error, s.
    pub max: f64,
    /// Rms frequency error of the clock, ratio.
    pub rms_frequency: f64,
    /// Rms time error of the estimate, s.
    pub estimate_rms: f64,
    /// Rms frequency error of the estimate, ratio.
    pub estimate_rms_frequency: f64,
    /// Rms of U (k = 2), s.
    pub rms_expanded: f64,
    /// When the clock had settled to each of [`SETTLED`], s.
    pub settled: [Option<f64>; SETTLED.len()],
    /// Part of the time in which two deviations of the estimate contain its error.
    pub type_a_coverage: f64,
    /// Part of the time in which U (k = 2) contains the error of the estimate.
    pub coverage: f64,
    /// Part of the time in which the bound does.
    pub bound_coverage: f64,
}

impl Measurement {
    /// One that measures errors and coverage from `from` s on, and settling from the start.
    #[must_use]
    pub fn new(from: f64) -> Self {
        Self {
            from,
            settling: Default::default(),
            samples: 0.0,
            beliefs: 0.0,
            squares: Squares::default(),
            largest: 0.0,
            covered: Covered::default(),
        }
    }

    /// Takes a sample in.
    pub fn take(&mut self, sample: &Sample) {
        let error = sample.clock_error.abs();
        for (settling, limit) in self.settling.iter_mut().zip(SETTLED) {
            settling.take(sample.elapsed, error <= limit);
        }
        if sample.elapsed < self.from {
            return;
        }
        self.samples += 1.0;
        self.largest = self.largest.max(error);
        self.squares.clock += error * error;
        self.squares.clock_frequency += sample.frequency_error.powi(2);
        if let Some(belief) = &sample.belief {
            self.take_belief(belief);
        }
    }

    fn take_belief(&mut self, belief: &Belief) {
        let error = belief.error.abs();
        self.beliefs += 1.0;
        self.squares.estimate += error * error;
        self.squares.estimate_frequency += belief.frequency_error.powi(2);
        self.squares.expanded += belief.expanded.powi(2);
        self.covered.type_a += f64::from(error <= 2.0 * belief.deviation);
        self.covered.expanded += f64::from(error <= belief.expanded);
        self.covered.bound += f64::from(error <= belief.bound);
    }

    /// What it came to. Without a sample, or without a belief, the figures that need one
    /// are not numbers.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let rms = |square: f64, count: f64| (square / count).sqrt();
        Figures {
            rms: rms(self.squares.clock, self.samples),
            max: self.largest,
            rms_frequency: rms(self.squares.clock_frequency, self.samples),
            estimate_rms: rms(self.squares.estimate, self.beliefs),
            estimate_rms_frequency: rms(self.squares.estimate_frequency, self.beliefs),
            rms_expanded: rms(self.squares.expanded, self.beliefs),
            settled: self.settling.map(|settling| settling.settled),
            type_a_coverage: self.covered.type_a / self.beliefs,
            coverage: self.covered.expanded / self.beliefs,
            bound_coverage: self.covered.bound / self.beliefs,
        }
    }
}

impl Settling {
    fn take(&mut self, elapsed: f64, within: bool) {
        if !within {
            self.within_since = None;
            return;
        }
        let since = *self.within_since.get_or_insert(elapsed);
        if self.settled.is_none() && elapsed - since >= STAYS {
            self.settled = Some(since);
        }
    }
}

/// How a figure is spread over runs.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Distribution {
    /// The least.
    pub min: f64,
    /// The middle, the lower of two.
    pub median: f64,
    /// The least that 95 % of the runs do not exceed.
    pub p95: f64,
    /// The most.
    pub max: f64,
}

impl Distribution {
    /// Not numbers for no figures.
    #[must_use]
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        // The least that at least so many percent do not exceed.
        let rank = |percent: usize| (figures.len() * percent).div_ceil(100).saturating_sub(1);
        let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        Self { min: at(0), median: at(rank(50)), p95: at(rank(95)), max: at(rank(100)) }
    }
}

/// The middle of some figures, the lower of two. Not a number for none.
#[must_use]
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    Distribution::of(figures).median
}

#[cfg(test)]
mod tests {
    use clock_models::time::{Duration, Timestamp};

    use super::*;

    fn sample(elapsed: f64, error: f64) -> Sample {
        let belief =
            Belief { error, frequency_error: 0.0, deviation: 1e-6, expanded: 3e-6, bound: 5e-6 };
        let (base, offset) = (Timestamp::from_secs(0), Duration::ZERO);
        let belief = Some(belief);
        Sample { elapsed, base, offset, clock_error: error, frequency_error: 1e-9, belief }
    }

    #[test]
    fn errors_and_coverage_count_from_the_end_of_settling() {
        let mut measurement = Measurement::new(10.0);
        measurement.take(&sample(9.0, 1.0));
        for (second, error) in [1e-6, -2.5e-6, 4e-6, -6e-6].into_iter().enumerate() {
            measurement.take(&sample(10.0 + second as f64, error));
        }
        let figures = measurement.figures();
        let rms = ((1.0 + 6.25 + 16.0 + 36.0) / 4.0f64).sqrt() * 1e-6;
        assert!((figures.rms - rms).abs() < 1e-15 && (figures.max - 6e-6).abs() < 1e-15);
        assert!((figures.rms_expanded - 3e-6).abs() < 1e-15);
        let coverage = [figures.type_a_coverage, figures.coverage, figures.bound_coverage];
        assert_eq!(coverage, [0.25, 0.5, 0.75]);
    }

    #[test]
    fn a_clock_has_settled_only_where_it_stays() {
        let mut measurement = Measurement::new(0.0);
        for second in 0..100 {
            let error = if second < 5 || second == 20 { 1e-2 } else { 5e-6 };
            measurement.take(&sample(f64::from(second), error));
        }
        assert_eq!(measurement.figures().settled, [Some(21.0), Some(21.0), None]);
    }

    #[test]
    fn the_median_of_an_even_number_is_the_lower_of_the_middle_two() {
        assert_eq!(median([4.0, 1.0, 3.0, 2.0]), 2.0);
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert!(median([]).is_nan());
    }

    #[test]
    fn a_distribution_names_the_figure_that_95_percent_do_not_exceed() {
        let spread = Distribution::of((1..=200).rev().map(f64::from));
        assert_eq!((spread.min, spread.median, spread.p95, spread.max), (1.0, 100.0, 190.0, 200.0));
        let one = Distribution::of([3.0]);
        assert_eq!((one.min, one.p95, one.max), (3.0, 3.0, 3.0));
    }
}
