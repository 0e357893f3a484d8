//! `clock_adjtime(2)`, and why it may refuse: the same for every clock that can be steered.

use nix::errno::Errno;
use nix::libc::{self, c_int};

/// Why the kernel does not do what a clock was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// EPERM: the privilege is missing.
    #[error(
        "not allowed to {what}: grant CAP_SYS_TIME (systemd: AmbientCapabilities= and \
         CapabilityBoundingSet=, as in utcd.service), or discipline a virtual clock, or only observe"
    )]
    NotPermitted {
        /// What was tried.
        what: &'static str,
    },
    /// EACCES: the device of the clock was opened for reading only.
    #[error(
        "not allowed to {what}: utcd may only read the device of the clock; give the group \
         utcd write access to it by the udev rule of utcd (60-utcd.rules), or only observe"
    )]
    ReadOnly {
        /// What was tried.
        what: &'static str,
    },
    /// The value is one that the clock cannot take: it was not asked, or said so (ERANGE).
    #[error("{what} is beyond what the clock can do")]
    OutOfRange {
        /// The value and the range.
        what: String,
    },
    /// EBUSY: something else holds the clock. Of a PTP hardware clock these are its
    /// virtual clocks, which need it to run free.
    #[error(
        "the clock is in use by something else (a PTP hardware clock: by its virtual clocks), \
         and the kernel refuses to {what}: free it, or try again later"
    )]
    Busy {
        /// What was tried.
        what: &'static str,
    },
    /// EOPNOTSUPP: the hardware or its driver has no such function.
    #[error("the driver of the clock cannot {what}: only observe this clock")]
    Unsupported {
        /// What was tried.
        what: &'static str,
    },
    /// ENODEV: the device of the clock was unplugged, or its driver removed.
    #[error("the clock is gone, no use to {what}: open it again when it is back")]
    Gone {
        /// What was tried.
        what: &'static str,
    },
    /// The kernel's own reason: EINVAL for a value, ENOSYS from a sandbox.
    #[error("the kernel refuses to {what}: {reason}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// Its reason.
        reason: Errno,
    },
}

impl ClockError {
    fn new(what: &'static str, reason: Errno) -> Self {
        match reason {
            Errno::EPERM => Self::NotPermitted { what },
            Errno::EACCES => Self::ReadOnly { what },
            Errno::ERANGE => Self::OutOfRange { what: format!("the value with which to {what}") },
            Errno::EBUSY => Self::Busy { what },
            Errno::EOPNOTSUPP => Self::Unsupported { what },
            Errno::ENODEV => Self::Gone { what },
            reason => Self::Refused { what, reason },
        }
    }
}

/// Hands `request` for `clock` to the kernel, which puts its answer there and returns the
/// state (`TIME_OK`, `TIME_INS`, …).
pub(crate) fn adjust(
    clock: libc::clockid_t,
    request: &mut libc::timex,
    what: &'static str,
) -> Result<c_int, ClockError> {
    call(clock, request).map_err(|reason| ClockError::new(what, reason))
}

/// As [`adjust`], with the bare reason.
pub(crate) fn call(clock: libc::clockid_t, request: &mut libc::timex) -> nix::Result<c_int> {
    // SAFETY: `request` is a valid, exclusively borrowed `timex`, which the kernel reads
    // and writes during the call only. An unknown `clock` is refused.
    Errno::result(unsafe { libc::clock_adjtime(clock, request) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_to_do() {
        let refused = |reason| ClockError::new("step the clock", reason).to_string();
        assert!(refused(Errno::EPERM).contains("CAP_SYS_TIME"));
        assert!(refused(Errno::EACCES).contains("udev rule"));
        assert!(refused(Errno::ERANGE).contains("beyond"));
        assert!(refused(Errno::EBUSY).contains("in use"));
        assert!(refused(Errno::EOPNOTSUPP).contains("driver of the clock cannot step"));
        assert!(refused(Errno::ENODEV).contains("gone"));
        assert!(refused(Errno::EINVAL).contains("step the clock: EINVAL"));
    }
}
