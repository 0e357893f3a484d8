//! Puts the parts together: clocks, sources, servers; starts, reloads and stops them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clock_models::keeper::Terms;
use clock_models::prior::doubted;
use clock_models::selection::SourceId;
use clock_models::time::LeapTable;
use ntp::client::ClientConfig;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle, spawn_local};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::account::SharedAccount;
use crate::board::Board;
use crate::clock_task::{ClockTask, Order};
use crate::config::{self, ClockType, Config, NtpServer as NtpServerConfig, PhcTimescale};
use crate::connections::SharedCounts;
use crate::control::{self, Socket};
use crate::drift;
use crate::event::{EventLog, EventTask};
use crate::host_clock::{HostClock, NoPhc, Phcs, Place as PhcPlace, Timescale};
use crate::http;
use crate::leap;
use crate::output::OutputTask;
use crate::record::Recorder;
use crate::serve_ntp::{NtpServer, Served};
use crate::service::Service;
use crate::source::clock::{ClockSource, Upper};
use crate::source::gpsd::GpsdSource;
use crate::source::nmea::NmeaSource;
use crate::source::ntp::{NtpSource, Place, Taken};
use crate::source::pps::PpsSource;
use crate::source::ptp::PtpSource;
use crate::source::shm::ShmSource;
use crate::source::sock::SockSource;
use crate::source::{Context, Report};

/// Reports that may wait for the owner of a clock.
const REPORTS: usize = 64;
/// How long the owners of clocks have to put things in order at the end.
const FAREWELL: Duration = Duration::from_secs(2);
/// How often the service manager hears of us, and leap tables are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The NTP server cannot listen.
    #[error(transparent)]
    NtpServer(#[from] crate::serve_ntp::ServeError),
    /// The metrics cannot be served.
    #[error(
        "metrics: cannot listen on {address}: {source}; is another utcd running? Otherwise set \
         listen under [metrics]"
    )]
    Metrics {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The control socket cannot be made.
    #[error("control socket: {0}")]
    Control(#[from] control::BindError),
    /// A clock cannot be had.
    #[error("clock {name}: {source}")]
    Phc {
        /// Which one.
        name: String,
        /// Why.
        source: NoPhc,
    },
    /// Anything the runtime or the kernel refuses.
    #[error("cannot start: {0}")]
    Io(#[from] io::Error),
}

/// A clock and its owner.
struct RunningClock {
    config: config::Clock,
    clock: Rc<RefCell<HostClock>>,
    account: SharedAccount,
    frequency: Option<(f64, f64)>,
    reports: mpsc::Sender<Report>,
    orders: mpsc::Sender<Order>,
    heartbeat: Rc<Cell<Instant>>,
    task: JoinHandle<()>,
}

/// A source of the configuration, which may be a pool of several.
struct RunningSource {
    spec: Spec,
    clock: String,
    parts: Vec<(SourceId, AbortHandle)>,
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

/// The daemon.
pub struct Daemon {
    config: Config,
    place: Option<PathBuf>,
    leap: Rc<RefCell<LeapTable>>,
    /// Where the leap table came from.
    leap_name: String,
    said_leap_expired: bool,
    board: Board,
    recorder: Option<Recorder>,
    phcs: Phcs,
    clocks: BTreeMap<String, RunningClock>,
    sources: BTreeMap<String, RunningSource>,
    next_id: u32,
    events: watch::Sender<EventLog>,
    /// Inputs of events, by their names.
    event_inputs: BTreeMap<String, (config::EventInput, AbortHandle)>,
    /// Outputs of pulses, by their names.
    pulse_outputs: BTreeMap<String, (config::Output, AbortHandle)>,
    ntp_server: Option<NtpServer>,
    outputs: Vec<AbortHandle>,
    config_text: watch::Sender<Arc<String>>,
}

impl Daemon {
    /// Starts everything that a configuration asks for. To be called within a
    /// [`tokio::task::LocalSet`]; `place` is the file to read again on SIGHUP.
    ///
    /// # Errors
    /// The first thing that cannot be had.
    pub async fn start(
        config: Config,
        place: Option<PathBuf>,
        control: PathBuf,
    ) -> Result<Self, StartError> {
        let choice = leap::choose(config.leap_seconds.file.as_deref());
        let mut daemon = Self {
            place,
            leap: Rc::new(RefCell::new(choice.table)),
            leap_name: choice.name,
            said_leap_expired: false,
            board: Board::new(),
            recorder: config.record.as_ref().map(Recorder::start).transpose()?,
            phcs: Phcs::default(),
            clocks: BTreeMap::new(),
            sources: BTreeMap::new(),
            next_id: 0,
            events: watch::Sender::new(EventLog::default()),
            event_inputs: BTreeMap::new(),
            pulse_outputs: BTreeMap::new(),
            ntp_server: None,
            outputs: Vec::new(),
            config_text: watch::Sender::new(Arc::new(config.to_string())),
            config,
        };
        daemon.serve_outputs(control).await?;
        for clock in daemon.config.clocks.clone() {
            daemon.start_clock(clock)?;
        }
        if let Some(server) = daemon.config.serve.ntp.clone() {
            let served = daemon.served(&server)?;
            daemon.ntp_server = Some(NtpServer::open(served, &server.listen)?);
        }
        for spec in specs(&daemon.config) {
            daemon.start_source(spec).await;
        }
        daemon.change_events(&daemon.config.events.clone());
        daemon.change_outputs(&daemon.config.outputs.clone()).await;
        daemon.show_leap();
        Ok(daemon)
    }

    /// Where everything is shown.
    #[must_use]
    pub const fn board(&self) -> &Board {
        &self.board
    }

    /// Runs until SIGINT or SIGTERM; reloads on SIGHUP.
    ///
    /// # Errors
    /// If signals cannot be had.
    pub async fn run(mut self) -> Result<(), StartError> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut service = Service::new();
        service.ready();
        loop {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                _ = hangup.recv() => {
                    service.reloading();
                    self.reload().await;
                    service.ready();
                }
                _ = looks.tick() => {
                    self.show_leap();
                    self.board.put_recorder(self.recorder.as_ref().map(Recorder::status));
                    let beats = self.clocks.values().map(|clock| clock.heartbeat.get());
                    service.alive(beats, &self.board.current());
                }
            }
        }
        service.stopping();
        self.stop().await;
        Ok(())
    }

    async fn stop(self) {
        for source in self.sources.values() {
            source.parts.iter().for_each(|(_, task)| task.abort());
        }
        self.event_inputs.values().for_each(|(_, task)| task.abort());
        // Pulses end while the clock is still kept.
        self.pulse_outputs.values().for_each(|(_, task)| task.abort());
        tokio::task::yield_now().await;
        for (_, clock) in self.clocks {
            drop(clock.orders);
            // An owner that hangs must not keep the host from shutting down.
            let _ = timeout(FAREWELL, clock.task).await;
        }
        if let Some(recorder) = &self.recorder {
            recorder.settle(FAREWELL).await;
        }
        self.outputs.iter().for_each(AbortHandle::abort);
        drop(self.ntp_server);
        // Let the tasks that were ended drop what they hold: the socket file, for one.
        tokio::task::yield_now().await;
    }

    fn show_leap(&mut self) {
        let now = utcd_linux::clock::cross_read(1).realtime;
        let status = leap::status(&self.leap_name, &self.leap.borrow(), now);
        if status.expired && !self.said_leap_expired {
            tracing::warn!(
                "the leap table ({}) expired at {}: a leap second announced since is not known; \
                 renew the file (package tzdata)",
                status.table,
                self.leap.borrow().expires()
            );
        }
        self.said_leap_expired = status.expired;
        self.board.put_leap(status);
    }

    async fn serve_outputs(&mut self, control: PathBuf) -> Result<(), StartError> {
        let status = self.board.subscribe();
        let socket = Socket::bind(&control, self.config.control.mode)?;
        let control_counts = SharedCounts::default();
        let http_counts = SharedCounts::default();
        let feeds = control::Feeds {
            status: status.clone(),
            config: self.config_text.subscribe(),
            events: self.events.subscribe(),
        };
        let counts = control_counts.clone();
        let limits = control::Limits::default();
        let task = async move {
            control::serve(socket, feeds, limits, counts).await;
        };
        self.outputs.push(spawn_local(task).abort_handle());
        if let Some(address) = self.config.metrics.listen {
            let listener = TcpListener::bind(address)
                .await
                .map_err(|source| StartError::Metrics { address, source })?;
            let servers = vec![("control", control_counts), ("http", http_counts.clone())];
            let feeds = http::Feeds { status, servers };
            let task = async move {
                http::serve(listener, feeds, http::Limits::default(), http_counts).await;
            };
            self.outputs.push(spawn_local(task).abort_handle());
        }
        Ok(())
    }

    fn start_clock(&mut self, config: config::Clock) -> Result<(), StartError> {
        let leap = Rc::clone(&self.leap);
        let clock = match config.clock_type {
            ClockType::Virtual => {
                HostClock::virtual_clock(config.initial_offset, config.initial_frequency, leap)
            }
            ClockType::System => HostClock::system(leap),
            ClockType::Phc => self.phc(&config, leap)?,
        };
        let clock = Rc::new(RefCell::new(clock));
        let (reports, incoming) = mpsc::channel(REPORTS);
        let (orders, commands) = mpsc::channel(REPORTS);
        let heartbeat = Rc::new(Cell::new(Instant::now()));
        let account = SharedAccount::default();
        let owner = ClockTask::new(
            config.clone(),
            Rc::clone(&clock),
            Rc::clone(&self.leap),
            self.board.clone(),
            Rc::clone(&account),
            self.recorder.clone(),
            Rc::clone(&heartbeat),
        );
        let running = RunningClock {
            frequency: known_frequency(&config),
            clock,
            account,
            reports,
            orders,
            heartbeat,
            task: spawn_local(owner.run(incoming, commands)),
            config,
        };
        self.clocks.insert(running.config.name.clone(), running);
        Ok(())
    }

    fn phc(
        &self,
        config: &config::Clock,
        leap: Rc<RefCell<LeapTable>>,
    ) -> Result<HostClock, StartError> {
        // The configuration has been checked: one of them is given.
        let interface = config.interface.clone().map(PhcPlace::Interface);
        let device = config.device.clone().map(PhcPlace::Device);
        let place = interface.or(device).unwrap_or(PhcPlace::Index(0));
        let name = config.name.clone();
        let phc = self.phcs.get(place).map_err(|source| StartError::Phc { name, source })?;
        let timescale = match config.timescale {
            PhcTimescale::Tai => Timescale::Tai,
            PhcTimescale::Utc => Timescale::Utc,
        };
        Ok(HostClock::phc(phc, timescale, leap))
    }

    fn served(&self, config: &NtpServerConfig) -> Result<Served, StartError> {
        // The configuration has been checked: the clock is there.
        let clock = self.clocks.get(&config.clock).map(|clock| Rc::clone(&clock.clock));
        let Some(clock) = clock else {
            return Err(io::Error::other(format!("no clock {} to serve", config.clock)).into());
        };
        Ok(Served {
            clock,
            clock_name: config.clock.clone(),
            local_stratum: config.local_stratum,
            time_stamps: config.time_stamps,
            phcs: self.phcs.clone(),
            leap: Rc::clone(&self.leap),
            board: self.board.clone(),
        })
    }

    /// What is known of the frequency of a clock: by its sources so far, else by its drift
    /// file. The oscillator against UTC is the opposite of TAI against the oscillator.
    fn frequency(&self, clock: &RunningClock) -> Option<(f64, f64)> {
        let status = self.board.current();
        let own = status.clocks.iter().find(|status| status.name == clock.config.name);
        let known = own.and_then(|status| status.frequency.zip(status.frequency_uncertainty));
        known.map(|(frequency, uncertainty)| (-frequency, doubted(uncertainty))).or(clock.frequency)
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
            frequency: self.frequency(clock),
            phcs: self.phcs.clone(),
            interfaces: self.config.interfaces.as_slice().into(),
            reports: clock.reports.clone(),
            recorder: self.recorder.clone(),
        };
        let orders = clock.orders.clone();
        let count = match &spec {
            Spec::Ntp(source) if source.pool.is_some() => source.count.unwrap_or(4),
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
            parts.push((id, self.spawn_source(context, &spec, &taken)));
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
            account: Rc::clone(&running.account),
        })
    }

    fn spawn_source(&self, context: Context, spec: &Spec, taken: &Taken) -> AbortHandle {
        match spec {
            Spec::Ntp(source) => {
                let host =
                    source.server.clone().or_else(|| source.pool.clone()).unwrap_or_default();
                let place = Place { host, port: source.port, taken: Rc::clone(taken) };
                let config = ClientConfig {
                    min_poll: source.min_poll,
                    max_poll: source.max_poll,
                    max_delay: source.max_delay,
                    burst: source.burst,
                    interleaved: source.interleaved,
                    ..ClientConfig::default()
                };
                spawn_local(NtpSource::new(context, place, config, source.time_stamps).run())
                    .abort_handle()
            }
            Spec::Ptp(source) => {
                spawn_local(PtpSource::new(context, source.clone()).run()).abort_handle()
            }
            Spec::Clock(source) => {
                let upper = self.upper(source);
                let interval = Duration::from_secs_f64(source.interval);
                spawn_local(async move {
                    if let Some(upper) = upper {
                        ClockSource::new(context, upper, interval).run().await;
                    }
                })
                .abort_handle()
            }
            Spec::Pps(source) => {
                // Its clock is there: the context was made of it.
                let account = self.clocks.get(&source.common.clock);
                let account = account.map(|clock| Rc::clone(&clock.account)).unwrap_or_default();
                spawn_local(PpsSource::new(context, source.clone(), account).run()).abort_handle()
            }
            Spec::Nmea(source) => {
                spawn_local(NmeaSource::new(context, source.clone()).run()).abort_handle()
            }
            Spec::Gpsd(source) => {
                spawn_local(GpsdSource::new(context, source.clone()).run()).abort_handle()
            }
            Spec::Sock(source) => {
                spawn_local(SockSource::new(context, source.clone()).run()).abort_handle()
            }
            Spec::Shm(source) => {
                spawn_local(ShmSource::new(context, source.clone()).run()).abort_handle()
            }
        }
    }

    /// Reads the file again. One that is wrong is refused, and the old one stays in force.
    async fn reload(&mut self) {
        let Some(place) = self.place.clone() else {
            tracing::warn!("reload: utcd runs without a configuration file; nothing to read");
            return;
        };
        let new = match Config::load(&place) {
            Ok(new) => new,
            Err(error) => {
                tracing::error!("reload refused, the old configuration stays in force:\n{error}");
                return;
            }
        };
        if let Some(reason) = self.cannot_become(&new) {
            tracing::error!(
                "reload refused, the old configuration stays in force: {reason}; restart utcd to \
                 change that"
            );
            return;
        }
        if let Err(error) = self.change_server(&new).await {
            tracing::error!("reload refused, the old configuration stays in force: {error}");
            return;
        }
        self.become_(new).await;
        tracing::info!("reloaded {}", place.display());
    }

    /// What only a restart can change, if that is asked for.
    fn cannot_become(&self, new: &Config) -> Option<String> {
        let identity = |config: &Config| -> Vec<_> {
            let identity = |c: &config::Clock| {
                let place = (c.interface.clone(), c.device.clone(), c.timescale);
                (c.name.clone(), c.clock_type, c.mode, place)
            };
            config.clocks.iter().map(identity).collect()
        };
        if identity(&self.config) != identity(new) {
            return Some(
                "clocks were added, removed, or changed in name, type, mode or device".into(),
            );
        }
        if self.config.metrics != new.metrics || self.config.control != new.control {
            return Some("[metrics] or [control] has changed".into());
        }
        if self.config.record != new.record {
            return Some("[record] has changed".into());
        }
        (self.config.log != new.log).then(|| "[log] has changed".into())
    }

    /// Serves as the new configuration says, or goes on as before.
    async fn change_server(&mut self, new: &Config) -> Result<(), StartError> {
        let Some(config) = &new.serve.ntp else {
            self.ntp_server = None;
            return Ok(());
        };
        let served = self.served(config)?;
        match &mut self.ntp_server {
            Some(server) => server.change(served, &config.listen).await?,
            None => self.ntp_server = Some(NtpServer::open(served, &config.listen)?),
        }
        Ok(())
    }

    async fn become_(&mut self, new: Config) {
        let mut choice = leap::choose(new.leap_seconds.file.as_deref());
        choice.table.keep_announced(&self.leap.borrow());
        *self.leap.borrow_mut() = choice.table;
        self.leap_name = choice.name;
        for config in &new.clocks {
            if let Some(running) = self.clocks.get_mut(&config.name) {
                running.config = config.clone();
                let order = Order::Reconfigure(Box::new(config.clone()));
                let _ = running.orders.send(order).await;
            }
        }
        let wanted = specs(&new);
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
        self.change_events(&new.events);
        self.change_outputs(&new.outputs).await;
        self.config_text.send_replace(Arc::new(new.to_string()));
        self.config = new;
    }

    /// Stamps the events of these inputs, and of no others.
    fn change_events(&mut self, wanted: &[config::EventInput]) {
        self.event_inputs.retain(|name, (config, task)| {
            let stays = wanted.contains(config);
            if !stays {
                task.abort();
                self.board.remove_event(name);
            }
            stays
        });
        for config in wanted {
            // The configuration has been checked: the clock is there.
            let Some(clock) = self.clocks.get(&config.clock) else { continue };
            if self.event_inputs.contains_key(&config.name) {
                continue;
            }
            let task = EventTask {
                config: config.clone(),
                clock: Rc::clone(&clock.clock),
                account: Rc::clone(&clock.account),
                leap: Rc::clone(&self.leap),
                log: self.events.clone(),
                board: self.board.clone(),
                recorder: self.recorder.clone(),
            };
            let running = (config.clone(), spawn_local(task.run()).abort_handle());
            self.event_inputs.insert(config.name.clone(), running);
        }
    }

    /// Puts out pulses by these outputs, and by no others.
    async fn change_outputs(&mut self, wanted: &[config::Output]) {
        self.pulse_outputs.retain(|name, (config, task)| {
            let stays = wanted.contains(config);
            if !stays {
                task.abort();
                self.board.remove_output(name);
            }
            stays
        });
        // Those that end must not end what begins on their channel.
        tokio::task::yield_now().await;
        for config in wanted {
            // The configuration has been checked: the clock is there.
            let Some(clock) = self.clocks.get(&config.clock) else { continue };
            if self.pulse_outputs.contains_key(&config.name) {
                continue;
            }
            let task = OutputTask {
                config: config.clone(),
                clock: Rc::clone(&clock.clock),
                account: Rc::clone(&clock.account),
                board: self.board.clone(),
            };
            let running = (config.clone(), spawn_local(task.run()).abort_handle());
            self.pulse_outputs.insert(config.name.clone(), running);
        }
    }

    async fn stop_source(&mut self, name: &str) {
        let Some(source) = self.sources.remove(name) else { return };
        for (id, task) in source.parts {
            task.abort();
            if let Some(clock) = self.clocks.get(&source.clock) {
                let _ = clock.orders.send(Order::Forget(id)).await;
            }
        }
    }
}

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

/// The frequency that the drift file remembers.
fn known_frequency(config: &config::Clock) -> Option<(f64, f64)> {
    match drift::load(config.drift_file.as_deref()?) {
        Ok(drift) => drift.map(|drift| (drift.frequency, drift.uncertainty)),
        Err(error) => {
            tracing::warn!("clock {}: {error}", config.name);
            None
        }
    }
}
