//! A series on regular times, as the statistics of stability want it.

use crate::series::Series;

/// No more points than this are made of a series with gaps: 800 MB.
const MOST_POINTS: f64 = 1e8;

/// Values at regular times.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// The values, NaN where the series has no point.
    pub values: Vec<f64>,
    /// The interval between them, s.
    pub interval: f64,
    /// How many of them are missing.
    pub missing: usize,
    /// How far a point of the series is from its regular time at the most, in intervals.
    pub displacement: f64,
}

/// Why a series fits no grid.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GridError {
    /// Fewer than two points.
    #[error("{0} points are too few: two at least tell the interval between them")]
    TooFewPoints(usize),
    /// Nearly all of the points would be missing.
    #[error(
        "{present} points every {interval} s would leave {slots:.0} places, nearly all empty: cut \
         the record at its long gap, or give a longer interval with --tau0"
    )]
    TooManyGaps {
        /// Points of the series.
        present: usize,
        /// The interval between regular times, s.
        interval: f64,
        /// How many regular times there would be.
        slots: f64,
    },
}

/// What of the points is put on the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Their offset, s.
    Offset,
    /// Their frequency, ratio. A point without one is missing.
    Frequency,
}

impl Grid {
    /// Puts a series on regular times: each point as many intervals after the one before as
    /// is nearest to the time between them, and at least one.
    ///
    /// Without an `interval`, s, the median of the times between points serves to count
    /// them. The interval of the grid is the duration of the series over the count, so that
    /// neither the noise of time stamps nor a poll with jitter shifts the points in the long
    /// run.
    ///
    /// # Errors
    /// Fewer than two points; so many gaps that the grid would be too large.
    pub fn new(series: &Series, column: Column, interval: Option<f64>) -> Result<Self, GridError> {
        let times: Vec<f64> = series.points.iter().map(|point| point.time).collect();
        let mut steps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else {
            return Err(GridError::TooFewPoints(times.len()));
        };
        if steps.is_empty() {
            return Err(GridError::TooFewPoints(times.len()));
        }
        let middle = steps.len() / 2;
        let nominal = interval
            .unwrap_or_else(|| *steps.clone().select_nth_unstable_by(middle, f64::total_cmp).1);
        for step in &mut steps {
            *step = (*step / nominal).round().max(1.0);
        }
        let slots: f64 = 1.0 + steps.iter().sum::<f64>();
        if slots > MOST_POINTS {
            let (present, interval) = (times.len(), nominal);
            return Err(GridError::TooManyGaps { present, interval, slots });
        }
        let interval = (last - first) / (slots - 1.0);
        let mut values = vec![f64::NAN; slots as usize];
        let (mut slot, mut displacement) = (0.0, 0f64);
        for (at, point) in series.points.iter().enumerate() {
            values[slot as usize] = match column {
                Column::Offset => point.offset,
                Column::Frequency => point.frequency.unwrap_or(f64::NAN),
            };
            displacement = displacement.max(((point.time - first) / interval - slot).abs());
            slot += steps.get(at).copied().unwrap_or_default();
        }
        let missing = values.iter().filter(|value| value.is_nan()).count();
        Ok(Self { values, interval, missing, displacement })
    }

    /// Makes the values at these places missing.
    pub fn remove(&mut self, places: &[usize]) {
        for &place in places {
            self.values[place] = f64::NAN;
        }
        self.missing = self.values.iter().filter(|value| value.is_nan()).count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Point;

    fn series(times: &[f64]) -> Series {
        let point = |&time: &f64| Point {
            time,
            offset: time * 1e-6,
            expanded: None,
            frequency: (time < 3.0).then_some(time),
            delay: None,
        };
        Series { name: String::new(), points: times.iter().map(point).collect() }
    }

    #[test]
    fn gaps_become_missing_points() {
        let grid = Grid::new(&series(&[0.0, 1.0, 2.0, 5.0]), Column::Offset, None).unwrap();
        assert_eq!((grid.interval, grid.missing, grid.values.len()), (1.0, 2, 6));
        assert!(grid.values[3].is_nan() && grid.values[4].is_nan());
        assert_eq!((grid.values[5], grid.displacement), (5e-6, 0.0));
        let frequencies = Grid::new(&series(&[0.0, 1.0, 2.0, 5.0]), Column::Frequency, None);
        assert_eq!(frequencies.unwrap().missing, 3);
    }

    #[test]
    fn jitter_of_the_poll_does_not_add_up() {
        // 1.02 s on the average, between 0.82 and 1.22.
        let times: Vec<f64> =
            (0..1000).map(|i| f64::from(i) * 1.02 + 0.1 * f64::from(i * 7 % 5 - 2)).collect();
        let grid = Grid::new(&series(&times), Column::Offset, None).unwrap();
        assert_eq!((grid.missing, grid.values.len()), (0, 1000));
        assert!((grid.interval - 1.02).abs() < 1e-3, "{}", grid.interval);
        assert!(grid.displacement < 0.5, "{}", grid.displacement);
    }

    #[test]
    fn a_named_interval_counts_the_steps() {
        let grid = Grid::new(&series(&[0.0, 64.0, 128.0, 1152.0]), Column::Offset, Some(64.0));
        assert_eq!(grid.unwrap().values.len(), 19);
    }

    #[test]
    fn what_fits_no_grid_says_why() {
        let too_few = Grid::new(&series(&[0.0]), Column::Offset, None);
        assert_eq!(too_few, Err(GridError::TooFewPoints(1)));
        let error = Grid::new(&series(&[0.0, 1e-3, 2e-3, 1e9]), Column::Offset, None);
        assert!(matches!(error, Err(GridError::TooManyGaps { present: 4, .. })));
    }
}
