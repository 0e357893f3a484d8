//! What utcd has recorded: what its estimators began with and learned, to the last bit.

use std::fs;
use std::path::{Path, PathBuf};

use clock_models::recording::{Event, Recording, Row, csv};

use super::patiently;

/// The part of a configuration that asks for recordings.
pub(crate) fn record_in(directory: &Path) -> String {
    format!("[record]\ndirectory = \"{}\"\n", directory.display())
}

/// The files, oldest first.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// What is in a file; `None` if it is gone, or its head is not written yet.
pub(crate) fn read(file: &Path) -> Option<Recording> {
    csv::parse(&fs::read(file).ok()?).ok()
}

/// All rows so far.
pub(crate) fn rows(directory: &Path) -> Vec<Row> {
    files(directory).iter().filter_map(|file| read(file)).flat_map(|file| file.rows).collect()
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
