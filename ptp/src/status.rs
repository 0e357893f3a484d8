use std::fmt;

use clock_models::time::{Duration, Free, Timestamp};

use crate::accuracy;
use crate::foreign_masters::ForeignMaster;
use crate::timescale::UtcOffsetMismatch;
use crate::wire::{ClockIdentity, Flags, PortIdentity};

/// portState (IEEE 1588-2019 9.2.5), as far as a slave-only port has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortState {
    /// The link is down, or it leads to more than one neighbour (peer delay mechanism).
    Faulty,
    /// No master is known.
    Listening,
    /// A master is selected, and not yet compared in both directions.
    Uncalibrated,
    /// Compared with its master.
    Slave,
}

/// In the standard's words: `LISTENING`.
impl fmt::Display for PortState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Faulty => "FAULTY",
            Self::Listening => "LISTENING",
            Self::Uncalibrated => "UNCALIBRATED",
            Self::Slave => "SLAVE",
        })
    }
}

/// What the exchanges with the neighbour serve as (peer delay mechanism).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeerDelayUse {
    /// As readings of the master's time: the neighbour is the master, and stamps them with
    /// the clock that it gives time by.
    Readings,
    /// As the mean link delay, which makes readings to the master of every second Sync.
    MeanLinkDelay,
}

/// For people: `mean link delay`.
impl fmt::Display for PeerDelayUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Readings => "readings",
            Self::MeanLinkDelay => "mean link delay",
        })
    }
}

/// What a port is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct PortStatus {
    /// portState.
    pub state: PortState,
    /// The selected master.
    pub parent: Option<Parent>,
    /// meanDelay (8.2.2.4), as last measured, unfiltered: of the path to the master, or of
    /// the link to the neighbour (peer delay mechanism).
    pub mean_path_delay: Option<Duration>,
    /// What the exchanges with the neighbour serve as; `None` from end to end.
    pub peer_delay: Option<PeerDelayUse>,
    /// Mean time between Delay_Req, or between Pdelay_Req, that is in force.
    pub delay_req_interval: Duration,
    /// Set while the master's currentUtcOffset contradicts the leap table.
    pub utc_offset_mismatch: Option<UtcOffsetMismatch>,
}

/// What the selected master says of itself: of parentDS (8.2.3), timePropertiesDS
/// (8.2.4) and currentDS (8.2.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parent {
    /// parentPortIdentity.
    pub port_identity: PortIdentity,
    /// grandmasterIdentity.
    pub grandmaster_identity: ClockIdentity,
    /// grandmasterPriority1.
    pub grandmaster_priority1: u8,
    /// grandmasterPriority2.
    pub grandmaster_priority2: u8,
    /// clockClass of the grandmaster.
    pub clock_class: u8,
    /// What clockAccuracy of the grandmaster claims for its error, s; `None` where it
    /// claims nothing.
    pub clock_accuracy: Option<f64>,
    /// offsetScaledLogVariance of the grandmaster.
    pub offset_scaled_log_variance: u16,
    /// stepsRemoved of this clock: the parent's, and one.
    pub steps_removed: u16,
    /// currentUtcOffset, s, where the master vouches for it.
    pub current_utc_offset: Option<i16>,
    /// leap61.
    pub leap61: bool,
    /// leap59.
    pub leap59: bool,
    /// ptpTimescale.
    pub ptp_timescale: bool,
    /// timeTraceable.
    pub time_traceable: bool,
    /// frequencyTraceable.
    pub frequency_traceable: bool,
    /// synchronizationUncertain.
    pub synchronization_uncertain: bool,
    /// timeSource.
    pub time_source: u8,
    /// When its last Announce came.
    pub announced: Timestamp<Free>,
}

impl From<&ForeignMaster> for Parent {
    fn from(master: &ForeignMaster) -> Self {
        let (flags, announce) = (master.header.flags, &master.announce);
        let utc_offset_valid = flags.contains(Flags::CURRENT_UTC_OFFSET_VALID);
        Self {
            port_identity: master.header.source,
            grandmaster_identity: announce.grandmaster_identity,
            grandmaster_priority1: announce.grandmaster_priority1,
            grandmaster_priority2: announce.grandmaster_priority2,
            clock_class: announce.clock_class,
            clock_accuracy: accuracy::bound(announce.clock_accuracy),
            offset_scaled_log_variance: announce.offset_scaled_log_variance,
            steps_removed: announce.steps_removed.saturating_add(1),
            current_utc_offset: utc_offset_valid.then_some(announce.current_utc_offset),
            leap61: flags.contains(Flags::LEAP_61),
            leap59: flags.contains(Flags::LEAP_59),
            ptp_timescale: flags.contains(Flags::PTP_TIMESCALE),
            time_traceable: flags.contains(Flags::TIME_TRACEABLE),
            frequency_traceable: flags.contains(Flags::FREQUENCY_TRACEABLE),
            synchronization_uncertain: flags.contains(Flags::SYNCHRONIZATION_UNCERTAIN),
            time_source: announce.time_source,
            announced: master.heard,
        }
    }
}
