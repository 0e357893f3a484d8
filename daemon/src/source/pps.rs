//! Pulses that mark the seconds as a source: stamped by the kernel (`/dev/ppsN`, RFC 2783),
//! or by the PTP hardware clock that is compared.

use clock_models::comparison::Stamp;
use clock_models::pulse::{Believed, Numbering, Refused, Width};
use clock_models::selection::Unusable;
use clock_models::time::Duration;
use tokio::time::{MissedTickBehavior, interval, sleep};
use utcd_linux::phc::Polarity;

use super::marks::{LOOK, Mark, Marks, REST};
use super::{Context, stamps};
use crate::account::SharedAccount;
use crate::config;
use crate::pulse_input::{PulseInput, PulsePlace};

/// Without a pulse for so many looks, the device is opened again: it may be another one.
const LONGEST_SILENCE: u32 = 10;
/// So many pulses in a row that begin no second, or may not, are told.
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
    /// Whether the edges are those that were asked for, once it is known.
    polarity: Option<Polarity>,
    /// Why the last pulse was refused, if it was.
    refused: Option<Refused>,
    /// Pulses in a row that began no second, or may not have.
    astray: u32,
    stamped_by: String,
}

impl PpsSource {
    /// A source that has not been listened to yet.
    #[must_use]
    pub fn new(context: Context, config: config::PpsSource, account: SharedAccount) -> Self {
        let marks = Marks::new(&context);
        let numbering = Numbering::new(config.width.and_then(Width::new));
        Self {
            context,
            config,
            account,
            marks,
            numbering,
            polarity: None,
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

    fn place(&self) -> PulsePlace<'_> {
        PulsePlace {
            device: self.config.device.as_deref(),
            channel: self.config.channel,
            pin: self.config.pin,
            edge: self.config.edge,
        }
    }

    fn open(&mut self) -> Result<PulseInput, String> {
        let opened = self.place().open(&self.context.clock.borrow(), &self.context.clock_name);
        let (input, polarity) = opened?;
        let both_edges = polarity == Polarity::UpToDriver;
        if both_edges {
            tracing::info!(
                "source {}: the driver does not say which edges it stamps; those that begin no \
                 second are refused",
                self.context.name
            );
        }
        self.numbering.listen(both_edges);
        self.polarity = Some(polarity);
        Ok(input)
    }

    /// Until no pulses come any more; says why.
    async fn listen(&mut self, input: &mut PulseInput) -> String {
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
    fn drain(&mut self, input: &mut PulseInput) -> Result<u32, String> {
        let mut pulses = 0;
        loop {
            let pulse = input.pulse(&self.context.clock.borrow())?;
            let Some(pulse) = pulse else { return Ok(pulses) };
            pulses += 1;
            match pulse.stamp {
                Some(stamp) => self.take(stamp),
                None => self.marks.refuse("no-stamp", 1 + u64::from(pulse.missed)),
            }
        }
    }

    /// `stamp` is in the time base of the clock.
    fn take(&mut self, stamp: Stamp) {
        self.stamped_by = stamps(stamp.by);
        let delay = Duration::from_seconds(self.config.cable_delay).unwrap_or(Duration::ZERO);
        let at = stamp.at - delay;
        let estimate = self.account.get().estimate;
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
        // As it should be: the pulse that ends here has been judged.
        if refused == Refused::TrailingEdge {
            return self.marks.refuse("trailing-edge", 1);
        }
        self.refused = Some(refused);
        let reason = match refused {
            Refused::Unnamed | Refused::TrailingEdge => return,
            Refused::NotASecond => "not-a-second",
            Refused::Ambiguous => "ambiguous",
        };
        self.marks.refuse(reason, 1);
        self.astray += 1;
        if self.astray >= TOLD {
            self.marks.trouble.say(&self.context.name, format!("a pulse {refused}"));
        }
    }

    fn uncertainty(&self) -> f64 {
        self.config.uncertainty.unwrap_or(self.place().usual_uncertainty())
    }

    fn report(&self) {
        let place = self.place().with_edges(self.polarity);
        let obstacle = match self.refused {
            Some(Refused::Unnamed) => Some(Unusable::Unnamed),
            Some(Refused::Ambiguous) => Some(Unusable::Ambiguous),
            Some(Refused::NotASecond | Refused::TrailingEdge) | None => None,
        };
        let words = ["pps", place.as_str(), self.stamped_by.as_str()];
        self.context.report(self.marks.report(&self.context, words, obstacle));
    }
}
