//!
//! - [`packet`] reads and writes what travels (RFC 5905 section 7, RFC 7822);
//! - [`server`] answers clients from a stated clock.
//!
//! Time, packets and randomness are arguments, packets and decisions are results.
//! Whatever comes from the network and cannot be used has a named reason.
#![forbid(unsafe_code)]

pub mod packet;
pub mod server;
