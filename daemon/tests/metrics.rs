//! The metrics, and the HTTP server that gives them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod golden;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use golden::{check, sample};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use utcd::board::View;
use utcd::connections::{Counts, SharedCounts, Trouble};
use utcd::http::{self, Feeds, Limits};
use utcd::metrics;
use utcd::status::{ClockStatus, SourceStatus, Status};
use utcd::suspends::Suspends;

fn page(status: &Status) -> String {
    metrics::text(status, &[("control", SharedCounts::default())]).unwrap()
}

/// The value of the sample with exactly these labels.
fn value(page: &str, sample: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn the_page_is_the_one_that_was_reviewed() {
    check("metrics.txt", &page(&sample()));
}

#[test]
fn promtool_finds_nothing_to_complain_of() {
    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = spawned else {
        eprintln!("SKIPPED: promtool is not installed (Debian: prometheus)");
        return;
    };
    promtool.stdin.take().unwrap().write_all(page(&sample()).as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn what_is_not_known_is_absent_and_never_zero() {
    let clock = ClockStatus {
        name: "c".into(),
        bound: Some(f64::INFINITY),
        root_delay: f64::NAN,
        ..ClockStatus::default()
    };
    let source = SourceStatus { name: "s".into(), ..SourceStatus::default() };
    let status = Status { clocks: vec![clock], sources: vec![source], ..Status::default() };
    let page = page(&status);
    for absent in [
        "utcd_clock_offset_seconds",
        "utcd_clock_uncertainty_seconds",
        "utcd_clock_bound_seconds",
        "utcd_clock_root_delay_seconds",
        "utcd_source_offset_seconds",
        "utcd_source_delay_seconds",
        "utcd_source_age_seconds",
        "utcd_leap_table_expiry_timestamp_seconds",
        "utcd_leap_next_timestamp_seconds",
        "utcd_ntp_server_answered_total",
    ] {
        assert!(!page.contains(absent), "{absent} in\n{page}");
    }
    assert_eq!(value(&page, r#"utcd_clock_traceable{clock="c"}"#), Some(0.0));
    assert_eq!(value(&page, r#"utcd_clock_state{clock="c",state="unsynchronised"}"#), Some(1.0));
}

#[test]
fn a_source_is_in_exactly_one_state() {
    let page = page(&sample());
    let of_eth0 = page.lines().filter(|l| l.starts_with(r#"utcd_source_state{source="eth0""#));
    assert_eq!(of_eth0.clone().count(), 7);
    assert_eq!(of_eth0.filter(|line| line.ends_with(" 1")).count(), 1);
    assert_eq!(value(&page, r#"utcd_source_state{source="eth0",state="unreachable"}"#), Some(1.0));
}

#[test]
fn hostile_names_stay_inside_their_quotes() {
    let page = page(&sample());
    assert!(
        page.contains("utcd_source_stratum{source=\"wrong\\\"\\\\\\n\u{1b}[2J\"} 3\n"),
        "{page}"
    );
}

#[test]
fn a_name_that_occurs_twice_does_not_spoil_the_page() {
    let mut status = sample();
    status.sources.push(status.sources[0].clone());
    let page = page(&status);
    let lines = page
        .lines()
        .filter(|line| line.starts_with(r#"utcd_source_accepted_total{source="ntp1.nim.ac.cn"}"#));
    assert_eq!(lines.count(), 1);
}

#[test]
fn every_metric_is_in_the_reference_and_nothing_else_is() {
    let reference = include_str!("../../docs/src/reference/metrics.md");
    let mut status = sample();
    status.leap.next = Some(1_814_313_600.0);
    let page = page(&status);
    let given: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| line.rsplit_once(' ').unwrap())
        .collect();
    for (name, kind) in &given {
        let row = reference.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        assert!(row.is_some_and(|row| row.contains(&format!("| {kind} |"))), "{name} is {kind}");
    }
    let documented = reference.lines().filter(|line| line.starts_with("| `utcd_"));
    assert_eq!(documented.count(), given.len());
}

struct Host {
    address: SocketAddr,
    status: watch::Sender<Arc<Status>>,
    counts: SharedCounts,
}

/// Of time there is enough on the busiest machine.
fn unhurried() -> Limits {
    let long = Duration::from_secs(300);
    Limits { head: long, total: long, ..Limits::default() }
}

/// Serves the sample on loopback until the runtime of the test ends.
async fn host(limits: Limits) -> Host {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (status, receiver) = watch::channel(Arc::new(sample()));
    let counts = SharedCounts::default();
    let servers = vec![("http", Arc::clone(&counts))];
    let feeds = Feeds { status: View::new(receiver, Suspends::none_yet()), servers };
    tokio::spawn(http::serve(listener, feeds, limits, Arc::clone(&counts)));
    Host { address, status, counts }
}

async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    // Whoever is refused may see a reset after the last byte.
    let _ = stream.read_to_end(&mut response).await;
    String::from_utf8(response).unwrap()
}

async fn get(host: &Host, path: &str) -> String {
    exchange(host.address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await
}

/// Waits until the server has noticed.
async fn until(counts: &Counts, trouble: Trouble, expected: u64) {
    while counts.of(trouble) < expected {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_scrape_gets_the_snapshot_of_the_moment() {
    let host = host(unhurried()).await;
    let response = get(&host, "/metrics").await;
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.contains("\r\ncontent-type: text/plain; version=0.0.4\r\n"), "{response}");
    assert!(response.contains("\nutcd_clock_steps_total{clock=\"system\"} 1\n"));
    let mut next = sample();
    next.clocks[0].steps = 2;
    host.status.send(Arc::new(next)).unwrap();
    let response = get(&host, "/metrics?unused").await;
    assert!(response.contains("\nutcd_clock_steps_total{clock=\"system\"} 2\n"));
}

#[tokio::test]
async fn everything_else_is_said_to_be_elsewhere() {
    let host = host(unhurried()).await;
    assert!(get(&host, "/").await.contains("/metrics"));
    assert!(get(&host, "/favicon.ico").await.starts_with("HTTP/1.1 404 "));
    let post = "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";
    let refusal = exchange(host.address, post).await;
    assert!(refusal.starts_with("HTTP/1.1 405 ") && refusal.contains("allow: GET, HEAD"));
    let head = exchange(host.address, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn a_daemon_that_keeps_no_clock_any_more_claims_nothing() {
    let host = host(unhurried()).await;
    drop(host.status);
    let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    let response = exchange(host.address, request).await;
    assert!(response.starts_with("HTTP/1.1 503 ") && !response.contains("utcd_clock"));
}

#[tokio::test]
async fn a_slow_loris_loses_its_connection_and_holds_up_nobody() {
    let host = host(Limits { head: Duration::from_secs(2), ..unhurried() }).await;
    let mut loris = TcpStream::connect(host.address).await.unwrap();
    loris.write_all(b"GET /metrics HTTP/1.1\r\nX-").await.unwrap();
    assert!(get(&host, "/metrics").await.starts_with("HTTP/1.1 200 "));
    until(&host.counts, Trouble::Timeout, 1).await;
    let mut end = Vec::new();
    loris.read_to_end(&mut end).await.unwrap();
    assert!(!end.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_never_reads_loses_its_connection() {
    let limits = Limits { total: Duration::from_millis(500), ..Limits::default() };
    let host = host(limits).await;
    let mut large = sample();
    large.sources[0].name = "x".repeat(1 << 20);
    host.status.send(Arc::new(large)).unwrap();
    let mut stream = TcpStream::connect(host.address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    until(&host.counts, Trouble::Timeout, 1).await;
}

#[tokio::test]
async fn garbage_and_endless_heads_are_counted() {
    let host = host(unhurried()).await;
    let _ = exchange(host.address, "\u{1}\u{2}garbage\r\n\r\n").await;
    until(&host.counts, Trouble::Malformed, 1).await;
    let mut endless = TcpStream::connect(host.address).await.unwrap();
    let filler = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(100_000));
    let _ = endless.write_all(filler.as_bytes()).await;
    until(&host.counts, Trouble::TooLong, 1).await;
}

#[tokio::test]
async fn connections_beyond_the_limit_get_a_503_at_once() {
    let host = host(Limits { connections: 2, ..unhurried() }).await;
    let first = TcpStream::connect(host.address).await.unwrap();
    let _second = TcpStream::connect(host.address).await.unwrap();
    let mut third = TcpStream::connect(host.address).await.unwrap();
    let mut response = String::new();
    third.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert_eq!(host.counts.of(Trouble::Busy), 1);
    drop(first);
    // Its place is free again as soon as the server has seen the end.
    while !get(&host, "/").await.starts_with("HTTP/1.1 200 ") {}
}
