//! The daemon itself: metrics, control socket, leap-second table, recording and log.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::DAY;
use crate::config::kind::{
    Address, FilePath, OrNone, Permissions, SocketPath, size, time, word, words,
};
use crate::config::section::Absent::Text;
use crate::config::section::section;

section! {
    /// Metrics for Prometheus, over HTTP.
    Metrics {
        /// Where to listen.
        "listen" => listen: Option<SocketAddr> = OrNone(Address), Text("'127.0.0.1:9319'");
    }
}

/// Where the control socket is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ControlSocket {
    /// In the runtime directory of the user who runs utcd.
    #[default]
    PerUser,
    /// There.
    Path(PathBuf),
}

section! {
    /// The socket over which `utcctl` asks.
    Control {
        /// Where it is.
        "socket" => socket: ControlSocket = SocketPath, Text("'/run/utcd/control.sock'");
        /// Who may ask. Nothing can be changed over the socket.
        "mode" => mode: u32 = Permissions, Text("'0666'");
    }
}

section! {
    /// The table of leap seconds.
    LeapSeconds {
        /// A file in the format of leap-seconds.list. Where it is missing, wrong or older
        /// than the table built into utcd, the built-in one is used, and the log says so.
        "file" => file: Option<PathBuf> =
            OrNone(FilePath), Text("'/usr/share/zoneinfo/leap-seconds.list'");
    }
}

section! {
    /// Recordings of every comparison, for `testbed replay`. Without this section nothing
    /// is recorded.
    Record {
        /// Where the files go. The directory is made if need be.
        "directory" => directory: PathBuf = FilePath, Text("'/var/lib/utcd/record'");
        /// A file that would be larger is closed, and another begun.
        "max-file-size" => max_file_size: u64 = size().at_least(10_000), Text("'16 MB'");
        /// So is a file that has been written to for so long.
        "max-file-age" => max_file_age: f64 = time().at_least(1.0).at_most(1000.0 * DAY), Text("'1 d'");
        /// What all files may take together: the oldest are removed for new ones. At least
        /// twice `max-file-size`.
        "max-total-size" => max_total_size: u64 = size().at_least(20_000), Text("'1 GB'");
    }
}

words! {
    /// How much is logged.
    LogLevel {
        /// what stops utcd from doing its work
        Error = "error",
        /// and what an operator should look at
        Warn = "warn",
        /// and changes of state
        Info = "info",
        /// and decisions
        Debug = "debug",
        /// and every packet
        Trace = "trace",
    }
}

section! {
    /// The log, on standard error.
    Log {
        /// How much is logged.
        "level" => level: LogLevel = word::<LogLevel>(), Text("'info'");
    }
}
