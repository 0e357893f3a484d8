//! Sources of time: each task drives one protocol state machine and the estimator of its
//! edge, and reports what came of it.

mod answering;
pub mod clock;
mod departure;
pub mod gpsd;
mod marks;
pub mod nmea;
pub mod ntp;
pub mod pps;
pub mod ptp;
mod samples;
pub mod shm;
pub mod sock;
mod stamper;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use clock_models::comparison::{Comparison, Stamp, StampedBy, Upstream};
use clock_models::discipline::ClockReading;
use clock_models::estimator::{Estimate, Estimator};
use clock_models::keeper::{Edge, Terms};
use clock_models::prior::doubted;
use clock_models::recording::{Compared, Event};
use clock_models::selection::{SourceId, Unusable};
use clock_models::time::{Free, LeapNotice, LeapTable, Timestamp};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::account::Account;
use crate::config;
use crate::host_clock::{HostClock, Phcs};
use crate::record::Recorder;
use crate::status::SourceStatus;

/// News of a source.
#[derive(Debug, Clone)]
pub struct Report {
    /// What selection needs.
    pub edge: Edge,
    /// What people are shown; selection fills in the rest.
    pub status: SourceStatus,
    /// When the last good comparison was, in the time base of the clock.
    pub heard: Option<Timestamp<Free>>,
    /// What is known of the source, where it is a clock of this host.
    pub upper: Option<Rc<Account>>,
    /// What it says of leap seconds, where it can say so.
    pub leap: Option<LeapNotice>,
}

/// What every source task has.
#[derive(Debug, Clone)]
pub struct Context {
    /// Number of the source.
    pub id: SourceId,
    /// Its name in the configuration.
    pub name: String,
    /// What the operator says of it.
    pub terms: Terms,
    /// The declared origin of its time.
    pub origin: Option<String>,
    /// The name of the clock that is compared with it.
    pub clock_name: String,
    /// That clock; read only here.
    pub clock: Rc<RefCell<HostClock>>,
    /// The leap table in force.
    pub leap: Rc<RefCell<LeapTable>>,
    /// What is known of the clock's frequency (TAI against its time base): value and
    /// standard uncertainty, ratios.
    pub frequency: Option<(f64, f64)>,
    /// The PTP hardware clocks in use.
    pub phcs: Phcs,
    /// What is known of the network interfaces that stamp.
    pub interfaces: Rc<[config::Interface]>,
    /// To the keeper of the clock.
    pub reports: mpsc::Sender<Report>,
    /// Where what the estimator takes in is recorded, if it is.
    pub recorder: Option<Recorder>,
}

impl Context {
    /// A stamp of this host in the time base of the clock.
    fn stamp(&self, stamp: Stamp) -> Stamp {
        self.clock.borrow().stamp(stamp)
    }

    /// Remembers the frequency for the next estimator of this source.
    fn remember(&mut self, estimator: &Estimator) {
        if let Some(estimate) = estimator.estimate() {
            self.frequency = Some((estimate.frequency, doubted(estimate.frequency_deviation)));
        }
    }

    /// Records that an estimator starts with what is known of the frequency.
    fn record_start(&self, prior: Option<(f64, f64)>) {
        let Some(recorder) = &self.recorder else { return };
        let reading = self.clock.borrow().read();
        let event = Event::Start { source: self.name.clone(), prior };
        recorder.record(&self.clock_name, reading, event);
    }

    /// Records what an estimator took in, and what it made of it.
    fn record(&self, comparison: &Comparison, restarted: bool, estimate: Option<Estimate>) {
        let (Some(recorder), Some(base)) = (&self.recorder, comparison.newest()) else { return };
        let reading = ClockReading { base, time: self.clock.borrow().time_at(base) };
        let (source, comparison) = (self.name.clone(), *comparison);
        let compared = Compared { source, comparison, restarted, estimate };
        recorder.record(&self.clock_name, reading, Event::Comparison(compared));
    }

    /// Waits until an instant of the clock's time base.
    async fn sleep_until(&self, at: Timestamp<Free>) {
        let now = self.clock.borrow().now();
        let seconds = (at - now).seconds().clamp(0.0, 86_400.0);
        sleep_until(Instant::now() + std::time::Duration::from_secs_f64(seconds)).await;
    }

    /// The same; never, where nothing is due.
    async fn until(&self, at: Option<Timestamp<Free>>) {
        match at {
            Some(at) => self.sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// The parts of a status that are the same for every protocol.
    fn status(&self, protocol: &str, address: String) -> SourceStatus {
        SourceStatus {
            name: self.name.clone(),
            protocol: protocol.to_owned(),
            address,
            clock: self.clock_name.clone(),
            origin: self.origin.clone(),
            ..SourceStatus::default()
        }
    }

    /// The edge of a source that has said nothing yet.
    fn edge(&self, usable: Result<(), Unusable>) -> Edge {
        Edge {
            id: self.id,
            terms: self.terms,
            estimate: None,
            usable,
            upstream: Upstream::default(),
            clock_accuracy: None,
            stratum: 16,
            stamp_uncertainty: 0.0,
            upper: None,
        }
    }

    /// The report of a source that has said nothing yet.
    fn never_heard(&self, status: SourceStatus) -> Report {
        let edge = self.edge(Err(Unusable::NeverHeard));
        Report { edge, status, heard: None, upper: None, leap: None }
    }

    /// Hands a report on. A keeper that is behind gets the next one: each says all.
    fn report(&self, report: Report) {
        let _ = self.reports.try_send(report);
    }
}

/// What went wrong outside of the protocol.
#[derive(Debug, Default)]
struct Trouble {
    /// The last one, in words, while it lasts.
    now: Option<String>,
    /// What has been logged of it: causes may take turns.
    said: BTreeSet<String>,
    counts: BTreeMap<String, u64>,
}

impl Trouble {
    /// Counts it under a name, and says it.
    fn note(&mut self, source: &str, name: &str, text: String) {
        *self.counts.entry(name.to_owned()).or_default() += 1;
        self.say(source, text);
    }

    /// Shows it, and logs it unless that has been done.
    fn say(&mut self, source: &str, text: String) {
        if self.said.insert(text.clone()) {
            tracing::warn!("source {source}: {text}");
        }
        self.now = Some(text);
    }

    /// It is over, if there was any: the next will be logged again.
    fn over(&mut self, source: &str) {
        self.now = None;
        if !self.said.is_empty() {
            tracing::info!("source {source}: works again");
            self.said.clear();
        }
    }
}

/// Who stamps, in words.
fn stamps(by: StampedBy) -> String {
    match by {
        StampedBy::UserSpace => "user space",
        StampedBy::Kernel => "kernel",
        StampedBy::Hardware => "hardware",
    }
    .to_owned()
}
