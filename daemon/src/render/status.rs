//! One page for an operator: all is well, or what is not.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::table::{Align, Cell, Table};
use super::text::{self, Colours, Look, UNKNOWN, harmless};
use crate::status::{
    ClockState, ClockStatus, EventStatus, NtpServerStatus, OutputStatus, RecorderStatus, Status,
};

/// What an operator asks first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// What keeps a clock from being synchronised. Empty: all is well.
    pub problems: Vec<String>,
    /// What an operator should know although the clocks are synchronised.
    pub warnings: Vec<String>,
}

impl Verdict {
    /// True if every clock follows its sources, or has none by intention.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Judges a snapshot.
#[must_use]
pub fn verdict(status: &Status) -> Verdict {
    let mut verdict = Verdict::default();
    if status.clocks.is_empty() {
        verdict.problems.push("utcd keeps no clock".to_owned());
    }
    for clock in status.clocks.iter().filter(|clock| clock.state != ClockState::FreeRunning) {
        let name = harmless(&clock.name);
        match problem(clock) {
            Some(problem) => verdict.problems.push(format!("clock {name} {problem}")),
            None if !clock.traceable => {
                verdict.warnings.push(format!("clock {name} is not traceable"));
            }
            None => {}
        }
        if let Some(beyond) = beyond_range(clock) {
            verdict.warnings.push(format!("clock {name} {beyond}"));
        }
    }
    if status.leap.expired {
        let expired = text::date(status.leap.expires);
        verdict.warnings.push(format!("the leap-second table expired on {expired}: update it"));
    }
    if status.recorder.as_ref().is_some_and(|recorder| recorder.error.is_some()) {
        verdict.warnings.push("rows of the recording are lost".to_owned());
    }
    for output in status.outputs.iter().filter(|output| !output.on) {
        verdict.warnings.push(format!("output {} has no pulses", harmless(&output.name)));
    }
    for event in status.events.iter().filter(|event| event.fault.is_some()) {
        verdict.warnings.push(format!("event {} is not stamped", harmless(&event.name)));
    }
    verdict
}

/// What the clock would have to run at to follow its sources, where it cannot.
fn beyond_range(clock: &ClockStatus) -> Option<String> {
    let (wanted, range) = clock.impossible_frequency.zip(clock.max_frequency)?;
    let (wanted, range) = (text::ratio(Some(wanted)), text::ratio(Some(range)));
    Some(format!("would have to run at {wanted}, and can be set to ±{range} only: it drifts off"))
}

fn problem(clock: &ClockStatus) -> Option<String> {
    if let Some(fault) = &clock.fault {
        return Some(format!("cannot be read: {}", harmless(fault)));
    }
    if let Some(reason) = &clock.refusal {
        return Some(format!("cannot be steered: {}", harmless(reason)));
    }
    match clock.state {
        ClockState::Locked | ClockState::FreeRunning => None,
        ClockState::Unsynchronised => Some("is not synchronised".to_owned()),
        ClockState::Acquiring => Some("is still being set".to_owned()),
        ClockState::Holdover => Some(format!("runs on its own for {}", text::span(clock.holdover))),
        ClockState::Faulty => Some("cannot be read".to_owned()),
        ClockState::Panic => {
            Some("was left alone: the change asked for is beyond the panic limit".to_owned())
        }
    }
}

/// The verdict, then every clock with its figures, then what else is in force.
#[must_use]
pub fn status(status: &Status, colours: Colours) -> String {
    let mut text = headline(status, colours);
    for clock in &status.clocks {
        text.push('\n');
        text.push_str(&clock_page(clock, colours));
    }
    text.push('\n');
    text.push_str(&daemon_page(status, colours));
    text
}

/// The verdict, one line for each thing it says.
pub(super) fn headline(status: &Status, colours: Colours) -> String {
    let verdict = verdict(status);
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left)]);
    for clock in status.clocks.iter().filter(|_| verdict.is_ok()) {
        let name = harmless(&clock.name);
        let well = if clock.state == ClockState::FreeRunning {
            format!("clock {name} is taken as it is: no source is configured for it")
        } else {
            let offset = text::measured(clock.offset, clock.uncertainty);
            format!("clock {name} is synchronised, offset {offset}")
        };
        table.row(vec![Cell::new("OK".to_owned(), Look::Good), well.into()]);
    }
    for problem in verdict.problems {
        table.row(vec![Cell::new("NOT OK".to_owned(), Look::Bad), problem.into()]);
    }
    for warning in verdict.warnings {
        table.row(vec![Cell::new("WARNING".to_owned(), Look::Doubtful), warning.into()]);
    }
    table.render(colours)
}

fn clock_page(clock: &ClockStatus, colours: Colours) -> String {
    let mut table = pairs();
    let kind = if clock.disciplined { "" } else { ", only observed" };
    table.row(vec![
        Cell::new("Clock".to_owned(), Look::Bold),
        Cell::new(
            format!("{} ({}{kind})", harmless(&clock.name), harmless(&clock.kind)),
            Look::Bold,
        ),
    ]);
    let state = match clock.state {
        ClockState::Holdover => format!("holdover for {}", text::span(clock.holdover)),
        state => state.name().to_owned(),
    };
    table.row(vec!["  State".into(), Cell::new(state, text::clock_look(clock.state))]);
    if let Some(device) = &clock.device {
        let range = clock.max_frequency.map_or_else(String::new, |range| {
            format!(", frequency to ±{}", text::ratio(Some(range)))
        });
        table.row(vec!["  Device".into(), format!("{}{range}", harmless(device)).into()]);
    }
    if clock.state != ClockState::FreeRunning {
        figures(clock, &mut table);
    }
    table.row(vec!["  TAI-UTC".into(), format!("{} s", clock.tai_offset).into()]);
    let changes = format!("{} by utcd, {} by others", clock.steps, clock.interference);
    table.row(vec!["  Steps".into(), changes.into()]);
    table.render(colours)
}

/// What a clock is by its sources.
fn figures(clock: &ClockStatus, table: &mut Table) {
    let offset = text::measured(clock.offset, clock.uncertainty);
    table.row(vec!["  Offset".into(), noted(offset, "U, k = 2; + is fast").into()]);
    table.row(vec!["  Hard bound".into(), text::time(clock.bound).into()]);
    let frequency = text::measured_frequency(clock.frequency, clock.frequency_uncertainty);
    table.row(vec!["  Frequency".into(), noted(frequency, "u, k = 1").into()]);
    let leader = clock.leader.as_deref().map_or_else(|| UNKNOWN.to_owned(), harmless);
    table.row(vec!["  Leader".into(), leader.into()]);
    table.row(vec!["  Traceable".into(), traceable(clock)]);
    let root = format!(
        "{}, root delay {}, root dispersion {}",
        clock.stratum,
        text::time(Some(clock.root_delay)),
        text::time(Some(clock.root_dispersion)),
    );
    table.row(vec!["  Stratum".into(), root.into()]);
}

/// A figure with what it means, if there is one.
fn noted(figure: String, note: &str) -> String {
    if figure == UNKNOWN { figure } else { format!("{figure}  ({note})") }
}

fn traceable(clock: &ClockStatus) -> Cell {
    let origin = clock.chain.first().map(|link| harmless(&link.from));
    match (clock.traceable, origin, &clock.not_traceable_because) {
        (true, Some(origin), _) => Cell::new(format!("to {origin}"), Look::Good),
        (true, None, _) => Cell::new("yes".to_owned(), Look::Good),
        (false, _, Some(reason)) => Cell::new(format!("no: {}", harmless(reason)), Look::Doubtful),
        (false, _, None) => Cell::new("no".to_owned(), Look::Doubtful),
    }
}

fn daemon_page(status: &Status, colours: Colours) -> String {
    let mut table = pairs();
    let leap = &status.leap;
    let (until, look) =
        if leap.expired { ("expired", Look::Bad) } else { ("valid until", Look::Plain) };
    let expiry = format!("{}, {until} {}", harmless(&leap.table), text::date(leap.expires));
    table.row(vec!["Leap table".into(), Cell::new(expiry, look)]);
    let by = if leap.by_sources { ", announced by sources" } else { "" };
    let next = |next| format!("{}{by}", text::date(next));
    let next = leap.next.map_or_else(|| "none announced".to_owned(), next);
    table.row(vec!["Leap second".into(), next.into()]);
    for event in &status.events {
        table.row(vec!["Event".into(), self::event(event)]);
    }
    for output in &status.outputs {
        table.row(vec!["Output".into(), self::output(output)]);
    }
    if let Some(server) = &status.ntp_server {
        table.row(vec!["NTP server".into(), ntp_server(server).into()]);
    }
    if let Some(recorder) = &status.recorder {
        table.row(vec!["Recorder".into(), self::recorder(recorder)]);
    }
    if status.suspends.count > 0 {
        let last = text::span(status.suspends.last);
        let suspends = format!("{}, the last for {last}", status.suspends.count);
        table.row(vec!["Suspends".into(), suspends.into()]);
    }
    let running = format!("utcd {}, up {}", harmless(&status.version), text::span(status.uptime));
    table.row(vec!["Daemon".into(), running.into()]);
    table.render(colours)
}

fn event(event: &EventStatus) -> Cell {
    let lost = event.lost.values().fold(0, |sum: u64, count| sum.saturating_add(*count));
    let [name, place, clock] = [&event.name, &event.place, &event.clock].map(|text| harmless(text));
    let mut counts =
        format!("{name}: {place}, clock {clock}: {} stamped, {lost} lost", event.stamped);
    if event.trailing_edges > 0 {
        let _ = write!(counts, ", {} trailing edges", event.trailing_edges);
    }
    match &event.fault {
        Some(fault) => Cell::new(format!("{counts}: {}", harmless(fault)), Look::Bad),
        None => counts.into(),
    }
}

fn output(output: &OutputStatus) -> Cell {
    let (name, clock) = (harmless(&output.name), harmless(&output.clock));
    let place = format!("{name}: channel {}, clock {clock}", output.channel);
    match (output.on, &output.off_because) {
        (true, _) => {
            let advance = text::offset(Some(output.advance));
            format!("{place}: 1PPS, advance {advance}").into()
        }
        (false, Some(reason)) => {
            Cell::new(format!("{place}: off: {}", harmless(reason)), Look::Doubtful)
        }
        (false, None) => Cell::new(format!("{place}: off"), Look::Doubtful),
    }
}

fn ntp_server(server: &NtpServerStatus) -> String {
    let all = |counts: &BTreeMap<String, u64>| {
        counts.values().fold(0, |sum: u64, count| sum.saturating_add(*count))
    };
    let mut counts = format!(
        "{} gives clock {}: {} answered, {} dropped",
        harmless(&server.listen.join(", ")),
        harmless(&server.clock),
        server.answered,
        all(&server.dropped),
    );
    let stamp_faults = all(&server.stamp_faults);
    if stamp_faults > 0 {
        let _ = write!(counts, ", {stamp_faults} transmit stamps amiss");
    }
    counts
}

fn recorder(recorder: &RecorderStatus) -> Cell {
    let counts = format!("{} rows, {} lost", recorder.rows, recorder.dropped);
    match &recorder.error {
        Some(error) => Cell::new(format!("{counts}: {}", harmless(error)), Look::Bad),
        None if recorder.file.is_empty() => counts.into(),
        None => format!("{}: {counts}", harmless(&recorder.file)).into(),
    }
}

/// Names and values; the longest name of a clock's page sets the width for all.
fn pairs() -> Table {
    Table::new(&[("", Align::Left), ("", Align::Left)])
}
