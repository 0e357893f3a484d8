//! The parts of the daemon `utcd` and of `utcctl`.
#![forbid(unsafe_code)]

pub mod connections;
pub mod control;
pub mod http;
pub mod metrics;
pub mod render;
pub mod status;
