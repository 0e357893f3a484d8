//! A running utcd, seen as its operator sees it, and NTP servers that do as they are told.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod ntp;
pub(crate) mod record;
pub(crate) mod recordings;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use utcd::control::{Body, Client, Place, Request, Topic};
use utcd::status::{ClockState, ClockStatus, SourceStatus, Status};

/// Long enough for a busy machine; nothing is asserted of it but that it is not reached.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(50);

/// The first value that `attempt` has within the patience.
#[track_caller]
pub(crate) fn patiently<T>(
    what: &str,
    mut attempt: impl FnMut() -> Option<T>,
    context: impl Fn() -> String,
) -> T {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(value) = attempt() {
            return value;
        }
        thread::sleep(LOOK);
    }
    panic!("{what}\n{}", context());
}

/// A directory of the test's own.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("utcd-test-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        // Like /tmp: some tests run utcd as another user.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o1777)).unwrap();
        Self(path)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A loopback address that nobody else takes: of this process alone, and with a port below
/// those that the kernel hands out (`ip_local_port_range`).
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    // Process ids have 22 bits.
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, 64 | high, middle, low);
    SocketAddr::from((host, NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// True if a program of the host can be run; else says what is skipped without it.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|directory| directory.join(program).exists());
    if !found {
        eprintln!("skipped: there is no {program}");
    }
    found
}

/// Runs a program to its end; true if it succeeds.
pub(crate) fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The lines that the daemon wrote to one of its outputs.
#[derive(Clone, Default)]
pub(crate) struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    /// Nobody has the output open any more.
    complete: Arc<AtomicBool>,
}

impl Lines {
    pub(crate) fn of(output: impl std::io::Read + Send + 'static) -> Self {
        let lines = Self::default();
        let store = lines.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                store.lines.lock().unwrap().push(line);
            }
            store.complete.store(true, Ordering::Relaxed);
        });
        lines
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, part: &str) -> usize {
        self.all().iter().filter(|line| line.contains(part)).count()
    }

    /// Waits for a line.
    #[track_caller]
    pub(crate) fn wait(&self, part: &str) -> String {
        let look = || self.all().into_iter().find(|line| line.contains(part));
        patiently(&format!("no line with {part:?}"), look, || self.all().join("\n"))
    }
}

/// A utcd on a configuration of the test, with outputs of its own. Killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) directory: Directory,
    pub(crate) metrics: SocketAddr,
    pub(crate) log: Lines,
    pub(crate) out: Lines,
}

impl Daemon {
    /// Starts it, and waits until it answers.
    #[track_caller]
    pub(crate) fn start(config: &str) -> Self {
        Self::start_by(config, |_| {}, &[])
    }

    /// The same with `prepare`d environment, and under the program `wrapper`.
    #[track_caller]
    pub(crate) fn start_by(
        config: &str,
        prepare: impl FnOnce(&mut Command),
        wrapper: &[&str],
    ) -> Self {
        let mut daemon = Self::spawn(config, prepare, wrapper);
        daemon.until_it_answers();
        daemon
    }

    /// Starts it and does not wait.
    pub(crate) fn spawn(
        config: &str,
        prepare: impl FnOnce(&mut Command),
        wrapper: &[&str],
    ) -> Self {
        let directory = Directory::new();
        let metrics = free_address();
        fs::write(directory.join("utcd.toml"), complete(config, &directory.0, metrics)).unwrap();
        let child = Self::process(&directory, prepare, wrapper);
        Self::adopt(child, directory, metrics)
    }

    fn adopt(mut child: Child, directory: Directory, metrics: SocketAddr) -> Self {
        let log = Lines::of(child.stderr.take().unwrap());
        let out = Lines::of(child.stdout.take().unwrap());
        Self { child, directory, metrics, log, out }
    }

    fn process(
        directory: &Directory,
        prepare: impl FnOnce(&mut Command),
        wrapper: &[&str],
    ) -> Child {
        let utcd = env!("CARGO_BIN_EXE_utcd");
        let mut command = match wrapper {
            [] => Command::new(utcd),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(utcd);
                command
            }
        };
        command.arg("--config").arg(directory.join("utcd.toml"));
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM", "UTCD_LOG"]
        {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        prepare(&mut command);
        command.spawn().unwrap()
    }

    #[track_caller]
    pub(crate) fn until_it_answers(&mut self) {
        let start = Instant::now();
        while self.status().is_none() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("utcd has ended: {status}\n{}", self.log.all().join("\n"));
            }
            assert!(start.elapsed() < PATIENCE, "utcd does not answer");
            thread::sleep(LOOK);
        }
    }

    /// Ends it as a power failure would, and starts it again in its directory.
    #[track_caller]
    pub(crate) fn kill_and_restart(mut self) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let directory = std::mem::replace(&mut self.directory, Directory(PathBuf::new()));
        let child = Self::process(&directory, |_| {}, &[]);
        let mut daemon = Self::adopt(child, directory, self.metrics);
        daemon.until_it_answers();
        daemon
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("control.sock")
    }

    /// What it publishes now, if it answers.
    pub(crate) fn status(&self) -> Option<Status> {
        let mut client = Client::connect(&[Place::from(self.socket())]).ok()?;
        client.ask(Request { get: Topic::Status, every: None }).ok()?;
        match client.receive(Duration::from_secs(10)).ok()? {
            Body::Status(status) => Some(status.into_owned()),
            Body::Config(_) | Body::Events(_) | Body::Error { .. } => None,
        }
    }

    pub(crate) fn clock(&self, name: &str) -> ClockStatus {
        let status = self.until("no status", |_| true);
        status.clocks.into_iter().find(|clock| clock.name == name).unwrap()
    }

    pub(crate) fn source(&self, name: &str) -> SourceStatus {
        let status = self.until("no status", |_| true);
        status.sources.into_iter().find(|source| source.name == name).unwrap()
    }

    /// Waits until what it publishes is as wanted.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
        let look = || self.status().filter(|status| wanted(status));
        patiently(what, look, || format!("{:#?}\n{}", self.status(), self.log.all().join("\n")))
    }

    #[track_caller]
    pub(crate) fn until_locked(&self, clock: &str) -> Status {
        self.until(&format!("{clock} is not locked"), |status| {
            status.clocks.iter().any(|c| c.name == clock && c.state == ClockState::Locked)
        })
    }

    /// The page for Prometheus.
    pub(crate) fn page(&self) -> String {
        let mut stream = TcpStream::connect(self.metrics).unwrap();
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut page = Vec::new();
        // Whoever is refused may see a reset after the last byte.
        let _ = stream.read_to_end(&mut page);
        String::from_utf8(page).unwrap()
    }

    /// The value of a sample, such as `utcd_clock_steps_total{clock="virtual"}`.
    pub(crate) fn metric(&self, sample: &str) -> Option<f64> {
        let page = self.page();
        let line = page
            .lines()
            .find(|line| line.strip_prefix(sample).is_some_and(|rest| rest.starts_with(' ')))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// How often a source was refused something for this reason, by the metrics.
    pub(crate) fn rejected(&self, source: &str, reason: &str) -> f64 {
        let labels = format!("source=\"{source}\",reason=\"{reason}\"");
        self.metric(&format!("utcd_source_rejected_total{{{labels}}}")).unwrap_or(0.0)
    }

    /// Sends a signal by its name, such as `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Writes another configuration and has it read.
    pub(crate) fn reload(&self, config: &str) {
        let text = complete(config, &self.directory.0, self.metrics);
        self.reload_text(&text);
    }

    /// The same, word by word.
    pub(crate) fn reload_text(&self, text: &str) {
        fs::write(self.directory.join("utcd.toml"), text).unwrap();
        self.signal("HUP");
    }

    /// Waits for the end that a signal or a fault brought, and for the last of its words.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = patiently("utcd goes on", || child.try_wait().unwrap(), String::new);
        let complete = || self.log.complete.load(Ordering::Relaxed).then_some(());
        patiently("its log has no end", complete, || self.log.all().join("\n"));
        status
    }

    /// Ends it as an operator does.
    #[track_caller]
    pub(crate) fn stop(mut self) -> Lines {
        self.signal("TERM");
        let status = self.ended();
        assert_eq!(status.code(), Some(0), "{status}\n{}", self.log.all().join("\n"));
        self.log.clone()
    }

    /// Nothing has gone wrong inside.
    #[track_caller]
    pub(crate) fn assert_sound(&mut self) {
        let ended = self.child.try_wait().unwrap();
        let log = self.log.all().join("\n");
        assert!(ended.is_none(), "utcd has ended: {ended:?}\n{log}");
        assert!(!log.contains("panicked"), "{log}");
    }

    /// Resident memory, bytes (proc(5): VmRSS is in KiB).
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }

    pub(crate) fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap().count()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal. Not every host has a `kill` besides that of its shell.
pub(crate) fn signal(pid: u32, name: &str) {
    assert!(succeeds("sh", &["-c", &format!("kill -s {name} {pid}")]));
}

/// A configuration with outputs that no other test has.
fn complete(config: &str, directory: &Path, metrics: SocketAddr) -> String {
    format!(
        "{config}\n[metrics]\nlisten = \"{metrics}\"\n[control]\nsocket = \"{}/control.sock\"\n\
         [leap-seconds]\nfile = \"none\"\n",
        directory.display()
    )
}

/// A virtual clock, without a drift file and on time, to which a test adds sources.
pub(crate) const VIRTUAL: &str =
    "[[clock]]\nname = \"virtual\"\ntype = \"virtual\"\ndrift-file = \"none\"\n";

/// An NTP source of the first clock that is asked every second.
pub(crate) fn source(name: &str, server: SocketAddr) -> String {
    format!(
        "[[source.ntp]]\nname = \"{name}\"\nserver = \"{}\"\nport = {}\nmin-poll = 0\nmax-poll = 0\n",
        server.ip(),
        server.port()
    )
}
