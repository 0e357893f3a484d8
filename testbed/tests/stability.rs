//! `testbed stability` as one runs it.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// The 1000 frequencies of NIST SP 1065 section 12.4.
fn frequencies() -> String {
    let next = |n: &u64| Some(16_807 * n % 2_147_483_647);
    let numbers = std::iter::successors(Some(1_234_567_890u64), next);
    numbers.take(1000).map(|n| format!("{}\n", n as f64 / 2_147_483_647.0)).collect()
}

fn file(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn run(path: &PathBuf, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_testbed");
    Command::new(program).arg("stability").arg(path).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_file_of_frequencies_comes_out_as_nist_publishes_it() {
    let path = file("frequencies.txt", &frequencies());
    let asked = ["--frequency", "--tau0", "1", "--statistics", "oadev", "--taus", "1,10,100"];
    let output = run(&path, &[&asked[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let values = &document["statistics"][0]["values"];
    for (at, expected) in [0.29223187811, 0.091599534201, 0.032413430261].iter().enumerate() {
        let value = values[at]["value"].as_f64().unwrap();
        assert!((value / expected - 1.0).abs() < 1e-10, "{value}");
    }
    assert_eq!(values[0]["noise"], "WFM");
    let table = text(&run(&path, &asked).stdout);
    assert!(table.contains("    10.0 s    9.160e-2 "), "{table}");
}

#[test]
fn a_record_above_the_mask_exits_with_1_and_says_where() {
    let mut offset = 0.0;
    let walk: String = frequencies()
        .lines()
        .map(|y| {
            offset += y.parse::<f64>().unwrap();
            format!("{offset}\n")
        })
        .collect();
    let path = file("walk.txt", &walk);
    let output = run(&path, &["--tau0", "1", "--scale", "1e-9", "--mask", "G.8262-1"]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("MTIE EXCEEDED  2 of 9 values above"), "{told}");
    assert!(told.contains("τ    128 s:  69.5 ns, limit  66.6 ns"), "{told}");
    assert!(told.contains("TDEV within"), "{told}");
    let within = run(&path, &["--tau0", "1", "--scale", "1e-10", "--mask", "G.8262-1"]);
    assert_eq!(within.status.code(), Some(0));
}

#[test]
fn outliers_and_gaps_are_told() {
    let mut lines: Vec<String> = frequencies().lines().map(str::to_owned).collect();
    lines[500] = "100".to_owned();
    lines[300] = "nan".to_owned();
    let path = file("spike.txt", &lines.join("\n"));
    let kept = text(&run(&path, &["--tau0", "1"]).stdout);
    assert!(kept.contains("999 points every 1.00 s, 1 missing"), "{kept}");
    assert!(kept.contains("  1 outliers beyond 5 standard deviations"), "{kept}");
    let removed = text(&run(&path, &["--tau0", "1", "--remove-outliers"]).stdout);
    assert!(removed.contains("998 points every 1.00 s, 2 missing"), "{removed}");
}

#[test]
fn what_cannot_be_analysed_exits_with_2_and_says_what_to_do() {
    let summary =
        "ptp4l[1.5]: rms 9 max 17 freq -1 +/- 2\nptp4l[2.5]: rms 9 max 17 freq -1 +/- 2\n";
    for (name, content, arguments, told) in [
        ("one.txt", "1\n2\n", &[][..], "line 1: \"1\": one column"),
        ("short.txt", "0 1\n1 2\n", &[], "too short"),
        ("rms.log", summary, &[], "summary_interval"),
        (
            "phase.txt",
            "0 1\n1 2\n2 4\n3 1\n4 1\n5 2\n",
            &["--mask", "g.8261-2", "--taus", "2000"],
            "too short",
        ),
        ("news.txt", "nothing\n", &[], "--format"),
    ] {
        let output = run(&file(name, content), arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {error}");
        assert!(error.contains(told) && error.contains(name), "{name}: {error}");
    }
}
