//! An NTP server as a source.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use clock_models::comparison::Stamp;
use clock_models::time::{self, Leap, LeapNotice};
use ntp::client::{ClientConfig, Rejection};
use ntp::over_ptp::{self, Tlv};
use ntp::packet::{Header, LeapIndicator};
use ntp::source::{News, Source};
use tokio::net::lookup_host;
use tokio::time::sleep;
use utcd_linux::random;
use utcd_linux::socket::{self, Notice, NtpOver};

use super::departure::Departure;
use super::stamper::Stamper;
use super::{Context, Report, Trouble, stamps};
use crate::config::TimeStamps;
use crate::net::{AsyncSocket, activity};

/// Polls in a row without an answer after which the name is resolved again: as many as
/// the reach register holds.
const POLLS_BEFORE_RESOLVING: u32 = 8;
/// Rest after a name that could not be resolved, doubled each time.
const FIRST_REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_secs(256);
/// How long servers that have all sent us away (DENY, RSTR) are left in peace.
const DENIED_REST: Duration = Duration::from_secs(3600);
/// How long a stamp of the NIC is waited for when the answer has come.
const PATIENCE: time::Duration = time::Duration::from_nanos(20_000_000);
/// The longest answer that is looked at; more is cut off, and refused by its length.
const BUFFER: usize = 1024;

/// Addresses in use by the servers of one pool.
pub type Taken = Rc<RefCell<HashSet<SocketAddr>>>;

/// Where the server is.
#[derive(Debug, Clone)]
pub struct Place {
    /// Host name or address.
    pub host: String,
    /// UDP port.
    pub port: u16,
    /// What the messages are wrapped in, where they travel in PTP messages.
    pub tlv: Option<Tlv>,
    /// Those that its neighbours in a pool use.
    pub taken: Taken,
}

impl Place {
    const fn over(&self) -> NtpOver {
        match self.tlv {
            Some(_) => NtpOver::Ptp,
            None => NtpOver::Udp,
        }
    }

    /// The NTP message in a datagram.
    fn message<'a>(&self, datagram: &'a [u8]) -> Result<&'a [u8], over_ptp::Refused> {
        match self.tlv {
            Some(_) => over_ptp::unwrap(datagram).map(|wrapped| wrapped.message),
            None => Ok(datagram),
        }
    }
}

/// One association after the other, with the addresses that a name stands for.
#[derive(Debug)]
pub struct NtpSource {
    context: Context,
    place: Place,
    config: ClientConfig,
    trouble: Trouble,
    stamper: Stamper,
    /// Addresses whose servers have sent us away.
    denied: HashSet<SocketAddr>,
    /// Comparisons accepted from addresses of before.
    accepted: u64,
}

impl NtpSource {
    /// A source that has not been asked yet.
    #[must_use]
    pub fn new(
        context: Context,
        place: Place,
        config: ClientConfig,
        time_stamps: TimeStamps,
    ) -> Self {
        let (trouble, stamper) = (Trouble::default(), Stamper::new(time_stamps));
        Self { context, place, config, trouble, stamper, denied: HashSet::new(), accepted: 0 }
    }

    /// Follows the server for as long as the task lives.
    pub async fn run(mut self) {
        let mut association: Option<Association> = None;
        loop {
            let current = association.as_ref().map(|association| association.address);
            let address = self.resolve(current).await;
            if current != Some(address) {
                if let Some(old) = association.take() {
                    self.leave(&old);
                }
                self.place.taken.borrow_mut().insert(address);
                association = Association::new(&self.context, self.config, address);
            }
            let Some(mut running) = association.take() else { return };
            running.run(&mut self).await;
            match running.server.client().stopped() {
                Some(kiss) => {
                    tracing::warn!("source {}: {address} sends us away: {kiss}", self.context.name);
                    self.denied.insert(address);
                    self.leave(&running);
                }
                None => association = Some(running),
            }
        }
    }

    /// A datagram that is no PTP message with one of NTP.
    fn refuse(&mut self, refused: over_ptp::Refused) {
        tracing::debug!("source {}: {refused}", self.context.name);
        *self.trouble.counts.entry(refused.name().to_owned()).or_default() += 1;
    }

    /// Keeps the counters of an association that ends: they never go back.
    fn leave(&mut self, old: &Association) {
        self.place.taken.borrow_mut().remove(&old.address);
        self.accepted += old.server.client().accepted();
        for (reason, count) in old.refused() {
            *self.trouble.counts.entry(reason.to_owned()).or_default() += count;
        }
    }

    /// An address of the server that no neighbour uses, another one than the `current`
    /// if possible. Tries until there is one; but where the name cannot be resolved, the
    /// current one is as good as ever.
    async fn resolve(&mut self, current: Option<SocketAddr>) -> SocketAddr {
        let mut rest = FIRST_REST;
        loop {
            match self.lookup(current).await {
                Ok(address) => {
                    self.trouble.now.take_if(|_| current != Some(address));
                    return address;
                }
                Err(text) => self.trouble.note(&self.context.name, "no-address", text),
            }
            if let Some(current) = current {
                return current;
            }
            self.context.report(self.nowhere());
            if !self.denied.is_empty() {
                rest = DENIED_REST;
            }
            sleep(rest).await;
            self.denied.clear();
            rest = (rest * 2).min(LONGEST_REST);
        }
    }

    async fn lookup(&self, current: Option<SocketAddr>) -> Result<SocketAddr, String> {
        let host = self.place.host.as_str();
        let found: Vec<SocketAddr> = match host.parse() {
            // Not worth the helper thread that resolves names.
            Ok(ip) => vec![SocketAddr::new(ip, self.place.port)],
            Err(_) => lookup_host((host, self.place.port))
                .await
                .map_err(|error| {
                    format!(
                        "cannot resolve {host}: {error}; is the name right, and a \
                         name server reachable?"
                    )
                })?
                .collect(),
        };
        if found.is_empty() {
            return Err(format!("{host} has no address; is the name right?"));
        }
        let taken = self.place.taken.borrow();
        let free = |address: &&SocketAddr| {
            !self.denied.contains(address)
                && (Some(**address) == current || !taken.contains(address))
        };
        let other = found.iter().filter(free).find(|address| Some(**address) != current);
        other
            .or_else(|| found.iter().find(free))
            .copied()
            .ok_or_else(|| format!("every address of {host} is in use, or has sent us away"))
    }

    /// What is known while there is no address.
    fn nowhere(&self) -> Report {
        let mut status =
            self.context.status("ntp", format!("{}:{}", self.place.host, self.place.port));
        status.reason.clone_from(&self.trouble.now);
        status.accepted = self.accepted;
        status.rejected.clone_from(&self.trouble.counts);
        self.context.never_heard(status)
    }
}

/// With one address.
struct Association {
    address: SocketAddr,
    server: Source,
    /// A fresh socket, and so a fresh source port, for every exchange (RFC 9109).
    socket: Option<AsyncSocket>,
    /// Of the last request, where they travel in PTP messages.
    sequence_id: u16,
    /// The transmit stamp of the last request.
    departure: Departure,
    /// Polls in vain when the name was resolved last.
    resolved_at: u32,
}

impl Association {
    fn new(context: &Context, config: ClientConfig, address: SocketAddr) -> Option<Self> {
        let now = context.clock.borrow().now();
        let server = Source::new(config, context.frequency, now)
            .inspect_err(|e| tracing::error!("source {}: {e}", context.name))
            .ok()?;
        context.record_start(context.frequency);
        Some(Self {
            address,
            server,
            socket: None,
            sequence_id: 0,
            departure: Departure::default(),
            resolved_at: 0,
        })
    }

    /// Until the server has been silent for too long, or sent us away.
    async fn run(&mut self, source: &mut NtpSource) {
        while let Some(at) = self.server.client().poll_timeout() {
            let accepted = self.server.client().accepted();
            let patience = self.departure.patience();
            tokio::select! {
                () = source.context.sleep_until(at) => {
                    if !self.wake(source) {
                        continue;
                    }
                }
                () = source.context.until(patience) => {
                    let news = self.departed_by_other_stamp(&source.context);
                    self.note(&mut source.context, news);
                }
                result = activity(&mut self.socket) => match result {
                    Ok(()) => self.drain(source),
                    Err(error) => self.fault(source, &error),
                },
            }
            if self.server.client().accepted() > accepted {
                source.trouble.over(&source.context.name);
            }
            source.context.report(self.report(source));
            let silent = self.server.client().unanswered();
            self.resolved_at = self.resolved_at.min(silent);
            if silent >= self.resolved_at + POLLS_BEFORE_RESOLVING {
                self.resolved_at = silent;
                self.say_useless(source);
                return;
            }
        }
    }

    /// Nothing usable has come for long, unless it is known why.
    fn say_useless(&self, source: &mut NtpSource) {
        if let (None, Some(reason)) = (&source.trouble.now, self.server.last_failure()) {
            let text = format!("{} gives no usable answer: {reason}", self.address);
            source.trouble.say(&source.context.name, text);
        }
    }

    /// Sends what is due. True if there is news: an exchange that came to nothing.
    fn wake(&mut self, source: &mut NtpSource) -> bool {
        let context = &source.context;
        let now = context.clock.borrow().now();
        let wake = self.server.handle_timeout(now, [random::u64(), random::u64()]);
        if let Some(reason) = wake.failed {
            tracing::debug!("source {}: {reason}", context.name);
        }
        let Some(request) = wake.request else { return wake.failed.is_some() };
        let datagram = self.datagram(source.place.tlv, &request.bytes);
        let opened =
            socket::client(self.address, source.place.over(), source.stamper.wanted(context))
                .map_err(io::Error::other)
                .and_then(|socket| {
                    let stamping = source.stamper.open(context, socket.stamping());
                    stamping.map(|()| socket).map_err(io::Error::other)
                })
                .and_then(AsyncSocket::new)
                .and_then(|mut socket| socket.get_mut().send(&datagram).map(|sent| (socket, sent)));
        match opened {
            Ok((socket, sent)) => {
                self.socket = Some(socket);
                self.departure.sent(sent, request.token);
                if sent.id.is_none() {
                    // No answer can have come yet, so none is completed by it.
                    let _ = self.departed_by_other_stamp(context);
                }
                source.stamper.sent();
                self.renew_stamps(source);
            }
            Err(error) => {
                self.fault(source, &error);
                return true;
            }
        }
        wake.failed.is_some()
    }

    /// Asks the NIC for its stamps anew where they do not come any more.
    fn renew_stamps(&self, source: &mut NtpSource) {
        let stamping = self.socket.as_ref().map(|socket| socket.get().stamping());
        let Some(granted) = stamping.and_then(|stamping| stamping.hardware.as_ref()) else {
            return;
        };
        if !source.stamper.is_to_be_renewed() {
            return;
        }
        let text = format!("{} stamps no more; was it reset? It is asked anew", granted.nic);
        source.trouble.note(&source.context.name, "stamps-missing", text);
        if let Err(refused) = granted.renew() {
            source.trouble.say(&source.context.name, refused.to_string());
        }
    }

    /// A request as it travels.
    fn datagram(&mut self, tlv: Option<Tlv>, request: &[u8; Header::LEN]) -> Vec<u8> {
        let Some(tlv) = tlv else { return request.to_vec() };
        self.sequence_id = self.sequence_id.wrapping_add(1);
        over_ptp::wrap(tlv, self.sequence_id, request)
    }

    fn fault(&mut self, source: &mut NtpSource, error: &io::Error) {
        self.socket = None;
        source.trouble.note(&source.context.name, "socket", format!("{}: {error}", self.address));
    }

    /// Notices first: the stamp of a request is there before its answer.
    fn drain(&mut self, source: &mut NtpSource) {
        loop {
            let Some(socket) = &mut self.socket else { return };
            match socket.get_mut().notice() {
                Ok(Some(notice)) => self.notice(source, notice),
                Ok(None) => break source.stamper.count(socket.get().stamp_faults()),
                Err(error) => return self.fault(source, &error),
            }
        }
        let mut buffer = [0; BUFFER];
        loop {
            let Some(socket) = &mut self.socket else { return };
            match socket.get_mut().receive(&mut buffer) {
                Ok(Some(received)) => {
                    source.trouble.now = None;
                    let (context, stamper) = (&source.context, &mut source.stamper);
                    if stamper.is_hardware() && received.hardware.is_none() {
                        stamper.missed();
                    }
                    let stamp = stamper.received_whole(context, &received);
                    let stamp = stamp.unwrap_or_else(|| context.stamp(received.stamp));
                    match source.place.message(&buffer[..received.length]) {
                        Ok(message) => self.receive(source, message, stamp),
                        Err(refused) => source.refuse(refused),
                    }
                }
                Ok(None) => break,
                Err(error) => return self.fault(source, &error),
            }
        }
    }

    fn notice(&mut self, source: &mut NtpSource, notice: Notice) {
        let context = &mut source.context;
        match notice {
            Notice::TransmittedByHardware { id, stamp } => {
                let stamp = source.stamper.transmitted(context, stamp);
                if let Some(stamp) = stamp
                    && let Some(token) = self.departure.stamped(id)
                {
                    let news = self.server.handle_transmitted(token, stamp);
                    self.note(context, news);
                }
            }
            Notice::Transmitted { id, stamp } if source.stamper.is_hardware() => {
                self.departure.stamped_meanwhile(id, stamp);
            }
            Notice::Transmitted { id, stamp } => {
                if let Some(token) = self.departure.stamped(id) {
                    let stamp = context.stamp(stamp);
                    let news = self.server.handle_transmitted(token, stamp);
                    self.note(context, news);
                }
            }
            // Not asked for.
            Notice::Undelivered { cause, .. } => source.trouble.note(
                &context.name,
                "undelivered",
                format!("{} cannot be reached: {cause}", self.address),
            ),
        }
    }

    fn receive(&mut self, source: &mut NtpSource, bytes: &[u8], stamp: Stamp) {
        let context = &mut source.context;
        let near = {
            let clock = context.clock.borrow();
            clock.utc(clock.time_at(stamp.at))
        };
        let news = {
            let leap = context.leap.borrow();
            self.server.handle_response(bytes, stamp, near, &leap)
        };
        let waits = matches!(news, Ok(None));
        self.note(context, news);
        if waits && source.stamper.is_hardware() {
            // The NIC may hand its stamp over after the answer.
            let until = context.clock.borrow().now() + PATIENCE;
            self.departure.wait_until(until);
        } else if waits {
            // The kernel queues the stamp before the packet leaves: it will not come.
            let news = self.departed_by_other_stamp(context);
            self.note(context, news);
        }
    }

    /// Takes the best transmit stamp that there is, which is worse and says so.
    fn departed_by_other_stamp(&mut self, context: &Context) -> Result<Option<News>, Rejection> {
        let Some((token, stamp)) = self.departure.give_up() else { return Ok(None) };
        self.server.handle_transmitted(token, context.stamp(stamp))
    }

    /// What was of no use, by name.
    fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let packets = self.server.client().rejected().iter();
        packets.map(|(reason, count)| (*reason, *count)).chain(self.departure.faults())
    }

    /// What became of an exchange.
    fn note(&self, context: &mut Context, news: Result<Option<News>, Rejection>) {
        match news {
            Ok(None) => {}
            Ok(Some(news)) => {
                if news.restarted {
                    tracing::info!(
                        "source {}: its time, the path or the clock has changed; starting afresh",
                        context.name
                    );
                }
                if news.begun_anew {
                    context.record_start(self.server.prior());
                }
                if let Some(answer) = self.server.client().last_answer() {
                    let estimate = self.server.estimator().estimate();
                    context.record(&answer.comparison, news.restarted, estimate);
                }
                context.remember(self.server.estimator());
            }
            Err(reason) => tracing::debug!("source {}: {}: {reason}", context.name, self.address),
        }
    }

    /// The address of this host as the server sees it.
    fn own_address(&self) -> Option<IpAddr> {
        let socket = self.socket.as_ref()?.get();
        socket.local_address().ok().flatten().map(|address| address.ip())
    }

    fn report(&self, source: &NtpSource) -> Report {
        let (context, trouble) = (&source.context, &source.trouble);
        let client = self.server.client();
        let mut status = context.status("ntp", self.address.to_string());
        status.reach = client.reach();
        status.poll_interval = f64::from(client.poll()).exp2();
        status.accepted = source.accepted + client.accepted();
        status.rejected.clone_from(&trouble.counts);
        for (reason, count) in self.refused() {
            *status.rejected.entry(reason.to_owned()).or_default() += count;
        }
        status.reason = trouble
            .now
            .clone()
            .or_else(|| self.server.last_failure().map(|reason| reason.to_string()));
        source.stamper.show(&mut status);
        let edge =
            self.server.edge(context.id, source.stamper.terms(context.terms), self.own_address());
        if let Some(answer) = client.last_answer() {
            status.stratum = Some(answer.stratum);
            status.reference = Some(answer.reference_id.describe(answer.stratum));
            status.delay = Some(answer.delay);
            status.time_stamps = stamps(answer.stamped_by);
            status.interleaved = answer.interleaved;
        }
        let heard = client.last_answer().map(|answer| answer.received);
        let leap = client.last_answer().map(|answer| notice(answer.leap));
        Report { edge, status, heard, upper: None, leap }
    }
}

fn notice(indicator: LeapIndicator) -> LeapNotice {
    LeapNotice::by_ntp(match indicator {
        LeapIndicator::Insert => Some(Leap::Inserted),
        LeapIndicator::Delete => Some(Leap::Deleted),
        // Answers of a server that is not synchronised are refused.
        LeapIndicator::NoWarning | LeapIndicator::Unsynchronised => None,
    })
}
