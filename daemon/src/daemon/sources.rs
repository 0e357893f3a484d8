//! The sources of the configuration, each a task, and a pool several.

use std::rc::Rc;
use std::time::Duration;

use clock_models::keeper::Terms;
use clock_models::selection::SourceId;
use ntp::client::ClientConfig;
use ntp::over_ptp::Tlv;
use tokio::task::{AbortHandle, spawn_local};

use super::Daemon;
use crate::account::SharedAccount;
use crate::clock_task::Order;
use crate::config::{self, Config, NtpTransport};
use crate::source::Context;
use crate::source::clock::{ClockSource, Upper};
use crate::source::gpsd::GpsdSource;
use crate::source::nmea::NmeaSource;
use crate::source::ntp::{NtpSource, Place, Taken};
use crate::source::pps::PpsSource;
use crate::source::ptp::PtpSource;
use crate::source::shm::ShmSource;
use crate::source::sock::SockSource;

/// A source of the configuration, which may be a pool of several.
pub(super) struct RunningSource {
    spec: Spec,
    clock: String,
    parts: Vec<(SourceId, AbortHandle)>,
}

impl RunningSource {
    pub(super) fn stop(&self) {
        self.parts.iter().for_each(|(_, task)| task.abort());
    }
}

/// A source as configured.
#[derive(Debug, Clone, PartialEq)]
enum Spec {
    Ntp(config::NtpSource),
    Ptp(config::PtpSource),
    Clock(config::ClockSource),
    Pps(config::PpsSource),
    Nmea(config::NmeaSource),
    Gpsd(config::GpsdSource),
    Sock(config::SockSource),
    Shm(config::ShmSource),
}

impl Spec {
    fn common(&self) -> &config::SourceCommon {
        match self {
            Self::Ntp(source) => &source.common,
            Self::Ptp(source) => &source.common,
            Self::Clock(source) => &source.common,
            Self::Pps(source) => &source.common,
            Self::Nmea(source) => &source.common,
            Self::Gpsd(source) => &source.common,
            Self::Sock(source) => &source.common,
            Self::Shm(source) => &source.common,
        }
    }
}

impl Daemon {
    /// Starts all sources of the configuration.
    pub(super) async fn start_sources(&mut self) {
        for spec in specs(&self.config) {
            self.start_source(spec).await;
        }
    }

    /// Stops and starts sources so that those of the new configuration run as it says.
    pub(super) async fn change_sources(&mut self, new: &Config) {
        let wanted = specs(new);
        let differ = self.config.interfaces != new.interfaces;
        let new_latencies = |spec: &Spec| differ && matches!(spec, Spec::Ntp(_) | Spec::Ptp(_));
        self.config.interfaces.clone_from(&new.interfaces);
        let gone: Vec<String> = self
            .sources
            .iter()
            .filter(|(_, source)| !wanted.contains(&source.spec) || new_latencies(&source.spec))
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            self.stop_source(&name).await;
        }
        for spec in wanted {
            if !self.sources.contains_key(&spec.common().name) {
                self.start_source(spec).await;
            }
        }
    }

    /// Starts all sources anew where the host was suspended since they were started: what they
    /// have learnt and wait for is of before.
    pub(super) async fn heed_suspends(&mut self) {
        let suspends = self.board.suspends().count();
        if suspends == self.suspends {
            return;
        }
        self.suspends = suspends;
        let before = std::mem::take(&mut self.sources);
        before.values().for_each(RunningSource::stop);
        self.start_sources().await;
        // Last, so that no clock is without a source meanwhile.
        for source in before.into_values() {
            self.forget(source).await;
        }
    }

    async fn start_source(&mut self, spec: Spec) {
        let common = spec.common().clone();
        let Some(clock) = self.clocks.get(&common.clock) else { return };
        let context = Context {
            id: SourceId(0),
            name: common.name.clone(),
            terms: terms(&common),
            origin: common.origin.as_ref().map(|origin| origin.clock.clone()),
            clock_name: common.clock.clone(),
            clock: Rc::clone(&clock.clock),
            leap: Rc::clone(&self.leap),
            frequency: clock.frequency,
            phcs: self.phcs.clone(),
            interfaces: self.config.interfaces.as_slice().into(),
            reports: clock.reports.clone(),
            recorder: self.recorder.clone(),
        };
        let (orders, account) = (clock.orders.clone(), clock.account.clone());
        let count = match &spec {
            Spec::Ntp(source) => source.count.unwrap_or(1),
            _ => 1,
        };
        let taken = Taken::default();
        let mut parts = Vec::new();
        for number in 1..=count {
            let id = SourceId(self.next_id);
            self.next_id += 1;
            let name =
                if count > 1 { format!("{}#{number}", common.name) } else { common.name.clone() };
            let context = Context { id, name, ..context.clone() };
            let origin = common.origin.clone().map(Box::new);
            // The owner of the clock lives as long as its channel.
            let _ = orders.send(Order::Expect(id, origin)).await;
            parts.push((id, self.spawn_source(context, &account, &spec, &taken)));
        }
        let name = common.name.clone();
        self.sources.insert(name, RunningSource { spec, clock: common.clock, parts });
    }

    /// The clock that is a source. The configuration has been checked: it is there.
    fn upper(&self, source: &config::ClockSource) -> Option<Upper> {
        let running = self.clocks.get(&source.of)?;
        Some(Upper {
            name: source.of.clone(),
            clock: Rc::clone(&running.clock),
            account: running.account.clone(),
        })
    }

    fn spawn_source(
        &self,
        context: Context,
        account: &SharedAccount,
        spec: &Spec,
        taken: &Taken,
    ) -> AbortHandle {
        let task = match spec {
            Spec::Ntp(source) => {
                let place = Place {
                    host: source.host().to_owned(),
                    port: source.port(),
                    tlv: tlv(source.transport),
                    taken: Rc::clone(taken),
                };
                let config = ClientConfig {
                    min_poll: source.min_poll,
                    max_poll: source.max_poll,
                    max_delay: source.max_delay,
                    burst: source.burst,
                    interleaved: source.interleaved,
                    ..ClientConfig::default()
                };
                spawn_local(NtpSource::new(context, place, config, source.time_stamps).run())
            }
            Spec::Ptp(source) => spawn_local(PtpSource::new(context, source.clone()).run()),
            Spec::Clock(source) => {
                let upper = self.upper(source);
                let interval = Duration::from_secs_f64(source.interval);
                spawn_local(async move {
                    if let Some(upper) = upper {
                        ClockSource::new(context, upper, interval).run().await;
                    }
                })
            }
            Spec::Pps(source) => {
                let account = account.clone();
                spawn_local(PpsSource::new(context, source.clone(), account).run())
            }
            Spec::Nmea(source) => spawn_local(NmeaSource::new(context, source.clone()).run()),
            Spec::Gpsd(source) => spawn_local(GpsdSource::new(context, source.clone()).run()),
            Spec::Sock(source) => spawn_local(SockSource::new(context, source.clone()).run()),
            Spec::Shm(source) => spawn_local(ShmSource::new(context, source.clone()).run()),
        };
        task.abort_handle()
    }

    /// Stops a source; the owner of its clock forgets it.
    async fn stop_source(&mut self, name: &str) {
        let Some(source) = self.sources.remove(name) else { return };
        source.stop();
        self.forget(source).await;
    }

    async fn forget(&self, source: RunningSource) {
        for (id, _) in source.parts {
            if let Some(clock) = self.clocks.get(&source.clock) {
                let _ = clock.orders.send(Order::Forget(id)).await;
            }
        }
    }
}

/// All the sources of a configuration.
fn specs(config: &Config) -> Vec<Spec> {
    let ntp = config.sources.ntp.iter().cloned().map(Spec::Ntp);
    let ptp = config.sources.ptp.iter().cloned().map(Spec::Ptp);
    let clocks = config.sources.clock.iter().cloned().map(Spec::Clock);
    let pps = config.sources.pps.iter().cloned().map(Spec::Pps);
    let nmea = config.sources.nmea.iter().cloned().map(Spec::Nmea);
    let gpsd = config.sources.gpsd.iter().cloned().map(Spec::Gpsd);
    let sock = config.sources.sock.iter().cloned().map(Spec::Sock);
    let shm = config.sources.shm.iter().cloned().map(Spec::Shm);
    let told = nmea.chain(gpsd).chain(sock).chain(shm);
    ntp.chain(ptp).chain(clocks).chain(pps).chain(told).collect()
}

/// What NTP messages are wrapped in.
const fn tlv(transport: NtpTransport) -> Option<Tlv> {
    match transport {
        NtpTransport::Udp => None,
        NtpTransport::Ptp => Some(Tlv::Organization),
        NtpTransport::PtpExperimental => Some(Tlv::Experimental),
    }
}

/// What the operator says of a source, in the terms of selection.
fn terms(common: &config::SourceCommon) -> Terms {
    let calibration = common
        .origin
        .as_ref()
        .and_then(|origin| origin.uncertainty.map(|expanded| (expanded, origin.coverage_factor)));
    Terms {
        prefer: common.prefer,
        trust: common.trust,
        require: common.require,
        watch_only: !common.select,
        min_delay: (common.min_delay > 0.0).then_some(common.min_delay),
        // What is added to the clock's offset is taken off the source's time.
        correction: -common.correction(),
        asymmetry_uncertainty: common.asymmetry_uncertainty,
        // It is known once an interface stamps.
        latency_uncertainty: 0.0,
        calibration,
    }
}
