//! From comparisons to an estimate: offset and frequency of a reference against the
//! free-running time base of a clock, with the noise they live in.
//!
//! One [`Estimator`] serves one edge of the clock graph. It learns the floor of the
//! path, the queueing delay in each direction and the wander of the oscillator by
//! itself; nothing is to be tuned.

mod combine;
mod envelope;
mod filter;
mod queueing;

use crate::comparison::{Comparison, Reading};
use crate::time::{Duration, Free, Timestamp};

pub use combine::combine;
use envelope::Envelope;
use filter::{Filter, Way};
use queueing::{Posterior, Queueing};

/// Hypotheses of the oscillator's random-walk frequency noise, per √s: from an oven
/// oscillator to a PC crystal in a draught.
const WANDERS: [f64; 7] = [1e-10, 3e-10, 1e-9, 3e-9, 1e-8, 3e-8, 1e-7];
/// What is remembered of the evidence for a hypothesis, per packet.
const EVIDENCE_MEMORY: f64 = 0.99;
/// Packets of one direction in a row that contradict the belief before it is given up.
const CONTRADICTIONS: u32 = 4;
/// Exchanges that must all come late before the floor of the path is taken to have
/// risen, and by how many mean queueing delays each. Were the floor the old one, this
/// would happen once in 10⁸ exchanges.
const LATE_EXCHANGES: usize = 12;
const LATE_BY: f64 = 3.0;
/// How much the floor may move with each packet, in mean queueing delays: enough to
/// follow a slow change of the path, little enough to keep what was learnt.
const FLOOR_UNREST: f64 = 0.003;
/// Comparisons before an estimate is given.
const WARM_UP: u64 = 4;
/// What is known of the frequency of an unknown oscillator: standard deviation, ratio.
const UNKNOWN_FREQUENCY: f64 = 100e-6;

/// Offset and frequency of a reference against a time base, at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// When, in the free-running time base.
    pub at: Timestamp<Free>,
    /// Reference (as TAI) less time base.
    pub offset: Duration,
    /// Standard deviation of the offset, s, of Type A: asymmetry is not in it.
    pub offset_deviation: f64,
    /// Frequency of the reference against the time base, ratio − 1: positive when the
    /// time base is slow.
    pub frequency: f64,
    /// Standard deviation of the frequency, ratio.
    pub frequency_deviation: f64,
    /// Covariance of offset and frequency, s.
    pub covariance: f64,
    /// Random walk of the frequency, per √s.
    pub wander: f64,
    /// Half-width within which the offset lies if the reference is true, s: what the
    /// packets allow at all, whatever the delays were.
    pub bound: f64,
    /// Floor of the round-trip delay, s.
    pub delay_floor: f64,
    /// Mean round-trip queueing delay above the floor, s.
    pub jitter: f64,
}

impl Estimate {
    /// The same estimate, carried to another time by its frequency; its deviations and
    /// its bound grow as the frequency deviation and the wander make them.
    #[must_use]
    pub fn carried_to(&self, at: Timestamp<Free>) -> Self {
        let dt = (at - self.at).seconds();
        let t = dt.abs();
        let q = self.wander * self.wander;
        let yy = self.frequency_deviation * self.frequency_deviation;
        let xx = self.offset_deviation * self.offset_deviation
            + 2.0 * self.covariance * dt
            + yy * t * t
            + q * t * t * t / 3.0;
        let drift = Duration::from_seconds(self.frequency * dt).unwrap_or(Duration::ZERO);
        Self {
            at,
            offset: self.offset + drift,
            offset_deviation: xx.max(0.0).sqrt(),
            covariance: self.covariance + yy * dt + q * t * t / 2.0,
            frequency_deviation: (yy + q * t).sqrt(),
            bound: self.bound + envelope::drift(self.frequency_deviation, self.wander, t),
            ..*self
        }
    }
}

/// How a comparison fitted what was known before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// What the estimate moved by, s.
    pub correction: f64,
    /// Standard deviation of the offset before, s.
    pub expected: f64,
    /// True if the comparison made the estimator give up what it believed: the
    /// reference, the path or the clock has changed.
    pub restarted: bool,
}

/// The estimator of one edge.
#[derive(Debug, Clone)]
pub struct Estimator {
    prior_frequency: (f64, f64),
    last: [Option<Timestamp<Free>>; 2],
    pending: Comparison,
    tracking: Option<Tracking>,
    comparisons: u64,
}

/// The belief once there is one.
#[derive(Debug, Clone)]
struct Tracking {
    /// Differences are kept relative to this one, so that a float holds them.
    anchor: Duration,
    at: Timestamp<Free>,
    bank: Vec<Hypothesis>,
    /// Of packets from the reference, and of those to it.
    paths: [Path; 2],
    /// Round-trip queueing delays of the last exchanges, s, oldest overwritten first.
    late: [f64; LATE_EXCHANGES],
    exchanges: usize,
    envelope: Envelope,
}

/// One direction of the path.
#[derive(Debug, Clone)]
struct Path {
    queueing: Queueing,
    /// What the last packet is believed to have waited, s.
    last_delay: f64,
    /// Packets in a row that contradicted the belief.
    contradictions: u32,
}

#[derive(Debug, Clone)]
struct Hypothesis {
    filter: Filter,
    /// Logarithm of the evidence, relative to the best.
    evidence: f64,
}

impl Estimator {
    /// With what is known of the frequency of the reference against the time base and
    /// its standard deviation (ratios), for example from a drift file.
    #[must_use]
    pub fn new(frequency: Option<(f64, f64)>) -> Self {
        Self {
            prior_frequency: frequency.unwrap_or((0.0, UNKNOWN_FREQUENCY)),
            last: [None; 2],
            pending: Comparison {
                from_reference: None,
                to_reference: None,
                stamp_uncertainty: 0.0,
                upstream: crate::comparison::Upstream::default(),
            },
            tracking: None,
            comparisons: 0,
        }
    }

    /// Takes a comparison in. A reading that was taken in before is passed over, so the
    /// same message may come in two comparisons.
    pub fn update(&mut self, comparison: &Comparison) -> Option<Fit> {
        let from = self.fresh(0, comparison.from_reference);
        let to = self.fresh(1, comparison.to_reference);
        if from.is_none() && to.is_none() {
            return None;
        }
        let noise = comparison.stamp_uncertainty.max(1e-10);
        let Some(tracking) = &mut self.tracking else {
            self.start(from, to, noise);
            return None;
        };
        self.comparisons += 1;
        let mut readings =
            [from.map(|r| (Way::FromReference, r)), to.map(|r| (Way::ToReference, r))];
        readings.sort_by_key(|r| r.map(|(_, reading)| reading.at));
        let before = tracking.estimate();
        for (way, reading) in readings.into_iter().flatten() {
            tracking.take(way, reading, noise);
        }
        let after = tracking.estimate();
        let predicted = before.carried_to(after.at);
        let restarted = tracking.is_contradicted();
        if restarted {
            let doubt = (10.0 * after.frequency_deviation).clamp(1e-7, UNKNOWN_FREQUENCY);
            self.prior_frequency = (after.frequency, doubt);
            self.tracking = None;
            self.comparisons = 0;
            self.start(from, to, noise);
        }
        Some(Fit {
            correction: (after.offset - predicted.offset).seconds(),
            expected: predicted.offset_deviation,
            restarted,
        })
    }

    /// The estimate at the last reading, once there were enough.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        self.tracking.as_ref().filter(|_| self.comparisons >= WARM_UP).map(Tracking::estimate)
    }

    fn fresh(&mut self, way: usize, reading: Option<Reading>) -> Option<Reading> {
        let reading = reading?;
        if self.last[way].is_some_and(|last| reading.at <= last) {
            return None;
        }
        self.last[way] = Some(reading.at);
        Some(reading)
    }

    /// Collects one reading of each way, then begins to track.
    fn start(&mut self, from: Option<Reading>, to: Option<Reading>, noise: f64) {
        self.pending.from_reference = from.or(self.pending.from_reference);
        self.pending.to_reference = to.or(self.pending.to_reference);
        let Some(exchange) = self.pending.two_way(self.prior_frequency.0) else { return };
        self.pending.from_reference = None;
        self.pending.to_reference = None;
        let delay = exchange.delay.max(noise);
        let path =
            Path { queueing: Queueing::new(delay / 4.0), last_delay: 0.0, contradictions: 0 };
        let hypothesis = |wander| Hypothesis {
            filter: Filter::new(0.0, delay, self.prior_frequency, wander),
            evidence: 0.0,
        };
        self.tracking = Some(Tracking {
            anchor: exchange.difference,
            at: exchange.at,
            bank: WANDERS.into_iter().map(hypothesis).collect(),
            paths: [path.clone(), path],
            late: [0.0; LATE_EXCHANGES],
            exchanges: 0,
            envelope: Envelope::new(delay / 2.0 + noise),
        });
        self.comparisons = 1;
    }
}

impl Tracking {
    fn take(&mut self, way: Way, reading: Reading, noise: f64) {
        let dt = (reading.at - self.at).seconds();
        self.at = reading.at;
        let difference = (reading.difference - self.anchor).seconds();
        let before = self.estimate();
        let path = &mut self.paths[way as usize];
        let mut best: Option<(f64, Posterior)> = None;
        for hypothesis in &mut self.bank {
            hypothesis.filter.advance(dt);
            hypothesis.filter.loosen_floor(FLOOR_UNREST * path.queueing.typical());
            let posterior = hypothesis.filter.update(way, difference, noise, &path.queueing);
            hypothesis.evidence = EVIDENCE_MEMORY * hypothesis.evidence + posterior.log_likelihood;
            if best.is_none_or(|(evidence, _)| hypothesis.evidence > evidence) {
                best = Some((hypothesis.evidence, posterior));
            }
        }
        if let Some((evidence, posterior)) = best {
            self.bank.iter_mut().for_each(|h| h.evidence -= evidence);
            path.learn(&posterior);
        }
        if way == Way::FromReference {
            self.watch_floor();
        }
        self.envelope.advance(dt, before.frequency, before.frequency_deviation, before.wander);
        self.envelope.narrow(way, difference, noise);
    }

    /// A path whose floor has risen shows every packet late, and only then. Without
    /// this the estimate would keep to the old floor, with the offset anywhere between.
    fn watch_floor(&mut self) {
        self.late[self.exchanges % LATE_EXCHANGES] =
            self.paths.iter().map(|path| path.last_delay).sum();
        self.exchanges += 1;
        let typical: f64 = self.paths.iter().map(|path| path.queueing.typical()).sum();
        let least = self.late.iter().copied().fold(f64::INFINITY, f64::min);
        if least > LATE_BY * typical {
            self.bank.iter_mut().for_each(|h| h.filter.raise_floor(least / 2.0));
            self.late = [0.0; LATE_EXCHANGES];
        }
    }

    fn is_contradicted(&self) -> bool {
        self.paths.iter().any(|path| path.contradictions >= CONTRADICTIONS)
    }

    fn estimate(&self) -> Estimate {
        let total: f64 = self.bank.iter().map(|h| h.evidence.exp()).sum();
        let mean = |of: fn(&Filter) -> f64| -> f64 {
            self.bank.iter().map(|h| h.evidence.exp() / total * of(&h.filter)).sum()
        };
        let (x, y) = (mean(Filter::offset), mean(Filter::frequency));
        let mut variances = [0.0; 3];
        for h in &self.bank {
            let weight = h.evidence.exp() / total;
            let (dx, dy) = (h.filter.offset() - x, h.filter.frequency() - y);
            let spread = [dx * dx, dx * dy, dy * dy];
            for (sum, (own, between)) in
                variances.iter_mut().zip(h.filter.variances().into_iter().zip(spread))
            {
                *sum += weight * (own + between);
            }
        }
        let offset_deviation = variances[0].sqrt();
        Estimate {
            at: self.at,
            offset: self.anchor + Duration::from_seconds(x).unwrap_or(Duration::ZERO),
            offset_deviation,
            frequency: y,
            frequency_deviation: variances[2].sqrt(),
            covariance: variances[1],
            wander: mean(|f| f.wander().ln()).exp(),
            bound: self.envelope.half_width(x).max(3.0 * offset_deviation),
            delay_floor: 2.0 * mean(Filter::floor),
            jitter: self.paths.iter().map(|path| path.queueing.mean()).sum(),
        }
    }
}

impl Path {
    fn learn(&mut self, packet: &Posterior) {
        self.queueing.learn(packet);
        self.last_delay = packet.mean;
        let contradicts = packet.uninformative > 0.5;
        self.contradictions = if contradicts { self.contradictions + 1 } else { 0 };
    }
}

#[cfg(test)]
mod tests;
