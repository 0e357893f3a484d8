//! The time stamps of a listener, on the scale of the clock that it gives.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Duration, Free, Timestamp, Utc};
use ntp::server::Departing;
use utcd_linux::clock::raw_now;
use utcd_linux::interface::nic_of;
use utcd_linux::socket::{HardwareStamp, Received, SendId, StampFaults};

use super::Served;
use crate::config;
use crate::host_clock::{HostClock, Phcs, Place, SharedPhc};
use crate::latency::Link;
use crate::missing::{STAMP_LATE, STAMP_MISSING, STAMP_UNMATCHED};

/// Answers whose departure is awaited, at most: as many as the socket awaits.
const AWAITED: usize = 64;
/// For how long. Kernels tell it within microseconds and NICs within milliseconds, or never.
const PATIENCE: Duration = Duration::SECOND;
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

    /// Forgets the clocks that are gone: one may come back under another number, and another
    /// one under its own. True if there was one: which clock an interface has is to be looked
    /// up anew.
    pub(super) fn forget_gone(&mut self) -> bool {
        let before = self.known.len();
        self.known.retain(|index, phc| phc.borrow().index() == Some(*index));
        self.known.len() < before
    }

    fn phc(&mut self, index: u32) -> Option<Rc<RefCell<SharedPhc>>> {
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
pub(super) struct Departures {
    awaited: VecDeque<Awaited>,
    /// Those that were given up: what is told of them now is late.
    given_up: VecDeque<(SendId, Arrival)>,
    /// Stamps of the socket that belonged to none, when they were counted last.
    unmatched: u64,
    faults: BTreeMap<&'static str, u64>,
}

/// An answer whose departure is still to be told.
#[derive(Debug)]
struct Awaited {
    id: SendId,
    departing: Departing,
    by: Arrival,
    sent: Timestamp<Free>,
}

impl Departures {
    /// An answer was sent, to a request that was stamped `by`.
    pub(super) fn expect(
        &mut self,
        id: SendId,
        departing: Departing,
        by: Arrival,
        sent: Timestamp<Free>,
    ) {
        if self.awaited.len() >= AWAITED {
            self.give_up();
        }
        self.awaited.push_back(Awaited { id, departing, by, sent });
    }

    /// The answer of that name, if it is to be stamped `by` these.
    pub(super) fn take(&mut self, id: SendId, by: Arrival) -> Option<Departing> {
        let place = self.awaited.iter().position(|one| one.id == id && one.by == by);
        if place.is_none() && self.given_up.contains(&(id, by)) {
            self.given_up.retain(|one| *one != (id, by));
            self.fault(STAMP_LATE, 1);
        }
        self.awaited.remove(place?).map(|one| one.departing)
    }

    /// A stamp has come that tells no time.
    pub(super) fn is_useless(&mut self) {
        self.fault(STAMP_MISSING, 1);
    }

    /// Gives up what has waited for too long. To be called when all that was told is taken.
    pub(super) fn give_up_before(&mut self, now: Timestamp<Free>) {
        while self.awaited.front().is_some_and(|oldest| now - oldest.sent > PATIENCE) {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        let Some(oldest) = self.awaited.pop_front() else { return };
        if self.given_up.len() >= AWAITED {
            self.given_up.pop_front();
        }
        self.given_up.push_back((oldest.id, oldest.by));
        self.fault(STAMP_MISSING, 1);
    }

    /// Nothing that was sent so far is of use any more.
    pub(super) fn forget(&mut self) {
        self.awaited.clear();
        self.given_up.clear();
    }

    fn fault(&mut self, name: &'static str, count: u64) {
        if count > 0 {
            *self.faults.entry(name).or_default() += count;
        }
    }

    /// What did not come as it should since this was asked last, by name. `of_socket` are the
    /// faults that the socket has counted so far.
    pub(super) fn take_faults(&mut self, of_socket: StampFaults) -> BTreeMap<&'static str, u64> {
        let before = std::mem::replace(&mut self.unmatched, of_socket.unmatched);
        self.fault(STAMP_UNMATCHED, of_socket.unmatched - before);
        std::mem::take(&mut self.faults)
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
    fn a_clock_that_is_gone_is_forgotten_and_that_is_told_once() {
        let mut stamps = Stamps::new(Phcs::default());
        assert!(!stamps.forget_gone());
        stamps.known.insert(0, Rc::new(RefCell::new(SharedPhc::gone(Place::Index(0)))));
        assert!(stamps.forget_gone());
        assert!(!stamps.forget_gone());
    }

    #[test]
    fn a_departure_is_told_by_whoever_stamped_the_arrival() {
        let mut departures = Departures::default();
        for (id, by, other) in
            [(7, Arrival::Hardware, Arrival::Kernel), (8, Arrival::Kernel, Arrival::Hardware)]
        {
            departures.expect(SendId(id), departing(), by, at(0));
            assert_eq!(departures.take(SendId(id), other), None);
            assert!(departures.take(SendId(id), by).is_some());
            assert_eq!(departures.take(SendId(id), by), None, "told once");
        }
        departures.give_up_before(at(100));
        assert_eq!(faults(&mut departures, 0), []);
    }

    #[test]
    fn a_departure_that_is_not_told_is_missing_and_late_if_it_is_told_after_all() {
        let mut departures = Departures::default();
        departures.expect(SendId(1), departing(), Arrival::Hardware, at(0));
        departures.expect(SendId(2), departing(), Arrival::Hardware, at(1));
        departures.give_up_before(at(1));
        assert_eq!(faults(&mut departures, 0), [], "in good time");
        departures.give_up_before(at(2));
        assert_eq!(faults(&mut departures, 0), [(STAMP_MISSING, 1)]);
        assert_eq!(departures.take(SendId(1), Arrival::Kernel), None, "not who was to tell it");
        assert_eq!(departures.take(SendId(3), Arrival::Hardware), None, "of no use");
        assert_eq!(faults(&mut departures, 0), []);
        assert_eq!(departures.take(SendId(1), Arrival::Hardware), None);
        assert_eq!(faults(&mut departures, 0), [(STAMP_LATE, 1)]);
        assert!(departures.take(SendId(2), Arrival::Hardware).is_some());
    }

    #[test]
    fn stamps_that_tell_no_time_or_belong_to_nothing_are_counted() {
        let mut departures = Departures::default();
        departures.is_useless();
        assert_eq!(faults(&mut departures, 2), [(STAMP_MISSING, 1), (STAMP_UNMATCHED, 2)]);
        departures.forget();
        assert_eq!(faults(&mut departures, 3), [(STAMP_UNMATCHED, 1)], "each once");
        assert_eq!(faults(&mut departures, 3), []);
    }

    fn at(seconds: i64) -> Timestamp<Free> {
        Timestamp::from_secs(seconds)
    }

    fn faults(departures: &mut Departures, unmatched: u64) -> Vec<(&'static str, u64)> {
        let of_socket = StampFaults { missing: 0, unmatched };
        departures.take_faults(of_socket).into_iter().collect()
    }

    #[test]
    fn departures_that_are_never_told_take_no_more_room() {
        let mut departures = Departures::default();
        for id in 0..1000 {
            departures.expect(SendId(id), departing(), Arrival::Hardware, at(0));
        }
        assert_eq!(departures.awaited.len(), AWAITED);
        assert_eq!(departures.given_up.len(), AWAITED);
        assert_eq!(faults(&mut departures, 0), [(STAMP_MISSING, 1000 - AWAITED as u64)]);
        assert!(departures.take(SendId(999), Arrival::Hardware).is_some());
    }
}
