//! A time series of a clock: what recordings, logs and simulations have in common.

use crate::measure::median;

/// What is known of a clock at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When, s, since the origin of the series.
    pub time: f64,
    /// The clock (or the estimate of it) less its reference, s; positive: it is fast.
    pub offset: f64,
    /// Expanded uncertainty (k = 2) of `offset`, s.
    pub expanded: Option<f64>,
    /// Its frequency less that of the reference, ratio.
    pub frequency: Option<f64>,
    /// Round-trip delay of the exchange that showed it, s.
    pub delay: Option<f64>,
}

/// Points in the order of their times.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// What it is called in tables and plots.
    pub name: String,
    /// Its points. Their times rise strictly; gaps are gaps.
    pub points: Vec<Point>,
}

impl Series {
    /// The median of the times from point to point, s; not a number for fewer than two.
    #[must_use]
    pub fn interval(&self) -> f64 {
        median(self.points.windows(2).map(|pair| pair[1].time - pair[0].time))
    }
}
