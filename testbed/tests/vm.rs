//! The short scenarios of the bench in a virtual machine; skipped where it cannot run.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::path::Path;
use std::process::{Command, Output};

/// What `testbed` exits with where the bench is not to be had.
const UNAVAILABLE: i32 = 3;

fn testbed(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_testbed")).arg("vm").args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_short_scenarios_hold() {
    let daemon = Path::new(env!("CARGO_BIN_EXE_testbed")).with_file_name("utcd");
    if !daemon.is_file() {
        eprintln!("skipped: {} is not built (cargo test --workspace does it)", daemon.display());
        return;
    }
    let output = testbed(&["run", "--short"]);
    if output.status.code() == Some(UNAVAILABLE) {
        eprintln!("skipped: {}", said(&output));
        return;
    }
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn every_scenario_says_what_it_is() {
    let output = testbed(&["list"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).lines().any(|line| line.contains(" short ")), "{}", said(&output));
}

#[test]
fn a_scenario_that_there_is_not_is_refused() {
    let output = testbed(&["run", "no-such-thing"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("testbed vm list"), "{}", said(&output));
}

#[test]
fn without_qemu_it_says_what_to_install() {
    let daemon = env!("CARGO_BIN_EXE_testbed");
    let output = Command::new(daemon)
        .args(["vm", "run", "--short", "--daemon", daemon])
        .env("VMLAB_QEMU", "no-such-qemu")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(UNAVAILABLE));
    assert!(said(&output).contains("testbed vm setup"), "{}", said(&output));
}
