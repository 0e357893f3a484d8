//! A server as a source of time: the association with it and the estimate of its edge.
//!
//! What comes between the packets of one server and the keeper of a clock is here, so
//! that the daemon and the testbed cannot differ in it.

use std::net::IpAddr;

use clock_models::comparison::{Stamp, Upstream};
use clock_models::estimator::Estimator;
use clock_models::keeper::{Edge, Terms};
use clock_models::selection::{SourceId, Unusable};
use clock_models::time::{Free, LeapTable, Timestamp, Utc};

use crate::client::{Answer, Client, ClientConfig, ConfigError, Rejection, TransmitToken, Wake};
use crate::packet::ReferenceId;

/// What the oscillator may add to the deviation of the offset from one exchange to the
/// next, as a part of it and a third of what is tolerated: below that the interval may
/// grow. Where much is added, every exchange is needed; where little is, dozens of them
/// are averaged, and half as many cost little.
const GROWTH: f64 = 0.01;
/// The first exchange finds the way to the server: addresses are resolved (ARP, ND), caches
/// filled, on one side more than on the other. It is given up if the second one is faster by
/// this part, beyond three times the doubt about the stamps.
const FASTER: f64 = 0.1;
/// Requests that a burst goes on for when the mode changes: an estimate takes four answers.
const MODE_CHANGE: u8 = 3;
/// Stratum of a server that has not said anything yet (RFC 5905 figure 11).
const UNSYNCHRONISED: u8 = 16;

/// An exchange was completed and taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct News {
    /// The estimator gave up what it believed: the server's time, the path or the clock
    /// has changed.
    pub restarted: bool,
    /// The estimator was begun anew, with this exchange: those before it are not to be compared
    /// with it.
    pub begun_anew: bool,
}

/// One server at one address.
#[derive(Debug)]
pub struct Source {
    client: Client,
    /// What was known of the frequency at the start.
    prior: Option<(f64, f64)>,
    estimator: Estimator,
    /// The mode of the answers that it has taken in.
    interleaved: bool,
    /// It has taken in an answer.
    taken: bool,
    /// The delay of the answer that the estimator began with, s, while that is the only one.
    first_delay: Option<f64>,
    last_failure: Option<Rejection>,
}

impl Source {
    /// A source that has not been asked yet. `frequency` is what is known of the
    /// frequency of TAI against the time base, and its standard deviation (ratios).
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(
        config: ClientConfig,
        frequency: Option<(f64, f64)>,
        now: Timestamp<Free>,
    ) -> Result<Self, ConfigError> {
        let client = Client::new(config, now)?;
        Ok(Self {
            client,
            prior: frequency,
            estimator: Estimator::new(frequency),
            interleaved: false,
            taken: false,
            first_delay: None,
            last_failure: None,
        })
    }

    /// What an estimator of this source begins with: the frequency of TAI against the time
    /// base, and its standard deviation (ratios).
    #[must_use]
    pub const fn prior(&self) -> Option<(f64, f64)> {
        self.prior
    }

    /// The association.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The estimator of the edge.
    #[must_use]
    pub const fn estimator(&self) -> &Estimator {
        &self.estimator
    }

    /// Why the last exchange came to nothing, if it did.
    #[must_use]
    pub const fn last_failure(&self) -> Option<Rejection> {
        self.last_failure
    }

    /// See [`Client::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Timestamp<Free>, random: [u64; 2]) -> Wake {
        let wake = self.client.handle_timeout(now, random);
        self.last_failure = wake.failed.or(self.last_failure);
        wake
    }

    /// See [`Client::handle_transmitted`]. `None` while the answer is still to come.
    ///
    /// # Errors
    /// Why the exchange that is now complete is of no use.
    pub fn handle_transmitted(
        &mut self,
        token: TransmitToken,
        transmit: Stamp,
    ) -> Result<Option<News>, Rejection> {
        let answer = self.client.handle_transmitted(token, transmit);
        self.take(answer)
    }

    /// See [`Client::handle_response`]. `None` while the transmit time stamp is still to
    /// come.
    ///
    /// # Errors
    /// Why the packet is of no use.
    pub fn handle_response(
        &mut self,
        bytes: &[u8],
        receive: Stamp,
        near: Timestamp<Utc>,
        leap: &LeapTable,
    ) -> Result<Option<News>, Rejection> {
        let answer = self.client.handle_response(bytes, receive, near, leap);
        self.take(answer)
    }

    fn take(
        &mut self,
        answer: Result<Option<Answer>, Rejection>,
    ) -> Result<Option<News>, Rejection> {
        let answer = answer.inspect_err(|reason| self.last_failure = Some(*reason))?;
        let Some(answer) = answer else { return Ok(None) };
        self.last_failure = None;
        let begun_anew = self.begins_anew(&answer);
        let before = self.estimator.estimate();
        let fit = self.estimator.update(&answer.comparison);
        if let Some((fit, before)) = fit.zip(before) {
            let deviation = before.offset_deviation;
            self.client.handle_fit(fit.expected - deviation, GROWTH * deviation);
        }
        Ok(Some(News { restarted: fit.is_some_and(|fit| fit.restarted), begun_anew }))
    }

    /// Gives up what the estimator has taken in where `answer` shows that it is of no use.
    fn begins_anew(&mut self, answer: &Answer) -> bool {
        let first = self.first_delay.take();
        let is_first = !std::mem::replace(&mut self.taken, true);
        let mode_changed = self.interleaved != answer.interleaved;
        // What a departure was taken to be is wrong in another way in each mode.
        let useless = if mode_changed {
            MODE_CHANGE
        } else {
            u8::from(first.is_some_and(|first| is_faster(answer, first)))
        };
        if useless > 0 {
            self.interleaved = answer.interleaved;
            self.estimator = Estimator::new(self.prior);
            self.client.prolong_burst(useless);
        }
        if is_first || useless > 0 {
            self.first_delay = Some(answer.delay);
        }
        useless > 0
    }

    /// The edge of the clock graph as it stands. `own` is the address of this host as
    /// the server sees it: a server that follows it makes a loop.
    #[must_use]
    pub fn edge(&self, id: SourceId, terms: Terms, own: Option<IpAddr>) -> Edge {
        let answer = self.client.last_answer();
        let comparison = answer.map(|answer| answer.comparison);
        Edge {
            id,
            terms,
            estimate: self.estimator.estimate(),
            usable: self.usable(own),
            upstream: comparison.map_or_else(Upstream::default, |c| c.upstream),
            clock_accuracy: None,
            stratum: answer.map_or(UNSYNCHRONISED, |answer| answer.stratum),
            stamp_uncertainty: comparison.map_or(0.0, |c| c.stamp_uncertainty),
            upper: None,
        }
    }

    fn usable(&self, own: Option<IpAddr>) -> Result<(), Unusable> {
        match (self.client.reach(), self.client.last_answer()) {
            _ if self.last_failure.is_some_and(says_unsynchronised) => {
                Err(Unusable::Unsynchronised)
            }
            (_, None) => Err(Unusable::NeverHeard),
            (0, Some(_)) => Err(Unusable::Unreachable),
            (_, Some(answer)) if follows(answer, own) => Err(Unusable::Loop),
            _ if self.estimator.estimate().is_none() => Err(Unusable::Warming),
            _ => Ok(()),
        }
    }
}

/// The answer took clearly less than `before`, s.
fn is_faster(answer: &Answer, before: f64) -> bool {
    let doubt = 3.0 * answer.comparison.stamp_uncertainty;
    before - answer.delay > FASTER * answer.delay.abs() + doubt
}

fn says_unsynchronised(reason: Rejection) -> bool {
    matches!(reason, Rejection::Unsynchronised | Rejection::Stratum(_))
}

/// The server follows this host.
fn follows(answer: &Answer, own: Option<IpAddr>) -> bool {
    answer.stratum > 1 && own.map(ReferenceId::from_address) == Some(answer.reference_id)
}

#[cfg(test)]
mod tests;
