//! What a simulated host records, and that a replay comes to the same.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clock_models::recording::{Event, Replay, Row};
use testbed::recording;
use testbed::recording::replay::{Settings, replay};
use testbed::scenario::Scenario;
use testbed::world::World;

/// Two NTP servers, one of which steps, and a PTP master.
const SCENARIO: &str = r#"
title = "Three sources"
duration = "400 s"
measure-from = "100 s"
offset = "10 ms"

[oscillator]
frequency = "10 ppm"
wander = 1e-8

[[source]]
poll = [0, 3]
path.to-server = { floor = "50 us", queueing = { kind = "exponential", mean = "10 us" } }
path.from-server = { floor = "50 us", queueing = { kind = "exponential", mean = "10 us" } }

[[source]]
poll = [0, 0]
faults = [{ kind = "step", at = "200 s", by = "5 ms" }]
path.to-server = { floor = "50 us", queueing = { kind = "exponential", mean = "10 us" } }
path.from-server = { floor = "50 us", queueing = { kind = "exponential", mean = "10 us" } }

[[source]]
ptp = { announce = 0, sync = -1, delay-req = 2 }
path.to-server = { floor = "20 us", queueing = { kind = "exponential", mean = "2 us" } }
path.from-server = { floor = "20 us", queueing = { kind = "exponential", mean = "2 us" } }

[budget]
bound-coverage = [0.0, 1.0]
"#;

fn testbed(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_testbed")).args(arguments).output().unwrap()
}

fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("record").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("three.toml"), SCENARIO).unwrap();
    folder
}

fn in_folder(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

/// A world, what it has recorded, and the estimates that its estimators came to.
fn recorded() -> (World, Vec<Row>) {
    let mut world = World::new(&Scenario::parse(SCENARIO).unwrap().setup(), 7).unwrap();
    world.record();
    world.run(400.0, |_| ());
    let rows = world.take_rows();
    (world, rows)
}

#[test]
fn a_replay_of_what_was_simulated_is_the_same_bit_for_bit() {
    let (world, rows) = recorded();
    assert!(rows.iter().map(|row| row.number).eq(0..rows.len() as u64));
    let mut replay = Replay::default();
    let mut restarts = 0;
    let mut leaders = BTreeSet::new();
    for row in &rows {
        let replayed = replay.take(row);
        match &row.event {
            Event::Comparison(compared) => restarts += u64::from(compared.restarted),
            Event::Round(believed) => leaders.extend(believed.leader.clone()),
            _ => continue,
        }
        let is_same = replayed.as_ref().is_some_and(|it| it.is_as_recorded(&row.event));
        assert!(is_same, "{replayed:?} {row:?}");
    }
    // It began by the first that answered, and went over to the best.
    assert!(leaders.len() > 1 && leaders.contains("source-3"), "{leaders:?}");
    assert!(restarts > 0 && restarts == world.restarts(), "{restarts}");
    let ntp = world.ntp_sources().map(|source| source.estimator().estimate());
    let ptp = world.ptp_sources().map(|source| source.estimator().estimate());
    for (name, simulated) in ["source-1", "source-2", "source-3"].iter().zip(ntp.chain(ptp)) {
        assert!(simulated.is_some(), "{name}");
        assert_eq!(replay.estimator(name).unwrap().estimate(), simulated, "{name}");
    }
}

#[test]
fn without_its_leader_a_clock_would_have_followed_another() {
    let (_, rows) = recorded();
    let replayed = |settings: Settings| replay(&rows, &settings);
    let same = replayed(Settings::default());
    assert!(same.is_reproduced() && same.clocks[0].rounds > 390, "{:?}", same.remarks);

    let without = replayed(Settings { without: vec!["source-3".into()], ..Settings::default() });
    let [clock] = &without.clocks[..] else { panic!("{:?}", without.clocks.len()) };
    assert!(clock.other_leader > 100 && clock.other_leader <= clock.different);
    let last = clock.points.last().unwrap();
    assert_ne!(last.replayed.leader.as_deref(), Some("source-3"));
    assert_eq!(last.recorded.leader.as_deref(), Some("source-3"));
    // Queues of 10 µs, and the two that are left are at odds in the end: it is as far off as
    // their floors allow.
    assert!((1e-9..10e-3).contains(&clock.offset_difference()[1]));

    let prior = replayed(Settings { prior: Some(Some((50e-6, 1e-6))), ..Settings::default() });
    let [clock] = &prior.clocks[..] else { panic!("{:?}", prior.clocks.len()) };
    assert!(clock.different > 0 && clock.offset_difference()[1] > 0.0);
    // Estimates that begin late are of no use to the keeper before.
    let late = replayed(Settings { from: Some(200.0), ..Settings::default() });
    let first = late.clocks[0].points.first().unwrap();
    assert!(first.time >= 200.0 && first.replayed.offset.is_none(), "{first:?}");
    let last = late.clocks[0].points.last().unwrap();
    assert!(last.replayed.offset.is_some(), "{last:?}");
}

#[test]
fn rounds_are_recorded_in_each_second_and_say_what_the_clock_does() {
    let (_, rows) = recorded();
    let mut seconds = BTreeSet::new();
    let mut states = Vec::new();
    for row in &rows {
        let Event::Round(believed) = &row.event else { continue };
        seconds.insert(row.at.since_epoch().floor_secs());
        if states.last() != Some(&believed.state) {
            states.push(believed.state.clone());
        }
        let is_followed = believed.leader.is_some();
        assert_eq!(is_followed, believed.offset.zip(believed.expanded).is_some(), "{believed:?}");
    }
    assert_eq!(states, ["unsynchronised", "acquiring", "locked"]);
    // A round comes with each report, at least; those of PTP come more often than once a second.
    assert!(seconds.len() > 390, "{}", seconds.len());
}

#[test]
fn the_program_records_in_both_formats_and_replays_them() {
    let folder = scratch("formats");
    let scenario = in_folder(&folder, "three.toml");
    let unrecorded = testbed(&["run", &scenario]).stdout;
    let mut rows = Vec::new();
    for name in ["run.csv", "run.parquet"] {
        let file = in_folder(&folder, name);
        let run = testbed(&["run", &scenario, "--record", &file]);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        assert_eq!(run.stdout, unrecorded, "recording has changed the run");
        let replay = testbed(&["replay", &file]);
        let said = String::from_utf8_lossy(&replay.stdout);
        assert_eq!(replay.status.code(), Some(0), "{said}");
        assert_eq!(said.matches("bit for bit").count(), 4, "{said}");
        assert_eq!(String::from_utf8_lossy(&replay.stderr), "");
        let recording = recording::read(Path::new(&file)).unwrap();
        assert!(recording.header.writer.starts_with("testbed ") && recording.torn.is_none());
        rows.push(recording.rows);
    }
    assert_eq!(rows[0], rows[1]);
}

#[test]
fn several_runs_are_recorded_into_a_folder_and_never_into_one_file() {
    let folder = scratch("seeds");
    let [scenario, records, file] =
        ["three.toml", "records", "run.parquet"].map(|name| in_folder(&folder, name));
    let run = testbed(&["run", &scenario, "--seeds", "3..4", "--record", &records]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let [third, fourth] = ["three-3.parquet", "three-4.parquet"]
        .map(|name| recording::read(&folder.join("records").join(name)).unwrap());
    assert_ne!(third.rows, fourth.rows);

    for arguments in [[&scenario, "--seeds=3..4"], [&scenario, &scenario]] {
        let [first, second] = arguments;
        let refused = testbed(&["run", first, second, "--record", &file]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains("name a folder"), "{said}");
    }
    let refused = testbed(&["run", &scenario, &scenario, "--record", &records]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("have one name"));
    assert!(!Path::new(&file).exists());
}
