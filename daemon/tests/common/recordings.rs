//! Recordings of a daemon: read, and replayed.

use std::fs;
use std::path::{Path, PathBuf};

use clock_models::recording::{Event, Recording, Replay, Row, csv};

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

/// Replays rows and compares, bit by bit, the estimates and what selection made of them.
#[track_caller]
pub(crate) fn assert_reproduced(rows: &[Row]) {
    let mut replay = Replay::default();
    let (mut estimates, mut offsets) = (0, 0);
    for row in rows {
        let replayed = replay.take(row);
        match &row.event {
            Event::Comparison(compared) => estimates += u32::from(compared.estimate.is_some()),
            Event::Round(believed) => offsets += u32::from(believed.offset.is_some()),
            _ => continue,
        }
        let is_same = replayed.as_ref().is_some_and(|it| it.is_as_recorded(&row.event));
        assert!(is_same, "{replayed:#?} {row:#?}");
    }
    assert!(estimates > 0 && offsets > 0, "{rows:#?}");
}
