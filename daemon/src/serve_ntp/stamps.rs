//! The time stamps of a listener, on the scale of the clock that it gives.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Duration, Free, Timestamp, Utc};
use ntp::server::Departing;
use utcd_linux::clock::raw_now;
use utcd_linux::interface::nic_of;
use utcd_linux::socket::{HardwareStamp, Received, SendId};

use super::Served;
use crate::config;
use crate::host_clock::{HostClock, Phcs, Place, SharedPhc};
use crate::latency::Link;

/// Answers whose departure is awaited, at most: as many as the socket awaits.
const AWAITED: usize = 64;
/// How long a link is believed to be as it was.
const LINK_AGE: Duration = Duration::from_secs(2);

/// Who stamped a request. The same is to stamp the answer: what lies between the two would
/// be an error of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The kernel, or the program.
    Kernel,
    /// The NIC.
    Hardware,
}

/// When a request came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Arrived {
    /// The end of it, at the connector as far as the latencies are known.
    pub(super) at: Timestamp<Utc>,
    /// Who says so.
    pub(super) by: Arrival,
    /// Expanded uncertainty (k = 2) of the time that is given, by those latencies, s.
    pub(super) latency_uncertainty: f64,
}

/// The NICs that stamp, and their clocks.
#[derive(Debug)]
pub(super) struct Stamps {
    phcs: Phcs,
    known: BTreeMap<u32, Rc<RefCell<SharedPhc>>>,
    /// Of the interfaces with these indices, and when they were looked at.
    links: BTreeMap<u32, (Timestamp<Free>, Link)>,
}

impl Stamps {
    pub(super) const fn new(phcs: Phcs) -> Self {
        Self { phcs, known: BTreeMap::new(), links: BTreeMap::new() }
    }

    /// When a request came, and who says so: the NIC if it can.
    pub(super) fn arrival(&mut self, served: &Served, received: &Received) -> Arrived {
        let clock = served.clock.borrow();
        let stamp = received.hardware.and_then(|stamp| {
            let interface = stamp.interface.or(received.local.map(|local| local.interface));
            Some((self.on_time_base(&clock, stamp)?, interface))
        });
        let Some((stamp, interface)) = stamp else {
            let at = utc(&clock, clock.stamp(received.stamp));
            return Arrived { at, by: Arrival::Kernel, latency_uncertainty: 0.0 };
        };
        let by = Arrival::Hardware;
        match interface.and_then(|index| self.link(&served.interfaces, index)) {
            None => Arrived { at: utc(&clock, stamp), by, latency_uncertainty: 0.0 },
            // The NIC stamps the start of a frame.
            Some(link) => Arrived {
                at: utc(&clock, link.came(stamp)) + link.frame_duration(received),
                by,
                latency_uncertainty: link.offset_uncertainty(),
            },
        }
    }

    /// When an answer left, by a NIC; `None` where its clock cannot be read, or it is no stamp
    /// of late.
    pub(super) fn departure(
        &mut self,
        served: &Served,
        stamp: HardwareStamp,
    ) -> Option<Timestamp<Utc>> {
        let clock = served.clock.borrow();
        let left = self.on_time_base(&clock, stamp)?;
        let link = stamp.interface.and_then(|index| self.link(&served.interfaces, index));
        Some(utc(&clock, link.map_or(left, |link| link.left(left))))
    }

    /// The links of the NICs that have stamped.
    pub(super) fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values().map(|(_, link)| link)
    }

    /// The link of the NIC that stamps for an interface; `None` where that is gone.
    fn link(&mut self, interfaces: &[config::Interface], index: u32) -> Option<&Link> {
        let now = raw_now();
        let before = self.links.get(&index);
        if before.is_none_or(|(at, _)| now - *at >= LINK_AGE) {
            let link = Link::of(&nic_of(index)?, interfaces);
            let said = before.and_then(|(_, before)| before.trouble());
            if let Some(reason) = link.trouble().filter(|reason| Some(*reason) != said) {
                tracing::warn!("NTP server: {reason}");
            }
            self.links.insert(index, (now, link));
        }
        self.links.get(&index).map(|(_, link)| link)
    }

    /// A stamp of a NIC in the time base of the clock; `None` where that of the NIC cannot be
    /// read, or it is none of late.
    fn on_time_base(&mut self, clock: &HostClock, stamp: HardwareStamp) -> Option<Stamp> {
        let phc = self.phc(stamp.phc?)?;
        clock.hardware_stamp(stamp.at, &phc)
    }

    fn phc(&mut self, index: u32) -> Option<Rc<RefCell<SharedPhc>>> {
        // One that is gone may come back under another number, and another one under its own.
        self.known.retain(|index, phc| phc.borrow().index() == Some(*index));
        if let Some(phc) = self.known.get(&index) {
            return Some(Rc::clone(phc));
        }
        let phc = self.phcs.get(Place::Index(index)).ok()?;
        self.known.insert(index, Rc::clone(&phc));
        Some(phc)
    }
}

/// A stamp of the kernel; `None` where it is only the program's.
pub(super) fn kernel(clock: &HostClock, stamp: Stamp) -> Option<Timestamp<Utc>> {
    (stamp.by == StampedBy::Kernel).then(|| utc(clock, clock.stamp(stamp)))
}

fn utc(clock: &HostClock, stamp: Stamp) -> Timestamp<Utc> {
    clock.utc(clock.time_at(stamp.at))
}

/// Answers whose departure is still to be told.
#[derive(Debug, Default)]
pub(super) struct Departures(VecDeque<(SendId, Departing, Arrival)>);

impl Departures {
    /// An answer was sent, to a request that was stamped `by`.
    pub(super) fn expect(&mut self, id: SendId, departing: Departing, by: Arrival) {
        if self.0.len() >= AWAITED {
            self.0.pop_front();
        }
        self.0.push_back((id, departing, by));
    }

    /// The answer of that name, if it is to be stamped `by` these.
    pub(super) fn take(&mut self, id: SendId, by: Arrival) -> Option<Departing> {
        let place = self.0.iter().position(|(sent, _, wanted)| *sent == id && *wanted == by)?;
        self.0.remove(place).map(|(_, departing, _)| departing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock_models::time::Timestamp;
    use ntp::packet::{Header, Mode, Version};
    use ntp::server::{Interleaved, ServerState};
    use std::net::Ipv4Addr;

    fn departing() -> Departing {
        let origin = clock_models::time::NtpTimestamp::from_bits(1);
        let request = Header { origin, ..Header::blank(Version::V4, Mode::Client) };
        let state = ServerState { precision: -20, synchronised: None };
        let client = Ipv4Addr::LOCALHOST.into();
        let at = Timestamp::from_secs(1_795_322_804);
        let response = Interleaved::default().respond(&request.emit(), client, at, &state);
        response.unwrap().departing().unwrap()
    }

    #[test]
    fn a_departure_is_told_by_whoever_stamped_the_arrival() {
        let mut departures = Departures::default();
        for (id, by, other) in
            [(7, Arrival::Hardware, Arrival::Kernel), (8, Arrival::Kernel, Arrival::Hardware)]
        {
            departures.expect(SendId(id), departing(), by);
            assert_eq!(departures.take(SendId(id), other), None);
            assert!(departures.take(SendId(id), by).is_some());
            assert_eq!(departures.take(SendId(id), by), None, "told once");
        }
    }

    #[test]
    fn departures_that_are_never_told_take_no_more_room() {
        let mut departures = Departures::default();
        for id in 0..1000 {
            departures.expect(SendId(id), departing(), Arrival::Hardware);
        }
        assert_eq!(departures.0.len(), AWAITED);
        assert!(departures.take(SendId(999), Arrival::Hardware).is_some());
    }
}
