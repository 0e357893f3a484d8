use super::Estimate;
use crate::time::{Duration, Free, Timestamp};

/// The weighted mean of several estimates of TAI against one time base, carried to one
/// instant. The weights sum to 1 and the first estimate is the leader's, whose noise
/// figures the result keeps. `None` for no estimates.
///
/// If each estimate is within its bound of the truth, the mean is within the mean bound.
#[must_use]
pub fn combine(estimates: &[(Estimate, f64)], at: Timestamp<Free>) -> Option<Estimate> {
    let leader = estimates.first()?.0.carried_to(at);
    let mut sum = Estimate {
        offset: Duration::ZERO,
        offset_deviation: 0.0,
        frequency: 0.0,
        frequency_deviation: 0.0,
        covariance: 0.0,
        bound: 0.0,
        ..leader
    };
    let mut apart = 0.0;
    for (estimate, weight) in estimates {
        let e = estimate.carried_to(at);
        apart += weight * (e.offset - leader.offset).seconds();
        sum.frequency += weight * e.frequency;
        sum.offset_deviation += (weight * e.offset_deviation).powi(2);
        sum.frequency_deviation += (weight * e.frequency_deviation).powi(2);
        sum.covariance += weight * weight * e.covariance;
        sum.bound += weight * e.bound;
    }
    sum.offset = leader.offset + Duration::from_seconds(apart)?;
    sum.offset_deviation = sum.offset_deviation.sqrt();
    sum.frequency_deviation = sum.frequency_deviation.sqrt();
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(offset: f64, deviation: f64) -> Estimate {
        Estimate {
            at: Timestamp::EPOCH,
            offset: Duration::from_seconds(offset).unwrap(),
            offset_deviation: deviation,
            frequency: offset,
            frequency_deviation: 1e-9,
            covariance: 0.0,
            wander: 1e-9,
            bound: 3.0 * deviation,
            delay_floor: 1e-3,
            delay_floor_deviation: 0.0,
            jitter: 1e-6,
        }
    }

    #[test]
    fn the_mean_of_independent_estimates_is_better_than_each() {
        let (a, b) = (estimate(1e-3, 3e-6), estimate(2e-3, 4e-6));
        let mean = combine(&[(a, 0.5), (b, 0.5)], Timestamp::EPOCH).unwrap();
        assert!((mean.offset.seconds() - 1.5e-3).abs() < 1e-15);
        assert!((mean.offset_deviation - 2.5e-6).abs() < 1e-15);
        assert!((mean.bound - 10.5e-6).abs() < 1e-15);
        assert_eq!(combine(&[], Timestamp::EPOCH), None);
    }
}
