//! Whatever is compared, the estimator gives numbers.

use super::*;

/// A path and a clock of any size, which now and then change by as much.
struct Any {
    random: Random,
    jitter: f64,
    floor: f64,
    noise: f64,
    wander: f64,
    interval: f64,
    t: f64,
    offset: f64,
    frequency: f64,
}

impl Any {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut of_any_size =
            |[least, most]: [f64; 2]| 10f64.powf(least + (most - least) * random.uniform());
        Self {
            jitter: of_any_size([-10.0, -2.0]),
            floor: of_any_size([-9.0, -1.0]),
            noise: of_any_size([-10.0, -5.0]),
            wander: of_any_size([-12.0, -5.0]),
            interval: of_any_size([-3.0, 3.0]),
            random,
            t: 0.0,
            offset: 0.01,
            frequency: 10e-6,
        }
    }

    fn pass(&mut self) {
        let dt = self.interval * self.random.uniform();
        self.t += dt;
        self.frequency += self.wander * dt.sqrt() * self.random.normal();
        self.offset += self.frequency * dt;
        let by = self.random.normal();
        match self.random.uniform() {
            0.0..0.005 => self.offset += by * 10f64.powf(-9.0 * self.random.uniform()),
            0.005..0.01 => self.floor *= 10f64.powf(by / 3.0),
            0.01..0.015 => self.frequency += 1e-6 * by,
            0.015..0.02 => self.t += 100.0 * self.interval,
            _ => {}
        }
    }

    fn reading(&mut self, sign: f64) -> Reading {
        let delay = self.floor + self.jitter * self.random.exponential();
        let shown = self.offset + sign * delay + self.noise * self.random.normal();
        let t = self.t + 0.01 * self.interval * self.random.uniform();
        let [at, difference] = [t, shown].map(|s| Duration::from_seconds(s).unwrap());
        Reading { at: Timestamp::EPOCH + at, difference }
    }

    fn comparison(&mut self) -> Comparison {
        let (from, to, which) = (self.reading(-1.0), self.reading(1.0), self.random.uniform());
        Comparison {
            from_reference: (which < 0.8).then_some(from),
            to_reference: (which > 0.2).then_some(to),
            stamp_uncertainty: self.noise,
            upstream: Upstream { follows: which > 0.5, ..Upstream::default() },
        }
    }
}

fn is_finite(estimate: &Estimate) -> bool {
    let e = estimate;
    let deviations = [e.offset_deviation, e.frequency_deviation, e.delay_floor_deviation];
    let others = [e.frequency, e.covariance, e.wander, e.bound, e.delay_floor, e.jitter];
    deviations.iter().chain(&others).all(|figure| figure.is_finite())
}

#[test]
fn whatever_is_compared_the_estimate_is_a_number() {
    for seed in 1..=200 {
        let mut any = Any::new(seed);
        let mut estimator = Estimator::new(None);
        for packet in 0..1000 {
            any.pass();
            estimator.update(&any.comparison());
            let estimate = estimator.estimate();
            assert!(estimate.as_ref().is_none_or(is_finite), "{seed}, {packet}: {estimate:?}");
        }
    }
}

#[test]
fn a_belief_that_is_no_number_is_given_up() {
    let mut world = World::new(1, 1.0, 200e-6, exponential::<1000>, 1e-9);
    world.run(100.0);
    let mut endless = world.comparison();
    endless.stamp_uncertainty = f64::INFINITY;
    assert!(world.estimator.update(&endless).unwrap().restarted);
    world.run(100.0);
    let (error, estimate) = world.error().unwrap();
    assert!(error.abs() < 2e-6 && is_finite(&estimate), "{error} {estimate:?}");
}
