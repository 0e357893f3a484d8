//! Which transmit stamp belongs to which datagram.
//!
//! With SOF_TIMESTAMPING_OPT_ID the kernel numbers the datagrams of a socket itself,
//! from 0 where the option is set. Whether a datagram that could not be sent takes a
//! number depends on the kernel and on where it failed, so after a failure the option
//! is set anew and both sides count from 0 again. Stamps of before then carry numbers
//! that are used a second time; their time betrays them.

use std::collections::VecDeque;

use clock_models::comparison::Stamp;
use clock_models::time::{Duration, Free, Timestamp};

/// Datagrams whose stamps are awaited at the same time, at most. The oldest is given up.
const AWAITED: usize = 64;

/// Names a datagram that was sent, among all of its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId(pub u32);

/// A datagram that was sent, and is waiting for its stamp.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Departure {
    /// Its name.
    pub(crate) id: SendId,
    /// The program's own stamp.
    pub(crate) stamp: Stamp,
    number: u32,
    handed_over: Timestamp<Free>,
}

/// The datagrams of a socket that wait for their stamps.
#[derive(Debug, Default)]
pub(crate) struct Departures {
    next_id: u32,
    next_number: u32,
    awaited: VecDeque<Departure>,
}

impl Departures {
    /// A datagram was sent. `handed_over` is before the kernel had it.
    pub(crate) fn sent(&mut self, handed_over: Timestamp<Free>, stamp: Stamp) -> SendId {
        if self.awaited.len() == AWAITED {
            self.awaited.pop_front();
        }
        let (id, number) = (SendId(self.next_id), self.next_number);
        self.awaited.push_back(Departure { id, stamp, number, handed_over });
        self.next_id = self.next_id.wrapping_add(1);
        self.next_number = self.next_number.wrapping_add(1);
        id
    }

    /// The kernel counts from 0 again. Stamps of before can no longer be told apart, so
    /// nothing waits for them.
    pub(crate) fn restart(&mut self) {
        self.next_number = 0;
        self.awaited.clear();
    }

    /// Ends the wait for the datagram with the kernel's `number`.
    ///
    /// `stamp` is the kernel's, if it could be converted. One from before the datagram was
    /// handed over (by more than `slack`) belongs to another, and the wait goes on.
    pub(crate) fn stamped(
        &mut self,
        number: u32,
        stamp: Option<Stamp>,
        slack: Duration,
    ) -> Option<(SendId, Stamp)> {
        let place = self.awaited.iter().position(|departure| departure.number == number)?;
        let handed_over = self.awaited.get(place)?.handed_over;
        if stamp.is_some_and(|stamp| stamp.at + slack < handed_over) {
            return None;
        }
        let departure = self.awaited.remove(place)?;
        Some((departure.id, stamp.unwrap_or(departure.stamp)))
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

    fn send(departures: &mut Departures, micros: i64) -> SendId {
        departures.sent(at(micros), stamp(micros + 10, StampedBy::UserSpace))
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
            // What the kernel has still to deliver: number, name, time.
            let mut in_flight: Vec<(u32, SendId, i64)> = Vec::new();
            let mut kernel_number = 0;
            for (now, (action, pick)) in (0..).map(|n: i64| n * 100).zip(steps) {
                match action % 8 {
                    0 => {
                        departures.restart();
                        kernel_number = 0;
                    }
                    1..=4 => {
                        in_flight.push((kernel_number, send(&mut departures, now), now + 5));
                        kernel_number += 1;
                    }
                    _ if in_flight.is_empty() => {}
                    _ => {
                        let (number, id, time) = in_flight.remove(pick.index(in_flight.len()));
                        if let Some((named, _)) = departures.stamped(number, kernel(time), SLACK) {
                            prop_assert_eq!(named, id);
                        }
                    }
                }
            }
        }
    }
}
