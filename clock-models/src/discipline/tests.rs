use proptest::prelude::*;

use super::*;
use crate::virtual_clock::VirtualClock;

const LIMITS: Limits = Limits {
    step_threshold: 1e-3,
    max_steps: 3,
    panic_threshold: Some(1000.0),
    max_slew_rate: 500e-6,
    max_frequency: None,
};

const EPOCH: Duration = Duration::from_secs(1_700_000_000);

/// True TAI is the time base plus [`EPOCH`] plus `offset` plus `frequency` × time base.
struct Bench {
    clock: VirtualClock,
    discipline: Discipline,
    now: Timestamp<Free>,
    offset: f64,
    frequency: f64,
    /// Standard deviation of the estimates, s.
    deviation: f64,
    /// When the discipline wants its next tick, and how late it gets it, s.
    next: Option<Timestamp<Free>>,
    late: f64,
    /// The clock reads, s, and is steered, ratio, in multiples of these; 0 is exactly.
    reading_step: f64,
    frequency_step: f64,
}

impl Bench {
    /// A clock that is fast by `error`, s, on a base that is slow by `frequency`.
    fn new(error: f64, frequency: f64) -> Self {
        let now = Timestamp::from_secs(1000);
        let mut bench = Self {
            clock: VirtualClock::new(now, Timestamp::EPOCH),
            discipline: Discipline::new(LIMITS),
            now,
            offset: 0.0,
            frequency,
            deviation: 1e-7,
            next: None,
            late: 0.0,
            reading_step: 0.0,
            frequency_step: 0.0,
        };
        let true_time = bench.true_time();
        bench.clock = VirtualClock::new(now, true_time + seconds(error));
        bench
    }

    fn true_time(&self) -> Timestamp<Tai> {
        let drift = seconds(self.frequency * self.now.since_epoch().seconds());
        Timestamp::from_epoch(self.now.since_epoch() + EPOCH + seconds(self.offset) + drift)
    }

    fn follow(&mut self) {
        let offset = self.true_time().since_epoch() - self.now.since_epoch();
        self.discipline.follow(Estimate {
            at: self.now,
            offset,
            offset_deviation: self.deviation,
            frequency: self.frequency,
            frequency_deviation: 1e-9,
            covariance: 0.0,
            wander: 1e-9,
            bound: 1e-5,
            delay_floor: 1e-5,
            delay_floor_deviation: 0.0,
            jitter: 1e-6,
        });
    }

    fn tick(&mut self) -> Tick {
        let shown = self.clock.at(self.now).since_epoch();
        let step = seconds(self.reading_step).to_bits().max(1);
        let shown = Duration::from_bits(shown.to_bits().div_euclid(step) * step);
        let reading = ClockReading { base: self.now, time: Timestamp::from_epoch(shown) };
        let tick = self.discipline.tick(reading, self.clock.frequency());
        match tick.command {
            Some(Command::Step(step)) => self.clock.step(step),
            Some(Command::Frequency(f)) if self.frequency_step > 0.0 => {
                let steps = (f / self.frequency_step).round();
                self.clock.set_frequency(self.now, steps * self.frequency_step);
            }
            Some(Command::Frequency(f)) => self.clock.set_frequency(self.now, f),
            None => {}
        }
        self.next = tick.next;
        tick
    }

    /// The ticks that the discipline wants in the next `d` seconds.
    fn pass(&mut self, d: f64) {
        let end = self.now + seconds(d);
        while let Some(next) = self.next.map(|next| next + seconds(self.late)).filter(|&n| n < end)
        {
            self.now = self.now.max(next);
            self.tick();
        }
        self.now = end;
    }

    fn error(&self) -> f64 {
        (self.clock.at(self.now) - self.true_time()).seconds()
    }

    fn run(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.pass(1.0);
            self.follow();
            self.tick();
        }
    }
}

fn seconds(s: f64) -> Duration {
    Duration::from_seconds(s).unwrap()
}

#[test]
fn a_frequency_that_the_clock_cannot_be_given_is_told_and_taken_for_no_interference() {
    let mut bench = Bench::new(0.0, 80e-6);
    bench.discipline =
        Discipline::new(Limits { max_frequency: Some(50e-6), panic_threshold: None, ..LIMITS });
    bench.run(60);
    bench.pass(1.0);
    bench.follow();
    let tick = bench.tick();
    assert_eq!(tick.command, Some(Command::Frequency(50e-6)));
    assert!(tick.impossible.is_some_and(|kept| (kept - 80e-6).abs() < 1e-9), "{tick:?}");
    assert!(bench.error() < -1e-3, "it drifts off: {}", bench.error());
    assert_eq!(bench.discipline.state(), State::Acquiring);
    assert_eq!(bench.discipline.interferences(), 0);
    bench.offset += 60e-6 * bench.now.since_epoch().seconds();
    bench.frequency = 20e-6;
    bench.run(200);
    assert_eq!(bench.tick().impossible, None);
    assert_eq!(bench.discipline.state(), State::Locked);
}

#[test]
fn a_slew_to_the_end_of_the_range_is_no_frequency_that_the_clock_cannot_keep() {
    let mut bench = Bench::new(0.0, 40e-6);
    let limits = Limits { max_frequency: Some(50e-6), step_threshold: 1.0, ..LIMITS };
    bench.discipline = Discipline::new(Limits { panic_threshold: None, ..limits });
    bench.offset = 1e-3;
    bench.follow();
    let tick = bench.tick();
    assert_eq!(tick.command, Some(Command::Frequency(50e-6)));
    assert_eq!(tick.impossible, None);
}

#[test]
fn without_an_estimate_the_clock_is_left_alone() {
    let mut bench = Bench::new(0.01, 20e-6);
    let tick = bench.tick();
    assert_eq!((tick.command, tick.error), (None, None));
    assert_eq!(bench.discipline.state(), State::Unsynchronised);
}

#[test]
fn a_start_10_ms_off_and_20_ppm_fast_is_stepped_once_and_then_locked() {
    let mut bench = Bench::new(0.01, -20e-6);
    bench.run(3);
    assert_eq!(bench.discipline.steps(), 1);
    bench.run(20);
    assert_eq!(bench.discipline.state(), State::Locked);
    assert!(bench.error().abs() < 1e-9, "{}", bench.error());
    assert!((bench.clock.frequency() + 20e-6).abs() < 1e-10);
}

#[test]
fn after_the_first_lock_an_error_is_slewed_at_a_bounded_rate_without_overshoot() {
    let mut bench = Bench::new(0.0, 0.0);
    bench.run(10);
    bench.offset += 0.1;
    let mut last = bench.error();
    for _ in 0..400 {
        bench.run(1);
        let error = bench.error();
        assert!((error - last) <= 500.1e-6 && error <= 1e-9, "{last} {error}");
        assert!(error >= last, "slewing is monotonic");
        last = error;
    }
    assert_eq!(bench.discipline.steps(), 0);
    assert!(last.abs() < 1e-8);
}

#[test]
fn no_more_steps_than_allowed_even_if_the_source_keeps_jumping() {
    let mut bench = Bench::new(0.25, 0.0);
    for _ in 0..10 {
        bench.offset += 0.5;
        bench.run(1);
        // It jumps again before the clock could be seen to follow it.
        bench.next = None;
    }
    assert_eq!(bench.discipline.steps(), 3);
    assert_eq!(bench.discipline.state(), State::Acquiring);
}

#[test]
fn an_insane_change_is_refused_and_taken_back_when_it_is_sane_again() {
    let mut bench = Bench::new(0.0, 0.0);
    bench.run(10);
    bench.offset += 3600.0;
    bench.run(5);
    assert_eq!(bench.discipline.state(), State::Panic);
    assert!((bench.error() + 3600.0).abs() < 1e-6, "left alone");
    bench.offset -= 3600.0;
    bench.run(2);
    assert_eq!(bench.discipline.state(), State::Locked);
}

#[test]
fn holdover_runs_on_by_the_last_estimate_with_growing_uncertainty_and_returns() {
    let mut bench = Bench::new(0.0, 30e-6);
    bench.run(30);
    bench.discipline.lose(bench.now);
    let mut last = 0.0;
    for _ in 0..100 {
        bench.pass(10.0);
        let estimate = bench.tick().estimate.unwrap();
        assert!(estimate.offset_deviation > last);
        last = estimate.offset_deviation;
    }
    assert_eq!(bench.discipline.state(), State::Holdover);
    assert!((bench.discipline.holdover(bench.now) - 1000.0).abs() < 1e-9);
    assert!(bench.error().abs() < 1e-6, "the frequency is kept: {}", bench.error());
    bench.run(1);
    assert_eq!(bench.discipline.state(), State::Locked);
    assert!(bench.discipline.holdover(bench.now).abs() < f64::EPSILON);
}

#[test]
fn losing_sources_that_never_were_is_no_holdover() {
    let mut bench = Bench::new(0.0, 0.0);
    bench.discipline.lose(bench.now);
    bench.tick();
    assert_eq!(bench.discipline.state(), State::Unsynchronised);
}

#[test]
fn somebody_else_who_sets_the_clock_back_is_noticed_and_the_clock_put_right() {
    let mut bench = Bench::new(0.0, 10e-6);
    bench.run(20);
    bench.clock.step(seconds(-600.0));
    bench.pass(1.0);
    let tick = bench.tick();
    assert!((tick.interference.unwrap() + 600.0).abs() < 1e-6);
    assert_eq!(bench.discipline.interferences(), 1);
    bench.run(3);
    assert!(bench.error().abs() < 1e-6);
    assert_eq!(bench.discipline.interferences(), 1, "its own step is not mistaken");
}

#[test]
fn an_administrator_who_sets_the_clock_back_an_hour_is_no_reason_to_panic() {
    let mut bench = Bench::new(0.0, 10e-6);
    bench.run(20);
    bench.clock.step(seconds(-3600.0));
    bench.run(3);
    assert_eq!(bench.discipline.state(), State::Locked);
    assert!(bench.error().abs() < 1e-6);
    // That it was moved once excuses no insane source later.
    bench.offset += 3600.0;
    bench.run(3);
    assert_eq!(bench.discipline.state(), State::Panic);
    // Set by hand, as the log asks for, and by as much as the sources say.
    bench.clock.step(seconds(3600.0));
    bench.run(3);
    assert_eq!(bench.discipline.state(), State::Locked);
    assert!(bench.error().abs() < 1e-6);
}

#[test]
fn a_clock_that_was_replaced_is_stepped_again_and_nobody_is_blamed() {
    let mut bench = Bench::new(0.0, 10e-6);
    bench.run(20);
    bench.clock.step(seconds(-37.0));
    bench.pass(1.0);
    bench.discipline.clock_replaced();
    assert!(matches!(bench.tick().command, Some(Command::Step(_))));
    bench.run(3);
    assert!(bench.error().abs() < 1e-6);
    assert_eq!(bench.discipline.interferences(), 0);
}

#[test]
fn somebody_else_who_steers_the_frequency_is_noticed() {
    let mut bench = Bench::new(0.0, 0.0);
    bench.run(20);
    bench.clock.set_frequency(bench.now, 200e-6);
    bench.pass(1.0);
    assert!(bench.tick().interference.is_some());
}

#[test]
fn an_observer_tells_the_error_and_commands_nothing() {
    let mut bench = Bench::new(0.5, 10e-6);
    bench.discipline = Discipline::observer();
    bench.discipline.set_limits(LIMITS);
    assert_eq!(bench.tick().error, None);
    bench.follow();
    for _ in 0..10 {
        let tick = bench.tick();
        assert!((tick.error.unwrap() - 0.5).abs() < 1e-3);
        assert_eq!((tick.command, tick.interference), (None, None));
        bench.clock.step(seconds(1e-6));
        bench.pass(1.0);
    }
    assert_eq!(bench.discipline.state(), State::Locked);
    bench.discipline.lose(bench.now);
    bench.tick();
    assert_eq!(bench.discipline.state(), State::Holdover);
}

#[test]
fn a_clock_that_refuses_is_never_locked_and_its_steps_are_not_counted() {
    let mut bench = Bench::new(0.01, 0.0);
    for _ in 0..10 {
        bench.pass(1.0);
        bench.follow();
        let reading = ClockReading { base: bench.now, time: bench.clock.at(bench.now) };
        let tick = bench.discipline.tick(reading, bench.clock.frequency());
        assert!(matches!(tick.command, Some(Command::Step(_))), "{tick:?}");
        bench.discipline.command_failed(tick.command.unwrap());
        assert_eq!(bench.discipline.steps(), 0);
        assert_eq!(bench.discipline.state(), State::Acquiring);
    }
    // As good as right, but by luck.
    bench.clock.step(seconds(-0.01));
    bench.follow();
    let reading = ClockReading { base: bench.now, time: bench.clock.at(bench.now) };
    let tick = bench.discipline.tick(reading, bench.clock.frequency());
    assert_eq!((tick.interference, bench.discipline.state()), (None, State::Locked));
    bench.discipline.command_failed(tick.command.unwrap());
    assert_eq!(bench.discipline.state(), State::Acquiring);
}

/// Error and frequency beside the estimate's before each of some instants, 1/64 s apart,
/// with an estimate now and `ticks` after it, a second apart.
fn trace(bench: &mut Bench, ticks: u32) -> Vec<(f64, f64)> {
    let mut trace = Vec::new();
    for tick in 0..=ticks {
        bench.follow();
        bench.tick();
        for _ in 0..if tick < ticks { 64 } else { 0 } {
            trace.push((bench.error(), bench.clock.frequency() - bench.frequency));
            bench.pass(1.0 / 64.0);
        }
    }
    trace.push((bench.error(), bench.clock.frequency() - bench.frequency));
    trace
}

#[test]
fn a_correction_is_made_in_the_sooner_the_more_it_stands_out_and_then_nothing_is_done() {
    // In parts of the interval of 1 s between estimates.
    for (deviations, part) in [(0.06, 0.75), (0.8, 0.75), (1.0, 0.5), (2.0, 0.125), (9.0, 0.125)] {
        let mut bench = Bench::new(0.0, 10e-6);
        bench.run(3);
        assert_eq!(bench.next, None);
        bench.offset -= deviations * bench.deviation;
        bench.run(1);
        let next = bench.next.unwrap();
        assert!(((next - bench.now).seconds() - part).abs() < 1e-5, "{deviations}");
        bench.pass(0.99);
        assert_eq!(bench.next, None);
        assert!(bench.error().abs() < 1e-13, "{}", bench.error());
    }
}

/// Sentences of a receiver tell the second, and its pulses where in it that begins.
#[test]
fn steps_are_left_until_the_estimate_is_better_than_what_is_stepped() {
    let mut bench = Bench::new(0.0, 0.0);
    bench.deviation = 10e-3;
    bench.run(5);
    assert_eq!((bench.discipline.state(), bench.discipline.steps()), (State::Locked, 0));
    // What the estimate left open is no reason to step.
    bench.offset += 19e-3;
    bench.run(1);
    assert_eq!((bench.discipline.state(), bench.discipline.steps()), (State::Locked, 0));
    bench.deviation = 1e-6;
    bench.run(5);
    assert_eq!((bench.discipline.state(), bench.discipline.steps()), (State::Locked, 1));
    // From now on nothing is stepped any more.
    bench.offset += 19e-3;
    bench.run(1);
    assert_eq!((bench.discipline.state(), bench.discipline.steps()), (State::Acquiring, 1));
}

#[test]
fn begun_anew_it_takes_nothing_for_interference_and_steps_as_at_the_start() {
    let mut bench = Bench::new(0.0, 0.0);
    bench.run(5);
    assert_eq!((bench.discipline.state(), bench.discipline.steps()), (State::Locked, 0));
    // What the kernel makes of an hour with a slow RTC.
    bench.clock.step(seconds(3600.0));
    bench.offset += 3600.4;
    bench.discipline = bench.discipline.anew();
    assert_eq!(bench.discipline.state(), State::Unsynchronised);
    assert_eq!(bench.discipline.estimate(bench.now), None);
    bench.run(5);
    assert_eq!((bench.discipline.state(), bench.discipline.steps()), (State::Locked, 1));
    assert_eq!(bench.discipline.interferences(), 0);
    // Steps that were made before count on.
    assert_eq!(bench.discipline.anew().steps(), 1);
}

#[test]
fn a_tick_that_is_always_late_makes_no_overshoot_once_that_is_known() {
    let mut bench = Bench::new(0.0, 0.0);
    bench.late = 20e-3;
    bench.offset -= 50e-6;
    bench.run(10);
    bench.offset -= 50e-6;
    let errors = trace(&mut bench, 3);
    assert!(errors.iter().all(|(error, _)| *error > -1e-9), "{errors:?}");
    assert!(errors.last().unwrap().0.abs() < 5e-9);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_slew_is_monotonic_keeps_to_its_rate_and_stops_at_the_estimate(
        error in -5e-3f64..5e-3,
        small in 0..7,
        frequency in -50e-6f64..50e-6,
    ) {
        let error = error / 10f64.powi(small);
        let mut bench = Bench::new(0.0, frequency);
        bench.run(3);
        bench.offset -= error;
        let trace = trace(&mut bench, 20);
        for pair in trace.windows(2) {
            let [(before, rate), (after, _)] = *pair else { unreachable!() };
            prop_assert!(after.abs() <= before.abs() + 1e-12, "{before} {after}");
            prop_assert!(after * error >= -1e-18, "past the estimate: {after}");
            prop_assert!(rate.abs() <= LIMITS.max_slew_rate + 1e-15);
        }
        prop_assert!(trace[trace.len() - 1].0.abs() <= 0.05 * bench.deviation + 1e-12);
    }

    #[test]
    fn steps_of_the_clock_make_no_limit_cycle_beyond_themselves(
        frequency in -50e-6f64..50e-6,
        kernel in any::<bool>(),
        coarse in any::<bool>(),
        deviation in -9i32..-5,
        late in 0.0f64..2e-3,
    ) {
        let mut bench = Bench::new(0.0, frequency);
        // That of the kernel, and of many hardware clocks.
        bench.frequency_step = if kernel { 1e-6 / 65_536.0 } else { 1e-9 };
        bench.reading_step = if coarse { 1e-6 } else { 1e-9 };
        bench.deviation = 10f64.powi(deviation);
        bench.late = late;
        trace(&mut bench, 10);
        // Half of a step of the frequency for the second between two ticks, and a step of
        // the reading each way; no more error than is left alone.
        let least = bench.frequency_step + 2.0 * bench.reading_step + 0.05 * bench.deviation;
        for (error, _) in trace(&mut bench, 30) {
            prop_assert!(error.abs() <= least, "{error} {least}");
        }
    }
}
