//! The parts of the daemon `utcd` and of `utcctl`.
#![forbid(unsafe_code)]

pub mod drift;
pub mod status;
