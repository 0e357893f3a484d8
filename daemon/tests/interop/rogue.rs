//! An NTP server that does what no honest one does.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use crate::network::Host;

/// What it does to an honest answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Manner {
    /// Nothing: stratum 1, the time of the system clock.
    Honest,
    /// Is fast by so many seconds, and says nothing of it.
    Lie(f64),
    /// Gives the same times again and again.
    Frozen,
    /// Stratum 0 and a code instead of a reference.
    Kiss([u8; 4]),
    /// So far from the source that it is none.
    Stratum(u8),
    /// Leap indicator 3.
    Unsynchronised,
    /// Echoes another request, as a spoofed answer would.
    WrongOrigin,
    /// Everything comes twice.
    Doubled,
    /// The end is missing.
    Truncated,
    /// A root dispersion of hours.
    FarFromRoot,
    /// Sends before it received.
    Backwards,
}

/// A server on its own port; it ends when dropped.
pub(crate) struct Rogue {
    manner: Arc<Mutex<Manner>>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
    pub(crate) port: u16,
}

impl Rogue {
    pub(crate) fn start(host: &Host, manner: Manner) -> Self {
        let socket = host.on(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let port = socket.local_addr().unwrap().port();
        let manner = Arc::new(Mutex::new(manner));
        let end = Arc::new(AtomicBool::new(false));
        let shared = (Arc::clone(&manner), Arc::clone(&end));
        let thread = std::thread::spawn(move || serve(&socket, &shared.0, &shared.1));
        Self { manner, end, thread: Some(thread), port }
    }

    pub(crate) fn turn(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// Its configuration as a source.
    pub(crate) fn source(&self, name: &str, address: IpAddr) -> String {
        format!("{}port = {}\n", crate::peers::ntp_source(name, address), self.port)
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || matches!(ended, Some(Ok(Ok(())))));
    }
}

fn serve(socket: &UdpSocket, manner: &Mutex<Manner>, end: &AtomicBool) -> io::Result<()> {
    let frozen = ntp_time(0.0);
    while !end.load(Ordering::Relaxed) {
        let mut request = [0; 48];
        let (length, client) = match socket.recv_from(&mut request) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let manner = *manner.lock().unwrap();
        assert_eq!(length, 48);
        reply(socket, client, &answer(&request, manner, frozen), manner)?;
    }
    Ok(())
}

fn reply(
    socket: &UdpSocket,
    client: SocketAddr,
    answer: &[u8; 48],
    manner: Manner,
) -> io::Result<()> {
    let length = if manner == Manner::Truncated { 40 } else { 48 };
    for _ in 0..if manner == Manner::Doubled { 2 } else { 1 } {
        socket.send_to(&answer[..length], client)?;
    }
    Ok(())
}

/// RFC 5905, figure 8.
fn answer(request: &[u8; 48], manner: Manner, frozen: u64) -> [u8; 48] {
    let lie = if let Manner::Lie(seconds) = manner { seconds } else { 0.0 };
    let (received, sent) = match manner {
        Manner::Frozen => (frozen, frozen),
        Manner::Backwards => (ntp_time(0.0), ntp_time(-1.0)),
        _ => (ntp_time(lie), ntp_time(lie)),
    };
    let mut packet = [0; 48];
    packet[0] = 0x24; // no leap second, version 4, server
    packet[1] = 1;
    packet[3] = 0xec; // 2⁻²⁰ s
    packet[12..16].copy_from_slice(b"GPS\0");
    let origin = &request[40..48];
    for (place, stamp) in [(16, frozen), (32, received), (40, sent)] {
        packet[place..place + 8].copy_from_slice(&stamp.to_be_bytes());
    }
    packet[24..32].copy_from_slice(origin);
    match manner {
        Manner::Kiss(code) => {
            packet[1] = 0;
            packet[12..16].copy_from_slice(&code);
        }
        Manner::Stratum(stratum) => packet[1] = stratum,
        Manner::Unsynchronised => packet[0] |= 0xc0,
        Manner::WrongOrigin => packet[24] ^= 1,
        Manner::FarFromRoot => packet[8] = 0x7f,
        _ => {}
    }
    packet
}

/// The system clock and `fast` seconds, in units of 2⁻³² s since 1900.
fn ntp_time(fast: f64) -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let fraction = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
    let exact = (now.as_secs() + 2_208_988_800) << 32 | fraction;
    exact.wrapping_add_signed((fast * 2f64.powi(32)) as i64)
}
