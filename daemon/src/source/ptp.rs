//! A PTP domain on an interface as a source.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use clock_models::time::{Leap, LeapNotice};
use ptp::source::{LOOK_INTERVAL, Source};
use ptp::transport::Group;
use ptp::{
    Action, ArbitraryTimescale, ClockIdentity, DelayMechanism, Parent, PortConfig, PortState,
    TransmitId,
};
use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval, sleep};
use utcd_linux::interface::{HardwareStamping, Interface, MacAddress};
use utcd_linux::socket::{
    Hardware, IpVersion, Notice, OpenError, PtpPort, SendId, Sent, TimeSocket, ptp as open_udp,
};
use utcd_linux::{ethernet, random};

use super::answering::Answering;
use super::stamper::Stamper;
use super::{Context, Report, Trouble, stamps};
use crate::config::{self, PtpTransport};
use crate::net::{AsyncMonitor, AsyncSocket, activity, news};

/// Rest before sockets are opened again, unless the interface is heard of before.
const REST: Duration = Duration::from_secs(5);
/// Transmit stamps that may be awaited at a time.
const AWAITED: usize = 64;
/// Messages that are taken in at a time: whoever floods the link is not to stop all else.
const BURST: usize = 64;
/// Looks, one a second, that the clock of the NIC may be gone before another one is looked for.
const PATIENCE: u32 = 2;
/// The longest PTP message that is looked at.
const BUFFER: usize = 1024;

/// A slave-only port and its sockets.
#[derive(Debug)]
pub struct PtpSource {
    context: Context,
    config: config::PtpSource,
    trouble: Trouble,
    stamper: Stamper,
    answering: Answering,
}

/// The sockets of a port, while its interface is there.
struct Sockets {
    event: AsyncSocket,
    /// `None` over Ethernet, where one socket serves for all messages.
    general: Option<AsyncSocket>,
    /// More has come than was taken in at a time.
    more: bool,
    awaited: BTreeMap<SendId, TransmitId>,
}

/// Why a port stops to be driven.
enum Stop {
    /// The interface is not running any more.
    LinkDown,
    /// The link goes at another speed: another path, stamped with other latencies.
    SpeedChanged,
    /// Another NIC takes the frames, or its clock is another one.
    OtherClock,
    /// The NIC is not to be had any more as it was granted.
    Unstamped,
    /// A socket failed.
    Fault(io::Error),
}

impl PtpSource {
    /// A source that has not been listened to yet.
    #[must_use]
    pub fn new(context: Context, config: config::PtpSource) -> Self {
        let stamper = Stamper::new(config.time_stamps);
        let (trouble, answering) = (Trouble::default(), Answering::default());
        Self { context, config, trouble, stamper, answering }
    }

    /// Follows the masters of the domain for as long as the task lives.
    pub async fn run(mut self) {
        let mut source: Option<Source> = None;
        loop {
            let monitor = AsyncMonitor::open()
                .inspect_err(|e| tracing::warn!("no news of interfaces: {e}"))
                .ok();
            match self.open(&mut source) {
                Ok((mut sockets, source)) => {
                    self.trouble.over(&self.context.name);
                    self.look_at_answers(source, &sockets);
                    source.link_up();
                    match self.drive(source, &mut sockets, monitor).await {
                        Stop::SpeedChanged => {
                            tracing::info!(
                                "source {}: {} goes at another speed; the path is measured anew",
                                self.context.name,
                                self.config.interface
                            );
                        }
                        Stop::OtherClock => tracing::info!(
                            "source {}: {} stamps by another NIC or clock; all is measured anew",
                            self.context.name,
                            self.config.interface
                        ),
                        Stop::LinkDown => self.note("link-down", "the link is down"),
                        Stop::Unstamped => {}
                        Stop::Fault(error) => self.note("socket", &error.to_string()),
                    }
                    source.link_down();
                    // Of what the port may want now, only sending can fail, and it does not.
                    let _ = self.act(source, &mut sockets);
                }
                Err(error) => {
                    self.note("no-socket", &error);
                    self.report(source.as_ref());
                    wait_for_news(monitor).await;
                }
            }
            self.report(source.as_ref());
        }
    }

    fn note(&mut self, name: &str, text: &str) {
        let text = format!("{}: {text}", self.config.interface);
        self.trouble.note(&self.context.name, name, text);
    }

    fn open<'s>(
        &mut self,
        source: &'s mut Option<Source>,
    ) -> Result<(Sockets, &'s mut Source), String> {
        let interface =
            Interface::by_name(&self.config.interface).map_err(|error| error.to_string())?;
        if !interface.running {
            return Err("the link is down".to_owned());
        }
        let sockets = self.open_sockets().map_err(|error| error.to_string())?;
        self.stamper.open(&self.context, sockets.event.get().stamping())?;
        let source = match source {
            Some(source) => source,
            None => {
                let new = self.new_source(interface.mac).map_err(|error| error.to_string())?;
                self.context.record_start(new.prior());
                source.insert(new)
            }
        };
        Ok((sockets, source))
    }

    fn new_source(&self, mac: Option<MacAddress>) -> Result<Source, ptp::ConfigError> {
        // An interface without an address, such as loopback, gets a name by chance, with
        // the bit that says so (IEEE 802-2014 8.2.2).
        let [a, b, c, d, e, f, ..] = random::u64().to_be_bytes();
        let identity = mac.map_or([a | 0b10, b, c, d, e, f], |mac| mac.0);
        let mut config =
            PortConfig::new(ClockIdentity::from_mac(identity), self.context.leap.borrow().clone());
        config.domain = self.config.domain;
        config.delay_mechanism = match self.config.delay_mechanism {
            config::DelayMechanism::E2e => DelayMechanism::E2e,
            config::DelayMechanism::P2p => DelayMechanism::P2p {
                log_min_pdelay_req_interval: self.config.log_min_pdelay_req_interval,
            },
        };
        config.arbitrary_timescale = match self.config.arbitrary_timescale {
            config::ArbitraryTimescale::Refuse => ArbitraryTimescale::Refuse,
            config::ArbitraryTimescale::Utc => ArbitraryTimescale::Utc,
            config::ArbitraryTimescale::Tai => ArbitraryTimescale::Tai,
        };
        Source::new(config, self.context.frequency, random::u64())
    }

    /// The stamps that are wanted. One step is not, over IPv6: to mend the checksum of a
    /// datagram that they change, NICs may need two octets more than it has (annex D).
    fn wanted(&self) -> Hardware {
        let config = &self.config;
        let one_step = config.delay_mechanism == config::DelayMechanism::P2p
            && config.transport != PtpTransport::UdpIpv6;
        match self.stamper.wanted(&self.context) {
            Hardware::Wanted if one_step => Hardware::OneStep,
            wanted => wanted,
        }
    }

    fn open_sockets(&mut self) -> Result<Sockets, OpenError> {
        let name = self.config.interface.as_str();
        let hardware = self.wanted();
        let (event, general) = match self.config.transport {
            PtpTransport::Ethernet => (ethernet::open(name, hardware)?, None),
            PtpTransport::UdpIpv4 => open_pair(name, IpVersion::V4, hardware)?,
            PtpTransport::UdpIpv6 => open_pair(name, IpVersion::V6, hardware)?,
        };
        let on_runtime = |socket: TimeSocket| {
            AsyncSocket::new(socket)
                .map_err(|source| OpenError::Setup { what: "wait for the socket", source })
        };
        Ok(Sockets {
            event: on_runtime(event)?,
            general: general.map(on_runtime).transpose()?,
            more: false,
            awaited: BTreeMap::new(),
        })
    }

    /// Until the link or a socket fails.
    async fn drive(
        &mut self,
        source: &mut Source,
        sockets: &mut Sockets,
        mut monitor: Option<AsyncMonitor>,
    ) -> Stop {
        let mut looks = interval(Duration::from_secs(LOOK_INTERVAL.into()));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut clock_gone = 0;
        loop {
            let timeout = source.poll_timeout();
            let result = tokio::select! {
                _ = looks.tick() => {
                    source.set_leap_table(self.context.leap.borrow().clone());
                    source.look();
                    self.look_at_answers(source, sockets);
                    self.report(Some(source));
                    clock_gone = if self.stamper.clock_is_gone() { clock_gone + 1 } else { 0 };
                    if clock_gone > PATIENCE {
                        return Stop::OtherClock;
                    }
                    match self.renew_stamps(sockets) {
                        true => Ok(()),
                        false => return Stop::Unstamped,
                    }
                }
                () = self.context.until(timeout) => {
                    source.handle_timeout(self.context.clock.borrow().now());
                    Ok(())
                }
                result = sockets.event.wait(), if !sockets.more => {
                    result.and_then(|()| self.receive_events(source, sockets))
                }
                result = activity(&mut sockets.general), if !sockets.more => {
                    result.and_then(|()| self.receive_general(source, sockets))
                }
                () = yield_now(), if sockets.more => {
                    sockets.more = false;
                    let events = self.receive_events(source, sockets);
                    events.and_then(|()| self.receive_general(source, sockets))
                }
                () = news(&mut monitor) => match self.changed(sockets) {
                    Some(stop) => return stop,
                    None => Ok(()),
                },
            };
            if let Err(error) = result.and_then(|()| self.act(source, sockets)) {
                return Stop::Fault(error);
            }
        }
    }

    /// Has the port answer Pdelay_Req as the NIC is set.
    fn look_at_answers(&mut self, source: &mut Source, sockets: &Sockets) {
        if self.config.delay_mechanism == config::DelayMechanism::P2p {
            let granted = sockets.event.get().stamping().hardware.as_ref();
            let answer = self.answering.look(&self.context, &self.stamper, granted);
            source.set_pdelay_answer(answer);
        }
    }

    /// Asks the NIC for its stamps anew where they do not come any more. False if it refuses, or
    /// it is no longer the one that the frames take.
    fn renew_stamps(&mut self, sockets: &Sockets) -> bool {
        let Some(granted) = &sockets.event.get().stamping().hardware else { return true };
        if !self.stamper.is_to_be_renewed() {
            return true;
        }
        self.note("stamps-missing", "the NIC stamps no more; was it reset? It is asked anew");
        let interface = Interface::by_name(&self.config.interface);
        interface.is_ok_and(|now| now.nic() == granted.nic) && granted.renew().is_ok()
    }

    /// What has become of the interface that the sockets cannot go on with.
    fn changed(&self, sockets: &Sockets) -> Option<Stop> {
        let interface = Interface::by_name(&self.config.interface).ok();
        let Some(interface) = interface.filter(|interface| interface.running) else {
            return Some(Stop::LinkDown);
        };
        let granted = sockets.event.get().stamping().hardware.as_ref();
        if granted.is_some_and(|granted| !granted.is_of(&interface)) {
            return Some(Stop::OtherClock);
        }
        self.stamper.speed_has_changed().then_some(Stop::SpeedChanged)
    }

    fn receive_events(&mut self, source: &mut Source, sockets: &mut Sockets) -> io::Result<()> {
        // Stamps of what was sent come before the answers to it.
        while let Some(notice) = sockets.event.get_mut().notice()? {
            let (id, stamp) = match notice {
                Notice::TransmittedByHardware { id, stamp } if self.stamper.is_hardware() => {
                    (id, self.stamper.transmitted(&self.context, stamp))
                }
                Notice::Transmitted { id, stamp } if !self.stamper.is_hardware() => {
                    (id, Some(self.context.stamp(stamp)))
                }
                _ => continue,
            };
            if let (Some(id), Some(stamp)) = (sockets.awaited.remove(&id), stamp) {
                self.refused(source.handle_transmitted(id, stamp));
            }
        }
        self.stamper.count(sockets.event.get().stamp_faults());
        let mut buffer = [0; BUFFER];
        for _ in 0..BURST {
            let Some(received) = sockets.event.get_mut().receive(&mut buffer)? else {
                return Ok(());
            };
            let now = self.context.clock.borrow().now();
            let bytes = &buffer[..received.length];
            let result = match self.stamper.received(&self.context, &received) {
                Some(stamp) => source.handle_event(bytes, stamp, now),
                // Over Ethernet, all that needs none comes this way too.
                None => source.handle_general(bytes, now),
            };
            if result == Err(ptp::Rejection::NoReceiveStamp) {
                self.stamper.missed();
            }
            self.refused(result);
        }
        sockets.more = true;
        Ok(())
    }

    fn receive_general(&mut self, source: &mut Source, sockets: &mut Sockets) -> io::Result<()> {
        let Some(general) = &mut sockets.general else { return Ok(()) };
        let mut buffer = [0; BUFFER];
        for _ in 0..BURST {
            let Some(received) = general.get_mut().receive(&mut buffer)? else { return Ok(()) };
            let now = self.context.clock.borrow().now();
            self.refused(source.handle_general(&buffer[..received.length], now));
        }
        while general.get_mut().notice()?.is_some() {}
        sockets.more = true;
        Ok(())
    }

    /// The port has counted it.
    fn refused(&mut self, result: Result<(), ptp::Rejection>) {
        let Err(reason) = result else { return };
        tracing::trace!("source {}: {}", self.context.name, reason.name());
        let text = match reason {
            ptp::Rejection::ArbitraryTimescale => {
                "the ptpTimescale flag of the grandmaster is not set; if you know what it gives, \
                 set arbitrary-timescale to \"utc\" or \"tai\""
            }
            ptp::Rejection::MultipleResponders => {
                "more than one neighbour answers Pdelay_Req: with delay-mechanism \"p2p\" the \
                 link must lead to one port, past no switch that is none of PTP"
            }
            _ => return,
        };
        self.trouble.say(&self.context.name, text.to_owned());
    }

    fn act(&mut self, source: &mut Source, sockets: &mut Sockets) -> io::Result<()> {
        while let Some(action) = source.poll_action() {
            match action {
                Action::SendEvent { id, to, bytes } => {
                    self.send_event(source, sockets, id, (to, &bytes))?;
                }
                Action::SendOneStep { bytes, .. } => {
                    self.send_one_step(source, sockets, &bytes)?;
                }
                Action::SendGeneral { to, bytes } => {
                    let socket = sockets.general.as_mut().unwrap_or(&mut sockets.event);
                    send(socket, (to, &bytes))?;
                }
                Action::Compared(compared) => {
                    let estimate = source.estimator().estimate();
                    self.context.record(&compared.comparison, source.restarted(), estimate);
                    self.note_comparison(source);
                    self.report(Some(source));
                }
                Action::MasterChanged { from, to } => {
                    self.context.record_start(source.prior());
                    let name = |master: Option<ptp::PortIdentity>| {
                        master.map_or_else(|| "none".to_owned(), |master| master.to_string())
                    };
                    tracing::info!(
                        "source {}: master {}, was {}",
                        self.context.name,
                        name(to),
                        name(from)
                    );
                    self.report(Some(source));
                }
            }
        }
        Ok(())
    }

    fn send_event(
        &mut self,
        source: &mut Source,
        sockets: &mut Sockets,
        id: TransmitId,
        message: (Group, &[u8]),
    ) -> io::Result<()> {
        let sent = send(&mut sockets.event, message)?;
        self.stamper.sent();
        match sent.id {
            Some(awaited) => {
                while sockets.awaited.len() >= AWAITED {
                    sockets.awaited.pop_first();
                }
                sockets.awaited.insert(awaited, id);
            }
            // The port counts that it misses the stamp.
            None if self.stamper.is_hardware() => {}
            None => self.refused(source.handle_transmitted(id, self.context.stamp(sent.stamp))),
        }
        Ok(())
    }

    /// An answer in which the NIC is to say how long the request was kept. If it would not any
    /// more, the neighbour gets none: it would take the time that it was kept for delay.
    fn send_one_step(
        &mut self,
        source: &mut Source,
        sockets: &mut Sockets,
        bytes: &[u8],
    ) -> io::Result<()> {
        let socket = sockets.event.get_mut();
        match socket.stamping().hardware.as_ref().map(HardwareStamping::one_step_now) {
            Some(Ok(())) => socket.send_to_neighbour_in_one_step(bytes),
            Some(Err(_)) | None => {
                self.look_at_answers(source, sockets);
                Ok(())
            }
        }
    }

    fn note_comparison(&mut self, source: &Source) {
        self.trouble.over(&self.context.name);
        if source.restarted() {
            tracing::info!(
                "source {}: its time, the path or the clock has changed; starting afresh",
                self.context.name
            );
        }
    }

    fn report(&self, source: Option<&Source>) {
        let place = format!("{} domain {}", self.config.interface, self.config.domain);
        let mut status = self.context.status("ptp", place);
        status.reason.clone_from(&self.trouble.now);
        status.rejected.clone_from(&self.trouble.counts);
        let Some(source) = source else {
            return self.context.report(self.context.never_heard(status));
        };
        let now = self.context.clock.borrow().now();
        let terms = self.stamper.terms(self.context.terms);
        let edge = source.edge(self.context.id, terms, now);
        self.stamper.show(&mut status);
        status.pdelay_resp = self.answering.status();
        status.reach = source.reach();
        status.poll_interval = source.pace();
        status.accepted = source.accepted();
        let own = source.port().rejections().iter();
        status.rejected.extend(own.map(|(reason, count)| (reason.name().to_owned(), count)));
        let port = source.port().status();
        status.peer_delay = port.peer_delay.map(|used| used.to_string());
        if port.state != PortState::Slave {
            status.reason = status.reason.or_else(|| Some(port.state.to_string()));
        }
        if let Some(parent) = port.parent {
            status.reference = Some(parent.grandmaster_identity.to_string());
            status.stratum = Some(edge.stratum);
        }
        if let Some(mismatch) = port.utc_offset_mismatch {
            status.reason = Some(format!(
                "announces TAI−UTC = {} s, the leap table says {} s",
                mismatch.announced, mismatch.table
            ));
        }
        if let Some(compared) = source.last() {
            // Of messages that may be a second apart, freed of what the clock drifts in it.
            let frequency = edge.estimate.map_or(0.0, |estimate| estimate.frequency);
            let two_way = compared.comparison.two_way(frequency).map(|exchange| exchange.delay);
            let link = port.mean_path_delay.filter(|_| port.peer_delay.is_some());
            status.delay = link.map(|delay| 2.0 * delay.seconds()).or(two_way);
            status.time_stamps = stamps(self.stamper.stamped_by(compared.stamped_by));
        }
        let leap = port.parent.as_ref().and_then(notice);
        self.context.report(Report { edge, status, heard: source.heard(), upper: None, leap });
    }
}

/// Nothing of a master that does not vouch for its UTC: by ptpTimescale and
/// currentUtcOffsetValid.
fn notice(parent: &Parent) -> Option<LeapNotice> {
    parent.current_utc_offset.filter(|_| parent.ptp_timescale)?;
    Some(LeapNotice::by_ptp(match (parent.leap61, parent.leap59) {
        (true, false) => Some(Leap::Inserted),
        (false, true) => Some(Leap::Deleted),
        (false, false) | (true, true) => None,
    }))
}

fn open_pair(
    name: &str,
    version: IpVersion,
    hardware: Hardware,
) -> Result<(TimeSocket, Option<TimeSocket>), OpenError> {
    let event = open_udp(name, version, PtpPort::Event, hardware)?;
    Ok((event, Some(open_udp(name, version, PtpPort::General, Hardware::Unwanted)?)))
}

fn send(socket: &mut AsyncSocket, (to, bytes): (Group, &[u8])) -> io::Result<Sent> {
    match to {
        Group::Primary => socket.get_mut().send(bytes),
        Group::Pdelay => socket.get_mut().send_to_neighbour(bytes),
    }
}

async fn wait_for_news(mut monitor: Option<AsyncMonitor>) {
    tokio::select! {
        () = news(&mut monitor) => {}
        () = sleep(REST) => {}
    }
}
