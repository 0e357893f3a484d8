//! The shipped systemd files, judged by systemd's own tools.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The first version whose `systemd-analyze security` judges a file.
const OFFLINE_SECURITY_SINCE: u32 = 250;

/// Of 10: what is left is the system clock, the network and how it is set up, packet sockets,
/// and the names of the programs that run.
const LARGEST_EXPOSURE: f64 = 2.9;

const UNITS: [&str; 2] = ["utcd.service", "utcd-wait.service"];

fn shipped(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd").join(file)
}

/// An empty directory of the test with this name.
fn scratch(test: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// Runs one of systemd's tools, or says why the test is skipped.
fn systemd(tool: &str, arguments: &[&str]) -> Option<Output> {
    if systemd_version(tool) < Some(OFFLINE_SECURITY_SINCE) {
        eprintln!("skipped: needs {tool} of systemd {OFFLINE_SECURITY_SINCE} or newer");
        return None;
    }
    Some(Command::new(tool).args(arguments).env("SYSTEMD_COLORS", "0").output().unwrap())
}

/// From `systemd 252 (252.39-1~deb12u2)`.
fn systemd_version(tool: &str) -> Option<u32> {
    let output = Command::new(tool).arg("--version").output().ok()?;
    String::from_utf8(output.stdout).ok()?.split_whitespace().nth(1)?.parse().ok()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The exposure level of a unit, from 0 to 10.
fn exposure(unit: &Path) -> Option<f64> {
    let output = systemd(
        "systemd-analyze",
        &["security", "--offline=true", "--no-pager", unit.to_str().unwrap()],
    )?;
    let text = text(&output);
    let level = text.split("Overall exposure level for ").nth(1);
    let level = level.and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
    assert!(level.is_some(), "no exposure level in: {text}");
    level
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let directory = scratch("units");
    for name in UNITS {
        let unit = fs::read_to_string(shipped(name)).unwrap();
        // The installed programs are not there, but those under test are.
        let unit = unit.replace("/usr/sbin/utcd", env!("CARGO_BIN_EXE_utcd"));
        let unit = unit.replace("/usr/bin/utcctl", env!("CARGO_BIN_EXE_utcctl"));
        fs::write(directory.join(name), unit).unwrap();
    }
    for name in UNITS {
        let unit = directory.join(name);
        let arguments = ["verify", "--man=no", "--recursive-errors=no", unit.to_str().unwrap()];
        let Some(output) = systemd("systemd-analyze", &arguments) else { return };
        let complaints = text(&output);
        assert!(output.status.success() && !complaints.contains("utcd"), "{complaints}");
    }
}

#[test]
fn the_units_expose_little_of_the_system() {
    for name in UNITS {
        let Some(level) = exposure(&shipped(name)) else { return };
        assert!(level <= LARGEST_EXPOSURE, "{name}: exposure {level}");
    }
}

#[test]
fn a_unit_without_protection_is_found_to_expose_much() {
    let bare = scratch("bare").join("bare.service");
    fs::write(&bare, "[Service]\nExecStart=/bin/true\n").unwrap();
    let Some(level) = exposure(&bare) else { return };
    assert!(level > 9.0, "exposure {level}");
}

#[test]
fn the_user_and_the_directories_of_the_unit_are_made() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("skipped: only root can give directories to another user");
        return;
    }
    let root = scratch("root");
    fs::create_dir(root.join("etc")).unwrap();
    let at_root = format!("--root={}", root.display());
    let users = shipped("sysusers.d/utcd.conf");
    let Some(made) = systemd("systemd-sysusers", &[&at_root, users.to_str().unwrap()]) else {
        return;
    };
    assert!(made.status.success(), "{}", text(&made));
    let passwd = fs::read_to_string(root.join("etc/passwd")).unwrap();
    let user: Vec<&str> =
        passwd.lines().find(|line| line.starts_with("utcd:")).unwrap().split(':').collect();
    assert_eq!(user[6], "/usr/sbin/nologin");

    let directories = shipped("tmpfiles.d/utcd.conf");
    let arguments = [&at_root, "--create", directories.to_str().unwrap()];
    let made = systemd("systemd-tmpfiles", &arguments).expect("as new as systemd-sysusers");
    assert!(made.status.success(), "{}", text(&made));
    for (directory, mode) in [("var/lib/utcd", 0o750), ("run/utcd", 0o755)] {
        let found = fs::metadata(root.join(directory)).unwrap();
        assert_eq!(found.uid().to_string(), user[2], "{directory}");
        assert_eq!(found.mode() & 0o777, mode, "{directory}");
    }
}

#[test]
fn the_devices_that_the_unit_allows_are_given_to_its_group() {
    let unit = fs::read_to_string(shipped("utcd.service")).unwrap();
    let rules = fs::read_to_string(shipped("udev/60-utcd.rules")).unwrap();
    let allowed: Vec<&str> = unit
        .lines()
        .filter_map(|line| line.strip_prefix("DeviceAllow=char-")?.strip_suffix(" rw"))
        .collect();
    assert_eq!(allowed, ["ptp", "pps"]);
    for subsystem in allowed {
        let rule = format!("SUBSYSTEM==\"{subsystem}\", GROUP=\"utcd\", MODE=\"0660\"");
        assert!(rules.lines().any(|line| line == rule), "{rule}");
    }
}

#[test]
fn the_unit_may_have_what_it_is_to_have() {
    let unit = fs::read_to_string(shipped("utcd.service")).unwrap();
    let set = |key| unit.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    let ambient = set("AmbientCapabilities=");
    assert_eq!(ambient, set("CapabilityBoundingSet="), "systemd would not start it");
    // SIOCSHWTSTAMP.
    assert!(ambient.split(' ').any(|capability| capability == "CAP_NET_ADMIN"), "{ambient}");
}

#[test]
fn timedatectl_is_told_of_the_unit() {
    let listed = fs::read_to_string(shipped("ntp-units.d/50-utcd.list")).unwrap();
    let units: Vec<&str> = listed.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(units, ["utcd.service"]);
}
