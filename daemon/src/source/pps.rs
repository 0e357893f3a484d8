//! Pulses that mark the seconds as a source: stamped by the kernel (`/dev/ppsN`, RFC 2783),
//! or by the PTP hardware clock that is compared.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;

use clock_models::comparison::Stamp;
use clock_models::pulse::{Believed, Numbering, Refused};
use clock_models::selection::Unusable;
use clock_models::time::Duration;
use tokio::time::{MissedTickBehavior, interval, sleep};
use utcd_linux::phc::{Edges, Polarity};
use utcd_linux::pps::{Edge, Pps};

use super::marks::{LOOK, Mark, Marks};
use super::{Context, stamps};
use crate::account::SharedAccount;
use crate::config::{self, PulseEdge};
use crate::host_clock::SharedPhc;
use crate::net::AsyncDevice;

/// Expanded uncertainty (k = 2) where the file does not say, s.
const DEVICE_UNCERTAINTY: f64 = 20e-6;
const CHANNEL_UNCERTAINTY: f64 = 100e-9;
/// Rest before a device is opened again.
const REST: std::time::Duration = std::time::Duration::from_secs(5);
/// Without a pulse for so many looks, the device is opened again: it may be another one.
const LONGEST_SILENCE: u32 = 10;
/// So many pulses in a row that begin no second are told.
const TOLD: u32 = 4;

/// A line of pulses.
#[derive(Debug)]
pub struct PpsSource {
    context: Context,
    config: config::PpsSource,
    /// That of the clock that is compared: it names the seconds.
    account: SharedAccount,
    marks: Marks,
    numbering: Numbering,
    /// Why the last pulse was refused, if it was.
    refused: Option<Refused>,
    /// Pulses in a row that began no second.
    astray: u32,
    stamped_by: String,
}

/// Where the pulses come from.
enum Input {
    Device(AsyncDevice<Pps>),
    Channel { phc: Rc<RefCell<SharedPhc>>, channel: u32, wake: AsyncDevice<OwnedFd> },
}

/// What came.
enum Pulse {
    Stamped(Stamp),
    /// One whose stamp cannot be used, or several that were not fetched in time.
    Lost(&'static str, u32),
}

impl PpsSource {
    /// A source that has not been listened to yet.
    #[must_use]
    pub fn new(context: Context, config: config::PpsSource, account: SharedAccount) -> Self {
        let marks = Marks::new(&context);
        Self {
            context,
            config,
            account,
            marks,
            numbering: Numbering::default(),
            refused: None,
            astray: 0,
            stamped_by: String::new(),
        }
    }

    /// Takes the pulses for as long as the task lives.
    pub async fn run(mut self) {
        loop {
            match self.open() {
                Ok(mut input) => {
                    let ended = self.listen(&mut input).await;
                    self.marks.trouble.note(&self.context.name, "no-pulses", ended);
                }
                Err(reason) => self.marks.trouble.note(&self.context.name, "no-device", reason),
            }
            self.marks.look();
            self.report();
            sleep(REST).await;
        }
    }

    fn open(&mut self) -> Result<Input, String> {
        match (&self.config.device, self.config.channel) {
            (Some(path), _) => self.open_device(path).map_err(|error| error.to_string()),
            (None, Some(channel)) => self.open_channel(channel),
            // The configuration has been checked: one of them is given.
            (None, None) => Err("neither a device nor a channel is configured".to_owned()),
        }
    }

    fn open_device(&self, path: &Path) -> io::Result<Input> {
        let edge = match self.config.edge {
            PulseEdge::Rising => Edge::Assert,
            PulseEdge::Falling => Edge::Clear,
        };
        let pps = Pps::open_path(path, edge).map_err(io::Error::other)?;
        AsyncDevice::new(pps).map(Input::Device)
    }

    fn open_channel(&self, channel: u32) -> Result<Input, String> {
        let phc = self.context.clock.borrow().shared_phc();
        let phc = phc.ok_or_else(|| format!("{} is no phc", self.context.clock_name))?;
        let edges = match self.config.edge {
            PulseEdge::Rising => Edges::Rising,
            PulseEdge::Falling => Edges::Falling,
        };
        let listened = phc.borrow_mut().listen(channel, self.config.pin, edges);
        let (wake, polarity) = listened.map_err(|error| error.to_string())?;
        if polarity == Polarity::UpToDriver {
            tracing::info!(
                "source {}: the driver does not say which edges it stamps; those that begin no \
                 second are refused",
                self.context.name
            );
        }
        let wake = AsyncDevice::new(wake).map_err(|error| error.to_string())?;
        Ok(Input::Channel { phc, channel, wake })
    }

    /// Until no pulses come any more; says why.
    async fn listen(&mut self, input: &mut Input) -> String {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent = 0;
        loop {
            tokio::select! {
                woken = input.wait() => {
                    match woken.map_err(|error| error.to_string()).and_then(|()| self.drain(input)) {
                        Ok(0) => {}
                        Ok(_) => silent = 0,
                        Err(reason) => return reason,
                    }
                }
                _ = looks.tick() => {
                    self.marks.look();
                    silent += 1;
                    if silent > LONGEST_SILENCE {
                        return "no pulse comes: look at the receiver, its antenna and the cable"
                            .to_owned();
                    }
                }
            }
            self.report();
        }
    }

    /// Takes all pulses that are there, and says how many.
    fn drain(&mut self, input: &mut Input) -> Result<u32, String> {
        let mut pulses = 0;
        while let Some(pulse) = input.pulse(&self.context)? {
            pulses += 1;
            match pulse {
                Pulse::Stamped(stamp) => self.take(stamp),
                Pulse::Lost(name, count) => self.marks.refuse(name, u64::from(count)),
            }
        }
        Ok(pulses)
    }

    /// `stamp` is in the time base of the clock.
    fn take(&mut self, stamp: Stamp) {
        self.stamped_by = stamps(stamp.by);
        let delay = Duration::from_seconds(self.config.cable_delay).unwrap_or(Duration::ZERO);
        let at = stamp.at - delay;
        let estimate = self.account.borrow().estimate;
        let believed = estimate.map(|(estimate, bound)| Believed::by(&estimate, bound, at));
        let frequency = self.marks.frequency(&self.context);
        match self.numbering.take(at, frequency, believed) {
            Ok(time) => {
                let uncertainty = stamp.uncertainty.hypot(self.uncertainty() / 2.0);
                let mark = Mark { at, time, uncertainty, half_width: 0.0 };
                self.marks.take(&mut self.context, mark);
                (self.refused, self.astray) = (None, 0);
                self.marks.trouble.over(&self.context.name);
            }
            Err(refused) => self.refuse(refused),
        }
    }

    fn refuse(&mut self, refused: Refused) {
        self.refused = Some(refused);
        if refused == Refused::Unnamed {
            return;
        }
        self.marks.refuse("not-a-second", 1);
        self.astray += 1;
        if self.astray >= TOLD {
            self.marks.trouble.say(&self.context.name, format!("a pulse {refused}"));
        }
    }

    fn uncertainty(&self) -> f64 {
        let otherwise =
            if self.config.device.is_some() { DEVICE_UNCERTAINTY } else { CHANNEL_UNCERTAINTY };
        self.config.uncertainty.unwrap_or(otherwise)
    }

    fn report(&self) {
        let channel = || format!("channel {}", self.config.channel.unwrap_or_default());
        let device = self.config.device.as_ref().map(|path| path.display().to_string());
        let place = device.unwrap_or_else(channel);
        let obstacle = (self.refused == Some(Refused::Unnamed)).then_some(Unusable::Unnamed);
        let words = ["pps", place.as_str(), self.stamped_by.as_str()];
        self.context.report(self.marks.report(&self.context, words, obstacle));
    }
}

impl Input {
    async fn wait(&mut self) -> io::Result<()> {
        match self {
            Self::Device(device) => device.wait().await,
            Self::Channel { wake, .. } => wake.wait().await,
        }
    }

    /// The next pulse, stamped in the time base of the clock.
    fn pulse(&mut self, context: &Context) -> Result<Option<Pulse>, String> {
        match self {
            Self::Device(device) => {
                let pulse = device.get_mut().pulse().map_err(|error| error.to_string())?;
                Ok(pulse.map(|pulse| match pulse.stamp {
                    Some(stamp) => Pulse::Stamped(context.stamp(stamp)),
                    None => Pulse::Lost("no-stamp", 1 + pulse.missed),
                }))
            }
            Self::Channel { phc, channel, .. } => {
                let at = phc.borrow_mut().pulse(*channel).map_err(|error| error.to_string())?;
                let Some(at) = at else { return Ok(None) };
                let stamp = context.clock.borrow().hardware_stamp(at, phc);
                Ok(Some(stamp.map_or(Pulse::Lost("no-stamp", 1), Pulse::Stamped)))
            }
        }
    }
}
