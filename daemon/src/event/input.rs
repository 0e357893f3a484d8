//! The task that stamps the events of one input.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration as Wait;

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::discipline::ClockReading;
use clock_models::pulse::{Edges, Width};
use clock_models::recording::{Event, EventTime, External};
use clock_models::time::{Duration, LeapTable};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};
use utcd_linux::phc::Polarity;

use super::time::{Moment, moment};
use super::{EventLog, ExternalEvent};
use crate::account::SharedAccount;
use crate::board::Board;
use crate::config;
use crate::host_clock::HostClock;
use crate::pulse_input::{Pulse, PulseInput, PulsePlace};
use crate::record::Recorder;
use crate::status::EventStatus;

/// Rest before a device is opened again.
const REST: Wait = Wait::from_secs(5);
/// How often the input is looked after without an event.
const LOOK: Wait = Wait::from_secs(1);

/// One input of events.
#[derive(Debug)]
pub struct EventTask {
    /// As the operator wants it.
    pub config: config::EventInput,
    /// The clock that stamps.
    pub clock: Rc<RefCell<HostClock>>,
    /// What its owner knows of it.
    pub account: SharedAccount,
    /// The leap table in force.
    pub leap: Rc<RefCell<LeapTable>>,
    /// Where the events are published.
    pub log: watch::Sender<EventLog>,
    /// Where the input is shown.
    pub board: Board,
    /// Where the events are recorded, if they are.
    pub recorder: Option<Recorder>,
}

/// What has become of the input so far.
#[derive(Debug, Default)]
struct Course {
    status: EventStatus,
    /// Lost since the last event.
    lost: u64,
    /// Overruns that are counted.
    overruns: u64,
    /// Those that came by a driver that may stamp both edges of a pulse.
    edges: Edges,
}

impl EventTask {
    /// Stamps events for as long as the task lives.
    pub async fn run(self) {
        let mut course = Course::default();
        course.status.name.clone_from(&self.config.name);
        course.status.clock.clone_from(&self.config.clock);
        course.status.place = self.place().name();
        loop {
            let ended = match self.open(&mut course) {
                Ok(mut input) => self.listen(&mut input, &mut course).await,
                Err(reason) => reason,
            };
            if course.status.fault.as_ref() != Some(&ended) {
                tracing::warn!("event {}: {ended}", self.config.name);
            }
            course.status.fault = Some(ended);
            self.board.put_event(course.status.clone());
            sleep(REST).await;
        }
    }

    fn place(&self) -> PulsePlace<'_> {
        PulsePlace {
            device: self.config.device.as_deref(),
            channel: self.config.channel,
            pin: self.config.pin,
            edge: self.config.edge,
        }
    }

    fn open(&self, course: &mut Course) -> Result<PulseInput, String> {
        let opened = self.place().open(&self.clock.borrow(), &self.config.clock);
        let (input, polarity) = opened?;
        let both_edges = polarity == Polarity::UpToDriver;
        if both_edges {
            tracing::info!(
                "event {}: the driver does not say which edges it stamps: it may be both",
                self.config.name
            );
        }
        let width = self.config.width.filter(|_| both_edges).and_then(Width::new);
        course.edges = Edges::new(width);
        course.status.place = self.place().with_edges(Some(polarity));
        course.overruns = input.overruns();
        if course.status.fault.take().is_some() {
            tracing::info!("event {}: works again", self.config.name);
        }
        Ok(input)
    }

    /// Until nothing comes any more; says why.
    async fn listen(&self, input: &mut PulseInput, course: &mut Course) -> String {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // The look finds out that the device is gone where that wakes nobody.
            let woken = tokio::select! {
                woken = input.wait() => woken.map_err(|error| error.to_string()),
                _ = looks.tick() => Ok(()),
            };
            if let Err(reason) = woken.and_then(|()| self.drain(input, course)) {
                return reason;
            }
            self.board.put_event(course.status.clone());
        }
    }

    /// Takes all events that are there.
    fn drain(&self, input: &mut PulseInput, course: &mut Course) -> Result<(), String> {
        loop {
            let pulse = input.pulse(&self.clock.borrow())?;
            let overruns = input.overruns();
            if overruns > course.overruns {
                // How many were dropped nobody tells: one at least.
                self.lose("overrun", overruns - course.overruns, course);
                course.overruns = overruns;
            }
            match pulse {
                Some(pulse) => self.take(pulse, course),
                None => return Ok(()),
            }
        }
    }

    fn take(&self, pulse: Pulse, course: &mut Course) {
        if pulse.missed > 0 {
            self.lose("missed", pulse.missed.into(), course);
        }
        let Some(stamp) = pulse.stamp else { return self.lose("no-stamp", 1, course) };
        if course.edges.is_end(stamp.at) {
            course.status.trailing_edges += 1;
            return;
        }
        let delay = Duration::from_seconds(self.config.cable_delay).unwrap_or(Duration::ZERO);
        let stamp = Stamp { at: stamp.at - delay, ..stamp };
        let expanded = self.config.uncertainty.unwrap_or(self.place().usual_uncertainty());
        let moment = moment(&self.account.get(), stamp, expanded);
        course.status.stamped += 1;
        course.status.without_time += u64::from(moment.is_err());
        course.status.uncertainty = moment.as_ref().ok().map(|moment| moment.expanded);
        let event = self.event(stamp, moment.as_ref(), std::mem::take(&mut course.lost));
        self.record(stamp, &event, moment.ok());
        self.log.send_modify(|log| log.push(event));
    }

    fn event(&self, stamp: Stamp, moment: Result<&Moment, &String>, lost: u64) -> ExternalEvent {
        let account = self.account.get();
        let stamps = if stamp.by == StampedBy::Hardware { "hardware" } else { "kernel" };
        let event = ExternalEvent {
            event: self.config.name.clone(),
            clock: self.config.clock.clone(),
            time_stamps: stamps.to_owned(),
            state: account.status.state,
            lost,
            ..ExternalEvent::default()
        };
        match moment {
            Ok(moment) => {
                let tai = moment.time.since_epoch();
                ExternalEvent {
                    utc: Some(self.leap.borrow().to_utc(moment.time).to_string()),
                    tai_seconds: i64::try_from(tai.floor_secs()).ok(),
                    tai_nanoseconds: u32::try_from(tai.subsec().floor_nanos()).ok(),
                    uncertainty: Some(moment.expanded),
                    bound: Some(moment.bound),
                    traceable: account.status.traceable,
                    not_traceable_because: account.status.not_traceable_because.clone(),
                    ..event
                }
            }
            Err(reason) => ExternalEvent { not_traceable_because: Some(reason.clone()), ..event },
        }
    }

    fn record(&self, stamp: Stamp, event: &ExternalEvent, moment: Option<Moment>) {
        let Some(recorder) = &self.recorder else { return };
        let time = moment.zip(event.utc.clone()).map(|(moment, utc)| EventTime {
            tai: moment.time,
            utc,
            expanded: moment.expanded,
            bound: moment.bound,
        });
        let external = External {
            input: event.event.clone(),
            number: self.log.borrow().next(),
            time,
            traceable: event.traceable,
        };
        let reading = ClockReading { base: stamp.at, time: self.clock.borrow().time_at(stamp.at) };
        recorder.record(&self.config.clock, reading, Event::External(external));
    }

    /// Counts edges that are lost, and says so the first time.
    fn lose(&self, reason: &str, count: u64, course: &mut Course) {
        if course.status.lost.is_empty() {
            let cause = match reason {
                "no-stamp" => "the clock was stepped, or they were fetched late",
                _ => "they come faster than this host takes them",
            };
            tracing::warn!("event {}: edges are lost ({reason}): {cause}", self.config.name);
        }
        *course.status.lost.entry(reason.to_owned()).or_default() += count;
        course.lost += count;
    }
}
