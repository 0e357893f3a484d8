//! What the tests of sockets share.

use std::os::fd::AsFd;
use std::time::Instant;

use clock_models::comparison::Stamp;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use utcd_linux::socket::{Notice, Received, SendId, TimeSocket};

/// Long enough for a busy machine; nothing is asserted of it but that it is not reached.
pub(crate) const PATIENCE_MS: u16 = 60_000;
/// What two readings of the time base may disagree by, s.
const RESOLUTION: f64 = 1e-6;

/// The first value that `attempt` has within the patience.
pub(crate) fn patiently<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed().as_millis() < u128::from(PATIENCE_MS) {
        if let Some(value) = attempt() {
            return value;
        }
    }
    panic!("{what}");
}

/// Waits until there is something to receive, or an error to fetch.
pub(crate) fn wait(socket: &impl AsFd, flags: PollFlags) -> bool {
    let mut fds = [PollFd::new(socket.as_fd(), flags)];
    poll(&mut fds, PollTimeout::from(PATIENCE_MS)).unwrap() > 0
}

/// The next datagram and its bytes.
pub(crate) fn receive(socket: &mut TimeSocket) -> (Received, Vec<u8>) {
    let mut buffer = [0; 128];
    let received = patiently("no datagram came", || {
        wait(socket, PollFlags::POLLIN);
        socket.receive(&mut buffer).unwrap()
    });
    (received, buffer[..received.length].to_vec())
}

/// The next news of sent datagrams.
pub(crate) fn notice(socket: &mut TimeSocket) -> Notice {
    patiently("no notice came", || {
        wait(socket, PollFlags::empty());
        socket.notice().unwrap()
    })
}

/// The next transmit stamp.
pub(crate) fn transmitted(socket: &mut TimeSocket) -> (SendId, Stamp) {
    match notice(socket) {
        Notice::Transmitted { id, stamp } => (id, stamp),
        other => panic!("{other:?}"),
    }
}

/// Tries until the kernel stamps, which it starts in the background when the first socket
/// of the host asks for it, and stops with the last.
pub(crate) fn until_stamped<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    patiently("no kernel stamps", || {
        std::thread::sleep(std::time::Duration::from_millis(1));
        attempt()
    })
}

/// `earlier` is not after `later`, but for what they may be off by: the more, the busier the
/// machine. A rectangle ends at √3 standard uncertainties.
pub(crate) fn assert_order(earlier: Stamp, later: Stamp) {
    let slack = 3.0 * (earlier.uncertainty + later.uncertainty) + RESOLUTION;
    assert!((earlier.at - later.at).seconds() <= slack, "{earlier:?} is after {later:?}");
}
