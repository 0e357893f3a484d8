//! The files of a recorder: how they are called, and how many there may be.

use std::fs::{self, DirEntry, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clock_models::time::{Duration, Timestamp, Utc};

const PREFIX: &str = "utcd-";
const SUFFIX: &str = ".csv";

/// Opens a new file in `directory`. Its number is one above the
/// highest there is, so that the names sort as the files were written, whatever the clock
/// showed; the time is for people.
pub(super) fn create(directory: &Path, now: SystemTime) -> io::Result<(File, PathBuf)> {
    let last = list(directory)?.last().map_or(0, |segment| segment.number);
    let path = directory.join(format!("{PREFIX}{:06}-{}{SUFFIX}", last + 1, stamp(now)));
    let file = File::options().append(true).create_new(true).open(&path)?;
    Ok((file, path))
}

/// Removes the oldest files until the rest takes `most` bytes or less.
pub(super) fn prune(directory: &Path, most: u64) -> io::Result<()> {
    let segments = list(directory)?;
    let mut total: u64 = segments.iter().map(|segment| segment.bytes).sum();
    for segment in segments {
        if total <= most {
            break;
        }
        fs::remove_file(&segment.path)?;
        total -= segment.bytes;
    }
    Ok(())
}

struct Segment {
    number: u64,
    bytes: u64,
    path: PathBuf,
}

/// The recordings in a directory, oldest first. Other files are none of ours.
fn list(directory: &Path) -> io::Result<Vec<Segment>> {
    let mut segments: Vec<Segment> =
        fs::read_dir(directory)?.filter_map(|entry| segment(&entry.ok()?)).collect();
    segments.sort_by_key(|segment| segment.number);
    Ok(segments)
}

fn segment(entry: &DirEntry) -> Option<Segment> {
    let name = entry.file_name();
    let name = name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let number = name.split('-').next()?.parse().ok()?;
    Some(Segment { number, bytes: entry.metadata().ok()?.len(), path: entry.path() })
}

/// `20261122T084500Z`.
fn stamp(now: SystemTime) -> String {
    let elapsed = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let whole = Duration::from_secs(i64::try_from(elapsed.as_secs()).unwrap_or(0));
    let text = Timestamp::<Utc>::from_epoch(whole).to_string();
    let second = text.split('.').next().unwrap_or_default();
    second.replace(['-', ':'], "") + "Z"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("utcd-record-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_numbered_on_whatever_the_clock_shows() {
        let directory = scratch("names");
        fs::create_dir(&directory).unwrap();
        for seconds in [1_795_322_804, 5, 1_795_322_805] {
            let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            create(&directory, now).unwrap();
        }
        assert_eq!(
            names(&directory),
            [
                "utcd-000001-20261122T044644Z.csv",
                "utcd-000002-19700101T000005Z.csv",
                "utcd-000003-20261122T044645Z.csv",
            ]
        );
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn the_oldest_files_go_and_what_is_not_ours_stays() {
        let directory = scratch("prune");
        fs::create_dir(&directory).unwrap();
        for (name, bytes) in [
            ("utcd-000009-x.csv", 100),
            ("utcd-000010-x.csv", 60),
            ("utcd-000011-x.csv", 40),
            ("utcd-notes.csv", 1000),
            ("another", 1000),
        ] {
            fs::write(directory.join(name), vec![b'x'; bytes]).unwrap();
        }
        prune(&directory, 200).unwrap();
        assert_eq!(names(&directory).len(), 5);
        prune(&directory, 199).unwrap();
        assert_eq!(
            names(&directory),
            ["another", "utcd-000010-x.csv", "utcd-000011-x.csv", "utcd-notes.csv"]
        );
        prune(&directory, 40).unwrap();
        assert_eq!(names(&directory), ["another", "utcd-000011-x.csv", "utcd-notes.csv"]);
        fs::remove_dir_all(directory).unwrap();
    }
}
