//! A bare NTP client, and the truth it is held against: the system clock.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use crate::network::Host;
use crate::program::patiently;

/// Between the epochs of NTP and POSIX, s.
const NTP_EPOCH: f64 = 2_208_988_800.0;
/// What no error of half a second or more, nor the 37 s between TAI and UTC, stays below; and
/// no load of this machine exceeds, the delay aside. s.
pub(crate) const GROSS: f64 = 0.2;

/// An answer of an NTP server.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The server less the system clock, s.
    offset: f64,
    /// The round trip, s.
    delay: f64,
    pub(crate) stratum: u8,
    pub(crate) leap_indicator: u8,
}

/// Asks the server at `address`, until it answers.
pub(crate) fn ask(from: &Host, address: IpAddr) -> Answer {
    ask_in_version(4, from, address)
}

/// The same, by another version of NTP.
pub(crate) fn ask_in_version(version: u8, from: &Host, address: IpAddr) -> Answer {
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    patiently("no answer by NTP", || {
        // A fresh one each time, that no late answer comes to.
        let socket = from.on(|| UdpSocket::bind(any)).unwrap();
        exchange(version, &socket, SocketAddr::new(address, 123))
    })
}

fn exchange(version: u8, socket: &UdpSocket, server: SocketAddr) -> Option<Answer> {
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let cookie = *b"interop!";
    let mut packet = [0; 48];
    packet[0] = version << 3 | 3; // client
    packet[40..].copy_from_slice(&cookie);
    let (sent, started) = (system_time(), Instant::now());
    socket.send_to(&packet, server).ok()?;
    let length = socket.recv(&mut packet).ok()?;
    let elapsed = started.elapsed().as_secs_f64();
    assert_eq!((length, packet[0] & 0x3f), (48, version << 3 | 4));
    assert_eq!(packet[24..32], cookie);
    let (received, replied) = (time_stamp(&packet[32..40]), time_stamp(&packet[40..48]));
    Some(Answer {
        offset: (received + replied) / 2.0 - (sent + elapsed / 2.0),
        delay: elapsed - (replied - received),
        stratum: packet[1],
        leap_indicator: packet[0] >> 6,
    })
}

/// Seconds since 1970; finer than a microsecond.
fn time_stamp(bytes: &[u8]) -> f64 {
    u64::from_be_bytes(bytes.try_into().unwrap()) as f64 / 2f64.powi(32) - NTP_EPOCH
}

fn system_time() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
}

/// The server gives the time of the system clock.
pub(crate) fn assert_on_time(from: &Host, server: IpAddr) {
    let best = (0..4).map(|_| ask(from, server)).min_by(|a, b| a.delay.total_cmp(&b.delay));
    let best = best.unwrap();
    assert!(best.offset.abs() < GROSS + best.delay / 2.0, "not the system clock's time: {best:?}");
}
