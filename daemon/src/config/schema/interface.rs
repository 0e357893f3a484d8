//! Network interfaces whose time stamps are known to be late.

use crate::config::kind::{Count, Maybe, interface, time};
use crate::config::section::Absent::{Otherwise, Required, Text};
use crate::config::section::{section, tables};

section! {
    /// What is known of a network interface that stamps. NTP and PTP sources, and the NTP
    /// server, correct its stamps by it; stamps of the kernel are left as they are.
    Interface {
        /// The interface that stamps: the NIC below a VLAN, bond or macvlan.
        "name" => name: String = interface(), Required;
        /// How late its time stamps are, for each speed of the link.
        "latency" => latency: Vec<Latency> = tables::<Latency>(), Otherwise("none");
    }
}

section! {
    /// ingressLatency and egressLatency (IEEE 1588-2019, 7.3.4.2): from where a message
    /// passes the connector of the interface to where it is stamped. A data sheet or a
    /// calibration gives them.
    Latency {
        /// For this speed of the link, Mbit/s. One without a speed is for all that have none
        /// of their own.
        "speed" => speed: Option<u32> = Maybe(Count(1..=10_000_000)), Otherwise("every other");
        /// How much later than at the connector a message that comes is stamped.
        "ingress" => ingress: f64 = time().at_least(-1e-3).at_most(1e-3), Text("'0 s'");
        /// How much earlier than at the connector a message that goes is stamped.
        "egress" => egress: f64 = time().at_least(-1e-3).at_most(1e-3), Text("'0 s'");
        /// Expanded uncertainty (k = 2) of each.
        "uncertainty" => uncertainty: f64 = time().at_least(0.0).at_most(1e-3), Text("'0 s'");
    }
}
