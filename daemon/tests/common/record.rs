//! What utcd has recorded: what its estimators began with and learned, to the last bit.

use std::path::Path;

use clock_models::recording::{Event, Row};

use super::patiently;
use super::recordings::rows;

/// The part of a configuration that asks for recordings.
pub(crate) fn record_in(directory: &Path) -> String {
    format!("[record]\ndirectory = \"{}\"\n", directory.display())
}

/// What is known of a frequency before the first comparison: value and deviation, ratios.
pub(crate) type Prior = Option<(f64, f64)>;

/// What each estimator of a source began with; waits until there are `count` of them.
#[track_caller]
pub(crate) fn priors(directory: &Path, source: &str, count: usize) -> Vec<Prior> {
    let all = || -> Vec<Prior> {
        let prior = |row: Row| match row.event {
            Event::Start { source: started, prior } if started == source => Some(prior),
            _ => None,
        };
        rows(directory).into_iter().filter_map(prior).collect()
    };
    let enough = || Some(all()).filter(|priors| priors.len() >= count);
    patiently(&format!("{source} has not started {count} times"), enough, || format!("{:?}", all()))
}

/// The frequencies that were estimated, of TAI against the time base.
pub(crate) fn frequencies(directory: &Path) -> Vec<f64> {
    let frequency = |row: Row| match row.event {
        Event::Comparison(compared) => Some(compared.estimate?.frequency),
        _ => None,
    };
    rows(directory).into_iter().filter_map(frequency).collect()
}
