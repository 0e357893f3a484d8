//! The NICs that requests come by, and whether they still stamp them.

use std::collections::BTreeMap;

use utcd_linux::interface::{Interface, Purpose, prepare};

use crate::missing::Missing;

/// Those that have stamped requests. One that never has is left alone: it may be none that
/// can.
#[derive(Debug)]
pub(super) struct Nics {
    /// What they are to stamp for.
    purpose: Purpose,
    /// By the index of their interface.
    known: BTreeMap<u32, Missing>,
}

impl Nics {
    /// None yet.
    pub(super) const fn new(purpose: Purpose) -> Self {
        Self { purpose, known: BTreeMap::new() }
    }

    /// A request came by an interface, with a stamp of its NIC or without one. Where those
    /// that should come do not, the NIC was reset, most often: it is asked for them anew.
    pub(super) fn received(&mut self, interface: u32, stamped: bool) {
        if self.is_to_be_asked(interface, stamped) {
            renew(interface, self.purpose);
        }
    }

    fn is_to_be_asked(&mut self, interface: u32, stamped: bool) -> bool {
        if stamped {
            self.known.entry(interface).or_insert_with(Missing::none);
        }
        self.known.get_mut(&interface).is_some_and(|missing| {
            missing.received(stamped);
            missing.is_to_be_asked()
        })
    }
}

fn renew(interface: u32, purpose: Purpose) {
    let all = Interface::all().unwrap_or_default();
    // One that is gone stamps nothing.
    let Some(interface) = all.into_iter().find(|one| one.index == interface) else { return };
    let name = interface.name;
    let now = match prepare(&name, purpose).and_then(|granted| granted.renew()) {
        Ok(()) => "was it reset? It is asked anew".to_owned(),
        Err(reason) => reason.to_string(),
    };
    tracing::warn!("NTP server: {name} stamps no more: {now}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(nics: &mut Nics, interface: u32, requests: usize) -> usize {
        (0..requests).filter(|_| nics.is_to_be_asked(interface, false)).count()
    }

    #[test]
    fn a_nic_that_never_stamped_is_left_alone() {
        let mut nics = Nics::new(Purpose::Ntp);
        assert!(!nics.is_to_be_asked(2, true));
        assert_eq!(asked(&mut nics, 3, 100), 0);
    }

    #[test]
    fn one_that_stamps_no_more_is_asked_ever_more_patiently() {
        let mut nics = Nics::new(Purpose::Ntp);
        assert!(!nics.is_to_be_asked(2, true));
        assert_eq!(asked(&mut nics, 2, 3), 0, "a few are lost on a busy NIC");
        assert_eq!(asked(&mut nics, 2, 97), 5, "after 4, 8, 16, 32 and 64");
        assert!(!nics.is_to_be_asked(2, true));
        assert_eq!(asked(&mut nics, 2, 4), 1, "it begins anew");
    }

    #[test]
    fn each_nic_has_its_own_count() {
        let mut nics = Nics::new(Purpose::Ntp);
        for interface in [2, 3, 2, 3] {
            assert!(!nics.is_to_be_asked(interface, true));
        }
        for _ in 0..3 {
            assert_eq!(asked(&mut nics, 2, 1), 0);
            assert!(!nics.is_to_be_asked(3, true));
        }
        assert_eq!(asked(&mut nics, 2, 1), 1);
    }
}
