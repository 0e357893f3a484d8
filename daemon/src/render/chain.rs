//! The way from UTC to a clock, and what each link of it costs.

use serde::Serialize;

use super::table::{Align, Cell, Table};
use super::text::{self, Colours, Look, harmless};
use crate::status::{ChainLink, ClockStatus};

/// A traceability chain as `utcctl chain --json` prints it.
#[derive(Debug, Serialize)]
pub struct Chain<'a> {
    /// The clock at its end.
    pub clock: &'a str,
    /// True if an unbroken, valid chain leads to a declared origin.
    pub traceable: bool,
    /// Why not, where it is not.
    pub not_traceable_because: Option<&'a str>,
    /// Expanded uncertainty U of the clock's offset, k = 2, s.
    pub uncertainty: Option<f64>,
    /// Hard bound of its error, s.
    pub bound: Option<f64>,
    /// The parts of the way from UTC that no link covers.
    pub not_covered: Vec<(&'a str, &'a str)>,
    /// From the origin down to the clock.
    pub links: &'a [ChainLink],
}

impl<'a> From<&'a ClockStatus> for Chain<'a> {
    fn from(clock: &'a ClockStatus) -> Self {
        Self {
            clock: &clock.name,
            traceable: clock.traceable,
            not_traceable_because: clock.not_traceable_because.as_deref(),
            uncertainty: clock.uncertainty,
            bound: clock.bound,
            not_covered: clock.gaps(),
            links: &clock.chain,
        }
    }
}

/// The chain from its origin down to the clock, its totals, and what is missing.
#[must_use]
pub fn chain(chain: &Chain<'_>, colours: Colours) -> String {
    let mut text = String::new();
    if !chain.links.is_empty() {
        text.push_str(&links(chain, colours));
        text.push('\n');
    }
    text.push_str(&totals(chain, colours));
    text
}

fn links(chain: &Chain<'_>, colours: Colours) -> String {
    let mut table = Table::new(&[
        ("From the origin down", Align::Left),
        ("Type", Align::Left),
        ("Distribution", Align::Left),
        ("u", Align::Right),
        ("Bound", Align::Right),
    ]);
    for link in chain.links {
        let (from, to, by) = (harmless(&link.from), harmless(&link.to), harmless(&link.by));
        let bold = |text| Cell::new(text, Look::Bold);
        table.row(vec![
            bold(format!("{from} → {to}, by {by}")),
            "".into(),
            "".into(),
            bold(text::time(Some(link.standard_uncertainty))),
            bold(text::time(Some(link.bound))),
        ]);
        for line in &link.components {
            table.row(vec![
                format!("  {}", harmless(&line.name)).into(),
                harmless(&line.evaluation).into(),
                harmless(&line.distribution).into(),
                text::time(Some(line.standard_uncertainty)).into(),
                text::time(Some(line.bound)).into(),
            ]);
        }
    }
    table.render(colours)
}

fn totals(chain: &Chain<'_>, colours: Colours) -> String {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left)]);
    // U is what is published; u_c is the same number by its definition (GUM 6.2.1).
    let combined = chain.uncertainty.map(|expanded| expanded / 2.0);
    table.row(vec!["Clock".into(), harmless(chain.clock).into()]);
    table.row(vec!["Combined standard uncertainty u_c".into(), text::time(combined).into()]);
    table.row(vec![
        "Expanded uncertainty U (k = 2)".into(),
        Cell::new(text::time(chain.uncertainty), Look::Bold),
    ]);
    table.row(vec!["Hard bound of the error".into(), text::time(chain.bound).into()]);
    let origin = chain.links.first().map_or("UTC", |link| link.from.as_str());
    let verdict = if chain.traceable {
        Cell::new(format!("yes, to {}", harmless(origin)), Look::Good)
    } else {
        let reason = chain.not_traceable_because.unwrap_or("utcd gives no reason");
        Cell::new(format!("no: {}", harmless(reason)), Look::Bad)
    };
    table.row(vec!["Traceable".into(), verdict]);
    for (from, to) in &chain.not_covered {
        let gap =
            format!("{} → {}: no link says how far apart they are", harmless(from), harmless(to));
        table.row(vec!["Not covered".into(), Cell::new(gap, Look::Doubtful)]);
    }
    table.render(colours)
}
