use super::*;
use clock_models::time::{NtpShort, Tai, UtcReading};
use proptest::prelude::*;

const MS: Duration = Duration::from_nanos(1_000_000);
/// 2026-11-22T04:46:44Z, when the time base of these tests began.
const START: i64 = 1_795_322_804;

/// A client, and a world in which its time base is right but for its epoch.
struct Bench {
    client: Client,
    leap: LeapTable,
    start: Timestamp<Utc>,
    now: Timestamp<Free>,
    random: u64,
}

/// What a packet met on its way.
#[derive(Debug, Clone, Copy)]
struct Path {
    up: Duration,
    at_server: Duration,
    down: Duration,
}

const PATH: Path = Path { up: Duration::from_nanos(3_000_000), at_server: MS, down: MS };

fn stamp(at: Timestamp<Free>) -> Stamp {
    Stamp { at, uncertainty: 1e-6, by: StampedBy::Kernel }
}

impl Bench {
    fn new() -> Self {
        Self::with(ClientConfig::default(), Timestamp::from_secs(START))
    }

    fn with(config: ClientConfig, start: Timestamp<Utc>) -> Self {
        let client = Client::new(config, Timestamp::EPOCH).unwrap();
        Self { client, leap: LeapTable::built_in(), start, now: Timestamp::EPOCH, random: 7 }
    }

    fn tai(&self, at: Timestamp<Free>) -> Timestamp<Tai> {
        let reading = UtcReading { timestamp: self.start, in_leap_second: false };
        self.leap.to_tai(reading) + at.since_epoch()
    }

    fn utc(&self, at: Timestamp<Free>) -> Timestamp<Utc> {
        self.leap.to_utc(self.tai(at)).timestamp
    }

    fn ntp(&self, at: Timestamp<Free>) -> NtpTimestamp {
        NtpTimestamp::from_utc(self.utc(at))
    }

    /// Waits for the next poll. Gives the request and how the exchange before failed.
    fn ask(&mut self) -> (Request, Option<Rejection>) {
        self.now = self.client.poll_timeout().unwrap();
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let wake = self.client.handle_timeout(self.now, [self.random, self.random >> 33]);
        (wake.request.unwrap(), wake.failed)
    }

    /// What a good server answers to the request sent now.
    fn answer_to(&self, request: &Request, path: Path) -> Header {
        let received = self.now + path.up;
        Header {
            stratum: 1,
            poll: 6,
            precision: -23,
            root_delay: NtpShort::from_bits(0x8000),
            root_dispersion: NtpShort::from_bits(0x4000),
            reference_id: ReferenceId::from_code("NIM").unwrap(),
            reference_time: self.ntp(received - Duration::from_secs(10)),
            origin: Header::parse(&request.bytes).unwrap().transmit,
            receive: self.ntp(received),
            transmit: self.ntp(received + path.at_server),
            ..Header::blank(Version::V4, Mode::Server)
        }
    }

    fn receive(&mut self, header: Header, path: Path) -> Result<Option<Answer>, Rejection> {
        let at = self.now + path.up + path.at_server + path.down;
        let near = self.utc(at);
        self.client.handle_response(&header.emit(), stamp(at), near, &self.leap)
    }

    /// The next request, and a good answer to it.
    fn send(&mut self) -> (Request, Header) {
        let (request, _) = self.ask();
        let header = self.answer_to(&request, PATH);
        (request, header)
    }

    /// One exchange whose answer was changed on the way.
    fn exchange_with(
        &mut self,
        path: Path,
        change: impl FnOnce(&mut Header),
    ) -> Result<Answer, Rejection> {
        let (request, _) = self.ask();
        let mut header = self.answer_to(&request, path);
        change(&mut header);
        assert_eq!(self.client.handle_transmitted(request.token, stamp(self.now)), Ok(None));
        self.receive(header, path).map(|answer| answer.expect("both stamps are there"))
    }

    fn exchange(&mut self) -> Answer {
        self.exchange_with(PATH, |_| {}).unwrap()
    }

    fn refused(&mut self, change: impl FnOnce(&mut Header)) -> Rejection {
        self.exchange_with(PATH, change).unwrap_err()
    }

    /// How long until the next poll, counted from the last, s.
    fn interval(&self) -> f64 {
        (self.client.poll_timeout().unwrap() - self.now).seconds()
    }

    fn end_burst(&mut self) {
        for _ in 0..10 {
            self.exchange();
        }
    }

    fn lose(&mut self, polls: usize) {
        for _ in 0..polls {
            let _ = self.ask();
        }
    }

    fn count(&self, name: &str) -> u64 {
        self.client.rejected().get(name).copied().unwrap_or_default()
    }
}

/// Within the spread of the poll intervals.
fn about(interval: f64, nominal: f64) -> bool {
    (interval / nominal - 1.0).abs() <= 0.0201
}

fn kiss(code: &str) -> impl FnOnce(&mut Header) {
    let code = ReferenceId::from_code(code).unwrap();
    move |header| {
        *header = Header {
            leap: LeapIndicator::Unsynchronised,
            stratum: 0,
            reference_id: code,
            // As some servers send it.
            receive: NtpTimestamp::ZERO,
            ..*header
        }
    }
}

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
    clock_models::comparison::Upstream { root_delay, root_dispersion }
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

/// Fits that double the interval.
const LENGTHEN_FITS: usize = 8;

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
fn rate_ends_the_burst_and_doubles_the_interval_each_time() {
    let mut bench = Bench::new();
    for (times, wait) in [32.0, 64.0, 128.0].into_iter().enumerate() {
        assert_eq!(bench.refused(kiss("RATE")), Rejection::KissRate);
        assert!(about(bench.interval(), wait), "{times}: {} not {wait}", bench.interval());
    }
    bench.exchange();
    assert!(about(bench.interval(), 128.0), "no burst, and no way back");
    for _ in 0..20 {
        bench.client.handle_fit(1e9, 1.0);
    }
    assert_eq!(bench.client.poll(), 7);
}

#[test]
fn rate_is_obeyed_beyond_the_longest_interval_that_was_set() {
    let mut bench = Bench::new();
    for _ in 0..30 {
        let _ = bench.refused(kiss("RATE"));
    }
    assert_eq!(bench.client.poll(), 17);
}

#[test]
fn deny_and_rstr_end_the_association() {
    for (code, reason) in [("DENY", Rejection::KissDeny), ("RSTR", Rejection::KissRestricted)] {
        let mut bench = Bench::new();
        assert_eq!(bench.refused(kiss(code)), reason);
        assert_eq!(bench.client.stopped(), Some(reason));
        assert_eq!(bench.client.poll_timeout(), None);
        let later = bench.now + Duration::from_secs(1_000_000);
        let wake = bench.client.handle_timeout(later, [1, 1]);
        assert!(wake.request.is_none() && wake.failed.is_none());
    }
}

#[test]
fn a_forged_kiss_is_not_obeyed() {
    for code in ["RATE", "DENY", "RSTR"] {
        let mut bench = Bench::new();
        let refused = bench.refused(|header| {
            kiss(code)(header);
            header.origin = NtpTimestamp::from_bits(1);
        });
        assert_eq!(refused, Rejection::OriginMismatch);
        assert_eq!((bench.client.stopped(), bench.client.poll()), (None, 4));
        assert!(bench.client.poll_timeout().is_some());
    }
}

#[test]
fn an_unknown_kiss_is_named_with_its_code_and_a_starting_server_is_unsynchronised() {
    let mut bench = Bench::new();
    let refused = bench.refused(kiss("NTSN"));
    assert_eq!(refused.to_string(), "the server sends the kiss code \"NTSN\"");
    assert_eq!(refused.name(), "kiss-unknown");
    assert_eq!(bench.refused(kiss("INIT")), Rejection::Unsynchronised);
    assert!(bench.client.poll_timeout().is_some());
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

#[test]
fn settings_out_of_range_are_refused() {
    let good = ClientConfig::default();
    for (min_poll, max_poll) in [(-7, 10), (4, 18), (6, 5)] {
        let config = ClientConfig { min_poll, max_poll, ..good };
        let error = Client::new(config, Timestamp::EPOCH).unwrap_err();
        assert_eq!(error, ConfigError::Poll { min: min_poll, max: max_poll });
    }
    for limit in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for config in [
            ClientConfig { max_delay: limit, ..good },
            ClientConfig { max_root_distance: limit, ..good },
        ] {
            let error = Client::new(config, Timestamp::EPOCH).unwrap_err();
            assert!(matches!(error, ConfigError::Limit(_)));
        }
    }
}

#[test]
fn every_reason_has_a_name_of_its_own() {
    use Rejection::*;
    let all = [
        TooShort(0),
        MalformedExtension(0),
        Version(0),
        Mode(crate::packet::Mode::Client),
        OriginMismatch,
        Duplicate,
        Late,
        KissRate,
        KissDeny,
        KissRestricted,
        KissUnknown(ReferenceId::NONE),
        Unsynchronised,
        Stratum(0),
        ZeroTimeStamp,
        RootDistance(0.0),
        ServerTimesOutOfOrder,
        ReferenceTimeAfterTransmit,
        FrozenClock,
        NearLeapSecond,
        NegativeDelay(0.0),
        DelayTooLong(0.0),
        NoTransmitStamp,
        NoAnswer,
    ];
    let names: std::collections::BTreeSet<_> = all.iter().map(Rejection::name).collect();
    assert_eq!(names.len(), all.len());
    let kebab = |name: &&str| name.bytes().all(|c| c.is_ascii_lowercase() || c == b'-');
    assert!(names.iter().all(kebab), "{names:?}");
}
