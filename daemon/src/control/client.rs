//! The asking end, for `utcctl`: plain blocking calls with a time-out.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::paths::Place;
use super::protocol::{Body, Reply, Request, VERSION};

/// The longest reply that is read, bytes: far more than the largest configuration and
/// thousands of sources.
const LONGEST_REPLY: u64 = 16 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no utcd can be reached{}", listed(.0))]
    Unreachable(Vec<(PathBuf, io::Error)>),
    /// The daemon closed the connection.
    #[error("utcd has closed the connection")]
    Closed,
    /// The daemon said nothing for too long.
    #[error("utcd has said nothing for {} s", .0.as_secs_f64())]
    Silent(Duration),
    /// The connection failed.
    #[error("the connection to utcd failed ({0})")]
    Broken(io::Error),
    /// The daemon answered with an error.
    #[error("utcd answers {kind}: {message}")]
    Refused {
        /// For programs.
        kind: String,
        /// For people.
        message: String,
    },
    /// The daemon speaks another version of the protocol.
    #[error(
        "utcd speaks version {0} of the control protocol and this utcctl version {VERSION}: \
         use the utcctl that was installed with utcd"
    )]
    Version(u32),
    /// The answer is none.
    #[error("what answers is no utcd, or of another version ({0})")]
    Unreadable(#[from] serde_json::Error),
}

fn listed(tried: &[(PathBuf, io::Error)]) -> String {
    tried.iter().map(|(path, error)| format!("\n  {}: {error}", path.display())).collect()
}

/// A connection to the daemon.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the first of these places where somebody listens.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] with what each of them said.
    pub fn connect(places: &[Place]) -> Result<Self, ClientError> {
        let mut tried = Vec::new();
        for place in places {
            match place.check().and_then(|()| UnixStream::connect(&place.path)) {
                Ok(stream) => return Ok(Self { stream: BufReader::new(stream) }),
                Err(error) => tried.push((place.path.clone(), error)),
            }
        }
        Err(ClientError::Unreachable(tried))
    }

    /// Sends a request.
    ///
    /// # Errors
    /// [`ClientError::Broken`].
    pub fn ask(&mut self, request: Request) -> Result<(), ClientError> {
        let mut line = serde_json::to_vec(&request)?;
        line.push(b'\n');
        match self.stream.get_mut().write_all(&line) {
            // A busy daemon has closed already, but has left word why.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(ClientError::Broken),
        }
    }

    /// The next answer, waiting no longer than `patience` (not zero) for it.
    ///
    /// # Errors
    /// Every [`ClientError`] but the first.
    pub fn receive(&mut self, patience: Duration) -> Result<Body<'static>, ClientError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let stream = self.stream.get_ref();
        stream.set_read_timeout(Some(patience)).map_err(ClientError::Broken)?;
        let mut line = Vec::new();
        let read = self.stream.by_ref().take(LONGEST_REPLY).read_until(b'\n', &mut line);
        match read.map_err(|error| error.kind()) {
            Ok(0) => return Err(ClientError::Closed),
            Ok(_) => {}
            Err(ErrorKind::WouldBlock) => return Err(ClientError::Silent(patience)),
            Err(ErrorKind::ConnectionReset) => return Err(ClientError::Closed),
            Err(kind) => return Err(ClientError::Broken(kind.into())),
        }
        match serde_json::from_slice(&line)? {
            Version { version: VERSION } => {}
            Version { version } => return Err(ClientError::Version(version)),
        }
        match serde_json::from_slice::<Reply<'static>>(&line)?.body {
            Body::Error { kind, message } => {
                Err(ClientError::Refused { kind: kind.into_owned(), message: message.into_owned() })
            }
            body => Ok(body),
        }
    }
}
