//! Comparisons whose two messages are as far apart as those of PTP.

use super::*;
use crate::keeper::{Edge, Terms};
use crate::selection::SourceId;

/// A Sync each second; a Delay_Req within 2 s of the one before, which leaves with the next
/// Sync. Stamps are ± 8 ns in steps of 8 ns, and there are no queues but up to `jitter`, s.
struct Ptp {
    world: World,
    jitter: f64,
    /// What the stamps are said to be uncertain by, s.
    stamp_uncertainty: f64,
    next_request: f64,
    request: Option<Reading>,
}

impl Ptp {
    fn new(seed: u64, jitter: f64) -> Self {
        let mut world = World::new(seed, 1.0, 500e-9, |_| (0.0, 0.0), 1e-9);
        world.frequency = 15e-6;
        world.granularity = 8e-9;
        Self { world, jitter, stamp_uncertainty: 4e-9, next_request: 0.3, request: None }
    }

    fn reading(&mut self, delay: f64) -> Reading {
        let [local, remote] = [(); 2].map(|()| 8e-9 * (2.0 * self.world.random.uniform() - 1.0));
        let delay = delay + delay.signum() * self.jitter * self.world.random.uniform();
        let (t, offset) = (self.world.t, self.world.offset);
        let at = self.world.stamp(t + local);
        let difference = self.world.stamp(t + offset + delay + remote) - at;
        Reading { at: Timestamp::EPOCH + at, difference }
    }

    /// Goes on to the next message.
    fn step(&mut self) {
        let next_sync = self.world.t.floor() + 1.0;
        if self.next_request < next_sync {
            self.world.pass(self.next_request - self.world.t);
            self.request = Some(self.reading(self.world.floor));
            self.next_request += 2.0 * self.world.random.uniform();
            return;
        }
        self.world.pass(next_sync - self.world.t);
        self.world.t = next_sync;
        let comparison = Comparison {
            from_reference: Some(self.reading(-self.world.floor)),
            to_reference: self.request.take(),
            stamp_uncertainty: self.stamp_uncertainty,
            upstream: Upstream::default(),
        };
        let fit = self.world.estimator.update(&comparison);
        self.world.restarts += u32::from(fit.is_some_and(|fit| fit.restarted));
    }

    fn run_to(&mut self, t: f64) {
        while self.world.t < t {
            self.step();
        }
    }
}

#[test]
fn a_master_that_steps_between_two_messages_is_followed_by_what_came_after() {
    for step in [2e-3, -2e-3, 50e-6, -1.0] {
        for seed in 1..=25 {
            let mut ptp = Ptp::new(seed, 0.0);
            ptp.run_to(300.0);
            let stepped = 300.0 + 2.0 * ptp.world.random.uniform();
            ptp.run_to(stepped);
            ptp.world.offset += step;
            ptp.run_to(stepped + 12.0);
            while ptp.world.t < stepped + 60.0 {
                ptp.step();
                let (error, estimate) = ptp.world.error().unwrap();
                assert!(error.abs() < 100e-9, "{step} s, seed {seed}: {error:e} {estimate:?}");
            }
            assert_eq!(ptp.world.restarts, 1, "{step} s, seed {seed}");
        }
    }
}

/// Starts, of 600 for each jitter, whose first exchanges are alike by chance. With one guess of
/// the jitter, and no second try, they are 141 to 358 ns and 1.4 to 2.1 µs off for minutes.
#[test]
fn a_start_with_exchanges_that_are_alike_by_chance_is_not_caught() {
    let caught = [
        (1e-6, 110e-9, [101, 110, 128, 247, 351, 579]),
        (20e-6, 700e-9, [38, 54, 308, 325, 351, 488]),
    ];
    for (jitter, limit, seeds) in caught {
        for seed in seeds {
            let mut ptp = Ptp::new(seed, jitter);
            ptp.run_to(180.0);
            let (mut square, mut count) = (0.0, 0.0);
            while ptp.world.t < 400.0 {
                ptp.step();
                let (error, _) = ptp.world.error().unwrap();
                square += error * error;
                count += 1.0;
            }
            let rms = f64::sqrt(square / count);
            assert!(rms < limit, "jitter {jitter:e}, seed {seed}: {rms:e}");
        }
    }
}

#[test]
fn a_frequency_that_is_known_wrong_does_not_spoil_the_start() {
    for jitter in [0.0, 1e-6] {
        for seed in 1..=50 {
            let mut ptp = Ptp::new(seed, jitter);
            // A drift file of another oscillator, 10 ppm off.
            ptp.world.estimator = Estimator::new(Some((25e-6, 1e-7)));
            ptp.run_to(10.0);
            while ptp.world.t < 60.0 {
                ptp.step();
                let (error, estimate) = ptp.world.error().unwrap();
                let limit = 30e-9 + jitter;
                assert!(error.abs() < limit, "{jitter} s, seed {seed}: {error:e} {estimate:?}");
            }
        }
    }
}

/// No driver says by how much its stamps scatter. Those that make packets look early narrow the
/// interval of the packets to less than the error, and a wire whose delay is declared to the
/// nanosecond leaves no room beside it.
#[test]
fn the_bound_holds_though_stamps_scatter_by_more_than_is_declared() {
    for seed in 1..=20 {
        let mut ptp = Ptp::new(seed, 0.0);
        ptp.stamp_uncertainty = 0.0;
        ptp.run_to(20.0);
        while ptp.world.t < 400.0 {
            ptp.step();
            let (error, estimate) = ptp.world.error().unwrap();
            let terms = Terms { min_delay: Some(2.0 * ptp.world.floor), ..Terms::default() };
            let bound = edge(terms, estimate).budget(&estimate).unwrap().bound();
            assert!(error.abs() < bound, "seed {seed}: {error:e} {bound:e} {estimate:?}");
        }
    }
}

fn edge(terms: Terms, estimate: Estimate) -> Edge {
    Edge {
        id: SourceId(1),
        terms,
        estimate: Some(estimate),
        usable: Ok(()),
        upstream: Upstream::default(),
        clock_accuracy: None,
        stratum: 1,
        stamp_uncertainty: 0.0,
        upper: None,
    }
}
