//! What noise does the edge live in? A search among hypotheses, while the packets come.

use std::ops::RangeInclusive;

use super::UNKNOWN_FREQUENCY;
use super::filter::{Filter, Way};
use super::queueing::{Posterior, Queueing, Shape};

/// From one hypothesis of the oscillator's random-walk frequency noise to the next.
const WANDER_STEP: f64 = 3.162_277_660_168_379_5;
/// The least and the greatest that can be found, in such steps over 1 per √s: from better
/// than any oscillator of a host to a PC crystal in a draught. And the first guess.
const WANDERS: [i32; 2] = [-22, -12];
const FIRST_WANDER: i32 = -16;
/// How much the floor of the path may move with each packet, in typical queueing delays:
/// next to not at all, and enough to follow a path that creeps.
const UNRESTS: [f64; 2] = [3e-4, 1e-2];
/// What is forgotten of the evidence, for a packet that tells everything. One that tells
/// little of the offset tells little of the noise, too.
const FORGOTTEN: f64 = 0.003;
/// What speaks (natural logarithm) against a frequency that is not at all what was known
/// before, to begin with; and when that, or a neighbour, is out of the question.
const STRANGER: f64 = -3.0;
const HOPELESS: f64 = -9.0;
/// What speaks against there being no queues, to begin with; and by how much the jitter is
/// greater then than the first exchanges show, which may be alike by chance.
const SYMMETRICAL: f64 = -3.0;
const SYMMETRICAL_JITTER: f64 = 3.0;
/// At these numbers of packets, and each power of two between them, neighbours that are
/// hopeless begin anew from the centre, with so much against them: what made them hopeless
/// may have been the first guess of the jitter.
const ANEW: RangeInclusive<u32> = 32..=512;
const SECOND_TRY: f64 = -3.0;
/// Packets after which the search is not caught any more: some of an hour at an exchange a
/// second.
const TRIAL: u32 = 4096;
/// The most that is held against a hypothesis. Otherwise a bad start, of itself and not of
/// what it says, would have to be forgotten first, which took hours in one run of forty.
const LOST: f64 = -50.0;
/// By how much (natural logarithm) another hypothesis must be more likely to become the
/// centre of the search.
const MARGIN: f64 = 1.5;

/// The noise of an oscillator and of a path, as far as hypotheses differ in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Noise {
    /// In steps of [`WANDER_STEP`].
    wander: i32,
    restless: bool,
    shape: Shape,
}

/// One way to explain the packets, and the belief it comes to.
#[derive(Debug, Clone)]
pub(super) struct Hypothesis {
    noise: Noise,
    pub(super) filter: Filter,
    /// Of packets from the reference, and of those to it.
    pub(super) queueing: [Queueing; 2],
    /// Logarithm of the likelihood, relative to that of the centre.
    evidence: f64,
}

/// The hypotheses that are followed: the best one found, and its neighbours.
#[derive(Debug, Clone)]
pub(super) struct Bank {
    centre: Hypothesis,
    neighbours: Vec<Hypothesis>,
    /// What was known of the frequency before the first packet is of another clock. Kept
    /// while that can be.
    stranger: Option<Hypothesis>,
    /// There are no queues, only noise of stamps. The search may begin with taking the noise
    /// of one direction for queues and that of the other for wander, which each of its
    /// neighbours shares then; this one never did. It knows as little of the frequency as the
    /// stranger, since it would take what a wrong one does for noise. Tried again as often as
    /// it is likely, for the first [`TRIAL`] packets: what the search makes of it may be
    /// caught once more.
    symmetrical: Option<Hypothesis>,
    /// That were taken in.
    packets: u32,
}

impl Bank {
    /// Starts from one exchange that showed the round trip `delay`, s, of those that
    /// scatter by `jitter`, s.
    pub(super) fn new(delay: f64, jitter: f64, frequency: (f64, f64)) -> Self {
        let noise = Noise { wander: FIRST_WANDER, restless: true, shape: Shape::Exponential };
        let queueing = Queueing::new(noise.shape, jitter);
        let centre = Hypothesis {
            noise,
            filter: Filter::new(0.0, delay, frequency, noise.wander()),
            queueing: [queueing.clone(), queueing],
            evidence: 0.0,
        };
        let neighbours = noise.neighbours().map(|noise| centre.under(noise)).collect();
        let unknown = Filter::new(0.0, delay, (frequency.0, UNKNOWN_FREQUENCY), noise.wander());
        let stranger = Hypothesis { filter: unknown, evidence: STRANGER, ..centre.clone() };
        let known = frequency.1 < UNKNOWN_FREQUENCY;
        let symmetrical = Queueing::new(Shape::Gaussian, SYMMETRICAL_JITTER * jitter);
        let symmetrical = Hypothesis {
            evidence: SYMMETRICAL,
            queueing: [symmetrical.clone(), symmetrical],
            ..stranger.under(Noise { shape: Shape::Gaussian, ..noise })
        };
        Self {
            centre,
            neighbours,
            stranger: Some(stranger).filter(|_| known),
            symmetrical: Some(symmetrical),
            packets: 0,
        }
    }

    /// The best hypothesis.
    pub(super) fn centre(&self) -> &Hypothesis {
        &self.centre
    }

    /// The hypotheses and how likely each is, relative to the best.
    pub(super) fn weighted(&self) -> impl Iterator<Item = (f64, &Hypothesis)> {
        let all = std::iter::once(&self.centre).chain(&self.neighbours);
        let all = all.chain(&self.stranger).chain(&self.symmetrical);
        all.map(|other| (other.evidence.exp(), other))
    }

    /// Takes the beliefs `dt` seconds on, about a reference that `follows` another clock or
    /// does not.
    pub(super) fn advance(&mut self, dt: f64, follows: bool) {
        self.centre.filter.advance(dt, follows);
        self.others().for_each(|h| h.filter.advance(dt, follows));
    }

    /// Takes a packet in; gives what the best hypothesis believes of it.
    pub(super) fn take(&mut self, way: Way, difference: f64, noise: f64) -> Posterior {
        let [before, ..] = self.centre.filter.variances();
        let best = self.centre.take(way, difference, noise);
        let [after, ..] = self.centre.filter.variances();
        // The part of the variance of the offset that the packet took away.
        let told = (1.0 - after / before).clamp(0.0, 1.0);
        let memory = 1.0 - FORGOTTEN * told;
        for other in self.others() {
            let likelihood = other.take(way, difference, noise).log_likelihood;
            other.evidence = memory * other.evidence + likelihood - best.log_likelihood;
            other.evidence = other.evidence.max(LOST);
        }
        self.packets = self.packets.saturating_add(1);
        self.judge_stranger();
        self.judge_symmetrical();
        self.recentre();
        self.try_hopeless_anew();
        best
    }

    /// Takes the floor to have risen by about `rise`, s.
    pub(super) fn raise_floor(&mut self, rise: f64) {
        self.centre.filter.raise_floor(rise);
        self.others().for_each(|h| h.filter.raise_floor(rise));
    }

    /// All but the best.
    fn others(&mut self) -> impl Iterator<Item = &mut Hypothesis> {
        self.neighbours.iter_mut().chain(&mut self.stranger).chain(&mut self.symmetrical)
    }

    fn judge_stranger(&mut self) {
        let Some(stranger) = &self.stranger else { return };
        let [own, known] = [stranger, &self.centre].map(|h| h.filter.variances()[2]);
        if stranger.evidence > MARGIN {
            self.neighbours.clear();
            self.neighbours.extend(self.stranger.take());
        } else if stranger.evidence < HOPELESS || own < 2.0 * known {
            self.stranger = None;
        }
    }

    fn judge_symmetrical(&mut self) {
        self.neighbours.extend(self.symmetrical.clone().filter(|h| h.evidence > MARGIN));
        if self.packets > TRIAL {
            self.symmetrical = None;
        }
    }

    /// Moves the search to the best hypothesis.
    fn recentre(&mut self) {
        let better = self.neighbours.iter_mut().filter(|h| h.evidence > MARGIN);
        let Some(best) = better.max_by(|a, b| a.evidence.total_cmp(&b.evidence)) else { return };
        std::mem::swap(&mut self.centre, best);
        let known = &self.neighbours;
        let next = self.centre.noise.neighbours().map(|noise| {
            // A shape has its own view of the path, which took long to learn.
            let exact = known.iter().find(|h| h.noise == noise);
            let foreign = noise.shape != self.centre.noise.shape;
            let alike = || known.iter().find(|h| foreign && h.noise.shape == noise.shape);
            exact.or_else(alike).unwrap_or(&self.centre).under(noise)
        });
        self.neighbours = next.collect();
        let reference = std::mem::take(&mut self.centre.evidence);
        self.others().for_each(|h| h.evidence -= reference);
    }

    fn try_hopeless_anew(&mut self) {
        if !ANEW.contains(&self.packets) || !self.packets.is_power_of_two() {
            return;
        }
        for hopeless in self.neighbours.iter_mut().filter(|h| h.evidence < HOPELESS) {
            let anew = self.centre.under(hopeless.noise);
            *hopeless = Hypothesis { evidence: SECOND_TRY, ..anew };
        }
    }
}

impl Hypothesis {
    /// The random walk of the frequency, for [`wander`].
    pub(super) fn wander_steps(&self) -> f64 {
        f64::from(self.noise.wander)
    }

    fn take(&mut self, way: Way, difference: f64, noise: f64) -> Posterior {
        let queueing = &mut self.queueing[way as usize];
        let unrest = UNRESTS[usize::from(self.noise.restless)];
        self.filter.loosen_floor(unrest * queueing.typical());
        let posterior = self.filter.update(way, difference, noise, queueing);
        queueing.learn(&posterior);
        posterior
    }

    /// The same belief, under another hypothesis of the noise.
    fn under(&self, noise: Noise) -> Self {
        let mut other = Self { noise, ..self.clone() };
        other.filter.set_wander(noise.wander());
        if noise.shape != self.noise.shape {
            other.queueing.iter_mut().for_each(|queueing| queueing.reshape(noise.shape));
            let [from, to] =
                [0, 1].map(|way| self.queueing[way].centre() - other.queueing[way].centre());
            other.filter.shift_floor(from, to);
        }
        other
    }
}

/// The random walk of the frequency (per √s) that is so many steps from 1, also between
/// two hypotheses.
pub(super) fn wander(steps: f64) -> f64 {
    WANDER_STEP.powf(steps)
}

impl Noise {
    /// Random walk of the frequency, per √s.
    fn wander(self) -> f64 {
        wander(self.wander.into())
    }

    fn neighbours(self) -> impl Iterator<Item = Self> {
        let calmer = Self { wander: (self.wander - 1).max(WANDERS[0]), ..self };
        let [livelier, wild] =
            [1, 2].map(|step| Self { wander: (self.wander + step).min(WANDERS[1]), ..self });
        let other = Self { restless: !self.restless, ..self };
        let shapes = Shape::ALL.into_iter().filter(move |shape| shape.is_next_to(self.shape));
        let reshaped = shapes.map(move |shape| Self { shape, ..self });
        [calmer, livelier, wild, other].into_iter().chain(reshaped)
    }
}
