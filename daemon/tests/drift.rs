//! The drift file: what it saves, and what is lost without it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use common::ntp::Server;
use common::record::{Prior, frequencies, priors, record_in};
use common::{Daemon, Directory, source, succeeds};
use utcd::drift::{self, Drift};

/// Of TAI against a clock that is fast.
const KEPT: Drift = Drift { frequency: -20e-6, uncertainty: 1e-9 };

fn config(file: &Path, server: &Server) -> String {
    format!(
        "[[clock]]\nname = \"virtual\"\ntype = \"virtual\"\ndrift-file = \"{}\"\n\
         initial-frequency = \"20 ppm\"\n{}",
        file.display(),
        source("good", server.address)
    )
}

/// What a drift file makes known before the first comparison.
fn known(file: &Path) -> Prior {
    let kept = drift::load(file).unwrap().unwrap();
    Some((kept.frequency, kept.uncertainty))
}

#[test]
fn the_frequency_survives_an_end_and_a_power_failure() {
    let (directory, server) = (Directory::new(), Server::good());
    let (file, record) = (directory.join("virtual.drift"), directory.join("record"));
    let config = config(&file, &server) + &record_in(&record);
    let begun = |count| priors(&record, "good", count);
    let daemon = Daemon::start(&config);
    daemon.until_locked("virtual");
    daemon.stop();
    assert_eq!(begun(1), [None]);
    let after_an_end = known(&file);
    let (kept, _) = after_an_end.unwrap();
    // How well it was found is not the question. The file has 15 digits after the point.
    assert!(frequencies(&record).iter().any(|found| (found - kept).abs() < 1e-15), "{kept}");
    assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 2);

    let daemon = Daemon::start(&config);
    assert_eq!(begun(2), [None, after_an_end]);
    let daemon = daemon.kill_and_restart();
    // It may have been written anew before the power failed.
    let after_a_failure = known(&file);
    assert_eq!(begun(3), [None, after_an_end, after_a_failure]);
    daemon.stop();
}

#[test]
fn a_drift_file_of_nonsense_is_named_and_replaced() {
    let (directory, server) = (Directory::new(), Server::good());
    let file = directory.join("virtual.drift");
    fs::write(&file, "frequency = \"NaN ppm\"\nuncertainty = 7\n\0").unwrap();
    let daemon = Daemon::start(&config(&file, &server));
    let said = daemon.log.wait("virtual.drift");
    assert!(said.contains("starts without it"), "{said}");
    daemon.until_locked("virtual");
    daemon.stop();
    assert!(drift::load(&file).unwrap().is_some());
}

/// Runs utcd with a drift file that cannot be written; gives what it said of that.
fn unwritable(file: &Path, server: &Server) -> String {
    let daemon = Daemon::start(&config(file, server));
    daemon.until_locked("virtual");
    // The end is the time to write it.
    let log = daemon.stop();
    assert_eq!(log.count("the frequency is not kept"), 1, "{:?}", log.all());
    let said = log.wait("the frequency is not kept");
    assert!(said.contains(&file.display().to_string()), "{said}");
    said
}

#[test]
fn a_file_that_cannot_be_written_costs_the_file_and_not_the_clock() {
    let (directory, server) = (Directory::new(), Server::good());
    let said = unwritable(&directory.join("missing/virtual.drift"), &server);
    assert!(said.contains("No such file or directory"), "{said}");

    // What stands there is no file, and cannot be read either.
    let folder = directory.join("folder.drift");
    fs::create_dir(&folder).unwrap();
    let said = unwritable(&folder, &server);
    assert!(said.contains("directory"), "{said}");
}

/// A disk of 16 KiB, until it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(place: PathBuf) -> Option<Self> {
        fs::create_dir(&place).unwrap();
        let path = place.to_str().unwrap();
        succeeds("mount", &["-t", "tmpfs", "-o", "size=16k", "utcd-test", path])
            .then(|| Self(place))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let is_gone = succeeds("umount", &[self.0.to_str().unwrap()]);
        assert!(is_gone || std::thread::panicking());
    }
}

#[test]
fn a_full_disk_leaves_the_old_file_and_the_clock_alone() {
    let (directory, server) = (Directory::new(), Server::good());
    let Some(disk) = SmallDisk::mount(directory.join("disk")) else {
        eprintln!("skipped: a file system cannot be mounted here");
        return;
    };
    let file = disk.0.join("virtual.drift");
    drift::store(&file, KEPT).unwrap();
    let old = fs::read(&file).unwrap();
    // As much as fits.
    let _ = fs::write(disk.0.join("filling"), vec![0; 64 << 10]);
    let said = unwritable(&file, &server);
    assert!(said.contains("No space left on device"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), old);
    assert_eq!(fs::read_dir(&disk.0).unwrap().count(), 2);
}

#[test]
fn a_file_that_may_not_be_read_is_named_with_the_reason() {
    let (directory, server) = (Directory::new(), Server::good());
    let file = directory.join("virtual.drift");
    drift::store(&file, KEPT).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&file).is_ok() {
        // Root reads everything: a loop of links stands for what cannot be read.
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(&file, &file).unwrap();
    }
    let daemon = Daemon::start(&config(&file, &server));
    let said = daemon.log.wait("virtual.drift: ");
    assert!(said.contains("WARN clock virtual"), "{said}");
    daemon.until_locked("virtual");
}
