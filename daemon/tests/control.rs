//! The control socket, and clients that mean it no good.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod golden;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use golden::{check, sample};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use utcd::board::View;
use utcd::connections::{Counts, SharedCounts, Trouble};
use utcd::control::{BindError, Feeds, Limits, Socket, serve};
use utcd::event::{EventLog, ExternalEvent};
use utcd::status::{SourceStatus, Status};
use utcd::suspends::Suspends;

/// A directory of the test's own.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("utcd-control-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("utcd/control.sock")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Daemon {
    directory: Directory,
    status: watch::Sender<Arc<Status>>,
    config: watch::Sender<Arc<String>>,
    events: watch::Sender<EventLog>,
    counts: SharedCounts,
    server: JoinHandle<std::convert::Infallible>,
}

impl Daemon {
    fn start(limits: Limits) -> Self {
        let directory = Directory::new();
        let socket = Socket::bind(&directory.socket(), 0o660).unwrap();
        let (status, status_feed) = watch::channel(Arc::new(sample()));
        let (config, config_feed) = watch::channel(Arc::new("[control]\n".to_owned()));
        let counts = SharedCounts::default();
        let (events, event_feed) = watch::channel(EventLog::default());
        let status_feed = View::new(status_feed, Suspends::none_yet());
        let feeds = Feeds { status: status_feed, config: config_feed, events: event_feed };
        let server = tokio::spawn(serve(socket, feeds, limits, Arc::clone(&counts)));
        Self { directory, status, config, events, counts, server }
    }

    async fn connect(&self) -> BufReader<UnixStream> {
        BufReader::new(UnixStream::connect(self.directory.socket()).await.unwrap())
    }

    /// Shows that a good client is served, though on a busy machine it may be too slow once.
    async fn serves(&self) {
        let served = loop {
            let reply = ask(&mut self.connect().await, r#"{"get":"status"}"#).await;
            if reply["error"]["kind"] != "timeout" {
                break reply;
            }
        };
        assert_eq!(served["status"]["version"], "0.1.0");
    }

    async fn until(&self, trouble: Trouble, expected: u64) {
        until(&self.counts, trouble, expected).await;
    }
}

async fn until(counts: &Counts, trouble: Trouble, expected: u64) {
    while counts.of(trouble) < expected {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn ask(client: &mut BufReader<UnixStream>, request: &str) -> Value {
    client.write_all(format!("{request}\n").as_bytes()).await.unwrap();
    next(client).await
}

async fn next(client: &mut BufReader<UnixStream>) -> Value {
    let mut line = String::new();
    client.read_line(&mut line).await.unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
}

fn patience(millis: u64) -> Limits {
    Limits { patience: Duration::from_millis(millis), ..Limits::default() }
}

/// Of time there is enough on the busiest machine.
fn unhurried() -> Limits {
    let long = Duration::from_secs(300);
    Limits { patience: long, heartbeat: long, ..Limits::default() }
}

fn limited(connections: usize) -> Limits {
    Limits { connections, ..unhurried() }
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let daemon = Daemon::start(unhurried());
    let mut client = daemon.connect().await;
    let reply = ask(&mut client, r#"{"get":"status"}"#).await;
    assert_eq!(reply["version"], 1);
    assert_eq!(serde_json::from_value::<Status>(reply["status"].clone()).unwrap(), sample());
    assert_eq!(ask(&mut client, r#"{"get":"config"}"#).await["config"], "[control]\n");
    daemon.config.send(Arc::new("[clock]\n".to_owned())).unwrap();
    assert_eq!(ask(&mut client, r#"{"get":"config"}"#).await["config"], "[clock]\n");
}

#[test]
fn the_json_is_the_one_that_was_reviewed() {
    check("status.json", &(serde_json::to_string_pretty(&sample()).unwrap() + "\n"));
}

#[tokio::test]
async fn a_request_without_a_line_break_is_answered_when_its_sender_closes() {
    let daemon = Daemon::start(unhurried());
    let mut client = daemon.connect().await;
    client.write_all(br#"{"get":"config"}"#).await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(next(&mut client).await["config"], "[control]\n");
}

#[tokio::test]
async fn a_subscriber_gets_each_news_once() {
    let daemon = Daemon::start(unhurried());
    let mut client = daemon.connect().await;
    let first = ask(&mut client, r#"{"get":"status","every":0.1}"#).await;
    assert_eq!(first["status"]["uptime"], sample().uptime);
    for uptime in [20_000.0, 20_001.0] {
        daemon.status.send(Arc::new(Status { uptime, ..sample() })).unwrap();
        assert_eq!(next(&mut client).await["status"]["uptime"], uptime);
    }
}

#[tokio::test]
async fn a_subscriber_hears_something_even_if_nothing_is_new() {
    let heartbeat = Duration::from_millis(10);
    let daemon = Daemon::start(Limits { heartbeat, ..unhurried() });
    let mut client = daemon.connect().await;
    let first = ask(&mut client, r#"{"get":"status","every":0.1}"#).await;
    assert_eq!(next(&mut client).await, first);
}

#[tokio::test]
async fn a_subscriber_that_leaves_frees_its_place() {
    let daemon = Daemon::start(limited(1));
    let mut client = daemon.connect().await;
    ask(&mut client, r#"{"get":"status","every":3600}"#).await;
    drop(client);
    loop {
        let mut client = daemon.connect().await;
        // The server may not have seen the end of the other one yet.
        if !ask(&mut client, r#"{"get":"status"}"#).await["status"].is_null() {
            break;
        }
    }
}

#[tokio::test]
async fn when_nobody_keeps_the_clocks_any_more_the_clients_are_told() {
    let daemon = Daemon::start(unhurried());
    let mut subscriber = daemon.connect().await;
    ask(&mut subscriber, r#"{"get":"status","every":0.1}"#).await;
    drop(daemon.status);
    assert_eq!(next(&mut subscriber).await["error"]["kind"], "stopping");
    assert_eq!(subscriber.read_line(&mut String::new()).await.unwrap(), 0);
}

#[tokio::test]
async fn clients_beyond_the_limit_are_told_busy() {
    let daemon = Daemon::start(limited(2));
    let mut first = daemon.connect().await;
    let mut second = daemon.connect().await;
    ask(&mut first, r#"{"get":"status"}"#).await;
    ask(&mut second, r#"{"get":"status"}"#).await;
    let mut third = daemon.connect().await;
    assert_eq!(next(&mut third).await["error"]["kind"], "busy");
    ask(&mut first, r#"{"get":"status"}"#).await;
    assert_eq!((daemon.counts.accepted(), daemon.counts.of(Trouble::Busy)), (2, 1));
}

#[tokio::test]
async fn a_thousand_silent_connections_hold_up_nobody_for_longer_than_their_time() {
    let daemon = Daemon::start(patience(500));
    let mut silent = Vec::new();
    for _ in 0..1000 {
        silent.push(daemon.connect().await);
    }
    // Each is told busy, or had its time.
    while daemon.counts.of(Trouble::Busy) + daemon.counts.of(Trouble::Timeout) < 1000 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(daemon.counts.of(Trouble::Timeout) >= 16);
    daemon.serves().await;
}

#[tokio::test]
async fn connections_that_close_at_once_leave_nothing_behind() {
    let daemon = Daemon::start(limited(4));
    for _ in 0..2000 {
        drop(daemon.connect().await);
    }
    while daemon.counts.accepted() + daemon.counts.of(Trouble::Busy) < 2000 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    daemon.serves().await;
}

#[tokio::test]
async fn a_client_that_never_reads_loses_its_connection() {
    let daemon = Daemon::start(patience(500));
    let name = "x".repeat(2 << 20);
    let large = SourceStatus { name, ..SourceStatus::default() };
    daemon.status.send(Arc::new(Status { sources: vec![large], ..sample() })).unwrap();
    let mut deaf = daemon.connect().await;
    deaf.write_all(b"{\"get\":\"status\"}\n").await.unwrap();
    daemon.until(Trouble::Timeout, 1).await;
    daemon.status.send(Arc::new(sample())).unwrap();
    daemon.serves().await;
}

#[tokio::test]
async fn half_a_request_runs_out_of_time() {
    let daemon = Daemon::start(patience(50));
    let mut slow = daemon.connect().await;
    slow.write_all(b"{\"get\":").await.unwrap();
    assert_eq!(next(&mut slow).await["error"]["kind"], "timeout");
    daemon.until(Trouble::Timeout, 1).await;
}

#[tokio::test]
async fn an_endless_line_is_cut_off() {
    let daemon = Daemon::start(unhurried());
    let mut endless = daemon.connect().await;
    let _ = endless.write_all(&vec![b'a'; 100_000]).await;
    assert_eq!(next(&mut endless).await["error"]["kind"], "too-long");
    daemon.until(Trouble::TooLong, 1).await;
    daemon.serves().await;
}

#[tokio::test]
async fn garbage_is_answered_with_an_example() {
    let daemon = Daemon::start(unhurried());
    for garbage in [&b"\xff\xfe\x00\n"[..], b"GET / HTTP/1.1\r\n", b"\n", b"{\"set\":\"clock\"}\n"]
    {
        let mut client = daemon.connect().await;
        client.write_all(garbage).await.unwrap();
        let error = next(&mut client).await["error"].clone();
        assert_eq!(error["kind"], "malformed");
        assert!(error["message"].as_str().unwrap().contains(r#"{"get":"status"}"#), "{error}");
    }
    daemon.until(Trouble::Malformed, 4).await;
}

#[tokio::test]
async fn the_file_is_for_whom_the_mode_says_and_goes_with_the_server() {
    let daemon = Daemon::start(unhurried());
    let path = daemon.directory.socket();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    daemon.server.abort();
    assert!(daemon.server.await.unwrap_err().is_cancelled());
    assert!(!path.exists());
}

#[tokio::test]
async fn a_socket_that_a_dead_daemon_left_is_replaced() {
    let directory = Directory::new();
    let path = directory.0.join("control.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    assert_eq!(Socket::bind(&path, 0o600).unwrap().path(), path);
}

fn bind_error(path: &Path) -> BindError {
    Socket::bind(path, 0o660).unwrap_err()
}

#[tokio::test]
async fn what_is_somebody_else_s_is_left_alone() {
    let directory = Directory::new();
    let living = directory.0.join("living.sock");
    let _listener = UnixListener::bind(&living).unwrap();
    assert!(matches!(bind_error(&living), BindError::InUse(_)));
    assert!(UnixStream::connect(&living).await.is_ok());

    let file = directory.0.join("notes.txt");
    fs::write(&file, "mine").unwrap();
    assert!(matches!(bind_error(&file), BindError::NotASocket(_)));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[tokio::test]
async fn errors_of_binding_say_what_to_do() {
    let directory = Directory::new();
    let deep = bind_error(&directory.0.join("a/b/control.sock"));
    assert!(matches!(deep, BindError::Directory { .. }));
    let open = directory.0.join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let untrusted = bind_error(&open.join("control.sock"));
    assert!(matches!(untrusted, BindError::Untrusted { .. }));
    let long = bind_error(&directory.0.join("x".repeat(150)));
    assert!(matches!(long, BindError::System { .. }));
    for error in [deep, untrusted, long] {
        assert!(error.to_string().contains("under [control]"), "{error}");
    }
}

#[tokio::test]
async fn nothing_that_is_sent_brings_the_server_down() {
    let daemon = Daemon::start(unhurried());
    // A fixed linear congruential generator: the same bytes in every run.
    let mut state = 1_u32;
    for length in 0..64_usize {
        let mut client = daemon.connect().await;
        let bytes: Vec<u8> = (0..length * 24)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let _ = client.write_all(&bytes).await;
        let _ = client.shutdown().await;
        let _ = client.read_to_end(&mut Vec::new()).await;
    }
    daemon.serves().await;
    assert_eq!(daemon.counts.of(Trouble::Failed), 0);
}

fn push_event(daemon: &Daemon, name: &str) {
    let event = ExternalEvent { event: name.into(), ..ExternalEvent::default() };
    daemon.events.send_modify(|log| log.push(event));
}

fn names(reply: &Value) -> Vec<String> {
    let events = reply["events"].as_array().unwrap();
    events
        .iter()
        .map(|event| format!("{}{}", event["event"].as_str().unwrap(), event["number"]))
        .collect()
}

#[tokio::test]
async fn events_are_told_once_to_those_who_follow_and_always_to_those_who_ask() {
    let daemon = Daemon::start(unhurried());
    push_event(&daemon, "a");
    push_event(&daemon, "b");
    let mut asks = daemon.connect().await;
    for _ in 0..2 {
        assert_eq!(names(&ask(&mut asks, r#"{"get":"events"}"#).await), ["a0", "b1"]);
    }
    let mut follows = daemon.connect().await;
    assert_eq!(names(&ask(&mut follows, r#"{"get":"events","every":0.1}"#).await), ["a0", "b1"]);
    push_event(&daemon, "c");
    assert_eq!(names(&next(&mut follows).await), ["c2"]);
}

#[tokio::test]
async fn a_follower_who_is_too_slow_sees_by_the_numbers_what_it_missed() {
    let daemon = Daemon::start(unhurried());
    for _ in 0..5000 {
        push_event(&daemon, "e");
    }
    let told = names(&ask(&mut daemon.connect().await, r#"{"get":"events"}"#).await);
    assert!(told.len() < 5000 && told.last().unwrap() == "e4999", "{}", told.len());
}
