//! When a client asks.

use super::*;

/// Fits that double the interval.
const LENGTHEN_FITS: usize = 8;

#[test]
fn a_wake_up_before_its_time_does_nothing() {
    let mut bench = Bench::new();
    let _ = bench.ask();
    let early = bench.client.poll_timeout().unwrap() - Duration::from_nanos(1);
    let wake = bench.client.handle_timeout(early, [1, 1]);
    assert!(wake.request.is_none() && wake.failed.is_none());
    assert_eq!(bench.client.sent(), 1);
}

#[test]
fn the_first_ten_answers_come_in_a_burst_and_then_at_the_poll_interval() {
    let mut bench = Bench::new();
    for spacing in [0.25, 0.25, 0.25, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 16.0, 16.0] {
        bench.exchange();
        assert!(about(bench.interval(), spacing), "{} not {spacing}", bench.interval());
    }
    assert_eq!(bench.client.reach(), 0xff);
}

#[test]
fn unanswered_requests_of_a_burst_are_repeated_ever_more_slowly() {
    let mut bench = Bench::new();
    for (lost, wait) in [2.0, 4.0, 8.0, 16.0, 16.0, 16.0, 16.0, 16.0, 32.0].into_iter().enumerate()
    {
        let failed = bench.ask().1;
        assert_eq!(failed.is_some(), lost > 0);
        assert!(about(bench.interval(), wait), "{} not {wait}", bench.interval());
        assert_eq!(bench.client.unanswered(), u32::try_from(lost).unwrap());
    }
    assert_eq!(bench.count("no-answer"), 8);
}

#[test]
fn a_lost_answer_is_made_good_at_the_shortest_interval() {
    let mut bench = Bench::new();
    bench.end_burst();
    for _ in 0..3 * LENGTHEN_FITS {
        bench.client.handle_fit(0.0, 1.0);
    }
    bench.exchange();
    assert!(about(bench.interval(), 128.0), "{}", bench.interval());
    bench.lose(1);
    assert!(about(bench.interval(), 16.0));
    bench.exchange();
    assert!(about(bench.interval(), 128.0));
    assert_eq!(bench.client.reach(), 0b1111_1101);
    assert_eq!(bench.client.unanswered(), 0);
}

#[test]
fn a_silent_server_is_asked_ever_less_and_a_burst_greets_its_return() {
    let mut bench = Bench::new();
    bench.end_burst();
    for _ in 0..LENGTHEN_FITS {
        bench.client.handle_fit(0.0, 1.0);
    }
    bench.lose(9);
    assert_eq!((bench.client.reach(), bench.client.unanswered()), (0, 8));
    assert!(about(bench.interval(), 32.0));
    bench.lose(200);
    assert!(about(bench.interval(), 1024.0));
    for spacing in [0.25, 0.25, 0.25, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 16.0] {
        bench.exchange();
        assert!(about(bench.interval(), spacing), "{} not {spacing}", bench.interval());
    }
}

#[test]
fn an_answer_of_no_use_does_not_prolong_a_burst() {
    let mut bench = Bench::new();
    bench.refused(|h| h.leap = LeapIndicator::Unsynchronised);
    assert!(about(bench.interval(), 4.0));
    bench.refused(|h| h.leap = LeapIndicator::Unsynchronised);
    assert!(about(bench.interval(), 8.0));
    assert_eq!(bench.client.unanswered(), 2);
}

#[test]
fn poll_intervals_are_spread_by_two_per_cent() {
    let mut bench = Bench::new();
    bench.end_burst();
    let intervals: Vec<f64> = (0..200)
        .map(|_| {
            bench.exchange();
            bench.interval() / 16.0
        })
        .collect();
    let (min, max) = intervals.iter().fold((2.0, 0.0), |(a, b), &i| (i.min(a), i.max(b)));
    assert!((0.98..0.985).contains(&min) && (1.015..=1.02).contains(&max), "{min} {max}");
}

#[test]
fn short_poll_intervals_wait_a_second_for_an_answer() {
    let config = ClientConfig { min_poll: -6, max_poll: 0, ..ClientConfig::default() };
    let mut bench = Bench::with(config, Timestamp::from_secs(START));
    let _ = bench.ask();
    assert!(about(bench.interval(), 1.0));
    bench.exchange();
    assert!(about(bench.interval(), 1.0 / 64.0));
}

#[test]
fn fits_lengthen_the_poll_interval_to_the_longest_and_misfits_shorten_it_to_the_shortest() {
    let mut bench = Bench::new();
    bench.end_burst();
    for poll in 5..=10 {
        for _ in 0..LENGTHEN_FITS {
            assert_eq!(bench.client.poll(), poll - 1);
            bench.client.handle_fit(2.9, 1.0);
        }
        assert_eq!(bench.client.poll(), poll);
    }
    for _ in 0..100 {
        bench.client.handle_fit(-2.9, 1.0);
    }
    assert_eq!(bench.client.poll(), 10);
    for poll in (4..10).rev() {
        bench.client.handle_fit(-3.1, 1.0);
        assert_eq!(bench.client.poll(), poll + 1, "one misfit is an accident");
        bench.client.handle_fit(3.1, 1.0);
        assert_eq!(bench.client.poll(), poll);
    }
    for _ in 0..100 {
        bench.client.handle_fit(1e9, 1.0);
    }
    assert_eq!(bench.client.poll(), 4);
}

#[test]
fn a_misfit_now_and_then_neither_shortens_nor_lengthens() {
    let mut bench = Bench::new();
    bench.end_burst();
    for _ in 0..LENGTHEN_FITS {
        bench.client.handle_fit(0.0, 1.0);
    }
    for n in 0..400 {
        bench.client.handle_fit(if n % 5 == 0 { 10.0 } else { 0.0 }, 1.0);
        assert_eq!(bench.client.poll(), 5);
    }
}

#[test]
fn what_is_not_a_number_is_a_misfit() {
    for (residual, expected) in [(f64::NAN, 1.0), (0.0, f64::NAN), (f64::INFINITY, 1.0), (1.0, 0.0)]
    {
        let mut bench = Bench::new();
        bench.end_burst();
        for _ in 0..LENGTHEN_FITS {
            bench.client.handle_fit(0.0, 1.0);
        }
        bench.client.handle_fit(residual, expected);
        bench.client.handle_fit(residual, expected);
        assert_eq!(bench.client.poll(), 4);
    }
}

#[test]
fn a_burst_does_not_lengthen_the_poll_interval() {
    let mut bench = Bench::new();
    for _ in 0..LENGTHEN_FITS {
        bench.exchange();
        bench.client.handle_fit(0.0, 1.0);
    }
    assert_eq!(bench.client.poll(), 4);
}
