//! Simulated clocks and networks that run the code of the daemon, and know the truth.
//!
//! A [`world`] is a host with its [`oscillator`], NTP [`server`]s or PTP [`master`]s and
//! the [`network`] between them, or a chain of such hosts. What it shows each second, [`measure`] makes figures of. A [`scenario`]
//! is a world in a file, with a budget for its figures; the [`matrix`] is the table of
//! conditions in which utcd is compared with its peers, and the [`limit`] is
//! what could be reached there.
//!
//! Nothing here reads a clock or draws randomness from outside: a seed gives the same
//! figures, to the last bit, on every run.
#![forbid(unsafe_code)]

pub mod bench;
pub mod compare;
pub mod events;
pub mod grid;
pub mod leap;
pub mod limit;
pub mod master;
pub mod matrix;
pub mod measure;
pub mod network;
pub mod oscillator;
pub mod parallel;
pub mod plot;
pub mod profile;
pub mod quantity;
pub mod random;
pub mod readers;
pub mod recording;
pub mod report;
pub mod results;
pub mod scenario;
pub mod series;
pub mod server;
pub mod table;
pub mod vm;
pub mod world;
