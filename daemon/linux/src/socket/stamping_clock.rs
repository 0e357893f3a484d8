//! Which PTP hardware clock a stamp is of.

use std::collections::BTreeMap;

use nix::net::if_::if_nametoindex;

use super::stamping::{Hardware, Stamping};
use crate::interface::{name_of, phc_of};

/// Tells the clock by the interface that stamped.
#[derive(Debug, Default)]
pub(crate) struct StampingClocks {
    /// The virtual clock that the kernel turns all stamps into.
    only: Option<u32>,
    /// The NIC of the interface that the socket uses, for stamps that tell none.
    nic: Option<String>,
    /// Its clock.
    usual: Option<u32>,
    /// Its index.
    usual_interface: Option<u32>,
    /// What was found out: an entry an interface of this host.
    known: BTreeMap<u32, Option<u32>>,
}

impl StampingClocks {
    pub(crate) fn new(wanted: Hardware, stamping: &Stamping) -> Self {
        let only = match (wanted, &stamping.refused) {
            (Hardware::Virtual { clock, .. }, None) => Some(clock),
            _ => None,
        };
        let hardware = stamping.hardware.as_ref();
        let nic = hardware.map(|hardware| hardware.nic.clone());
        let usual = hardware.and_then(|hardware| hardware.phc);
        let usual_interface = nic.as_deref().and_then(|nic| if_nametoindex(nic).ok());
        Self { only, nic, usual, usual_interface, known: BTreeMap::new() }
    }

    /// Forgets which clock is whose: interfaces may have come, gone or got other clocks.
    pub(crate) fn look_anew(&mut self) {
        self.known.clear();
        // It may have another name by now, or be another one of that name.
        let renamed = self.usual_interface.and_then(name_of);
        self.nic = renamed.or_else(|| self.nic.take());
        if let Some(nic) = &self.nic {
            self.usual = phc_of(nic);
            self.usual_interface = if_nametoindex(nic.as_str()).ok();
        }
    }

    /// The index of the interface that stamps, where a stamp tells none.
    pub(crate) const fn usual_interface(&self) -> Option<u32> {
        self.usual_interface
    }

    /// The index of the clock of a stamp that was taken on `interface`.
    pub(crate) fn of(&mut self, interface: Option<u32>) -> Option<u32> {
        self.only.or_else(|| self.of_interface(interface?)).or(self.usual)
    }

    fn of_interface(&mut self, index: u32) -> Option<u32> {
        *self.known.entry(index).or_insert_with(|| phc_of(&name_of(index)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_of_the_virtual_clock_or_of_its_interface_or_of_the_usual_one() {
        let known = BTreeMap::from([(7, Some(3)), (8, None)]);
        let mut clocks = StampingClocks { usual: Some(1), known, ..StampingClocks::default() };
        for (interface, clock) in [(Some(7), 3), (Some(8), 1), (None, 1)] {
            assert_eq!(clocks.of(interface), Some(clock));
        }
        clocks.only = Some(9);
        assert_eq!(clocks.of(Some(7)), Some(9));
    }

    #[test]
    fn clocks_that_were_registered_anew_are_found_out_anew() {
        let loopback = if_nametoindex("lo").unwrap();
        let known = BTreeMap::from([(loopback, Some(3))]);
        let mut clocks = StampingClocks {
            nic: Some("lo".to_owned()),
            usual: Some(4),
            usual_interface: Some(u32::MAX),
            known,
            only: None,
        };
        assert_eq!(clocks.of(Some(loopback)), Some(3));
        assert_eq!(clocks.of(None), Some(4));
        clocks.look_anew();
        // It has none.
        assert_eq!([clocks.of(Some(loopback)), clocks.of(None)], [None, None]);
        assert_eq!(clocks.usual_interface(), Some(loopback));
    }

    #[test]
    fn of_an_interface_that_is_gone_nothing_is_told() {
        let mut clocks = StampingClocks::default();
        assert_eq!(clocks.of(Some(u32::MAX)), None);
    }

    #[test]
    fn an_interface_that_was_renamed_is_still_the_usual_one() {
        let loopback = if_nametoindex("lo").unwrap();
        let mut clocks = StampingClocks {
            nic: Some("before".to_owned()),
            usual_interface: Some(loopback),
            ..StampingClocks::default()
        };
        clocks.look_anew();
        assert_eq!(clocks.usual_interface(), Some(loopback));
        assert_eq!(clocks.nic.as_deref(), Some("lo"));
    }
}
