//! The schema: every section, key, default and meaning of the configuration.
//!
//! Here times are in seconds and frequencies are ratios (1e-6 is 1 ppm). The doc
//! comments are also the text of the reference page, so they speak to operators.

mod clock;
mod daemon;
mod interface;
mod ntp;
mod ptp;
mod pulses;
mod receiver;
mod serve;
mod source;

pub use toml::value::Date;

pub use clock::{Clock, ClockMode, ClockSource, ClockType, PhcTimescale};
pub use daemon::{Control, ControlSocket, LeapSeconds, Log, LogLevel, Metrics, Record};
pub use interface::{Interface, Latency};
pub use ntp::{NtpSource, NtpTransport};
pub use ptp::{ArbitraryTimescale, DelayMechanism, PtpSource, PtpTransport};
pub use pulses::{EventInput, Output, PpsSource, PulseEdge};
pub use receiver::{GpsdSource, NmeaSource, ShmSource, SockSource};
pub use serve::{NtpServer, Serve, ServerTimeStamps};
pub use source::{Origin, SourceCommon, Sources, TimeStamps};

use super::section::Absent::Otherwise;
use super::section::{maybe_table, section, table, tables};

/// Seconds of a day.
const DAY: f64 = 86_400.0;

section! {
    /// Everything utcd is told.
    Config {
        /// The clocks of this host, at least one.
        "clock" => clocks: Vec<Clock> = tables::<Clock>(), Otherwise("one, of type system");
        /// Where time comes from.
        "source" => sources: Sources = table::<Sources>(), Otherwise("");
        /// Inputs of external events.
        "event" => events: Vec<EventInput> = tables::<EventInput>(), Otherwise("none");
        /// Outputs of pulses.
        "output" => outputs: Vec<Output> = tables::<Output>(), Otherwise("none");
        /// Network interfaces whose time stamps are known to be late.
        "interface" => interfaces: Vec<Interface> = tables::<Interface>(), Otherwise("none");
        /// To whom time is given.
        "serve" => serve: Serve = table::<Serve>(), Otherwise("");
        /// The Prometheus metrics.
        "metrics" => metrics: Metrics = table::<Metrics>(), Otherwise("");
        /// The control socket.
        "control" => control: Control = table::<Control>(), Otherwise("");
        /// The leap-second table.
        "leap-seconds" => leap_seconds: LeapSeconds = table::<LeapSeconds>(), Otherwise("");
        /// Recording.
        "record" => record: Option<Record> = maybe_table::<Record>(), Otherwise("none");
        /// The log.
        "log" => log: Log = table::<Log>(), Otherwise("");
    }
}
