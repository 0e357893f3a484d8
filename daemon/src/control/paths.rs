//! Where the control socket lies when nobody says otherwise.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The two places of the control socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultPaths {
    /// Of the system service: `/run/utcd/control.sock`.
    pub service: PathBuf,
    /// Of a daemon that a user starts by hand.
    pub user: PathBuf,
}

impl DefaultPaths {
    /// In the order in which `utcctl` of user `uid` looks for a daemon: the service comes
    /// first. Only the user may have made the second: anyone can write in `/tmp`.
    #[must_use]
    pub fn places(self, uid: u32) -> [Place; 2] {
        [Place::from(self.service), Place { path: self.user, owner: Some(uid) }]
    }
}

/// Where a daemon may listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Of the socket.
    pub path: PathBuf,
    /// Who must own it, where that is not left to the directories above it.
    pub owner: Option<u32>,
}

impl From<PathBuf> for Place {
    /// A place that somebody named, and so trusts.
    fn from(path: PathBuf) -> Self {
        Self { path, owner: None }
    }
}

impl Place {
    /// Sees that no other user passes for the daemon.
    pub(super) fn check(&self) -> io::Result<()> {
        let Some(owner) = self.owner else { return Ok(()) };
        match fs::symlink_metadata(&self.path)?.uid() {
            found if found == owner => Ok(()),
            found => Err(io::Error::other(format!("belongs to user {found}, not to {owner}"))),
        }
    }
}

/// Decides on both places.
///
/// A user's daemon listens at `$XDG_RUNTIME_DIR/utcd/control.sock`, or where that variable
/// is not set to an absolute path (as the XDG Base Directory Specification demands) at
/// `/tmp/utcd-UID/control.sock`.
#[must_use]
pub fn default_paths(xdg_runtime_dir: Option<&OsStr>, uid: u32) -> DefaultPaths {
    let directory = xdg_runtime_dir
        .map(Path::new)
        .filter(|directory| directory.is_absolute())
        .map_or_else(|| PathBuf::from(format!("/tmp/utcd-{uid}")), |runtime| runtime.join("utcd"));
    DefaultPaths {
        service: PathBuf::from("/run/utcd/control.sock"),
        user: directory.join("control.sock"),
    }
}

/// The effective user of this process: the owner of `/proc/self`.
///
/// # Errors
/// Where `/proc` is not mounted.
pub fn own_uid() -> io::Result<u32> {
    Ok(fs::metadata("/proc/self")?.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_path(xdg_runtime_dir: Option<&str>) -> PathBuf {
        default_paths(xdg_runtime_dir.map(OsStr::new), 1000).user
    }

    #[test]
    fn a_user_s_socket_lies_in_the_runtime_directory() {
        let expected = Path::new("/run/user/1000/utcd/control.sock");
        assert_eq!(user_path(Some("/run/user/1000")), expected);
    }

    #[test]
    fn without_a_usable_runtime_directory_it_lies_in_a_directory_of_the_user_s_own() {
        for unusable in [None, Some(""), Some("relative/path")] {
            assert_eq!(user_path(unusable), Path::new("/tmp/utcd-1000/control.sock"));
        }
    }
}
