//! The tables of network interfaces.

use super::table::{Align, Cell, Table};
use super::text::{self, Colours, Look, UNKNOWN, harmless};
use crate::interfaces::{InterfaceStatus, StampsOf};

/// What the columns mean.
const LEGEND: &str = "NTP, PTP: who stamps these messages; on request: the NIC, once a program asks for it.\n\
    TX, RX: what the NIC can stamp of what goes and comes. In force: what it stamps now.\n";

/// One row for each interface, another for what its NIC stamps, and what it all means.
#[must_use]
pub fn interfaces(interfaces: &[InterfaceStatus], colours: Colours) -> String {
    if interfaces.is_empty() {
        return "No interfaces.\n".to_owned();
    }
    let legend: String = LEGEND.lines().map(|line| colours.paint(Look::Dim, line) + "\n").collect();
    let (table, nics) = (table(interfaces, colours), nics(interfaces, colours));
    format!("{table}\n{nics}\n{}{legend}", latencies(interfaces, colours))
}

fn table(interfaces: &[InterfaceStatus], colours: Colours) -> String {
    let mut table = Table::new(&[
        ("Interface", Align::Left),
        ("Driver", Align::Left),
        ("PHC", Align::Left),
        ("Link", Align::Left),
        ("Speed", Align::Right),
        ("NTP", Align::Left),
        ("PTP/UDP", Align::Left),
        ("PTP/Ethernet", Align::Left),
    ]);
    for interface in interfaces {
        table.row(vec![
            name(interface).into(),
            interface.driver.as_deref().map_or_else(|| UNKNOWN.to_owned(), harmless).into(),
            interface.phc.map_or_else(|| UNKNOWN.to_owned(), |phc| format!("ptp{phc}")).into(),
            link(interface),
            interface.speed.map_or_else(|| UNKNOWN.to_owned(), speed).into(),
            stamps(interface.ntp),
            stamps(interface.ptp_udp),
            stamps(interface.ptp_ethernet),
        ]);
    }
    table.render(colours)
}

/// What the NICs can stamp, and do.
fn nics(interfaces: &[InterfaceStatus], colours: Colours) -> String {
    let mut table = Table::new(&[
        ("Interface", Align::Left),
        ("TX", Align::Left),
        ("RX", Align::Left),
        ("In force", Align::Left),
        ("Why", Align::Left),
    ]);
    for interface in interfaces {
        let in_force = interface.in_force.as_ref();
        table.row(vec![
            name(interface).into(),
            list(&interface.transmit, "off").into(),
            widest(&interface.receive).into(),
            in_force
                .map_or_else(
                    || UNKNOWN.to_owned(),
                    |now| format!("{}, {}", now.transmit, now.receive),
                )
                .into(),
            interface.reason.as_str().into(),
        ]);
    }
    table.render(colours)
}

/// The declared latencies in force, if there are any.
fn latencies(interfaces: &[InterfaceStatus], colours: Colours) -> String {
    let mut table = Table::new(&[
        ("Interface", Align::Left),
        ("Ingress latency", Align::Right),
        ("Egress latency", Align::Right),
        ("U of each", Align::Right),
        ("At", Align::Right),
    ]);
    let mut known = interfaces.iter().filter_map(|i| Some((i, i.latency.as_ref()?))).peekable();
    if known.peek().is_none() {
        return String::new();
    }
    for (interface, latency) in known {
        table.row(vec![
            name(interface).into(),
            text::time(Some(latency.ingress)).into(),
            text::time(Some(latency.egress)).into(),
            text::time(Some(latency.uncertainty)).into(),
            latency.speed.map_or_else(|| UNKNOWN.to_owned(), speed).into(),
        ]);
    }
    table.render(colours) + "\n"
}

/// `vlan7 (eth0)`, where another one stamps.
fn name(interface: &InterfaceStatus) -> String {
    let name = harmless(&interface.name);
    match &interface.nic {
        Some(nic) => format!("{name} ({})", harmless(nic)),
        None => name,
    }
}

fn link(interface: &InterfaceStatus) -> Cell {
    let (text, look) = match (interface.up, interface.running) {
        (_, true) => ("up", Look::Good),
        (true, false) => ("no carrier", Look::Bad),
        (false, false) => ("down", Look::Dim),
    };
    Cell::new(text.to_owned(), look)
}

/// In the unit that NICs are sold by.
fn speed(bits: u64) -> String {
    match bits {
        1_000_000_000.. => format!("{} Gbit/s", bits as f64 / 1e9),
        _ => format!("{} Mbit/s", bits as f64 / 1e6),
    }
}

fn stamps(by: StampsOf) -> Cell {
    let look = match by {
        StampsOf::Hardware => Look::Good,
        StampsOf::HardwareOnRequest | StampsOf::Kernel => Look::Plain,
        StampsOf::Program => Look::Doubtful,
    };
    Cell::new(by.name().to_owned(), look)
}

/// A NIC that stamps all frames lists a dozen more filters: they add nothing.
fn widest(receive: &[String]) -> String {
    match receive.iter().any(|filter| filter == "all") {
        true => "all".to_owned(),
        false => list(receive, "none"),
    }
}

fn list(words: &[String], nothing: &str) -> String {
    let some: Vec<_> = words.iter().map(String::as_str).filter(|word| *word != nothing).collect();
    if some.is_empty() { UNKNOWN.to_owned() } else { some.join(" ") }
}
