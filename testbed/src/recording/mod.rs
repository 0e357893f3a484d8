//! Recordings of the daemon and of simulations: reading and writing them, and what is in
//! them.
//!
//! Their rows are typed in [`clock_models::recording`].

pub mod file;
pub mod kept;
pub mod parquet;
pub mod replay;
mod series;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use clock_models::recording::csv::{self, CsvError};
use clock_models::recording::{ESTIMATOR, Header, Recording, Row};

use crate::series::Series;
use parquet::ParquetFault;

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
    /// It is no recording in Parquet, or a damaged one.
    #[error("{path}: {source}", path = .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ParquetFault,
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

/// Reads a recording, in either format.
///
/// # Errors
/// A file that cannot be read or is no recording.
pub fn read(path: &Path) -> Result<Recording, RecordingError> {
    let wrong = |source| RecordingError::Read { path: path.into(), source };
    let bytes = fs::read(path).map_err(wrong)?;
    if bytes.starts_with(parquet::MAGIC) {
        let file = File::open(path).map_err(wrong)?;
        return parquet::read(file)
            .map_err(|source| RecordingError::Parquet { path: path.into(), source });
    }
    csv::parse(&bytes).map_err(|source| RecordingError::Csv { path: path.into(), source })
}

/// Recordings of one writer, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Recordings {
    /// What wrote the first one.
    pub header: Header,
    /// The rows of all.
    pub rows: Vec<Row>,
    /// What is unusual about the files, in words.
    pub remarks: Vec<String>,
}

/// Reads recordings, oldest first.
///
/// # Errors
/// The first file that cannot be read or is no recording.
pub fn read_all(paths: &[PathBuf]) -> Result<Recordings, RecordingError> {
    let mut all =
        Recordings { header: Header::new("nobody"), rows: Vec::new(), remarks: Vec::new() };
    for (index, path) in paths.iter().enumerate() {
        let Recording { header, rows, torn } = read(path)?;
        let name = path.display();
        if let Some(line) = torn {
            let remark = format!("{name}: line {line}, the last, was torn off and is left out");
            all.remarks.push(remark);
        }
        if header.estimator != ESTIMATOR {
            let remark = format!(
                "{name}: recorded with {}, and this is {ESTIMATOR}: estimates may differ",
                header.estimator
            );
            all.remarks.push(remark);
        }
        if index == 0 {
            all.header = header;
        }
        all.rows.extend(rows);
    }
    Ok(all)
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
