//! utcd itself, as an operator sees it: `utcctl --json` and the metrics.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use utcd::status::{ClockState, ClockStatus, SelectionState, SourceStatus, Status};

use crate::network::Host;
use crate::program::{Running, Scratch, patiently};

/// Better than this (s), a clock that is wrong by a second is not called locked.
const FINE: f64 = 0.05;

/// A running utcd with one virtual clock, 10 ms and 20 ppm off at the start, that it serves.
pub(crate) struct Utcd<'a> {
    host: &'a Host,
    socket: String,
    program: Running,
}

impl<'a> Utcd<'a> {
    pub(crate) fn start(host: &'a Host, scratch: &Scratch, sources: &str) -> Self {
        Self::serving(host, scratch, "", sources)
    }

    /// The same, with more lines for what it serves.
    pub(crate) fn serving(host: &'a Host, scratch: &Scratch, serve: &str, sources: &str) -> Self {
        let socket = scratch.file("control.sock");
        let config = format!(
            "[[clock]]\nname = \"virtual\"\ntype = \"virtual\"\ndrift-file = \"none\"\n\
             initial-offset = \"10 ms\"\ninitial-frequency = \"20 ppm\"\n\
             [serve.ntp]\n{serve}[control]\nsocket = \"{socket}\"\n{sources}"
        );
        let file = scratch.write("utcd.toml", &config);
        let utcd = Path::new(env!("CARGO_BIN_EXE_utcd"));
        let program = host.on(|| Running::start(utcd, &["--config", &file], scratch));
        Self { host, socket, program }
    }

    /// What `utcctl status --json` says; `None` while the daemon is not there yet.
    pub(crate) fn status(&self) -> Option<Status> {
        let utcctl = env!("CARGO_BIN_EXE_utcctl");
        let asked = ["--socket", &self.socket, "status", "--json"];
        let output = Command::new(utcctl).args(asked).output().unwrap();
        serde_json::from_slice(&output.stdout).ok()
    }

    /// The first status that is `wanted`.
    pub(crate) fn until(&self, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
        let mut last = None;
        patiently(what, || {
            last = self.status();
            last.clone().filter(&wanted)
        })
    }

    /// The first status in which the clock is locked, well enough, and to `leader`.
    pub(crate) fn until_locked_to(&self, leader: &str) -> ClockStatus {
        let status = self.until(&format!("not locked to {leader}"), |status| {
            let clock = clock(status);
            clock.state == ClockState::Locked
                && clock.leader.as_deref() == Some(leader)
                && clock.offset.is_some_and(|offset| offset.abs() < FINE)
                && clock.bound.is_some_and(|bound| bound < FINE)
        });
        clock(&status).clone()
    }

    /// The first status in which every one of these sources is usable.
    pub(crate) fn until_agreeing(&self, names: &[&str]) -> Status {
        self.until(&format!("not all of {names:?} agree"), |status| {
            names.iter().all(|name| source(status, name).is_some_and(agrees))
        })
    }

    /// Ends it as a service manager does.
    pub(crate) fn stop(self) {
        self.program.stop();
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.program.said()
    }

    /// The samples of a family of metrics, without its name.
    pub(crate) fn metrics(&self, family: &str) -> Vec<String> {
        let mut stream = self.host.on(|| TcpStream::connect("127.0.0.1:9319")).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        assert!(page.starts_with("HTTP/1.") && page.contains(" 200 "), "{page}");
        page.lines().filter_map(|line| line.strip_prefix(family)).map(str::to_owned).collect()
    }
}

/// The one clock.
pub(crate) fn clock(status: &Status) -> &ClockStatus {
    static NONE: std::sync::LazyLock<ClockStatus> = std::sync::LazyLock::new(ClockStatus::default);
    status.clocks.first().unwrap_or(&NONE)
}

pub(crate) fn source<'s>(status: &'s Status, name: &str) -> Option<&'s SourceStatus> {
    status.sources.iter().find(|source| source.name == name)
}

fn agrees(source: &SourceStatus) -> bool {
    use SelectionState::{Candidate, Combined, Leader};
    let near = source.offset.is_some_and(|offset| offset.abs() < FINE);
    near && matches!(source.state, Leader | Combined | Candidate)
}
