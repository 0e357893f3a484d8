//! Pulses that mark the seconds: which second each of them marks.
//!
//! A pulse tells when a second begins, and not which. Others name the first one; from
//! there on the seconds are counted, so that the pulses go on without the others.

use crate::estimator::Estimate;
use crate::time::{Duration, Free, Tai, Timestamp};

/// How well the time of a pulse must be known for its second to be named: well within half
/// a second, beyond which the next one is as near, s.
const NAMING_BOUND: f64 = 0.4;
/// How far a pulse may be from where it is expected besides what is known to be uncertain,
/// s: far more than interrupts are late, and less than pulses are wide.
const SLACK: f64 = 1e-3;
/// What an unknown oscillator may be off by, ratio (RFC 5905 appendix A.5.1.1, `MAXFREQ`).
const UNKNOWN_FREQUENCY: f64 = 500e-6;
/// The least that the frequency of a known one may have changed by, ratio.
const CHANGE: f64 = 1e-6;
/// So many pulses in a row that are none show that the one counted from was none.
const PATIENCE: u32 = 4;

/// What others say of the time of a pulse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Believed {
    /// The time.
    pub time: Timestamp<Tai>,
    /// Within this it is right, s.
    pub bound: f64,
}

impl Believed {
    /// The time of a pulse that came `at`, by an estimate of TAI against the time base that
    /// holds within `bound` (s) at its own instant.
    #[must_use]
    pub fn by(estimate: &Estimate, bound: f64, at: Timestamp<Free>) -> Self {
        let carried = estimate.carried_to(at);
        let time = Timestamp::from_epoch(at.since_epoch() + carried.offset);
        Self { time, bound: bound + (carried.bound - estimate.bound).max(0.0) }
    }
}

/// Why a pulse is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody knows the time well enough to name its second.
    #[error("waits for another source to name the second")]
    Unnamed,
    /// It comes when no second begins: another edge, or a disturbance of the line.
    #[error("comes when no second begins; is it the other edge that marks the second?")]
    NotASecond,
}

/// Gives each pulse of one line its second.
#[derive(Debug, Clone, Default)]
pub struct Numbering {
    /// The last pulse, and the second that it began.
    last: Option<(Timestamp<Free>, Timestamp<Tai>)>,
    /// Pulses refused since.
    refused: u32,
}

impl Numbering {
    /// The second that began with the pulse `at`, in the free-running time base.
    ///
    /// It is counted from the last pulse, by the `frequency` of TAI against the time base
    /// (value and standard deviation, ratios) as far as that is known. It is named by what
    /// others have `believed` instead where there is no last pulse, or one from which
    /// nothing can be counted any more, or where the count is a second or more off.
    ///
    /// # Errors
    /// Why the pulse is not to be used. After four in a row that are none the count is
    /// given up.
    pub fn take(
        &mut self,
        at: Timestamp<Free>,
        frequency: Option<(f64, f64)>,
        believed: Option<Believed>,
    ) -> Result<Timestamp<Tai>, Refused> {
        let believed = believed.filter(|believed| believed.bound <= NAMING_BOUND);
        let counted = self.last.and_then(|last| counted(last, at, frequency));
        let second = match (counted, believed) {
            (Some(Ok(second)), Some(believed)) if is_another(second, &believed) => named(&believed),
            (Some(counted), _) => counted,
            (None, Some(believed)) => named(&believed),
            (None, None) => Err(Refused::Unnamed),
        };
        match second {
            Ok(second) => (self.last, self.refused) = (Some((at, second)), 0),
            Err(_) => self.refused += 1,
        }
        if self.refused >= PATIENCE {
            *self = Self::default();
        }
        second
    }
}

/// The second that the time passed since the last pulse makes; `None` where so much has
/// passed that it may be either of two.
fn counted(
    (last, second): (Timestamp<Free>, Timestamp<Tai>),
    at: Timestamp<Free>,
    frequency: Option<(f64, f64)>,
) -> Option<Result<Timestamp<Tai>, Refused>> {
    let (value, deviation) = frequency.unwrap_or((0.0, UNKNOWN_FREQUENCY));
    let elapsed = (at - last).seconds();
    let doubt = SLACK + elapsed * (3.0 * deviation + CHANGE).min(UNKNOWN_FREQUENCY);
    if doubt > NAMING_BOUND {
        return None;
    }
    let passed = Duration::from_seconds(elapsed * (1.0 + value))?;
    let whole = nearest_second(passed);
    let is_one = whole >= Duration::SECOND && (passed - whole).seconds().abs() <= doubt;
    Some(if is_one { Ok(second + whole) } else { Err(Refused::NotASecond) })
}

/// Whether others are sure that it is not this second.
fn is_another(second: Timestamp<Tai>, believed: &Believed) -> bool {
    (believed.time - second).seconds().abs() > 0.5 + SLACK
}

fn named(believed: &Believed) -> Result<Timestamp<Tai>, Refused> {
    let second = Timestamp::from_epoch(nearest_second(believed.time.since_epoch()));
    let is_one = (believed.time - second).seconds().abs() <= believed.bound + SLACK;
    if is_one { Ok(second) } else { Err(Refused::NotASecond) }
}

fn nearest_second(duration: Duration) -> Duration {
    let second = Duration::SECOND.to_bits();
    Duration::from_bits((duration.to_bits() + second / 2).div_euclid(second) * second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The time base shows 1000 s less than TAI.
    const APART: i64 = 1000;

    fn at(seconds: f64) -> Timestamp<Free> {
        Timestamp::from_epoch(Duration::from_seconds(seconds).unwrap())
    }

    fn believed(at: Timestamp<Free>, error: f64, bound: f64) -> Option<Believed> {
        let error = Duration::from_seconds(error).unwrap();
        let time = Timestamp::from_epoch(at.since_epoch() + Duration::from_secs(APART) + error);
        Some(Believed { time, bound })
    }

    fn second(number: i64) -> Result<Timestamp<Tai>, Refused> {
        Ok(Timestamp::from_secs(number + APART))
    }

    /// One that knows the second of the pulse at 7 s.
    fn begun() -> Numbering {
        let mut numbering = Numbering::default();
        assert_eq!(numbering.take(at(7.0), None, believed(at(7.0), 0.3, 0.35)), second(7));
        numbering
    }

    #[test]
    fn a_pulse_waits_until_the_others_are_sure_of_its_second() {
        let mut numbering = Numbering::default();
        assert_eq!(numbering.take(at(5.0), None, None), Err(Refused::Unnamed));
        let unsure = believed(at(6.0), 0.0, 0.41);
        assert_eq!(numbering.take(at(6.0), None, unsure), Err(Refused::Unnamed));
        let sure = believed(at(7.0), -0.39, 0.4);
        assert_eq!(numbering.take(at(7.0), None, sure), second(7));
    }

    #[test]
    fn it_then_goes_on_without_the_others_and_over_gaps() {
        let mut numbering = begun();
        assert_eq!(numbering.take(at(8.0003), None, None), second(8));
        assert_eq!(numbering.take(at(70.02), None, None), second(70));
        // 1000 s at 500 ppm make half a second.
        assert_eq!(numbering.take(at(1070.0), None, None), Err(Refused::Unnamed));
    }

    #[test]
    fn a_known_frequency_carries_the_count_further() {
        let mut numbering = begun();
        // The time base is slow by 200 ppm, so that TAI gains a second in 5000.
        let known = Some((200e-6, 1e-7));
        assert_eq!(numbering.take(at(5006.5), known, None), Err(Refused::NotASecond));
        let (elapsed, whole) = (5000.0 / (1.0 + 200e-6), 5007);
        assert_eq!(numbering.take(at(7.0 + elapsed), known, None), second(whole));
    }

    #[test]
    fn what_comes_between_the_seconds_is_refused_and_does_not_disturb() {
        let mut numbering = begun();
        for between in [7.000_02, 7.1, 7.5, 7.99, 8.01] {
            assert_eq!(numbering.take(at(between), None, None), Err(Refused::NotASecond));
            assert_eq!(numbering.clone().take(at(8.0), None, None), second(8), "{between}");
            numbering = begun();
        }
        let wrong_edge = believed(at(7.1), 0.0, 0.05);
        let first = Numbering::default().take(at(7.1), None, wrong_edge);
        assert_eq!(first, Err(Refused::NotASecond));
    }

    #[test]
    fn a_count_that_began_with_a_disturbance_is_given_up() {
        let mut numbering = Numbering::default();
        assert_eq!(numbering.take(at(6.8), None, believed(at(6.8), 0.0, 0.3)), second(7));
        for number in 7..11 {
            let at = at(f64::from(number));
            assert_eq!(numbering.take(at, None, None), Err(Refused::NotASecond));
        }
        assert_eq!(numbering.take(at(11.0), None, believed(at(11.0), 0.0, 0.3)), second(11));
    }

    #[test]
    fn a_count_that_others_are_sure_is_a_second_off_is_named_anew() {
        let mut numbering = Numbering::default();
        let wrong = believed(at(7.0), 1.0, 0.1);
        assert_eq!(numbering.take(at(7.0), None, wrong), second(8));
        assert_eq!(numbering.take(at(8.0), None, believed(at(8.0), 0.0, 0.1)), second(8));
        assert_eq!(numbering.take(at(9.0), None, None), second(9));
    }

    #[test]
    fn a_belief_is_carried_to_the_pulse_and_grows_on_the_way() {
        let estimate = Estimate {
            at: at(0.0),
            offset: Duration::from_secs(APART),
            offset_deviation: 0.0,
            frequency: 1e-4,
            frequency_deviation: 1e-5,
            covariance: 0.0,
            wander: 0.0,
            bound: 1e-3,
            delay_floor: 0.0,
            delay_floor_deviation: 0.0,
            jitter: 0.0,
        };
        let believed = Believed::by(&estimate, 2e-3, at(100.0));
        let time = believed.time.since_epoch().seconds();
        assert!((time - 1100.01).abs() < 1e-9, "{time}");
        assert!(believed.bound > 3e-3, "{}", believed.bound);
    }

    proptest! {
        #[test]
        fn whatever_comes_a_second_is_a_whole_one_and_never_one_of_before(
            pulses in prop::collection::vec((0.0..3.0f64, -2.0..2.0f64, 0.0..1.0f64), 0..50),
        ) {
            let (mut numbering, mut now) = (Numbering::default(), 0.0);
            for (wait, error, bound) in pulses {
                now += wait;
                let pulse = at(now);
                if let Ok(named) = numbering.take(pulse, None, believed(pulse, error, bound)) {
                    let since = named.since_epoch();
                    prop_assert_eq!(nearest_second(since), since);
                    let off = (named - Timestamp::from_secs(APART)).seconds() - now;
                    prop_assert!(off.abs() <= 2.5 + SLACK, "{off}");
                }
            }
        }
    }
}
