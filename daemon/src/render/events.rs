//! The table of external events, which goes on as they come.

use super::table::{Align, Cell, Table};
use super::text::{self, Colours, Look, UNKNOWN, harmless};
use crate::event::ExternalEvent;

/// A table that events are added to.
#[derive(Debug)]
pub struct EventTable {
    table: Table,
    /// The number of the event that is expected next, once there was one.
    next: Option<u64>,
    colours: Colours,
}

impl EventTable {
    /// With nothing but its heading yet.
    #[must_use]
    pub fn new(colours: Colours) -> Self {
        let table = Table::new(&[
            ("No.", Align::Right),
            ("UTC", Align::Left),
            ("±U (k=2)", Align::Right),
            ("Bound", Align::Right),
            ("Event", Align::Left),
            ("Clock", Align::Left),
            ("Note", Align::Left),
        ]);
        Self { table, next: None, colours }
    }

    /// The lines that these events add to the table, the heading before the first ones;
    /// nothing if there are none.
    pub fn add(&mut self, events: &[ExternalEvent]) -> String {
        if events.is_empty() {
            return String::new();
        }
        for event in events {
            let unread = self.unread(event.number);
            self.table.row(row(event, unread));
        }
        self.table.render_on(self.colours)
    }

    /// How many came since the last one that were not kept until they were read.
    fn unread(&mut self, number: u64) -> u64 {
        let expected = self.next.replace(number.saturating_add(1)).unwrap_or(number);
        number.saturating_sub(expected)
    }
}

fn row(event: &ExternalEvent, unread: u64) -> Vec<Cell> {
    vec![
        event.number.to_string().into(),
        event.utc.as_deref().map_or_else(|| UNKNOWN.to_owned(), harmless).into(),
        text::time(event.uncertainty).into(),
        text::time(event.bound).into(),
        harmless(&event.event).into(),
        harmless(&event.clock).into(),
        note(event, unread),
    ]
}

/// What is to be known of the event besides its time.
fn note(event: &ExternalEvent, unread: u64) -> Cell {
    let reason = event.not_traceable_because.as_deref().map_or_else(String::new, harmless);
    let (claim, look) = match (&event.utc, event.traceable) {
        (None, _) => (format!("no time: {reason}"), Look::Bad),
        (Some(_), false) => (format!("not traceable: {reason}"), Look::Doubtful),
        (Some(_), true) => (String::new(), Look::Plain),
    };
    let lost = match event.lost {
        0 => String::new(),
        lost => format!("{lost} or more edges lost before"),
    };
    let unread = match unread {
        0 => String::new(),
        unread => format!("{unread} events not shown before"),
    };
    let look = if lost.is_empty() && unread.is_empty() { look } else { Look::Bad };
    let notes: Vec<String> = [claim, lost, unread].into_iter().filter(|n| !n.is_empty()).collect();
    Cell::new(notes.join("; "), look)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u64) -> ExternalEvent {
        ExternalEvent {
            number,
            event: "trigger".into(),
            clock: "nic".into(),
            utc: Some("2026-11-22T12:00:00.000000042Z".into()),
            uncertainty: Some(120e-9),
            bound: Some(1.5e-6),
            traceable: true,
            ..ExternalEvent::default()
        }
    }

    #[test]
    fn events_go_on_below_each_other_under_one_heading() {
        let mut table = EventTable::new(Colours::Off);
        assert_eq!(table.add(&[]), "");
        let first = table.add(&[event(7)]);
        let heading = first.lines().next().unwrap_or_default();
        assert!(heading.starts_with("No.  UTC") && heading.ends_with("Note"), "{first}");
        let second = table.add(&[event(8)]);
        assert_eq!(
            first.lines().nth(1).map(|line| line.replacen('7', "8", 1) + "\n"),
            Some(second)
        );
    }

    #[test]
    fn what_is_no_time_or_no_claim_is_said() {
        let mut table = EventTable::new(Colours::Off);
        let unknown = ExternalEvent {
            utc: None,
            uncertainty: None,
            bound: None,
            traceable: false,
            not_traceable_because: Some("no source has been selected".into()),
            ..event(0)
        };
        let text = table.add(&[unknown]);
        assert!(text.ends_with("no time: no source has been selected\n"), "{text}");
        assert!(!text.contains("2026"), "{text}");
        let claim = ExternalEvent {
            traceable: false,
            not_traceable_because: Some("no origin".into()),
            ..event(1)
        };
        assert!(table.add(&[claim]).ends_with("not traceable: no origin\n"));
    }

    #[test]
    fn what_was_lost_or_not_read_is_said() {
        let mut table = EventTable::new(Colours::Off);
        table.add(&[event(0)]);
        let text = table.add(&[ExternalEvent { lost: 3, ..event(10) }]);
        assert!(text.ends_with("3 or more edges lost before; 9 events not shown before\n"));
    }
}
