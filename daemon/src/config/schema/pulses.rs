//! Pulses and edges, as they come in and go out.

use std::path::PathBuf;

use super::SourceCommon;
use crate::config::kind::{Count, FilePath, Maybe, name, time, word, words};
use crate::config::section::Absent::{Otherwise, Text};
use crate::config::section::section;

words! {
    /// Which edge of a pulse counts.
    PulseEdge {
        /// low to high; of a serial line, the one that the driver calls assert
        Rising = "rising",
        /// high to low; of a serial line, clear
        Falling = "falling",
    }
}

section! {
    /// Pulses that mark the seconds (1PPS), of a GNSS receiver for one. A pulse does not
    /// tell which second it marks: another source of the clock names the first one, as
    /// soon as it proves the clock to be known within 0.4 s; from there on they are
    /// counted, with or without that source.
    PpsSource {
        with common: SourceCommon;
        /// The device by which the kernel stamps the pulses, such as `/dev/pps0`. Give
        /// either this or `channel`.
        "device" => device: Option<PathBuf> = Maybe(FilePath), Otherwise("none");
        /// The channel by which a PTP hardware clock stamps the pulses itself: `clock` is
        /// that clock.
        "channel" => channel: Option<u32> = Maybe(Count(0..=1023)), Otherwise("none");
        /// The pin by which the pulses reach that channel, where the function of the pin
        /// can be chosen.
        "pin" => pin: Option<u32> = Maybe(Count(0..=1023)), Otherwise("as it is set");
        /// Which edge marks the second.
        "edge" => edge: PulseEdge = word::<PulseEdge>(), Text("'rising'");
        /// How wide the pulses are, of a channel whose driver may stamp both of their edges.
        /// An edge that comes so long after another one, give or take 10 % of the pulse or
        /// of the gap after it (whichever is shorter), ends a pulse: the one before it marks
        /// the second. Not near half a second, where both edges are alike.
        "width" => width: Option<f64> = Maybe(time().above(0.0).at_most(0.999)),
            Otherwise("unknown");
        /// How late the pulses arrive: some 5 ns per metre of cable.
        "cable-delay" => cable_delay: f64 = time().at_least(0.0).at_most(1e-3), Text("'0 s'");
        /// Expanded uncertainty (k = 2) of a pulse as it is stamped: receiver, cable, and
        /// with a device how long the interrupt takes.
        "uncertainty" => uncertainty: Option<f64> = Maybe(time().above(0.0).at_most(0.1)),
            Otherwise("20 us with a device, 100 ns with a channel");
    }
}

section! {
    /// An input of external events, of a sensor for one: every edge is stamped by the
    /// clock, and told in UTC with its uncertainty by `utcctl events` and in the
    /// recording.
    EventInput {
        /// What the input is called in events, metrics and records.
        "name" => name: String = name(),
            Otherwise("the last part of the device, or `<clock>-channel-<number>`");
        /// The clock that stamps.
        "clock" => clock: String = name(), Otherwise("the first clock");
        /// The device by which the kernel stamps the edges, such as `/dev/pps1`. Give
        /// either this or `channel`.
        "device" => device: Option<PathBuf> = Maybe(FilePath), Otherwise("none");
        /// The channel by which a PTP hardware clock stamps the edges itself: `clock` is
        /// that clock.
        "channel" => channel: Option<u32> = Maybe(Count(0..=1023)), Otherwise("none");
        /// The pin by which the edges reach that channel, where the function of the pin
        /// can be chosen.
        "pin" => pin: Option<u32> = Maybe(Count(0..=1023)), Otherwise("as it is set");
        /// Which edge is the event.
        "edge" => edge: PulseEdge = word::<PulseEdge>(), Text("'rising'");
        /// How wide the pulses are that a channel stamps: where its driver may stamp both
        /// edges of them, one that comes so long after another one, give or take 10 % of the
        /// pulse or of what it lacks to 1 s (whichever is less), is no event.
        "width" => width: Option<f64> = Maybe(time().above(0.0).at_most(0.999)),
            Otherwise("unknown");
        /// How late the edges arrive: some 5 ns per metre of cable, and the sensor's own
        /// delay. It is taken off.
        "cable-delay" => cable_delay: f64 = time().at_least(0.0).at_most(1.0), Text("'0 s'");
        /// Expanded uncertainty (k = 2) of an edge as it is stamped: cable delay, input,
        /// and with a device how long the interrupt takes.
        "uncertainty" => uncertainty: Option<f64> = Maybe(time().above(0.0).at_most(1.0)),
            Otherwise("20 us with a device, 100 ns with a channel");
    }
}

section! {
    /// One pulse a second (1PPS) from a PTP hardware clock that utcd keeps, at the
    /// beginning of each second of it, to measure the clock by. There are pulses only while
    /// the clock is locked, or in holdover and not known to be off.
    Output {
        /// What the output is called in `utcctl status` and metrics.
        "name" => name: String = name(), Otherwise("`<clock>-output-<channel>`");
        /// The clock, of type phc.
        "clock" => clock: String = name(), Otherwise("the first clock");
        /// The channel of the clock that puts the pulses out.
        "channel" => channel: u32 = Count(0..=1023), Text("0");
        /// The pin by which they leave, where the function of the pin can be chosen.
        "pin" => pin: Option<u32> = Maybe(Count(0..=1023)), Otherwise("as it is set");
        /// How much before the second they leave, so that they are on time where they
        /// arrive: some 5 ns per metre of cable, and the delay of the output. Negative:
        /// after the second.
        "advance" => advance: f64 = time().at_least(-0.5).at_most(0.5), Text("'0 s'");
        /// From rising to falling edge. A driver that cannot be told takes its own.
        "width" => width: Option<f64> = Maybe(time().above(0.0).at_most(0.999)),
            Otherwise("as the driver has it");
    }
}
