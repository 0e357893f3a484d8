//! The port against scripted masters.

mod comparisons;
mod faults;
mod fuzz;
mod masters;
mod pair;
mod peer;
mod source;
