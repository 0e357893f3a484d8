//! Serial lines, to be read.

use std::fs::File;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::termios::{
    BaudRate, ControlFlags, FlushArg, SetArg, cfmakeraw, cfsetspeed, tcflush, tcgetattr, tcsetattr,
};

use crate::device;

/// The speeds that a line can have, bit/s.
const SPEEDS: [(u32, BaudRate); 9] = [
    (4800, BaudRate::B4800),
    (9600, BaudRate::B9600),
    (19_200, BaudRate::B19200),
    (38_400, BaudRate::B38400),
    (57_600, BaudRate::B57600),
    (115_200, BaudRate::B115200),
    (230_400, BaudRate::B230400),
    (460_800, BaudRate::B460800),
    (921_600, BaudRate::B921600),
];

/// Why a line cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SerialError {
    /// It is not there.
    #[error("there is no {}: is the receiver plugged in, and the name right?", .0.display())]
    Missing(PathBuf),
    /// The rights to open it are missing.
    #[error(
        "not allowed to open {}: add the user of utcd to the group of the device (dialout), and \
         allow it in the sandbox (systemd: DeviceAllow=)",
        .0.display()
    )]
    NotPermitted(PathBuf),
    /// No line has this speed.
    #[error("no serial line has a speed of {0} bit/s: give one of 4800, 9600, … 921600")]
    NoSuchSpeed(u32),
    /// The kernel's own reason.
    #[error("the kernel refuses to {what}: {reason}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// Its reason.
        reason: Errno,
    },
}

/// Whether a serial line can have this speed, bit/s.
#[must_use]
pub fn is_speed(speed: u32) -> bool {
    baud(speed).is_some()
}

fn baud(speed: u32) -> Option<BaudRate> {
    SPEEDS.iter().find(|(bits, _)| *bits == speed).map(|(_, baud)| *baud)
}

/// Opens `path` so that reads do not wait. A serial line is set to `speed` (bit/s), 8 data
/// bits, no parity, and what came before is dropped; anything else, such as a FIFO, is
/// read as it is.
///
/// # Errors
/// [`SerialError`].
pub fn open(path: &Path, speed: u32) -> Result<File, SerialError> {
    let baud = baud(speed).ok_or(SerialError::NoSuchSpeed(speed))?;
    let file = device::open(path).map_err(|reason| match reason {
        Errno::ENOENT | Errno::ENODEV | Errno::ENXIO => SerialError::Missing(path.to_owned()),
        Errno::EACCES | Errno::EPERM => SerialError::NotPermitted(path.to_owned()),
        reason => SerialError::Refused { what: "open the line", reason },
    })?;
    let mut settings = match tcgetattr(&file) {
        Ok(settings) => settings,
        Err(Errno::ENOTTY | Errno::EINVAL) => return Ok(file),
        Err(reason) => return Err(SerialError::Refused { what: "ask for its settings", reason }),
    };
    cfmakeraw(&mut settings);
    settings.control_flags |= ControlFlags::CLOCAL | ControlFlags::CREAD;
    settings.control_flags &= !ControlFlags::CSTOPB;
    let what = "set its speed";
    cfsetspeed(&mut settings, baud).map_err(|reason| SerialError::Refused { what, reason })?;
    tcsetattr(&file, SetArg::TCSANOW, &settings)
        .and_then(|()| tcflush(&file, FlushArg::TCIFLUSH))
        .map_err(|reason| SerialError::Refused { what, reason })?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_opened_says_what_to_do() {
        let path = Path::new("/dev/no-such-receiver");
        let missing = open(path, 9600).unwrap_err();
        assert_eq!(missing, SerialError::Missing(path.to_owned()));
        assert!(missing.to_string().contains("plugged in"));
        assert_eq!(open(path, 9601).unwrap_err(), SerialError::NoSuchSpeed(9601));
    }

    #[test]
    fn what_is_no_serial_line_is_read_as_it_is() {
        assert!(open(Path::new("/dev/null"), 4800).is_ok());
    }
}
