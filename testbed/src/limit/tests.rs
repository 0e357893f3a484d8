use super::*;
use crate::matrix;
use crate::quantity::Seconds;

fn delay(queueing: Queueing) -> Delay {
    Delay::new(&Direction::new(1e-4, queueing), 0.5e-9).unwrap()
}

fn particles(walk: Walk, first: &Observation<'_>, count: usize) -> Box<dyn Filter> {
    Box::new(Particles::new(0.0, walk, first, count, Random::new(1, 1)))
}

/// The rms error of a filter that sees an exchange a second of an oscillator that wanders.
fn rms(walk: Walk, delay: &Delay, begin: impl Fn(&Observation<'_>) -> Box<dyn Filter>) -> f64 {
    let mut random = Random::new(1, 0);
    let (mut offset, mut frequency) = (0.0, 0.0);
    let mut filter: Option<Box<dyn Filter>> = None;
    let mut squares = 0.0;
    for second in 0..1000 {
        let at = f64::from(second);
        let mut observe = |sign: f64| {
            let offset = offset - sign * delay.queueing.draw_one(&mut random);
            Observation { offset, age: 0.0, sign, delay }
        };
        let [down, up] = [observe(1.0), observe(-1.0)];
        match &mut filter {
            Some(filter) => filter.take(at, &[down, up]),
            None => filter.insert(begin(&down)).take(at, &[up]),
        }
        squares += filter.as_ref().map_or(0.0, |f| (f.offset(at) - offset).powi(2));
        let (moved, changed) = walk.step(1.0, [random.normal(), random.normal()]);
        offset += frequency + moved;
        frequency += changed;
    }
    (squares / 1000.0).sqrt()
}

#[test]
fn particles_agree_with_the_kalman_filter_where_the_noise_is_normal() {
    let gaussian = delay(Queueing::Gaussian { deviation: Seconds(1e-5) });
    let walk = Walk { wander: 1e-7 };
    let exact = rms(walk, &gaussian, |first| Box::new(Kalman::new(0.0, walk, first)));
    let sampled = rms(walk, &gaussian, |first| particles(walk, first, 500));
    assert!((sampled / exact - 1.0).abs() < 0.02, "{sampled}, not {exact}");
    // Half the variance of the two directions' mean would be left without a memory.
    assert!(exact < 0.5 * 1e-5 / 2f64.sqrt(), "{exact}");
}

#[test]
fn equal_exponential_delays_leave_the_middle_of_what_both_directions_allow() {
    let exponential = delay(Queueing::Exponential { mean: Seconds(1e-5) });
    let seen = |offset, sign| Observation { offset, age: 0.0, sign, delay: &exponential };
    let still = Walk { wander: 0.0 };
    let mut filter = particles(still, &seen(-4e-6, 1.0), 5000);
    filter.take(0.0, &[seen(6e-6, -1.0)]);
    assert!((filter.offset(0.0) - 1e-6).abs() < 0.2e-6, "{}", filter.offset(0.0));
    filter.take(1.0, &[seen(-8e-6, 1.0), seen(2e-6, -1.0)]);
    assert!((filter.offset(1.0) + 1e-6).abs() < 0.2e-6, "{}", filter.offset(1.0));
}

#[test]
fn an_exchange_far_out_and_narrow_is_followed() {
    let exponential = delay(Queueing::Exponential { mean: Seconds(1e-5) });
    let seen = |offset, sign| Observation { offset, age: 0.0, sign, delay: &exponential };
    let mut filter = particles(Walk { wander: 1e-7 }, &seen(0.0, 1.0), 200);
    filter.take(0.0, &[seen(1e-8, -1.0)]);
    // In 16 s the offset walks by W·t^1.5/√3 = 3.7 µs: 3.5 deviations.
    filter.take(16.0, &[seen(13e-6, 1.0), seen(13.5e-6, -1.0)]);
    assert!((12.9e-6..13.6e-6).contains(&filter.offset(16.0)), "{}", filter.offset(16.0));
}

#[test]
fn an_exchange_that_nothing_is_left_of_is_set_aside() {
    let exponential = delay(Queueing::Exponential { mean: Seconds(1e-5) });
    let seen = |offset, sign| Observation { offset, age: 0.0, sign, delay: &exponential };
    let mut filter = particles(Walk { wander: 1e-9 }, &seen(0.0, 1.0), 100);
    filter.take(0.0, &[seen(1e-6, -1.0)]);
    filter.take(1.0, &[seen(1.0, 1.0), seen(2.0, -1.0)]);
    assert!((0.0..1e-6).contains(&filter.offset(1.0)), "{}", filter.offset(1.0));
}

#[test]
fn the_run_of_a_cell_is_followed_as_well_as_its_noise_allows() {
    // By NTP and by PTP.
    for cell in [4, 28] {
        let setup = matrix::cells()[cell].setup();
        let run = record(&setup, 1, 400).unwrap();
        assert_eq!(run.truth.len(), 400);
        assert!((770..=830).contains(&run.seen.len()), "{} messages", run.seen.len());
        // The mean of one exchange's two directions is wrong by J/√2 = 7 µs.
        let Errors { rms, max } = Known::new(&setup).unwrap().errors(&run, 200, 200, 1);
        assert!((20e-9..1e-6).contains(&rms), "{rms}");
        assert!((2.0..10.0).contains(&(max / rms)), "{max}");
    }
}

#[test]
fn what_has_no_model_is_refused() {
    let setup = || matrix::cells()[4].setup();
    let refused = |setup: &Setup| Known::new(setup).err().unwrap();
    let mut two = setup();
    two.sites.push(two.sites[0].clone());
    assert_eq!(refused(&two), LimitError::Sources(2));
    let mut uniform = setup();
    uniform.sites[0].path.to_server.queueing = vec![Queueing::Uniform { width: Seconds(1e-5) }];
    assert_eq!(refused(&uniform), LimitError::Path);
    let mut white = setup();
    white.oscillator.noise.white = 1e-20;
    assert_eq!(refused(&white), LimitError::Oscillator);
}
