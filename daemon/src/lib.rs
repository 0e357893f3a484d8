//! The parts of the daemon `utcd` and of `utcctl`.
#![forbid(unsafe_code)]

pub mod account;
pub mod board;
pub mod chain;
pub mod clock_task;
pub mod config;
pub mod connections;
pub mod control;
pub mod daemon;
pub mod drift;
pub mod event;
pub mod gpsd;
pub mod host_clock;
pub mod http;
pub mod interfaces;
mod latency;
pub mod leap;
pub mod logging;
pub mod metrics;
mod missing;
pub mod net;
pub mod nmea;
pub mod output;
pub mod pulse_input;
pub mod record;
pub mod render;
pub mod serve_ntp;
pub mod service;
pub mod sock_sample;
pub mod source;
pub mod status;
pub mod suspends;
pub mod view;
