//! Points that do not belong to their neighbourhood.

/// On either side, this many neighbours say where a point should be.
const NEIGHBOURS: usize = 3;

/// From the median absolute deviation of normal values to their standard deviation.
const NORMAL: f64 = 1.4826;

/// From their mean absolute deviation to their standard deviation, √(π/2).
const NORMAL_OF_MEAN: f64 = 1.2533;

/// What [`outliers`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Outliers {
    /// Where they are in the series, rising.
    pub indices: Vec<usize>,
    /// The standard deviation of the points about their neighbourhood, from their median
    /// absolute deviation, in the unit of the series.
    pub deviation: f64,
}

/// Finds the points that are further than `threshold` standard deviations from the median of
/// themselves and three neighbours on either side (Hampel's identifier).
///
/// The standard deviation is 1.4826 times the median of all such distances, which outliers
/// hardly move. Where more than half of the distances are zero, as in coarsely quantised
/// records, it is 1.2533 times their mean. So a spike of up to three points is found, and a
/// step, which is no outlier, is not. Missing points, NaN, are passed over.
#[must_use]
pub fn outliers(series: &[f64], threshold: f64) -> Outliers {
    let distances: Vec<f64> = (0..series.len())
        .map(|at| {
            let from = at.saturating_sub(NEIGHBOURS);
            let to = (at + NEIGHBOURS + 1).min(series.len());
            (series[at] - median(&mut series[from..to].to_vec())).abs()
        })
        .collect();
    let mut known: Vec<f64> = distances.iter().copied().filter(|d| !d.is_nan()).collect();
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    let median = median(&mut known);
    let deviation = if median > 0.0 { NORMAL * median } else { NORMAL_OF_MEAN * mean };
    let is_far = |&at: &usize| distances[at] > threshold * deviation;
    Outliers { indices: (0..series.len()).filter(is_far).collect(), deviation }
}

/// The median of the values that are no NaN, in any order; NaN if there are none.
fn median(values: &mut Vec<f64>) -> f64 {
    values.retain(|value| !value.is_nan());
    if values.is_empty() {
        return f64::NAN;
    }
    let (middle, is_even) = (values.len() / 2, values.len().is_multiple_of(2));
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if is_even {
        let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        return (lower + upper) / 2.0;
    }
    upper
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 200 points of a deterministic noise of about ±1.
    fn noise() -> Vec<f64> {
        (0..200).map(|i| (f64::from(i) * 12.9898).sin() * 43_758.545 % 1.0).collect()
    }

    #[test]
    fn spikes_are_found_and_nothing_else() {
        let mut series = noise();
        series[20] += 30.0;
        series[100] -= 30.0;
        series[101] -= 30.0;
        series[102] -= 30.0;
        assert_eq!(outliers(&series, 5.0).indices, [20, 100, 101, 102]);
    }

    #[test]
    fn a_step_and_a_gap_are_no_outliers() {
        let mut series = noise();
        for x in &mut series[50..] {
            *x += 100.0;
        }
        series[120..140].fill(f64::NAN);
        assert_eq!(outliers(&series, 5.0).indices, [] as [usize; 0]);
    }

    #[test]
    fn a_quantised_record_keeps_its_quanta() {
        let mut series = vec![0.0; 200];
        series[10] = 1.0;
        series[60] = 1.0;
        series[110] = 100.0;
        assert_eq!(outliers(&series, 5.0).indices, [110]);
        assert_eq!(outliers(&[7.0; 20], 5.0).indices, [] as [usize; 0]);
    }

    #[test]
    fn the_scale_is_the_standard_deviation_of_normal_noise_about_its_median() {
        assert_eq!(median(&mut vec![3.0, 1.0, f64::NAN, 2.0]), 2.0);
        assert_eq!(median(&mut vec![4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(&mut vec![]).is_nan());
    }
}
