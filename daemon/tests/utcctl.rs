//! What people read: the texts themselves, and `utcctl` as a shell runs it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod golden;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use golden::{check, sample};
use serde_json::Value;
use tokio::sync::{oneshot, watch};
use unicode_width::UnicodeWidthStr as _;
use utcd::board::View;
use utcd::connections::SharedCounts;
use utcd::control::{Feeds, Limits, Socket, serve};
use utcd::event::{EventLog, ExternalEvent};
use utcd::interfaces::{InterfaceStatus, StampsInForce, StampsOf};
use utcd::render::{self, Chain, Colours};
use utcd::status::{ClockState, ClockStatus, LatencyStatus, Status};
use utcd::suspends::Suspends;

/// Everything is well.
fn quiet() -> Status {
    let mut status = sample();
    status.clocks.truncate(1);
    status.sources.truncate(1);
    status.events.truncate(1);
    status.outputs.truncate(1);
    status
}

/// A NIC for all, one for PTP alone below a VLAN, and one without a clock.
fn nics() -> Vec<InterfaceStatus> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let plain = InterfaceStatus {
        name: "wlan0".into(),
        nic: None,
        driver: Some("\u{1b}[2Jiwl".into()),
        phc: None,
        up: true,
        running: false,
        speed: None,
        transmit: vec![],
        receive: vec![],
        one_step: false,
        in_force: None,
        ntp: StampsOf::Kernel,
        ptp_udp: StampsOf::Kernel,
        ptp_ethernet: StampsOf::Kernel,
        reason: "the driver has no hardware stamps".into(),
        latency: None,
    };
    let all = InterfaceStatus {
        name: "eth0".into(),
        driver: Some("igb".into()),
        phc: Some(0),
        running: true,
        speed: Some(1_000_000_000),
        transmit: words(&["off", "on"]),
        receive: words(&["none", "all", "ptpv2-event"]),
        in_force: Some(StampsInForce { transmit: "off".into(), receive: "none".into() }),
        ntp: StampsOf::HardwareOnRequest,
        ptp_udp: StampsOf::HardwareOnRequest,
        ptp_ethernet: StampsOf::HardwareOnRequest,
        reason: "off until a program asks for stamps".into(),
        latency: Some(LatencyStatus {
            nic: "eth0".into(),
            speed: Some(1_000_000_000),
            ingress: 320e-9,
            egress: 184e-9,
            uncertainty: 20e-9,
        }),
        ..plain.clone()
    };
    let ptp_only = InterfaceStatus {
        name: "vlan7".into(),
        nic: Some("eth1".into()),
        driver: Some("stmmac".into()),
        phc: Some(1),
        speed: Some(2_500_000_000),
        transmit: words(&["off", "on", "onestep-sync"]),
        receive: words(&["none", "ptpv2-l4-event", "ptpv2-l2-event"]),
        one_step: true,
        in_force: Some(StampsInForce { transmit: "on".into(), receive: "ptpv2-l4-event".into() }),
        ntp: StampsOf::Kernel,
        ptp_udp: StampsOf::Hardware,
        reason: "the NIC stamps no NTP that comes".into(),
        latency: None,
        ..all.clone()
    };
    vec![all, ptp_only, plain]
}

#[test]
fn interfaces_are_listed_without_a_daemon() {
    let nowhere = ["interfaces", "--json", "--socket", "/nonexistent/utcd"];
    let output = utcctl(&nowhere).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let all: Value = serde_json::from_str(stdout(&output)).unwrap();
    let lo = all.as_array().unwrap().iter().find(|one| one["name"] == "lo").unwrap();
    assert_eq!((&lo["phc"], &lo["ntp"]), (&Value::Null, &Value::from("kernel")));
    let table = utcctl(&["interfaces"]).output().unwrap();
    assert!(stdout(&table).lines().any(|line| line.starts_with("lo ")), "{}", stdout(&table));
}

#[test]
fn the_texts_are_those_that_were_reviewed() {
    let (status, off) = (sample(), Colours::Off);
    check("status.txt", &render::status(&status, off));
    check("status-quiet.txt", &render::status(&quiet(), off));
    check("sources.txt", &render::sources(&status, off));
    check("clocks.txt", &render::clocks(&status, off));
    check("chain.txt", &render::chain(&Chain::from(&status.clocks[0]), off));
    check("chain-none.txt", &render::chain(&Chain::from(&status.clocks[1]), off));
    check("screen.txt", &render::screen(&status, off));
    check("screen-empty.txt", &render::screen(&Status::default(), off));
    check("screen-colours.txt", &render::screen(&status, Colours::On));
    let lines: String =
        status.clocks.iter().map(|clock| render::line(&status, clock) + "\n").collect();
    check("line.txt", &lines);
    check("interfaces.txt", &render::interfaces(&nics(), off));
    check("frame.txt", &render::frame("one\ntwo\n"));
}

#[test]
fn no_text_lets_a_name_reach_the_terminal_or_ends_a_line_in_blanks() {
    let status = sample();
    let chain = |clock| render::chain(&Chain::from(clock), Colours::Off);
    let mut texts = vec![
        render::status(&status, Colours::Off),
        render::screen(&status, Colours::Off),
        render::line(&status, &status.clocks[0]),
        render::interfaces(&nics(), Colours::Off),
    ];
    texts.extend(status.clocks.iter().map(chain));
    for text in texts {
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text}");
        assert!(text.lines().all(|line| !line.ends_with(' ')), "{text}");
    }
}

#[test]
fn offsets_line_up_whatever_the_script_of_the_names() {
    let text = render::sources(&sample(), Colours::Off);
    let heading = text.lines().next().unwrap();
    let right_edge = heading[..heading.find("Offset").unwrap() + "Offset".len()].width();
    for (row, offset) in text.lines().skip(1).zip(["+1.50 µs", "-31.0 µs", "+3.00 ms"]) {
        let end = row.find(offset).unwrap_or_else(|| panic!("{row}")) + offset.len();
        assert_eq!(row[..end].width(), right_edge, "{row}");
    }
}

#[test]
fn the_verdict_is_ok_only_if_every_clock_that_has_a_source_is_locked() {
    assert!(render::verdict(&quiet()).is_ok());
    assert!(!render::verdict(&Status::default()).is_ok());
    for state in ClockState::ALL {
        let mut status = quiet();
        status.clocks[0].state = state;
        let well = matches!(state, ClockState::Locked | ClockState::FreeRunning);
        assert_eq!(render::verdict(&status).is_ok(), well, "{state:?}");
    }
}

#[test]
fn a_clock_without_a_source_is_taken_as_it_is() {
    let mut status = quiet();
    let reference = ClockStatus {
        name: "reference".into(),
        state: ClockState::FreeRunning,
        ..ClockStatus::default()
    };
    status.clocks.push(reference);
    assert_eq!(render::verdict(&status), render::Verdict::default());
    check("status-free-running.txt", &render::status(&status, Colours::Off));
}

#[test]
fn an_expired_leap_table_and_a_broken_chain_are_warnings() {
    let mut status = quiet();
    assert!(render::verdict(&status).warnings.is_empty());
    status.leap.expired = true;
    status.clocks[0].traceable = false;
    let verdict = render::verdict(&status);
    assert!(verdict.is_ok());
    assert_eq!(verdict.warnings.len(), 2);
    assert!(verdict.warnings.iter().any(|warning| warning.contains("2027-06-28")));
}

/// Of time there is enough on the busiest machine.
fn unhurried() -> Limits {
    let long = Duration::from_secs(300);
    Limits { patience: long, heartbeat: long, ..Limits::default() }
}

/// A daemon in a thread of its own, as the test blocks while utcctl runs.
struct Daemon {
    directory: Directory,
    status: watch::Sender<Arc<Status>>,
    _config: watch::Sender<Arc<String>>,
    events: watch::Sender<EventLog>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    fn start(status: Status, limits: Limits) -> Self {
        let directory = Directory::new();
        let (status, status_feed) = watch::channel(Arc::new(status));
        let (config, config_feed) = watch::channel(Arc::new("[[clock]]\nname = \"µ\"\n".into()));
        let (events, event_feed) = watch::channel(EventLog::default());
        let status_feed = View::new(status_feed, Suspends::none_yet());
        let feeds = Feeds { status: status_feed, config: config_feed, events: event_feed };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let inside = runtime.enter();
        let socket = Socket::bind(&directory.join("control.sock"), 0o600).unwrap();
        drop(inside);
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    never = serve(socket, feeds, limits, SharedCounts::default()) => match never {},
                    _ = stopped => {}
                }
            });
        });
        let (stop, thread) = (Some(stop), Some(thread));
        Self { directory, status, _config: config, events, stop, thread }
    }

    /// Waits until a client is connected.
    fn until_asked(&self) {
        while self.status.receiver_count() < 2 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn utcctl(&self, arguments: &[&str]) -> Command {
        let mut command = utcctl(arguments);
        command.arg("--socket").arg(self.directory.join("control.sock"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.utcctl(arguments).output().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A directory of the test's own.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("utcctl-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn utcctl(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_utcctl"));
    command.args(arguments);
    command
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn each_command_prints_its_text_without_colours_into_a_pipe() {
    let daemon = Daemon::start(sample(), unhurried());
    let (status, off) = (sample(), Colours::Off);
    let chain = |clock: usize| render::chain(&Chain::from(&status.clocks[clock]), off);
    for (arguments, expected, code) in [
        (&["status"][..], render::status(&status, off), 1),
        (&["sources"], render::sources(&status, off), 0),
        (&["clocks"], render::clocks(&status, off), 0),
        (&["chain"], chain(0), 0),
        (&["chain", "virtual"], chain(1), 1),
        (
            &["config", "show"],
            "[[clock]]
name = \"µ\"
"
            .to_owned(),
            0,
        ),
    ] {
        let output = daemon.run(arguments);
        assert_eq!(stdout(&output), expected, "{arguments:?}");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn a_synchronised_host_is_ok() {
    let daemon = Daemon::start(quiet(), unhurried());
    let output = daemon.run(&["status"]);
    assert!(stdout(&output).starts_with("OK "), "{}", stdout(&output));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn json_is_one_line_of_the_parts_of_the_snapshot() {
    let daemon = Daemon::start(sample(), unhurried());
    let json = |arguments: &[&str]| -> Value {
        let output = daemon.run(arguments);
        assert_eq!(stdout(&output).lines().count(), 1, "{arguments:?}");
        serde_json::from_str(stdout(&output)).unwrap()
    };
    let whole = serde_json::to_value(sample()).unwrap();
    assert_eq!(json(&["status", "--json"]), whole);
    assert_eq!(json(&["sources", "--json"]), whole["sources"]);
    assert_eq!(json(&["--json", "clocks"]), whole["clocks"]);
    assert_eq!(json(&["waitsync", "--json"]), whole["clocks"][0]);
    assert_eq!(json(&["config", "show", "--json"])["config"], "[[clock]]\nname = \"µ\"\n");
    let chain = json(&["chain", "--json"]);
    assert_eq!(chain["links"], whole["clocks"][0]["chain"]);
    assert_eq!(chain["not_covered"], serde_json::json!([["UTC", "UTC(NIM)"]]));
}

#[test]
fn watching_goes_on_until_the_daemon_stops() {
    let daemon = Daemon::start(sample(), unhurried());
    let mut watching = daemon
        .utcctl(&["status", "--json", "--watch", "0.1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    for uptime in [sample().uptime, 1.0, 2.0] {
        daemon.status.send(Arc::new(Status { uptime, ..sample() })).unwrap();
        // The first may come twice: from before and from after the change.
        assert!(lines.by_ref().any(|line| {
            let status: Status = serde_json::from_str(&line.unwrap()).unwrap();
            status.uptime == uptime
        }));
    }
    drop(daemon);
    assert_eq!(lines.count(), 0);
    assert_eq!(watching.wait().unwrap().code(), Some(3));
}

#[test]
fn waitsync_returns_when_the_clock_is_locked_within_the_limits() {
    let mut status = sample();
    status.clocks[0].state = ClockState::Acquiring;
    let daemon = Daemon::start(status, unhurried());
    let waiting = daemon
        .utcctl(&["waitsync", "--timeout", "300s", "--max-offset", "1ms"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    daemon.until_asked();
    daemon.status.send(Arc::new(sample())).unwrap();
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).starts_with("system locked, offset +1.23 µs ± 5.78 ms (k=2), "));
}

#[test]
fn waitsync_gives_up_with_1_and_says_what_is_lacking() {
    let daemon = Daemon::start(sample(), unhurried());
    for (arguments, lacking) in [
        (&["virtual"][..], "clock virtual is holdover"),
        (
            &["--max-uncertainty", "5ms"],
            "uncertainty of clock system is 5.78 ms, not within 5.00 ms",
        ),
        (&["system", "--max-offset", "1 us"], "offset of clock system is 1.23 µs"),
    ] {
        for timeout in ["0s", "700ms"] {
            let all = [&["waitsync", "--timeout", timeout][..], arguments].concat();
            let output = daemon.run(&all);
            assert!(stderr(&output).contains(lacking), "{all:?}: {}", stderr(&output));
            assert_eq!(output.status.code(), Some(1), "{all:?}");
        }
    }
}

#[test]
fn waitsync_waits_for_a_daemon_that_is_not_there_yet() {
    let directory = Directory::new();
    let socket = directory.join("control.sock");
    let output =
        utcctl(&["waitsync", "--timeout", "600ms", "--socket"]).arg(&socket).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("no utcd can be reached"), "{}", stderr(&output));
}

#[test]
fn a_daemon_that_cannot_be_reached_is_3_with_advice() {
    let nowhere = Directory::new();
    let output = utcctl(&["status"]).env("XDG_RUNTIME_DIR", &nowhere.0).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    for part in ["/run/utcd/control.sock", nowhere.0.to_str().unwrap(), "systemctl", "--socket"] {
        assert!(said.contains(part), "{part} not in: {said}");
    }
}

#[test]
fn without_a_service_the_user_s_own_daemon_is_asked() {
    let daemon = Daemon::start(quiet(), unhurried());
    let runtime = Directory::new();
    fs::create_dir(runtime.join("utcd")).unwrap();
    let default = runtime.join("utcd/control.sock");
    std::os::unix::fs::symlink(daemon.directory.join("control.sock"), default).unwrap();
    let output = utcctl(&["status"]).env("XDG_RUNTIME_DIR", &runtime.0).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_busy_daemon_and_one_that_is_none_are_4() {
    let daemon = Daemon::start(quiet(), Limits { connections: 0, ..unhurried() });
    let output = daemon.run(&["status"]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(stderr(&output).contains("busy"), "{}", stderr(&output));

    for (reply, says) in [("hello\n", "no utcd"), ("{\"version\":9}\n", "version 9")] {
        let directory = Directory::new();
        let path = directory.join("other.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let other = std::thread::spawn(move || {
            listener.accept().unwrap().0.write_all(reply.as_bytes()).unwrap();
        });
        let output = utcctl(&["status", "--socket"]).arg(&path).output().unwrap();
        other.join().unwrap();
        assert_eq!(output.status.code(), Some(4));
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    }
}

#[test]
fn wrong_usage_is_2_and_says_what_is_right() {
    let daemon = Daemon::start(sample(), unhurried());
    for (arguments, says) in [
        (&["chain", "nonsense"][..], "system, virtual"),
        (&["waitsync", "nonsense"], "system, virtual"),
        (&["waitsync", "--timeout", "5"], "100 ms"),
        (&["waitsync", "--watch", "1"], "leave out --watch"),
        (&["status", "--watch", "0"], "0.1"),
        (&["statu"], "--help"),
    ] {
        let output = daemon.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn nobody_reading_on_is_no_error() {
    let mut status = quiet();
    // More than the buffer of a pipe takes.
    status.sources = vec![status.sources[0].clone(); 2000];
    let daemon = Daemon::start(status, unhurried());
    for arguments in [&["sources"][..], &["sources", "--json", "--watch", "0.1"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = daemon.utcctl(arguments).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let daemon = Daemon::start(quiet(), unhurried());
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = daemon.utcctl(&["status"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(stderr(&output).contains("cannot write"), "{}", stderr(&output));
}

#[test]
fn the_help_has_examples_and_the_reference_page_every_option() {
    let help = utcctl(&["--help"]).output().unwrap();
    for part in ["Examples:", "Exit codes:", "utcctl waitsync"] {
        assert!(stdout(&help).contains(part), "{part}");
    }
    let reference = include_str!("../../docs/src/reference/utcctl.md");
    let waitsync = utcctl(&["waitsync", "--help"]).output().unwrap();
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !(c.is_alphanumeric() || c == '-')).map(str::to_owned).collect()
    };
    let options = words(stdout(&waitsync)).into_iter().filter(|word| word.starts_with("--"));
    for option in options.filter(|option| option.len() > 2) {
        assert!(reference.contains(&format!("`{option}")), "{option}");
    }
    for command in ["status", "sources", "chain", "clocks", "interfaces", "waitsync", "config show"]
    {
        assert!(reference.contains(&format!("utcctl {command}")), "{command}");
    }
}

fn trigger(nanos: u32) -> ExternalEvent {
    ExternalEvent {
        event: "trigger".into(),
        clock: "nic".into(),
        utc: Some(format!("2026-11-22T12:00:00.{nanos:09}Z")),
        tai_seconds: Some(1_795_348_837),
        tai_nanoseconds: Some(nanos),
        uncertainty: Some(120e-9),
        bound: Some(1.5e-6),
        traceable: true,
        ..ExternalEvent::default()
    }
}

#[test]
fn events_are_listed_with_their_times_and_uncertainties() {
    let daemon = Daemon::start(sample(), unhurried());
    assert_eq!(stdout(&daemon.run(&["events"])), "No events.\n");
    daemon.events.send_modify(|log| log.push(trigger(42)));
    let output = daemon.run(&["events"]);
    let row = "0  2026-11-22T12:00:00.000000042Z    120 ns  1.50 µs  trigger  nic\n";
    assert!(stdout(&output).ends_with(row), "{}", stdout(&output));
    let json: Value = serde_json::from_str(stdout(&daemon.run(&["events", "--json"]))).unwrap();
    assert_eq!((&json["tai_nanoseconds"], &json["traceable"]), (&42.into(), &true.into()));
    let refused = daemon.run(&["events", "--watch"]);
    assert!(stderr(&refused).contains("--follow") && refused.status.code() == Some(2));
}

#[test]
fn events_are_followed_one_line_each() {
    let daemon = Daemon::start(sample(), unhurried());
    let mut command = daemon.utcctl(&["events", "--follow", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    daemon.until_asked();
    for nanos in [1, 2, 3] {
        daemon.events.send_modify(|log| log.push(trigger(nanos)));
        let event: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(
            (&event["number"], &event["tai_nanoseconds"]),
            (&(nanos - 1).into(), &nanos.into())
        );
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
