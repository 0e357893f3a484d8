//! The parts of the daemon `utcd` and of `utcctl`.
#![forbid(unsafe_code)]

pub mod board;
pub mod chain;
pub mod clock_task;
pub mod config;
pub mod drift;
pub mod host_clock;
pub mod net;
pub mod serve_ntp;
pub mod source;
pub mod status;
