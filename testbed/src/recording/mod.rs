//! Recordings of the daemon and of simulations: reading them, and what is in them.
//!
//! Their rows are typed in [`clock_models::recording`].

mod series;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clock_models::recording::csv::{self, CsvError};
use clock_models::recording::{Recording, Row};

use crate::series::Series;

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It cannot be read.
    #[error("{path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no recording, or a damaged one.
    #[error("{path}: {source}", path = .path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: CsvError,
    },
}

/// Reads a recording.
///
/// # Errors
/// A file that cannot be read or is no recording.
pub fn read(path: &Path) -> Result<Recording, RecordingError> {
    let bytes =
        fs::read(path).map_err(|source| RecordingError::Read { path: path.into(), source })?;
    csv::parse(&bytes).map_err(|source| RecordingError::Csv { path: path.into(), source })
}

/// What a recording shows: for each source, the clock less the source as each exchange
/// shows it, with its delay; for each clock, what its keeper believed of it.
///
/// # Errors
/// A file that cannot be read or is no recording.
pub fn series(path: &Path) -> Result<Vec<Series>, RecordingError> {
    Ok(of_rows(&read(path)?.rows))
}

/// The same for rows of one or several files, in their order.
#[must_use]
pub fn of_rows(rows: &[Row]) -> Vec<Series> {
    series::of_rows(rows)
}
