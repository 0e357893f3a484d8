//! Time scales, time stamps, durations and their wire formats.
//!
//! A [`Timestamp`] carries its scale in its type, so that a UTC and a TAI time
//! cannot be subtracted by mistake; only a [`LeapTable`] takes one into the other.

mod announcement;
mod duration;
mod leap;
mod timestamp;
mod wire;

pub use announcement::{Heard, Leap, LeapNotice, hear};
pub use duration::Duration;
pub use leap::{LeapEvent, LeapTable, LeapTableError, UtcReading};
pub use timestamp::{Free, Phc, Scale, Tai, Timestamp, Utc};
pub use wire::{NtpShort, NtpTimestamp, PtpTimestamp};
