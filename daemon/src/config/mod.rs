//! The configuration of utcd, `/etc/utcd/utcd.toml`.
//!
//! `schema.rs` and the files in `schema/` say everything about every key once. Reading,
//! the effective configuration (`Display` of [`Config`], for `utcctl config show`) and the
//! reference page are made from it; [`ConfigError`] shows each problem at its place, with
//! what to write instead.

mod certificate;
mod check;
mod defaults;
mod error;
mod kind;
mod quantity;
mod reference;
mod schema;
mod section;
mod show;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use toml::de::DeTable;

pub use certificate::utc_date;
pub use error::{ConfigError, Problem};
pub use reference::reference_page;
pub use schema::*;

use crate::control::default_paths;
use error::{Problems, Wrong};

/// The configuration that is used where no file is given and none is installed.
pub const EMBEDDED: &str = include_str!("embedded.toml");

/// A larger file is no configuration, but a mistaken path.
const LARGEST_FILE: u64 = 1 << 20;

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// If it cannot be read, or anything in it is wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = read_limited(path)
            .map_err(|cause| ConfigError::Unreadable { file: file.clone(), cause })?;
        match std::str::from_utf8(&text) {
            Ok(text) => Self::parse(text, &file),
            Err(error) => Err(not_utf8(&text, error.valid_up_to(), &file)),
        }
    }

    /// Parses and checks a text; `file` names it in errors.
    ///
    /// # Errors
    /// If anything in it is wrong: all problems of syntax, or else all of keys and values,
    /// or else all contradictions between them.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        let (root, faults) = DeTable::parse_recoverable(text);
        let mut problems = Problems::default();
        for fault in faults {
            problems.add(fault.span().unwrap_or(0..0), syntax(fault.message()));
        }
        if !problems.is_empty() {
            return problems.into_result(text, file).map(|()| Self::default());
        }
        let mut config: Self = section::read_section(root.get_ref(), 0..0, "", &mut problems);
        if problems.is_empty() {
            config.fill_in();
            config.check(root.get_ref(), &mut problems);
        }
        problems.into_result(text, file).map(|()| config)
    }

    /// The embedded default: a virtual clock that follows utcd's own NTP server on
    /// loopback. It needs no privilege and steers no clock of the host.
    ///
    /// # Errors
    /// Never: a test parses it.
    pub fn embedded() -> Result<Self, ConfigError> {
        Self::parse(EMBEDDED, "the embedded configuration")
    }

    /// Every source, in the order of the file within a protocol: NTP, PTP, clocks,
    /// pulses, NMEA, gpsd, sockets, shared memory.
    pub fn every_source(&self) -> impl Iterator<Item = &SourceCommon> {
        let ntp = self.sources.ntp.iter().map(|source| &source.common);
        let ptp = self.sources.ptp.iter().map(|source| &source.common);
        let clocks = self.sources.clock.iter().map(|source| &source.common);
        let pps = self.sources.pps.iter().map(|source| &source.common);
        let nmea = self.sources.nmea.iter().map(|source| &source.common);
        let gpsd = self.sources.gpsd.iter().map(|source| &source.common);
        let sock = self.sources.sock.iter().map(|source| &source.common);
        let shm = self.sources.shm.iter().map(|source| &source.common);
        ntp.chain(ptp).chain(clocks).chain(pps).chain(nmea).chain(gpsd).chain(sock).chain(shm)
    }
}

impl SourceCommon {
    /// What has to be added to a measured offset (clock less source), s, to get the clock
    /// less the clock at the origin: the known asymmetry and deviation.
    #[must_use]
    pub fn correction(&self) -> f64 {
        self.origin.as_ref().map_or(0.0, |origin| origin.deviation) - self.asymmetry
    }
}

impl ControlSocket {
    /// Where it is, for the user `uid` whose `$XDG_RUNTIME_DIR` is `runtime_dir`.
    #[must_use]
    pub fn path(&self, runtime_dir: Option<&OsStr>, uid: u32) -> PathBuf {
        match self {
            Self::Path(path) => path.clone(),
            Self::PerUser => default_paths(runtime_dir, uid).user,
        }
    }
}

fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(io::Error::other("it is larger than 1 MiB, and so hardly a configuration"));
    }
    Ok(text)
}

fn not_utf8(text: &[u8], valid: usize, file: &str) -> ConfigError {
    let mut problems = Problems::default();
    let help = "save the file as UTF-8; it may have been written as GBK or Latin-1";
    problems.add(valid..valid + 1, Wrong::new("this is not UTF-8", help));
    let text = String::from_utf8_lossy(text);
    match problems.into_result(&text, file) {
        Err(error) => error,
        Ok(()) => ConfigError::Invalid(Vec::new()),
    }
}

fn syntax(message: &str) -> Wrong {
    let help = if message.contains("must be quoted") {
        "write text and quantities in quotes, such as \"100 ms\""
    } else {
        ""
    };
    Wrong::new(message, help)
}
