//! The shipped scenarios keep their budgets, and a seed gives the same run every time.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};

use testbed::matrix;
use testbed::parallel;
use testbed::scenario::Scenario;
use testbed::world::{Sample, World};

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_shipped_scenario_comes_to_what_its_budget_says() {
    let files = shipped();
    assert!(files.len() >= 9, "{files:?}");
    let jobs: Vec<(PathBuf, u64)> =
        files.into_iter().flat_map(|file| [(file.clone(), 1), (file, 2)]).collect();
    let verdicts = parallel::run(&jobs, |(file, seed)| {
        let scenario = Scenario::parse(&fs::read_to_string(file).unwrap()).unwrap();
        scenario.run(*seed).unwrap()
    });
    for ((file, _), verdict) in jobs.iter().zip(verdicts) {
        assert!(verdict.passed, "{}: {verdict:#?}", file.display());
    }
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut world = World::new(&matrix::cells()[20].setup(), seed).unwrap();
    let mut samples = Vec::new();
    world.run(300.0, |sample| samples.push(*sample));
    samples
}

#[test]
fn a_seed_gives_the_same_run_to_the_last_bit_and_another_seed_another() {
    let first = samples(7);
    assert_eq!(first.len(), 300);
    assert_eq!(first, samples(7));
    assert_ne!(first, samples(8));
}

/// In this run one source takes the oscillator for ten times as calm as it is, and its
/// frequency is wrong by five of its deviations.
#[test]
fn the_bound_holds_where_the_wander_is_misjudged() {
    let scenario = include_str!("../scenarios/23-leap-second-inserted.toml");
    let mut world = World::new(&Scenario::parse(scenario).unwrap().setup(), 11).unwrap();
    let mut held = Vec::new();
    world.run(1800.0, |sample| {
        held.extend(sample.belief.map(|belief| belief.error.abs() <= belief.bound));
    });
    assert!(held.len() > 1700 && held.iter().all(|held| *held), "{held:?}");
}

/// A scenario that passes, to be spoilt.
fn good() -> String {
    fs::read_to_string(&shipped()[0]).unwrap()
}

#[test]
fn a_budget_that_is_too_tight_is_missed_and_one_that_must_be_missed_may_not_hold() {
    let tight = good().replace(r#"rms = ["50 ns", "700 ns"]"#, r#"rms = ["0 ns", "1 ns"]"#);
    let verdict = Scenario::parse(&tight).unwrap().run(1).unwrap();
    let missed: Vec<&str> =
        verdict.checks.iter().filter(|check| !check.holds()).map(|check| check.name).collect();
    assert_eq!(missed, ["rms"]);
    assert!(!verdict.passed);

    let expected = format!("must-fail = [\"rms\"]\n{tight}");
    assert!(Scenario::parse(&expected).unwrap().run(1).unwrap().passed);
    let held = format!("must-fail = [\"rms\"]\n{}", good());
    assert!(!Scenario::parse(&held).unwrap().run(1).unwrap().passed);
}

#[test]
fn a_scenario_with_a_mistake_is_refused_and_says_where() {
    for (wrong, word) in [
        (good().replace("10 ppm", "10"), "20 ppm"),
        (good().replace("wander", "wonder"), "wonder"),
        (format!("must-fail = [\"speed\"]\n{}", good()), "speed"),
        (good().replace("exponential", "expo"), "expo"),
        (good().replace("wander = 1e-9", "noise = { h3 = 1.0 }"), "h3"),
        (good().replace("wander = 1e-9", "wander = 1e-9\nnoise = { h-2 = 1e-20 }"), "one of them"),
        (good().replace("wander = 1e-9", "wander = -1e-9"), "negative"),
        (good().replace("[budget]", "loss = 1.5\n\n[budget]"), "source 0, from-server: loss"),
        (good().replace("[[source]]", "[stamping]\nnoise = \"-1 ns\"\n\n[[source]]"), "noise"),
    ] {
        let error = Scenario::parse(&wrong).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    let far = good().replace("poll = [0, 0]", "poll = [0, 99]");
    assert!(Scenario::parse(&far).unwrap().run(1).unwrap_err().to_string().contains("99"));
}
