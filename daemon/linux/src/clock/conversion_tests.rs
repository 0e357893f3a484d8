use super::*;
use proptest::prelude::*;

const WINDOW: Duration = Duration::from_nanos(100);

fn nanos(n: i64) -> Duration {
    Duration::from_nanos(n)
}

/// A system clock `rate` fast on the time base, and `stepped` by so much, read at `raw`.
fn reading(raw: Duration, rate: f64, stepped: Duration) -> CrossReading {
    let monotonic = raw + Duration::from_seconds(raw.seconds() * rate).unwrap();
    let stepped = Duration::from_secs(1_795_000_000) + stepped;
    CrossReading {
        raw: Timestamp::from_epoch(raw),
        realtime: Timestamp::from_epoch(monotonic + stepped),
        stepped,
        window: WINDOW,
    }
}

fn quiet(raw: Duration) -> CrossReading {
    reading(raw, 0.0, Duration::ZERO)
}

#[test]
fn a_stamp_is_as_old_on_the_time_base_as_on_the_system_clock() {
    let mut conversion = Conversion::new(quiet(Duration::ZERO));
    let taken = quiet(nanos(1_000_000));
    let stamp = conversion.convert(taken.realtime, &quiet(nanos(1_050_000))).unwrap();
    assert_eq!(stamp.at, taken.raw);
    assert_eq!(stamp.by, StampedBy::Kernel);
    // 100 ns/√12 = 28.9 ns of reading, 50 µs × 500 ppm/√3 = 14.4 ns of rate.
    assert!((stamp.uncertainty - 32.3e-9).abs() < 0.1e-9, "{stamp:?}");
}

#[test]
fn a_step_between_stamp_and_reading_is_noticed_either_way() {
    for step in [nanos(-500_000_000), nanos(-5000), nanos(5000), nanos(500_000_000)] {
        let mut conversion = Conversion::new(quiet(Duration::ZERO));
        let taken = quiet(nanos(1_000_000));
        let now = reading(nanos(1_050_000), 0.0, step);
        assert_eq!(conversion.convert(taken.realtime, &now), None, "{step:?}");
    }
}

#[test]
fn stamps_of_before_a_step_are_refused_and_those_after_it_are_taken() {
    let mut conversion = Conversion::new(quiet(Duration::ZERO));
    let stepped = |raw| reading(nanos(raw), 0.0, nanos(10_000));
    assert_eq!(conversion.convert(stepped(900_000).realtime, &stepped(1_000_000)), None);
    // Queued since before the step was seen.
    assert_eq!(conversion.convert(quiet(nanos(990_000)).realtime, &stepped(1_020_000)), None);
    let after = stepped(1_100_000);
    assert_eq!(conversion.convert(after.realtime, &stepped(1_110_000)).unwrap().at, after.raw);
}

#[test]
fn a_stamp_of_the_future_or_of_long_ago_is_refused() {
    let mut conversion = Conversion::new(quiet(Duration::ZERO));
    let now = quiet(Duration::from_secs(10));
    assert_eq!(conversion.convert(now.realtime + nanos(1200), &now), None);
    assert_eq!(conversion.convert(now.realtime - Duration::SECOND - nanos(1), &now), None);
    assert!(conversion.convert(now.realtime + nanos(50), &now).is_some());
    assert!(conversion.convert(now.realtime - Duration::SECOND, &now).is_some());
}

#[test]
fn before_its_rate_is_known_a_slewed_clock_is_covered_by_the_uncertainty() {
    let mut conversion = Conversion::new(reading(Duration::ZERO, 500e-6, Duration::ZERO));
    let at = |raw| reading(nanos(raw), 500e-6, Duration::ZERO);
    let (taken, now) = (at(1_000_000), at(2_000_000));
    let stamp = conversion.convert(taken.realtime, &now).unwrap();
    let error = (stamp.at - taken.raw).seconds().abs();
    assert!(error > 499e-9 && error <= 3_f64.sqrt() * stamp.uncertainty, "{stamp:?}");
}

#[test]
fn an_interrupted_reading_does_not_spoil_the_rate() {
    let mut conversion = Conversion::new(quiet(Duration::ZERO));
    let mut interrupted = quiet(nanos(20_000_000));
    interrupted.window = nanos(1_000_000);
    interrupted.raw += nanos(400_000);
    conversion.observe(&interrupted);
    let taken = quiet(nanos(29_000_000));
    let stamp = conversion.convert(taken.realtime, &quiet(nanos(30_000_000))).unwrap();
    assert!((stamp.at - taken.raw).abs() <= nanos(10), "{stamp:?}");
}

proptest! {
    #[test]
    fn a_steady_rate_is_taken_out_to_a_nanosecond(
        rate in -0.1..0.1f64,
        age in 0i64..1_000_000,
        windows_apart in 100_001i64..10_000_000,
    ) {
        let at = |raw| reading(raw, rate, Duration::ZERO);
        let mut conversion = Conversion::new(at(Duration::ZERO));
        let now = WINDOW * 2 * windows_apart;
        let taken = at(now - nanos(age));
        let stamp = conversion.convert(taken.realtime, &at(now)).unwrap();
        prop_assert!((stamp.at - taken.raw).abs() <= nanos(1), "{:?}", stamp);
    }

    #[test]
    fn any_stamp_gives_a_finite_uncertainty_or_none(seconds in any::<i64>(), nano in 0i64..1_000_000_000) {
        let mut conversion = Conversion::new(quiet(Duration::ZERO));
        let stamp = Timestamp::from_secs(seconds) + nanos(nano);
        if let Some(stamp) = conversion.convert(stamp, &quiet(Duration::SECOND)) {
            prop_assert!(stamp.uncertainty.is_finite() && stamp.uncertainty > 0.0);
        }
    }
}
