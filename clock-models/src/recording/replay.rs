//! The same estimators and keepers over the same comparisons.

use std::collections::{BTreeMap, VecDeque};

use super::columns::{is_same_belief, is_same_estimate};
use super::rekept::Rekept;
use super::{Believed, Compared, Event, Row, Told};
use crate::estimator::{Estimate, Estimator};
use crate::keeper::Edge;

/// Estimates that are remembered until the keeper is told of them: more than may wait for it.
const RECENT: usize = 256;

/// Estimators and keepers that are fed by the rows of a recording, in their order.
///
/// With the rows of a writer from their first on, and the estimator that was at work when
/// they were written, all that comes of them is what was recorded, to the last bit.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    sources: BTreeMap<String, Source>,
    keepers: BTreeMap<String, Rekept>,
    prior: Option<Option<(f64, f64)>>,
    /// Number of the last row.
    last: Option<u64>,
}

#[derive(Debug, Clone, Default)]
struct Source {
    estimator: Option<Estimator>,
    /// Recorded estimates and what stands for them here, the oldest first.
    recent: VecDeque<(Estimate, Option<Estimate>)>,
}

/// What came of a row this time.
#[derive(Debug, Clone, PartialEq)]
pub enum Replayed {
    /// What the estimator made of a comparison.
    Comparison(Reestimated),
    /// What the keeper made of its sources: all but `expanded`, `bound`, `state` and
    /// `commanded`, which are not of it alone.
    Round(Believed),
}

/// What the estimator made of a comparison this time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reestimated {
    /// It gave up what it believed.
    pub restarted: bool,
    /// The estimate after the comparison, once there is one.
    pub estimate: Option<Estimate>,
}

impl Replayed {
    /// True if all came out as it was recorded, to the last bit.
    #[must_use]
    pub fn is_as_recorded(&self, recorded: &Event) -> bool {
        match (self, recorded) {
            (Self::Comparison(replayed), Event::Comparison(recorded)) => {
                replayed.is_as_recorded(recorded)
            }
            (Self::Round(replayed), Event::Round(recorded)) => is_same_belief(replayed, recorded),
            _ => false,
        }
    }
}

impl Reestimated {
    /// True if all came out as it was recorded, to the last bit.
    #[must_use]
    pub fn is_as_recorded(&self, recorded: &Compared) -> bool {
        self.restarted == recorded.restarted
            && is_same_estimate(self.estimate.as_ref(), recorded.estimate.as_ref())
    }
}

impl Replay {
    /// With another `prior` than the recorded one, as [`Estimator::new`] takes it.
    #[must_use]
    pub fn with_prior(prior: Option<(f64, f64)>) -> Self {
        Self { prior: Some(prior), ..Self::default() }
    }

    /// Takes a row in; something comes of a comparison, and of a round whose keeper began in
    /// a row before. A comparison whose estimator began before the first row meets a new one.
    pub fn take(&mut self, row: &Row) -> Option<Replayed> {
        if self.last.replace(row.number).is_some_and(|last| row.number <= last) {
            // Another writer: nothing goes on.
            self.keepers.clear();
        }
        match &row.event {
            Event::Start { source, prior } => {
                let prior = self.prior.unwrap_or(*prior);
                self.source(source).estimator = Some(Estimator::new(prior));
                None
            }
            Event::Comparison(compared) => {
                let prior = self.prior.flatten();
                let source = self.source(&compared.source);
                Some(Replayed::Comparison(source.take(compared, prior)))
            }
            Event::Keeper { min_agreeing } => {
                let keeper = self.keepers.entry(row.clock.clone());
                keeper
                    .and_modify(|keeper| keeper.set_min_agreeing(*min_agreeing))
                    .or_insert_with(|| Rekept::new(*min_agreeing));
                None
            }
            Event::Suspend { .. } => {
                // The one that takes its place begins in a row that comes next.
                self.keepers.remove(&row.clock);
                None
            }
            Event::Told(Told { source, edge }) => {
                let estimate = edge.estimate.and_then(|it| self.source(source).replayed(&it));
                let edge = Edge { estimate, ..edge.clone() };
                self.keepers.get_mut(&row.clock)?.tell(source, edge);
                None
            }
            Event::Gone { id, .. } => {
                self.keepers.get_mut(&row.clock)?.forget(*id);
                None
            }
            Event::Round(believed) => {
                let keeper = self.keepers.get_mut(&row.clock)?;
                Some(Replayed::Round(keeper.round(row, believed)))
            }
            Event::External(_) => None,
        }
    }

    /// The estimator of a source, as it stands.
    #[must_use]
    pub fn estimator(&self, source: &str) -> Option<&Estimator> {
        self.sources.get(source)?.estimator.as_ref()
    }

    fn source(&mut self, name: &str) -> &mut Source {
        self.sources.entry(name.to_owned()).or_default()
    }
}

impl Source {
    fn take(&mut self, compared: &Compared, prior: Option<(f64, f64)>) -> Reestimated {
        let estimator = self.estimator.get_or_insert_with(|| Estimator::new(prior));
        let fit = estimator.update(&compared.comparison);
        let estimate = estimator.estimate();
        if let Some(recorded) = compared.estimate {
            self.recent.push_back((recorded, estimate));
            self.recent.drain(..self.recent.len().saturating_sub(RECENT));
        }
        Reestimated { restarted: fit.is_some_and(|fit| fit.restarted), estimate }
    }

    /// What stands for a recorded estimate. A keeper that is behind is told of old ones, and
    /// may be told of one several times.
    fn replayed(&mut self, recorded: &Estimate) -> Option<Estimate> {
        let is_it = |(it, _): &(Estimate, _)| is_same_estimate(Some(it), Some(recorded));
        let index = self.recent.iter().rposition(is_it)?;
        self.recent.drain(..index);
        self.recent.front()?.1
    }
}
