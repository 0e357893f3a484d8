//! The masters of a domain as a source of time: the port and the estimate of its edge.
//!
//! What comes between the messages of one domain and the keeper of a clock is here, so
//! that the daemon and the testbed cannot differ in it.

use clock_models::comparison::{Stamp, Upstream};
use clock_models::estimator::Estimator;
use clock_models::keeper::{Edge, Terms};
use clock_models::prior::doubted;
use clock_models::selection::{SourceId, Unusable};
use clock_models::time::{Free, LeapTable, Timestamp};

use crate::config::{ArbitraryTimescale, ConfigError, PdelayAnswer, PortConfig};
use crate::port::{Action, Port, PortComparison, TransmitId};
use crate::rejection::Rejection;
use crate::status::{Parent, PortState};

/// How often [`Source::look`] is to be called, s.
pub const LOOK_INTERVAL: u8 = 2;
/// Silence of Sync after which a master is no longer followed although it announces
/// itself: as many intervals between its comparisons, and as many seconds at least.
const SILENT_INTERVALS: f64 = 8.0;
const SILENT_SECONDS: f64 = 10.0;
/// Of how many comparisons the mean interval is, about.
const PACE_MEMORY: f64 = 8.0;
/// Stratum of a source that has not said anything yet (RFC 5905 figure 11).
const UNSYNCHRONISED: u8 = 16;

/// One port and what it makes of its masters.
pub struct Source {
    port: Port,
    estimator: Estimator,
    /// What is known of the frequency for the next estimator.
    frequency: Option<(f64, f64)>,
    last: Option<PortComparison>,
    restarted: bool,
    heard: Option<Timestamp<Free>>,
    /// Mean seconds between comparisons.
    pace: f64,
    reach: u8,
    heard_since_look: bool,
    accepted: u64,
}

impl Source {
    /// A source that has not been listened to yet, with its link up. `frequency` is what
    /// is known of the frequency of TAI against the time base, and its standard deviation
    /// (ratios); `seed` is for [`Port::new`].
    ///
    /// # Errors
    /// A value of the configuration out of its range.
    pub fn new(
        config: PortConfig,
        frequency: Option<(f64, f64)>,
        seed: u64,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            port: Port::new(config, seed)?,
            estimator: Estimator::new(frequency),
            frequency,
            last: None,
            restarted: false,
            heard: None,
            pace: 1.0,
            reach: 0,
            heard_since_look: false,
            accepted: 0,
        })
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> &Port {
        &self.port
    }

    /// The estimator of the edge.
    #[must_use]
    pub const fn estimator(&self) -> &Estimator {
        &self.estimator
    }

    /// What the estimator of the present master started with: see [`Self::new`].
    #[must_use]
    pub const fn prior(&self) -> Option<(f64, f64)> {
        self.frequency
    }

    /// The last comparison with the present master.
    #[must_use]
    pub const fn last(&self) -> Option<&PortComparison> {
        self.last.as_ref()
    }

    /// The last comparison made the estimator give up what it believed: the master's
    /// time, the path or the clock has changed.
    #[must_use]
    pub const fn restarted(&self) -> bool {
        self.restarted
    }

    /// When the newest message of a comparison passed this host.
    #[must_use]
    pub const fn heard(&self) -> Option<Timestamp<Free>> {
        self.heard
    }

    /// Mean seconds between comparisons.
    #[must_use]
    pub const fn pace(&self) -> f64 {
        self.pace
    }

    /// The last eight looks, newest in the lowest bit; set where a comparison came.
    #[must_use]
    pub const fn reach(&self) -> u8 {
        self.reach
    }

    /// Comparisons.
    #[must_use]
    pub const fn accepted(&self) -> u64 {
        self.accepted
    }

    /// See [`Port::set_leap_table`].
    pub fn set_leap_table(&mut self, leap_table: LeapTable) {
        self.port.set_leap_table(leap_table);
    }

    /// See [`Port::set_pdelay_answer`].
    pub const fn set_pdelay_answer(&mut self, pdelay_answer: PdelayAnswer) {
        self.port.set_pdelay_answer(pdelay_answer);
    }

    /// See [`Port::poll_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp<Free>> {
        self.port.poll_timeout()
    }

    /// See [`Port::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Timestamp<Free>) {
        self.port.handle_timeout(now);
    }

    /// See [`Port::handle_event`].
    ///
    /// # Errors
    /// Why the message was refused.
    pub fn handle_event(
        &mut self,
        bytes: &[u8],
        stamp: Stamp,
        now: Timestamp<Free>,
    ) -> Result<(), Rejection> {
        self.port.handle_event(bytes, stamp, now)
    }

    /// See [`Port::handle_general`].
    ///
    /// # Errors
    /// Why the message was refused.
    pub fn handle_general(&mut self, bytes: &[u8], now: Timestamp<Free>) -> Result<(), Rejection> {
        self.port.handle_general(bytes, now)
    }

    /// See [`Port::handle_transmitted`].
    ///
    /// # Errors
    /// Why the stamp was of no use.
    pub fn handle_transmitted(&mut self, id: TransmitId, stamp: Stamp) -> Result<(), Rejection> {
        self.port.handle_transmitted(id, stamp)
    }

    /// See [`Port::link_down`].
    pub fn link_down(&mut self) {
        self.port.link_down();
    }

    /// See [`Port::link_up`].
    pub fn link_up(&mut self) {
        self.port.link_up();
    }

    /// The next thing to do. What concerns the estimate has been done then; news of it
    /// is for the keeper of the clock. Call it after every other call until there is
    /// none.
    pub fn poll_action(&mut self) -> Option<Action> {
        let action = self.port.poll_action()?;
        match &action {
            Action::Compared(compared) => self.take(*compared),
            Action::MasterChanged { .. } => self.restart(),
            Action::SendEvent { .. } | Action::SendOneStep { .. } | Action::SendGeneral { .. } => {}
        }
        Some(action)
    }

    /// Moves the reach register on. A silent source is no news, so this is also the time
    /// to ask for the [edge](Self::edge).
    pub fn look(&mut self) {
        self.reach = self.reach << 1 | u8::from(self.heard_since_look);
        self.heard_since_look = false;
    }

    fn take(&mut self, compared: PortComparison) {
        let newest = compared.comparison.newest();
        if let (Some(last), Some(now)) = (self.heard, newest) {
            let interval = (now - last).seconds().clamp(0.0, SILENT_SECONDS);
            self.pace += (interval - self.pace) / PACE_MEMORY;
        }
        self.heard = newest.or(self.heard);
        self.heard_since_look = true;
        self.accepted += 1;
        self.last = Some(compared);
        let fit = self.estimator.update(&compared.comparison);
        self.restarted = fit.is_some_and(|fit| fit.restarted);
    }

    /// What was learnt of a master does not hold for the next one, but for the frequency.
    fn restart(&mut self) {
        if let Some(estimate) = self.estimator.estimate() {
            self.frequency = Some((estimate.frequency, doubted(estimate.frequency_deviation)));
        }
        self.estimator = Estimator::new(self.frequency);
        self.last = None;
    }

    /// The edge of the clock graph as it stands.
    #[must_use]
    pub fn edge(&self, id: SourceId, terms: Terms, now: Timestamp<Free>) -> Edge {
        let status = self.port.status();
        Edge {
            id,
            terms,
            estimate: self.last.and_then(|_| self.estimator.estimate()),
            usable: self.usable(status.state, status.parent.as_ref(), now),
            upstream: Upstream::default(),
            clock_accuracy: status.parent.and_then(|parent| parent.clock_accuracy),
            stratum: status.parent.as_ref().map_or(UNSYNCHRONISED, stratum),
            stamp_uncertainty: self.last.map_or(0.0, |last| last.comparison.stamp_uncertainty),
            upper: None,
        }
    }

    fn usable(
        &self,
        state: PortState,
        parent: Option<&Parent>,
        now: Timestamp<Free>,
    ) -> Result<(), Unusable> {
        let silence = self.heard.map_or(f64::INFINITY, |heard| (now - heard).seconds());
        let patience = SILENT_SECONDS.max(SILENT_INTERVALS * self.pace);
        match state {
            PortState::Faulty => Err(Unusable::Unreachable),
            PortState::Listening if self.heard.is_some() => Err(Unusable::Unreachable),
            PortState::Listening => Err(Unusable::NeverHeard),
            _ if parent.is_some_and(|p| p.synchronization_uncertain) => {
                Err(Unusable::Unsynchronised)
            }
            _ if parent.is_some_and(|p| self.is_arbitrary(p)) => Err(Unusable::ArbitraryTimescale),
            _ if self.last.is_some() && silence > patience => Err(Unusable::Stale),
            _ if self.estimator.estimate().is_none() => Err(Unusable::Warming),
            _ => Ok(()),
        }
    }

    fn is_arbitrary(&self, parent: &Parent) -> bool {
        self.port.arbitrary_timescale() == ArbitraryTimescale::Refuse && !parent.ptp_timescale
    }
}

/// As NTP counts: a grandmaster is stratum 1.
fn stratum(parent: &Parent) -> u8 {
    u8::try_from(parent.steps_removed).unwrap_or(UNSYNCHRONISED).clamp(1, UNSYNCHRONISED - 1)
}
