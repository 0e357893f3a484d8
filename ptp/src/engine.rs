//! statime, reduced to what the port needs of it: the best-master-clock algorithm, and
//! the matching of Sync with Follow_Up and of Delay_Req with Delay_Resp.
//!
//! statime 0.4.0 is kept from what it does not stand (checked against its source):
//! * It parses only what [our own codec](crate::wire) has written, without TLVs.
//! * Its time is unsigned: the port refuses corrections that lead before the epoch, and
//!   the time base is shifted by [`BIAS`].
//! * It debug-asserts that a slave-only clock never wins the BMCA, yet gives it
//!   clockClass 248 where the standard has 255 (IEEE 1588-2019 7.6.2.5), and runs the
//!   BMCA from a list of masters that it lets age by runs, not by time. So our
//!   [list](crate::foreign_masters) is the true one; statime's is filled from it in each
//!   run, and the BMCA is run only if there is a master to be chosen.
//! * It takes any Announce for a sign of life of its master, so its announce receipt
//!   timer is not used.

use std::convert::Infallible;
use std::sync::RwLock;
use std::sync::mpsc::{self, Receiver, Sender};

use clock_models::time::{Duration, Free, Timestamp};
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use self_cell::self_cell;
use statime::config::{
    AcceptAnyMaster, DelayMechanism, InstanceConfig, PortConfig as StatimePortConfig,
    PtpMinorVersion, SdoId, TimePropertiesDS, TimeSource,
};
use statime::filters::{Filter, FilterEstimate, FilterUpdate};
use statime::port::{Measurement, Port, PortAction, PortActionIterator, Running, TimestampContext};
use statime::time::{Interval, Time};
use statime::{Clock, PtpInstance, PtpInstanceState};

use crate::config::PortConfig;
use crate::foreign_masters::{ForeignMaster, TIME_WINDOW};
use crate::wire::{Body, ClockIdentity, Header, Message, PortIdentity};

/// Added to the free-running time to make statime's: 2⁶² ns, 146 years.
const BIAS: Duration = Duration::from_bits(1 << (62 + 32));
/// What of statime's time is used, ns: no correctionField leads out of it to below 0.
const NANOSECONDS: std::ops::Range<u64> = 1 << 61..1 << 63;
/// statime numbers the ports of an instance from 1; there is one.
const PORT_NUMBER: u16 = 1;
/// FOREIGN_MASTER_THRESHOLD (9.3.2.4): statime wants to hear a master this often.
const THRESHOLD: usize = 2;

type Instance = PtpInstance<Tap, RwLock<PtpInstanceState>>;
type RunningPort<'a> =
    Port<'a, Running, AcceptAnyMaster, SmallRng, NoClock, Tap, RwLock<PtpInstanceState>>;

/// The port, which the BMCA consumes and gives back.
struct Slot<'a>(Option<RunningPort<'a>>);

self_cell!(
    struct Cell {
        owner: Instance,
        #[not_covariant]
        dependent: Slot,
    }
);

/// What statime wants done.
pub(crate) enum Request {
    /// [`Engine::delay_timer`] after this time.
    DelayTimer(Duration),
    SendEvent {
        context: TimestampContext,
        bytes: Vec<u8>,
    },
    SendGeneral {
        bytes: Vec<u8>,
    },
}

/// What a complete exchange showed: the master's stamp, corrected, less this clock's.
pub(crate) enum Measured {
    Sync { difference: Duration },
    Delay { difference: Duration, mean_path_delay: Option<Duration> },
}

pub(crate) struct Engine {
    cell: Cell,
    measurements: Receiver<Measurement>,
    announces: u16,
}

impl Engine {
    pub(crate) fn new(config: &PortConfig, seed: u64) -> Self {
        let (tap, measurements) = mpsc::channel();
        let instance_config = InstanceConfig {
            clock_identity: statime::config::ClockIdentity(config.clock_identity.0),
            priority_1: u8::MAX,
            priority_2: u8::MAX,
            domain_number: config.domain,
            slave_only: true,
            sdo_id: SdoId::default(),
            path_trace: false,
        };
        let port_config = StatimePortConfig {
            acceptable_master_list: AcceptAnyMaster,
            delay_mechanism: DelayMechanism::E2E {
                interval: Interval::from_log_2(config.log_min_delay_req_interval),
            },
            // What statime counts by these is counted by this crate.
            announce_interval: Interval::ONE_SECOND,
            announce_receipt_timeout: config.announce_receipt_timeout,
            sync_interval: Interval::ONE_SECOND,
            master_only: false,
            // Added outside, where it is not rounded to a float.
            delay_asymmetry: statime::time::Duration::ZERO,
            minor_ptp_version: PtpMinorVersion::One,
        };
        let properties =
            TimePropertiesDS::new_arbitrary_time(false, false, TimeSource::InternalOscillator);
        let cell = Cell::new(PtpInstance::new(instance_config, properties), |instance| {
            let rng = SmallRng::seed_from_u64(seed);
            let (port, _) = instance.add_port(port_config, tap, NoClock, rng).end_bmca();
            Slot(Some(port))
        });
        Self { cell, measurements, announces: 0 }
    }

    /// Lets the best of `masters`, of which there must be one at least, be the master.
    pub(crate) fn select(&mut self, masters: &[ForeignMaster]) -> Vec<Request> {
        let mut requests = Vec::new();
        // After that many runs statime has forgotten whom it was not told of again.
        for _ in 0..TIME_WINDOW {
            for master in masters.iter().flat_map(|master| [master; THRESHOLD]) {
                self.announces = self.announces.wrapping_add(1);
                self.general(&announcement(master, self.announces));
            }
            requests = self.cell.with_dependent_mut(|instance, slot| {
                let Some(port) = slot.0.take() else { return Vec::new() };
                let mut port = port.start_bmca();
                instance.bmca(&mut [&mut port]);
                let (port, actions) = port.end_bmca();
                slot.0 = Some(port);
                requests.into_iter().chain(collect(actions)).collect()
            });
        }
        requests
    }

    /// Gives the master up, without another.
    pub(crate) fn listen(&mut self) {
        // The timer that it asks to be set is not used.
        self.run(|port| drop(port.handle_announce_receipt_timer()));
    }

    /// The selected master.
    pub(crate) fn master(&self) -> Option<PortIdentity> {
        self.cell.with_dependent(|instance, slot| {
            let steering = slot.0.as_ref().is_some_and(Port::is_steering);
            let parent = instance.parent_ds().parent_port_identity;
            let clock = ClockIdentity(parent.clock_identity.0);
            steering.then_some(PortIdentity { clock, port: parent.port_number })
        })
    }

    /// An event message and when it came; the time is from [`time`].
    pub(crate) fn event(&mut self, message: &Message, at: Time) {
        let bytes = message.encode();
        self.run(|port| drop(port.handle_event_receive(&bytes, at)));
    }

    /// A general message.
    pub(crate) fn general(&mut self, message: &Message) {
        let mut message = *message;
        if let Body::DelayResp(response) = &mut message.body {
            response.requesting_port.port = PORT_NUMBER;
        }
        let bytes = message.encode();
        self.run(|port| drop(port.handle_general_receive(&bytes)));
    }

    /// When a message left.
    pub(crate) fn transmitted(&mut self, context: TimestampContext, at: Time) {
        self.run(|port| drop(port.handle_send_timestamp(context, at)));
    }

    /// The time of [`Request::DelayTimer`] is over.
    pub(crate) fn delay_timer(&mut self) -> Vec<Request> {
        self.run(|port| collect(port.handle_delay_request_timer())).unwrap_or_default()
    }

    /// What the last message or stamp completed.
    pub(crate) fn measured(&self) -> Option<Measured> {
        let measurement = self.measurements.try_recv().ok()?;
        // statime has slave less master, with the time base shifted.
        let difference = |raw| BIAS - duration(raw);
        let sync =
            measurement.raw_sync_offset.map(|raw| Measured::Sync { difference: difference(raw) });
        let delay = measurement.raw_delay_offset.map(|raw| Measured::Delay {
            difference: difference(raw),
            mean_path_delay: measurement.delay.map(duration),
        });
        sync.or(delay)
    }

    fn run<T>(&mut self, call: impl FnOnce(&mut RunningPort<'_>) -> T) -> Option<T> {
        self.cell.with_dependent_mut(|_, slot| slot.0.as_mut().map(call))
    }
}

/// The time of statime; `None` more than 73 years before the epoch of the time base, or
/// 146 years after it.
pub(crate) fn time(at: Timestamp<Free>) -> Option<Time> {
    let bits = (at.since_epoch() + BIAS).to_bits();
    let nanoseconds = u64::try_from(bits >> 32).ok().filter(|n| NANOSECONDS.contains(n))?;
    Some(Time::from_nanos_subnanos(nanoseconds, bits as u32))
}

fn duration(duration: statime::time::Duration) -> Duration {
    // Both count 2⁻³² ns.
    Duration::from_bits(duration.nanos().to_bits())
}

/// The Announce of a master as statime is to hear it: always newer than the last, and
/// always better than statime itself, whose grandmasterPriority1 is 255.
fn announcement(master: &ForeignMaster, sequence_id: u16) -> Message {
    let mut announce = master.announce;
    announce.grandmaster_priority1 = announce.grandmaster_priority1.min(u8::MAX - 1);
    let header = Header { sequence_id, ..master.header };
    Message { header, body: Body::Announce(announce) }
}

fn collect(actions: PortActionIterator<'_>) -> Vec<Request> {
    actions.filter_map(request).collect()
}

fn request(action: PortAction<'_>) -> Option<Request> {
    match action {
        PortAction::ResetDelayRequestTimer { duration } => {
            Some(Request::DelayTimer(duration.into()))
        }
        PortAction::SendEvent { context, data, .. } => {
            Some(Request::SendEvent { context, bytes: data.to_vec() })
        }
        PortAction::SendGeneral { data, .. } => Some(Request::SendGeneral { bytes: data.to_vec() }),
        // Of a master, of the filter, of a boundary clock; and the timer that is not used.
        PortAction::ResetAnnounceTimer { .. }
        | PortAction::ResetSyncTimer { .. }
        | PortAction::ResetFilterUpdateTimer { .. }
        | PortAction::ResetAnnounceReceiptTimer { .. }
        | PortAction::ForwardTLV { .. } => None,
    }
}

/// Hands measurements out instead of filtering them.
struct Tap(Sender<Measurement>);

impl Filter for Tap {
    type Config = Sender<Measurement>;

    fn new(measurements: Self::Config) -> Self {
        Self(measurements)
    }

    fn measurement<C: Clock>(&mut self, measurement: Measurement, _: &mut C) -> FilterUpdate {
        // It fails only when the engine, which owns this, is being dropped.
        let _ = self.0.send(measurement);
        FilterUpdate { next_update: None, mean_delay: measurement.delay }
    }

    fn update<C: Clock>(&mut self, _: &mut C) -> FilterUpdate {
        FilterUpdate::default()
    }

    fn demobilize<C: Clock>(self, _: &mut C) {}

    fn current_estimates(&self) -> FilterEstimate {
        let nothing = statime::time::Duration::ZERO;
        FilterEstimate { offset_from_master: nothing, mean_delay: nothing }
    }
}

/// The clock that statime may not steer.
struct NoClock;

impl Clock for NoClock {
    type Error = Infallible;

    fn now(&self) -> Time {
        Time::default()
    }

    fn step_clock(&mut self, _: statime::time::Duration) -> Result<Time, Infallible> {
        Ok(Time::default())
    }

    fn set_frequency(&mut self, _: f64) -> Result<Time, Infallible> {
        Ok(Time::default())
    }

    fn set_properties(&mut self, _: &TimePropertiesDS) -> Result<(), Infallible> {
        Ok(())
    }
}
