//! One clock and its sources: select, combine, discipline, and account for it.
//!
//! Everything between the estimates of the edges and the command to the clock is here,
//! so that the daemon and the testbed cannot differ in it.

use crate::comparison::Upstream;
use crate::discipline::{ClockReading, Command, Discipline, Limits, Tick};
use crate::estimator::{Estimate, combine};
use crate::holdover::Rehearsals;
use crate::selection::{Aside, Candidate, Selection, Selector, SourceId, Unusable, Verdict};
use crate::time::{Duration, Free, Timestamp};
use crate::uncertainty::{Budget, Component, Total};

/// How long the first selection waits for sources that are still warming up: as long
/// as the burst of one that answers takes. Otherwise the first to answer would set the
/// clock, by a step, and liars that are quick would not be outvoted in time.
const FIRST_PATIENCE: Duration = Duration::from_secs(4);

/// What an operator says of a source.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Terms {
    /// Lead by it where it agrees.
    pub prefer: bool,
    /// Believe it against others.
    pub trust: bool,
    /// Select nothing without it.
    pub require: bool,
    /// Only measure it.
    pub watch_only: bool,
    /// Declared floor of the round trip that is the same in both directions, s.
    pub min_delay: Option<f64>,
    /// To be added to the source's time as measured, s: for a known asymmetry of the path
    /// (delayAsymmetry, IEEE 1588-2019 7.4.2) and a certified deviation of the source.
    pub correction: f64,
    /// Expanded uncertainty (k = 2) of the known asymmetry, s.
    pub asymmetry_uncertainty: f64,
    /// Expanded uncertainty (k = 2) of the offset from the known latencies of this host's
    /// time stamps (ingressLatency and egressLatency, IEEE 1588-2019 7.3.4.2), s.
    pub latency_uncertainty: f64,
    /// Expanded uncertainty of the source against its origin (s), and coverage factor.
    pub calibration: Option<(f64, f64)>,
}

/// One source as it stands: the far end of an edge of the clock graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Which one.
    pub id: SourceId,
    /// What the operator says of it.
    pub terms: Terms,
    /// What its comparisons came to.
    pub estimate: Option<Estimate>,
    /// Why it cannot be used, if it cannot.
    pub usable: Result<(), Unusable>,
    /// What it states of itself, by NTP.
    pub upstream: Upstream,
    /// What it claims for its error, s, by PTP's clockAccuracy; `None` is no claim.
    pub clock_accuracy: Option<f64>,
    /// Stratum, or stepsRemoved + 1.
    pub stratum: u8,
    /// Standard uncertainty of this host's time stamps, s.
    pub stamp_uncertainty: f64,
    /// How well the source is known against its origin, where it is a clock of this host
    /// and its owner has worked that out. It stands in the place of what a source claims.
    pub upper: Option<Budget>,
}

impl Edge {
    /// The estimate, corrected for what is known of the path and the source.
    #[must_use]
    pub fn corrected(&self) -> Option<Estimate> {
        let estimate = self.estimate?;
        let correction = Duration::from_seconds(self.terms.correction)?;
        Some(Estimate { offset: estimate.offset + correction, ..estimate })
    }

    /// How well the source is known against its origin.
    pub fn upstream_components(&self) -> impl Iterator<Item = Component> + use<> {
        let upper = self.upper.as_ref().map(|budget| budget.components().to_vec());
        let claimed = upper.is_none().then(|| self.claimed_components());
        upper.into_iter().flatten().chain(claimed.into_iter().flatten())
    }

    fn claimed_components(&self) -> impl Iterator<Item = Component> + use<> {
        // A certificate says more than the source's own claim, and stands in its place.
        let own = match (self.terms.calibration, self.clock_accuracy) {
            (Some((expanded, k)), _) => Some(Component::calibration(expanded, k)),
            (None, accuracy) => accuracy.map(Component::clock_accuracy),
        };
        let Upstream { root_delay, root_dispersion, .. } = self.upstream;
        let delay = (root_delay > 0.0).then(|| Component::root_delay(root_delay));
        let dispersion =
            (root_dispersion > 0.0).then(|| Component::root_dispersion(root_dispersion));
        [own, delay, dispersion].into_iter().flatten()
    }

    /// How well the clock's time base is known against the source, by `estimate`, which
    /// was of this edge before it was carried on; its scatter comes last.
    pub fn path_components(&self, estimate: &Estimate) -> impl Iterator<Item = Component> + use<> {
        let asymmetry = Component::path_asymmetry(
            estimate.delay_floor,
            estimate.delay_floor_deviation,
            self.terms.min_delay,
        );
        let certified =
            |name, expanded| (expanded > 0.0).then(|| Component::certificate(name, expanded, 2.0));
        let calibration = certified("asymmetry calibration", self.terms.asymmetry_uncertainty);
        let latency = certified("interface latency", self.terms.latency_uncertainty);
        let stamps = Component::time_stamps(self.stamp_uncertainty);
        // The packets bound the error whatever the delays were, and half of the floor is a part
        // of that bound. But stamps that scatter by more than anybody declared make packets look
        // early, and the bound too narrow: what the estimate itself scatters stays in it.
        let noise = Component::noise(estimate.offset_deviation, f64::INFINITY);
        let shown = estimate.bound - estimate.delay_floor / 2.0;
        let noise = Component { bound: shown.max(noise.bound), ..noise };
        [Some(asymmetry), calibration, latency, Some(stamps), Some(noise)].into_iter().flatten()
    }

    /// Everything between the clock's time base and the origin of the source, by
    /// `estimate`; `None` where a figure of it is no sound number.
    #[must_use]
    pub fn budget(&self, estimate: &Estimate) -> Option<Budget> {
        Budget::new(self.components(estimate)).ok()
    }

    fn components(&self, estimate: &Estimate) -> impl Iterator<Item = Component> + use<> {
        self.path_components(estimate).chain(self.upstream_components())
    }

    fn candidate(&self, anchor: Duration, now: Timestamp<Free>) -> Candidate {
        let estimate = self.corrected().map(|estimate| estimate.carried_to(now));
        let total = estimate.and_then(|estimate| Total::new(self.components(&estimate)));
        let usable = match (&self.usable, &total) {
            (Ok(()), Some(_)) => Ok(()),
            (Ok(()), None) if estimate.is_some() => Err(Unusable::Invalid),
            (Ok(()), None) => Err(Unusable::Warming),
            (Err(reason), _) => Err(*reason),
        };
        Candidate {
            id: self.id,
            offset: estimate.map_or(0.0, |e| (e.offset - anchor).seconds()),
            standard_uncertainty: total.map_or(0.0, |total| total.standard_uncertainty),
            bound: total.map_or(0.0, |total| total.bound),
            jitter: estimate.map_or(0.0, |e| e.jitter),
            stratum: self.stratum,
            usable,
            prefer: self.terms.prefer,
            trust: self.terms.trust,
            require: self.terms.require,
        }
    }
}

/// What was followed last.
#[derive(Debug, Clone)]
struct Followed {
    leader: Edge,
    /// The corrected estimate of the leader alone.
    own: Estimate,
    /// The combination of all that were selected, of the same instant.
    estimate: Estimate,
    /// How far the combination is from the leader, s, if there was more than one.
    apart: Option<f64>,
}

/// Keeps one clock by its sources.
#[derive(Debug, Clone)]
pub struct Keeper {
    selector: Selector,
    discipline: Discipline,
    /// The sources of which `selection` is.
    edges: Vec<Edge>,
    selection: Selection,
    /// When that was, in the time base of the clock.
    selected_at: Option<Timestamp<Free>>,
    followed: Option<Followed>,
    rehearsals: Rehearsals,
    /// When a source could have been followed first.
    first_usable: Option<Timestamp<Free>>,
    /// Until when the first selection waits.
    waits_until: Option<Timestamp<Free>>,
}

impl Keeper {
    /// A keeper that has seen nothing yet, and follows nothing unless `min_agreeing`
    /// sources agree.
    #[must_use]
    pub fn new(discipline: Discipline, min_agreeing: usize) -> Self {
        let mut selector = Selector::new(min_agreeing);
        let selection = selector.select(&[]);
        Self {
            selector,
            discipline,
            edges: Vec::new(),
            selection,
            selected_at: None,
            followed: None,
            rehearsals: Rehearsals::default(),
            first_usable: None,
            waits_until: None,
        }
    }

    /// Goes on under the terms of a reloaded configuration.
    pub fn set_limits(&mut self, limits: Limits, min_agreeing: usize) {
        self.discipline.set_limits(limits);
        self.set_min_agreeing(min_agreeing);
    }

    /// Follows nothing from now on unless `min_agreeing` sources agree.
    pub fn set_min_agreeing(&mut self, min_agreeing: usize) {
        self.selector = Selector::new(min_agreeing);
        // To be selected from again.
        self.edges.clear();
    }

    /// The discipline of the clock.
    #[must_use]
    pub const fn discipline(&self) -> &Discipline {
        &self.discipline
    }

    /// What selection decided.
    #[must_use]
    pub const fn selection(&self) -> &Selection {
        &self.selection
    }

    /// The sources as they stood when it selected last, in the order of their numbers.
    #[must_use]
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// When it selected last, in the time base of the clock.
    #[must_use]
    pub const fn selected_at(&self) -> Option<Timestamp<Free>> {
        self.selected_at
    }

    /// The source that is followed, or was until the holdover began.
    #[must_use]
    pub fn leader(&self) -> Option<&Edge> {
        self.followed.as_ref().map(|followed| &followed.leader)
    }

    /// How well the clock's time base is known against the leader, `now`.
    #[must_use]
    pub fn path(&self, now: Timestamp<Free>) -> Option<Budget> {
        let holdover = self.discipline.is_held_over();
        path(self.followed.as_ref()?, now, holdover.then_some(&self.rehearsals))
    }

    /// The clock is another one: see [`Discipline::clock_replaced`].
    pub fn clock_replaced(&mut self) {
        self.discipline.clock_replaced();
    }

    /// The clock could not do what it was told.
    pub fn command_failed(&mut self, command: Command) {
        self.discipline.command_failed(command);
    }

    /// One round: after news of a source, and when the last round said so. In between it
    /// only looks whether the clock was let alone. `frequency` is what the clock runs at,
    /// ratio − 1; the `edges` come in the order of their numbers.
    pub fn round(&mut self, reading: ClockReading, frequency: f64, edges: &[Edge]) -> Tick {
        let waited = self.waits_until.is_some_and(|until| reading.base >= until);
        // Time alone brings nothing to select by.
        if waited || self.edges != edges {
            self.edges.clear();
            self.edges.extend_from_slice(edges);
            self.select(reading);
        }
        let tick = self.discipline.tick(reading, frequency);
        Tick { next: tick.next.into_iter().chain(self.waits_until).min(), ..tick }
    }

    fn select(&mut self, reading: ClockReading) {
        let now = reading.base;
        self.selected_at = Some(now);
        let (selectable, watched): (Vec<&Edge>, Vec<&Edge>) =
            self.edges.iter().partition(|edge| !edge.terms.watch_only);
        let anchor = reading.time.since_epoch() - now.since_epoch();
        let mut candidates: Vec<Candidate> =
            selectable.iter().map(|edge| edge.candidate(anchor, now)).collect();
        self.waits_until = match self.followed {
            None => patience(&mut self.first_usable, &candidates, now),
            Some(_) => None,
        };
        if self.waits_until.is_some() {
            candidates.iter_mut().for_each(|c| c.usable = c.usable.and(Err(Unusable::Warming)));
        }
        self.selection = self.selector.select(&candidates);
        let aside = Verdict::Candidate(Aside::WatchedOnly);
        self.selection.verdicts.extend(watched.iter().map(|edge| (edge.id, aside)));
        match follow(&self.selection, &selectable, now) {
            Some(followed) => {
                self.discipline.follow(followed.estimate);
                followed.leader.corrected().iter().for_each(|own| self.rehearsals.take(own));
                self.followed = Some(followed);
            }
            None => {
                self.rehearsals.conclude();
                self.discipline.lose(now);
            }
        }
    }
}

/// Until when the first selection waits for others to be heard, if it does.
fn patience(
    first_usable: &mut Option<Timestamp<Free>>,
    candidates: &[Candidate],
    now: Timestamp<Free>,
) -> Option<Timestamp<Free>> {
    if candidates.iter().all(|c| c.usable.is_err()) {
        return None;
    }
    let until = *first_usable.get_or_insert(now) + FIRST_PATIENCE;
    let warming = |c: &Candidate| matches!(c.usable, Err(Unusable::NeverHeard | Unusable::Warming));
    (now < until && candidates.iter().any(warming)).then_some(until)
}

/// The combination that a selection asks for.
fn follow(selection: &Selection, edges: &[&Edge], now: Timestamp<Free>) -> Option<Followed> {
    let edge = |id: SourceId| edges.iter().find(|edge| edge.id == id);
    let leader = *edge(selection.leader?)?;
    // The leader first: its noise figures stand for the combination.
    let mut parts: Vec<(Estimate, f64)> = Vec::with_capacity(selection.weights.len());
    for &(id, weight) in &selection.weights {
        let estimate = edge(id)?.corrected()?;
        let place = if id == leader.id { 0 } else { parts.len() };
        parts.insert(place, (estimate, weight));
    }
    let own = leader.corrected()?.carried_to(now);
    let combined = combine(&parts, now)?;
    let apart = (combined.offset - own.offset).seconds().abs();
    let estimate = Estimate { bound: own.bound + apart, ..combined };
    let apart = (parts.len() > 1).then_some(apart);
    Some(Followed { leader: leader.clone(), own, estimate, apart })
}

/// The components now, or in holdover those at the last selection and what the clock's
/// own oscillator has added since, as it was rehearsed.
fn path(
    followed: &Followed,
    now: Timestamp<Free>,
    holdover: Option<&Rehearsals>,
) -> Option<Budget> {
    let Followed { leader, own, estimate, apart } = followed;
    let carried = estimate.carried_to(now);
    let held = holdover.is_some();
    let (own, combined) = if held { (*own, *estimate) } else { (own.carried_to(now), carried) };
    let scatter = Estimate { offset_deviation: combined.offset_deviation, ..own };
    let combination =
        apart.map(|apart| Component::rectangular("combination with other sources", apart));
    let held = holdover.map(|rehearsals| {
        let believed = carried.offset_deviation.powi(2) - estimate.offset_deviation.powi(2);
        let elapsed = (now - estimate.at).seconds();
        let u = rehearsals.variance(elapsed, believed.max(0.0)).sqrt();
        let bound = carried.bound - estimate.bound;
        let held = Component::type_a("holdover", u, f64::INFINITY);
        Component { bound: bound.max(held.bound), ..held }
    });
    Budget::new(leader.path_components(&scatter).chain(combination).chain(held)).ok()
}

#[cfg(test)]
mod tests;
