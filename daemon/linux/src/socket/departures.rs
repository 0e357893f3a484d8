//! Which transmit stamp belongs to which datagram.
//!
//! With SOF_TIMESTAMPING_OPT_ID the kernel numbers the datagrams of a socket itself,
//! from 0 where the option is set. Whether a datagram that could not be sent takes a
//! number depends on the kernel and on where it failed, so after a failure the option
//! is set anew and both sides count from 0 again. Stamps of before then carry numbers
//! that are used a second time. The kernel's betray themselves by their time. A NIC's
//! cannot, on a clock that may be stepped: the datagrams that get such a number again,
//! while a stamp of before may still come, take none of the NIC.

use std::collections::VecDeque;

use clock_models::comparison::Stamp;
use clock_models::time::{Duration, Free, Timestamp};

/// Datagrams whose stamps are awaited at the same time, at most. The oldest is given up.
const AWAITED: usize = 64;
/// Numbers that are kept as stale, at most.
const STALE: usize = 4 * AWAITED;
/// A NIC's stamp that is later than this does not come any more.
const LATEST: Duration = Duration::from_secs(10);

/// Transmit stamps that did not come as they should. All count up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StampFaults {
    /// They were awaited until they were given up: lost, or later than many others.
    pub missing: u64,
    /// They belong to no datagram that waits: duplicates, and what came after it was
    /// given up.
    pub unmatched: u64,
}

/// Who is still to stamp a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Awaits {
    /// The kernel.
    pub(crate) software: bool,
    /// The NIC.
    pub(crate) hardware: bool,
}

impl Awaits {
    /// Somebody.
    pub(crate) const fn any(self) -> bool {
        self.software || self.hardware
    }
}

/// Names a datagram that was sent, among all of its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId(pub u32);

/// A datagram that was sent, and is waiting for its stamps.
#[derive(Debug, Clone, Copy)]
struct Departure {
    id: SendId,
    /// The program's own stamp.
    stamp: Stamp,
    number: u32,
    handed_over: Timestamp<Free>,
    awaits: Awaits,
}

/// The datagrams of a socket that wait for their stamps.
#[derive(Debug, Default)]
pub(crate) struct Departures {
    next_id: u32,
    next_number: u32,
    awaited: VecDeque<Departure>,
    /// Numbers that a NIC's stamp may still come for though nothing waits for it, and when
    /// their datagrams were sent.
    stale: VecDeque<(u32, Timestamp<Free>)>,
    faults: StampFaults,
}

impl Departures {
    /// A datagram was sent. `handed_over` is before the kernel had it.
    pub(crate) fn sent(
        &mut self,
        handed_over: Timestamp<Free>,
        stamp: Stamp,
        awaits: Awaits,
    ) -> SendId {
        if self.awaited.len() == AWAITED {
            self.give_up();
        }
        let (id, number) = (SendId(self.next_id), self.next_number);
        let mut awaits = awaits;
        if awaits.hardware && self.is_stale(number, handed_over) {
            awaits.hardware = false;
            self.make_stale(number, handed_over);
        }
        self.awaited.push_back(Departure { id, stamp, number, handed_over, awaits });
        self.next_id = self.next_id.wrapping_add(1);
        self.next_number = self.next_number.wrapping_add(1);
        id
    }

    /// What has not come as it should so far.
    pub(crate) const fn faults(&self) -> StampFaults {
        self.faults
    }

    /// The kernel counts from 0 again. Stamps of before can no longer be told apart, so
    /// nothing waits for them.
    pub(crate) fn restart(&mut self) {
        self.next_number = 0;
        while !self.awaited.is_empty() {
            self.give_up();
        }
    }

    /// Waits no longer for the oldest.
    fn give_up(&mut self) {
        let Some(oldest) = self.awaited.pop_front() else { return };
        let Awaits { software, hardware } = oldest.awaits;
        self.faults.missing += u64::from(software) + u64::from(hardware);
        if hardware {
            self.make_stale(oldest.number, oldest.handed_over);
        }
    }

    fn make_stale(&mut self, number: u32, sent: Timestamp<Free>) {
        if self.stale.len() == STALE {
            self.stale.pop_front();
        }
        self.stale.push_back((number, sent));
    }

    fn is_stale(&mut self, number: u32, now: Timestamp<Free>) -> bool {
        self.stale.retain(|(_, sent)| now - *sent <= LATEST);
        self.stale.iter().any(|(stale, _)| *stale == number)
    }

    /// Ends the wait for the kernel's stamp of the datagram with the kernel's `number`.
    ///
    /// `stamp` is the kernel's, if it could be converted. One from before the datagram was
    /// handed over (by more than `slack`) belongs to another, and the wait goes on.
    pub(crate) fn stamped(
        &mut self,
        number: u32,
        stamp: Option<Stamp>,
        slack: Duration,
    ) -> Option<(SendId, Stamp)> {
        let its_own = |departure: &Departure| {
            let early = stamp.is_some_and(|stamp| stamp.at + slack < departure.handed_over);
            departure.awaits.software && !early
        };
        let departure = self.answered(number, its_own, |awaits| awaits.software = false)?;
        Some((departure.id, stamp.unwrap_or(departure.stamp)))
    }

    /// Ends the wait for the NIC's stamp of the datagram with the kernel's `number`.
    pub(crate) fn stamped_by_hardware(&mut self, number: u32) -> Option<SendId> {
        let waits = |departure: &Departure| departure.awaits.hardware;
        let departure = self.answered(number, waits, |awaits| awaits.hardware = false);
        if departure.is_none()
            && let Some(place) = self.stale.iter().position(|(stale, _)| *stale == number)
        {
            self.stale.remove(place);
        }
        departure.map(|departure| departure.id)
    }

    /// The datagram with that number, if it waits for it; it is forgotten when it waits
    /// for nothing more.
    fn answered(
        &mut self,
        number: u32,
        waits: impl Fn(&Departure) -> bool,
        answer: impl Fn(&mut Awaits),
    ) -> Option<Departure> {
        let matching = |departure: &Departure| departure.number == number && waits(departure);
        let Some(place) = self.awaited.iter().position(matching) else {
            self.faults.unmatched += 1;
            return None;
        };
        let departure = self.awaited.get_mut(place)?;
        answer(&mut departure.awaits);
        let answered = *departure;
        if !answered.awaits.any() {
            self.awaited.remove(place);
        }
        Some(answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock_models::comparison::StampedBy;
    use proptest::prelude::*;

    const SLACK: Duration = Duration::from_nanos(100);

    fn at(micros: i64) -> Timestamp<Free> {
        Timestamp::from_epoch(Duration::from_nanos(micros * 1000))
    }

    fn stamp(micros: i64, by: StampedBy) -> Stamp {
        Stamp { at: at(micros), uncertainty: 1e-7, by }
    }

    fn kernel(micros: i64) -> Option<Stamp> {
        Some(stamp(micros, StampedBy::Kernel))
    }

    const KERNEL: Awaits = Awaits { software: true, hardware: false };
    const BOTH: Awaits = Awaits { software: true, hardware: true };

    fn send(departures: &mut Departures, micros: i64) -> SendId {
        send_for(departures, micros, KERNEL)
    }

    fn send_for(departures: &mut Departures, micros: i64, awaits: Awaits) -> SendId {
        departures.sent(at(micros), stamp(micros + 10, StampedBy::UserSpace), awaits)
    }

    #[test]
    fn both_stamps_of_a_datagram_come_each_once_in_any_order() {
        for hardware_first in [false, true] {
            let mut departures = Departures::default();
            let id = send_for(&mut departures, 100, BOTH);
            for hardware in [hardware_first, !hardware_first] {
                let found = match hardware {
                    true => departures.stamped_by_hardware(0),
                    false => departures.stamped(0, kernel(105), SLACK).map(|(id, _)| id),
                };
                assert_eq!(found, Some(id));
            }
            assert!(departures.awaited.is_empty());
            assert_eq!(departures.stamped_by_hardware(0), None, "stamped twice");
            assert_eq!(departures.stamped(0, kernel(105), SLACK), None, "stamped twice");
            assert_eq!(departures.faults(), StampFaults { missing: 0, unmatched: 2 });
        }
    }

    #[test]
    fn a_stamp_that_never_comes_shifts_no_other() {
        let mut departures = Departures::default();
        let ids: Vec<_> = (0..200).map(|n| send_for(&mut departures, n, BOTH)).collect();
        // The NIC stamps every third, late and backwards.
        for number in (0..200).rev().filter(|number| number % 3 == 0) {
            let found = departures.stamped_by_hardware(number);
            let awaited = number as usize >= ids.len() - AWAITED;
            assert_eq!(found, awaited.then(|| ids[number as usize]));
        }
        assert_eq!(departures.awaited.len(), AWAITED);
        assert_eq!(departures.faults().missing, 2 * (200 - AWAITED as u64));
    }

    #[test]
    fn a_nics_stamp_of_before_a_restart_is_given_to_nobody() {
        let mut departures = Departures::default();
        for n in 0..3 {
            send_for(&mut departures, n * 100, BOTH);
        }
        assert!(departures.stamped_by_hardware(1).is_some());
        departures.restart();
        let new: Vec<_> = (0..3).map(|n| send_for(&mut departures, 1000 + n, BOTH)).collect();
        // Those of 0 and 2 may be the old or the new ones; 1 can only be new.
        assert_eq!(departures.stamped_by_hardware(0), None);
        assert_eq!(departures.stamped_by_hardware(1), Some(new[1]));
        assert_eq!(departures.stamped_by_hardware(2), None);
        departures.restart();
        send_for(&mut departures, 2000, BOTH);
        assert_eq!(departures.stamped_by_hardware(0), None, "two were on the way, one came");
        departures.restart();
        let newer = send_for(&mut departures, 2000 + 11_000_000, BOTH);
        assert_eq!(departures.stamped_by_hardware(0), Some(newer), "nothing is stale for ever");
    }

    #[test]
    fn a_stamp_finds_its_datagram_once() {
        let mut departures = Departures::default();
        let ids: Vec<_> = (0..3).map(|n| send(&mut departures, n * 100)).collect();
        assert_eq!(departures.stamped(1, kernel(105), SLACK), Some((ids[1], kernel(105).unwrap())));
        assert_eq!(departures.stamped(1, kernel(105), SLACK), None, "stamped twice");
        assert_eq!(departures.stamped(9, kernel(105), SLACK), None, "never sent");
    }

    #[test]
    fn a_stamp_that_cannot_be_converted_leaves_the_programs_own() {
        let mut departures = Departures::default();
        let id = send(&mut departures, 100);
        let own = stamp(110, StampedBy::UserSpace);
        assert_eq!(departures.stamped(0, None, SLACK), Some((id, own)));
    }

    #[test]
    fn after_a_failure_an_old_stamp_with_a_new_number_is_not_taken() {
        let mut departures = Departures::default();
        let old = send(&mut departures, 100);
        departures.restart();
        let new = send(&mut departures, 200);
        assert_ne!(old, new);
        assert_eq!(departures.stamped(0, kernel(105), SLACK), None);
        assert_eq!(departures.stamped(0, kernel(205), SLACK), Some((new, kernel(205).unwrap())));
    }

    #[test]
    fn a_stamp_within_the_error_of_conversion_is_taken() {
        let mut departures = Departures::default();
        let id = send(&mut departures, 100);
        let early = Stamp { at: at(100) - SLACK / 2, ..kernel(100).unwrap() };
        assert_eq!(departures.stamped(0, Some(early), SLACK), Some((id, early)));
    }

    #[test]
    fn stamps_that_never_come_do_not_pile_up() {
        let mut departures = Departures::default();
        for n in 0..1000 {
            send(&mut departures, n);
        }
        assert_eq!(departures.awaited.len(), AWAITED);
        assert_eq!(departures.stamped(0, kernel(5), SLACK), None);
        assert!(departures.stamped(999, kernel(2000), SLACK).is_some());
    }

    #[test]
    fn the_kernels_numbers_may_wrap() {
        let mut departures = Departures { next_number: u32::MAX, ..Departures::default() };
        let ids = [send(&mut departures, 0), send(&mut departures, 100)];
        for (number, id) in [(u32::MAX, ids[0]), (0, ids[1])] {
            let (stamped, _) = departures.stamped(number, kernel(200), SLACK).unwrap();
            assert_eq!(stamped, id);
        }
    }

    proptest! {
        /// A kernel that numbers what it sends, loses and reorders stamps, and fails.
        #[test]
        fn no_stamp_is_ever_given_to_another_datagram(
            steps in prop::collection::vec((any::<u8>(), any::<prop::sample::Index>()), 1..200)
        ) {
            let mut departures = Departures::default();
            // What is still to be delivered: number, name, time, and whether by the NIC.
            let mut in_flight: Vec<(u32, SendId, i64, bool)> = Vec::new();
            let mut kernel_number = 0;
            for (now, (action, pick)) in (0..).map(|n: i64| n * 100).zip(steps) {
                match action % 8 {
                    0 => {
                        departures.restart();
                        kernel_number = 0;
                    }
                    1..=4 => {
                        let id = send_for(&mut departures, now, BOTH);
                        in_flight.push((kernel_number, id, now + 5, false));
                        in_flight.push((kernel_number, id, now + 5, true));
                        kernel_number += 1;
                    }
                    _ if in_flight.is_empty() => {}
                    _ => {
                        let place = pick.index(in_flight.len());
                        let (number, id, time, hardware) = in_flight.remove(place);
                        let named = match hardware {
                            true => departures.stamped_by_hardware(number),
                            false => departures.stamped(number, kernel(time), SLACK).map(|n| n.0),
                        };
                        prop_assert!(named.is_none_or(|named| named == id));
                    }
                }
            }
        }
    }
}
