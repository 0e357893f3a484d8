//! Network interfaces by name, and what they can stamp.

mod driver;
mod filter;
mod lower;
mod stamping;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::IpAddr;

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::{InterfaceFlags, if_indextoname};
use nix::sys::socket::SockaddrStorage;

pub use driver::{Abilities, InForce};
pub use filter::{FilterSet, Purpose, RxFilter, TxSet, TxType};
pub use stamping::{Cause, HardwareStamping, NoHardware, TwoStep, prepare, prepare_one_step};

/// An Ethernet address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    /// As `ip link` writes it: `02:fc:00:00:00:01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A network interface, as it was when it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    /// Its name, such as `eth0`.
    pub name: String,
    /// Its number, another one when it is removed and comes back.
    pub index: u32,
    /// Its Ethernet address; loopback and tunnels have none.
    pub mac: Option<MacAddress>,
    /// The administrator wants it up.
    pub up: bool,
    /// It is up and has a carrier.
    pub running: bool,
    /// Its IP addresses.
    pub addresses: Vec<IpAddr>,
}

/// Why an interface cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum InterfaceError {
    /// There is none of that name now. It may come: [`crate::link::Monitor`] tells.
    #[error("no such interface {name}; there are: {}", present.join(", "))]
    Missing {
        /// The name asked for.
        name: String,
        /// The names that exist.
        present: Vec<String>,
    },
    /// The kernel does not say what interfaces there are.
    #[error("cannot list the network interfaces: {0}")]
    List(#[source] io::Error),
}

impl Interface {
    /// The interface called `name`.
    ///
    /// # Errors
    /// [`InterfaceError::Missing`], with the names that exist.
    pub fn by_name(name: &str) -> Result<Self, InterfaceError> {
        find(Self::all()?, name)
    }

    /// What it can stamp, it or the NIC below it.
    ///
    /// # Errors
    /// It is gone, or its driver does not tell.
    pub fn abilities(&self) -> io::Result<Abilities> {
        driver::abilities(&self.nic())
    }

    /// What its NIC stamps now.
    ///
    /// # Errors
    /// It is gone, or its driver does not tell: most often since it cannot stamp.
    pub fn in_force(&self) -> io::Result<InForce> {
        driver::in_force(&self.nic())
    }

    /// The name of the driver of its NIC, such as `igb`.
    ///
    /// # Errors
    /// It is gone, or has none.
    pub fn driver(&self) -> io::Result<String> {
        driver::name(&self.nic())
    }

    /// Mbit/s; `None` where there is no link, or no such thing as speed.
    ///
    /// # Errors
    /// It is gone, or its driver does not tell.
    pub fn speed(&self) -> io::Result<Option<u32>> {
        driver::speed(&self.name)
    }

    /// The name of the NIC that its frames leave by: of a VLAN or macvlan the one below, of
    /// a bond the active one at this moment, else itself.
    #[must_use]
    pub fn nic(&self) -> String {
        lower::nic(&self.name)
    }

    /// All interfaces, in the order of their index.
    ///
    /// # Errors
    /// [`InterfaceError::List`].
    pub fn all() -> Result<Vec<Self>, InterfaceError> {
        let entries = getifaddrs().map_err(|errno| InterfaceError::List(errno.into()))?;
        Ok(gather(entries))
    }
}

/// Mbit/s of the link of an interface; `None` where there is no such interface, it has no
/// link, or no such thing as speed.
#[must_use]
pub fn speed_of(interface: &str) -> Option<u32> {
    driver::speed(interface).ok()?
}

/// The NIC that frames of the interface with this index leave by, as [`Interface::nic`];
/// `None` where there is no such interface any more.
#[must_use]
pub fn nic_of(index: u32) -> Option<String> {
    name_of(index).map(|name| lower::nic(&name))
}

/// The name of the interface with this index; `None` where there is none any more.
pub(crate) fn name_of(index: u32) -> Option<String> {
    let name = if_indextoname(index).ok()?.into_string().ok()?;
    // What nix 0.31 says of an interface that is gone.
    (!name.is_empty()).then_some(name)
}

/// The index of the PTP hardware clock behind an interface; `None` where there is none.
pub(crate) fn phc_of(interface: &str) -> Option<u32> {
    driver::abilities(&lower::nic(interface)).ok()?.phc
}

fn find(all: Vec<Interface>, name: &str) -> Result<Interface, InterfaceError> {
    let present = all.iter().map(|interface| interface.name.clone()).collect();
    all.into_iter()
        .find(|interface| interface.name == name)
        .ok_or_else(|| InterfaceError::Missing { name: name.to_owned(), present })
}

/// One entry a name out of one entry an address.
fn gather(entries: impl Iterator<Item = InterfaceAddress>) -> Vec<Interface> {
    let mut by_name = BTreeMap::<String, Interface>::new();
    for entry in entries {
        let interface = by_name.entry(entry.interface_name.clone()).or_default();
        interface.name = entry.interface_name;
        interface.up = entry.flags.contains(InterfaceFlags::IFF_UP);
        interface.running =
            entry.flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING);
        if let Some(address) = entry.address {
            add_address(interface, &address);
        }
    }
    // Names without a device are aliases of IPv4 addresses (`eth0:1`).
    let mut all: Vec<_> = by_name.into_values().filter(|i| i.index != 0).collect();
    all.sort_by_key(|interface| interface.index);
    all
}

fn add_address(interface: &mut Interface, address: &SockaddrStorage) {
    if let Some(link) = address.as_link_addr() {
        interface.index = u32::try_from(link.ifindex()).unwrap_or(0);
        interface.mac =
            link.addr().filter(|mac| link.halen() == 6 && *mac != [0; 6]).map(MacAddress);
    } else if let Some(v4) = address.as_sockaddr_in() {
        interface.addresses.push(v4.ip().into());
    } else if let Some(v6) = address.as_sockaddr_in6() {
        interface.addresses.push(v6.ip().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn an_interface_that_is_gone_has_no_nic() {
        assert_eq!(nic_of(u32::MAX), None);
    }

    #[test]
    fn loopback_is_found_with_its_addresses() {
        let lo = Interface::by_name("lo").unwrap();
        assert!(lo.index > 0 && lo.up && lo.running);
        assert_eq!(lo.mac, None);
        assert!(lo.addresses.contains(&Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn a_missing_interface_lists_those_that_exist() {
        let named = |name: &str| Interface { name: name.to_owned(), ..Interface::default() };
        let error = find(vec![named("lo"), named("eth0")], "eth9").unwrap_err();
        assert_eq!(error.to_string(), "no such interface eth9; there are: lo, eth0");
    }

    #[test]
    fn an_ethernet_address_is_written_as_ip_link_does() {
        let mac = MacAddress([0x02, 0xfc, 0, 0, 0, 0x01]);
        assert_eq!(mac.to_string(), "02:fc:00:00:00:01");
    }
}
