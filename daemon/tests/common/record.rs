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

/// What each estimator of a source began with; waits until there are `count` of them. One that
/// was begun anew because the first exchange was of no use does not count again.
#[track_caller]
pub(crate) fn priors(directory: &Path, source: &str, count: usize) -> Vec<Prior> {
    let all = || begun(&rows(directory), source);
    let enough = || Some(all()).filter(|priors| priors.len() >= count);
    patiently(&format!("{source} has not started {count} times"), enough, || format!("{:?}", all()))
}

fn begun(rows: &[Row], source: &str) -> Vec<Prior> {
    let (mut priors, mut compared, mut run) = (Vec::new(), 0, 0);
    for row in rows {
        match &row.event {
            Event::Start { source: started, prior } if started == source => {
                // Rows are counted from 0 in each run of the daemon.
                let is_anew = !priors.is_empty() && row.number > run && compared == 1;
                if !is_anew {
                    priors.push(*prior);
                }
                compared = 0;
                run = row.number;
            }
            Event::Comparison(comparison) if comparison.source == source => compared += 1,
            _ => {}
        }
    }
    priors
}

/// The frequencies that were estimated, of TAI against the time base.
pub(crate) fn frequencies(directory: &Path) -> Vec<f64> {
    let frequency = |row: Row| match row.event {
        Event::Comparison(compared) => Some(compared.estimate?.frequency),
        _ => None,
    };
    rows(directory).into_iter().filter_map(frequency).collect()
}
