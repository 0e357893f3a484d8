//! A recording that is being made.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use ::parquet::errors::ParquetError;
use clock_models::recording::{Header, Row, csv};

use super::parquet;

/// Who writes, as the files say.
const WRITER: &str = concat!("testbed ", env!("CARGO_PKG_VERSION"));

/// Why a recording was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file system says so.
    #[error("{path}: {source}", path = .path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file system says so, or the library.
    #[error("{path}: {source}", path = .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ParquetError,
    },
}

/// A file that takes rows.
pub struct RecordingFile {
    path: PathBuf,
    out: Out,
    /// The first thing that went wrong; then nothing is written any more.
    fault: Option<WriteError>,
}

enum Out {
    Csv(BufWriter<File>),
    Parquet(parquet::Writer<File>),
}

impl RecordingFile {
    /// Begins a recording: text if the name ends in `.csv`, otherwise Parquet. A file that
    /// exists is replaced.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let header = Header::new(WRITER);
        let wrong = |source| WriteError::Csv { path: path.into(), source };
        let file = File::create(path).map_err(wrong)?;
        let out = if path.extension().is_some_and(|ending| ending == "csv") {
            let mut out = BufWriter::new(file);
            out.write_all(csv::head(&header).as_bytes()).map_err(wrong)?;
            Out::Csv(out)
        } else {
            let writer = parquet::Writer::new(file, &header);
            Out::Parquet(writer.map_err(|source| in_parquet(path, source))?)
        };
        Ok(Self { path: path.into(), out, fault: None })
    }

    /// Writes a row. What goes wrong is told by [`RecordingFile::finish`].
    pub fn take(&mut self, row: &Row) {
        if self.fault.is_some() {
            return;
        }
        let path = &self.path;
        let written = match &mut self.out {
            Out::Csv(out) => out
                .write_all(csv::line(row).as_bytes())
                .map_err(|source| WriteError::Csv { path: path.clone(), source }),
            Out::Parquet(out) => out.take(row).map_err(|source| in_parquet(path, source)),
        };
        self.fault = written.err();
    }

    /// Ends the recording; half a file is removed.
    ///
    /// # Errors
    /// The first thing that went wrong since it began.
    pub fn finish(self) -> Result<(), WriteError> {
        let Self { path, out, fault } = self;
        let finished = fault.map_or(Ok(()), Err).and_then(|()| match out {
            Out::Csv(mut out) => {
                out.flush().map_err(|source| WriteError::Csv { path: path.clone(), source })
            }
            Out::Parquet(out) => out.finish().map_err(|source| in_parquet(&path, source)),
        });
        // What cannot be removed is told as what could not be written.
        finished.inspect_err(|_| drop(fs::remove_file(&path)))
    }
}

fn in_parquet(path: &Path, source: ParquetError) -> WriteError {
    WriteError::Parquet { path: path.into(), source }
}
