//! Gives the time of a clock by NTP.

mod nics;
mod stamps;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use clock_models::time::{LeapTable, Timestamp, Utc};
use ntp::over_ptp::{self, Tlv};
use ntp::packet::ReferenceId;
use ntp::server::{Interleaved, Response, ServerState, Synchronised, leap_indicator};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;
use utcd_linux::clock::raw_now;
use utcd_linux::interface::{Interface, Purpose, prepare};
use utcd_linux::socket::{
    Hardware, Notice, NtpOver, OpenError, Received, Remote, Sent, TimeSocket, server,
};

use self::nics::Nics;
use self::stamps::{Arrival, Arrived, Departures, Stamps};
use crate::board::Board;
use crate::config::{self, ServerTimeStamps};
use crate::host_clock::{HostClock, Phcs};
use crate::net::{AsyncMonitor, AsyncSocket, news};
use crate::status::{ClockState, ClockStatus, NtpServerStatus, SourceStatus, Status};

/// log2 s: what reading the clock is uncertain by.
const PRECISION: i8 = -22;
/// What NTP implementations state for a clock that is its own reference.
const LOCAL_REFERENCE: [u8; 4] = [127, 127, 1, 1];
/// The longest request that is looked at.
const BUFFER: usize = 1024;
/// Requests answered in a row before other tasks get their turn.
const BURST: usize = 64;
/// Rest after a fault of the socket.
const REST: Duration = Duration::from_secs(1);

/// What is served.
#[derive(Debug, Clone)]
pub struct Served {
    /// The clock; read only here.
    pub clock: Rc<RefCell<HostClock>>,
    /// Its name on the board.
    pub clock_name: String,
    /// The stratum while the clock follows nothing, if it may be served then.
    pub local_stratum: Option<u8>,
    /// Whose time stamps are used.
    pub time_stamps: ServerTimeStamps,
    /// The PTP hardware clocks in use.
    pub phcs: Phcs,
    /// What is known of the network interfaces that stamp.
    pub interfaces: Rc<[config::Interface]>,
    /// The leap table in force.
    pub leap: Rc<RefCell<LeapTable>>,
    /// Where its quality stands, and where the counters go.
    pub board: Board,
}

/// A place to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listen {
    /// Address and port.
    pub address: SocketAddr,
    /// How the messages travel.
    pub over: NtpOver,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        match self.over {
            NtpOver::Udp => Ok(()),
            NtpOver::Ptp => f.write_str(" over PTP"),
        }
    }
}

/// The server on all its addresses, until it is dropped.
#[derive(Debug)]
pub struct NtpServer {
    served: Rc<RefCell<Served>>,
    listeners: BTreeMap<Listen, JoinHandle<()>>,
    counts: Rc<RefCell<NtpServerStatus>>,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error("NTP server: {0}")]
    Open(#[from] OpenError),
    /// The runtime does not take the socket.
    #[error("NTP server: {0}")]
    Runtime(#[from] std::io::Error),
}

impl NtpServer {
    /// Listens on every address, or says why it cannot. To be called within a
    /// [`tokio::task::LocalSet`].
    ///
    /// # Errors
    /// The first address that cannot be had.
    pub fn open(served: Served, listen: &[Listen]) -> Result<Self, ServeError> {
        let sockets = open_all(listen, served.time_stamps)?;
        let mut server = Self {
            served: Rc::new(RefCell::new(served)),
            listeners: BTreeMap::new(),
            counts: Rc::default(),
        };
        server.listen(sockets);
        server.show();
        Ok(server)
    }

    /// Serves another clock, or on other addresses, from now on.
    ///
    /// # Errors
    /// The first address that cannot be had; all is as before then.
    pub async fn change(&mut self, served: Served, listen: &[Listen]) -> Result<(), ServeError> {
        let (stamps, stamps_before) = (served.time_stamps, self.served.borrow().time_stamps);
        let had: Vec<Listen> = self.listeners.keys().copied().collect();
        let stays =
            |a: &&Listen| stamps == stamps_before && had.contains(*a) && listen.contains(*a);
        let new: Vec<Listen> = listen.iter().filter(|a| !stays(a)).copied().collect();
        let gone: Vec<Listen> = had.iter().filter(|a| !stays(a)).copied().collect();
        let mut opened = open_all(&new, stamps);
        if opened.is_err() {
            // One of our own may be in the way, as 0.0.0.0:123 is of 192.0.2.1:123.
            self.close(&gone).await;
            opened = open_all(&new, stamps);
        }
        match opened {
            Ok(sockets) => {
                self.close(&gone).await;
                self.listen(sockets);
                *self.served.borrow_mut() = served;
                self.show();
                Ok(())
            }
            Err(error) => {
                self.listen(open_all(&gone, stamps_before)?);
                Err(error)
            }
        }
    }

    fn listen(&mut self, sockets: Vec<(Listen, AsyncSocket)>) {
        for (place, socket) in sockets {
            let listener = Listener {
                socket,
                monitor: monitor(),
                over: place.over,
                sequence_id: 0,
                answers: Interleaved::default(),
                stamps: Stamps::new(self.served.borrow().phcs.clone()),
                departures: Departures::default(),
                suspends: self.served.borrow().board.suspends().count(),
                nics: Nics::new(place.over.purpose()),
                served: Rc::clone(&self.served),
                counts: Rc::clone(&self.counts),
            };
            self.listeners.insert(place, spawn_local(listener.run()));
        }
    }

    async fn close(&mut self, places: &[Listen]) {
        for task in places.iter().filter_map(|place| self.listeners.remove(place)) {
            task.abort();
            // The socket is closed once the task is gone.
            let _ = task.await;
        }
    }

    fn show(&self) {
        let served = self.served.borrow();
        let mut counts = self.counts.borrow_mut();
        counts.listen = self.listeners.keys().map(ToString::to_string).collect();
        counts.clock.clone_from(&served.clock_name);
        // Each listener tells those that it uses.
        counts.latencies.clear();
        served.board.put_ntp_server(Some(counts.clone()));
    }
}

impl Drop for NtpServer {
    fn drop(&mut self) {
        self.listeners.values().for_each(JoinHandle::abort);
        self.served.borrow().board.put_ntp_server(None);
    }
}

fn open_all(
    listen: &[Listen],
    time_stamps: ServerTimeStamps,
) -> Result<Vec<(Listen, AsyncSocket)>, ServeError> {
    let hardware = match time_stamps {
        ServerTimeStamps::Auto => Hardware::Wanted,
        ServerTimeStamps::Software => Hardware::Unwanted,
    };
    let everywhere = listen.iter().filter(|place| place.address.ip().is_unspecified());
    if hardware == Hardware::Wanted {
        everywhere.for_each(|place| prepare_all(place.over.purpose()));
    }
    let open = |place: &Listen| {
        let socket = server(place.address, place.over, hardware)?;
        Ok((*place, AsyncSocket::new(socket)?))
    };
    listen.iter().map(open).collect()
}

/// Has every NIC stamp that can. Where one cannot, or may not, the kernel does.
fn prepare_all(purpose: Purpose) {
    for interface in Interface::all().unwrap_or_default() {
        match prepare(&interface.name, purpose) {
            Ok(stamping) => tracing::debug!("NTP server: {stamping}"),
            Err(reason) => tracing::debug!("NTP server: {}: {reason}", interface.name),
        }
    }
}

/// News of interfaces, where they can be had.
fn monitor() -> Option<AsyncMonitor> {
    let without = |error: &_| tracing::warn!("NTP server: no news of interfaces: {error}");
    AsyncMonitor::open().inspect_err(without).ok()
}

struct Listener {
    socket: AsyncSocket,
    monitor: Option<AsyncMonitor>,
    over: NtpOver,
    /// Of the last answer, where they travel in PTP messages.
    sequence_id: u16,
    answers: Interleaved,
    stamps: Stamps,
    departures: Departures,
    /// The suspends of the host that the answers are of after.
    suspends: u64,
    nics: Nics,
    served: Rc<RefCell<Served>>,
    counts: Rc<RefCell<NtpServerStatus>>,
}

impl Listener {
    async fn run(mut self) {
        loop {
            if let Err(error) = self.turn().await {
                tracing::warn!("NTP server: {error}");
                sleep(REST).await;
            }
        }
    }

    async fn turn(&mut self) -> std::io::Result<()> {
        tokio::select! {
            biased;
            () = news(&mut self.monitor) => {
                self.socket.get_mut().look_at_clocks_anew();
                self.monitor = self.monitor.take().or_else(monitor);
                return Ok(());
            }
            activity = self.socket.wait() => activity?,
        }
        self.heed_suspends();
        let mut buffer = [0; BUFFER];
        let mut burst = 0;
        self.take_notices()?;
        while let Some(received) = self.heeded_clocks().receive(&mut buffer)? {
            self.answer(&buffer[..received.length], &received);
            burst += 1;
            if burst % BURST == 0 {
                self.take_notices()?;
                self.show();
                tokio::task::yield_now().await;
            }
        }
        self.take_notices()?;
        self.show();
        Ok(())
    }

    /// Forgets the answers that left before the host was suspended: the clock may be another
    /// one since.
    fn heed_suspends(&mut self) {
        let suspends = self.served.borrow().board.suspends().count();
        if std::mem::replace(&mut self.suspends, suspends) != suspends {
            self.answers = Interleaved::default();
            self.departures.forget();
        }
    }

    /// The socket. Where a PTP hardware clock has turned out to be gone, it looks up anew which
    /// one each interface has: there need be no news of the interface.
    fn heeded_clocks(&mut self) -> &mut TimeSocket {
        let socket = self.socket.get_mut();
        if self.stamps.forget_gone() {
            socket.look_at_clocks_anew();
        }
        socket
    }

    /// When answers left. What ICMP says of them does not matter to a server.
    fn take_notices(&mut self) -> std::io::Result<()> {
        while let Some(notice) = self.heeded_clocks().notice()? {
            let served = self.served.borrow();
            let left = match notice {
                Notice::TransmittedByHardware { id, stamp } => self
                    .departures
                    .take(id, Arrival::Hardware)
                    .map(|departing| (departing, self.stamps.departure(&served, stamp))),
                Notice::Transmitted { id, stamp } => self
                    .departures
                    .take(id, Arrival::Kernel)
                    .map(|departing| (departing, stamps::kernel(&served.clock.borrow(), stamp))),
                Notice::Undelivered { .. } => None,
            };
            match left {
                Some((departing, Some(at))) => self.answers.left(departing, at),
                Some((_, None)) => self.departures.is_useless(),
                None => {}
            }
        }
        self.departures.give_up_before(raw_now());
        Ok(())
    }

    fn show(&mut self) {
        let mut counts = self.counts.borrow_mut();
        for (name, count) in self.departures.take_faults(self.socket.get().stamp_faults()) {
            *counts.stamp_faults.entry(name.to_owned()).or_default() += count;
        }
        for link in self.stamps.links() {
            counts.latencies.retain(|known| known.nic != link.nic());
            counts.latencies.extend(link.status());
        }
        self.served.borrow().board.put_ntp_server(Some(counts.clone()));
    }

    fn answer(&mut self, request: &[u8], received: &Received) {
        let served = Rc::clone(&self.served);
        let served = served.borrow();
        if let Some(local) = received.local {
            self.nics.received(local.interface, received.hardware.is_some());
        }
        let Arrived { at, by, latency_uncertainty } = self.stamps.arrival(&served, received);
        let Remote::Udp(client) = received.from else { return };
        let ip = client.ip().to_canonical();
        let outcome = self.unwrap(request).and_then(|(tlv, request)| {
            let state = served.state(latency_uncertainty);
            let response = self.answers.respond(request, ip, at, &state);
            let response = response.map_err(|dropped| dropped.name())?;
            let interleaved = response.is_interleaved();
            self.send(response, tlv, &served, received, by).map(|()| interleaved)
        });
        let mut counts = self.counts.borrow_mut();
        match outcome {
            Ok(interleaved) => {
                counts.answered += 1;
                counts.interleaved += u64::from(interleaved);
                counts.hardware_stamped += u64::from(by == Arrival::Hardware);
            }
            Err(reason) => *counts.dropped.entry(reason.to_owned()).or_default() += 1,
        }
    }

    /// What a request is wrapped in, if it is, and the NTP message in it.
    fn unwrap<'a>(&self, datagram: &'a [u8]) -> Result<(Option<Tlv>, &'a [u8]), &'static str> {
        match self.over {
            NtpOver::Udp => Ok((None, datagram)),
            NtpOver::Ptp => match over_ptp::unwrap(datagram) {
                Ok(wrapped) => Ok((Some(wrapped.tlv), wrapped.message)),
                Err(refused) => Err(refused.name()),
            },
        }
    }

    fn send(
        &mut self,
        response: Response,
        tlv: Option<Tlv>,
        served: &Served,
        request: &Received,
        by: Arrival,
    ) -> Result<(), &'static str> {
        let departing = response.departing();
        let bytes = response.finish(served.now());
        let sent = match tlv {
            None => self.socket.get_mut().reply(&bytes, request),
            Some(tlv) => {
                self.sequence_id = self.sequence_id.wrapping_add(1);
                let wrapped = over_ptp::wrap(tlv, self.sequence_id, &bytes);
                self.socket.get_mut().reply(&wrapped, request)
            }
        };
        let Sent { id, stamp } = sent.map_err(|_| "not-sent")?;
        if let Some((id, departing)) = id.zip(departing) {
            self.departures.expect(id, departing, by, stamp.at);
        }
        Ok(())
    }
}

impl Served {
    fn now(&self) -> Timestamp<Utc> {
        let clock = self.clock.borrow();
        clock.utc(clock.read().time)
    }

    /// What is stated of the clock, and of latencies that are as uncertain as this (k = 2, s).
    /// Not of those of a reference by declaration: the field counts in steps of 15 µs, of
    /// which one would be a thousand times what there is to be said.
    fn state(&self, latency_uncertainty: f64) -> ServerState {
        let status = self.board.current();
        let clock = status.clocks.iter().find(|clock| clock.name == self.clock_name);
        let synchronised = clock
            .filter(|clock| follows(clock))
            .map(|clock| {
                let following = self.following(&status, clock);
                let root_dispersion = following.root_dispersion + latency_uncertainty;
                Synchronised { root_dispersion, ..following }
            })
            .or_else(|| self.local_stratum.map(|stratum| self.local(stratum)));
        ServerState { precision: PRECISION, synchronised }
    }

    fn following(&self, status: &Status, clock: &ClockStatus) -> Synchronised {
        let now = self.now();
        let leader = leader(status, clock);
        let remote = remote_leader(status, clock);
        let address = remote.and_then(|s| s.address.parse::<SocketAddr>().ok());
        let reference_id = match address.map(|address| address.ip()) {
            Some(ip) => reference(ip),
            // A clock of the host that follows nothing is a reference by declaration.
            None => {
                let code = if remote.is_some() { "PTP" } else { "PHC" };
                ReferenceId::from_code(code).unwrap_or(ReferenceId::NONE)
            }
        };
        let age = leader.and_then(|s| s.age).unwrap_or(0.0);
        let age = clock_models::time::Duration::from_seconds(age);
        Synchronised {
            leap: leap_indicator(&self.leap.borrow(), now),
            stratum: clock.stratum,
            root_delay: clock.root_delay,
            root_dispersion: clock.root_dispersion,
            reference_id,
            reference_time: age.map_or(now, |age| now - age),
        }
    }

    /// A clock that is the reference of its network by declaration, and so are its stamps.
    fn local(&self, stratum: u8) -> Synchronised {
        let now = self.now();
        Synchronised {
            leap: leap_indicator(&self.leap.borrow(), now),
            stratum,
            root_delay: 0.0,
            root_dispersion: 0.0,
            reference_id: ReferenceId::from_bytes(LOCAL_REFERENCE),
            reference_time: now,
        }
    }
}

fn leader<'a>(status: &'a Status, clock: &ClockStatus) -> Option<&'a SourceStatus> {
    status.sources.iter().find(|source| Some(&source.name) == clock.leader.as_ref())
}

/// What the clock follows outside of this host, be it through other clocks of it.
fn remote_leader<'a>(status: &'a Status, clock: &ClockStatus) -> Option<&'a SourceStatus> {
    let mut source = leader(status, clock)?;
    // No clock follows itself: after all of them, there is none left.
    for _ in &status.clocks {
        if source.protocol != "clock" {
            return Some(source);
        }
        let upper = status.clocks.iter().find(|upper| upper.name == source.address)?;
        source = leader(status, upper)?;
    }
    None
}

fn reference(ip: IpAddr) -> ReferenceId {
    ReferenceId::from_address(ip.to_canonical())
}

fn follows(clock: &ClockStatus) -> bool {
    matches!(clock.state, ClockState::Locked | ClockState::Acquiring | ClockState::Holdover)
        && clock.bound.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(name: &str, leader: &str) -> ClockStatus {
        let leader = (!leader.is_empty()).then(|| leader.to_owned());
        ClockStatus { name: name.to_owned(), leader, ..ClockStatus::default() }
    }

    fn source(name: &str, protocol: &str, address: &str) -> SourceStatus {
        let [name, protocol, address] = [name, protocol, address].map(str::to_owned);
        SourceStatus { name, protocol, address, ..SourceStatus::default() }
    }

    #[test]
    fn the_reference_of_a_clock_is_looked_for_outside_of_this_host() {
        let status = Status {
            clocks: vec![clock("system", "b"), clock("nic", "a"), clock("card", "")],
            sources: vec![
                source("a", "ntp", "192.0.2.1:123"),
                source("b", "clock", "nic"),
                source("c", "clock", "card"),
            ],
            ..Status::default()
        };
        let found = |leader: &str| {
            let found = remote_leader(&status, &clock("any", leader));
            found.map(|source| source.name.clone())
        };
        assert_eq!(found("a").as_deref(), Some("a"));
        assert_eq!(found("b").as_deref(), Some("a"));
        assert_eq!(found("c"), None, "a reference by declaration");
        assert_eq!(found(""), None);
    }
}
