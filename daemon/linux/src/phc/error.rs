//! Why a PTP hardware clock cannot be had or read, in words that say what to do.

use std::fs;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::pulses::PeriodicOutput;

/// Where the kernel lists its PTP hardware clocks.
const CLASS: &str = "/sys/class/ptp";

/// Why a PTP hardware clock cannot be had or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhcError {
    /// There is no such device now; the driver of the NIC may bring it yet.
    #[error(
        "there is no PTP hardware clock {}; there are: {}. A sandbox may hide it (systemd: \
         PrivateDevices=no and DeviceAllow=char-ptp rw)",
        path.display(), listed(present)
    )]
    Missing {
        /// The path asked for.
        path: PathBuf,
        /// The clocks that the kernel has, with their names: `ptp0 (hwtsim0)`.
        present: Vec<String>,
    },
    /// The rights to open the device are missing.
    #[error(
        "not allowed to open {}: let the group utcd read and write it by the udev rule of utcd \
         (60-utcd.rules), and the sandbox by DeviceAllow=char-ptp rw (systemd)",
        path.display()
    )]
    NotPermitted {
        /// The path asked for.
        path: PathBuf,
    },
    /// The file is none.
    #[error("{} is not a PTP hardware clock; there are: {}", path.display(), listed(present))]
    NotAClock {
        /// The path asked for.
        path: PathBuf,
        /// The clocks that the kernel has.
        present: Vec<String>,
    },
    /// ENODEV: the NIC was unplugged, or its driver removed.
    #[error("the PTP hardware clock is gone, cannot {what}: open it again when it is back")]
    Gone {
        /// What was tried.
        what: &'static str,
    },
    /// EBUSY: another function of the hardware, or another program, holds what is needed.
    #[error("the PTP hardware clock is busy, cannot {what}: find out what else uses it")]
    Busy {
        /// What was tried.
        what: &'static str,
    },
    /// EOPNOTSUPP: the hardware or its driver has no such function.
    #[error("the driver of the PTP hardware clock cannot {what}")]
    Unsupported {
        /// What was tried.
        what: &'static str,
    },
    /// EACCES on a clock that is open.
    #[error(
        "not allowed to {what}: the PTP hardware clock is open for reading only; give the \
         group utcd write access to it by the udev rule of utcd (60-utcd.rules)"
    )]
    ReadOnly {
        /// What was tried.
        what: &'static str,
    },
    /// It has fewer pins or channels of the kind.
    #[error("there is no {kind} {number}: the PTP hardware clock has {count}, numbered from 0")]
    NoSuch {
        /// `pin`, or the kind of channel.
        kind: &'static str,
        /// The number asked for.
        number: u32,
        /// How many there are.
        count: u32,
    },
    /// A periodic output cannot be like this.
    #[error(
        "no periodic output has a period of {:?}, a phase of {:?} and a width of {:?}: the \
         period must be positive, the phase within it, and the width less than it",
        .0.period, .0.phase, .0.width
    )]
    Impossible(PeriodicOutput),
    /// The system clock, by way of which this clock is read, was stepped meanwhile.
    #[error("the system clock was stepped while the PTP hardware clock was read: read again")]
    Stepped,
    /// The kernel's own reason.
    #[error("the kernel refuses to {what}: {reason}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// Its reason.
        reason: Errno,
    },
}

impl PhcError {
    /// The device at `path` cannot be opened.
    pub(super) fn opening(path: &Path, reason: Errno) -> Self {
        let path = path.to_owned();
        match reason {
            Errno::ENOENT | Errno::ENODEV | Errno::ENXIO => {
                Self::Missing { path, present: present() }
            }
            Errno::EACCES | Errno::EPERM => Self::NotPermitted { path },
            reason => Self::Refused { what: "open the PTP hardware clock", reason },
        }
    }

    /// The file at `path` is something else.
    pub(super) fn not_a_clock(path: &Path) -> Self {
        Self::NotAClock { path: path.to_owned(), present: present() }
    }

    /// An open clock refuses.
    pub(super) fn new(what: &'static str, reason: Errno) -> Self {
        match reason {
            Errno::ENODEV => Self::Gone { what },
            Errno::EBUSY => Self::Busy { what },
            Errno::EOPNOTSUPP => Self::Unsupported { what },
            Errno::EACCES => Self::ReadOnly { what },
            reason => Self::Refused { what, reason },
        }
    }
}

/// The name that the driver of clock `index` gives it; empty where it is not told.
pub(super) fn clock_name(index: u32) -> String {
    name_of(&format!("ptp{index}"))
}

fn name_of(clock: &str) -> String {
    let name = fs::read_to_string(format!("{CLASS}/{clock}/clock_name"));
    name.map(|name| name.trim_end().to_owned()).unwrap_or_default()
}

fn present() -> Vec<String> {
    let entries = fs::read_dir(CLASS).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut present: Vec<_> = names.map(|clock| format!("{clock} ({})", name_of(&clock))).collect();
    present.sort();
    present
}

fn listed(present: &[String]) -> String {
    if present.is_empty() { "none".to_owned() } else { present.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_opened_says_why_and_what_to_do() {
        let said = |reason| PhcError::opening(Path::new("/dev/ptp7"), reason).to_string();
        assert!(said(Errno::ENOENT).contains("no PTP hardware clock /dev/ptp7"));
        assert!(said(Errno::EACCES).contains("udev rule"));
        assert!(said(Errno::EPERM).contains("DeviceAllow=char-ptp"));
        assert!(said(Errno::EMFILE).contains("EMFILE"));
    }

    #[test]
    fn a_missing_clock_lists_those_there_are() {
        let missing = |present: &[&str]| PhcError::Missing {
            path: "/dev/ptp7".into(),
            present: present.iter().map(|clock| (*clock).to_owned()).collect(),
        };
        let said = missing(&["ptp0 (igb)", "ptp1 (ice)"]).to_string();
        assert!(said.contains("there are: ptp0 (igb), ptp1 (ice)."), "{said}");
        assert!(missing(&[]).to_string().contains("there are: none."));
    }

    #[test]
    fn each_refusal_of_an_open_clock_has_a_state_of_its_own() {
        let what = "read the PTP hardware clock";
        for (reason, state) in [
            (Errno::ENODEV, PhcError::Gone { what }),
            (Errno::EBUSY, PhcError::Busy { what }),
            (Errno::EOPNOTSUPP, PhcError::Unsupported { what }),
            (Errno::EACCES, PhcError::ReadOnly { what }),
            (Errno::EINVAL, PhcError::Refused { what, reason: Errno::EINVAL }),
        ] {
            assert_eq!(PhcError::new(what, reason), state);
        }
    }
}
