//! A program that tells the time by datagrams to a socket, as gpsd does.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::UnixDatagram;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Context;
use super::marks::{LOOK, REST};
use super::samples::{Samples, Terms};
use crate::config;
use crate::sock_sample::{LENGTH, parse};

/// Who may write there tells the time: the user of utcd and its group.
const MODE: u32 = 0o660;

/// A socket that is written to.
#[derive(Debug)]
pub struct SockSource {
    samples: Samples,
    path: PathBuf,
}

/// Its file goes when it is dropped.
struct Socket {
    inner: UnixDatagram,
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, path = %self.path.display(), "socket not removed");
        }
    }
}

impl Socket {
    /// Makes the socket; one that a dead daemon left behind is replaced, as every program
    /// that reads such sockets does.
    fn bind(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
            Ok(_) => return Err(io::Error::other("it is no socket and is left alone")),
            Err(_) => {}
        }
        let inner = UnixDatagram::bind(path)?;
        let socket = Self { inner, path: path.to_owned() };
        fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
        Ok(socket)
    }
}

impl SockSource {
    /// A source whose socket is not there yet.
    #[must_use]
    pub fn new(context: Context, config: config::SockSource) -> Self {
        let config::SockSource { uncertainty, delay, delay_uncertainty, path, .. } = config;
        let terms = Terms { uncertainty, delay, delay_uncertainty };
        Self { samples: Samples::new(context, terms), path }
    }

    /// Takes what is written for as long as the task lives.
    pub async fn run(mut self) {
        loop {
            let ended = match Socket::bind(&self.path) {
                Ok(socket) => self.listen(&socket).await,
                Err(error) => error,
            };
            let text = format!(
                "the socket {}: {ended}; may utcd write in its directory?",
                self.path.display()
            );
            self.samples.note("no-socket", text);
            self.samples.marks.look();
            self.report();
            sleep(REST).await;
        }
    }

    /// Until the socket fails; says why.
    async fn listen(&mut self, socket: &Socket) -> io::Error {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // One more than a sample has, so that a longer datagram is none.
        let mut datagram = [0; LENGTH + 1];
        loop {
            tokio::select! {
                received = socket.inner.recv(&mut datagram) => match received {
                    Ok(length) => self.take(datagram.get(..length).unwrap_or_default()),
                    Err(error) => return error,
                },
                _ = looks.tick() => self.samples.marks.look(),
            }
            self.report();
        }
    }

    fn take(&mut self, datagram: &[u8]) {
        match parse(datagram) {
            // gpsd and others name the second; of those that do not, nobody knows which.
            Ok(sample) if sample.is_pulse => self.samples.marks.refuse("no-second", 1),
            Ok(sample) => self.samples.take(sample.stamp, sample.time),
            Err(_) => self.samples.marks.refuse("malformed", 1),
        }
    }

    fn report(&self) {
        self.samples.report("sock", &self.path.display().to_string());
    }
}
