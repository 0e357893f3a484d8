mod exchanges;
mod kisses;
mod polls;

use super::*;
use clock_models::time::{NtpShort, Tai, UtcReading};

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
        NotInterleaved,
        NoAnswer,
    ];
    let names: std::collections::BTreeSet<_> = all.iter().map(Rejection::name).collect();
    assert_eq!(names.len(), all.len());
    let kebab = |name: &&str| name.bytes().all(|c| c.is_ascii_lowercase() || c == b'-');
    assert!(names.iter().all(kebab), "{names:?}");
}
