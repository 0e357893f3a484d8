//! The same estimators over the same comparisons.

use std::collections::BTreeMap;

use super::columns::is_same;
use super::{Compared, Event, Row};
use crate::estimator::{Estimate, Estimator};

/// Estimators that are fed by the rows of a recording, in their order.
///
/// With the rows of a writer from their first on, and the estimator that was at work when
/// they were written, every estimate is the recorded one to the last bit.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    estimators: BTreeMap<String, Estimator>,
    prior: Option<Option<(f64, f64)>>,
}

/// What the estimator made of a comparison this time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Replayed {
    /// It gave up what it believed.
    pub restarted: bool,
    /// The estimate after the comparison, once there is one.
    pub estimate: Option<Estimate>,
}

impl Replayed {
    /// True if all came out as it was recorded, to the last bit.
    #[must_use]
    pub fn is_as_recorded(&self, recorded: &Compared) -> bool {
        self.restarted == recorded.restarted
            && is_same(self.estimate.as_ref(), recorded.estimate.as_ref())
    }
}

impl Replay {
    /// With another `prior` than the recorded one, as [`Estimator::new`] takes it.
    #[must_use]
    pub fn with_prior(prior: Option<(f64, f64)>) -> Self {
        Self { prior: Some(prior), ..Self::default() }
    }

    /// Takes a row in; something comes of a comparison. One whose estimator began before
    /// the first row meets a new one.
    pub fn take(&mut self, row: &Row) -> Option<Replayed> {
        match &row.event {
            Event::Start { source, prior } => {
                let prior = self.prior.unwrap_or(*prior);
                self.estimators.insert(source.clone(), Estimator::new(prior));
                None
            }
            Event::Comparison(compared) => {
                let prior = self.prior.flatten();
                let estimator = self
                    .estimators
                    .entry(compared.source.clone())
                    .or_insert_with(|| Estimator::new(prior));
                let fit = estimator.update(&compared.comparison);
                let restarted = fit.is_some_and(|fit| fit.restarted);
                Some(Replayed { restarted, estimate: estimator.estimate() })
            }
            Event::Round(_) | Event::External(_) => None,
        }
    }

    /// The estimator of a source, as it stands.
    #[must_use]
    pub fn estimator(&self, source: &str) -> Option<&Estimator> {
        self.estimators.get(source)
    }
}
