//! The clocks of this host, each with its owner.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use clock_models::prior::doubted;
use clock_models::time::LeapTable;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};

use super::{Daemon, StartError};
use crate::account::SharedAccount;
use crate::clock_task::{ClockTask, Order};
use crate::config::{self, ClockMode, ClockType, PhcTimescale};
use crate::drift;
use crate::host_clock::{HostClock, Place, SharedPhc, Timescale};
use crate::source::Report;

/// Reports that may wait for the owner of a clock.
const REPORTS: usize = 64;

/// A clock and its owner.
pub(super) struct RunningClock {
    pub(super) config: config::Clock,
    pub(super) clock: Rc<RefCell<HostClock>>,
    pub(super) account: SharedAccount,
    /// What is known of its frequency (TAI against its time base), by its drift file until its
    /// sources know it: value and standard uncertainty, ratios. It outlasts a suspend.
    pub(super) frequency: Option<(f64, f64)>,
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) heartbeat: Rc<Cell<Instant>>,
    pub(super) task: JoinHandle<()>,
}

impl Daemon {
    /// Makes a clock and its owner, and sets that to work.
    pub(super) fn start_clock(&mut self, config: config::Clock) -> Result<(), StartError> {
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
        let account = SharedAccount::new(self.board.suspends().clone());
        let owner = ClockTask::new(
            config.clone(),
            Rc::clone(&clock),
            Rc::clone(&self.leap),
            self.board.clone(),
            account.clone(),
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
        let interface = config.interface.clone().map(Place::Interface);
        let device = config.device.clone().map(Place::Device);
        let place = interface.or(device).unwrap_or(Place::Index(0));
        let name = config.name.clone();
        let phc = self.phcs.get(place).map_err(|source| StartError::Phc { name, source })?;
        self.refuse_second_owner(config, &phc)?;
        let timescale = match config.timescale {
            PhcTimescale::Tai => Timescale::Tai,
            PhcTimescale::Utc => Timescale::Utc,
        };
        Ok(HostClock::phc(phc, timescale, leap))
    }

    /// NICs may share a clock, and a device is the clock of an interface: what the
    /// configuration says does not show it.
    fn refuse_second_owner(
        &self,
        config: &config::Clock,
        phc: &Rc<RefCell<SharedPhc>>,
    ) -> Result<(), StartError> {
        let is_owner = |config: &config::Clock| config.mode == ClockMode::Discipline;
        let is_this = |running: &&RunningClock| {
            let other = running.clock.borrow().shared_phc();
            is_owner(&running.config) && other.is_some_and(|other| Rc::ptr_eq(&other, phc))
        };
        let other = self.clocks.values().find(is_this).filter(|_| is_owner(config));
        match (other, phc.borrow().index()) {
            (Some(other), Some(index)) => Err(StartError::TwoOwners {
                first: other.config.name.clone(),
                second: config.name.clone(),
                index,
            }),
            _ => Ok(()),
        }
    }

    /// Remembers the frequencies of the clocks as their sources know them. The oscillator
    /// against UTC is the opposite of TAI against the oscillator.
    pub(super) fn remember_frequencies(&mut self) {
        for status in &self.board.current().clocks {
            let known = status.frequency.zip(status.frequency_uncertainty);
            let running = self.clocks.get_mut(&status.name);
            if let (Some((frequency, uncertainty)), Some(running)) = (known, running) {
                running.frequency = Some((-frequency, doubted(uncertainty)));
            }
        }
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
