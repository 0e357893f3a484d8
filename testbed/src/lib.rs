//! Simulated clocks and networks that run the code of the daemon, and know the truth.
//!
//! A [`world`] is one host with its [`oscillator`], [`server`]s and the [`network`]
//! between them. What it shows each second, [`measure`] makes figures of. A [`scenario`]
//! is a world in a file, with a budget for its figures; the [`matrix`] is the table of
//! conditions in which utcd is compared with its peers, and the [`limit`] is
//! what could be reached there.
//!
//! Nothing here reads a clock or draws randomness from outside: a seed gives the same
//! figures, to the last bit, on every run.
#![forbid(unsafe_code)]

pub mod bench;
pub mod events;
pub mod limit;
pub mod matrix;
pub mod measure;
pub mod network;
pub mod oscillator;
pub mod parallel;
pub mod quantity;
pub mod random;
pub mod scenario;
pub mod series;
pub mod server;
pub mod world;
