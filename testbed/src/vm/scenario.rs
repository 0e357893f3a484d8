//! Scenarios: scripts that run in the machine.
//!
//! The comment at the head of such a script says what it is:
//!
//! ```text
//! # title: PTP on a PHC, stamps in steps of 8 ns
//! # topology: 0-1,0-2
//! # set: short
//! # timeout: 300
//! # icount: 0
//! ```
//!
//! `topology` are the wires, as pairs of clocks (see `testbed/vm/kmod/hwtsim.c`). `set` is
//! `short` for those that are run with every change, else left out. `timeout` is the time of
//! the host within which it must be done, s, [`TIMEOUT`] if left out. `icount` says how long an
//! instruction takes in virtual time, 2ⁿ ns, n being [`ICOUNT`] if left out.

use std::fs;
use std::path::PathBuf;

use super::BenchError;

/// How long a scenario may take, s of the host's time, if it does not say.
pub const TIMEOUT: u32 = 900;

/// How long an instruction takes in virtual time if a scenario does not say: 2³ ns.
pub const ICOUNT: u32 = 3;

/// A script, and what its head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// The name of its file, without `.sh`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What it shows.
    pub title: String,
    /// The wires.
    pub topology: String,
    /// One of those that are run with every change.
    pub short: bool,
    /// How long it may take, s of the host's time.
    pub timeout: u32,
    /// How long an instruction takes in virtual time, 2ⁿ ns.
    pub icount: u32,
}

impl Scenario {
    /// Reads the head of a script.
    ///
    /// # Errors
    /// The file cannot be read, or its head lacks something.
    pub fn read(path: PathBuf) -> Result<Self, BenchError> {
        let text = fs::read_to_string(&path);
        let text = text.map_err(|error| BenchError::File { path: path.clone(), error })?;
        let wrong = |what: &str| BenchError::NoScenario(format!("{}: {what}", path.display()));
        let head = |key: &str| {
            let lines = text.lines().take_while(|line| line.starts_with('#'));
            lines
                .filter_map(|line| line.strip_prefix("# ")?.split_once(": "))
                .find(|line| line.0 == key)
        };
        let needed = |key: &str| match head(key) {
            Some((_, value)) => Ok(value.trim().to_owned()),
            None => Err(wrong(&format!("its head has no line `# {key}: …`"))),
        };
        let number = |key: &str, default: u32| match head(key) {
            None => Ok(default),
            Some((_, value)) => {
                value.trim().parse().map_err(|_| wrong(&format!("its {key} is no number")))
            }
        };
        Ok(Self {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            title: needed("title")?,
            topology: needed("topology")?,
            short: head("set").is_some_and(|(_, value)| value.trim() == "short"),
            timeout: number("timeout", TIMEOUT)?,
            icount: number("icount", ICOUNT)?,
            path,
        })
    }

    /// Whether `word` means this one: its name, the number it begins with, or its file.
    pub fn is_called(&self, word: &str) -> bool {
        let number = self.name.split('-').next();
        let same_file = || fs::canonicalize(word).is_ok_and(|path| path == self.path);
        word == self.name || Some(word) == number || same_file()
    }
}
