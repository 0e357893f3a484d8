//! NTP servers and pools as sources.

use super::{SourceCommon, TimeStamps};
use crate::config::kind::{Count, Flag, Maybe, host, time, word, words};
use crate::config::section::Absent::{Otherwise, Text};
use crate::config::section::section;

section! {
    /// An NTP server, or a pool of them.
    NtpSource {
        with common: SourceCommon;
        /// Host name or IP address of one server. Give either this or `pool`.
        "server" => server: Option<String> = Maybe(host()), Otherwise("none");
        /// A name that stands for many servers, of which `count` are used. One that stops
        /// answering is replaced.
        "pool" => pool: Option<String> = Maybe(host()), Otherwise("none");
        /// How many servers of the pool are used.
        "count" => count: Option<u32> = Maybe(Count(1..=16)), Otherwise("4, with a pool");
        /// How the messages travel. The server must do the same.
        "transport" => transport: NtpTransport = word::<NtpTransport>(), Text("'udp'");
        /// UDP port of the server.
        "port" => port: Option<u16> = Maybe(Count(1..=u16::MAX)), Otherwise("123, or 319 over PTP");
        /// Shortest interval between polls, as a power of two in seconds: 6 is 64 s, -3
        /// is 125 ms. Public servers ask for 6 or more.
        "min-poll" => min_poll: i8 = Count(-3..=17), Text("6");
        /// Longest interval between polls, as a power of two in seconds: 10 is 1024 s.
        "max-poll" => max_poll: i8 = Count(-3..=17), Text("10");
        /// Begin with a few polls in quick succession, to be on time sooner.
        "burst" => burst: bool = Flag, Text("true");
        /// Whose time stamps are used.
        "time-stamps" => time_stamps: TimeStamps = word::<TimeStamps>(), Text("'auto'");
        /// Ask the server to tell, by its next answer, when one really left (interleaved mode,
        /// RFC 9769). Each answer is of use one poll later. For servers of your own network
        /// that know the mode, as utcd and chronyd do; another one is followed as it is.
        "interleaved" => interleaved: bool = Flag, Text("false");
        /// An exchange with a longer round trip is refused.
        "max-delay" => max_delay: f64 = time().above(0.0).at_most(60.0), Text("'3 s'");
    }
}

words! {
    /// How NTP messages travel.
    NtpTransport {
        /// in datagrams of their own (RFC 5905)
        Udp = "udp",
        /// in PTP event messages (RFC 10030), which network interfaces stamp that stamp
        /// nothing else
        Ptp = "ptp",
        /// the same as chronyd from version 4.2 to 4.8 has it
        PtpExperimental = "ptp-experimental",
    }
}
