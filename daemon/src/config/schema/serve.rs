//! To whom time is given.

use std::net::SocketAddr;

use crate::config::kind::{Address, Count, List, OrNone, name, word, words};
use crate::config::section::Absent::{Otherwise, Text};
use crate::config::section::{maybe_table, section};

section! {
    /// To whom time is given.
    Serve {
        /// The NTP server.
        "ntp" => ntp: Option<NtpServer> = maybe_table::<NtpServer>(), Otherwise("none");
    }
}

words! {
    /// Whose time stamps the NTP server uses.
    ServerTimeStamps {
        /// the network interface's where it grants them, else the kernel's
        Auto = "auto",
        /// the kernel's
        Software = "software",
    }
}

section! {
    /// The NTP server. Without this section utcd serves nobody. Clients that ask for
    /// interleaved mode (RFC 9769) are told when answers really left.
    NtpServer {
        /// Addresses and ports to listen on.
        "listen" => listen: Vec<SocketAddr> =
            List(Address), Text("['0.0.0.0:123', '[::]:123']");
        /// Addresses and ports to listen on for NTP in PTP event messages (RFC 10030), such
        /// as "192.0.2.1:319": network interfaces that stamp nothing else stamp those. Each
        /// request is answered in its own form.
        "ptp-listen" => ptp_listen: Option<Vec<SocketAddr>> = OrNone(List(Address)), Text("'none'");
        /// Which clock is given.
        "clock" => clock: String = name(), Otherwise("the first clock");
        /// The stratum to serve while the clock follows no source. For a clock that is
        /// itself the reference of an isolated network; with "none" it is then served as
        /// unsynchronised.
        "local-stratum" => local_stratum: Option<u8> = OrNone(Count(1..=15)), Text("'none'");
        /// Whose time stamps are used. Every network interface that can stamp and has an
        /// address to listen on is made to.
        "time-stamps" => time_stamps: ServerTimeStamps = word::<ServerTimeStamps>(), Text("'auto'");
    }
}
