use clock_models::time::{Duration, LeapTable};

use crate::wire::{ClockIdentity, PortIdentity};

/// log₂ of the seconds between messages that the port accepts: 1/128 s to 128 s.
const LOG_INTERVALS: std::ops::RangeInclusive<i8> = -7..=7;
/// logMessageInterval of a sender that states none (13.3.2.14).
const UNSTATED: i8 = 0x7f;
/// Domains of sdoId 0x000 (IEEE 1588-2019 table 2).
const LAST_DOMAIN: u8 = 127;
/// Least announceReceiptTimeout (7.7.3.1).
const LEAST_RECEIPT_TIMEOUT: u8 = 2;

/// What a port is told at its start.
#[derive(Debug, Clone, PartialEq)]
pub struct PortConfig {
    /// Name of this clock; see [`ClockIdentity::from_mac`].
    pub clock_identity: ClockIdentity,
    /// Number of this port, 1 on an ordinary clock (7.5.2.3).
    pub port_number: u16,
    /// domainNumber, 0 to 127.
    pub domain: u8,
    /// logAnnounceInterval, −7 to 7 (7.7.2.2): of masters that state none.
    pub log_announce_interval: i8,
    /// announceReceiptTimeout, at least 2: announce intervals without an Announce after
    /// which a master is held to be dead.
    pub announce_receipt_timeout: u8,
    /// logMinDelayReqInterval, −7 to 7: mean time between Delay_Req until the master has
    /// stated its own in a Delay_Resp, and where it states none.
    pub log_min_delay_req_interval: i8,
    /// delayAsymmetry (7.4.2): half of what the way from the master takes longer than
    /// the way to it; negative if it takes less.
    pub delay_asymmetry: Duration,
    /// How the path is measured.
    pub delay_mechanism: DelayMechanism,
    /// What to make of a master whose time scale is arbitrary.
    pub arbitrary_timescale: ArbitraryTimescale,
    /// TAI−UTC, to read UTC masters and to check currentUtcOffset against.
    pub leap_table: LeapTable,
}

/// How the path is measured (8.2.15.4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DelayMechanism {
    /// From end to end: the delay request-response mechanism (11.3).
    #[default]
    E2e,
    /// Link by link: the peer delay mechanism (11.4).
    P2p {
        /// logMinPdelayReqInterval, −7 to 7: from one Pdelay_Req to the next.
        log_min_pdelay_req_interval: i8,
    },
}

/// How Pdelay_Req of the neighbour are answered (11.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PdelayAnswer {
    /// In two steps: by a Pdelay_Resp, and by a Pdelay_Resp_Follow_Up once that is stamped.
    #[default]
    TwoStep,
    /// By a Pdelay_Resp alone. Whoever sends it adds to its correctionField the time from its
    /// own stamp of the Pdelay_Req to that of the Pdelay_Resp.
    OneStep {
        /// ingressLatency and egressLatency together (7.3.4.2): for so much longer than those
        /// stamps show the request is kept.
        latencies: Duration,
    },
}

/// What the time of a master is that does not set ptpTimescale (7.2.1): the standard
/// leaves it open. See [the crate](crate) for what `ptp4l` sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ArbitraryTimescale {
    /// Nobody knows: no comparisons, and a counter says so.
    #[default]
    Refuse,
    /// UTC, as from a `ptp4l` with software time stamps.
    Utc,
    /// TAI nevertheless.
    Tai,
}

/// Why a configuration cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The domain is not one of sdoId 0x000.
    #[error("domain {0} is not in 0 to 127")]
    Domain(u8),
    /// Zero, or all ones, which mean "no port" and "every port" (7.5.2.3).
    #[error("port number {0} is not in 1 to 65534")]
    PortNumber(u16),
    /// An interval out of range.
    #[error("{name} {value} is not in -7 to 7 (it is the binary logarithm of seconds)")]
    LogInterval {
        /// As the standard calls it.
        name: &'static str,
        /// As found.
        value: i8,
    },
    /// Too impatient.
    #[error("announceReceiptTimeout {0} is less than 2")]
    AnnounceReceiptTimeout(u8),
}

impl PortConfig {
    /// The usual values (J.3, and linuxptp's intervals) for a clock: domain 0, an
    /// Announce every 2 s where the master states no interval, dead after 3 of them, end to end, a Delay_Req every second,
    /// no asymmetry, arbitrary time scales refused.
    #[must_use]
    pub const fn new(clock_identity: ClockIdentity, leap_table: LeapTable) -> Self {
        Self {
            clock_identity,
            port_number: 1,
            domain: 0,
            log_announce_interval: 1,
            announce_receipt_timeout: 3,
            log_min_delay_req_interval: 0,
            delay_asymmetry: Duration::ZERO,
            delay_mechanism: DelayMechanism::E2e,
            arbitrary_timescale: ArbitraryTimescale::Refuse,
            leap_table,
        }
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first one out of it.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.domain > LAST_DOMAIN {
            return Err(ConfigError::Domain(self.domain));
        }
        if self.port_number == 0 || self.port_number == u16::MAX {
            return Err(ConfigError::PortNumber(self.port_number));
        }
        for (name, value) in [
            ("logAnnounceInterval", self.log_announce_interval),
            ("logMinDelayReqInterval", self.log_min_delay_req_interval),
            ("logMinPdelayReqInterval", self.log_min_pdelay_req_interval()),
        ] {
            if !LOG_INTERVALS.contains(&value) {
                return Err(ConfigError::LogInterval { name, value });
            }
        }
        if self.announce_receipt_timeout < LEAST_RECEIPT_TIMEOUT {
            return Err(ConfigError::AnnounceReceiptTimeout(self.announce_receipt_timeout));
        }
        Ok(())
    }

    /// logMinPdelayReqInterval; 0 where there is none.
    const fn log_min_pdelay_req_interval(&self) -> i8 {
        match self.delay_mechanism {
            DelayMechanism::E2e => 0,
            DelayMechanism::P2p { log_min_pdelay_req_interval } => log_min_pdelay_req_interval,
        }
    }

    /// The name of the port.
    #[must_use]
    pub const fn identity(&self) -> PortIdentity {
        PortIdentity { clock: self.clock_identity, port: self.port_number }
    }

    /// Announce intervals of this port without an Announce (9.2.6.12). A master that
    /// states an interval of its own has another one, which its Announce messages tell.
    #[must_use]
    pub fn announce_receipt_timeout_interval(&self) -> Duration {
        interval(self.log_announce_interval) * i64::from(self.announce_receipt_timeout)
    }
}

/// The logAnnounceInterval by which a master is held to be alive, of what it `stated` as
/// logMessageInterval of its Announce (13.3.2.14, table 42): a domain has one interval,
/// but a port that was told another one shall not lose its master for that.
///
/// 0x7F means that the master states none. One beyond the range is taken as its end, lest
/// one message keep a dead master for good.
pub(crate) fn announce_interval(own: i8, stated: i8) -> i8 {
    if stated == UNSTATED {
        return own;
    }
    stated.clamp(*LOG_INTERVALS.start(), *LOG_INTERVALS.end())
}

/// 2^`log` seconds, for −30 ≤ `log` ≤ 30.
pub(crate) fn interval(log: i8) -> Duration {
    let exact = Duration::SECOND.to_bits() << 30;
    Duration::from_bits(exact >> (30 - log.clamp(-30, 30)))
}

/// The logMinDelayReqInterval in force: it is the master that sets it, by its Delay_Resp
/// (7.7.2.4, 9.5.11.2), and the port's `own` stands for one that is still to come.
///
/// 0x7F means that the master states none (13.8). One beyond the range is taken as its
/// end, lest one message silence the port for good, or make it flood the network.
pub(crate) fn delay_req_interval(own: i8, master: Option<i8>) -> i8 {
    let stated = master.filter(|&log| log != UNSTATED).unwrap_or(own);
    stated.clamp(*LOG_INTERVALS.start(), *LOG_INTERVALS.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> PortConfig {
        PortConfig::new(ClockIdentity::default(), LeapTable::built_in())
    }

    #[test]
    fn intervals_are_powers_of_two() {
        assert_eq!(interval(0), Duration::SECOND);
        assert_eq!(interval(7), Duration::from_secs(128));
        assert_eq!(interval(-7), Duration::from_nanos(7_812_500));
    }

    #[test]
    fn a_master_sets_the_rate_of_requests_but_neither_asks_for_none_nor_for_a_flood() {
        for (own, master, in_force) in [
            (0, None, 0),
            (-3, None, -3),
            (0, Some(0x7f), 0),
            (0, Some(3), 3),
            (0, Some(-4), -4),
            (0, Some(i8::MIN), -7),
            (0, Some(126), 7),
        ] {
            assert_eq!(delay_req_interval(own, master), in_force, "{own} {master:?}");
        }
    }

    #[test]
    fn a_master_states_its_announce_interval_but_not_one_that_keeps_it_alive_for_ever() {
        for (own, stated, in_force) in
            [(1, 0, 0), (1, 4, 4), (1, -3, -3), (1, 0x7f, 1), (1, 126, 7), (1, i8::MIN, -7)]
        {
            assert_eq!(announce_interval(own, stated), in_force, "{own} {stated}");
        }
    }

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        assert_eq!(config().check(), Ok(()));
        let mut c = config();
        c.domain = 128;
        assert_eq!(c.check(), Err(ConfigError::Domain(128)));
        for number in [0, 0xffff] {
            let c = PortConfig { port_number: number, ..config() };
            assert_eq!(c.check(), Err(ConfigError::PortNumber(number)));
        }
        for log in [-8, 8, i8::MIN, i8::MAX] {
            let c = PortConfig { log_announce_interval: log, ..config() };
            assert!(c.check().unwrap_err().to_string().starts_with("logAnnounceInterval"));
            let c = PortConfig { log_min_delay_req_interval: log, ..config() };
            assert!(c.check().unwrap_err().to_string().starts_with("logMinDelayReqInterval"));
            let p2p = DelayMechanism::P2p { log_min_pdelay_req_interval: log };
            let c = PortConfig { delay_mechanism: p2p, ..config() };
            assert!(c.check().unwrap_err().to_string().starts_with("logMinPdelayReqInterval"));
        }
        let c = PortConfig { announce_receipt_timeout: 1, ..config() };
        assert_eq!(c.check(), Err(ConfigError::AnnounceReceiptTimeout(1)));
    }
}
