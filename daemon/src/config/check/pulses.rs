//! Where pulses come in and go out: devices, channels and pins.

use clock_models::pulse::Width;

use super::Checker;
use crate::config::schema::{ClockType, EventInput, Output, PpsSource};

impl Checker<'_, '_> {
    pub(super) fn pps(&mut self, source: &PpsSource, at: &str) {
        let place = (source.device.is_some(), source.channel.is_some(), source.pin.is_some());
        self.pulse_input(place, &source.common.clock, at);
        self.shared_channel(&source.common.clock, source.channel, at);
        self.edges_by_kernel(source.device.is_some(), source.width, at);
        if source.width.and_then(Width::new).is_some_and(|width| !width.tells_apart()) {
            let what = "by this width, the edge that ends a pulse cannot be told from the one \
                that begins the next";
            let help = "set the receiver to pulses that are well shorter than half a second, \
                or leave it out";
            self.refuse(at, "width", what, help);
        }
    }

    pub(super) fn events(&mut self) {
        let events = &self.config.events;
        for (i, event) in events.iter().enumerate() {
            let at = &format!("event.{i}");
            if events.iter().take(i).any(|other| other.name == event.name) {
                let what = format!("there are two events of the name {:?}", event.name);
                self.refuse(at, "name", what, "give each a name of its own: name = \"…\"");
            }
            self.known_clock(&event.clock, at, "clock");
            let place = (event.device.is_some(), event.channel.is_some(), event.pin.is_some());
            self.pulse_input(place, &event.clock, at);
            self.edges_by_kernel(event.device.is_some(), event.width, at);
            let twice = |other: &EventInput| {
                other.clock == event.clock
                    && other.channel.is_some()
                    && other.channel == event.channel
            };
            if events.iter().take(i).any(twice) {
                let what = "this channel is that of another event";
                self.refuse(at, "channel", what, "give each event a channel of its own");
            }
        }
    }

    pub(super) fn outputs(&mut self) {
        let outputs = &self.config.outputs;
        for (i, output) in outputs.iter().enumerate() {
            let at = &format!("output.{i}");
            let before = outputs.get(..i).unwrap_or_default();
            if before.iter().any(|other| other.name == output.name) {
                let what = format!("there are two outputs of the name {:?}", output.name);
                self.refuse(at, "name", what, "give each a name of its own: name = \"…\"");
            }
            let is_same =
                |other: &Output| other.clock == output.clock && other.channel == output.channel;
            if before.iter().any(is_same) {
                let what = "this channel is that of another output";
                self.refuse(at, "channel", what, "take one of them away");
            }
            self.known_clock(&output.clock, at, "clock");
            self.output_clock(output, at);
            self.output_pin(output, before, at);
        }
    }

    fn output_clock(&mut self, output: &Output, at: &str) {
        let clock = self.config.clocks.iter().find(|clock| clock.name == output.clock);
        if clock.is_some_and(|clock| clock.clock_type != ClockType::Phc) {
            let what = format!("clock {:?} puts out no pulses: it is no phc", output.clock);
            self.refuse(at, "clock", what, "write clock = \"…\" of a clock of type \"phc\"");
        } else if clock.is_some_and(|clock| !clock.is_owner()) {
            let what = format!(
                "clock {:?} is only observed: its pulses would be no claim of utcd",
                output.clock
            );
            self.refuse(at, "clock", what, "keep that clock, or take the output away");
        }
    }

    /// A pin is either an input or an output, and of one channel.
    fn output_pin(&mut self, output: &Output, before: &[Output], at: &str) {
        let wanted = Some((output.clock.as_str(), output.pin));
        let outputs = before.iter().map(|other| (other.clock.as_str(), other.pin));
        let events = self.config.events.iter().map(|event| (event.clock.as_str(), event.pin));
        let pps = self.config.sources.pps.iter();
        let pps = pps.map(|source| (source.common.clock.as_str(), source.pin));
        let is_taken = outputs.chain(events).chain(pps).any(|other| Some(other) == wanted);
        if output.pin.is_some() && is_taken {
            let what = "this pin is that of another output, event or source";
            self.refuse(at, "pin", what, "use another pin, or take one of them away");
        }
    }

    /// A channel hands each edge out once: a source and an event cannot share it.
    fn shared_channel(&mut self, clock: &str, channel: Option<u32>, at: &str) {
        let is_shared = |event: &EventInput| event.clock == clock && event.channel == channel;
        if channel.is_some() && self.config.events.iter().any(is_shared) {
            let what = "this channel is that of an [[event]], too";
            self.refuse(at, "channel", what, "take one of them away, or use another channel");
        }
    }

    /// Where pulses come in: by (device, channel, pin), as far as they are given.
    fn pulse_input(&mut self, place: (bool, bool, bool), clock: &str, at: &str) {
        let either = "give either device = \"/dev/pps…\" or channel = …";
        match place {
            (false, false, _) => {
                self.refuse(at, "device", "where the pulses come from is not said", either);
            }
            (true, true, _) => self.refuse(at, "channel", "the pulses come two ways", either),
            (true, false, true) => {
                let what = "pin belongs to the channel of a PTP hardware clock only";
                self.refuse(at, "pin", what, "leave it out, or write channel instead of device");
            }
            _ => {}
        }
        if place.1 && !self.is_phc(clock) {
            let what = format!("clock {clock:?} has no channel: it is no phc");
            self.refuse(at, "channel", what, "write clock = \"…\" of a clock of type \"phc\"");
        }
    }

    /// A device hands out one of the edges alone: a width would say nothing.
    fn edges_by_kernel(&mut self, by_device: bool, width: Option<f64>, at: &str) {
        if by_device && width.is_some() {
            let what = "the kernel tells the edges that come by a device apart";
            let help = "leave it out: edge says which of them counts";
            self.refuse(at, "width", what, help);
        }
    }

    /// True also of a clock that is not there, which is another problem.
    fn is_phc(&self, name: &str) -> bool {
        let clock = self.config.clocks.iter().find(|clock| clock.name == name);
        clock.is_none_or(|clock| clock.clock_type == ClockType::Phc)
    }
}
