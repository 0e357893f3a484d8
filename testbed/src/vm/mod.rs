//! The bench in a virtual machine: real programs on a real kernel, with network interfaces
//! that stamp in hardware and files that tell the truth of every clock.
//!
//! The scripts that build, boot and fill the machine are in `testbed/vm`; here a
//! [`scenario`] is run in it, and the lines that it prints are made [`findings`] of.

pub mod findings;
pub mod scenario;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use findings::{Findings, Line};
use scenario::Scenario;

/// What `run.sh` exits with when the time is up, and when the machine itself failed.
const TIMED_OUT: i32 = 124;
const MACHINE_FAILED: i32 = 125;
/// What `build.sh` exits with when the bench's own kernel module does not compile.
const DOES_NOT_COMPILE: i32 = 2;
/// Lines of a scenario's output that are kept to show what went wrong.
const TAIL: usize = 20;

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// What the bench needs is not on this machine.
    #[error("{0}")]
    Unavailable(String),
    /// The bench itself is at fault.
    #[error("the kernel module of the bench (testbed/vm/kmod) does not compile: see above")]
    Broken,
    /// A file that is no scenario.
    #[error("{0}")]
    NoScenario(String),
    /// A script or a file could not be used.
    #[error("{path}: {error}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// How the time of the machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// An instruction takes 2ⁿ ns, if this says nothing as the scenario says, and idle time is
    /// skipped: apart from the load of the host.
    Virtual(Option<u32>),
    /// As the host's.
    Real,
}

/// How scenarios are run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The time of the machine.
    pub pace: Pace,
    /// Seed of the oscillators and of the noise of the stamps.
    pub seed: u64,
    /// For how long is measured, s; otherwise as long as the scenario says.
    pub measured: Option<u32>,
    /// More variables of the scripts, as NAME=VALUE.
    pub variables: Vec<String>,
    /// The program `utcd`; `utcctl` is beside it.
    pub daemon: PathBuf,
    /// Where the logs of all programs go, in a folder for each scenario.
    pub logs: Option<PathBuf>,
}

/// What came of a scenario.
#[derive(Debug)]
pub struct Run {
    /// Its figures and checks.
    pub findings: Findings,
    /// What else went wrong; nothing if it came to its end.
    pub failure: Option<String>,
    /// The last of what it printed besides.
    pub tail: Vec<String>,
}

impl Run {
    /// Whether it came to its end, and all that it found is as it should be.
    pub fn passed(&self) -> bool {
        self.failure.is_none() && self.findings.hold()
    }
}

/// The folder `testbed/vm`.
#[derive(Debug, Clone)]
pub struct Bench {
    home: PathBuf,
}

impl Bench {
    /// The bench of the source tree that this program was built from.
    ///
    /// # Errors
    /// The tree is no longer there.
    pub fn of_this_tree() -> Result<Self, BenchError> {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("vm");
        if home.join("run.sh").exists() {
            return Ok(Self { home });
        }
        let home = home.display();
        Err(BenchError::Unavailable(format!("{home} is gone: build testbed anew from its sources")))
    }

    /// All scenarios, by name.
    ///
    /// # Errors
    /// A file that cannot be read, or does not say what it is.
    pub fn scenarios(&self) -> Result<Vec<Scenario>, BenchError> {
        let folder = self.home.join("scenarios");
        let failed = |error| BenchError::File { path: folder.clone(), error };
        let entries = fs::read_dir(&folder).map_err(failed)?;
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "sh"));
        paths.sort();
        paths.into_iter().map(Scenario::read).collect()
    }

    /// Installs what the bench needs; Debian packages only, as root.
    ///
    /// # Errors
    /// What could not be had is told on standard error.
    pub fn set_up(&self) -> Result<(), BenchError> {
        self.script("setup.sh")
    }

    /// Makes the guest's kernel, modules and first file system, where they are not of today.
    ///
    /// # Errors
    /// No QEMU, and what stands against building is told on standard error.
    pub fn build(&self) -> Result<(), BenchError> {
        let qemu = std::env::var("VMLAB_QEMU").unwrap_or_else(|_| "qemu-system-x86_64".to_owned());
        if !on_path(&qemu) {
            let advice = "run `testbed vm setup` as root, which installs it from Debian";
            return Err(BenchError::Unavailable(format!("there is no {qemu} here: {advice}")));
        }
        self.script("build.sh")
    }

    fn script(&self, name: &str) -> Result<(), BenchError> {
        let path = self.home.join(name);
        let status = Command::new(&path)
            .stdin(Stdio::null())
            // Standard output is for results.
            .stdout(io::stderr())
            .status();
        match status.map_err(|error| BenchError::File { path: path.clone(), error })? {
            status if status.success() => Ok(()),
            status if status.code() == Some(DOES_NOT_COMPILE) => Err(BenchError::Broken),
            _ => Err(BenchError::Unavailable(format!("{} did not succeed", path.display()))),
        }
    }

    /// Runs a scenario, and gives `progress` what it says on the way.
    ///
    /// # Errors
    /// The machine could not be started, or the logs not be written.
    pub fn run(
        &self,
        scenario: &Scenario,
        settings: &Settings,
        progress: impl Fn(&str),
    ) -> Result<Run, BenchError> {
        let logs = settings.logs.as_ref().map(|logs| logs.join(&scenario.name));
        let mut command = self.command(scenario, settings, logs.as_deref());
        let mut log = logs.as_deref().map(new_log).transpose()?;
        let failed = |error| BenchError::File { path: self.home.join("run.sh"), error };
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
        let mut run = Run { findings: Findings::default(), failure: None, tail: Vec::new() };
        let output = child.stdout.take().into_iter();
        for line in output.flat_map(|output| BufReader::new(output).split(b'\n')) {
            let line = line.map_err(failed)?;
            let line = String::from_utf8_lossy(&line);
            if let Some(log) = &mut log {
                writeln!(log, "{line}").map_err(failed)?;
            }
            run.take(&line, &progress);
        }
        let status = child.wait().map_err(failed)?;
        run.failure = match status.code() {
            Some(TIMED_OUT) => Some(format!("not done after {} s", patience(scenario, settings))),
            Some(MACHINE_FAILED) => Some("the machine failed".to_owned()),
            _ if !run.findings.ended => Some(format!("ended before its end ({status})")),
            _ => None,
        };
        Ok(run)
    }

    fn command(&self, scenario: &Scenario, settings: &Settings, logs: Option<&Path>) -> Command {
        let mut command = Command::new(self.home.join("run.sh"));
        command.stdin(Stdio::null());
        if let Pace::Virtual(shift) = settings.pace {
            command.args(["--icount", &shift.unwrap_or(scenario.icount).to_string()]);
        }
        command.args(["--timeout", &patience(scenario, settings).to_string()]);
        command.args([
            "--module",
            &format!("hwtsim topo={} seed={}", scenario.topology, settings.seed),
        ]);
        command.args(["--env", &format!("SEED={}", settings.seed)]);
        command.arg("--env").arg(variable("UTCD", &settings.daemon));
        if let Some(seconds) = settings.measured {
            command.args(["--env", &format!("SECONDS_MEASURED={seconds}")]);
        }
        for variable in &settings.variables {
            command.args(["--env", variable]);
        }
        if let Some(logs) = logs {
            command.arg("--share").arg(logs).arg("--env").arg(variable("LOGS", logs));
            command.arg("--kernel-log").arg(logs.join("kernel.log"));
        }
        command.args(["--", "bash"]).arg(&scenario.path);
        command
    }
}

/// How long is waited for the end of a scenario, s of the host: longer where more is measured
/// than it says itself, in several cases one after the other.
fn patience(scenario: &Scenario, settings: &Settings) -> u32 {
    scenario.timeout.saturating_add(settings.measured.unwrap_or(0).saturating_mul(4))
}

fn variable(name: &str, path: &Path) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(format!("{name}="));
    text.push(path);
    text
}

fn new_log(folder: &Path) -> Result<File, BenchError> {
    let path = folder.join("output.log");
    let made = fs::create_dir_all(folder).and_then(|()| File::create(&path));
    made.map_err(|error| BenchError::File { path, error })
}

fn on_path(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    Path::new(program).is_file()
        || std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

impl Run {
    fn take(&mut self, line: &str, progress: &impl Fn(&str)) {
        match self.findings.take(line) {
            Line::Finding => {}
            Line::Progress(text) => progress(text),
            Line::Other => {
                if self.tail.len() == TAIL {
                    self.tail.remove(0);
                }
                self.tail.push(line.to_owned());
            }
        }
    }
}
