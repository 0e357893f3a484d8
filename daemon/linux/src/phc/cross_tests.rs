use super::*;
use proptest::prelude::*;

fn nanos(n: i64) -> Duration {
    Duration::from_nanos(n)
}

fn time(n: i64) -> ClockTime {
    let (sec, nsec) = (n.div_euclid(1_000_000_000), n.rem_euclid(1_000_000_000));
    ClockTime { sec, nsec: nsec as u32, reserved: 0 }
}

fn sample(before: i64, phc: i64, after: i64) -> Sample {
    Sample::new(time(before), time(phc), time(after))
}

/// A system clock `rate` fast on the time base, and `stepped` by so much, read at `raw`.
fn reading(raw: i64, rate: f64, stepped: i64) -> CrossReading {
    let monotonic = nanos(raw + (raw as f64 * rate) as i64);
    let stepped = Duration::from_secs(1_795_000_000) + nanos(stepped);
    CrossReading {
        raw: Timestamp::from_epoch(nanos(raw)),
        realtime: Timestamp::from_epoch(monotonic + stepped),
        stepped,
        window: nanos(100),
    }
}

#[test]
fn what_the_hardware_latches_is_as_good_as_its_resolution() {
    let answer = SysOffsetPrecise {
        device: time(37_000_000_500),
        sys_realtime: time(5),
        sys_monoraw: time(1_000_000_042),
        reserved: [0; 4],
    };
    let reading = precise(&answer);
    assert_eq!(reading.phc.since_epoch(), nanos(37_000_000_500));
    assert_eq!(reading.raw.since_epoch(), nanos(1_000_000_042));
    assert_eq!(reading.method, CrossMethod::Precise);
    assert!((reading.uncertainty() - 0.41e-9).abs() < 0.01e-9);
}

#[test]
fn the_sample_with_the_smallest_window_wins_wherever_it_is() {
    let samples = [sample(0, 70, 900), sample(1000, 1070, 1100), sample(2000, 2070, 2500)];
    let best = narrowest(samples.into_iter()).unwrap();
    assert_eq!(best, samples[1]);
    let reading = in_raw(best);
    assert_eq!(reading.phc.since_epoch(), nanos(1070));
    assert_eq!(reading.raw.since_epoch(), nanos(1050));
    assert_eq!(reading.window, nanos(100));
    assert!((reading.uncertainty() - 28.9e-9).abs() < 0.1e-9);
}

#[test]
fn a_sample_around_which_the_system_went_back_is_none() {
    let samples = [sample(1_000_000, 70, 900), sample(1000, 1070, 1700)];
    assert_eq!(narrowest(samples.into_iter()), Some(samples[1]));
    assert_eq!(narrowest(samples.into_iter().take(1)), None);
}

#[test]
fn times_in_turn_make_a_sample_of_each_three() {
    let mut answer = SysOffset { n_samples: 3, reserved: [0; 3], ts: [time(0); 51] };
    for (at, ns) in [0, 10, 100, 120, 250, 260, 300].into_iter().enumerate() {
        answer.ts[at] = time(ns);
    }
    let samples: Vec<_> = plain_samples(&answer).collect();
    assert_eq!(samples, [sample(0, 10, 100), sample(100, 120, 250), sample(250, 260, 300)]);
    answer.n_samples = MAX_SAMPLES;
    assert_eq!(plain_samples(&answer).count(), 25);
}

#[test]
fn only_the_samples_that_were_asked_for_are_read() {
    let mut ts = [[time(0); 3]; 25];
    ts[0] = [time(0), time(10), time(100)];
    let answer = SysOffsetExtended { n_samples: 1, clock: 0, reserved: [0; 2], ts };
    assert_eq!(extended_samples(&answer).collect::<Vec<_>>(), [sample(0, 10, 100)]);
}

#[test]
fn a_step_of_the_system_clock_between_the_readings_is_noticed() {
    for step in [-500_000_000, -5000, 5000, 500_000_000] {
        let around = [reading(0, 0.0, 0), reading(10_000, 0.0, step)];
        assert_eq!(bridge(around, around[0].realtime + nanos(4000)), None, "{step}");
    }
}

#[test]
fn a_sample_that_is_not_between_the_readings_is_refused() {
    let around = [reading(0, 0.0, 0), reading(10_000, 0.0, 0)];
    for since in [-1201, 11_201] {
        assert_eq!(bridge(around, around[0].realtime + nanos(since)), None, "{since}");
    }
    let frozen = [reading(10, 0.0, 0), reading(10, 0.0, 0)];
    assert_eq!(bridge(frozen, frozen[0].realtime), None);
}

#[test]
fn the_way_by_the_system_clock_widens_the_window_by_that_of_its_reading() {
    let mut around = [reading(0, 0.0, 0), reading(10_000, 0.0, 0)];
    around[1].window = nanos(300);
    let before = around[0].realtime.since_epoch() + nanos(2000);
    let sample = Sample { before, phc: nanos(7), after: before + nanos(1000) };
    let reading = bridged(CrossMethod::Plain, around, Some(sample)).unwrap();
    assert_eq!(reading.raw.since_epoch(), nanos(2500));
    assert_eq!(reading.window, nanos(1300));
    assert_eq!(reading.method, CrossMethod::Plain);
    assert_eq!(bridged(CrossMethod::Plain, around, None), Err(PhcError::Stepped));
}

#[test]
fn every_method_tells_the_same_of_a_clock_that_keeps_the_pace_of_the_host() {
    let index = std::fs::read_to_string("/sys/kernel/debug/hwtsim/clock0/ptp");
    let (Some(_), Ok(index)) = (std::env::var_os("UTCD_VM"), index) else {
        return println!("skipped: runs on the bench in a virtual machine (UTCD_VM=1, hwtsim)");
    };
    let device = std::fs::File::open(format!("/dev/ptp{}", index.trim())).unwrap();
    let device = std::os::fd::AsFd::as_fd(&device);
    let found = Reader::probe(device).unwrap();
    assert_eq!((found.method, found.base), (CrossMethod::Precise, Base::Raw));
    let tell = |method, base| Reader { base, ..found }.read_by(method, device, 9).unwrap();
    let ahead = |reading: &PhcReading| reading.phc.since_epoch() - reading.raw.since_epoch();
    let truth = ahead(&tell(CrossMethod::Precise, Base::Raw));
    for (method, base) in [
        (CrossMethod::Extended, Base::Raw),
        (CrossMethod::Extended, Base::Realtime),
        (CrossMethod::Plain, Base::Realtime),
    ] {
        let reading = tell(method, base);
        println!("{method:?} by {base:?}: {:?} off", ahead(&reading) - truth);
        assert_eq!(reading.method, method);
        assert!(reading.window > Duration::ZERO);
        let half = reading.window / 2 + nanos(2);
        assert!((ahead(&reading) - truth).abs() <= half, "{method:?} {base:?}: {reading:?}");
    }
}

proptest! {
    #[test]
    fn a_steered_system_clock_bridges_to_the_nanosecond(
        rate in -0.1..0.1f64,
        span in 1000i64..10_000_000,
        part in 0.0..1.0f64,
    ) {
        let at = (span as f64 * part) as i64;
        let around = [reading(0, rate, 0), reading(span, rate, 0)];
        let raw = bridge(around, reading(at, rate, 0).realtime).unwrap();
        prop_assert!((raw.since_epoch() - nanos(at)).abs() <= nanos(2), "{raw:?}");
    }
}
