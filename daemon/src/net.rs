//! Time-stamping sockets on the runtime.

use std::io;
use std::os::fd::AsRawFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use utcd_linux::link::Monitor;
use utcd_linux::socket::TimeSocket;

/// Puts something with a descriptor on the runtime.
#[expect(
    deprecated,
    reason = "its successor is unsafe, for types whose descriptor may change; those of \
              utcd-linux own theirs and keep it"
)]
fn register<T: AsRawFd>(inner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    AsyncFd::with_interest(inner, interest)
}

/// News of interfaces that can be waited for.
#[derive(Debug)]
pub struct AsyncMonitor(AsyncFd<Monitor>);

impl AsyncMonitor {
    /// Subscribes to all interfaces.
    ///
    /// # Errors
    /// Where a sandbox forbids netlink, or the poller's.
    pub fn open() -> io::Result<Self> {
        register(Monitor::open()?, Interest::READABLE).map(Self)
    }

    /// Waits until the kernel tells something of an interface, and takes all of it: what
    /// matters is the state after it.
    ///
    /// # Errors
    /// The socket's; open a new monitor then.
    pub async fn news(&mut self) -> io::Result<()> {
        let mut guard = self.0.readable_mut().await?;
        guard.clear_ready();
        while guard.get_inner_mut().next_event()?.is_some() {}
        Ok(())
    }
}

/// Waits for news of interfaces: never, where there is no monitor, or it has failed.
pub async fn news(monitor: &mut Option<AsyncMonitor>) {
    let Some(working) = monitor else { return std::future::pending().await };
    if working.news().await.is_err() {
        *monitor = None;
    }
}

/// A device that can be waited for.
#[derive(Debug)]
pub struct AsyncDevice<T: AsRawFd>(AsyncFd<T>);

impl<T: AsRawFd> AsyncDevice<T> {
    /// Puts a device on the runtime.
    ///
    /// # Errors
    /// The poller's: a plain file, for one, cannot be waited for.
    pub fn new(device: T) -> io::Result<Self> {
        register(device, Interest::READABLE).map(Self)
    }

    /// Waits until there is something new. The caller then takes it until there is no more.
    ///
    /// # Errors
    /// The poller's.
    pub async fn wait(&mut self) -> io::Result<()> {
        self.0.readable_mut().await?.clear_ready();
        Ok(())
    }

    /// The device itself.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

/// A [`TimeSocket`] that can be waited for.
#[derive(Debug)]
pub struct AsyncSocket(AsyncFd<TimeSocket>);

impl AsyncSocket {
    /// Puts a socket on the runtime.
    ///
    /// # Errors
    /// The poller's, such as a lack of file descriptors.
    pub fn new(socket: TimeSocket) -> io::Result<Self> {
        register(socket, Interest::READABLE | Interest::ERROR).map(Self)
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

/// Waits for a socket that may not be there, and then never comes back.
///
/// # Errors
/// The poller's.
pub async fn activity(socket: &mut Option<AsyncSocket>) -> io::Result<()> {
    match socket {
        Some(socket) => socket.wait().await,
        None => std::future::pending().await,
    }
}
