//! Connections of the daemon's own servers: how many at once, and what became of them.
//!
//! The servers share one thread with the tasks that keep time. So connections are few, a
//! refusal costs one small write that never waits, and refusals are rationed: a flood
//! stays in the kernel's backlog.

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Rest after a refusal: a flood costs at most a thousand refusals a second.
const REFUSAL_PAUSE: Duration = Duration::from_millis(1);
/// Rest after a failed accept, which is most often a lack of file descriptors.
const FAILURE_PAUSE: Duration = Duration::from_millis(100);

/// Why a connection was refused or broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// As many connections as allowed were open already.
    Busy,
    /// The peer took too long to send, or to read.
    Timeout,
    /// A request was longer than allowed.
    TooLong,
    /// A request could not be understood.
    Malformed,
    /// Input, output or the server itself failed.
    Failed,
}

impl Trouble {
    /// Every trouble.
    pub const ALL: [Self; 5] =
        [Self::Busy, Self::Timeout, Self::TooLong, Self::Malformed, Self::Failed];

    /// As on the control socket and in the metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Timeout => "timeout",
            Self::TooLong => "too-long",
            Self::Malformed => "malformed",
            Self::Failed => "failed",
        }
    }
}

/// What became of the connections of one server since the start of the daemon.
#[derive(Debug, Default)]
pub struct Counts {
    accepted: AtomicU64,
    troubles: [AtomicU64; Trouble::ALL.len()],
}

impl Counts {
    /// Connections taken on.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// Connections that ended in this trouble.
    #[must_use]
    pub fn of(&self, trouble: Trouble) -> u64 {
        self.troubles[trouble as usize].load(Relaxed)
    }

    fn count(&self, trouble: Trouble) {
        self.troubles[trouble as usize].fetch_add(1, Relaxed);
    }
}

/// Shared counts, as the servers and the metrics hold them.
pub type SharedCounts = Arc<Counts>;

/// A listening socket of either family.
pub(crate) trait Listen {
    /// A connection.
    type Stream;

    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Says why the connection is not taken on, as far as that needs no waiting, and
    /// closes it.
    fn refuse(stream: Self::Stream, notice: &[u8]);
}

impl Listen for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        Ok(Self::accept(self).await?.0)
    }

    fn refuse(stream: TcpStream, notice: &[u8]) {
        write_at_once(stream.into_std(), notice);
    }
}

impl Listen for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        Ok(Self::accept(self).await?.0)
    }

    fn refuse(stream: UnixStream, notice: &[u8]) {
        write_at_once(stream.into_std(), notice);
    }
}

/// Writes what a fresh socket's buffer takes. The peer is closed on in any case, and the
/// refusal is counted: whether the notice reached it changes nothing.
fn write_at_once(stream: io::Result<impl Write>, notice: &[u8]) {
    stream.and_then(|mut stream| stream.write(notice)).ok();
}

/// Takes on connections, at most `most` at a time, and gives each to `handle`; the
/// others get the `notice`. Dropping the future closes them all.
pub(crate) async fn serve<L, H>(
    listener: &L,
    most: usize,
    notice: &[u8],
    counts: &Counts,
    handle: impl Fn(L::Stream) -> H,
) -> Infallible
where
    L: Listen,
    H: Future<Output = Result<(), Trouble>> + Send + 'static,
{
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            Some(ended) = open.join_next() => match ended {
                Ok(Ok(())) => {}
                Ok(Err(trouble)) => counts.count(trouble),
                Err(_) => counts.count(Trouble::Failed),
            },
            accepted = listener.accept() => match accepted {
                Ok(stream) if open.len() < most => {
                    counts.accepted.fetch_add(1, Relaxed);
                    open.spawn(handle(stream));
                }
                Ok(stream) => {
                    counts.count(Trouble::Busy);
                    L::refuse(stream, notice);
                    sleep(REFUSAL_PAUSE).await;
                }
                Err(error) => {
                    counts.count(Trouble::Failed);
                    tracing::debug!(%error, "a connection could not be accepted");
                    sleep(FAILURE_PAUSE).await;
                }
            },
        }
    }
}

/// Puts an end to what takes longer than `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(Trouble::Timeout))
}
