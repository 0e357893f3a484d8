//! Simulated clocks and networks that run the code of the daemon.
#![forbid(unsafe_code)]
fn main() {}
