//! IEEE 1588 on statime: a slave-only port as a state machine, without I/O.
//!
//! A [`Port`] is handed messages with their time stamps, transmit time stamps and the
//! time; it hands out [`Action`]s: messages to send, and
//! [comparisons](clock_models::comparison::Comparison) of the clock with its master. All
//! its times are in the free-running time base of the clock, all its numbers of a master
//! are TAI. [`transport`] tells the sockets where messages go. A
//! [`Source`](source::Source) is a port with the estimate of its edge.
//!
//! # Whose time a `ptp4l` sends
//!
//! PTP's own time scale is TAI, and a master says by ptpTimescale that it keeps it. A
//! `ptp4l` that stamps in software keeps the system clock's time instead, which is
//! *UTC*, and says so as far as the standard lets it: ptpTimescale is 0 ("arbitrary"),
//! currentUtcOffset is its option `utc_offset` (37 by default) and not marked valid,
//! whatever `clockClass` it is given. Seen on the wire and in the source of Debian 12's
//! linuxptp 3.1.1 (`clock_create`: `utc_timescale`), with `free_running` and without.
//! Taken for TAI, a clock would be set 37 s slow: configure
//! [`ArbitraryTimescale::Utc`] for such a master, and the comparisons come out as TAI by
//! the leap table.
//!
//! With hardware time stamps `ptp4l` sets ptpTimescale without knowing: what it sends is
//! the time of the PHC, which is TAI only if something such as `phc2sys` or `ts2phc`
//! keeps it so. And `pmc` can set the flag to anything (`GRANDMASTER_SETTINGS_NP`).
#![forbid(unsafe_code)]

mod accuracy;
mod config;
mod direct;
mod engine;
mod foreign_masters;
mod peer;
mod port;
mod rejection;
mod slave;
pub mod source;
mod status;
#[cfg(test)]
mod tests;
mod timescale;
pub mod transport;
pub mod wire;

pub use accuracy::clock_accuracy;
pub use config::{ArbitraryTimescale, ConfigError, DelayMechanism, PdelayAnswer, PortConfig};
pub use port::{Action, Port, PortComparison, TransmitId};
pub use rejection::{Rejection, Rejections};
pub use status::{Parent, PeerDelayUse, PortState, PortStatus};
pub use timescale::{UtcOffsetMismatch, utc_properties};
pub use wire::{ClockIdentity, PortIdentity};
