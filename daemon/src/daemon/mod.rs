//! Puts the parts together: clocks, sources, servers; starts and stops them.

mod clocks;
mod pulses;
mod reload;
mod servers;
mod sources;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use clock_models::time::LeapTable;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use self::clocks::RunningClock;
use self::pulses::Tasks;
use self::sources::RunningSource;
use crate::board::Board;
use crate::config::{self, Config};
use crate::control;
use crate::event::EventLog;
use crate::host_clock::{NoPhc, Phcs};
use crate::leap;
use crate::record::Recorder;
use crate::serve_ntp::NtpServer;
use crate::service::Service;

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
    /// Two clocks of the configuration are one.
    #[error(
        "clocks {first} and {second} are the same one, ptp{index}, and it cannot have two owners; \
         set mode = \"observe\" in one of them, or leave it out"
    )]
    TwoOwners {
        /// The one that has it.
        first: String,
        /// The one that wants it.
        second: String,
        /// N of `/dev/ptpN`.
        index: u32,
    },
    /// Anything the runtime or the kernel refuses.
    #[error("cannot start: {0}")]
    Io(#[from] io::Error),
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
    event_inputs: Tasks<config::EventInput>,
    /// Outputs of pulses, by their names.
    pulse_outputs: Tasks<config::Output>,
    ntp_server: Option<NtpServer>,
    /// Those who serve what is published: the control socket, the metrics.
    status_servers: Vec<AbortHandle>,
    config_text: watch::Sender<Arc<String>>,
    /// The suspends of the host since which the sources run.
    suspends: u64,
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
            status_servers: Vec::new(),
            config_text: watch::Sender::new(Arc::new(config.to_string())),
            config,
            suspends: 0,
        };
        daemon.serve_status(control).await?;
        for clock in daemon.config.clocks.clone() {
            daemon.start_clock(clock)?;
        }
        daemon.serve_ntp()?;
        daemon.start_sources().await;
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
                    self.heed_suspends().await;
                    self.remember_frequencies();
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
        self.sources.values().for_each(RunningSource::stop);
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
        self.status_servers.iter().for_each(AbortHandle::abort);
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
}
