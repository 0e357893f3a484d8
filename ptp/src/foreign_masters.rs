use clock_models::time::{Duration, Free, Timestamp};

use crate::config::{self, PortConfig};
use crate::rejection::Rejection;
use crate::wire::{Announce, Header, PortIdentity};

/// Masters kept at a time; statime can keep no more.
const CAPACITY: usize = 8;
/// FOREIGN_MASTER_TIME_WINDOW, in announce intervals, in which a second Announce
/// qualifies a master (IEEE 1588-2019 9.3.2.4).
pub(crate) const TIME_WINDOW: u8 = 4;

/// A master that announces itself, and the last Announce it sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForeignMaster {
    pub(crate) header: Header,
    pub(crate) announce: Announce,
    pub(crate) heard: Timestamp<Free>,
    /// Silence after which it is held to be dead (9.2.6.12): announceReceiptTimeout of its
    /// announce intervals. The standard adds a random part lest many ports become masters
    /// at once; a slave never does.
    pub(crate) timeout: Duration,
    /// It announced itself twice within [`TIME_WINDOW`].
    pub(crate) qualified: bool,
}

impl ForeignMaster {
    fn expiry(&self) -> Timestamp<Free> {
        self.heard + self.timeout
    }
}

/// The masters that were heard within their announce receipt timeout.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct ForeignMasters {
    masters: Vec<ForeignMaster>,
    log_announce_interval: i8,
    announce_receipt_timeout: u8,
}

impl ForeignMasters {
    pub(crate) const fn new(config: &PortConfig) -> Self {
        Self {
            masters: Vec::new(),
            log_announce_interval: config.log_announce_interval,
            announce_receipt_timeout: config.announce_receipt_timeout,
        }
    }

    /// Takes an Announce in; true if it may change which master is to be selected.
    pub(crate) fn hear(
        &mut self,
        header: Header,
        announce: Announce,
        now: Timestamp<Free>,
    ) -> Result<bool, Rejection> {
        let full = self.masters.len() >= CAPACITY;
        let interval = config::interval(config::announce_interval(
            self.log_announce_interval,
            header.log_message_interval,
        ));
        let timeout = interval * i64::from(self.announce_receipt_timeout);
        let master = ForeignMaster { header, announce, heard: now, timeout, qualified: false };
        let known = self.masters.iter_mut().find(|known| known.header.source == header.source);
        match known {
            Some(known) => {
                if !is_newer(header.sequence_id, known.header.sequence_id) {
                    return Err(Rejection::Replayed);
                }
                let qualified =
                    known.qualified || now - known.heard < interval * TIME_WINDOW.into();
                let changed = qualified && (!known.qualified || announce != known.announce);
                *known = ForeignMaster { qualified, ..master };
                Ok(changed)
            }
            None if full => Err(Rejection::TooManyMasters),
            None => {
                self.masters.push(master);
                Ok(self.masters.len() == 1)
            }
        }
    }

    /// Forgets the silent ones; true if there were any.
    pub(crate) fn expire(&mut self, now: Timestamp<Free>) -> bool {
        let before = self.masters.len();
        self.masters.retain(|master| now < master.expiry());
        self.masters.len() < before
    }

    /// When the next will be silent for too long.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp<Free>> {
        self.masters.iter().map(ForeignMaster::expiry).min()
    }

    /// Those of which the best is to be selected: the qualified ones. Where there is none,
    /// the first that was heard, to be measured, and to be followed once it has answered.
    pub(crate) fn eligible(&self) -> Vec<ForeignMaster> {
        let qualified: Vec<_> = self.masters.iter().filter(|m| m.qualified).copied().collect();
        if qualified.is_empty() {
            self.masters.first().copied().into_iter().collect()
        } else {
            qualified
        }
    }

    pub(crate) fn get(&self, source: PortIdentity) -> Option<&ForeignMaster> {
        self.masters.iter().find(|master| master.header.source == source)
    }

    pub(crate) fn clear(&mut self) {
        self.masters.clear();
    }
}

/// True if `sequence_id` comes after `last`, in the 16 bits that wrap (9.3.2.5).
pub(crate) fn is_newer(sequence_id: u16, last: u16) -> bool {
    sequence_id.wrapping_sub(last).cast_signed() > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ClockIdentity;
    use clock_models::time::LeapTable;

    fn header(clock: u8, sequence_id: u16) -> Header {
        let source = PortIdentity { clock: ClockIdentity([clock; 8]), port: 1 };
        Header { source, sequence_id, ..Header::default() }
    }

    /// Masters that announce themselves every second.
    fn masters(announce_receipt_timeout: u8) -> ForeignMasters {
        let config = PortConfig::new(ClockIdentity::default(), LeapTable::built_in());
        ForeignMasters::new(&PortConfig { announce_receipt_timeout, ..config })
    }

    fn qualified_of(masters: &ForeignMasters) -> usize {
        masters.masters.iter().filter(|master| master.qualified).count()
    }

    fn at(seconds: i64) -> Timestamp<Free> {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn the_second_announce_within_the_window_qualifies_a_master() {
        let mut masters = masters(10);
        let mut hear = |sequence_id, second| {
            masters.hear(header(1, sequence_id), Announce::default(), at(second)).unwrap();
            qualified_of(&masters)
        };
        assert_eq!(hear(1, 0), 0);
        assert_eq!(hear(2, 4), 0);
        assert_eq!(hear(3, 7), 1);
        assert_eq!(hear(4, 16), 1);
    }

    #[test]
    fn only_the_first_a_newly_qualified_or_a_changed_master_calls_for_a_decision() {
        let mut masters = masters(10);
        let better = Announce { clock_class: 6, ..Announce::default() };
        let worse = Announce { clock_class: 7, ..Announce::default() };
        for (sequence_id, announce, decision) in
            [(1, worse, true), (2, worse, true), (3, worse, false), (4, better, true)]
        {
            let now = at(i64::from(sequence_id));
            assert_eq!(masters.hear(header(1, sequence_id), announce, now), Ok(decision));
        }
        let other = masters.hear(header(2, 1), better, at(5));
        assert_eq!(other, Ok(false));
    }

    #[test]
    fn a_silent_master_is_forgotten_when_its_timeout_ends_and_not_before() {
        let mut masters = masters(3);
        masters.hear(header(1, 0), Announce::default(), at(0)).unwrap();
        masters.hear(header(2, 0), Announce::default(), at(2)).unwrap();
        assert_eq!(masters.next_expiry(), Some(at(3)));
        assert!(!masters.expire(at(3) - Duration::from_nanos(1)));
        assert!(masters.expire(at(3)));
        assert_eq!(masters.next_expiry(), Some(at(5)));
    }

    #[test]
    fn each_master_has_the_timeout_and_the_window_of_the_interval_that_it_states() {
        // Every 16 s, every 1/8 s, and one that states nothing: the port's own 2 s.
        for (stated, timeout) in [(4, 48.0), (-3, 0.375), (0x7f, 6.0)] {
            let mut masters = masters(3);
            let stating = |id| Header { log_message_interval: stated, ..header(1, id) };
            masters.hear(stating(0), Announce::default(), at(0)).unwrap();
            let expiry = masters.next_expiry().unwrap();
            assert_eq!((expiry - at(0)).seconds(), timeout, "{stated}");
            // Four intervals are one and a third of the timeout.
            let window = Duration::from_seconds(timeout * 4.0 / 3.0).unwrap();
            let last = at(0) + window - Duration::from_nanos(1);
            for (late, qualified) in [(Duration::from_nanos(1), 0), (Duration::ZERO, 1)] {
                let mut masters = masters.clone();
                masters.hear(stating(1), Announce::default(), last + late).unwrap();
                assert_eq!(qualified_of(&masters), qualified, "{stated}");
            }
        }
    }

    #[test]
    fn a_replayed_announce_does_not_keep_a_master_alive() {
        let mut masters = masters(3);
        masters.hear(header(1, 0xffff), Announce::default(), at(0)).unwrap();
        let replayed = masters.hear(header(1, 0xffff), Announce::default(), at(2));
        assert_eq!(replayed, Err(Rejection::Replayed));
        assert!(masters.expire(at(3)));
        masters.hear(header(1, 0xffff), Announce::default(), at(4)).unwrap();
        masters.hear(header(1, 0), Announce::default(), at(5)).unwrap();
    }

    #[test]
    fn a_flood_of_masters_leaves_the_first_ones_in_place() {
        let mut masters = masters(3);
        for clock in 0..8 {
            masters.hear(header(clock, 0), Announce::default(), at(0)).unwrap();
        }
        let ninth = masters.hear(header(8, 0), Announce::default(), at(0));
        assert_eq!(ninth, Err(Rejection::TooManyMasters));
        masters.hear(header(0, 1), Announce::default(), at(1)).unwrap();
    }
}
