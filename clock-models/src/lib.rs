//! Clocks and what can be said of them, without any input or output.
//!
//! Everything in utcd is a [comparison](comparison::Comparison) of two clocks.
//! This crate turns comparisons into an [estimate](estimator::Estimate) for each
//! edge of the clock graph, selects the edges that agree, decides how to
//! discipline a clock, and keeps the uncertainty budget of the result. Time and
//! randomness are always arguments: the daemon and the testbed run this same code.
#![forbid(unsafe_code)]

pub mod comparison;
pub mod discipline;
pub mod estimator;
pub mod graph;
pub mod holdover;
pub mod keeper;
pub mod prior;
pub mod pulse;
pub mod recording;
pub mod selection;
pub mod stability;
pub mod standing;
pub mod steered;
pub mod time;
pub mod uncertainty;
pub mod units;
pub mod virtual_clock;
