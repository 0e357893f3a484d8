//! Programs that run beside a test, none of which may set the clock.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::network::on_network;

/// Long enough for a busy machine; nothing is asserted of it but that it is not reached.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks at what is waited for.
const LOOK: Duration = Duration::from_millis(200);

/// The first value that `attempt` has within the patience.
pub(crate) fn patiently<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(LOOK);
    }
}

/// Where a program is, also where only root looks and where `.ci/run` installs.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cache =
        std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .chain([cache.join("utcd-ci/bin"), home.join(".cargo/bin")])
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

/// A program without the right to set the clock, that is killed with the test at the latest.
fn harmless(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-sys_time", "--inh-caps=-sys_time", "--pdeathsig=KILL"]);
    command.arg("--").arg(program).stdin(Stdio::null());
    command
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Output {
    harmless(&find(program).unwrap()).args(arguments).output().unwrap()
}

/// What a program said, on both of its ways out.
pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A directory of a test's own, for root only, removed at the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // Short, because it has sockets in it.
        let directory =
            std::env::temp_dir().join(format!("utcd-interop-{}-{number}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let for_owner = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(&directory, for_owner).unwrap();
        Self(directory)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> String {
        let file = self.file(name);
        fs::write(&file, content).unwrap();
        file
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A program that runs until it is dropped; where the test has failed by then, what it said
/// is shown.
pub(crate) struct Running {
    name: String,
    child: Child,
    log: String,
}

impl Running {
    /// Starts a program that writes to a log in `scratch`.
    pub(crate) fn start(program: &Path, arguments: &[&str], scratch: &Scratch) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = program.file_name().unwrap().to_str().unwrap().to_owned();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let log = scratch.file(&format!("{name}-{number}.log"));
        let file = File::create(&log).unwrap();
        let mut command = harmless(program);
        command.args(arguments).stdout(file.try_clone().unwrap()).stderr(file);
        Self { name, child: command.spawn().unwrap(), log }
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it as a service manager does, and waits for that.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{} has ended by itself", self.name);
        patiently("it does not end", || self.child.try_wait().unwrap());
    }

    fn end(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end();
        if std::thread::panicking() {
            eprintln!("--- {} said:\n{}", self.name, self.said());
        }
    }
}

#[test]
fn programs_run_without_the_right_to_set_the_clock() {
    const CAP_SYS_TIME: u32 = 25;
    on_network::<0>(&["cat"], |_| {
        let status = text(&run("cat", &["/proc/self/status"]));
        for set in ["CapPrm:", "CapEff:", "CapBnd:"] {
            let line = status.lines().find(|line| line.starts_with(set)).unwrap();
            let bits = u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap();
            assert_eq!(bits >> CAP_SYS_TIME & 1, 0, "{line}");
        }
    });
}
