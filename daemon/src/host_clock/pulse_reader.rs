//! The pulses that a PTP hardware clock has stamped, read on a thread of their own.
//!
//! A read of the device waits until there is one, in spite of `O_NONBLOCK`. Before Linux 6.7 all
//! programs that have the device open share one queue: what poll(2) has announced may be gone to
//! another one, and the read waits for the next. Nothing that keeps time may wait for that.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;

use tokio::sync::watch;
use utcd_linux::phc::{ExternalStamp, ExternalStamps, PhcError};

use super::PulseError;

/// As many as the kernel keeps: one less than PTP_MAX_TIMESTAMPS.
pub(super) const LARGEST_BATCH: usize = 127;

/// Those that were there at a time.
type Batch = Result<Vec<ExternalStamp>, PhcError>;

/// The thread that reads, as whoever takes from it sees it. It ends when this one is dropped; if
/// it waits for a pulse that another program has taken, with the next one.
#[derive(Debug)]
pub(super) struct PulseReader {
    batches: Receiver<Batch>,
    wake: watch::Receiver<()>,
    _stop: UnixStream,
}

impl PulseReader {
    /// Reads `stamps` from now on.
    ///
    /// # Errors
    /// The system gives no thread or no descriptors.
    pub(super) fn start(mut stamps: ExternalStamps) -> io::Result<Self> {
        let (stop, stopped) = UnixStream::pair()?;
        Self::spawn(stop, move || next(&mut stamps, &stopped).transpose())
    }

    /// Hands over what is `next`, until that is nothing or a fault.
    fn spawn(
        stop: UnixStream,
        mut next: impl FnMut() -> Option<Batch> + Send + 'static,
    ) -> io::Result<Self> {
        // Where nobody takes them, those that come stay in the kernel, which tells how many.
        let (sender, batches) = sync_channel(1);
        let (waker, wake) = watch::channel(());
        thread::Builder::new().name("pulses".into()).spawn(move || {
            while let Some(batch) = next() {
                let is_last = batch.is_err();
                if sender.send(batch).is_err() || is_last {
                    return;
                }
                waker.send_replace(());
            }
        })?;
        Ok(Self { batches, wake, _stop: stop })
    }

    /// More may come.
    pub(super) fn is_reading(&self) -> bool {
        self.wake.has_changed().is_ok()
    }

    /// What changes when there is something to be taken, and ends when nothing more will come.
    pub(super) fn wake(&self) -> watch::Receiver<()> {
        self.wake.clone()
    }

    /// Those that were read at a time, or `None` when there are none yet.
    ///
    /// # Errors
    /// The clock is gone; nothing more comes.
    pub(super) fn take(&self) -> Result<Option<Vec<ExternalStamp>>, PulseError> {
        match self.batches.try_recv() {
            Ok(batch) => Ok(Some(batch?)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(PulseError::Gone),
        }
    }
}

/// Waits for stamps and takes all that are there; `None` when they are wanted no more.
fn next(
    stamps: &mut ExternalStamps,
    stopped: &UnixStream,
) -> Result<Option<Vec<ExternalStamp>>, PhcError> {
    let mut batch = Vec::new();
    while batch.is_empty() {
        if !stamps.wait(stopped.as_fd())? {
            return Ok(None);
        }
        while batch.len() < LARGEST_BATCH
            && let Some(stamp) = stamps.take()?
        {
            batch.push(stamp);
        }
    }
    Ok(Some(batch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock_models::time::Timestamp;
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;
    use tokio::time::timeout;

    /// More than any thread takes to be run.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn stamp(seconds: i64) -> ExternalStamp {
        ExternalStamp { channel: 0, at: Timestamp::from_secs(seconds) }
    }

    /// A reader of a device that waits for what is sent.
    fn reader() -> (Sender<Batch>, PulseReader) {
        let (device, read) = channel::<Batch>();
        let (stop, _) = UnixStream::pair().unwrap();
        (device, PulseReader::spawn(stop, move || read.recv().ok()).unwrap())
    }

    async fn woken(wake: &mut watch::Receiver<()>) -> bool {
        timeout(PATIENCE, wake.changed()).await.unwrap().is_ok()
    }

    #[tokio::test]
    async fn a_read_that_waits_holds_nobody_up_and_what_comes_wakes_all_inputs() {
        let (device, reader) = reader();
        let mut inputs = [reader.wake(), reader.wake()];
        assert!(matches!(reader.take(), Ok(None)), "the device waits");
        for second in [1, 2] {
            device.send(Ok(vec![stamp(second)])).unwrap();
            for input in &mut inputs {
                assert!(woken(input).await);
            }
            assert_eq!(reader.take().unwrap(), Some(vec![stamp(second)]));
            assert!(matches!(reader.take(), Ok(None)));
        }
    }

    #[tokio::test]
    async fn a_fault_is_told_and_then_that_nothing_more_comes() {
        let (device, reader) = reader();
        let mut input = reader.wake();
        assert!(reader.is_reading());
        device.send(Err(PhcError::Gone { what: "read" })).unwrap();
        assert!(!woken(&mut input).await);
        assert!(!reader.is_reading());
        assert!(matches!(reader.take(), Err(PulseError::Refused(PhcError::Gone { .. }))));
        assert!(matches!(reader.take(), Err(PulseError::Gone)));
    }

    #[test]
    fn the_thread_ends_when_nobody_wants_its_pulses() {
        let (device, reader) = reader();
        drop(reader);
        // Its end of the channel goes with it.
        let start = std::time::Instant::now();
        while device.send(Ok(vec![stamp(1)])).is_ok() {
            assert!(start.elapsed() < PATIENCE, "it reads on");
            thread::yield_now();
        }
    }
}
