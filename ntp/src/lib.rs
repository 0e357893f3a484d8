//! NTPv4: packets, client and server, without I/O.
//!
//! - [`packet`] reads and writes what travels (RFC 5905 section 7, RFC 7822);
//! - [`client`] turns the exchanges with one server into
//!   [comparisons](clock_models::comparison::Comparison);
//! - [`source`] turns these into the estimate of an edge of the clock graph;
//! - [`server`] answers clients from a stated clock;
//! - [`over_ptp`] wraps what travels in PTP messages (RFC 10030).
//!
//! Time, packets and randomness are arguments, packets and decisions are results.
//! Whatever comes from the network and cannot be used has a named reason.
#![forbid(unsafe_code)]

pub mod client;
pub mod over_ptp;
pub mod packet;
pub mod server;
pub mod source;
