//! The serving end: pushes snapshots, and lets no client hold it up.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};
use tokio::io::{AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::protocol::{Body, Reply, Request, Topic};
use super::socket::Socket;
use crate::board::View;
use crate::connections::{self, SharedCounts, Trouble, within};
use crate::event::EventLog;

/// Rest after an answer, so that one client that asks and asks leaves the thread to the
/// tasks that keep time.
const PACE: Duration = Duration::from_millis(10);

/// What a client may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; more are told `busy`.
    pub connections: usize,
    /// Length of a request, bytes.
    pub request: usize,
    /// Time to send a request, and again to read the answer.
    pub patience: Duration,
    /// An unchanged answer is pushed again after this, so that both ends see that the
    /// other one lives.
    pub heartbeat: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16,
            request: 1024,
            patience: Duration::from_secs(5),
            heartbeat: Duration::from_secs(10),
        }
    }
}

/// What is published.
#[derive(Debug, Clone)]
pub struct Feeds {
    /// Clocks and sources. Once it is over, nobody keeps the clocks any more, and
    /// every request is answered with the error `stopping`.
    pub status: View,
    /// The configuration in force, as text.
    pub config: watch::Receiver<Arc<String>>,
    /// External events.
    pub events: watch::Receiver<EventLog>,
}

impl Feeds {
    /// The answer of this moment as a line, and whether more can follow. Events are told
    /// from the number `next` on, which is then that of the first to come.
    fn answer(&mut self, topic: Topic, next: &mut u64) -> Result<(Vec<u8>, bool), Trouble> {
        let stopping = self.status.is_over();
        let line = if stopping {
            Reply::error("stopping", "utcd is stopping: its clocks are not kept any more").to_line()
        } else {
            match topic {
                Topic::Status => {
                    let status = self.status.take();
                    Reply::new(Body::Status(Cow::Borrowed(&status))).to_line()
                }
                Topic::Config => {
                    let config = Arc::clone(&self.config.borrow_and_update());
                    Reply::new(Body::Config(Cow::Borrowed(&config))).to_line()
                }
                Topic::Events => {
                    let log = self.events.borrow_and_update();
                    let events = log.since(*next).cloned().collect();
                    *next = log.next();
                    Reply::new(Body::Events(events)).to_line()
                }
            }
        };
        Ok((line.map_err(|_| Trouble::Failed)?, !stopping))
    }

    /// Waits for another answer than the last one.
    async fn changed(&mut self, topic: Topic) {
        match topic {
            Topic::Status => self.status.changed().await,
            Topic::Config => self.config.changed().await.is_ok(),
            Topic::Events => self.events.changed().await.is_ok(),
        };
    }
}

/// Serves the socket until the future is dropped, which closes every connection and
/// removes the file.
pub async fn serve(
    socket: Socket,
    feeds: Feeds,
    limits: Limits,
    counts: SharedCounts,
) -> Infallible {
    let busy = error_line(Trouble::Busy, "utcd has as many clients as it takes; try again later");
    connections::serve(&socket.listener, limits.connections, &busy, &counts, |stream| {
        converse(stream, feeds.clone(), limits)
    })
    .await
}

/// Answers one client until it closes, or is broken off.
async fn converse(mut stream: UnixStream, mut feeds: Feeds, limits: Limits) -> Result<(), Trouble> {
    let (read, mut write) = stream.split();
    let mut read = BufReader::with_capacity(limits.request, read);
    loop {
        let request = match within(limits.patience, next_request(&mut read, limits.request)).await {
            Ok(None) => return Ok(()),
            Ok(Some(line)) => match Request::parse(&line) {
                Ok(request) => request,
                Err(error) => {
                    let notice = error_line(Trouble::Malformed, &error.to_string());
                    send(&mut write, &notice, limits.patience).await?;
                    return Err(Trouble::Malformed);
                }
            },
            Err(trouble) => {
                let notice = error_line(trouble, "the request took too long or is too long");
                send(&mut write, &notice, limits.patience).await?;
                return Err(trouble);
            }
        };
        let Some(interval) = request.interval() else {
            let (line, more) = feeds.answer(request.get, &mut 0)?;
            send(&mut write, &line, limits.patience).await?;
            if !more {
                return Ok(());
            }
            sleep(PACE).await;
            continue;
        };
        return tokio::select! {
            ended = push(&mut write, &mut feeds, request.get, interval, limits) => ended,
            // The client has closed, or said something that nobody waits for.
            _ = read.fill_buf() => Ok(()),
        };
    }
}

/// Sends the answer now, and again when it has changed.
async fn push(
    write: &mut (impl AsyncWrite + Unpin),
    feeds: &mut Feeds,
    topic: Topic,
    interval: Duration,
    limits: Limits,
) -> Result<(), Trouble> {
    let mut next = 0;
    loop {
        let (line, more) = feeds.answer(topic, &mut next)?;
        send(write, &line, limits.patience).await?;
        if !more {
            return Ok(());
        }
        sleep(interval).await;
        // News or not, it is time to say something.
        timeout(limits.heartbeat, feeds.changed(topic)).await.ok();
    }
}

/// The next line, of at most `most` bytes; `None` when the client has closed.
async fn next_request(
    read: &mut (impl AsyncBufRead + Unpin),
    most: usize,
) -> Result<Option<Vec<u8>>, Trouble> {
    let mut line = Vec::new();
    let mut limited = read.take(most as u64 + 1);
    match limited.read_until(b'\n', &mut line).await {
        Err(_) => Err(Trouble::Failed),
        Ok(0) => Ok(None),
        Ok(length) if length > most => Err(Trouble::TooLong),
        Ok(_) => Ok(Some(line)),
    }
}

async fn send(
    write: &mut (impl AsyncWrite + Unpin),
    line: &[u8],
    patience: Duration,
) -> Result<(), Trouble> {
    within(patience, async { write.write_all(line).await.map_err(|_| Trouble::Failed) }).await
}

/// An error as a line. What cannot be written as JSON is not said: the connection closes.
fn error_line(trouble: Trouble, message: &str) -> Vec<u8> {
    Reply::error(trouble.name(), message).to_line().unwrap_or_default()
}
