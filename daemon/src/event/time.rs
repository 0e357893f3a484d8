//! When an event was, by what is known of the clock that stamped it.

use clock_models::comparison::Stamp;
use clock_models::time::{Duration, Tai, Timestamp};
use clock_models::uncertainty::{Budget, Component};

use crate::account::Account;
use crate::status::ClockState;

/// When an event was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// The time.
    pub time: Timestamp<Tai>,
    /// Expanded uncertainty, k = 2, s.
    pub expanded: f64,
    /// Hard bound of the error, s.
    pub bound: f64,
}

/// When an event was that the clock of `account` has stamped, whose stamp is as far off as
/// the expanded uncertainty `expanded` (k = 2, s) says, besides its own.
///
/// The time is that of the estimate which the clock is kept by, not what the clock showed:
/// what is still to be slewed out of the clock is not in it.
///
/// # Errors
/// Why the clock cannot tell.
pub fn moment(account: &Account, stamp: Stamp, expanded: f64) -> Result<Moment, String> {
    let status = &account.status;
    let vouched =
        matches!(status.state, ClockState::Acquiring | ClockState::Locked | ClockState::Holdover);
    let (true, Some((estimate, _)), Some(chain)) = (vouched, &account.estimate, &account.chain)
    else {
        let reason = status.not_traceable_because.clone();
        return Err(reason.unwrap_or_else(|| format!("the clock is {}", status.state.name())));
    };
    let carried = estimate.carried_to(stamp.at);
    let scatter = carried.offset_deviation.powi(2) - estimate.offset_deviation.powi(2);
    let since = Component {
        bound: (carried.bound - estimate.bound).max(0.0),
        ..Component::type_a(
            "since the last look at the clock",
            scatter.max(0.0).sqrt(),
            f64::INFINITY,
        )
    };
    let own = [
        since,
        Component::time_stamps(stamp.uncertainty),
        Component::certificate("input and cable", expanded, 2.0),
    ];
    let budget = Budget::new(chain.budget().components().iter().cloned().chain(own))
        .map_err(|error| error.to_string())?;
    let time = Timestamp::from_epoch(rounded(stamp.at.since_epoch() + carried.offset));
    Ok(Moment { time, expanded: budget.expanded(2.0), bound: budget.bound() })
}

/// To the nanosecond, as it is shown.
fn rounded(time: Duration) -> Duration {
    let nano = Duration::from_nanos(1).to_bits();
    Duration::from_bits((time.to_bits() + nano / 2).div_euclid(nano) * nano)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::ClockStatus;
    use clock_models::comparison::StampedBy;
    use clock_models::estimator::Estimate;
    use clock_models::graph::{ClockGraph, ClockKind, Link};

    /// A clock whose time base is 1000 s behind TAI and 10 ppm slow, known within 100 ns.
    fn account(state: ClockState) -> Account {
        let estimate = Estimate {
            at: Timestamp::from_secs(50),
            offset: Duration::from_secs(1000),
            offset_deviation: 10e-9,
            frequency: 10e-6,
            frequency_deviation: 1e-9,
            covariance: 0.0,
            wander: 0.0,
            bound: 100e-9,
            delay_floor: 0.0,
            delay_floor_deviation: 0.0,
            jitter: 0.0,
        };
        let mut graph = ClockGraph::default();
        graph.add_clock("UTC", ClockKind::Utc).unwrap();
        graph.add_clock("nic", ClockKind::HostClock).unwrap();
        let budget = Budget::new([Component::certificate("all", 60e-9, 2.0)]).unwrap();
        let (from, to, by) = ("UTC".to_owned(), "nic".to_owned(), "PPS".to_owned());
        graph
            .connect(Link { from, to, by, budget, starts: None, expires: None, fault: None })
            .unwrap();
        let chain = graph.chain("nic", Timestamp::from_secs(0)).ok();
        // The clock itself is far off: that is nothing to the event.
        let offset = Some(3.0);
        let status = ClockStatus { state, offset, ..ClockStatus::default() };
        Account { status, chain, estimate: Some((estimate, 100e-9)) }
    }

    fn stamp(seconds: i64) -> Stamp {
        let at = Timestamp::from_secs(seconds);
        Stamp { at, uncertainty: 40e-9, by: StampedBy::Hardware }
    }

    #[test]
    fn the_time_is_that_of_the_estimate_and_u_has_all_parts() {
        let moment = moment(&account(ClockState::Locked), stamp(50), 240e-9).unwrap();
        assert_eq!(moment.time, Timestamp::from_secs(1050));
        // 30 ns of the chain, 40 ns of the stamp, 120 ns of the input.
        assert!((moment.expanded - 260e-9).abs() < 1e-12, "{moment:?}");
        assert!(moment.bound >= 3.0 * moment.expanded, "{moment:?}");
    }

    #[test]
    fn what_passed_since_the_last_look_at_the_clock_is_counted() {
        let (now, later) = (stamp(50), stamp(60));
        let account = account(ClockState::Holdover);
        let [now, later] = [now, later].map(|stamp| moment(&account, stamp, 1e-9).unwrap());
        assert_eq!(later.time - now.time, Duration::from_nanos(10_000_100_000));
        assert!(later.expanded > now.expanded && later.bound > now.bound, "{now:?} {later:?}");
    }

    #[test]
    fn an_event_that_is_fetched_late_is_dated_the_less_surely_the_older_it_is() {
        let account = account(ClockState::Locked);
        let [now, late, later] =
            [50, 45, 10].map(|second| moment(&account, stamp(second), 1e-9).unwrap());
        assert_eq!(now.time - late.time, Duration::from_nanos(5_000_050_000));
        assert!(now.expanded < late.expanded && late.expanded < later.expanded);
        assert!(now.bound < late.bound && late.bound < later.bound, "{late:?} {later:?}");
    }

    #[test]
    fn a_clock_that_is_not_on_time_gives_no_time_but_a_reason() {
        for state in [
            ClockState::FreeRunning,
            ClockState::Unsynchronised,
            ClockState::Panic,
            ClockState::Faulty,
        ] {
            let mut account = account(state);
            let reason = moment(&account, stamp(50), 1e-9).unwrap_err();
            assert!(reason.contains(state.name()), "{reason}");
            account.status.not_traceable_because = Some("no source has been selected".into());
            let reason = moment(&account, stamp(50), 1e-9).unwrap_err();
            assert_eq!(reason, "no source has been selected");
        }
        let unknown = Account { estimate: None, ..account(ClockState::Locked) };
        assert!(moment(&unknown, stamp(50), 1e-9).is_err());
    }

    #[test]
    fn times_are_rounded_to_a_nanosecond() {
        let half = Duration::from_bits(Duration::from_nanos(1).to_bits() / 2);
        assert_eq!(rounded(Duration::from_nanos(7) + half), Duration::from_nanos(8));
        assert_eq!(rounded(Duration::from_nanos(-7) - half * 2 / 3), Duration::from_nanos(-7));
    }
}
