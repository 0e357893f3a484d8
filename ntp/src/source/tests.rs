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

/// What a source makes of answers with these delays, s, the same both ways but for the first:
/// a quarter of a second apart, of a server whose time is right.
fn follow(delays: &[f64]) -> (Source, Vec<bool>) {
    let start = Timestamp::from_secs(1000);
    let mut source = Source::new(ClientConfig::default(), None, start).unwrap();
    let mut begun_anew = Vec::new();
    for (number, delay) in delays.iter().rev().enumerate().rev() {
        // The last one at the same instant, however many came before.
        let at = start - seconds(0.25 * number as f64);
        let back = if *delay > 1e-3 { delay - 60e-6 } else { delay / 2.0 };
        let news = source.take(Ok(Some(answer(at, 0.0, [back, delay - back])))).unwrap();
        begun_anew.push(news.unwrap().begun_anew);
    }
    (source, begun_anew)
}

#[test]
fn an_exchange_that_had_to_find_the_way_first_spoils_no_frequency() {
    const WAY: [f64; 4] = [131.335e-6, 131.346e-6, 131.352e-6, 131.308e-6];
    let (quick, begun_anew) = follow(&WAY);
    assert_eq!(begun_anew, [false; 4]);
    let (slow, begun_anew) = follow(&[&[2.006e-3][..], &WAY].concat());
    assert_eq!(begun_anew, [false, true, false, false, false]);
    assert_eq!(slow.estimator().estimate(), quick.estimator().estimate());
    assert!(quick.estimator().estimate().unwrap().frequency.abs() < 1e-6);
}

#[test]
fn a_first_exchange_within_the_jitter_is_kept() {
    let (_, begun_anew) = follow(&[140e-6, 131e-6, 120e-6, 100e-6]);
    assert_eq!(begun_anew, [false; 4]);
}
