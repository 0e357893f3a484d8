//! PTP hardware clocks and pulses as the kernel has them, with the truth beside: on the
//! bench in a virtual machine, whose simulated clocks may be steered. Skipped elsewhere.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;

use clock_models::time::{Duration, Timestamp};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use utcd_linux::clock::ClockError;
use utcd_linux::phc::{CrossMethod, Edges, PeriodicOutput, Phc, PhcError, Polarity};
use utcd_linux::pps::{Edge, Pps, PpsError};

const TRUTH: &str = "/sys/kernel/debug/hwtsim";
const NOBODY: u32 = 65_534;
const CHILD: &str = "UTCD_TEST_UNPRIVILEGED";

/// The clocks of the bench, for one test at a time.
struct Bench(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl Bench {
    /// `None`, said so, where this is no bench.
    fn enter() -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        let vm = std::env::var("UTCD_VM").is_ok_and(|vm| vm == "1");
        if !vm || !Path::new(TRUTH).exists() {
            println!("skipped: runs on the bench in a virtual machine (UTCD_VM=1, {TRUTH})");
            return None;
        }
        let bench = Self(TURN.lock().unwrap_or_else(PoisonError::into_inner));
        for clock in [0, 1] {
            bench.knob(clock, "osc_ppt", 0);
            bench.open(clock).set_frequency(0.0).unwrap();
        }
        Some(bench)
    }

    fn open(&self, clock: u32) -> Phc {
        Phc::open(self.truth(clock, "ptp").try_into().unwrap()).unwrap()
    }

    fn truth(&self, clock: u32, file: &str) -> i64 {
        let text = fs::read_to_string(format!("{TRUTH}/clock{clock}/{file}")).unwrap();
        text.trim().parse().unwrap()
    }

    fn knob(&self, clock: u32, file: &str, value: i64) {
        fs::write(format!("{TRUTH}/clock{clock}/{file}"), value.to_string()).unwrap();
    }
}

fn nanos(n: i64) -> Duration {
    Duration::from_nanos(n)
}

#[test]
fn a_clock_says_what_it_can_do_by_whatever_path_it_is_opened() {
    let Some(bench) = Bench::enter() else { return };
    let phc = bench.open(1);
    let told = phc.capabilities();
    assert_eq!(told.name, "hwtsim1");
    assert!((told.max_frequency - 1e-3).abs() < 1e-12);
    assert_eq!((told.pins, told.external_stamps, told.periodic_outputs), (0, 1, 1));
    assert!(told.pps);
    assert_eq!(told.cross, CrossMethod::Precise);
    let link = PathBuf::from(format!("/tmp/utcd-hardware-{}", std::process::id()));
    symlink(format!("/dev/ptp{}", phc.index()), &link).unwrap();
    let by_link = Phc::open_path(&link);
    fs::remove_file(&link).unwrap();
    assert_eq!(by_link.unwrap().index(), phc.index());
}

#[test]
fn a_missing_clock_names_those_there_are() {
    let Some(_bench) = Bench::enter() else { return };
    let said = Phc::open(99).unwrap_err().to_string();
    assert!(said.contains("(hwtsim0), ptp"), "{said}");
}

#[test]
fn a_clock_is_read_at_the_time_it_shows() {
    let Some(bench) = Bench::enter() else { return };
    let phc = bench.open(0);
    let before = phc.cross_read(3).unwrap();
    let now = phc.now().unwrap();
    let after = phc.cross_read(3).unwrap();
    assert!(before.phc <= now && now <= after.phc);
    // At the pace of the host.
    assert!(((after.phc - before.phc) - (after.raw - before.raw)).abs() <= nanos(2));
    assert!(before.uncertainty() < 1e-9);
}

#[test]
fn a_frequency_is_set_as_told_within_the_range_of_the_clock() {
    let Some(bench) = Bench::enter() else { return };
    let mut phc = bench.open(1);
    for ratio in [12.345e-6, -999.9e-6, 1e-3, -1e-3, 1e-12] {
        let set = phc.set_frequency(ratio).unwrap();
        assert!((set - ratio).abs() < 8e-12, "{ratio}: {set}");
        assert!((phc.frequency().unwrap() - set).abs() < 1e-18);
        let truth = bench.truth(1, "adj_ppt") as f64 * 1e-12;
        assert!((truth - set).abs() < 2e-12, "{ratio}: {truth}");
    }
    let counted = bench.truth(1, "adjfine_count");
    let error = phc.set_frequency(1.01e-3).unwrap_err();
    assert!(matches!(error, ClockError::OutOfRange { .. }), "{error}");
    assert_eq!(bench.truth(1, "adjfine_count"), counted);
    phc.set_frequency(0.0).unwrap();
}

#[test]
fn a_step_is_as_long_as_told_either_way() {
    let Some(bench) = Bench::enter() else { return };
    let mut phc = bench.open(1);
    for by in [nanos(1), nanos(-1), nanos(-1_500_000_001), nanos(1_500_000_001)] {
        let before = bench.truth(1, "vs_clock0_ns");
        assert_eq!(phc.step(by), Ok(by));
        assert_eq!(nanos(bench.truth(1, "vs_clock0_ns") - before), by);
    }
    let error = phc.step(Duration::from_secs(10_000_000_000)).unwrap_err();
    assert!(matches!(error, ClockError::OutOfRange { .. }), "{error}");
}

#[test]
fn external_pulses_are_stamped_by_the_clock_and_read_without_waiting() {
    let Some(bench) = Bench::enter() else { return };
    let mut phc = bench.open(1);
    phc.step(nanos(123_456_789)).unwrap();
    let mut stamps = phc.external_stamps().unwrap();
    assert_eq!(stamps.take(), Ok(None));
    assert_eq!(phc.stamp_external(0, Edges::Rising), Ok(Polarity::AsAsked));
    for _ in 0..3 {
        let mut polled = [PollFd::new(phc.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut polled, PollTimeout::from(60_000u16)).unwrap(), 1);
        let stamp = stamps.take().unwrap().unwrap();
        assert_eq!(stamp.channel, 0);
        // The pulses are the seconds of clock 0.
        let second = stamp.at - nanos(bench.truth(1, "vs_clock0_ns"));
        assert_eq!(second.since_epoch().subsec(), Duration::ZERO, "{stamp:?}");
        assert_eq!(stamps.take(), Ok(None));
    }
    phc.end_external(0).unwrap();
    sleep(std::time::Duration::from_millis(2500));
    assert_eq!(stamps.take(), Ok(None));
}

#[test]
fn what_the_clock_lacks_is_said() {
    let Some(bench) = Bench::enter() else { return };
    let mut phc = bench.open(0);
    let error = phc.stamp_external(1, Edges::Both).unwrap_err();
    assert!(error.to_string().contains("the PTP hardware clock has 1"), "{error}");
    let (period, phase) = (Duration::SECOND, Duration::ZERO);
    let pulse = PeriodicOutput { period, phase, width: None };
    let error = phc.put_out(1, pulse).unwrap_err();
    assert!(matches!(error, PhcError::NoSuch { count: 1, .. }), "{error}");
    assert_eq!(phc.pins(), Ok(vec![]));
}

#[test]
fn a_clock_that_runs_free_for_virtual_clocks_is_read_and_not_steered() {
    let Some(bench) = Bench::enter() else { return };
    let mut phc = bench.open(0);
    let directory = PathBuf::from(format!("/sys/class/ptp/ptp{}", phc.index()));
    let virtual_clocks = |count: &str| fs::write(directory.join("n_vclocks"), count).unwrap();
    virtual_clocks("1");
    assert!(matches!(phc.set_frequency(1e-6), Err(ClockError::Busy { .. })));
    assert!(matches!(phc.step(nanos(1)), Err(ClockError::Busy { .. })));
    phc.cross_read(3).unwrap();
    let mut steered = virtual_clock(&directory);
    let before = steered.cross_read(3).unwrap();
    assert_eq!(steered.step(nanos(5_000_000_000)), Ok(nanos(5_000_000_000)));
    let after = steered.cross_read(3).unwrap();
    let gained = (after.phc - before.phc) - (after.raw - before.raw);
    let tolerance = before.window + after.window + nanos(10);
    println!("{:?}", steered.capabilities());
    assert!((gained - nanos(5_000_000_000)).abs() <= tolerance, "{gained:?}");
    drop(steered);
    virtual_clocks("0");
    phc.set_frequency(0.0).unwrap();
}

/// The first virtual clock below the directory of its physical one.
fn virtual_clock(directory: &Path) -> Phc {
    let mut entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let index = entries.find_map(|name| name.to_str()?.strip_prefix("ptp")?.parse().ok());
    Phc::open(index.unwrap()).unwrap()
}

/// The N of the `/dev/ppsN` of a PTP hardware clock.
fn pps_of(phc: &Phc) -> u32 {
    let name = format!("ptp{}", phc.index());
    let mut devices = fs::read_dir("/sys/class/pps").unwrap().map(|entry| entry.unwrap());
    let named = |dir: &Path| fs::read_to_string(dir.join("name")).unwrap().trim() == name;
    let found = devices.find(|device| named(&device.path())).unwrap();
    found.file_name().to_str().unwrap().strip_prefix("pps").unwrap().parse().unwrap()
}

#[test]
fn the_seconds_of_a_clock_come_as_pulses_on_the_time_base() {
    let Some(bench) = Bench::enter() else { return };
    let mut phc = bench.open(1);
    let index = pps_of(&phc);
    let mut pps = Pps::open(index, Edge::Assert).unwrap();
    assert_eq!(pps.pulse(), Ok(None));
    let first = pulses_so_far(index);
    phc.tell_seconds(true).unwrap();
    let mut told = 0;
    for _ in 0..3 {
        sleep_past_second(&phc);
        let pulse = pps.pulse().unwrap().unwrap();
        let reading = phc.cross_read(1).unwrap();
        let stamp = pulse.stamp.unwrap();
        // Both run alike, so the clock showed this at the pulse.
        let shown = reading.phc - (reading.raw - stamp.at);
        let error = to_second(shown).seconds().abs();
        println!("pulse {error:e} s off, uncertainty {:e} s", stamp.uncertainty);
        assert!(error <= 2.0 * stamp.uncertainty, "{pulse:?}");
        assert_eq!(pps.pulse(), Ok(None));
        told += 1 + pulse.missed;
    }
    sleep(std::time::Duration::from_secs(2));
    sleep_past_second(&phc);
    phc.tell_seconds(false).unwrap();
    let last = pps.pulse().unwrap().unwrap();
    assert!(last.missed >= 2, "{last:?}");
    assert_eq!(first + told + 1 + last.missed, pulses_so_far(index));
}

/// As the kernel counts them: `1795000000.000000000#7`, or nothing before the first.
fn pulses_so_far(index: u32) -> u32 {
    let assert = fs::read_to_string(format!("/sys/class/pps/pps{index}/assert")).unwrap();
    assert.trim().split('#').nth(1).map_or(0, |number| number.parse().unwrap())
}

fn sleep_past_second(phc: &Phc) {
    let left = Duration::SECOND - phc.now().unwrap().since_epoch().subsec() + nanos(1_000_000);
    sleep(std::time::Duration::from_nanos(left.floor_nanos().try_into().unwrap()));
}

/// From the nearest full second.
fn to_second<S: clock_models::time::Scale>(shown: Timestamp<S>) -> Duration {
    (shown.since_epoch() + Duration::SECOND / 2).subsec() - Duration::SECOND / 2
}

#[test]
fn an_edge_that_the_device_does_not_see_is_refused() {
    let Some(bench) = Bench::enter() else { return };
    let phc = bench.open(0);
    let error = Pps::open(pps_of(&phc), Edge::Clear).unwrap_err();
    assert_eq!(error, PpsError::NoSuchEdge(Edge::Clear));
    let other = PathBuf::from(format!("/dev/ptp{}", phc.index()));
    let error = Pps::open_path(&other, Edge::Assert).unwrap_err();
    assert_eq!(error, PpsError::NotAPps(other));
}

#[test]
fn without_rights_a_clock_is_refused_or_only_read() {
    let name = "without_rights_a_clock_is_refused_or_only_read";
    if let Ok(index) = std::env::var(CHILD) {
        return unprivileged(index.parse().unwrap());
    }
    let Some(bench) = Bench::enter() else { return };
    let index = bench.open(0).index();
    let device = format!("/dev/ptp{index}");
    let mode = |mode| fs::set_permissions(&device, fs::Permissions::from_mode(mode)).unwrap();
    for readable in [0o600, 0o644] {
        mode(readable);
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", name, "--nocapture"]).env(CHILD, index.to_string());
        let output = child.uid(NOBODY).gid(NOBODY).current_dir("/").output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && out.contains("1 passed"), "{out}{error}");
        assert_eq!(out.contains("only read"), readable == 0o644, "{out}");
    }
    mode(0o600);
}

fn unprivileged(index: u32) {
    match Phc::open(index) {
        Err(error) => assert!(matches!(error, PhcError::NotPermitted { .. }), "{error}"),
        Ok(mut phc) => {
            phc.cross_read(3).unwrap();
            let error = phc.set_frequency(0.0).unwrap_err();
            assert!(matches!(error, ClockError::ReadOnly { .. }), "{error}");
            assert!(matches!(phc.step(nanos(0)), Err(ClockError::ReadOnly { .. })));
            println!("only read");
        }
    }
}

#[test]
fn a_clock_that_is_unplugged_says_so_and_can_be_opened_again() {
    let Some(bench) = Bench::enter() else { return };
    let mut phc = bench.open(0);
    let mut stamps = phc.external_stamps().unwrap();
    let topology = fs::read_to_string("/sys/module/hwtsim/parameters/topo").unwrap();
    let run = |command: &mut Command| assert!(command.status().unwrap().success());
    run(Command::new("rmmod").arg("hwtsim"));
    let what = "read the PTP hardware clock";
    assert_eq!(phc.now(), Err(PhcError::Gone { what }));
    assert!(matches!(phc.cross_read(3), Err(PhcError::Gone { .. })));
    assert!(matches!(phc.frequency(), Err(PhcError::Gone { .. })));
    assert!(matches!(phc.set_frequency(0.0), Err(ClockError::Gone { .. })));
    assert!(matches!(stamps.take(), Err(PhcError::Gone { .. })));
    run(Command::new("modprobe").arg("hwtsim").arg(format!("topo={}", topology.trim())));
    bench.open(0).now().unwrap();
}
