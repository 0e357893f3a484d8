//! The file of the control socket: made with care, removed at the end.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Anyone may write in the directory.
const WORLD_WRITABLE: u32 = 0o002;
/// In the directory, only the owner of a file may replace it.
const STICKY: u32 = 0o1000;

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody listens there.
    #[error(
        "another daemon listens on {}: stop it, or give this one another `socket` under [control]",
        .0.display()
    )]
    InUse(PathBuf),
    /// There is something else in its place.
    #[error(
        "{} is no socket and is left alone: move it away, or set another `socket` under \
         [control]", .0.display()
    )]
    NotASocket(PathBuf),
    /// Its directory is missing and cannot be made.
    #[error(
        "cannot make the directory {} for the control socket ({source}): create it for this \
         user (systemd: RuntimeDirectory=utcd), or set another `socket` under [control]", directory.display()
    )]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others could put their own socket in its place.
    #[error(
        "the directory {} belongs to user {owner} or anyone may write there (mode {mode:o}): \
         others could pass for this daemon; set a `socket` elsewhere under [control]",
        directory.display()
    )]
    Untrusted {
        /// The directory.
        directory: PathBuf,
        /// Its owner.
        owner: u32,
        /// Its permissions.
        mode: u32,
    },
    /// The system refuses.
    #[error(
        "cannot listen on the control socket {} ({source}): check the path (at most 107 bytes) \
         and who may write in its directory, or set another `socket` under [control]", path.display()
    )]
    System {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A listening control socket. Its file goes when it is dropped.
#[derive(Debug)]
pub struct Socket {
    pub(super) listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Listens on `path`, for those whom `mode` (such as `0o660`) lets write.
    ///
    /// The last directory of the path is made if it is missing. A socket that a dead
    /// daemon left behind is replaced. Needs a tokio runtime with input and output.
    ///
    /// # Errors
    /// See [`BindError`]; each says what to do.
    pub fn bind(path: &Path, mode: u32) -> Result<Self, BindError> {
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            prepare(directory)?;
        }
        remove_stale(path)?;
        let failed = |source| BindError::System { path: path.to_owned(), source };
        let listener = UnixListener::bind(path).map_err(failed)?;
        let socket = Self { listener, path: path.to_owned() };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
        Ok(socket)
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Before the listener closes, so that it cannot be the file of a successor.
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, path = %self.path.display(), "control socket not removed");
        }
    }
}

/// Makes the directory if only it is missing, and sees that nobody else can replace files
/// in it.
fn prepare(directory: &Path) -> Result<(), BindError> {
    let failed = |source| BindError::Directory { directory: directory.to_owned(), source };
    match fs::DirBuilder::new().mode(0o755).create(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let found = fs::metadata(directory).map_err(failed)?;
    let (owner, mode) = (found.uid(), found.mode() & 0o7777);
    let ours = owner == 0 || owner == super::own_uid().map_err(failed)?;
    if ours && (mode & WORLD_WRITABLE == 0 || mode & STICKY != 0) {
        return Ok(());
    }
    Err(BindError::Untrusted { directory: directory.to_owned(), owner, mode })
}

/// Removes a socket that nobody listens on, and nothing else.
fn remove_stale(path: &Path) -> Result<(), BindError> {
    let failed = |source| BindError::System { path: path.to_owned(), source };
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found.map_err(failed)?,
    };
    if !found.file_type().is_socket() {
        return Err(BindError::NotASocket(path.to_owned()));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(BindError::InUse(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}
