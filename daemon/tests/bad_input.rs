//! utcd among those who send it nonsense, lie to it, or hold it up.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod common;

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ::ntp::packet::{Header, LeapIndicator, Mode, Version};
use clock_models::time::{NtpShort, NtpTimestamp, Timestamp, Utc};
use common::ntp::{Server, ask_for, good, kiss, now, request};
use common::{Daemon, VIRTUAL, free_address, patiently, source};
use utcd::status::{ClockState, SelectionState};

fn seconds(seconds: i64) -> clock_models::time::Duration {
    clock_models::time::Duration::from_secs(seconds)
}

fn shifted(time: Timestamp<Utc>, by: i64) -> NtpTimestamp {
    NtpTimestamp::from_utc(time + seconds(by))
}

/// A server that is on another time altogether.
fn elsewhere(by: i64) -> Server {
    Server::changing(move |answer| {
        let time = shifted(now(), by);
        (answer.reference_time, answer.receive, answer.transmit) = (time, time, time);
    })
}

/// A good answer, cut or followed by more.
fn of_length(length: usize) -> Server {
    Server::new(move |request| {
        let mut bytes = good(request).emit().to_vec();
        bytes.resize(length, 0xff);
        vec![bytes]
    })
}

fn changing(change: impl Fn(&mut Header) + Send + 'static) -> Server {
    Server::changing(change)
}

/// Servers that do not deserve to be believed, with the reason that must be counted.
fn liars() -> Vec<(&'static str, Server)> {
    vec![
        ("too-short", of_length(47)),
        ("malformed-extension", of_length(2000)),
        ("version", changing(|answer| answer.version = Version::V1)),
        ("mode", changing(|answer| answer.mode = Mode::Broadcast)),
        ("origin-mismatch", changing(|answer| answer.origin = NtpTimestamp::from_bits(1))),
        ("kiss-rate", Server::new(|request| vec![kiss(request, "RATE").emit().to_vec()])),
        ("kiss-deny", Server::new(|request| vec![kiss(request, "DENY").emit().to_vec()])),
        ("kiss-rstr", Server::new(|request| vec![kiss(request, "RSTR").emit().to_vec()])),
        ("kiss-unknown", Server::new(|request| vec![kiss(request, "XYZZ").emit().to_vec()])),
        ("unsynchronised", changing(|answer| answer.leap = LeapIndicator::Unsynchronised)),
        ("stratum", changing(|answer| answer.stratum = 16)),
        ("zero-time-stamp", changing(|answer| answer.transmit = NtpTimestamp::ZERO)),
        ("root-distance", changing(|answer| answer.root_delay = NtpShort::from_bits(u32::MAX))),
        ("server-times-out-of-order", changing(|answer| answer.transmit = shifted(now(), -7200))),
        (
            "reference-time-after-transmit",
            changing(|answer| answer.reference_time = shifted(now(), 3600)),
        ),
        // It says that it has had the request for two hours.
        ("negative-delay", changing(|answer| answer.transmit = shifted(now(), 7200))),
        ("frozen-clock", {
            let time = NtpTimestamp::from_utc(now());
            changing(move |answer| {
                (answer.reference_time, answer.receive, answer.transmit) = (time, time, time);
            })
        }),
        ("no-answer", Server::new(|_| vec![])),
    ]
}

/// Random bytes, the same in each run.
fn noise(length: usize, state: &mut u64) -> Vec<u8> {
    let byte = |_| {
        // A xorshift generator (Marsaglia 2003).
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state as u8
    };
    (0..length).map(byte).collect()
}

#[test]
fn whatever_servers_answer_is_refused_by_name_and_the_clock_follows_the_good_one() {
    let honest = Server::good();
    let mut liars = liars();
    let stratum_0 = Server::changing(|answer| {
        (answer.stratum, answer.reference_id) = (0, ::ntp::packet::ReferenceId::NONE);
    });
    let twice = Server::new(|request| vec![good(request).emit().to_vec(); 2]);
    let mut state = 88_172_645_463_325_252;
    let garbage = Server::new(move |_| vec![noise(48, &mut state), noise(300, &mut state)]);
    let mut config = VIRTUAL.to_owned() + &source("honest", honest.address);
    for (name, server) in &liars {
        config += &source(name, server.address);
    }
    config += &source("stratum-0", stratum_0.address);
    config += &(source("twice", twice.address) + "select = false\n");
    config += &source("garbage", garbage.address);
    let extreme = changing(|answer| {
        (answer.precision, answer.poll) = (i8::MIN, i8::MAX);
        (answer.root_delay, answer.root_dispersion) =
            (NtpShort::from_bits(0), NtpShort::from_bits(0));
    });
    config += &source("extreme", extreme.address);
    let mut daemon = Daemon::start(&config);
    daemon.until_locked("virtual");
    for (name, _) in &liars {
        daemon.until(&format!("{name} is not counted"), |_| daemon.rejected(name, name) >= 1.0);
        let shown = daemon.source(name);
        // A clock that stands still is found out by its second answer.
        let before = u64::from(*name == "frozen-clock");
        assert_eq!(shown.accepted, before, "{shown:?}");
        let harmless = matches!(
            shown.state,
            SelectionState::Unusable | SelectionState::Unreachable | SelectionState::Warming
        );
        assert!(harmless && shown.reason.is_some(), "{shown:?}");
    }
    daemon.until("stratum 0", |_| daemon.rejected("stratum-0", "stratum") >= 1.0);
    daemon.until("duplicates", |_| daemon.rejected("twice", "duplicate") >= 1.0);
    let garbage = daemon.until("garbage", |status| {
        let shown = status.sources.iter().find(|source| source.name == "garbage").unwrap();
        shown.rejected.values().sum::<u64>() >= 4
    });
    assert!(garbage.sources.iter().all(|source| source.name != "garbage" || source.accepted == 0));
    let status = daemon.until_locked("virtual");
    let clock = &status.clocks[0];
    assert!(["honest", "extreme"].contains(&clock.leader.as_deref().unwrap()), "{clock:?}");
    assert!(daemon.source("extreme").accepted > 0);
    let page = daemon.page();
    let values = page.lines().filter(|line| line.starts_with("utcd_"));
    let values: Vec<f64> = values.map(|l| l.rsplit(' ').next().unwrap().parse().unwrap()).collect();
    assert!(values.len() > 100 && values.iter().all(|value| value.is_finite()), "{page}");
    // Whoever sends us away is left in peace.
    let away = || liars.iter().filter(|(name, _)| matches!(*name, "kiss-deny" | "kiss-rstr"));
    let asked = || -> Vec<u64> { away().map(|(_, server)| server.asked()).collect() };
    let (before, goes_on) = (asked(), honest.asked() + 4);
    daemon.until("the honest one is left too", |_| honest.asked() >= goes_on);
    assert_eq!(asked(), before);
    daemon.assert_sound();
    liars.clear();
    daemon.stop();
}

#[test]
fn servers_on_another_time_are_outvoted_and_named_falsetickers() {
    const DECADE: i64 = 315_360_000;
    // The last one is beyond the rollover of NTP's era in 2036.
    let others = [("ancient", -4 * DECADE), ("far", 4 * DECADE), ("hour", 3600), ("era", DECADE)];
    let good: Vec<Server> = (0..5).map(|_| Server::good()).collect();
    let bad: Vec<Server> = others.iter().map(|(_, by)| elsewhere(*by)).collect();
    let mut config = VIRTUAL.to_owned();
    for (number, server) in good.iter().enumerate() {
        config += &source(&format!("good{number}"), server.address);
    }
    for ((name, _), server) in others.iter().zip(&bad) {
        config += &source(name, server.address);
    }
    let mut daemon = Daemon::start(&config);
    daemon.until("not all are falsetickers", |status| {
        status.clocks[0].state == ClockState::Locked
            && others.iter().all(|(name, _)| {
                let is_named = |s: &&utcd::status::SourceStatus| s.name == *name;
                let found = status.sources.iter().find(is_named);
                found.is_some_and(|source| source.state == SelectionState::Falseticker)
            })
    });
    for (name, _) in &others {
        daemon.log.wait(&format!("source {name}: falseticker"));
    }
    let clock = daemon.clock("virtual");
    assert!(clock.leader.unwrap().starts_with("good"));
    assert!(clock.offset.unwrap().abs() < 1.0, "{:?}", clock.offset);
    daemon.assert_sound();
}

#[test]
fn an_insane_server_alone_makes_the_clock_ask_for_its_operator() {
    let server = elsewhere(-100_000_000);
    let config = VIRTUAL.to_owned() + &source("insane", server.address);
    let mut daemon = Daemon::start(&config);
    daemon.until("no panic", |status| status.clocks[0].state == ClockState::Panic);
    let said = daemon.log.wait("beyond panic-threshold");
    assert!(said.contains("set the clock by hand or raise panic-threshold"), "{said}");
    assert_eq!(daemon.clock("virtual").steps, 0);
    daemon.assert_sound();
}

#[test]
fn a_delay_of_hours_is_no_time_at_all() {
    // Later answers are told from forged ones, but not believed.
    let mut before: Option<Header> = None;
    let late = Server::new(move |request| {
        let answer = before.replace(good(request));
        answer.iter().map(|answer| answer.emit().to_vec()).collect()
    });
    let config = VIRTUAL.to_owned() + &source("late", late.address);
    let daemon = Daemon::start(&config);
    daemon.until("late", |_| daemon.rejected("late", "late") >= 2.0);
    assert_eq!(daemon.source("late").accepted, 0);
    assert_eq!(daemon.clock("virtual").state, ClockState::Unsynchronised);
}

#[test]
fn a_server_that_sends_us_away_is_not_followed_any_more() {
    let server = Server::good();
    let daemon = Daemon::start(&(VIRTUAL.to_owned() + &source("fickle", server.address)));
    daemon.until_locked("virtual");
    server.follow(|request| vec![kiss(request, "DENY").emit().to_vec()]);
    daemon.until("still followed", |status| {
        status.clocks[0].state == ClockState::Holdover
            && status.sources[0].state != SelectionState::Leader
    });
    let reason = daemon.source("fickle").reason.unwrap();
    assert!(reason.contains("DENY") || reason.contains("sent us away"), "{reason}");
    daemon.log.wait("DENY");
}

/// What a request gets that is none.
fn nonsense(state: &mut u64) -> Vec<Vec<u8>> {
    let request = request();
    let changed = |change: &dyn Fn(&mut [u8])| {
        let mut bytes = request.emit().to_vec();
        change(&mut bytes);
        bytes
    };
    let bad_extension = [&request.emit()[..], &[0x01, 0x04, 0, 0], &[0; 60]].concat();
    vec![
        vec![],
        request.emit()[..47].to_vec(),
        noise(1, state),
        noise(1400, state),
        noise(60_000, state),
        bad_extension,
        changed(&|bytes| bytes[0] = 0b00_111_011),
        changed(&|bytes| bytes[0] = 0b00_100_100),
        changed(&|bytes| bytes[0] = 0b00_100_110),
        changed(&|bytes| bytes[0] = 0b00_010_111),
    ]
}

fn dropped(daemon: &Daemon, reason: &str) -> f64 {
    daemon.metric(&format!("utcd_ntp_server_dropped_total{{reason=\"{reason}\"}}")).unwrap_or(0.0)
}

#[test]
fn nonsense_to_the_ntp_server_is_counted_by_name_and_costs_no_memory() {
    let address = free_address();
    let source = Server::good();
    let config = VIRTUAL.to_owned()
        + &common::source("good", source.address)
        + &format!("[serve.ntp]\nlisten = [\"{address}\"]\n");
    let mut daemon = Daemon::start(&config);
    daemon.until_locked("virtual");
    let attacker = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut state = 88_172_645_463_325_252;
    let flood = |rounds: u32, state: &mut u64| {
        for _ in 0..rounds {
            for packet in nonsense(state) {
                let _ = attacker.send_to(&packet, address);
            }
            thread::sleep(Duration::from_micros(200));
        }
    };
    flood(300, &mut state);
    for reason in ["too-short", "version", "not-a-client-request", "malformed-extension"] {
        daemon.until(reason, |_| dropped(&daemon, reason) >= 1.0);
    }
    let before = daemon.memory();
    flood(3000, &mut state);
    // What comes while the flood still fills the buffer of the socket is lost.
    let attempt = || ask_for(Duration::from_secs(1), address);
    let answer = patiently("nobody is served any more", attempt, String::new);
    assert_eq!((answer.stratum, answer.origin), (2, request().transmit));
    assert!(daemon.memory() < before + (2 << 20), "{} from {before}", daemon.memory());
    daemon.until_locked("virtual");
    daemon.assert_sound();
}

/// Holds as many connections as it can, each of them sending a byte now and then.
fn slow_loris(metrics: SocketAddr, control: &std::path::Path, end: &AtomicBool) {
    let mut held: Vec<Box<dyn std::io::Write>> = Vec::new();
    for _ in 0..500 {
        if let Ok(stream) = TcpStream::connect_timeout(&metrics, Duration::from_millis(50)) {
            stream.set_write_timeout(Some(Duration::from_millis(10))).unwrap();
            held.push(Box::new(stream));
        }
        if let Ok(stream) = UnixStream::connect(control) {
            stream.set_write_timeout(Some(Duration::from_millis(10))).unwrap();
            held.push(Box::new(stream));
        }
        if end.load(Ordering::Relaxed) {
            return;
        }
    }
    while !end.load(Ordering::Relaxed) {
        for stream in &mut held {
            let _ = stream.write_all(b"G");
        }
        thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn a_thousand_slow_connections_do_not_keep_utcd_from_keeping_time() {
    let server = Server::good();
    let config = VIRTUAL.to_owned() + &source("good", server.address);
    let mut daemon = Daemon::start(&config);
    let accepted = || daemon.source("good").accepted;
    daemon.until_locked("virtual");
    let (metrics, control) = (daemon.metrics, daemon.directory.join("control.sock"));
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        let attacker = scope.spawn(|| slow_loris(metrics, &control, &end));
        let asked = server.asked();
        let goes_on = || (server.asked() >= asked + 8).then_some(());
        patiently("the attack stops the exchanges", goes_on, String::new);
        assert!(!attacker.is_finished());
        end.store(true, Ordering::Relaxed);
    });
    let before = accepted();
    daemon.until("the exchanges have stopped", |_| accepted() > before);
    daemon.until_locked("virtual");
    for kind in ["http", "control"] {
        let refused = |reason| {
            let sample =
                format!("utcd_server_refused_total{{server=\"{kind}\",reason=\"{reason}\"}}");
            daemon.metric(&sample).unwrap_or(0.0)
        };
        daemon.until(kind, |_| refused("busy") + refused("timeout") >= 1.0);
    }
    daemon.assert_sound();
}
