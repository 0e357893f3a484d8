//! Whose time stamps a source uses, and how they come to the time base of its clock.

use std::cell::RefCell;
use std::rc::Rc;

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::keeper::Terms;
use clock_models::time::Duration;
use utcd_linux::socket::{Hardware, HardwareStamp, Received, StampFaults, Stamping};

use super::Context;
use crate::config::TimeStamps;
use crate::host_clock::{Place, SharedPhc};
use crate::latency::Link;
use crate::missing::{Missing, STAMP_UNMATCHED};
use crate::status::SourceStatus;

/// The stamps of one source.
#[derive(Debug)]
pub(super) struct Stamper {
    wish: TimeStamps,
    /// The clock of the NIC that stamps, by its index, while its stamps are used.
    phc: Option<(u32, Rc<RefCell<SharedPhc>>)>,
    /// The link of that NIC.
    link: Option<Link>,
    /// Who stamps what goes, otherwise.
    transmit: StampedBy,
    /// Why the NIC does not stamp, where it was to.
    why_not: Option<String>,
    said: Option<String>,
    /// The kernel's receive stamp less the NIC's, s.
    latency: Option<f64>,
    /// Transmit stamps that belonged to no packet, of sockets of before and the present one.
    unmatched: [u64; 2],
    /// Those of the NIC that do not come.
    missing: Missing,
}

impl Stamper {
    pub(super) fn new(wish: TimeStamps) -> Self {
        Self {
            wish,
            phc: None,
            link: None,
            transmit: StampedBy::UserSpace,
            why_not: None,
            said: None,
            latency: None,
            unmatched: [0; 2],
            missing: Missing::none(),
        }
    }

    /// What a socket is to be asked for.
    pub(super) fn wanted(&self, context: &Context) -> Hardware {
        match self.wish {
            TimeStamps::Auto | TimeStamps::Hardware => context.clock.borrow().wanted_stamps(),
            TimeStamps::Software => Hardware::Unwanted,
        }
    }

    /// Takes the stamps that a new socket was granted.
    ///
    /// # Errors
    /// The NIC does not stamp, and nothing else is wanted.
    pub(super) fn open(&mut self, context: &Context, stamping: &Stamping) -> Result<(), String> {
        self.unmatched = [self.unmatched[0] + self.unmatched[1], 0];
        self.transmit = stamping.transmit;
        self.why_not = None;
        if self.wish == TimeStamps::Software {
            return Ok(());
        }
        // The clock of before is let go last: it is the same one as a rule.
        match clock_of(context, stamping) {
            Ok(phc) => {
                self.phc = Some(phc);
                self.look_at_link(context, stamping);
            }
            Err(reason) => {
                (self.phc, self.link, self.latency) = (None, None, None);
                if self.wish == TimeStamps::Hardware {
                    return Err(reason);
                }
                self.why_not = Some(reason);
            }
        }
        self.say(context);
        Ok(())
    }

    /// Takes the latencies that are declared for the link of the NIC as it is.
    fn look_at_link(&mut self, context: &Context, stamping: &Stamping) {
        let nic = stamping.hardware.as_ref().map(|hardware| hardware.nic.as_str());
        let link = nic.map(|nic| Link::of(nic, &context.interfaces));
        let said = self.link.as_ref().and_then(Link::trouble);
        let now = link.as_ref().and_then(Link::trouble);
        if let Some(reason) = now.filter(|_| now != said) {
            tracing::warn!("source {}: {reason}", context.name);
        }
        self.link = link;
    }

    /// The link goes at another speed than when it was looked at: path and latencies differ.
    pub(super) fn speed_has_changed(&self) -> bool {
        self.link.as_ref().is_some_and(Link::has_changed)
    }

    /// The clock of the NIC is gone. One that utcd keeps is opened anew by its owner.
    pub(super) fn clock_is_gone(&self) -> bool {
        self.phc.as_ref().is_some_and(|(_, phc)| phc.borrow().index().is_none())
    }

    /// ingressLatency and egressLatency together, as far as they are known: what the stamps of
    /// the NIC do not see of how long it keeps a message that it answers.
    pub(super) fn latencies(&self) -> Duration {
        self.link.as_ref().map_or(Duration::ZERO, Link::latencies)
    }

    /// What is said of the source, with what is known of the stamps.
    pub(super) fn terms(&self, terms: Terms) -> Terms {
        let latency_uncertainty = self.link.as_ref().map_or(0.0, Link::offset_uncertainty);
        Terms { latency_uncertainty, ..terms }
    }

    /// Says whose stamps are used, when that changes.
    fn say(&mut self, context: &Context) {
        let text = match (&self.phc, &self.why_not) {
            (Some((index, _)), _) => format!("time stamps by the hardware, on ptp{index}"),
            (None, Some(reason)) => format!("time stamps by the kernel: {reason}"),
            (None, None) => return,
        };
        if self.said.as_ref() != Some(&text) {
            tracing::info!("source {}: {text}", context.name);
            self.said = Some(text);
        }
    }

    /// The NIC's stamps are used, and no others.
    pub(super) const fn is_hardware(&self) -> bool {
        self.phc.is_some()
    }

    /// When a packet came, in the time base of the clock; `None` where the NIC was to
    /// stamp it and did not.
    pub(super) fn received(&mut self, context: &Context, received: &Received) -> Option<Stamp> {
        let software = received.stamp;
        if !self.is_hardware() {
            return Some(context.stamp(software));
        }
        if received.hardware.is_some() {
            self.missing.received(true);
        }
        let stamp = received.hardware.and_then(|stamp| self.on_time_base(context, stamp));
        if let (Some(stamp), StampedBy::Kernel) = (stamp, software.by) {
            self.latency = Some((context.stamp(software).at - stamp.at).seconds());
        }
        stamp.map(|stamp| self.link.as_ref().map_or(stamp, |link| link.came(stamp)))
    }

    /// The same of a packet of NTP, whose receive stamp is of the end of a frame, as the
    /// kernel's is: the NIC stamps the start of it. Ends that stamp otherwise, and links of
    /// different speeds, would be off by half of what the frame takes.
    pub(super) fn received_whole(
        &mut self,
        context: &Context,
        received: &Received,
    ) -> Option<Stamp> {
        let stamp = self.received(context, received)?;
        let link = self.link.as_ref().filter(|_| self.is_hardware());
        let duration = link.map_or(Duration::ZERO, |link| link.frame_duration(received));
        Some(Stamp { at: stamp.at + duration, ..stamp })
    }

    /// When a packet left, by the NIC, in the time base of the clock; `None` where it is no
    /// stamp of late, or its clock cannot be read.
    pub(super) fn transmitted(&mut self, context: &Context, stamp: HardwareStamp) -> Option<Stamp> {
        self.missing.transmitted();
        let stamp = self.on_time_base(context, stamp)?;
        Some(self.link.as_ref().map_or(stamp, |link| link.left(stamp)))
    }

    /// A stamp of the NIC in the time base of the clock; `None` where it is no stamp of
    /// late, or its clock cannot be read.
    fn on_time_base(&mut self, context: &Context, stamp: HardwareStamp) -> Option<Stamp> {
        let (known, _) = self.phc.as_ref()?;
        let index = stamp.phc.unwrap_or(*known);
        if index != *known {
            // Another NIC below the same interface. What was known of the other does not hold.
            let phc = context.phcs.get(Place::Index(index)).ok()?;
            self.phc = Some((index, phc));
            self.link = None;
        }
        let (_, phc) = self.phc.as_ref()?;
        context.clock.borrow().hardware_stamp(stamp.at, phc)
    }

    /// A message was sent that the NIC, if it stamps, is to stamp.
    pub(super) const fn sent(&mut self) {
        if self.is_hardware() {
            self.missing.sent();
        }
    }

    /// A message that needs its receive stamp came without one.
    pub(super) const fn missed(&mut self) {
        self.missing.received(false);
    }

    /// True if the NIC is to be asked anew, now, for stamps that do not come. To be called
    /// now and then.
    pub(super) fn is_to_be_renewed(&mut self) -> bool {
        self.is_hardware() && self.missing.is_to_be_asked()
    }

    /// Takes the counters of the present socket.
    pub(super) const fn count(&mut self, faults: StampFaults) {
        self.unmatched[1] = faults.unmatched;
    }

    /// Puts on the board what is to be known of the stamps.
    pub(super) fn show(&self, status: &mut SourceStatus) {
        status.no_hardware.clone_from(&self.why_not);
        status.host_latency = self.latency;
        status.latency = self.link.as_ref().and_then(Link::status);
        if let Some(reason) = self.link.as_ref().and_then(Link::trouble) {
            status.reason.get_or_insert_with(|| reason.to_owned());
        }
        // One that is missing is counted where it is missed.
        let unmatched = self.unmatched[0] + self.unmatched[1];
        if unmatched > 0 {
            status.rejected.insert(STAMP_UNMATCHED.to_owned(), unmatched);
        }
    }

    /// Who stamps, of a comparison whose stamps are of `by` at worst.
    pub(super) fn stamped_by(&self, by: StampedBy) -> StampedBy {
        if self.is_hardware() { by } else { by.min(self.transmit) }
    }
}

/// The clock of the NIC that stamps, or why there is none.
fn clock_of(
    context: &Context,
    stamping: &Stamping,
) -> Result<(u32, Rc<RefCell<SharedPhc>>), String> {
    let Some(hardware) = &stamping.hardware else {
        let reason = stamping.refused.map(|reason| reason.to_string());
        return Err(reason.unwrap_or_else(|| "the interface does not stamp".to_owned()));
    };
    if !hardware.receives() || !hardware.transmits() {
        return Err(hardware.to_string());
    }
    let index = hardware.phc.ok_or_else(|| format!("{} tells no clock", hardware.nic))?;
    let phc = context.phcs.get(Place::Index(index)).map_err(|error| error.to_string())?;
    Ok((index, phc))
}
