//! The time stamps of a listener, on the scale of the clock that it gives.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Duration, Free, Timestamp, Utc};
use ntp::server::Departing;
use utcd_linux::clock::raw_now;
use utcd_linux::interface::speed_of;
use utcd_linux::socket::{HardwareStamp, Received, SendId};

use crate::host_clock::{HostClock, Phcs, Place, SharedPhc};

/// Answers whose departure is awaited, at most: as many as the socket awaits.
const AWAITED: usize = 64;
/// How long the speed of a link is believed.
const SPEED_AGE: Duration = Duration::from_secs(2);

/// Who stamped a request. The same is to stamp the answer: what lies between the two would
/// be an error of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The kernel, or the program.
    Kernel,
    /// The NIC.
    Hardware,
}

/// The clocks of the NICs that stamp.
#[derive(Debug)]
pub(super) struct Stamps {
    phcs: Phcs,
    known: BTreeMap<u32, Rc<RefCell<SharedPhc>>>,
    /// Mbit/s of the links of the interfaces with these indices, and when that was.
    speeds: BTreeMap<u32, (Timestamp<Free>, Option<u32>)>,
}

impl Stamps {
    pub(super) const fn new(phcs: Phcs) -> Self {
        Self { phcs, known: BTreeMap::new(), speeds: BTreeMap::new() }
    }

    /// When the end of a request came, and who says so: the NIC if it can.
    pub(super) fn arrival(
        &mut self,
        clock: &HostClock,
        received: &Received,
    ) -> (Timestamp<Utc>, Arrival) {
        let hardware = received.hardware.and_then(|stamp| self.hardware(clock, stamp));
        match hardware {
            Some(at) => (at + self.frame_duration(received), Arrival::Hardware),
            None => (utc(clock, clock.stamp(received.stamp)), Arrival::Kernel),
        }
    }

    /// What the end of a frame came after the NIC's stamp, which is of its start; nothing
    /// where the link has no speed.
    fn frame_duration(&mut self, received: &Received) -> Duration {
        let Some(local) = received.local else { return Duration::ZERO };
        let now = raw_now();
        let known = self.speeds.get(&local.interface);
        let speed = match known.filter(|(at, _)| now - *at < SPEED_AGE) {
            Some((_, speed)) => *speed,
            None => {
                let speed = speed_of(local.interface);
                self.speeds.insert(local.interface, (now, speed));
                speed
            }
        };
        speed.map_or(Duration::ZERO, |speed| received.frame_duration(speed))
    }

    /// A stamp of a NIC; `None` where its clock cannot be read, or it is none of late.
    pub(super) fn hardware(
        &mut self,
        clock: &HostClock,
        stamp: HardwareStamp,
    ) -> Option<Timestamp<Utc>> {
        let phc = self.phc(stamp.phc?)?;
        Some(utc(clock, clock.hardware_stamp(stamp.at, &phc)?))
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
