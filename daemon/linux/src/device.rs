//! Devices: opened as far as the rights go, and asked by ioctl(2) in one unsafe call.

use std::fs::{File, OpenOptions};
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::libc::{self, c_ulong};

/// Opens the device at `path` for reading and writing, or for reading alone where that is
/// not allowed.
pub(crate) fn open(path: &Path) -> nix::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    match options.clone().write(true).open(path).map_err(|error| errno(&error)) {
        Err(Errno::EACCES | Errno::EPERM | Errno::EROFS) => {
            options.open(path).map_err(|error| errno(&error))
        }
        result => result,
    }
}

/// The kernel's reason for `error`.
pub(crate) fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

/// A request that hands the kernel a `T` to read, to write, or both.
pub(crate) struct Request<T> {
    code: c_ulong,
    data: PhantomData<fn(&mut T)>,
}

impl<T> Request<T> {
    /// The request of number `code`.
    ///
    /// # Safety
    /// The kernel takes a pointer to a `T`, laid out as it expects, for this request, or
    /// refuses it, and any bytes it writes there are a valid `T`.
    pub(crate) const unsafe fn new(code: c_ulong) -> Self {
        Self { code, data: PhantomData }
    }

    /// Asks `device` for it.
    pub(crate) fn call(&self, device: BorrowedFd<'_>, data: &mut T) -> nix::Result<()> {
        // SAFETY: `data` is a valid, exclusively borrowed `T`, which whoever made this
        // request vouches to be what the kernel reads and writes, during the call only.
        let result =
            unsafe { libc::ioctl(device.as_raw_fd(), self.code, std::ptr::from_mut(data)) };
        Errno::result(result).map(drop)
    }
}
