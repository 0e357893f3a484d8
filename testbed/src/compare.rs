//! Series against each other: their statistics, and whether they agree within their
//! uncertainties.

use crate::series::{Point, Series};

/// The statistics of the offsets of a series. Times in seconds; not numbers for no points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// How many points it has.
    pub points: usize,
    /// From the first to the last point.
    pub span: f64,
    /// Mean.
    pub mean: f64,
    /// Root mean square.
    pub rms: f64,
    /// Experimental standard deviation (JCGM 100 4.2.2): of n − 1 degrees of freedom.
    pub deviation: f64,
    /// The least, the 5th percentile, the median, the 95th percentile, the largest.
    pub quantiles: [f64; 5],
}

/// Where [`Statistics::quantiles`] are, as parts of the values.
pub const QUANTILES: [f64; 5] = [0.0, 0.05, 0.5, 0.95, 1.0];

/// How well two series agree within their uncertainties.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// The numbers E_n of the times at which both have a point: time, E_n.
    pub numbers: Vec<[f64; 2]>,
    /// The part of them with |E_n| ≤ 1, which is satisfactory (ISO 13528:2022 9.7).
    pub satisfactory: f64,
    /// The largest |E_n|.
    pub largest: f64,
}

/// The statistics of a series.
#[must_use]
pub fn statistics(series: &Series) -> Statistics {
    let mut offsets: Vec<f64> = series.points.iter().map(|point| point.offset).collect();
    offsets.sort_by(f64::total_cmp);
    let count = offsets.len() as f64;
    let mean = offsets.iter().sum::<f64>() / count;
    let squares: f64 = offsets.iter().map(|offset| offset * offset).sum();
    let deviations: f64 = offsets.iter().map(|offset| (offset - mean).powi(2)).sum();
    // The least value that is not below the part: of nearest rank.
    let rank = |part: f64| ((part * count).ceil() as usize).saturating_sub(1);
    let span = series.points.first().zip(series.points.last());
    Statistics {
        points: offsets.len(),
        span: span.map_or(f64::NAN, |(first, last)| last.time - first.time),
        mean,
        rms: (squares / count).sqrt(),
        deviation: (deviations / (count - 1.0)).sqrt(),
        quantiles: QUANTILES.map(|part| offsets.get(rank(part)).copied().unwrap_or(f64::NAN)),
    }
}

/// The agreement of `one` less `other`. Their times must have one origin. A point of the
/// series with fewer points is matched with the nearest of the other, if that is no more
/// than `apart` s away. `None` if no such points have uncertainties.
#[must_use]
pub fn agreement(one: &Series, other: &Series, apart: f64) -> Option<Agreement> {
    let known = |series: &Series| -> Vec<(Point, f64)> {
        let uncertain = |point: &Point| point.expanded.map(|expanded| (*point, expanded));
        series.points.iter().filter_map(uncertain).collect()
    };
    let (one, other) = (known(one), known(other));
    let (few, many, sign) =
        if one.len() <= other.len() { (&one, &other, 1.0) } else { (&other, &one, -1.0) };
    let number = |(point, expanded): &(Point, f64)| {
        let (match_, other) = nearest(many, point.time)?;
        let close = (match_.time - point.time).abs() <= apart;
        let number = sign * (point.offset - match_.offset) / expanded.hypot(other);
        close.then_some([point.time, number])
    };
    let numbers: Vec<[f64; 2]> = few.iter().filter_map(number).collect();
    let largest = numbers.iter().map(|[_, number]| number.abs()).reduce(f64::max)?;
    let within = numbers.iter().filter(|[_, number]| number.abs() <= 1.0).count();
    let satisfactory = within as f64 / numbers.len() as f64;
    Some(Agreement { numbers, satisfactory, largest })
}

/// The point nearest to `time`, of points in the order of theirs.
fn nearest(points: &[(Point, f64)], time: f64) -> Option<(Point, f64)> {
    let after = points.partition_point(|(point, _)| point.time < time);
    let around = points[after.saturating_sub(1)..].iter().take(2);
    let far = |(point, _): &&(Point, f64)| (point.time - time).abs();
    around.min_by(|a, b| far(a).total_cmp(&far(b))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(f64, f64, Option<f64>)]) -> Series {
        let point = |&(time, offset, expanded)| Point {
            time,
            offset,
            expanded,
            frequency: None,
            delay: None,
        };
        Series { name: "s".to_owned(), points: points.iter().map(point).collect() }
    }

    #[test]
    fn the_readings_of_gum_4_4_3_have_the_statistics_given_there() {
        // JCGM 100:2008 table 1: 20 temperatures, °C; mean 100.14, s = 1.49.
        let readings = [
            96.90, 98.18, 98.25, 98.61, 99.03, 99.49, 99.56, 99.74, 99.89, 100.07, 100.33, 100.42,
            100.68, 100.95, 101.11, 101.20, 101.57, 101.84, 102.36, 102.72,
        ];
        let points: Vec<_> =
            readings.iter().enumerate().map(|(n, value)| (n as f64, *value, None)).collect();
        let found = statistics(&series(&points));
        assert!((found.mean - 100.145).abs() < 1e-9, "{}", found.mean);
        assert!((found.deviation - 1.489).abs() < 1e-3, "{}", found.deviation);
        let rms = (found.mean.powi(2) + 0.95 * found.deviation.powi(2)).sqrt();
        assert!((found.rms - rms).abs() < 1e-9, "{}", found.rms);
        assert_eq!(found.quantiles, [96.90, 96.90, 100.07, 102.36, 102.72]);
        assert_eq!((found.points, found.span), (20, 19.0));
    }

    #[test]
    fn series_agree_where_they_differ_by_less_than_their_uncertainties_together() {
        let one = series(&[
            (0.0, 10e-9, Some(3e-9)),
            (1.0, 10e-9, Some(3e-9)),
            (2.0, 0.0, None),
            (3.0, 10e-9, Some(3e-9)),
        ]);
        let other = series(&[
            (0.1, 5e-9, Some(4e-9)),
            (1.1, 4.9e-9, Some(4e-9)),
            (2.1, 0.0, Some(4e-9)),
            (9.0, 0.0, Some(4e-9)),
        ]);
        let found = agreement(&one, &other, 0.5).unwrap();
        // √(3² + 4²) = 5: exactly one, a little more, no uncertainty, too far apart.
        assert_eq!(found.numbers.len(), 2);
        assert!((found.numbers[0][1] - 1.0).abs() < 1e-12);
        assert!((found.largest - 1.02).abs() < 1e-9);
        let back = agreement(&other, &one, 0.5).unwrap();
        assert!((back.numbers[1][1] + 1.02).abs() < 1e-9);
        assert_eq!(agreement(&one, &series(&[(0.0, 0.0, None)]), 0.5), None);
    }
}
