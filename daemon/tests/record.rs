//! What utcd records, and that the same estimator comes to the same estimates with it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use clock_models::recording::{Event, Row};
use common::ntp::Server;
use common::record::record_in;
use common::recordings::{assert_reproduced, files, read, rows};
use common::{Daemon, Directory, VIRTUAL, patiently, source, succeeds};

fn config(server: &Server, directory: &Path, more: &str) -> String {
    let (source, record) = (source("ntp", server.address), record_in(directory));
    format!("{VIRTUAL}{source}{record}{more}\n")
}

fn comparisons(rows: &[Row]) -> usize {
    rows.iter().filter(|row| matches!(row.event, Event::Comparison(_))).count()
}

#[test]
fn a_replay_reproduces_the_estimates_of_the_daemon_bit_for_bit() {
    let server = Server::good();
    let directory = Directory::new();
    let place = directory.join("record");
    let daemon = Daemon::start(&config(&server, &place, ""));
    daemon.until_locked("virtual");
    let status = daemon.until("it does not show what it records", |status| {
        status.recorder.as_ref().is_some_and(|recorder| recorder.rows > 20)
    });
    let recorder = status.recorder.unwrap();
    assert_eq!((recorder.dropped, recorder.errors, recorder.error), (0, 0, None));
    assert!(daemon.metric("utcd_recorder_rows_total").is_some_and(|rows| rows > 20.0));
    assert_eq!(daemon.metric("utcd_recorder_dropped_total"), Some(0.0));
    daemon.stop();

    let files = files(&place);
    assert_eq!(files, [PathBuf::from(recorder.file)]);
    let recording = read(&files[0]).unwrap();
    assert!(recording.header.writer.starts_with("utcd ") && recording.torn.is_none());
    let rows = &recording.rows;
    assert!(rows.iter().map(|row| row.number).eq(0..rows.len() as u64));
    let start = rows.iter().map(|row| &row.event).find(|event| event.source().is_some());
    assert_eq!(start, Some(&Event::Start { source: "ntp".into(), prior: None }));
    assert!(comparisons(rows) >= 5);
    assert_reproduced(rows);
    let locked = rows.iter().rev().find_map(|row| match &row.event {
        Event::Round(believed) if believed.state == "locked" => Some(believed),
        _ => None,
    });
    let locked = locked.unwrap();
    assert_eq!(locked.leader.as_deref(), Some("ntp"));
    assert!(locked.offset.is_some() && locked.expanded.is_some() && locked.bound.is_some());
    assert!(locked.oscillator.is_some_and(|frequency| frequency != 0.0), "{locked:?}");
    assert!(locked.commanded != 0.0, "it was left at the frequency of its oscillator: {locked:?}");
}

#[test]
fn files_rotate_within_the_room_they_have_and_rows_go_on_over_them() {
    let server = Server::good();
    let directory = Directory::new();
    let place = directory.join("record");
    let more = "max-file-age = \"2 s\"\nmax-file-size = \"10 kB\"\nmax-total-size = \"20 kB\"";
    let daemon = Daemon::start(&config(&server, &place, more));
    let first = patiently("nothing is recorded", || files(&place).first().cloned(), String::new);
    let gone = || {
        let newest = read(files(&place).last()?)?;
        (!first.exists() && comparisons(&newest.rows) > 0).then_some(())
    };
    patiently("the oldest file stays", gone, String::new);
    daemon.stop();
    let files = files(&place);
    let bytes: u64 = files.iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!(files.len() > 1 && bytes <= 20_000, "{files:?}: {bytes}");
    let rows = rows(&place);
    assert!(rows.windows(2).all(|pair| pair[1].number == pair[0].number + 1));
}

#[test]
fn a_disk_that_takes_no_more_costs_rows_and_not_the_clock() {
    let server = Server::good();
    let directory = Directory::new();
    let place = directory.join("record");
    // No file may be larger than some kilobytes; without the signal that is an error.
    let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 24 && exec \"$@\"", "sh"];
    if !succeeds(limited[0], &[&limited[1..], &["true"]].concat()) {
        return eprintln!("skipped: this shell cannot limit the size of files");
    }
    let daemon = Daemon::start_by(&config(&server, &place, ""), |_| {}, &limited);
    daemon.log.wait("Rows are lost until then");
    let before = daemon.until_locked("virtual").recorder.map_or(0, |recorder| recorder.dropped);
    // Not while another file takes rows, until it is full too.
    daemon.until("no row is lost", |status| {
        status.recorder.as_ref().is_some_and(|recorder| {
            let too_large = recorder.error.as_ref().is_some_and(|e| e.contains("File too large"));
            recorder.dropped > before && recorder.errors > 0 && too_large
        })
    });
    assert!(daemon.metric("utcd_recorder_errors_total").is_some_and(|errors| errors > 0.0));
    daemon.stop();
    let recording = read(&files(&place)[0]).unwrap();
    assert_reproduced(&recording.rows);
    assert!(recording.torn.is_some(), "{} rows", recording.rows.len());
}
