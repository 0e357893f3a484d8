//! One clock and its sources: select, combine, discipline, and account for it.
//!
//! Everything between the estimates of the edges and the command to the clock is here,
//! so that the daemon and the testbed cannot differ in it.

use crate::comparison::Upstream;
use crate::discipline::{ClockReading, Command, Discipline, Limits, State, Tick};
use crate::estimator::{Estimate, combine};
use crate::holdover::Rehearsals;
use crate::selection::{Candidate, Selection, Selector, SourceId, Unusable};
use crate::time::{Duration, Free, Timestamp};
use crate::uncertainty::{Budget, Component};

/// How long the first selection waits for sources that are still warming up, s: as long
/// as the burst of one that answers takes. Otherwise the first to answer would set the
/// clock, by a step, and liars that are quick would not be outvoted in time.
const FIRST_PATIENCE: f64 = 4.0;

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
    #[must_use]
    pub fn upstream_components(&self) -> Vec<Component> {
        let mut components = Vec::new();
        // A certificate says more than the source's own claim, and stands in its place.
        match (self.terms.calibration, self.clock_accuracy) {
            (Some((expanded, k)), _) => components.push(Component::calibration(expanded, k)),
            (None, Some(accuracy)) => components.push(Component::clock_accuracy(accuracy)),
            (None, None) => {}
        }
        if self.upstream.root_delay > 0.0 {
            components.push(Component::root_delay(self.upstream.root_delay));
        }
        if self.upstream.root_dispersion > 0.0 {
            components.push(Component::root_dispersion(self.upstream.root_dispersion));
        }
        components
    }

    /// How well the clock's time base is known against the source, by `estimate`, which
    /// was of this edge before it was carried on.
    #[must_use]
    pub fn path_components(&self, estimate: &Estimate) -> Vec<Component> {
        let asymmetry = Component::path_asymmetry(estimate.delay_floor, self.terms.min_delay);
        // The packets bound the error whatever the delays were, and half of the floor is
        // a part of that bound.
        let noise = Component {
            bound: (estimate.bound - estimate.delay_floor / 2.0).max(0.0),
            ..Component::noise(estimate.offset_deviation, f64::INFINITY)
        };
        let mut components = vec![asymmetry, Component::time_stamps(self.stamp_uncertainty), noise];
        if self.terms.asymmetry_uncertainty > 0.0 {
            let expanded = self.terms.asymmetry_uncertainty;
            components.insert(1, Component::certificate("asymmetry calibration", expanded, 2.0));
        }
        components
    }

    /// Everything between the clock's time base and the origin of the source, by
    /// `estimate`; `None` where a figure of it is no sound number.
    #[must_use]
    pub fn budget(&self, estimate: &Estimate) -> Option<Budget> {
        let path = self.path_components(estimate);
        Budget::new(path.into_iter().chain(self.upstream_components())).ok()
    }

    fn candidate(&self, anchor: Duration, now: Timestamp<Free>) -> Candidate {
        let estimate = self.corrected().map(|estimate| estimate.carried_to(now));
        let budget = estimate.and_then(|estimate| self.budget(&estimate));
        let usable = match (&self.usable, &budget) {
            (Ok(()), Some(_)) => Ok(()),
            (Ok(()), None) if estimate.is_some() => Err(Unusable::Invalid),
            (Ok(()), None) => Err(Unusable::Warming),
            (Err(reason), _) => Err(*reason),
        };
        Candidate {
            id: self.id,
            offset: estimate.map_or(0.0, |e| (e.offset - anchor).seconds()),
            standard_uncertainty: budget.as_ref().map_or(0.0, Budget::standard_uncertainty),
            bound: budget.as_ref().map_or(0.0, Budget::bound),
            jitter: estimate.map_or(0.0, |e| e.jitter),
            stratum: self.stratum,
            usable,
            prefer: self.terms.prefer,
            trust: self.terms.trust,
            require: self.terms.require,
        }
    }
}

/// What came of a round.
#[derive(Debug, Clone)]
pub struct Round {
    /// What selection decided.
    pub selection: Selection,
    /// What the discipline decided.
    pub tick: Tick,
    /// The source that is followed, or was until the holdover began.
    pub leader: Option<Edge>,
    /// How well the clock's time base is known against the leader, now.
    pub path: Option<Budget>,
}

/// What was followed last.
#[derive(Debug, Clone)]
struct Followed {
    leader: Edge,
    /// The combination of all that were selected.
    estimate: Estimate,
    /// Its components, at that time.
    components: Vec<Component>,
}

/// Keeps one clock by its sources.
#[derive(Debug, Clone)]
pub struct Keeper {
    selector: Selector,
    discipline: Discipline,
    followed: Option<Followed>,
    rehearsals: Rehearsals,
    /// When a source could have been followed first.
    first_usable: Option<Timestamp<Free>>,
}

impl Keeper {
    /// A keeper that has seen nothing yet, and follows nothing unless `min_agreeing`
    /// sources agree.
    #[must_use]
    pub fn new(discipline: Discipline, min_agreeing: usize) -> Self {
        Self {
            selector: Selector::new(min_agreeing),
            discipline,
            followed: None,
            rehearsals: Rehearsals::default(),
            first_usable: None,
        }
    }

    /// Goes on under the terms of a reloaded configuration.
    pub fn set_limits(&mut self, limits: Limits, min_agreeing: usize) {
        self.selector = Selector::new(min_agreeing);
        self.discipline.set_limits(limits);
    }

    /// The discipline of the clock.
    #[must_use]
    pub const fn discipline(&self) -> &Discipline {
        &self.discipline
    }

    /// The clock could not do what it was told.
    pub fn command_failed(&mut self, command: Command) {
        self.discipline.command_failed(command);
    }

    /// One round, about once a second and after news of a source. `frequency` is what
    /// the clock runs at, ratio − 1.
    pub fn round(&mut self, reading: ClockReading, frequency: f64, edges: &[Edge]) -> Round {
        let now = reading.base;
        let (selectable, watched): (Vec<&Edge>, Vec<&Edge>) =
            edges.iter().partition(|edge| !edge.terms.watch_only);
        let anchor = reading.time.since_epoch() - now.since_epoch();
        let mut candidates: Vec<Candidate> =
            selectable.iter().map(|edge| edge.candidate(anchor, now)).collect();
        if self.waits(&candidates, now) {
            candidates.iter_mut().for_each(|c| c.usable = c.usable.and(Err(Unusable::Warming)));
        }
        let mut selection = self.selector.select(&candidates);
        for edge in watched {
            let verdict =
                crate::selection::Verdict::Candidate(crate::selection::Aside::WatchedOnly);
            selection.verdicts.push((edge.id, verdict));
        }
        match follow(&selection, &selectable, now) {
            Some(followed) => {
                self.discipline.follow(followed.estimate);
                followed.leader.corrected().iter().for_each(|own| self.rehearsals.take(own));
                self.followed = Some(followed);
            }
            None => self.discipline.lose(now),
        }
        let tick = self.discipline.tick(reading, frequency);
        let holdover = self.discipline.state() == State::Holdover;
        let rehearsals = holdover.then_some(&mut self.rehearsals);
        let path = self.followed.as_ref().and_then(|followed| path(followed, now, rehearsals));
        let leader = self.followed.as_ref().map(|followed| followed.leader.clone());
        Round { selection, tick, leader, path }
    }

    /// Does the first selection wait for others to be heard?
    fn waits(&mut self, candidates: &[Candidate], now: Timestamp<Free>) -> bool {
        if self.followed.is_some() || candidates.iter().all(|c| c.usable.is_err()) {
            return false;
        }
        let since = *self.first_usable.get_or_insert(now);
        let warming =
            |c: &Candidate| matches!(c.usable, Err(Unusable::NeverHeard | Unusable::Warming));
        (now - since).seconds() < FIRST_PATIENCE && candidates.iter().any(warming)
    }
}

/// The combination that a selection asks for.
fn follow(selection: &Selection, edges: &[&Edge], now: Timestamp<Free>) -> Option<Followed> {
    let edge = |id: SourceId| edges.iter().find(|edge| edge.id == id);
    let leader = *edge(selection.leader?)?;
    // The leader first: its noise figures stand for the combination.
    let mut parts: Vec<(Estimate, f64)> = Vec::new();
    for &(id, weight) in &selection.weights {
        let estimate = edge(id)?.corrected()?;
        let place = if id == leader.id { 0 } else { parts.len() };
        parts.insert(place, (estimate, weight));
    }
    let own = leader.corrected()?.carried_to(now);
    let combined = combine(&parts, now)?;
    let apart = (combined.offset - own.offset).seconds();
    let mut components = leader.path_components(&own);
    if let Some(noise) = components.last_mut() {
        noise.standard_uncertainty = combined.offset_deviation;
    }
    if parts.len() > 1 {
        components.push(Component::rectangular("combination with other sources", apart.abs()));
    }
    let estimate = Estimate { bound: own.bound + apart.abs(), ..combined };
    Some(Followed { leader: leader.clone(), estimate, components })
}

/// The components at the time of the selection, and what the clock's own oscillator has
/// added since.
fn path(
    followed: &Followed,
    now: Timestamp<Free>,
    holdover: Option<&mut Rehearsals>,
) -> Option<Budget> {
    let mut components = followed.components.clone();
    if let Some(rehearsals) = holdover {
        let last = &followed.estimate;
        let carried = last.carried_to(now);
        let believed = carried.offset_deviation.powi(2) - last.offset_deviation.powi(2);
        let elapsed = (now - last.at).seconds();
        let u = rehearsals.variance(elapsed, believed.max(0.0)).sqrt();
        components.push(Component::type_a("holdover", u, f64::INFINITY));
    }
    Budget::new(components).ok()
}

#[cfg(test)]
mod tests;
