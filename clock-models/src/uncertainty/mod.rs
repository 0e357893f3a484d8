//! The uncertainty budget of a time offset, after JCGM 100:2008 (the GUM).
//!
//! A [`Budget`] answers two questions that must not be mixed up. The
//! [expanded uncertainty](Budget::expanded) U = k·u_c says how far off the offset
//! probably is; the [bound](Budget::bound) says how far off it can be: the bounds of all
//! components added, as NTP adds up its root distance (RFC 5905 section 10).

mod budget;
mod component;
mod correlated;
mod sources;
mod student;

pub use budget::{Budget, InvalidComponent, Total};
pub use component::{Component, Distribution, Evaluation, UNBOUNDED_MULTIPLE};
pub use correlated::Correlated;
pub use sources::FrequencyNoise;
pub use student::{coverage_factor, normal_coverage_factor};
