//! Time-stamping sockets on the runtime.

use std::io;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use utcd_linux::socket::TimeSocket;

/// A [`TimeSocket`] that can be waited for.
#[derive(Debug)]
pub struct AsyncSocket(AsyncFd<TimeSocket>);

impl AsyncSocket {
    /// Puts a socket on the runtime.
    ///
    /// # Errors
    /// The poller's, such as a lack of file descriptors.
    pub fn new(socket: TimeSocket) -> io::Result<Self> {
        AsyncFd::with_interest(socket, Interest::READABLE | Interest::ERROR).map(Self)
    }

    /// Waits until there is something to receive or some notice. The caller then takes
    /// both until there is no more.
    ///
    /// # Errors
    /// The poller's.
    pub async fn wait(&mut self) -> io::Result<()> {
        // Cleared before the caller drains the socket, so that what comes meanwhile
        // wakes again.
        self.0.ready_mut(Interest::READABLE | Interest::ERROR).await?.clear_ready();
        Ok(())
    }

    /// The socket itself.
    pub fn get_mut(&mut self) -> &mut TimeSocket {
        self.0.get_mut()
    }

    /// The socket itself.
    #[must_use]
    pub fn get(&self) -> &TimeSocket {
        self.0.get_ref()
    }
}
