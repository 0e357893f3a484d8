//! The thread that writes rows into files.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use clock_models::recording::{Header, Row, csv};

use super::{lock, segments};
use crate::config::Record;
use crate::status::RecorderStatus;

/// Rest after an error before the next file is tried.
const REST: Duration = Duration::from_secs(10);
/// Who writes, as the files say.
const WRITER: &str = concat!("utcd ", env!("CARGO_PKG_VERSION"));

pub(super) struct Writer {
    config: Record,
    status: Arc<Mutex<RecorderStatus>>,
    open: Option<Open>,
    /// After an error: when the disk is tried again.
    rests_until: Option<Instant>,
}

/// The file that is being written.
struct Open {
    file: File,
    path: PathBuf,
    bytes: u64,
    since: Instant,
}

impl Writer {
    pub(super) fn new(config: Record, status: Arc<Mutex<RecorderStatus>>) -> Self {
        Self { config, status, open: None, rests_until: None }
    }

    /// Writes until nobody hands rows in any more.
    pub(super) fn run(mut self, rows: &Receiver<Row>) {
        while let Ok(row) = rows.recv() {
            if self.rests_until.is_some_and(|until| Instant::now() < until) {
                lock(&self.status).dropped += 1;
                continue;
            }
            match self.write(&csv::line(&row)) {
                Ok(()) => self.succeeded(),
                Err(error) => self.failed(&error),
            }
        }
    }

    /// One write for each line: a crash costs the last line at most.
    fn write(&mut self, line: &str) -> io::Result<()> {
        let length = line.len() as u64;
        self.open.take_if(|open| is_full(open, length, &self.config));
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(next(&self.config)?),
        };
        open.file.write_all(line.as_bytes())?;
        open.bytes += length;
        Ok(())
    }

    fn succeeded(&mut self) {
        let mut status = lock(&self.status);
        status.rows += 1;
        if self.rests_until.take().is_some() {
            status.error = None;
            tracing::info!("recording: works again");
        }
        if let Some(open) = &self.open {
            status.file.replace_range(.., &open.path.to_string_lossy());
        }
    }

    /// A line that was written in part ends its file: the next one begins another.
    fn failed(&mut self, error: &io::Error) {
        self.open = None;
        let text = format!(
            "{}: {error}; is there space, and may utcd write there? Rows are lost until then",
            self.config.directory.display()
        );
        let mut status = lock(&self.status);
        status.dropped += 1;
        status.errors += 1;
        if self.rests_until.is_none() {
            tracing::warn!("recording: {text}");
        }
        status.error = Some(text);
        self.rests_until = Some(Instant::now() + REST);
    }
}

/// Would a line of this length not belong into the file any more?
fn is_full(open: &Open, length: u64, config: &Record) -> bool {
    open.bytes + length > config.max_file_size
        || open.since.elapsed().as_secs_f64() >= config.max_file_age
}

/// The next file, with room for it made before.
fn next(config: &Record) -> io::Result<Open> {
    fs::create_dir_all(&config.directory)?;
    segments::prune(&config.directory, config.max_total_size - config.max_file_size)?;
    let (mut file, path) = segments::create(&config.directory, SystemTime::now())?;
    let head = csv::head(&Header::new(WRITER));
    if let Err(error) = file.write_all(head.as_bytes()) {
        // Or a full disk would collect empty files.
        let _ = fs::remove_file(path);
        return Err(error);
    }
    Ok(Open { file, path, bytes: head.len() as u64, since: Instant::now() })
}
