//! The drift file: the frequency of a clock's oscillator, kept over restarts.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clock_models::units;
use serde::Deserialize;

/// No oscillator of a computer is this far off; a file that says so is damaged.
const LARGEST: f64 = 1000e-6;
/// What a restart may change, ratio: another temperature, another load.
const RESTART: f64 = 0.5e-6;

/// Frequency of TAI against the free-running time base, ratio − 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// Positive when the oscillator is slow.
    pub frequency: f64,
    /// Standard uncertainty, ratio.
    pub uncertainty: f64,
}

/// Why a drift file is not used.
#[derive(Debug, thiserror::Error)]
pub enum DriftError {
    /// It cannot be read.
    #[error("{path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was read, and is no drift file.
    #[error("{path}: {reason}; utcd starts without it and writes a new one", path = .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    frequency: String,
    uncertainty: String,
}

/// Reads a drift file; `None` where there is none yet.
///
/// # Errors
/// A file that cannot be read, or whose contents are no drift.
pub fn load(path: &Path) -> Result<Option<Drift>, DriftError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => {
            return Err(DriftError::Content { path: path.into(), reason: "is not text".into() });
        }
        Err(source) => return Err(DriftError::Read { path: path.into(), source }),
    };
    let content =
        parse(&text).map_err(|reason| DriftError::Content { path: path.into(), reason })?;
    Ok(Some(content))
}

/// Writes a drift file so that a crash at any moment leaves the old or the new one.
///
/// # Errors
/// Whatever the file system says; the old file is then still there.
pub fn store(path: &Path, drift: Drift) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let new = path.with_file_name(name);
    let written = write_synced(&new, &format(drift)).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // Half a file on a full disk is of no use; the error that matters is the first.
        let _ = fs::remove_file(&new);
    }
    written
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

fn format(drift: Drift) -> String {
    format!(
        "# Frequency of TAI against this clock's oscillator, written by utcd.\n\
         frequency = \"{:.9} ppm\"\nuncertainty = \"{:.9} ppm\"\n",
        drift.frequency * 1e6,
        drift.uncertainty * 1e6,
    )
}

fn parse(text: &str) -> Result<Drift, String> {
    let content: Content = toml::from_str(text).map_err(|e| e.message().to_owned())?;
    let frequency = units::parse_ratio(&content.frequency).map_err(|e| e.to_string())?;
    let stated = units::parse_ratio(&content.uncertainty).map_err(|e| e.to_string())?;
    if frequency.abs() > LARGEST || !(0.0..=LARGEST).contains(&stated) {
        return Err(format!(
            "a frequency of {} ± {} is not credible",
            content.frequency, content.uncertainty
        ));
    }
    Ok(Drift { frequency, uncertainty: stated.hypot(RESTART) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("utcd-drift-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn what_was_stored_is_loaded_and_nothing_else_is_left_behind() {
        let dir = scratch("store");
        let path = dir.join("system.drift");
        assert!(load(&path).unwrap().is_none());
        store(&path, Drift { frequency: -12.345e-6, uncertainty: 1e-9 }).unwrap();
        store(&path, Drift { frequency: 20e-6, uncertainty: 2e-9 }).unwrap();
        let drift = load(&path).unwrap().unwrap();
        assert!((drift.frequency - 20e-6).abs() < 1e-14);
        assert!(drift.uncertainty >= RESTART);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_disk_that_takes_nothing_leaves_the_old_file_alone() {
        let dir = scratch("full");
        let path = dir.join("system.drift");
        store(&path, Drift { frequency: 1e-6, uncertainty: 0.0 }).unwrap();
        // A directory in the way of the new file stands for a disk that is full.
        fs::create_dir(dir.join("system.drift.new")).unwrap();
        assert!(store(&path, Drift { frequency: 2e-6, uncertainty: 0.0 }).is_err());
        assert!((load(&path).unwrap().unwrap().frequency - 1e-6).abs() < 1e-14);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn garbage_is_refused_with_the_file_and_the_reason() {
        let dir = scratch("garbage");
        let path = dir.join("system.drift");
        for bad in [
            &b""[..],
            b"frequency = 3",
            b"\xff\xfe",
            b"frequency = \"nan ppm\"\nuncertainty = \"1 ppm\"",
            b"frequency = \"5000 ppm\"\nuncertainty = \"1 ppm\"",
            b"frequency = \"5 ppm\"\nuncertainty = \"-1 ppm\"",
        ] {
            fs::write(&path, bad).unwrap();
            let error = load(&path).unwrap_err().to_string();
            assert!(
                error.contains("system.drift") && error.contains("starts without it"),
                "{error}"
            );
        }
        fs::remove_dir_all(dir).unwrap();
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
            let _ = parse(&text);
        }
    }
}
