//! From comparisons to an estimate: offset and frequency of a reference against the
//! free-running time base of a clock, with the noise they live in.
//!
//! One [`Estimator`] serves one edge of the clock graph. It learns the floor of the
//! path, the queueing delay in each direction and the wander of the oscillator by
//! itself; nothing is to be tuned.

mod bank;
mod combine;
mod envelope;
mod filter;
mod queueing;
mod recent;

use crate::comparison::{Comparison, Reading};
use crate::time::{Duration, Free, Timestamp};

use bank::Bank;
pub use combine::combine;
use envelope::Envelope;
use filter::Way;
use queueing::{Posterior, Queueing};
use recent::{First, Recent};

/// Packets of one direction in a row that contradict the belief before it is given up.
const CONTRADICTIONS: u32 = 4;
/// Nothing makes a packet early. One that is may be an accident of the noise; so many of
/// the last packets of one direction, each forgotten by a part of itself with each that
/// comes, show that the belief is wrong, even if others between them fit.
const EARLY_PACKETS: f64 = 3.0;
const EARLY_MEMORY: f64 = 64.0;
/// Exchanges that must all come late before the floor of the path is taken to have
/// risen, and by how many mean queueing delays each. Were the floor the old one, even
/// paths with a long tail would hardly ever show this.
const LATE_EXCHANGES: usize = 12;
const LATE_BY: f64 = 3.0;
/// How late the earliest of them must be, as a part of their mean: where the queues have
/// grown instead, some packets still come early.
const LATE_TOGETHER: f64 = 0.8;
/// Standard uncertainty of the finest time stamps, s.
const FINEST_STAMP: f64 = 1e-10;
/// By how much the Gaussian that stands for the belief is too wide where queues are long
/// against it: what one-sided delays leave has a blunt edge and thin tails, and lies within
/// two standard deviations more often than 95 times in 100. Measured over the cells of
/// `testbed matrix`.
const SURPLUS: f64 = 0.1;
/// The queues are long from here on, in standard deviations of the belief.
const LONG_QUEUES: f64 = 5.0;
/// How much more the first round trips scatter by the frequency that is known than by their own
/// if it is not theirs. Where that is chance, the start is one of which nothing is known.
const STRANGE: f64 = 4.0;
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
    /// Standard deviation of the floor, s.
    pub delay_floor_deviation: f64,
    /// Standard deviation of the offset that one exchange shows by itself, s.
    pub jitter: f64,
}

impl Estimate {
    /// The same estimate, carried to another time by its frequency; its deviations and
    /// its bound grow as the frequency deviation and the wander make them.
    #[must_use]
    pub fn carried_to(&self, at: Timestamp<Free>) -> Self {
        if at == self.at {
            return *self;
        }
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
    recent: Recent,
    tracking: Option<Tracking>,
}

/// The belief once there is one.
#[derive(Debug, Clone)]
struct Tracking {
    /// Differences are kept relative to this one, so that a float holds them.
    anchor: Duration,
    at: Timestamp<Free>,
    bank: Bank,
    /// Of packets from the reference, and of those to it.
    paths: [Path; 2],
    /// Round-trip queueing delays of the last exchanges, s, oldest overwritten first.
    late: [f64; LATE_EXCHANGES],
    exchanges: usize,
    envelope: Envelope,
    /// What it all comes to.
    estimate: Estimate,
}

/// One direction of the path.
#[derive(Debug, Clone, Copy, Default)]
struct Path {
    /// What the last packet is believed to have waited, s.
    last_delay: f64,
    contradiction: Option<Contradiction>,
    /// Packets that came too early, of about the last [`EARLY_MEMORY`].
    early: f64,
}

/// Packets in a row that contradict the belief.
#[derive(Debug, Clone, Copy)]
struct Contradiction {
    packets: u32,
    /// When the first one was.
    since: Timestamp<Free>,
    /// By how much the last one does, s.
    by: f64,
}

impl Estimator {
    /// With what is known of the frequency of the reference against the time base and
    /// its standard deviation (ratios), for example from a drift file.
    #[must_use]
    pub fn new(frequency: Option<(f64, f64)>) -> Self {
        Self {
            prior_frequency: frequency.unwrap_or((0.0, UNKNOWN_FREQUENCY)),
            recent: Recent::default(),
            tracking: None,
        }
    }

    /// Takes a comparison in. A reading that was taken in before is passed over, so the
    /// same message may come in two comparisons.
    pub fn update(&mut self, comparison: &Comparison) -> Option<Fit> {
        let begins = self.recent.is_filling();
        let fresh = self.recent.take(comparison);
        let noise = comparison.stamp_uncertainty.max(FINEST_STAMP);
        let follows = comparison.upstream.follows;
        let Some(tracking) = &mut self.tracking else {
            self.tracking = Tracking::start(&self.recent, self.prior_frequency, noise, follows);
            return None;
        };
        if fresh.iter().all(Option::is_none) {
            return None;
        }
        let before = tracking.estimate;
        // Few exchanges give an estimate, but say too little of the noise for the bank's search
        // to go on from there.
        let start = || Tracking::start(&self.recent, self.prior_frequency, noise, follows);
        match begins.then(start).flatten() {
            Some(anew) => *tracking = anew,
            None => tracking.take_all(fresh, noise, follows),
        }
        let after = tracking.estimate;
        let predicted = before.carried_to(after.at);
        let restarted =
            tracking.is_contradicted() && self.recent.is_since(tracking.contradicted_since());
        if restarted {
            let doubt = (10.0 * before.frequency_deviation).clamp(1e-7, UNKNOWN_FREQUENCY);
            let known = Some((before.frequency, doubt)).filter(|_| before.frequency.is_finite());
            let frequency = known.unwrap_or(self.prior_frequency);
            self.tracking = Tracking::start(&self.recent, frequency, noise, follows);
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
        self.tracking.as_ref().map(|tracking| tracking.estimate)
    }
}

impl Tracking {
    /// Begins with the last exchanges, once there are enough of them.
    fn start(recent: &Recent, frequency: (f64, f64), noise: f64, follows: bool) -> Option<Self> {
        // Messages may be as far apart as a second: at an unknown frequency that is no delay.
        let is_known = frequency.1 < UNKNOWN_FREQUENCY;
        let by_known = recent.first(is_known.then_some(frequency.0))?;
        let by_own = recent.first(None).filter(|own| is_stranger(own, &by_known, noise));
        let frequency = by_own.map_or(frequency, |_| (frequency.0, UNKNOWN_FREQUENCY));
        let first = by_own.unwrap_or(by_known);
        let [delay, jitter] = [first.delay, first.jitter].map(|s| s.max(noise));
        let (bank, envelope) =
            (Bank::new(delay, jitter, frequency), Envelope::new(delay / 2.0 + noise));
        let mut tracking = Self {
            anchor: first.anchor,
            at: first.at,
            estimate: estimate(&bank, &envelope, 0.0, first.anchor, first.at),
            bank,
            paths: [Path::default(); 2],
            late: [0.0; LATE_EXCHANGES],
            exchanges: 0,
            envelope,
        };
        for exchange in recent.exchanges() {
            tracking.take_all(exchange.map(Some), noise, follows);
        }
        Some(tracking)
    }

    /// Takes what is new of a comparison, from the reference and to it.
    fn take_all(&mut self, [from, to]: [Option<Reading>; 2], noise: f64, follows: bool) {
        let mut readings =
            [from.map(|r| (Way::FromReference, r)), to.map(|r| (Way::ToReference, r))];
        readings.sort_by_key(|r| r.map(|(_, reading)| reading.at));
        for (way, reading) in readings.into_iter().flatten() {
            self.take(way, reading, noise, follows);
        }
        self.estimate = estimate(&self.bank, &self.envelope, self.doubt(), self.anchor, self.at);
    }

    fn take(&mut self, way: Way, reading: Reading, noise: f64, follows: bool) {
        let dt = (reading.at - self.at).seconds();
        self.at = reading.at;
        let difference = (reading.difference - self.anchor).seconds();
        self.bank.advance(dt, follows);
        let packet = self.bank.take(way, difference, noise);
        self.paths[way as usize].note(&packet, reading.at);
        if way == Way::FromReference {
            self.watch_floor();
        }
        // The estimate's, not those of its best hypothesis: the spread between them counts.
        let Estimate { frequency, frequency_deviation, wander, .. } = self.estimate;
        self.envelope.advance(dt, frequency, frequency_deviation, wander);
        self.envelope.narrow(way, difference, noise);
    }

    /// A path whose floor has risen shows every packet late, and only then. Without
    /// this the estimate would keep to the old floor, with the offset anywhere between.
    fn watch_floor(&mut self) {
        self.late[self.exchanges % LATE_EXCHANGES] =
            self.paths.iter().map(|path| path.last_delay).sum();
        self.exchanges += 1;
        let typical: f64 = self.bank.centre().queueing.iter().map(Queueing::typical).sum();
        let least = self.late.iter().copied().fold(f64::INFINITY, f64::min);
        let mean = self.late.iter().sum::<f64>() / LATE_EXCHANGES as f64;
        if least > (LATE_BY * typical).max(LATE_TOGETHER * mean) {
            self.bank.raise_floor(least / 2.0);
            self.late = [0.0; LATE_EXCHANGES];
        }
    }

    /// Has the belief become untenable? One that is no number always is.
    fn is_contradicted(&self) -> bool {
        self.contradictions().any(|contradiction| contradiction.packets >= CONTRADICTIONS)
            || self.paths.iter().any(|path| path.early >= EARLY_PACKETS)
            || !self.estimate.frequency.is_finite()
    }

    /// When the first of the last packets was that all contradict the belief.
    fn contradicted_since(&self) -> Option<Timestamp<Free>> {
        self.contradictions().map(|contradiction| contradiction.since).min()
    }

    fn contradictions(&self) -> impl Iterator<Item = &Contradiction> {
        self.paths.iter().filter_map(|path| path.contradiction.as_ref())
    }

    /// How wrong the belief may be because packets contradict it, s. One that is late may
    /// have waited for once; one that is too early, or a second late one, shows that the
    /// reference, the path or the clock has changed.
    fn doubt(&self) -> f64 {
        let grave = self.contradictions().filter(|c| c.by < 0.0 || c.packets > 1);
        grave.map(|c| c.by.abs()).fold(0.0, f64::max)
    }
}

/// Whether the exchanges are of another frequency than is known: by their own one their round
/// trips are alike, and by the known one they are not.
fn is_stranger(by_own: &First, by_known: &First, noise: f64) -> bool {
    by_known.jitter > STRANGE * by_own.jitter.max(noise)
}

/// The mean of the hypotheses. Each is Gaussian; the mean has the spread between them.
fn estimate(
    bank: &Bank,
    envelope: &Envelope,
    doubt: f64,
    anchor: Duration,
    at: Timestamp<Free>,
) -> Estimate {
    let (mut total, mut sums) = (0.0, [0.0; 8]);
    // Relative to the best, so that the squares do not cancel.
    let best = &bank.centre().filter;
    for (weight, hypothesis) in bank.weighted() {
        let filter = &hypothesis.filter;
        let [dx, dy] = [filter.offset() - best.offset(), filter.frequency() - best.frequency()];
        let df = filter.floor() - best.floor();
        let ([xx, xy, yy], ff) = (filter.variances(), filter.floor_variance());
        let steps = hypothesis.wander_steps();
        let moments = [dx, dy, xx + dx * dx, xy + dx * dy, yy + dy * dy, df, ff + df * df, steps];
        total += weight;
        sums.iter_mut().zip(moments).for_each(|(sum, moment)| *sum += weight * moment);
    }
    let [dx, dy, xx, xy, yy, df, ff, steps] = sums.map(|sum| sum / total);
    let x = best.offset() + dx;
    let believed = (xx - dx * dx).sqrt();
    let offset_deviation = (believed * (1.0 - surplus(bank, believed))).hypot(doubt);
    let [down, up] = bank.centre().queueing.each_ref().map(Queueing::deviation);
    Estimate {
        at,
        offset: anchor + Duration::from_seconds(x).unwrap_or(Duration::ZERO),
        offset_deviation,
        frequency: best.frequency() + dy,
        frequency_deviation: (yy - dy * dy).sqrt(),
        covariance: xy - dx * dy,
        wander: bank::wander(steps),
        bound: envelope.half_width(x).max(3.0 * offset_deviation),
        delay_floor: 2.0 * (best.floor() + df),
        delay_floor_deviation: 2.0 * (ff - df * df).sqrt(),
        jitter: down.hypot(up) / 2.0,
    }
}

/// The part of the standard deviation of the belief that is too much: see [`SURPLUS`].
fn surplus(bank: &Bank, believed: f64) -> f64 {
    let one_sided = bank.centre().queueing.iter().filter(|queueing| queueing.is_one_sided());
    let queues = one_sided.map(Queueing::typical).sum::<f64>() / 2.0;
    SURPLUS * queues / (queues + LONG_QUEUES * believed)
}

impl Path {
    fn note(&mut self, packet: &Posterior, at: Timestamp<Free>) {
        self.last_delay = packet.mean;
        let (before, since) =
            self.contradiction.map_or((0, at), |before| (before.packets, before.since));
        let contradicts = packet.uninformative > 0.5;
        self.contradiction =
            contradicts.then_some(Contradiction { packets: before + 1, since, by: packet.mean });
        self.early -= self.early / EARLY_MEMORY;
        self.early += f64::from(u8::from(contradicts && packet.mean < 0.0));
    }
}

#[cfg(test)]
mod tests;
