//! ioctl(2) on devices: one unsafe call, and the type of each request beside its number.

use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc::{self, c_ulong};

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
