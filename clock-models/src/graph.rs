//! The clock graph: which clock was compared with which, up to UTC.
//!
//! The way of a clock up to its origin *is* its traceability chain, and the sum of the
//! budgets along it is its uncertainty. A clock that is compared with several others
//! follows one of them, its leader: only that comparison belongs to its chain, so every
//! clock has one link upwards at most.

use std::collections::BTreeMap;

use crate::time::{Timestamp, Utc};
use crate::uncertainty::Budget;

/// What sort of clock a node of the graph is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClockKind {
    /// UTC itself: the end of every way.
    Utc,
    /// UTC as a laboratory realises it: `UTC(NIM)`. An origin that may be declared.
    UtcK,
    /// An NTP server or PTP grandmaster.
    RemoteServer,
    /// A clock of this host.
    HostClock,
}

/// What is wrong with a link just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The upper clock says itself that it is unsynchronised.
    UpstreamUnsynchronised,
    /// No good comparison for too long.
    Stale,
}

/// A comparison of two clocks: a stream of exchanges, a certificate, a Circular T.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Name of the clock nearer to UTC.
    pub from: String,
    /// Name of the clock compared with it.
    pub to: String,
    /// The method: `NTP`, `PTP`, `certificate 2026-0817`, `Circular T 466`.
    pub by: String,
    /// How well `to` is known against `from`.
    pub budget: Budget,
    /// From when on it is valid, if not always.
    pub starts: Option<Timestamp<Utc>>,
    /// When the link ceases to be valid, if it does.
    pub expires: Option<Timestamp<Utc>>,
    /// What is wrong with it, if anything is.
    pub fault: Option<Fault>,
}

impl Link {
    /// Why it carries no traceability at `now`.
    fn broken(&self, now: Timestamp<Utc>) -> Option<Untraceable> {
        if let Some(at) = self.expires.filter(|&at| now >= at) {
            return Some(Untraceable::Expired { link: self.describe(), at });
        }
        if let Some(at) = self.starts.filter(|&at| now < at) {
            return Some(Untraceable::NotYetValid { link: self.describe(), at });
        }
        match self.fault {
            Some(Fault::UpstreamUnsynchronised) => {
                Some(Untraceable::UpstreamUnsynchronised { clock: self.from.clone() })
            }
            Some(Fault::Stale) => Some(Untraceable::Stale { link: self.describe() }),
            // VIM 2.41: each link contributes to the uncertainty.
            None if self.budget.components().is_empty() => {
                Some(Untraceable::NoUncertainty { link: self.describe() })
            }
            None => None,
        }
    }

    fn ends(&self) -> String {
        format!("{} → {}", self.from, self.to)
    }

    fn describe(&self) -> String {
        format!("{} ({})", self.by, self.ends())
    }
}

/// Why a link does not fit into the graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The link names a clock that is not in the graph.
    #[error("no clock is named {0:?}")]
    UnknownClock(String),
    /// Two clocks of one name.
    #[error("two clocks are named {0:?}")]
    NameTaken(String),
    /// The upper clock depends on the lower one already.
    #[error("{from} cannot be a reference of {to}: it takes its own time from there")]
    Cycle {
        /// The clock that was to be the upper one.
        from: String,
        /// The clock that was to be the lower one.
        to: String,
    },
    /// Nothing is nearer to UTC than UTC.
    #[error("{0} is UTC itself and has no reference")]
    AboveUtc(String),
}

/// Why a clock is not traceable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untraceable {
    /// The way ends at a server of which no origin is declared.
    #[error("no origin is declared for {clock}")]
    NoOrigin {
        /// The server.
        clock: String,
    },
    /// The way ends at a clock of this host that follows nothing.
    #[error("no source is selected for {clock}")]
    NoSource {
        /// The clock.
        clock: String,
    },
    /// A certificate, or anything else with a term.
    #[error("{link} expired at {at}")]
    Expired {
        /// Method and ends of the link.
        link: String,
        /// When.
        at: Timestamp<Utc>,
    },
    /// A certificate that holds from a later day on.
    #[error("{link} is valid only from {at}")]
    NotYetValid {
        /// Method and ends of the link.
        link: String,
        /// From when.
        at: Timestamp<Utc>,
    },
    /// A clock further up has lost its time.
    #[error("{clock} says itself that it is unsynchronised")]
    UpstreamUnsynchronised {
        /// That clock.
        clock: String,
    },
    /// The comparisons have stopped.
    #[error("{link} has brought nothing new for too long")]
    Stale {
        /// Method and ends of the link.
        link: String,
    },
    /// A link with an empty budget proves nothing.
    #[error("{link} states no uncertainty")]
    NoUncertainty {
        /// Method and ends of the link.
        link: String,
    },
}

struct Node {
    kind: ClockKind,
    /// The link to the clock it follows.
    up: Option<Link>,
}

/// All clocks that are known, each with its way up.
#[derive(Default)]
pub struct ClockGraph {
    clocks: BTreeMap<String, Node>,
}

impl ClockGraph {
    /// Adds a clock that follows nothing yet.
    ///
    /// # Errors
    /// The name is taken.
    pub fn add_clock(&mut self, name: &str, kind: ClockKind) -> Result<(), GraphError> {
        if self.clocks.contains_key(name) {
            return Err(GraphError::NameTaken(name.to_owned()));
        }
        self.clocks.insert(name.to_owned(), Node { kind, up: None });
        Ok(())
    }

    /// Lets `link.to` follow `link.from`, in place of what it followed before.
    ///
    /// # Errors
    /// An unknown clock, a cycle, or a reference for UTC itself; the graph stays as it was.
    pub fn connect(&mut self, link: Link) -> Result<(), GraphError> {
        let unknown = |name: &String| GraphError::UnknownClock(name.clone());
        if !self.clocks.contains_key(&link.from) {
            return Err(unknown(&link.from));
        }
        let is_above = self.way_up(&link.from).any(|upper| upper.from == link.to);
        if is_above || link.from == link.to {
            return Err(GraphError::Cycle { from: link.from, to: link.to });
        }
        let node = self.clocks.get_mut(&link.to).ok_or_else(|| unknown(&link.to))?;
        if node.kind == ClockKind::Utc {
            return Err(GraphError::AboveUtc(link.to));
        }
        node.up = Some(link);
        Ok(())
    }

    /// Adds the clocks and links of a chain that was worked out elsewhere.
    ///
    /// # Errors
    /// A clock of it is there already; those before it stay.
    pub fn add_chain(&mut self, chain: &Chain) -> Result<(), GraphError> {
        self.add_clock(&chain.origin, chain.kind)?;
        for link in &chain.links {
            // What lies below an origin is neither UTC nor an origin.
            self.add_clock(&link.to, ClockKind::HostClock)?;
            self.connect(link.clone())?;
        }
        Ok(())
    }

    /// Lets a clock follow nothing: it has no leader any more.
    ///
    /// # Errors
    /// An unknown clock.
    pub fn disconnect(&mut self, clock: &str) -> Result<(), GraphError> {
        let unknown = || GraphError::UnknownClock(clock.to_owned());
        self.clocks.get_mut(clock).ok_or_else(unknown)?.up = None;
        Ok(())
    }

    /// The way from the origin of a clock down to it, as it stands at `now`.
    ///
    /// # Errors
    /// An unknown clock.
    pub fn chain(&self, clock: &str, now: Timestamp<Utc>) -> Result<Chain, GraphError> {
        let mut links: Vec<Link> = self.way_up(clock).cloned().collect();
        links.reverse();
        let origin = links.first().map_or(clock, |link| &link.from).to_owned();
        let node = self.clocks.get(&origin);
        let kind = node.ok_or_else(|| GraphError::UnknownClock(clock.to_owned()))?.kind;
        let broken = match kind {
            ClockKind::Utc | ClockKind::UtcK => links.iter().find_map(|link| link.broken(now)),
            ClockKind::RemoteServer => Some(Untraceable::NoOrigin { clock: origin.clone() }),
            ClockKind::HostClock => Some(Untraceable::NoSource { clock: origin.clone() }),
        };
        Ok(Chain { origin, kind, links, broken })
    }

    /// The links from a clock upwards. It ends because cycles are refused.
    fn way_up<'a>(&'a self, clock: &str) -> impl Iterator<Item = &'a Link> {
        let up = |clock: &str| self.clocks.get(clock)?.up.as_ref();
        std::iter::successors(up(clock), move |link| up(&link.from))
    }
}

/// The documented way from an origin down to a clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    origin: String,
    kind: ClockKind,
    links: Vec<Link>,
    broken: Option<Untraceable>,
}

impl Chain {
    /// The clock where the way begins; the clock itself if it follows nothing.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The links, from the origin downwards.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// The budgets of all links as one, every component with its link named before it.
    ///
    /// It is the uncertainty against the origin, and so against UTC only as far as
    /// [`uncovered`](Self::uncovered) is `None`.
    #[must_use]
    pub fn budget(&self) -> Budget {
        Budget::sum(self.links.iter().flat_map(|link| {
            let ends = link.ends();
            link.budget.labelled(&ends).collect::<Vec<_>>()
        }))
    }

    /// Whether an unbroken, valid chain led to a declared origin.
    ///
    /// # Errors
    /// The first reason why not, from the origin downwards.
    pub fn traceable(&self) -> Result<(), &Untraceable> {
        self.broken.as_ref().map_or(Ok(()), Err)
    }

    /// The part of the way to UTC that the chain does not include, in words.
    #[must_use]
    pub fn uncovered(&self) -> Option<String> {
        let origin = &self.origin;
        match self.kind {
            ClockKind::Utc => None,
            ClockKind::UtcK => {
                Some(format!("UTC − {origin} is not included: no Circular T is configured"))
            }
            ClockKind::RemoteServer | ClockKind::HostClock => {
                let why = self.broken.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                Some(format!("UTC − {origin} is not included{why}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uncertainty::Component;
    use proptest::prelude::*;

    const NOW: Timestamp<Utc> = Timestamp::from_secs(1_795_322_804);

    fn link(from: &str, to: &str, by: &str, components: &[Component]) -> Link {
        Link {
            from: from.to_owned(),
            to: to.to_owned(),
            by: by.to_owned(),
            budget: Budget::new(components.iter().cloned()).unwrap(),
            starts: None,
            expires: None,
            fault: None,
        }
    }

    fn certificate() -> Link {
        let expires = Some(NOW + crate::time::Duration::SECOND);
        let budget = [Component::calibration(100e-9, 2.0)];
        Link { expires, ..link("UTC(NIM)", "ntp1", "certificate 2026-0817", &budget) }
    }

    fn ntp() -> Link {
        link("ntp1", "system", "NTP", &[Component::path_asymmetry(1e-3, 0.0, None)])
    }

    fn circular_t() -> Link {
        link("UTC", "UTC(NIM)", "Circular T 466", &[Component::certificate("uB", 3e-9, 1.0)])
    }

    fn graph(links: impl IntoIterator<Item = Link>) -> ClockGraph {
        let mut graph = ClockGraph::default();
        for (name, kind) in [
            ("UTC", ClockKind::Utc),
            ("UTC(NIM)", ClockKind::UtcK),
            ("ntp1", ClockKind::RemoteServer),
            ("ntp2", ClockKind::RemoteServer),
            ("system", ClockKind::HostClock),
            ("virtual", ClockKind::HostClock),
        ] {
            graph.add_clock(name, kind).unwrap();
        }
        for link in links {
            graph.connect(link).unwrap();
        }
        graph
    }

    fn reason(links: impl IntoIterator<Item = Link>) -> String {
        let chain = graph(links).chain("system", NOW).unwrap();
        chain.traceable().unwrap_err().to_string()
    }

    #[test]
    fn a_chain_runs_from_utc_down_and_its_budget_is_the_sum() {
        let chain = graph([ntp(), circular_t(), certificate()]).chain("system", NOW).unwrap();
        let ends: Vec<String> = chain.links().iter().map(Link::ends).collect();
        assert_eq!(ends, ["UTC → UTC(NIM)", "UTC(NIM) → ntp1", "ntp1 → system"]);
        assert_eq!(chain.origin(), "UTC");
        assert_eq!(chain.traceable(), Ok(()));
        assert_eq!(chain.uncovered(), None);

        let total = chain.budget();
        let names: Vec<&str> = total.components().iter().map(|c| c.name.as_ref()).collect();
        assert_eq!(
            names,
            [
                "UTC → UTC(NIM): uB",
                "UTC(NIM) → ntp1: calibration certificate",
                "ntp1 → system: path asymmetry",
            ]
        );
        let bound: f64 = chain.links().iter().map(|l| l.budget.bound()).sum();
        let square: f64 =
            chain.links().iter().map(|l| l.budget.standard_uncertainty().powi(2)).sum();
        assert!((total.bound() - bound).abs() < 1e-18);
        assert!((total.standard_uncertainty() - square.sqrt()).abs() < 1e-18);
    }

    #[test]
    fn a_chain_that_ends_at_a_laboratory_says_what_is_missing_to_utc() {
        let chain = graph([certificate(), ntp()]).chain("system", NOW).unwrap();
        assert_eq!(chain.traceable(), Ok(()));
        let missing = "UTC − UTC(NIM) is not included: no Circular T is configured";
        assert_eq!(chain.uncovered().as_deref(), Some(missing));
    }

    #[test]
    fn every_way_to_lose_traceability_is_told() {
        let ended = Link { expires: Some(NOW), ..certificate() };
        let tomorrow = NOW + crate::time::Duration::from_secs(86_400);
        let early = Link { starts: Some(tomorrow), ..certificate() };
        let fault = |fault, link| Link { fault: Some(fault), ..link };
        let unsynchronised = fault(Fault::UpstreamUnsynchronised, ntp());
        let stale = fault(Fault::Stale, ntp());
        for (links, text) in [
            (vec![], "no source is selected for system"),
            (vec![ntp()], "no origin is declared for ntp1"),
            (
                vec![ended, ntp()],
                "certificate 2026-0817 (UTC(NIM) → ntp1) expired at \
                 2026-11-22T04:46:44.000000000Z",
            ),
            (
                vec![early, ntp()],
                "certificate 2026-0817 (UTC(NIM) → ntp1) is valid only from \
                 2026-11-23T04:46:44.000000000Z",
            ),
            (vec![certificate(), unsynchronised], "ntp1 says itself that it is unsynchronised"),
            (
                vec![certificate(), stale],
                "NTP (ntp1 → system) has brought nothing new for too long",
            ),
            (
                vec![certificate(), link("ntp1", "system", "NTP", &[])],
                "NTP (ntp1 → system) states no uncertainty",
            ),
        ] {
            assert_eq!(reason(links), text);
        }
    }

    #[test]
    fn the_first_reason_from_the_origin_down_is_told() {
        let ended = Link { expires: Some(NOW), ..certificate() };
        let stale = Link { fault: Some(Fault::Stale), ..ntp() };
        assert!(reason([ended, stale]).starts_with("certificate"));
    }

    #[test]
    fn the_chain_follows_the_leader_and_ends_without_one() {
        let mut graph = graph([certificate(), ntp()]);
        graph.connect(link("ntp2", "system", "NTP", &[])).unwrap();
        let chain = graph.chain("system", NOW).unwrap();
        assert_eq!((chain.origin(), chain.links().len()), ("ntp2", 1));
        let missing = "UTC − ntp2 is not included: no origin is declared for ntp2";
        assert_eq!(chain.uncovered().as_deref(), Some(missing));

        graph.disconnect("system").unwrap();
        let chain = graph.chain("system", NOW).unwrap();
        assert_eq!((chain.origin(), chain.links().len()), ("system", 0));
    }

    #[test]
    fn a_chain_is_continued_by_the_next_clock_and_breaks_where_it_broke() {
        let below =
            link("system", "phc", "reading of both", &[Component::path_asymmetry(1e-6, 0.0, None)]);
        let upper = graph([certificate(), ntp()]).chain("system", NOW).unwrap();
        let mut graph = ClockGraph::default();
        graph.add_chain(&upper).unwrap();
        graph.add_clock("phc", ClockKind::HostClock).unwrap();
        graph.connect(below).unwrap();
        let chain = graph.chain("phc", NOW).unwrap();
        assert_eq!((chain.origin(), chain.links().len()), ("UTC(NIM)", 3));
        assert!(chain.traceable().is_ok());
        assert!(chain.budget().bound() > upper.budget().bound());
        let later = graph.chain("phc", NOW + crate::time::Duration::SECOND).unwrap();
        assert!(matches!(later.traceable(), Err(Untraceable::Expired { .. })));
        let taken = GraphError::NameTaken("UTC(NIM)".to_owned());
        assert_eq!(graph.add_chain(&upper), Err(taken));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        let mut graph =
            graph([link("system", "ntp1", "NTP", &[]), link("ntp1", "virtual", "NTP", &[])]);
        for (from, to) in [("virtual", "system"), ("ntp1", "system"), ("system", "system")] {
            let error = graph.connect(link(from, to, "NTP", &[])).unwrap_err();
            assert_eq!(error, GraphError::Cycle { from: from.to_owned(), to: to.to_owned() });
        }
        let unknown = Err(GraphError::UnknownClock("nowhere".to_owned()));
        assert_eq!(graph.connect(link("nowhere", "system", "NTP", &[])), unknown);
        assert_eq!(graph.connect(link("system", "nowhere", "NTP", &[])), unknown);
        assert_eq!(graph.disconnect("nowhere"), unknown);
        assert_eq!(graph.chain("nowhere", NOW).map(|_| ()), unknown);
        let above = graph.connect(link("UTC(NIM)", "UTC", "Circular T", &[]));
        assert_eq!(above, Err(GraphError::AboveUtc("UTC".to_owned())));
        let taken = graph.add_clock("system", ClockKind::Utc);
        assert_eq!(taken, Err(GraphError::NameTaken("system".to_owned())));

        let chain = graph.chain("virtual", NOW).unwrap();
        assert_eq!((chain.origin(), chain.links().len()), ("system", 2));
    }

    proptest! {
        #[test]
        fn whatever_is_connected_every_chain_ends(
            pairs in prop::collection::vec((0..8u32, 0..8u32), 0..60),
        ) {
            let mut graph = ClockGraph::default();
            for n in 0..8 {
                graph.add_clock(&n.to_string(), ClockKind::HostClock).unwrap();
            }
            for (from, to) in pairs {
                let _ = graph.connect(link(&from.to_string(), &to.to_string(), "NTP", &[]));
            }
            for n in 0..8 {
                let chain = graph.chain(&n.to_string(), NOW).unwrap();
                prop_assert!(chain.links().len() < 8);
            }
        }
    }
}
