//! A time series of a clock: what recordings, logs and simulations have in common.

use crate::measure::median;

/// A series at equal intervals may have this many places for each point.
const SPARSE: usize = 10;

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

    /// The offsets at equal intervals, and the interval, s: its median. What was measured
    /// between is at the nearest place, the last of several; where nothing was, there is no
    /// number. `None` for fewer than three points, and where the points are so uneven that
    /// most places would stay empty.
    #[must_use]
    pub fn regular(&self) -> Option<(Vec<f64>, f64)> {
        let first = self.points.first().filter(|_| self.points.len() >= 3)?.time;
        let interval = self.interval();
        let place = |point: &Point| ((point.time - first) / interval).round() as usize;
        let places = self.points.last().map_or(0, place) + 1;
        if places / SPARSE > self.points.len() {
            return None;
        }
        let mut offsets = vec![f64::NAN; places];
        for point in &self.points {
            offsets[place(point)] = point.offset;
        }
        Some((offsets, interval))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(times: &[f64]) -> Series {
        let point = |time: &f64| Point {
            time: *time,
            offset: *time,
            expanded: None,
            frequency: None,
            delay: None,
        };
        Series { name: "s".to_owned(), points: times.iter().map(point).collect() }
    }

    #[test]
    fn gaps_stay_gaps_at_equal_intervals() {
        let (offsets, interval) = series(&[10.0, 12.0, 14.1, 19.9, 22.0]).regular().unwrap();
        assert!((interval - 2.1).abs() < 1e-9, "{interval}");
        assert_eq!(offsets.len(), 7);
        assert!(offsets[3].is_nan() && offsets[4].is_nan() && offsets[6] == 22.0);
    }

    #[test]
    fn what_has_no_interval_is_not_made_regular() {
        assert_eq!(series(&[0.0, 1.0]).regular(), None);
        assert_eq!(series(&[0.0, 1e-3, 2e-3, 1e6]).regular(), None);
    }
}
