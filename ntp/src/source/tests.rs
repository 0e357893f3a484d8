//! The poll interval that comes of what the estimator finds.

use clock_models::comparison::{Comparison, Reading, StampedBy};
use clock_models::time::Duration;

use super::*;
use crate::packet::LeapIndicator;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn exponential(&mut self) -> f64 {
        -(1.0 - self.uniform()).ln()
    }

    fn normal(&mut self) -> f64 {
        (2.0 * self.exponential()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

fn seconds(s: f64) -> Duration {
    Duration::from_seconds(s).unwrap()
}

fn answer(at: Timestamp<Free>, offset: f64, delays: [f64; 2]) -> Answer {
    let reading = |difference| Some(Reading { at, difference: seconds(difference) });
    Answer {
        comparison: Comparison {
            from_reference: reading(offset - delays[0]),
            to_reference: reading(offset + delays[1]),
            stamp_uncertainty: 1e-9,
            upstream: Upstream::default(),
        },
        received: at,
        delay: delays[0] + delays[1],
        stamped_by: StampedBy::Kernel,
        leap: LeapIndicator::NoWarning,
        stratum: 1,
        reference_id: ReferenceId::from_bytes(*b"TRUE"),
        precision: -30,
        interleaved: false,
    }
}

/// The exponent of the poll interval, the mean over the last half of 800 exchanges, where
/// packets wait `jitter` s on average each way and the oscillator walks by `wander` per √s.
fn settled_poll(jitter: f64, wander: f64, (min_poll, max_poll): (i8, i8)) -> f64 {
    let config = ClientConfig { min_poll, max_poll, burst: false, ..ClientConfig::default() };
    let mut at = Timestamp::from_secs(1000);
    let mut source = Source::new(config, None, at).unwrap();
    let (mut random, mut offset, mut frequency) = (Random(1), 0.0, 1e-6);
    let mut sum = 0.0;
    for exchange in 0..800 {
        let poll = source.client().poll();
        assert!((min_poll..=max_poll).contains(&poll));
        sum += if exchange >= 400 { f64::from(poll) } else { 0.0 };
        let dt = f64::from(poll).exp2();
        at += seconds(dt);
        let (a, b) = (random.normal(), random.normal());
        offset += frequency * dt + wander * dt.powf(1.5) * (a / 2.0 + b / 12f64.sqrt());
        frequency += wander * dt.sqrt() * a;
        let delays = [(); 2].map(|()| 100.0 * jitter + jitter * random.exponential());
        source.take(Ok(Some(answer(at, offset, delays)))).unwrap();
    }
    sum / 400.0
}

#[test]
fn the_poll_interval_grows_with_the_jitter_and_shrinks_with_the_wander() {
    const WHOLE: (i8, i8) = (-3, 17);
    let [wide, campus, lan] = [1e-3, 1e-5, 1e-7].map(|jitter| settled_poll(jitter, 1e-9, WHOLE));
    assert!(wide > campus + 2.0 && campus > lan, "{wide} {campus} {lan}");
    assert!(wide >= 1.0 && lan <= -2.0, "{wide} {lan}");
    let restless = settled_poll(1e-3, 1e-7, WHOLE);
    assert!(restless < wide - 0.5, "{restless}");
}

#[test]
fn the_poll_interval_keeps_to_what_is_configured() {
    assert_eq!(settled_poll(1e-7, 1e-8, (4, 10)), 4.0);
    assert_eq!(settled_poll(1e-3, 1e-9, (-3, -3)), -3.0);
    assert_eq!(settled_poll(1e-3, 1e-9, (17, 17)), 17.0);
}
