//! The parts of the daemon `utcd` and of `utcctl`.
#![forbid(unsafe_code)]

pub mod board;
pub mod chain;
pub mod clock_task;
pub mod config;
pub mod connections;
pub mod control;
pub mod drift;
pub mod host_clock;
pub mod http;
pub mod metrics;
pub mod net;
pub mod render;
pub mod serve_ntp;
pub mod source;
pub mod status;
