//! What every protocol and device makes: a comparison of two clocks.

use crate::time::{Duration, Free, Timestamp};

/// One message or pulse that was stamped by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When it passed this host, in the free-running time base of the clock.
    pub at: Timestamp<Free>,
    /// The reference's stamp (as TAI) less `at`.
    pub difference: Duration,
}

/// A comparison of a clock with a reference, as a protocol delivers it.
///
/// A message takes time to travel, so each direction bounds the true difference
/// from one side: one that came *from* the reference shows it too small, one that
/// went *to* the reference too large, by the delay of that path. An NTP exchange has
/// both; PTP delivers them one at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The message that came from the reference.
    pub from_reference: Option<Reading>,
    /// The message that went to the reference.
    pub to_reference: Option<Reading>,
    /// Standard uncertainty of the time stamps of this host together, s.
    pub stamp_uncertainty: f64,
    /// What the reference says of itself.
    pub upstream: Upstream,
}

/// What a reference states about its own way to its origin.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Upstream {
    /// Round-trip delay from the reference to its primary reference, s, ≥ 0.
    pub root_delay: f64,
    /// Maximum error of the reference besides half that delay, s, ≥ 0.
    pub root_dispersion: f64,
    /// It is itself kept by comparisons with another clock over a network: stratum above
    /// 1, stepsRemoved above 0.
    pub follows: bool,
}

impl Comparison {
    /// When the newer one of its messages passed this host.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp<Free>> {
        let readings = [self.from_reference, self.to_reference];
        readings.into_iter().flatten().map(|reading| reading.at).max()
    }

    /// Both directions together, brought to one instant with the frequency of the
    /// reference against the time base (ratio − 1), or `None` if one is missing.
    #[must_use]
    pub fn two_way(&self, frequency: f64) -> Option<TwoWay> {
        let (down, up) = (self.from_reference?, self.to_reference?);
        let apart = (down.at - up.at).seconds();
        // What the difference drifted between the two messages.
        let drift = Duration::from_seconds(apart * frequency)?;
        let up_difference = up.difference + drift;
        Some(TwoWay {
            at: down.at,
            difference: down.difference + (up_difference - down.difference) / 2,
            delay: (up_difference - down.difference).seconds(),
        })
    }
}

/// A comparison freed of the symmetrical part of the delay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoWay {
    /// When, in the free-running time base of the clock.
    pub at: Timestamp<Free>,
    /// Reference (as TAI) less time base, exact if both ways took equally long and
    /// off by half of the delay at most.
    pub difference: Duration,
    /// Round-trip delay, s.
    pub delay: f64,
}

/// Who took a time stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StampedBy {
    /// The program, around the system call: scheduling delays are in it.
    UserSpace,
    /// The kernel, as the packet passed the driver.
    Kernel,
    /// The network interface.
    Hardware,
}

/// When a packet left or reached this host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stamp {
    /// In the free-running time base of the clock.
    pub at: Timestamp<Free>,
    /// Standard uncertainty of `at`, s.
    pub uncertainty: f64,
    /// Who took it.
    pub by: StampedBy,
}
