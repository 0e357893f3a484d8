//! What a client makes of one request, its answer and its stamps.

use proptest::prelude::*;

use super::*;

#[test]
fn a_request_is_zero_but_for_version_mode_poll_and_a_random_transmit_time() {
    let mut client = Client::new(ClientConfig::default(), Timestamp::EPOCH).unwrap();
    let wake = client.handle_timeout(Timestamp::EPOCH, [0x0123_4567_89ab_cdef, 0]);
    let mut bytes = [0; 48];
    bytes[0] = 0x23;
    bytes[2] = 4;
    bytes[40..].copy_from_slice(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
    assert_eq!(wake.request.unwrap().bytes, bytes);
}

#[test]
fn an_answer_carries_what_the_server_says_of_itself() {
    let mut bench = Bench::new();
    let answer = bench.exchange_with(PATH, |header| header.leap = LeapIndicator::Insert).unwrap();
    assert_eq!(answer.comparison.upstream, upstream(0.5, 0.25));
    assert!((answer.comparison.stamp_uncertainty - 2f64.sqrt() * 1e-6).abs() < 1e-12);
    assert!((answer.delay - 0.004).abs() < 1e-9);
    assert_eq!(answer.received, answer.comparison.from_reference.unwrap().at);
    assert_eq!((answer.leap, answer.stratum), (LeapIndicator::Insert, 1));
    assert_eq!((answer.precision, answer.reference_id.code()), (-23, Some("NIM")));
    assert_eq!(answer.stamped_by, StampedBy::Kernel);
    assert_eq!(bench.client.last_answer(), Some(&answer));
}

fn upstream(root_delay: f64, root_dispersion: f64) -> clock_models::comparison::Upstream {
    clock_models::comparison::Upstream { root_delay, root_dispersion, follows: false }
}

#[test]
fn the_worse_of_the_two_stamps_is_named() {
    let mut bench = Bench::new();
    let (request, header) = bench.send();
    let user = Stamp { by: StampedBy::UserSpace, ..stamp(bench.now) };
    let _ = bench.client.handle_transmitted(request.token, user);
    assert_eq!(bench.receive(header, PATH).unwrap().unwrap().stamped_by, StampedBy::UserSpace);
}

proptest! {
    /// RFC 5905 section 8: θ = ((T2 − T1) + (T3 − T4)) / 2, δ = (T4 − T1) − (T3 − T2).
    #[test]
    fn an_asymmetry_shifts_the_difference_by_half_and_leaves_the_delay(
        start in 1_500_000_000i64..4_000_000_000,
        up in 0i64..1_000_000_000,
        down in 0i64..1_000_000_000,
        at_server in 1i64..100_000_000,
    ) {
        let path = Path {
            up: Duration::from_nanos(up),
            at_server: Duration::from_nanos(at_server),
            down: Duration::from_nanos(down),
        };
        let mut bench = Bench::with(ClientConfig::default(), Timestamp::from_secs(start));
        let answer = bench.exchange_with(path, |_| {}).unwrap();
        let two_way = answer.comparison.two_way(0.0).unwrap();
        let truth = bench.tai(Timestamp::EPOCH).since_epoch();
        let shift = (path.up - path.down) / 2;
        // Two stamps are rounded to half of 2⁻³² s each.
        let error = (two_way.difference - truth - shift).seconds();
        prop_assert!(error.abs() <= 1.2e-10, "{error}");
        prop_assert!((two_way.delay - (path.up + path.down).seconds()).abs() <= 2.4e-10);
        prop_assert!((answer.delay - two_way.delay).abs() < 1e-15);
    }
}

#[test]
fn an_exchange_across_the_end_of_era_0_gives_the_true_difference() {
    // 2036-02-07T06:28:16Z is the first second of era 1.
    let rollover = Timestamp::from_secs((1 << 32) - 2_208_988_800);
    // All four times after it, T1 before, T1 and T2 before, all before.
    for before in [0, 2, 7, 20].map(|halves| MS * halves / 2) {
        let mut bench = Bench::with(ClientConfig::default(), rollover - before);
        let answer = bench.exchange();
        let from_reference = answer.comparison.from_reference.unwrap();
        let truth = bench.tai(Timestamp::EPOCH).since_epoch() - PATH.down;
        assert!((from_reference.difference - truth).seconds().abs() < 1e-9);
    }
}

#[test]
fn each_packet_check_has_its_reason() {
    type Change = fn(&mut Header);
    let cases: [(&str, Change); 14] = [
        ("version", |h| h.version = Version::V2),
        ("mode", |h| h.mode = Mode::Broadcast),
        ("mode", |h| h.mode = Mode::Client),
        ("origin-mismatch", |h| h.origin = NtpTimestamp::ZERO),
        ("unsynchronised", |h| h.leap = LeapIndicator::Unsynchronised),
        ("stratum", |h| (h.stratum, h.reference_id) = (0, ReferenceId::NONE)),
        ("stratum", |h| h.stratum = 16),
        ("stratum", |h| h.stratum = 255),
        ("zero-time-stamp", |h| h.receive = NtpTimestamp::ZERO),
        ("zero-time-stamp", |h| h.transmit = NtpTimestamp::ZERO),
        ("root-distance", |h| h.root_delay = NtpShort::from_bits(6 << 16)),
        ("root-distance", |h| h.root_dispersion = NtpShort::from_bits(u32::MAX)),
        ("server-times-out-of-order", |h| std::mem::swap(&mut h.receive, &mut h.transmit)),
        ("reference-time-after-transmit", |h| {
            h.reference_time = NtpTimestamp::from_bits(h.transmit.to_bits() + 1);
        }),
    ];
    for (name, change) in cases {
        let mut bench = Bench::new();
        assert_eq!(bench.refused(change).name(), name);
        assert_eq!(bench.client.rejected(), &BTreeMap::from([(name, 1)]));
        assert_eq!((bench.client.accepted(), bench.client.reach()), (0, 0));
    }
}

#[test]
fn what_lies_just_within_the_limits_is_accepted() {
    let edges: [fn(&mut Header); 5] = [
        |h| h.stratum = 15,
        |h| h.version = Version::V3,
        |h| h.root_delay = NtpShort::from_bits((5 << 16) + 0x7fff),
        |h| h.reference_time = h.transmit,
        |h| h.reference_time = NtpTimestamp::ZERO,
    ];
    for edge in edges {
        let mut bench = Bench::new();
        assert!(bench.exchange_with(PATH, edge).is_ok());
    }
}

#[test]
fn truncated_and_malformed_packets_leave_the_exchange_open() {
    let mut bench = Bench::new();
    let (request, header) = bench.send();
    let bytes = header.emit();
    for length in 0..bytes.len() {
        let near = bench.start;
        let at = stamp(bench.now);
        let result = bench.client.handle_response(&bytes[..length], at, near, &bench.leap);
        assert_eq!(result, Err(Rejection::TooShort(length)));
    }
    let bad_field = [&bytes[..], &[0xff; 28]].concat();
    let at = stamp(bench.now);
    let result = bench.client.handle_response(&bad_field, at, bench.start, &bench.leap);
    assert_eq!(result, Err(Rejection::MalformedExtension(0xffff)));
    assert_eq!(bench.receive(header, PATH), Ok(None));
    assert!(bench.client.handle_transmitted(request.token, stamp(bench.now)).unwrap().is_some());
    assert_eq!(bench.count("too-short"), 48);
}

#[test]
fn a_spoofed_origin_is_named_and_does_not_spoil_the_true_answer() {
    let mut bench = Bench::new();
    let (request, header) = bench.send();
    let _ = bench.client.handle_transmitted(request.token, stamp(bench.now));
    for guess in 1..100 {
        let spoofed = Header { origin: NtpTimestamp::from_bits(guess), ..header };
        assert_eq!(bench.receive(spoofed, PATH), Err(Rejection::OriginMismatch));
    }
    assert!(bench.receive(header, PATH).unwrap().is_some());
    assert_eq!((bench.client.accepted(), bench.count("origin-mismatch")), (1, 99));
}

#[test]
fn a_replayed_answer_is_a_duplicate_even_after_the_next_request() {
    let mut bench = Bench::new();
    let (request, header) = bench.send();
    let _ = bench.client.handle_transmitted(request.token, stamp(bench.now));
    assert!(bench.receive(header, PATH).is_ok());
    assert_eq!(bench.receive(header, PATH), Err(Rejection::Duplicate));
    let _ = bench.send();
    assert_eq!(bench.receive(header, PATH), Err(Rejection::Duplicate));
    let _ = bench.send();
    assert_eq!(bench.receive(header, PATH), Err(Rejection::OriginMismatch));
    assert_eq!(bench.client.accepted(), 1);
}

#[test]
fn an_answer_that_comes_after_the_next_request_is_late() {
    let mut bench = Bench::new();
    let (_, header) = bench.send();
    let _ = bench.send();
    assert_eq!(bench.receive(header, PATH), Err(Rejection::Late));
}

#[test]
fn a_server_whose_clock_stands_still_is_named() {
    let mut bench = Bench::new();
    let mut first = Header::blank(Version::V4, Mode::Server);
    bench.exchange_with(PATH, |h| first = *h).unwrap();
    let frozen = bench.refused(|h| (h.receive, h.transmit) = (first.receive, first.transmit));
    assert_eq!(frozen, Rejection::FrozenClock);
}

#[test]
fn a_negative_delay_is_believed_only_within_the_doubt_of_the_stamps() {
    let coarse = |ns| Path { up: Duration::from_nanos(ns), at_server: MS, down: Duration::ZERO };
    // 3 · √2 · 1 µs and the server's 2⁻²³ s make 4.36 µs.
    assert!(Bench::new().exchange_with(coarse(-4_300), |_| {}).is_ok());
    let refused = Bench::new().exchange_with(coarse(-4_400), |_| {}).unwrap_err();
    assert_eq!(refused.name(), "negative-delay");
    // A server cannot excuse any delay with its precision.
    let excused = Bench::new().exchange_with(coarse(-16_000_000), |h| h.precision = 127);
    assert_eq!(excused.unwrap_err().name(), "negative-delay");
}

#[test]
fn a_delay_of_hours_is_refused() {
    let config = ClientConfig { min_poll: 17, max_poll: 17, ..ClientConfig::default() };
    let mut bench = Bench::with(config, Timestamp::from_secs(START));
    let hours = Path { up: Duration::from_secs(7200), ..PATH };
    let refused = bench.exchange_with(hours, |_| {}).unwrap_err();
    let Rejection::DelayTooLong(delay) = refused else { panic!("{refused}") };
    assert!((delay - 7200.001).abs() < 1e-6);
}

#[test]
fn around_a_leap_second_nothing_is_believed() {
    // 2017-01-01T00:00:00Z, after 23:59:60.
    let midnight = 1_483_228_800;
    for (before, believed) in [(10, true), (4, false), (1, false), (-4, false), (-10, true)] {
        let start = Timestamp::from_secs(midnight - before);
        let mut bench = Bench::with(ClientConfig::default(), start);
        let result = bench.exchange_with(PATH, |_| {});
        match believed {
            true => assert!(result.is_ok(), "{before}"),
            false => assert_eq!(result, Err(Rejection::NearLeapSecond), "{before}"),
        }
    }
}

#[test]
fn tai_minus_utc_changes_by_a_second_across_a_leap_second() {
    let mut bench =
        Bench::with(ClientConfig::default(), Timestamp::from_secs(1_483_228_800 - 3600));
    let before = bench.exchange().comparison.two_way(0.0).unwrap().difference;
    while bench.now < Timestamp::from_secs(3700) {
        let _ = bench.exchange_with(PATH, |_| {});
    }
    // The time base has no leap seconds, nor has TAI: the difference stays.
    let after = bench.exchange().comparison.two_way(0.0).unwrap().difference;
    assert!((after - before).seconds().abs() < 1e-9);
}

#[test]
fn a_transmit_stamp_may_come_after_the_answer() {
    let mut bench = Bench::new();
    let (request, header) = bench.send();
    assert_eq!(bench.receive(header, PATH), Ok(None));
    assert_eq!(bench.client.reach(), 0);
    let sent = stamp(bench.now);
    let answer = bench.client.handle_transmitted(request.token, sent).unwrap().unwrap();
    assert_eq!(answer.comparison.to_reference.unwrap().at, sent.at);
    assert_eq!((bench.client.reach(), bench.client.accepted()), (1, 1));
}

#[test]
fn a_transmit_stamp_that_never_comes_costs_one_exchange() {
    let mut bench = Bench::new();
    let (request, header) = bench.send();
    assert_eq!(bench.receive(header, PATH), Ok(None));
    let received = bench.now + PATH.up + PATH.at_server + PATH.down;
    assert_eq!(bench.client.poll_timeout(), Some(received + STAMP_PATIENCE));
    bench.now = received + STAMP_PATIENCE;
    let wake = bench.client.handle_timeout(bench.now, [1, 1]);
    assert_eq!(wake.failed, Some(Rejection::NoTransmitStamp));
    assert!(wake.request.is_none());
    // It comes after all, and is of no use any more.
    assert_eq!(bench.client.handle_transmitted(request.token, stamp(received)), Ok(None));
    bench.exchange();
    assert_eq!((bench.client.accepted(), bench.count("no-transmit-stamp")), (1, 1));
}
