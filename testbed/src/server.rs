//! Servers that are right, and servers that are not.

use clock_models::time::{Duration, LeapTable, Tai, Timestamp, Utc};
use ntp::packet::{Header, LeapIndicator, ReferenceId};
use ntp::server::{Dropped, ServerState, Synchronised, respond};
use serde::Deserialize;

use crate::quantity::{Ratio, Seconds};

/// How long a server works on a request.
const TURNAROUND: Duration = Duration::from_nanos(10_000);
/// Precision that servers state, log2 s: 1 ns.
const PRECISION: i8 = -30;

/// What is wrong with a server. Times are since the start of the simulation.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Fault {
    /// Its time is wrong by a constant.
    Lie {
        /// Positive: it is fast.
        by: Seconds,
    },
    /// Its time jumps.
    Step {
        /// When.
        at: Seconds,
        /// Positive: forward.
        by: Seconds,
    },
    /// Its frequency is wrong.
    Drift {
        /// From when on.
        from: Seconds,
        /// Positive: it is fast.
        rate: Ratio,
    },
    /// Its clock stands still.
    Freeze {
        /// When.
        at: Seconds,
    },
    /// It answers no more.
    Die {
        /// When.
        at: Seconds,
    },
}

/// An answer on its way.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// When it leaves, true time.
    pub leaves: Timestamp<Tai>,
    /// What travels.
    pub bytes: [u8; Header::LEN],
}

/// A primary server: the code of the daemon's, on a clock of its own.
#[derive(Debug, Clone)]
pub struct Server {
    start: Timestamp<Tai>,
    faults: Vec<Fault>,
}

impl Server {
    /// A server that knows the true time, but for its faults.
    #[must_use]
    pub fn new(start: Timestamp<Tai>, faults: Vec<Fault>) -> Self {
        Self { start, faults }
    }

    /// What its clock shows at a true time.
    #[must_use]
    pub fn clock(&self, now: Timestamp<Tai>) -> Timestamp<Tai> {
        let elapsed = (now - self.start).seconds();
        let error: f64 = self.faults.iter().map(|fault| fault.error(elapsed)).sum();
        now + Duration::from_seconds(error).unwrap_or(Duration::ZERO)
    }

    /// Answers a request that comes in at a true time; `None` if it is dead.
    ///
    /// # Errors
    /// Why the request gets no answer.
    pub fn answer(
        &self,
        request: &[u8],
        now: Timestamp<Tai>,
        leap: &LeapTable,
    ) -> Result<Option<Answer>, Dropped> {
        let elapsed = (now - self.start).seconds();
        if self.faults.iter().any(|f| matches!(f, Fault::Die { at } if elapsed >= at.0)) {
            return Ok(None);
        }
        let utc = |at| leap.to_utc(self.clock(at)).timestamp;
        let response = respond(request, utc(now), &state(utc(now)))?;
        let leaves = now + TURNAROUND;
        Ok(Some(Answer { leaves, bytes: response.finish(utc(leaves)) }))
    }
}

impl Fault {
    /// What it makes the clock show too much, s.
    fn error(&self, elapsed: f64) -> f64 {
        match *self {
            Self::Lie { by } => by.0,
            Self::Step { at, by } if elapsed >= at.0 => by.0,
            Self::Drift { from, rate } => rate.0 * (elapsed - from.0).max(0.0),
            Self::Freeze { at } => -(elapsed - at.0).max(0.0),
            Self::Step { .. } | Self::Die { .. } => 0.0,
        }
    }
}

fn state(now: Timestamp<Utc>) -> ServerState {
    ServerState {
        precision: PRECISION,
        synchronised: Some(Synchronised {
            leap: LeapIndicator::NoWarning,
            stratum: 1,
            root_delay: 0.0,
            root_dispersion: 0.0,
            reference_id: ReferenceId::from_bytes(*b"TRUE"),
            reference_time: now,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_show_on_the_clock_from_their_time_on() {
        let start = Timestamp::from_secs(1000);
        let s = Seconds;
        let error = |faults: &[Fault], elapsed: i64| {
            let now = start + Duration::from_secs(elapsed);
            (Server::new(start, faults.to_vec()).clock(now) - now).seconds()
        };
        let step = Fault::Step { at: s(10.0), by: s(0.5) };
        assert_eq!([9, 10].map(|t| error(&[step], t)), [0.0, 0.5]);
        let drift = Fault::Drift { from: s(10.0), rate: Ratio(1e-3) };
        assert_eq!([5, 20].map(|t| error(&[drift], t)), [0.0, 0.01]);
        let frozen = Fault::Freeze { at: s(10.0) };
        assert_eq!([10, 15].map(|t| error(&[frozen], t)), [0.0, -5.0]);
        assert_eq!(error(&[Fault::Lie { by: s(-1.0) }, step], 20), -0.5);
    }

    #[test]
    fn a_dead_server_answers_nothing() {
        let start = Timestamp::from_secs(1_000_000_000);
        let server = Server::new(start, vec![Fault::Die { at: Seconds(10.0) }]);
        let request = Header::blank(ntp::packet::Version::V4, ntp::packet::Mode::Client).emit();
        let leap = LeapTable::built_in();
        let answer = |t| server.answer(&request, start + Duration::from_secs(t), &leap).unwrap();
        assert!(answer(9).is_some() && answer(10).is_none());
    }
}
