//! Other programs of this host that may have a hand on a clock.

use std::fs;
use std::io;
use std::path::Path;

/// Programs that are known to steer the system clock, by their names in the kernel, which are
/// 15 bytes at most. OpenNTPD and NTPsec are `ntpd`, ntpd-rs is `ntp-daemon`; timemaster only
/// starts others.
const OF_SYSTEM_CLOCK: [&str; 9] = [
    "chronyd",
    "ntpd",
    "ntp-daemon",
    "phc2sys",
    "ptp4l",
    "ptpd",
    "statime",
    "systemd-timesyn",
    "utcd",
];
/// The same for PTP hardware clocks.
const OF_PHC: [&str; 5] = ["phc2sys", "ptp4l", "statime", "ts2phc", "utcd"];

/// Programs besides this one that have the device of a PTP hardware clock open:
/// `ptp4l (pid 123)`. Of those whose files it may not see, for they are another user's, it
/// names the ones that are known to steer such clocks: `perhaps phc2sys (pid 124)`.
#[must_use]
pub fn holders(device: &Path) -> Vec<String> {
    let named = |program: Program| program.named(program.holds(device), &OF_PHC);
    running().filter_map(named).collect()
}

/// Programs besides this one that are known to steer the system clock. Nothing tells whether
/// they do: `perhaps chronyd (pid 123)`.
#[must_use]
pub fn of_system_clock() -> Vec<String> {
    running().filter_map(|program| program.perhaps(&OF_SYSTEM_CLOCK)).collect()
}

/// A program that runs.
struct Program {
    pid: u32,
    name: String,
}

/// All but this one, as far as /proc shows them (mount option hidepid, systemd's
/// ProtectProc=).
fn running() -> impl Iterator<Item = Program> {
    let own = std::process::id();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(move |pid| *pid != own).filter_map(|pid| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        Some(Program { pid, name: name.trim_end().to_owned() })
    })
}

impl Program {
    /// Whether it has the file open. Needs CAP_SYS_PTRACE for programs of other users.
    fn holds(&self, path: &Path) -> io::Result<bool> {
        for file in fs::read_dir(format!("/proc/{}/fd", self.pid))? {
            match fs::read_link(file?.path()) {
                Ok(link) if link == path => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
                // Another file, or one that was closed meanwhile.
                _ => {}
            }
        }
        Ok(false)
    }

    fn named(&self, holds: io::Result<bool>, known: &[&str]) -> Option<String> {
        match holds {
            Ok(holds) => holds.then(|| self.to_string()),
            Err(_) => self.perhaps(known),
        }
    }

    fn perhaps(&self, known: &[&str]) -> Option<String> {
        known.contains(&self.name.as_str()).then(|| format!("perhaps {self}"))
    }
}

impl std::fmt::Display for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (pid {})", self.name, self.pid)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::{Command, Stdio};

    use super::*;

    /// What `found` finds while `program` runs, which sleeps, and its pid.
    fn while_runs(
        program: &Path,
        input: impl Into<Stdio>,
        found: impl FnOnce() -> Vec<String>,
    ) -> (Vec<String>, u32) {
        let mut child = Command::new(program).arg("60").stdin(input).spawn().unwrap();
        // The kernel lets us go on a moment before it names the program.
        let named = || {
            let name = fs::read_to_string(format!("/proc/{}/comm", child.id())).unwrap();
            program.file_name().unwrap().to_str().unwrap().starts_with(name.trim_end())
        };
        while !named() {
            std::thread::yield_now();
        }
        let found = found();
        child.kill().unwrap();
        child.wait().unwrap();
        (found, child.id())
    }

    #[test]
    fn a_program_is_found_by_the_file_it_holds() {
        let path = std::env::temp_dir().join(format!("utcd-held-{}", std::process::id()));
        let file = fs::File::create(&path).unwrap();
        let (found, pid) = while_runs(Path::new("sleep"), file, || holders(&path));
        fs::remove_file(&path).unwrap();
        // What another test starts holds it, too, until it is the program that it is to be.
        assert!(found.contains(&format!("sleep (pid {pid})")), "{found:?}");
    }

    #[test]
    fn of_those_it_may_not_look_into_it_names_the_ones_that_steer_such_clocks() {
        let denied = || Err(io::Error::from(io::ErrorKind::PermissionDenied));
        let program = |name: &str| Program { pid: 7, name: name.to_owned() };
        let perhaps = Some("perhaps ts2phc (pid 7)".to_owned());
        assert_eq!(program("ts2phc").named(denied(), &OF_PHC), perhaps);
        assert_eq!(program("chronyd").named(denied(), &OF_PHC), None);
        assert_eq!(program("ts2phc").named(Ok(false), &OF_PHC), None);
        let certain = Some("chronyd (pid 7)".to_owned());
        assert_eq!(program("chronyd").named(Ok(true), &OF_PHC), certain);
    }

    #[test]
    fn a_time_daemon_that_runs_is_named_for_the_system_clock() {
        let directory = std::env::temp_dir().join(format!("utcd-others-{}", std::process::id()));
        let daemon = directory.join("systemd-timesyncd");
        fs::create_dir(&directory).unwrap();
        symlink("/bin/sleep", &daemon).unwrap();
        let (found, pid) = while_runs(&daemon, Stdio::null(), of_system_clock);
        fs::remove_dir_all(&directory).unwrap();
        assert!(found.contains(&format!("perhaps systemd-timesyn (pid {pid})")), "{found:?}");
    }

    #[test]
    fn the_names_are_as_short_as_those_of_the_kernel() {
        assert!(OF_SYSTEM_CLOCK.iter().chain(&OF_PHC).all(|name| name.len() <= 15));
    }
}
