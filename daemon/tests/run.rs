//! utcd as its operator runs it: at a terminal, without one, as a service, twice, and
//! without the privileges that it asks for.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod common;

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use common::ntp::{self, Server};
use common::{
    Daemon, Directory, Lines, PATIENCE, VIRTUAL, free_address, has, patiently, signal, source,
    succeeds,
};
use utcd::config::EMBEDDED;
use utcd::render;
use utcd::status::ClockState;

/// The embedded default on an address of its own; outputs are added by the daemon's helper.
fn embedded() -> String {
    let clocks_to_server = EMBEDDED.split("[metrics]").next().unwrap();
    let own = free_address();
    let at = clocks_to_server.replace("127.0.0.1", &own.ip().to_string());
    at.replace("11123", &own.port().to_string())
}

/// Runs a program in a network namespace of its own, with nothing but loopback; `None`
/// where this host does not allow that.
fn alone() -> Option<Vec<&'static str>> {
    let up = "ip link set lo up && exec \"$@\"";
    let ways = [vec!["unshare", "-n"], vec!["unshare", "-rn"]];
    let mut ways = ways.into_iter().map(|way| [way, vec!["sh", "-c", up, "sh"]].concat());
    let way = ways.find(|way| succeeds(way[0], &[&way[1..], &["true"]].concat()));
    if way.is_none() {
        eprintln!("skipped: network namespaces are not allowed here");
    }
    way
}

/// Runs a program in the network namespace of a process that was started [`alone`].
fn beside(pid: &str) -> Vec<&str> {
    let ways = [
        vec!["nsenter", "-n", "-t", pid],
        vec!["nsenter", "-U", "--preserve-credentials", "-n", "-t", pid],
    ];
    let mut ways = ways.into_iter();
    ways.find(|way| succeeds(way[0], &[&way[1..], &["true"]].concat())).unwrap()
}

/// Runs a program, after those of `wrapper`, without any capability; `None` where that
/// cannot be made sure of. What runs by it can steer no clock.
fn unprivileged(wrapper: &[&'static str]) -> Option<Vec<&'static str>> {
    let ways = [
        vec![],
        vec![
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--inh-caps=-all",
            "--bounding-set=-all",
            "--no-new-privs",
        ],
    ];
    let powerless = |way: &Vec<&str>| {
        let probe = [way.as_slice(), &["cat", "/proc/self/status"]].concat();
        let output = Command::new(probe[0]).args(&probe[1..]).output().ok()?;
        let status = String::from_utf8(output.stdout).ok()?;
        let none = |set: &str| status.contains(&format!("{set}:\t0000000000000000"));
        (none("CapEff") && none("CapPrm")).then_some(())
    };
    let mut ways = ways.into_iter().map(|way| [wrapper, &way].concat());
    let way = ways.find(|way| powerless(way).is_some());
    if way.is_none() {
        eprintln!("skipped: capabilities cannot be dropped here");
    }
    way
}

/// utcd without a configuration file, which a host with one cannot show.
fn demonstration(wrapper: &[&str], runtime: &Directory) -> Option<Child> {
    if fs::exists("/etc/utcd/utcd.toml").unwrap() {
        eprintln!("skipped: this host has a configuration of utcd");
        return None;
    }
    let mut command = Command::new(wrapper[0]);
    command.args(&wrapper[1..]).env("XDG_RUNTIME_DIR", &runtime.0).env_remove("NOTIFY_SOCKET");
    command.env_remove("JOURNAL_STREAM").env_remove("UTCD_LOG").env("TERM", "xterm");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(command.spawn().unwrap())
}

#[test]
fn the_embedded_default_locks_and_is_quiet_and_ok_on_one_thread() {
    let daemon = Daemon::start(&embedded());
    let status = daemon.until_locked("virtual");
    assert_eq!(daemon.clock("system").state, ClockState::FreeRunning);
    assert!(render::verdict(&status).is_ok(), "{:?}", render::verdict(&status));
    assert_eq!(daemon.metric("utcd_clock_steps_total{clock=\"virtual\"}"), Some(1.0));
    let free = "utcd_clock_state{clock=\"system\",state=\"free-running\"}";
    assert_eq!(daemon.metric(free), Some(1.0));
    let socket = daemon.directory.join("control.sock");
    let asked = |command| {
        let mut utcctl = Command::new(env!("CARGO_BIN_EXE_utcctl"));
        utcctl.arg(command).arg("--socket").arg(&socket).output().unwrap().status.code()
    };
    assert_eq!(asked("status"), Some(0));
    assert_eq!(asked("chain"), Some(1), "the system clock of a host is no origin");

    let said = daemon.log.all().len();
    thread::sleep(Duration::from_secs(20));
    // On a busy machine something may change; but nothing is told again and again.
    let log = daemon.log.all();
    assert!(log.len() < said + 10, "{:?}", &log[said..]);
    assert_eq!(daemon.threads(), 1);
    daemon.until_locked("virtual");

    let log = daemon.stop();
    assert!(log.all().iter().all(|line| !line.contains('\x1b')), "{:?}", log.all());
    assert!(!socket.exists());
}

#[test]
fn without_a_terminal_the_demonstration_prints_plain_lines_and_ends_by_ctrl_c_with_0() {
    let Some(alone) = alone() else { return };
    let runtime = Directory::new();
    let wrapper = [alone.as_slice(), &[env!("CARGO_BIN_EXE_utcd")]].concat();
    let Some(mut child) = demonstration(&wrapper, &runtime) else { return };
    let out = Lines::of(child.stdout.take().unwrap());
    let log = Lines::of(child.stderr.take().unwrap());
    let line = out.wait("virtual locked, offset ");
    assert!(line.contains("(k=2)") && line.contains("leader loopback"), "{line}");
    assert_eq!(out.count("system"), 0, "a clock without a source has nothing to say");
    assert!(!line.contains('\x1b'), "{line}");
    signal(child.id(), "INT");
    assert_eq!(child.wait().unwrap().code(), Some(0), "{:?}", log.all());
}

#[test]
fn at_a_terminal_the_live_view_comes_and_goes_and_ctrl_c_ends_it_with_0() {
    let Some(alone) = alone() else { return };
    if !has("script") || !has("stty") {
        return;
    }
    let runtime = Directory::new();
    let inside = format!("stty rows 12 cols 60; exec {}", env!("CARGO_BIN_EXE_utcd"));
    let terminal = ["script", "-qfec", &inside, "/dev/null"];
    let Some(mut child) = demonstration(&[alone.as_slice(), &terminal].concat(), &runtime) else {
        return;
    };
    let mut keyboard = child.stdin.take().unwrap();
    let screen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (store, mut output) = (screen.clone(), child.stdout.take().unwrap());
    let reader = thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut buffer) {
            store.lock().unwrap().extend_from_slice(&buffer[..length]);
        }
    });
    let text = || String::from_utf8_lossy(&screen.lock().unwrap()).into_owned();
    let synchronised = || text().contains("clock virtual is synchronised").then_some(());
    patiently("no live view", synchronised, text);
    // Ctrl-C, which the terminal turns into SIGINT.
    keyboard.write_all(b"\x03").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", text());
    reader.join().unwrap();
    let text = text();
    assert!(text.starts_with("\x1b[?1049h\x1b[?25l"), "{text:?}");
    assert!(text.ends_with("\x1b[?25h\x1b[?1049l"), "{text:?}");
    assert!(!text.contains('\n'), "a line break could scroll the screen: {text:?}");
    assert!(text.contains("Ctrl-C ends it."));
}

#[test]
fn the_system_clock_is_only_read_and_all_calls_go_through_libc() {
    if !has("strace") {
        return;
    }
    let directory = Directory::new();
    let trace = directory.join("trace");
    let path = trace.to_str().unwrap();
    let daemon = Daemon::start_by(&embedded(), |_| {}, &["strace", "-f", "-o", path]);
    daemon.until_locked("virtual");
    let tracer = daemon.pid();
    let children = fs::read_to_string(format!("/proc/{tracer}/task/{tracer}/children")).unwrap();
    signal(children.trim().parse().unwrap(), "TERM");
    let mut daemon = daemon;
    assert_eq!(daemon.ended().code(), Some(0));
    let trace = fs::read_to_string(trace).unwrap();
    let steering = |line: &&str| {
        ["adjtimex(", "clock_adjtime(", "clock_settime(", "settimeofday(", "adjtime("]
            .iter()
            .any(|call| line.contains(call))
    };
    for line in trace.lines().filter(steering) {
        assert!(line.contains("clock_adjtime(CLOCK_REALTIME, {modes=0,"), "{line}");
    }
    for call in ["io_uring", "clone"] {
        assert!(!trace.contains(call), "{call}");
    }
}

#[test]
fn a_second_instance_says_what_is_taken_and_what_to_do() {
    let config = embedded();
    let first = Daemon::start(&config);
    let served = config.split("listen = [\"").nth(1).unwrap().split('"').next().unwrap();
    let refused = |metrics: &str, socket: &str| {
        let mut second = Daemon::spawn("", |_| {}, &["false"]);
        second.ended();
        let text = format!(
            "{config}[metrics]\nlisten = \"{metrics}\"\n[control]\nsocket = \"{socket}\"\n"
        );
        fs::write(second.directory.join("utcd.toml"), text).unwrap();
        let mut utcd = Command::new(env!("CARGO_BIN_EXE_utcd"));
        utcd.arg("--config").arg(second.directory.join("utcd.toml"));
        let output = utcd.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        said.lines().last().unwrap().to_owned()
    };
    let directory = Directory::new();
    let (taken, free) = (first.directory.join("control.sock"), directory.join("control.sock"));
    let (taken, free) = (taken.to_str().unwrap(), free.to_str().unwrap());
    let by_socket = refused("127.0.0.1:0", taken);
    assert!(by_socket.contains(taken) && by_socket.contains("another daemon"), "{by_socket}");
    let metrics = first.metrics.to_string();
    let by_metrics = refused(&metrics, free);
    assert!(by_metrics.contains(&metrics) && by_metrics.contains("[metrics]"), "{by_metrics}");
    let by_server = refused(&free_address().to_string(), free);
    assert!(by_server.contains(served) && by_server.contains("taken"), "{by_server}");
    assert!(first.status().is_some());
}

/// True if a process has been stopped by a signal (proc_pid_stat(5), after its name).
fn is_stopped(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().starts_with('T')
}

#[test]
fn systemd_hears_of_start_status_watchdog_reload_and_stop() {
    let directory = Directory::new();
    let path = directory.join("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let server = Server::good();
    let config = VIRTUAL.to_owned() + &source("good", server.address);
    let systemd = |command: &mut Command| {
        command.env("NOTIFY_SOCKET", &path).env("JOURNAL_STREAM", "1:2");
        command.env("WATCHDOG_USEC", "2000000");
    };
    let daemon = Daemon::start_by(&config, systemd, &[]);
    let hear = |wanted: &str| {
        let mut buffer = [0; 4096];
        loop {
            let length = socket.recv(&mut buffer).unwrap_or_else(|e| panic!("{wanted}: {e}"));
            let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if text.contains(wanted) {
                return text;
            }
        }
    };
    hear("READY=1");
    hear("STATUS=virtual ");
    hear("WATCHDOG=1");
    daemon.until_locked("virtual");
    daemon.reload(&config);
    assert!(hear("RELOADING=1").contains("MONOTONIC_USEC="));
    hear("READY=1");
    daemon.reload("[[clock");
    hear("READY=1");
    daemon.log.wait("<3>reload refused");
    // A process that hangs is not alive: the watchdog hears nothing more.
    signal(daemon.pid(), "STOP");
    let stopped = || is_stopped(daemon.pid()).then_some(());
    patiently("it goes on", stopped, String::new);
    socket.set_nonblocking(true).unwrap();
    while socket.recv(&mut [0; 4096]).is_ok() {}
    thread::sleep(Duration::from_secs(3));
    assert!(socket.recv(&mut [0; 4096]).is_err(), "a stopped process feeds the watchdog");
    socket.set_nonblocking(false).unwrap();
    signal(daemon.pid(), "CONT");
    hear("WATCHDOG=1");
    let log = daemon.stop();
    hear("STOPPING=1");
    for line in log.all() {
        assert!(["<3>", "<4>", "<6>"].iter().any(|start| line.starts_with(start)), "{line}");
    }
}

#[test]
fn without_cap_sys_time_the_clock_is_measured_and_said_to_refuse() {
    let Some(wrapper) = unprivileged(&[]) else { return };
    // It says what the system clock says: even a utcd that could, would move nothing.
    let server = Server::good();
    let config = "[[clock]]\ntype = \"system\"\ndrift-file = \"none\"\n".to_owned()
        + &source("good", server.address);
    let daemon = Daemon::start_by(&config, |_| {}, &wrapper);
    let status = daemon.until("no refusal", |status| {
        status.clocks.iter().any(|clock| clock.refusal.is_some() && clock.offset.is_some())
    });
    let clock = &status.clocks[0];
    assert_eq!((clock.state, clock.steps), (ClockState::Acquiring, 0), "{clock:?}");
    let verdict = render::verdict(&status);
    assert!(verdict.problems[0].contains("cannot be steered"), "{verdict:?}");
    assert!(verdict.problems[0].contains("CAP_SYS_TIME"), "{verdict:?}");
    assert_eq!(daemon.metric("utcd_clock_steerable{clock=\"system\"}"), Some(0.0));
    thread::sleep(Duration::from_secs(5));
    assert_eq!(daemon.log.count("ERROR"), 1, "{:?}", daemon.log.all());
    assert_eq!(daemon.log.count("CAP_SYS_TIME"), 1, "{:?}", daemon.log.all());
    assert_eq!(daemon.log.count("can be steered again"), 0);
    daemon.stop();
}

#[test]
fn port_123_needs_a_privilege_and_only_one_program_can_have_it() {
    let Some(alone) = alone() else { return };
    let config = VIRTUAL.to_owned()
        + &source("nobody", free_address())
        + "[serve.ntp]\nlisten = [\"127.0.0.1:123\"]\n";
    if let Some(unprivileged) = unprivileged(&alone) {
        let mut daemon = Daemon::spawn(&config, |_| {}, &unprivileged);
        assert_eq!(daemon.ended().code(), Some(1));
        let said = daemon.log.wait("CAP_NET_BIND_SERVICE");
        assert!(said.contains("port 123"), "{said}");
    }
    let holder = Daemon::spawn(&config, |_| {}, &alone);
    holder.log.wait("has started");
    let pid = holder.pid().to_string();
    let mut second = Daemon::spawn(&config, |_| {}, &beside(&pid));
    assert_eq!(second.ended().code(), Some(1), "{:?}", second.log.all());
    let said = second.log.wait("127.0.0.1:123 is taken");
    assert!(said.contains("ss -ulpn"), "{said}");
}

#[test]
fn a_ptp_interface_may_come_later_than_utcd() {
    let Some(alone) = alone() else { return };
    let config = VIRTUAL.to_owned()
        + "[[source.ptp]]\nname = \"grandmaster\"\ninterface = \"late0\"\ntransport = \"udp-ipv4\"\n";
    let daemon = Daemon::start_by(&config, |_| {}, &alone);
    let reason = |part: &'static str| {
        let status = daemon.until(part, |status| {
            let reason = status.sources.first().and_then(|source| source.reason.clone());
            reason.is_some_and(|reason| reason.contains(part))
        });
        status.sources[0].clone()
    };
    let source = reason("late0");
    assert!(source.rejected.get("no-socket").is_some_and(|count| *count > 0), "{source:?}");
    assert_eq!(daemon.log.count("WARN source grandmaster"), 1, "{:?}", daemon.log.all());
    let pid = daemon.pid().to_string();
    for command in [
        "ip link add late0 type veth peer name other0",
        "ip address add 192.0.2.1/24 dev late0",
        "ip link set other0 up",
        "ip link set late0 up",
    ] {
        let words: Vec<&str> = beside(&pid).into_iter().chain(command.split(' ')).collect();
        assert!(succeeds(words[0], &words[1..]), "{command}");
    }
    reason("LISTENING");
    daemon.log.wait("INFO source grandmaster: works again");
    daemon.stop();
}

#[test]
fn a_name_without_an_address_is_counted_and_named_with_what_to_do() {
    let Some(alone) = alone() else { return };
    let config = VIRTUAL.to_owned()
        + "[[source.ntp]]\nname = \"nameless\"\nserver = \"time.nowhere.invalid\"\n";
    let daemon = Daemon::start_by(&config, |_| {}, &alone);
    let status = daemon.until("no reason", |status| {
        status.sources.first().is_some_and(|source| source.rejected.contains_key("no-address"))
    });
    let reason = status.sources[0].reason.clone().unwrap();
    assert!(reason.contains("cannot resolve time.nowhere.invalid"), "{reason}");
    assert!(reason.contains("is the name right"), "{reason}");
    daemon.log.wait("cannot resolve time.nowhere.invalid");
    let log = daemon.stop();
    assert_eq!(log.count("cannot resolve"), 1, "{:?}", log.all());
}

#[test]
fn a_clock_that_nobody_measures_is_served_as_its_operator_declares_it() {
    let port = free_address();
    let serve = |stratum: &str| {
        format!(
            "[[clock]]\ntype = \"virtual\"\nmode = \"observe\"\n[serve.ntp]\nlisten = [\"{port}\"]\n{stratum}"
        )
    };
    let daemon = Daemon::start(&serve("local-stratum = 5\n"));
    let answer = ntp::ask(port).unwrap();
    assert_eq!(answer.stratum, 5);
    daemon.reload(&serve(""));
    daemon.log.wait("reloaded");
    let answer = ntp::ask(port).unwrap();
    assert_eq!((answer.stratum, answer.leap), (0, ::ntp::packet::LeapIndicator::Unsynchronised));
    daemon.until("the counter was lost", |status| {
        status.ntp_server.as_ref().is_some_and(|server| server.answered == 2)
    });
}
