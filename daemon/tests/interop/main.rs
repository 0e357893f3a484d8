//! utcd against programs that nobody here wrote: Debian's `chronyd`, `ptp4l` and `tshark`,
//! and ntpd-rs. Each test has network namespaces of its own. It needs root, and is skipped
//! where that or a program is missing.
//!
//! All hosts share one system clock, so that clock is the truth: utcd keeps a virtual clock,
//! and nothing here may set the real one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod client;
mod daemon;
mod faults;
mod links;
mod masters;
mod network;
mod over_ptp;
mod peers;
mod program;
mod query;
mod record;
#[path = "../common/recordings.rs"]
mod recordings;
mod rogue;
mod server;
mod wire;
