//! PTP domains as sources.

use super::{SourceCommon, TimeStamps};
use crate::config::kind::{Count, interface, word, words};
use crate::config::section::Absent::{Required, Text};
use crate::config::section::section;

words! {
    /// How PTP messages travel.
    PtpTransport {
        /// UDP over IPv4 (IEEE 1588-2019 annex C)
        UdpIpv4 = "udp-ipv4",
        /// UDP over IPv6 (annex D)
        UdpIpv6 = "udp-ipv6",
        /// Ethernet frames (annex E)
        Ethernet = "ethernet",
    }
}

words! {
    /// How the path to the master is measured, in the words of IEEE 1588-2019.
    DelayMechanism {
        /// from end to end, by Delay_Req and Delay_Resp (11.3)
        E2e = "e2e",
        /// link by link, by Pdelay_Req and Pdelay_Resp (11.4): every device on the way must
        /// do so, and the answer comes from the neighbour
        P2p = "p2p",
    }
}

words! {
    /// How a grandmaster is taken that does not claim the PTP timescale (TAI).
    ArbitraryTimescale {
        /// it is not used
        Refuse = "refuse",
        /// its time stamps are taken as UTC
        Utc = "utc",
        /// its time stamps are taken as TAI
        Tai = "tai",
    }
}

section! {
    /// A PTP domain on a network interface, whose best master is followed. utcd never
    /// becomes master of it.
    PtpSource {
        with common: SourceCommon;
        /// The network interface.
        "interface" => interface: String = interface(), Required;
        /// How the messages travel.
        "transport" => transport: PtpTransport = word::<PtpTransport>(), Text("'udp-ipv4'");
        /// How the path is measured. The master and every device between must do the same.
        "delay-mechanism" => delay_mechanism: DelayMechanism =
            word::<DelayMechanism>(), Text("'e2e'");
        /// How often the link to the neighbour is measured, as a power of two in seconds:
        /// 0 is every second, -3 eight times a second; with `delay-mechanism = "p2p"`. From
        /// end to end, the master says how often.
        "log-min-pdelay-req-interval" => log_min_pdelay_req_interval: i8 =
            Count(-7..=7), Text("0");
        /// Whose time stamps are used; `auto` is those of the NIC where it gives them. For a
        /// virtual clock of the interface's PTP hardware clock they are taken on that one.
        "time-stamps" => time_stamps: TimeStamps = word::<TimeStamps>(), Text("'auto'");
        /// The domainNumber (IEEE 1588-2019, 7.1).
        "domain" => domain: u8 = Count(0..=127), Text("0");
        /// What to make of a grandmaster whose ptpTimescale flag is not set. Its time may
        /// be anything, and only who runs it can know.
        "arbitrary-timescale" => arbitrary_timescale: ArbitraryTimescale =
            word::<ArbitraryTimescale>(), Text("'refuse'");
    }
}
