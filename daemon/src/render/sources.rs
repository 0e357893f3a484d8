//! The table of sources.

use super::table::{Align, Cell, Table};
use super::text::{self, Colours, Look, UNKNOWN, harmless};
use crate::status::{SelectionState, SourceStatus, Status};

/// What the marks mean; `*`, `+`, `-`, `x` and `?` as in chronyc.
const LEGEND: &str = "* leads  + combined  - agrees  x falseticker  ~ warming up  ? unreachable  \
    ! unusable\nReach: the last eight polls in octal, 377 is all of them. Offset: + is a fast clock.\n\
    Found by the estimator: Floor, the least the round trip takes; Jitter, how much the\n\
    offsets of single exchanges scatter; Wander, what the frequency walks in 1 s.\n";

/// Where the clock stands among the columns.
const CLOCK: usize = 2;

/// One row for each source, another for its noise, and what the marks mean.
#[must_use]
pub fn sources(status: &Status, colours: Colours) -> String {
    if status.sources.is_empty() {
        return "No sources.\n".to_owned();
    }
    let legend: String = LEGEND.lines().map(|line| colours.paint(Look::Dim, line) + "\n").collect();
    format!("{}\n{}\n{legend}", table(status, colours), noise(status, colours))
}

fn table(status: &Status, colours: Colours) -> String {
    let mut columns = vec![
        ("", Align::Left),
        ("Source", Align::Left),
        ("Clock", Align::Left),
        ("By", Align::Left),
        ("St", Align::Right),
        ("Poll", Align::Right),
        ("Reach", Align::Right),
        ("Age", Align::Right),
        ("Offset", Align::Right),
        ("±U (k=2)", Align::Right),
        ("State", Align::Left),
    ];
    // Where there is but one clock, the column would only take room.
    let several = status.clocks.len() > 1;
    if !several {
        columns.remove(CLOCK);
    }
    let mut table = Table::new(&columns);
    for source in &status.sources {
        let mut row = row(source);
        if !several {
            row.remove(CLOCK);
        }
        table.row(row);
    }
    table.render(colours)
}

fn row(source: &SourceStatus) -> Vec<Cell> {
    let look = text::source_look(source.state);
    let stratum = source.stratum.map_or_else(|| UNKNOWN.to_owned(), |stratum| stratum.to_string());
    vec![
        Cell::new(mark(source.state).to_owned(), look),
        harmless(&source.name).into(),
        harmless(&source.clock).into(),
        harmless(&source.protocol).into(),
        stratum.into(),
        text::span(source.poll_interval).into(),
        format!("{:o}", source.reach).into(),
        source.age.map_or_else(|| UNKNOWN.to_owned(), text::span).into(),
        text::offset(source.offset).into(),
        text::time(source.uncertainty).into(),
        Cell::new(state(source), look),
    ]
}

/// What each source is measured by: the last delay, and the noise that was found.
fn noise(status: &Status, colours: Colours) -> String {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("Source", Align::Left),
        ("Delay", Align::Right),
        ("Floor", Align::Right),
        ("Jitter", Align::Right),
        ("Wander", Align::Right),
        ("Stamps", Align::Left),
    ]);
    for source in &status.sources {
        table.row(vec![
            Cell::new(mark(source.state).to_owned(), text::source_look(source.state)),
            harmless(&source.name).into(),
            text::time(source.delay).into(),
            text::time(source.delay_floor).into(),
            text::time(source.jitter).into(),
            text::ratio(source.wander).into(),
            stamps(source).into(),
        ]);
    }
    table.render(colours)
}

/// Who stamps, what peer delay exchanges serve as, why not the hardware, and what that
/// spares.
fn stamps(source: &SourceStatus) -> String {
    if source.time_stamps.is_empty() {
        return UNKNOWN.to_owned();
    }
    let by = harmless(&source.time_stamps);
    let by = match &source.peer_delay {
        Some(used) => format!("{by}, peer delay as {}", harmless(used)),
        None => by,
    };
    match (&source.no_hardware, source.host_latency) {
        (Some(reason), _) => format!("{by}: {}", harmless(reason)),
        (None, Some(latency)) => format!("{by}, kernel {} later", text::time(Some(latency))),
        (None, None) => by,
    }
}

const fn mark(state: SelectionState) -> &'static str {
    match state {
        SelectionState::Leader => "*",
        SelectionState::Combined => "+",
        SelectionState::Candidate => "-",
        SelectionState::Falseticker => "x",
        SelectionState::Warming => "~",
        SelectionState::Unreachable => "?",
        SelectionState::Unusable => "!",
    }
}

fn state(source: &SourceStatus) -> String {
    match &source.reason {
        Some(reason) => format!("{}: {}", source.state.name(), harmless(reason)),
        None => source.state.name().to_owned(),
    }
}
