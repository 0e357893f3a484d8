//! NTP servers on loopback that follow a script, and requests by hand.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use clock_models::time::{NtpShort, NtpTimestamp, Timestamp, Utc};
use ntp::packet::{Header, LeapIndicator, Mode, Packet, ReferenceId, Version};
use utcd_linux::clock::cross_read;

use super::PATIENCE;

/// What comes back of a request: any number of datagrams.
type Script = Box<dyn FnMut(&Header) -> Vec<Vec<u8>> + Send>;

/// A server with a script.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    script: Arc<Mutex<Script>>,
    asked: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// A server that answers by `script`.
    pub(crate) fn new(script: impl FnMut(&Header) -> Vec<Vec<u8>> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut server = Self {
            address: socket.local_addr().unwrap(),
            script: Arc::new(Mutex::new(Box::new(script))),
            asked: Arc::default(),
            stop: Arc::default(),
            thread: None,
        };
        let script = Arc::clone(&server.script);
        let (asked, stop) = (Arc::clone(&server.asked), Arc::clone(&server.stop));
        server.thread = Some(thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !stop.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let Ok(request) = Packet::parse(&buffer[..length]) else { continue };
                asked.fetch_add(1, Ordering::Relaxed);
                for answer in script.lock().unwrap()(&request.header) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        }));
        server
    }

    /// A server that is right.
    pub(crate) fn good() -> Self {
        Self::new(|request| vec![good(request).emit().to_vec()])
    }

    /// A server that says what `change` makes of a right answer.
    pub(crate) fn changing(change: impl Fn(&mut Header) + Send + 'static) -> Self {
        Self::new(move |request| {
            let mut answer = good(request);
            change(&mut answer);
            vec![answer.emit().to_vec()]
        })
    }

    /// Answers by another script from now on.
    pub(crate) fn follow(&self, script: impl FnMut(&Header) -> Vec<Vec<u8>> + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// Requests so far.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The system clock.
pub(crate) fn now() -> Timestamp<Utc> {
    cross_read(1).realtime
}

/// A right answer, from the system clock.
pub(crate) fn good(request: &Header) -> Header {
    let now = NtpTimestamp::from_utc(now());
    Header {
        stratum: 1,
        poll: request.poll,
        precision: -20,
        root_delay: NtpShort::from_bits(1),
        root_dispersion: NtpShort::from_bits(1),
        reference_id: ReferenceId::from_code("GPS").unwrap(),
        reference_time: now,
        origin: request.transmit,
        receive: now,
        transmit: now,
        leap: LeapIndicator::NoWarning,
        ..Header::blank(Version::V4, Mode::Server)
    }
}

/// A kiss-o'-death.
pub(crate) fn kiss(request: &Header, code: &str) -> Header {
    let reference_id = ReferenceId::from_code(code).unwrap();
    Header { stratum: 0, reference_id, leap: LeapIndicator::Unsynchronised, ..good(request) }
}

/// A request as a client makes it.
pub(crate) fn request() -> Header {
    Header { transmit: NtpTimestamp::from_bits(0x1234), ..Header::blank(Version::V4, Mode::Client) }
}

/// Asks a server once; `None` if nobody listens there.
pub(crate) fn ask(server: SocketAddr) -> Option<Header> {
    ask_for(PATIENCE, server)
}

/// Asks a server once; `None` if nothing comes within `patience`.
pub(crate) fn ask_for(patience: Duration, server: SocketAddr) -> Option<Header> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(patience)).unwrap();
    socket.send(&request().emit()).ok()?;
    let mut buffer = [0; 128];
    let length = socket.recv(&mut buffer).ok()?;
    Packet::parse(&buffer[..length]).ok().map(|packet| packet.header)
}
