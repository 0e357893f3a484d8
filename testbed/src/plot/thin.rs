//! Fewer points that look the same: a long series is drawn with no more of them than a
//! plot can show. Points are in pixels here, in the order of their x.

use std::collections::HashSet;

/// A line: of each column of pixels the first, the lowest, the highest and the last point,
/// so that no extreme is lost, and a break if there was one.
#[must_use]
pub fn line(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut thin = Vec::new();
    for column in columns(points, |point| point[0]) {
        let shown: Vec<[f64; 2]> = column.iter().copied().filter(|[_, y]| y.is_finite()).collect();
        let by_height = |a: &usize, b: &usize| shown[*a][1].total_cmp(&shown[*b][1]);
        let lowest = (0..shown.len()).min_by(by_height).unwrap_or(0);
        let highest = (0..shown.len()).max_by(by_height).unwrap_or(0);
        let mut kept = vec![0, lowest, highest, shown.len().saturating_sub(1)];
        kept.sort_unstable();
        kept.dedup();
        thin.extend(kept.into_iter().filter_map(|index| shown.get(index)));
        if shown.len() < column.len() {
            thin.push([column[0][0], f64::NAN]);
        }
    }
    thin
}

/// A band of points x, one limit, the other limit: for each column of pixels the widest.
#[must_use]
pub fn band(points: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let widest = |column: &[[f64; 3]]| {
        let one = column.iter().map(|point| point[1]);
        let other = column.iter().map(|point| point[2]);
        // The limits are in pixels from the top: the lower one is the larger number.
        [column[0][0], one.fold(f64::NEG_INFINITY, f64::max), other.fold(f64::INFINITY, f64::min)]
    };
    columns(points, |point| point[0]).map(widest).collect()
}

/// Dots: one for each pixel that has any.
#[must_use]
pub fn dots(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut taken = HashSet::new();
    points.iter().copied().filter(|point| taken.insert(point.map(|c| c.round() as i64))).collect()
}

/// The points in runs that share a column of pixels.
fn columns<P>(points: &[P], x: impl Fn(&P) -> f64) -> impl Iterator<Item = &[P]> {
    points.chunk_by(move |a, b| x(a).floor() == x(b).floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(count: u32) -> Vec<[f64; 2]> {
        (0..count).map(|i| [f64::from(i) * 500.0 / f64::from(count), 100.0]).collect()
    }

    #[test]
    fn a_long_line_keeps_its_extremes_and_its_ends() {
        let mut points = flat(100_000);
        points[54_321][1] = 7.0;
        points[77_777][1] = 190.0;
        let thin = line(&points);
        assert!(thin.len() <= 4 * 500 && thin.is_sorted_by(|a, b| a[0] < b[0]), "{}", thin.len());
        for kept in [points[0], points[54_321], points[77_777], points[99_999]] {
            assert!(thin.contains(&kept), "{kept:?}");
        }
    }

    #[test]
    fn a_short_line_stays_as_it_is() {
        let points = flat(100);
        assert_eq!(line(&points), points);
    }

    #[test]
    fn a_long_line_keeps_its_breaks() {
        let mut points = flat(100_000);
        points[500][1] = f64::NAN;
        assert_eq!(line(&points).iter().filter(|point| point[1].is_nan()).count(), 1);
    }

    #[test]
    fn a_long_band_stays_as_wide_as_it_is() {
        let mut points: Vec<[f64; 3]> = flat(100_000).iter().map(|p| [p[0], 110.0, 90.0]).collect();
        points[600] = [3.0, 190.0, 8.0];
        let thin = band(&points);
        assert_eq!(thin.len(), 500);
        assert_eq!(thin[3], [3.0, 190.0, 8.0]);
    }

    #[test]
    fn dots_in_one_place_are_drawn_once() {
        let points = [[0.1, 0.2], [0.3, 0.4], [1.1, 0.0]];
        assert_eq!(dots(&points), [points[0], points[2]]);
    }
}
