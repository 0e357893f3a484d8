//! The table of clocks.

use super::table::{Align, Cell, Table};
use super::text::{self, Colours, Look, UNKNOWN, harmless};
use crate::status::{ClockState, ClockStatus, Status};

/// One row for each clock.
#[must_use]
pub fn clocks(status: &Status, colours: Colours) -> String {
    if status.clocks.is_empty() {
        return "No clocks.\n".to_owned();
    }
    let mut table = Table::new(&[
        ("Clock", Align::Left),
        ("State", Align::Left),
        ("Offset", Align::Right),
        ("±U (k=2)", Align::Right),
        ("Bound", Align::Right),
        ("Frequency", Align::Right),
        ("Leader", Align::Left),
        ("Traceable", Align::Left),
    ]);
    for clock in &status.clocks {
        table.row(vec![
            harmless(&clock.name).into(),
            state(clock),
            text::offset(clock.offset).into(),
            text::time(clock.uncertainty).into(),
            text::time(clock.bound).into(),
            text::frequency(clock.frequency).into(),
            clock.leader.as_deref().map_or_else(|| UNKNOWN.to_owned(), harmless).into(),
            traceable(clock),
        ]);
    }
    table.render(colours)
}

fn state(clock: &ClockStatus) -> Cell {
    let is_measured = clock.state != ClockState::FreeRunning;
    let observed = if is_measured && !clock.disciplined { " (observed)" } else { "" };
    Cell::new(format!("{}{observed}", clock.state.name()), text::clock_look(clock.state))
}

fn traceable(clock: &ClockStatus) -> Cell {
    match clock.chain.first() {
        Some(link) if clock.traceable => {
            Cell::new(format!("to {}", harmless(&link.from)), Look::Good)
        }
        _ if clock.traceable => Cell::new("yes".to_owned(), Look::Good),
        _ => Cell::new("no".to_owned(), Look::Doubtful),
    }
}
