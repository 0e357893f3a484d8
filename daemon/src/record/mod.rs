//! Recordings of what the estimators took in and what was believed, for replay.
//!
//! The tasks hand rows over without waiting; a thread of its own writes them, since the
//! disk may hang. Rows that come faster than the disk takes them, or that it does not take
//! at all, are counted and lost; each row is numbered, so that the gap can be seen.

mod segments;
mod writer;

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clock_models::discipline::ClockReading;
use clock_models::recording::{Event, Row};

use crate::config::Record;
use crate::status::RecorderStatus;

/// Rows that may wait for the disk: some seconds of the busiest sources.
const WAITING: usize = 4096;

/// How often the end of the writing is looked for when the daemon stops.
const LOOK: Duration = Duration::from_millis(10);

/// Where rows are handed in. Clones record into the same files.
#[derive(Debug, Clone)]
pub struct Recorder {
    rows: SyncSender<Row>,
    next: Rc<Cell<u64>>,
    status: Arc<Mutex<RecorderStatus>>,
}

impl Recorder {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// If the system gives no thread. What is wrong with the directory shows in the status.
    pub fn start(config: &Record) -> io::Result<Self> {
        let (rows, incoming) = sync_channel(WAITING);
        let status = Arc::new(Mutex::new(RecorderStatus::default()));
        let writer = writer::Writer::new(config.clone(), Arc::clone(&status));
        thread::Builder::new().name("record".into()).spawn(move || writer.run(&incoming))?;
        Ok(Self { rows, next: Rc::default(), status })
    }

    /// Hands a row in, of `clock` when it showed `reading`. Never waits.
    pub fn record(&self, clock: &str, reading: ClockReading, event: Event) {
        let number = self.next.replace(self.next.get() + 1);
        let row =
            Row { number, clock: clock.to_owned(), at: reading.base, shown: reading.time, event };
        if self.rows.try_send(row).is_err() {
            lock(&self.status).dropped += 1;
        }
    }

    /// Waits until what was handed in is written or lost, but not longer than `patience`.
    pub async fn settle(&self, patience: Duration) {
        let start = Instant::now();
        let is_settled = || {
            let status = self.status();
            status.rows + status.dropped >= self.next.get()
        };
        while !is_settled() && start.elapsed() < patience {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What has become of the rows so far.
    #[must_use]
    pub fn status(&self) -> RecorderStatus {
        lock(&self.status).clone()
    }
}

/// The status stays sound if a thread dies with it: each change is one assignment.
fn lock(status: &Mutex<RecorderStatus>) -> MutexGuard<'_, RecorderStatus> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}
