//! Servers that are right, and servers that are not.

use clock_models::standing::Standing;
use clock_models::time::{Duration, LeapTable, Tai, Timestamp, Utc};
use ntp::packet::{Header, ReferenceId};
use ntp::server::{Dropped, ServerState, Synchronised, leap_indicator, respond};
use serde::Deserialize;

use crate::quantity::{Ratio, Seconds};

/// How long a server works on a request, and a master on a Follow_Up.
pub const TURNAROUND: Duration = Duration::from_nanos(10_000);
/// Precision that servers state, log2 s: 1 ns.
const PRECISION: i8 = -30;
/// What a primary server states.
const PRIMARY: Standing = Standing { stratum: 1, root_delay: 0.0, root_dispersion: 0.0 };

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

/// The clock of a server at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Served {
    /// What it shows now.
    pub now: Timestamp<Tai>,
    /// What it shows after [`TURNAROUND`].
    pub then: Timestamp<Tai>,
    /// How far it is from its primary reference.
    pub standing: Standing,
}

/// A primary server: one that knows the true time, but for its faults.
#[derive(Debug, Clone)]
pub struct Server {
    start: Timestamp<Tai>,
    faults: Vec<Fault>,
}

impl Server {
    /// A server of a simulation that begins at `start`.
    #[must_use]
    pub fn new(start: Timestamp<Tai>, faults: Vec<Fault>) -> Self {
        Self { start, faults }
    }

    /// Its clock at a true time; `None` if it is dead.
    #[must_use]
    pub fn serve(&self, now: Timestamp<Tai>) -> Option<Served> {
        let elapsed = (now - self.start).seconds();
        if self.faults.iter().any(|f| matches!(f, Fault::Die { at } if elapsed >= at.0)) {
            return None;
        }
        let (now, then) = (self.clock(now), self.clock(now + TURNAROUND));
        Some(Served { now, then, standing: PRIMARY })
    }

    fn clock(&self, now: Timestamp<Tai>) -> Timestamp<Tai> {
        let elapsed = (now - self.start).seconds();
        let error: f64 = self.faults.iter().map(|fault| fault.error(elapsed)).sum();
        now + Duration::from_seconds(error).unwrap_or(Duration::ZERO)
    }
}

impl Served {
    /// Answers an NTP request that comes in now, with the code of the daemon.
    ///
    /// # Errors
    /// Why the request gets no answer.
    pub fn answer(&self, request: &[u8], leap: &LeapTable) -> Result<[u8; Header::LEN], Dropped> {
        let utc = |at| leap.to_utc(at).timestamp;
        let state = self.ntp_state(utc(self.now), leap);
        Ok(respond(request, utc(self.now), &state)?.finish(utc(self.then)))
    }

    fn ntp_state(&self, now: Timestamp<Utc>, leap: &LeapTable) -> ServerState {
        let Standing { stratum, root_delay, root_dispersion } = self.standing;
        ServerState {
            precision: PRECISION,
            synchronised: Some(Synchronised {
                leap: leap_indicator(leap, now),
                stratum,
                root_delay,
                root_dispersion,
                reference_id: ReferenceId::from_bytes(*b"TRUE"),
                reference_time: now,
            }),
        }
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

#[cfg(test)]
mod tests {
    use clock_models::time::{NtpTimestamp, UtcReading};
    use ntp::packet::{LeapIndicator, Mode, Version};

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
    fn a_dead_server_serves_nothing() {
        let start = Timestamp::from_secs(1_000_000_000);
        let server = Server::new(start, vec![Fault::Die { at: Seconds(10.0) }]);
        let served = |t| server.serve(start + Duration::from_secs(t));
        assert!(served(9).is_some() && served(10).is_none());
    }

    #[test]
    fn an_answer_has_the_time_of_the_clock_and_the_leap_second_to_come() {
        let leap = LeapTable::built_in();
        let eve = Timestamp::from_date(2016, 12, 31).unwrap();
        let now = leap.to_tai(UtcReading { timestamp: eve, in_leap_second: false });
        let served = Server::new(now, Vec::new()).serve(now).unwrap();
        let request = Header::blank(Version::V4, Mode::Client).emit();
        let answer = Header::parse(&served.answer(&request, &leap).unwrap()).unwrap();
        assert_eq!((answer.stratum, answer.leap), (1, LeapIndicator::Insert));
        assert_eq!(answer.receive, NtpTimestamp::from_utc(eve));
        assert_eq!(answer.transmit, NtpTimestamp::from_utc(eve + TURNAROUND));
        assert!(served.answer(&[0; 48], &leap).is_err());
    }
}
