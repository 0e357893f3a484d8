//! One datagram out of recvmsg(2).

use std::io;
use std::mem::MaybeUninit;

use nix::libc::c_int;
use socket2::{MaybeUninitSlice, MsgHdrMut, SockAddr, SockAddrStorage, Socket};

use super::control::Control;

/// A stamp, a source or destination and an error together take less than 200 bytes.
const CONTROL: usize = 256;

/// struct cmsghdr wants the alignment of a long.
#[repr(C, align(8))]
struct ControlBuffer([u8; CONTROL]);

/// A datagram whose bytes are in the caller's buffer.
pub(crate) struct Message {
    /// Bytes in the buffer.
    pub(crate) length: usize,
    /// The datagram was longer than the buffer.
    pub(crate) truncated: bool,
    /// Address of the other side; of family 0 where there is none.
    pub(crate) from: SockAddr,
    /// What came along with it.
    pub(crate) control: Control,
}

/// Receives a datagram, or with MSG_ERRQUEUE in `flags` a message about one.
pub(crate) fn receive(socket: &Socket, buffer: &mut [u8], flags: c_int) -> io::Result<Message> {
    let mut control = ControlBuffer([0; CONTROL]);
    let mut from = no_address();
    let mut parts = [MaybeUninitSlice::new(writable(buffer))];
    let mut header = MsgHdrMut::new()
        .with_addr(&mut from)
        .with_buffers(&mut parts)
        .with_control(writable(&mut control.0));
    let length = socket.recvmsg(&mut header, flags)?;
    let (truncated, used) = (header.flags().is_truncated(), header.control_len());
    let control = Control::parse(control.0.get(..used).unwrap_or_default());
    Ok(Message { length, truncated, from, control })
}

/// Room for any address, and none in it.
fn no_address() -> SockAddr {
    let storage = SockAddrStorage::zeroed();
    let size = storage.size_of();
    // SAFETY: zeroed storage is a valid socket address of family 0 (AF_UNSPEC), and
    // `size` is its size.
    unsafe { SockAddr::new(storage, size) }
}

/// `bytes` as the place to receive into.
fn writable(bytes: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    // SAFETY: `MaybeUninit<u8>` has the layout of `u8`, and the only users of this slice,
    // recvmsg(2) and its wrapper, write initialised bytes to it or none.
    unsafe { &mut *(std::ptr::from_mut(bytes) as *mut [MaybeUninit<u8>]) }
}
