//! The live screen, and the one line for a journal.

use super::text::{self, Colours, harmless};
use super::{clocks, sources, status};
use crate::status::{ClockStatus, SelectionState, Status};

/// Everything at one glance: verdict, clocks, sources.
#[must_use]
pub fn screen(status: &Status, colours: Colours) -> String {
    let headline = status::headline(status, colours);
    let clocks = clocks(status, colours);
    let sources = sources(status, colours);
    let up = text::span(status.uptime);
    format!("{headline}\n{clocks}\n{sources}\nutcd {}, up {up}\n", harmless(&status.version))
}

/// Puts a text in place of what a terminal shows, without flicker and whatever its size.
///
/// Each line is put in its row, cleared to its end and cut at the edge of the terminal;
/// what is left below is cleared (ECMA-48: CUP, EL, ED; DECAWM off while it is written).
/// A row that the terminal does not have is its last one: so the text never scrolls, and
/// of one that is too long the beginning and the last line are shown.
#[must_use]
pub fn frame(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let rows = (1..).zip(&lines).map(|(row, line)| format!("\x1b[{row};1H{line}\x1b[K"));
    let below = lines.len() + 1;
    format!("\x1b[?7l{}\x1b[J\x1b[{below};1H\x1b[?7h", rows.collect::<String>())
}

/// A clock in one line: `system locked, offset +1.23 µs ± 4.56 µs (k=2), …`.
///
/// Without a line break, since a journal adds its own.
#[must_use]
pub fn line(status: &Status, clock: &ClockStatus) -> String {
    let of_clock = || status.sources.iter().filter(|source| source.clock == clock.name);
    let agree = of_clock().filter(|source| {
        matches!(
            source.state,
            SelectionState::Leader | SelectionState::Combined | SelectionState::Candidate
        )
    });
    format!(
        "{} {}, offset {} (k=2), bound {}, frequency {}, leader {}, sources {}/{}",
        harmless(&clock.name),
        clock.state.name(),
        text::measured(clock.offset, clock.uncertainty),
        text::time(clock.bound),
        text::frequency(clock.frequency),
        clock.leader.as_deref().map_or_else(|| "none".to_owned(), harmless),
        agree.count(),
        of_clock().count(),
    )
}
