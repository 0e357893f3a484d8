//! A source of a host: the far end, the way to it, and the protocol between them.

use clock_models::comparison::Comparison;
use clock_models::estimator::Estimator;
use clock_models::keeper::{Edge, Terms};
use clock_models::selection::SourceId;
use clock_models::time::{Free, LeapTable, Timestamp};
use ptp::wire::{Announce, Flags, PortIdentity};
use ptp::{ClockIdentity, PortConfig};

use super::{Protocol, SetupError, Site};
use crate::master::Master;
use crate::network::Lines;
use crate::server::{Served, Server};

/// Port of every PTP clock.
const PORT_NUMBER: u16 = 1;
/// clockClass of a clock that is locked to its primary reference (IEEE 1588-2019 table 4).
const PRIMARY: u8 = 6;
/// grandmasterPriority1 and 2 where nobody has set them (J.3.2).
const PRIORITY: u8 = 128;
/// clockAccuracy of a grandmaster: 25 ns.
const ACCURACY: u8 = 0x20;
/// offsetScaledLogVariance that is not computed (7.6.3.3).
const VARIANCE: u16 = 0xffff;
/// timeSource: GNSS (table 6).
const GNSS: u8 = 0x20;

/// Which source of which host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LinkId {
    pub(super) hop: usize,
    pub(super) source: usize,
}

/// Whose time a link brings.
#[derive(Debug)]
pub(super) enum FarEnd {
    /// That of a primary server.
    Server(Server),
    /// That of the host before.
    Hop,
}

/// What the host keeps of a source, and the master of a PTP source.
#[derive(Debug)]
pub(super) enum Association {
    Ntp(Box<ntp::source::Source>),
    Ptp(Box<PtpAssociation>),
}

impl Association {
    pub(super) fn estimator(&self) -> &Estimator {
        match self {
            Self::Ntp(source) => source.estimator(),
            Self::Ptp(ptp) => ptp.source.estimator(),
        }
    }

    /// What the estimator took in last.
    pub(super) fn last(&self) -> Option<Comparison> {
        match self {
            Self::Ntp(source) => source.client().last_answer().map(|answer| answer.comparison),
            Self::Ptp(ptp) => ptp.source.last().map(|last| last.comparison),
        }
    }
}

pub(super) struct PtpAssociation {
    pub(super) source: ptp::source::Source,
    pub(super) master: Master,
}

impl std::fmt::Debug for PtpAssociation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PtpAssociation").field("master", &self.master).finish_non_exhaustive()
    }
}

/// A source of a host.
#[derive(Debug)]
pub(super) struct Link {
    id: SourceId,
    terms: Terms,
    pub(super) lines: Lines,
    pub(super) far_end: FarEnd,
    pub(super) association: Association,
    /// What its timer is set for.
    pub(super) timer: Option<Timestamp<Free>>,
    pub(super) restarts: u64,
}

impl Link {
    /// A link over which nothing has gone yet. `seed` is for a PTP port.
    pub(super) fn new(
        at: LinkId,
        site: &Site,
        far_end: FarEnd,
        base: Timestamp<Free>,
        leap: &LeapTable,
        seed: impl FnOnce() -> u64,
    ) -> Result<Self, SetupError> {
        let association = match site.protocol {
            Protocol::Ntp(client) => {
                let source = ntp::source::Source::new(client, None, base)
                    .map_err(|error| SetupError::Client(at.source, error))?;
                Association::Ntp(Box::new(source))
            }
            Protocol::Ptp(intervals) => {
                if let Some(interval) = intervals.out_of_range() {
                    return Err(SetupError::Interval(at.source, interval));
                }
                let config = PortConfig::new(host_identity(at.hop), leap.clone());
                let source = ptp::source::Source::new(config, None, seed())
                    .map_err(|error| SetupError::Port(at.source, error))?;
                let master = Master::new(master_identity(at, &far_end), intervals);
                Association::Ptp(Box::new(PtpAssociation { source, master }))
            }
        };
        Ok(Self {
            id: SourceId(u32::try_from(at.source).unwrap_or(u32::MAX)),
            terms: site.terms,
            lines: Lines::new(&site.path),
            far_end,
            association,
            timer: None,
            restarts: 0,
        })
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp<Free>> {
        match &self.association {
            Association::Ntp(source) => source.client().poll_timeout(),
            Association::Ptp(ptp) => ptp.source.poll_timeout(),
        }
    }

    pub(super) fn edge(&self, now: Timestamp<Free>) -> Edge {
        match &self.association {
            Association::Ntp(source) => source.edge(self.id, self.terms, None),
            Association::Ptp(ptp) => ptp.source.edge(self.id, self.terms, now),
        }
    }

    /// What a boundary clock that follows this link passes on of its grandmaster.
    pub(super) fn passed_on(&self) -> Option<Announce> {
        let Association::Ptp(ptp) = &self.association else { return None };
        let parent = ptp.source.port().status().parent?;
        Some(Announce {
            grandmaster_identity: parent.grandmaster_identity,
            grandmaster_priority1: parent.grandmaster_priority1,
            grandmaster_priority2: parent.grandmaster_priority2,
            clock_class: parent.clock_class,
            clock_accuracy: ptp::clock_accuracy(parent.clock_accuracy),
            offset_scaled_log_variance: parent.offset_scaled_log_variance,
            steps_removed: parent.steps_removed,
            time_source: parent.time_source,
            ..Announce::default()
        })
    }
}

/// What a grandmaster of this name announces.
pub(super) fn grandmaster(identity: PortIdentity) -> Announce {
    Announce {
        grandmaster_identity: identity.clock,
        grandmaster_priority1: PRIORITY,
        grandmaster_priority2: PRIORITY,
        clock_class: PRIMARY,
        clock_accuracy: ACCURACY,
        offset_scaled_log_variance: VARIANCE,
        time_source: GNSS,
        ..Announce::default()
    }
}

/// An Announce, with what its clock makes of UTC now.
pub(super) fn dated(announce: Announce, served: &Served, leap: &LeapTable) -> (Announce, Flags) {
    let (current_utc_offset, flags): (i16, Flags) = ptp::utc_properties(served.now, leap);
    let flags = flags | Flags::TIME_TRACEABLE | Flags::FREQUENCY_TRACEABLE;
    (Announce { current_utc_offset, ..announce }, flags)
}

/// Locally administered: hosts 02-00-00-00, servers 02-00-01 and up by their numbers.
fn host_identity(hop: usize) -> ClockIdentity {
    let [high, low] = (hop as u16).to_be_bytes();
    ClockIdentity::from_mac([2, 0, 0, 0, high, low])
}

fn master_identity(at: LinkId, far_end: &FarEnd) -> PortIdentity {
    let [high, low] = (at.source as u16).to_be_bytes();
    let clock = match far_end {
        FarEnd::Server(_) => ClockIdentity::from_mac([2, 0, 1, 0, high, low]),
        FarEnd::Hop => host_identity(at.hop - 1),
    };
    PortIdentity { clock, port: PORT_NUMBER }
}
