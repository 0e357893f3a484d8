//! The traceability chain of a clock, from its declared origin down.

use clock_models::graph::{Chain, ClockGraph, ClockKind, GraphError, Link};
use clock_models::keeper::Edge;
use clock_models::time::{Duration, Timestamp, Utc};
use clock_models::uncertainty::{Budget, Component};

use crate::account::Account;
use crate::config::{Date, Origin};
use crate::status::{BudgetLine, ChainLink};

/// The last day of a certificate is a whole one.
const DAY: Duration = Duration::from_secs(86_400);

/// What is known of the leading source besides its comparisons.
#[derive(Debug, Clone)]
pub struct Upward<'a> {
    /// Its name.
    pub source: &'a str,
    /// `NTP` or `PTP`.
    pub protocol: &'a str,
    /// Where its time comes from, as declared.
    pub origin: Option<&'a Origin>,
    /// What is known of it, where it is a clock of this host that follows something.
    pub upper: Option<&'a Account>,
}

/// The chain of `clock`, which is known against its `leader` as well as `path` says.
/// `None` is a fault of the program, and logged.
#[must_use]
pub fn chain(
    clock: &str,
    leader: &Edge,
    path: &Budget,
    up: &Upward<'_>,
    now: Timestamp<Utc>,
) -> Option<Chain> {
    let mut last = path.components().to_vec();
    let build = || -> Result<Chain, GraphError> {
        let mut graph = ClockGraph::default();
        graph.add_clock(clock, ClockKind::HostClock)?;
        match up.upper.and_then(|upper| Some((upper, upper.chain.as_ref()?))) {
            Some((upper, above)) => {
                graph.add_chain(above)?;
                last.push(upper.offset());
            }
            None => last.extend(add_source(&mut graph, leader, up)?),
        }
        graph.connect(link(up.source, clock, up.protocol, last))?;
        graph.chain(clock, now)
    };
    build().inspect_err(|error| tracing::error!("chain of {clock}: {error}")).ok()
}

/// Adds a source that is no clock of this host, and its declared origin. Without one, what
/// the source states of itself belongs to the only link there is.
fn add_source(
    graph: &mut ClockGraph,
    leader: &Edge,
    up: &Upward<'_>,
) -> Result<Vec<Component>, GraphError> {
    graph.add_clock(up.source, ClockKind::RemoteServer)?;
    let upstream = leader.upstream_components().collect();
    let Some(origin) = up.origin else { return Ok(upstream) };
    graph.add_clock(&origin.clock, kind(&origin.clock))?;
    graph.connect(certified(origin, up.source, upstream))?;
    Ok(Vec::new())
}

/// An origin that is UTC, or a laboratory's realisation of it, ends a chain; any other
/// name is a clock of which nothing more is known.
fn kind(origin: &str) -> ClockKind {
    match origin {
        "UTC" => ClockKind::Utc,
        name if name.starts_with("UTC(") => ClockKind::UtcK,
        _ => ClockKind::RemoteServer,
    }
}

fn link(from: &str, to: &str, by: &str, components: Vec<Component>) -> Link {
    Link {
        from: from.to_owned(),
        to: to.to_owned(),
        by: by.to_owned(),
        // The components come from budgets, or from checked configuration and packets.
        budget: Budget::new(components).unwrap_or_default(),
        starts: None,
        expires: None,
        fault: None,
    }
}

/// Without a stated uncertainty the link proves nothing, whatever the source says of its
/// own way: its budget stays empty.
fn certified(origin: &Origin, source: &str, upstream: Vec<Component>) -> Link {
    let by = match (&origin.certificate, &origin.laboratory) {
        (Some(number), Some(laboratory)) => format!("certificate {number}, {laboratory}"),
        (Some(number), None) => format!("certificate {number}"),
        (None, _) => "declaration of the operator".to_owned(),
    };
    let starts = origin.issued.as_ref().and_then(midnight);
    let expires = origin.expires.as_ref().and_then(midnight).map(|day| day + DAY);
    Link { starts, expires, ..link(&origin.clock, source, &by, upstream) }
}

/// The midnight that begins a day, UTC.
fn midnight(date: &Date) -> Option<Timestamp<Utc>> {
    Timestamp::from_date(i64::from(date.year), date.month, date.day)
}

/// The links as they are published.
#[must_use]
pub fn published(chain: &Chain) -> Vec<ChainLink> {
    chain.links().iter().map(published_link).collect()
}

fn published_link(link: &Link) -> ChainLink {
    ChainLink {
        from: link.from.clone(),
        to: link.to.clone(),
        by: link.by.clone(),
        components: link.budget.components().iter().map(line).collect(),
        standard_uncertainty: link.budget.standard_uncertainty(),
        bound: link.budget.bound(),
    }
}

fn line(component: &Component) -> BudgetLine {
    BudgetLine {
        name: component.name.to_string(),
        evaluation: component.evaluation.to_string(),
        distribution: component.distribution.to_string(),
        standard_uncertainty: component.standard_uncertainty,
        bound: component.bound,
    }
}
