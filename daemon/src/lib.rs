//! The parts of the daemon `utcd` and of `utcctl`.
#![forbid(unsafe_code)]

pub mod config;
pub mod status;
