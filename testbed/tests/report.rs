//! Reports as people get them: through the program.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn testbed(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_testbed")).args(arguments).output().unwrap()
}

fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn in_folder(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

const SCENARIO: &str = r#"
title = "Two minutes & <no> more"
duration = "120 s"
measure-from = "30 s"

[oscillator]
frequency = "10 ppm"

[[source]]
poll = [0, 0]
min-delay = "100 us"
path.to-server = { floor = "50 us", queueing = { kind = "exponential", mean = "1 us" } }
path.from-server = { floor = "50 us", queueing = { kind = "exponential", mean = "1 us" } }

[budget]
bound-coverage = [0.0, 1.0]
"#;

#[test]
fn a_run_gives_a_page_and_files_of_each_plot_that_shows_something() {
    let folder = scratch("run");
    let [file, page, plots] =
        ["short.toml", "out.html", "plots"].map(|name| in_folder(&folder, name));
    fs::write(&file, SCENARIO).unwrap();
    let output = testbed(&["run", &file, "--report", &page, "--plots", &plots]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("Two minutes &amp; &lt;no&gt; more") && page.contains("<dd>1</dd>"));
    let shown = ["time-error", "claims", "frequency-error", "delay", "coverage", "distribution"];
    for name in shown.iter().chain(&["mdev", "tdev", "mtie"]) {
        assert!(page.contains(&format!("id=\"short-{name}-area\"")), "{name}");
        let svg = fs::read_to_string(in_folder(&folder, &format!("plots/short-{name}.svg")));
        assert!(svg.unwrap().starts_with("<svg "), "{name}");
        let png = fs::read(in_folder(&folder, &format!("plots/short-{name}.png"))).unwrap();
        assert!(png.starts_with(b"\x89PNG"), "{name}");
    }
}

#[test]
fn a_long_record_makes_a_page_of_less_than_two_megabytes() {
    let folder = scratch("long");
    let [file, page] = ["record.txt", "out.html"].map(|name| in_folder(&folder, name));
    // No two neighbours are alike, so that every pixel has its own extremes.
    let line = |n: u64| format!("{n} {}e-9\n", n * 16_807 % 65_537);
    fs::write(&file, (0..50_000).map(line).collect::<String>()).unwrap();
    let output = testbed(&["compare", &file, "--report", &page, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let size = fs::metadata(page).unwrap().len();
    assert!((50_000..2_000_000).contains(&size), "{size}");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["series"][0]["points"], 50_000);
}

#[test]
fn a_comparison_says_what_series_there_are() {
    let folder = scratch("names");
    let file = in_folder(&folder, "record.txt");
    fs::write(&file, "0 1e-9\n1 2e-9\n2 3e-9\n").unwrap();
    let output = testbed(&["compare", &file, "--source", "other"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("\"other\"") && said.contains("phase"), "{said}");
}
