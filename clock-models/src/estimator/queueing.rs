//! How late a packet is: the likelihood of a queueing delay that is never negative.
//!
//! A packet takes the floor of its path plus a queueing delay q ≥ 0. Its body has one of
//! a few [`Shape`]s, its heavy tail is exponential, and a small part of the packets tells
//! nothing (the path or the server has just changed). For a Gaussian prior of q all
//! moments of the posterior are known in closed form.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Part of the packets taken to tell nothing.
const UNINFORMATIVE: f64 = 1e-3;
/// Smallest mean queueing delay, s: what the finest time stamps resolve.
const SMALLEST_MEAN: f64 = 1e-10;
/// Packets that the distribution remembers.
const MEMORY: f64 = 512.0;
/// A tail that is not known yet, in terms of the body; and how much of a packet this
/// counts for.
const TAIL: f64 = 10.0;
const TAIL_PRIOR: f64 = 0.2;
/// What blurs an exponential delay, as a part of its mean: the skewness is then that of
/// two queues in a row.
const BLUR: f64 = 0.5;
/// By how much of itself the greatest of uniform delays may move with each packet.
const EDGE_UNREST: f64 = 1e-3;
/// A belief is as broad as all uniform delays if they are no more than so many of its
/// standard deviations; and an edge out of sight if it is further away.
const BROAD: f64 = 2.0;
const FAR: f64 = 3.0;
/// Standard deviation of a uniform distribution, as a part of its width (GUM 4.3.7).
const FRAC_1_SQRT_12: f64 = 0.288_675_134_594_812_9;
/// ln √(2π).
const LOG_SQRT_TAU: f64 = 0.918_938_533_204_672_8;
/// Packets that count as seen when the shape changes.
const RESHAPED_MEMORY: f64 = 16.0;

/// What the delays of the ordinary packets look like, from one side only to both alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One queue: exponential above the floor of the path, which no packet undercuts.
    Exponential,
    /// Several queues, or stamps that blur one: the sum of an exponential delay and a
    /// Gaussian one of [`BLUR`] times that.
    Blurred,
    /// The sum of many small things, as of time stamps: normal around the floor, which
    /// then is the middle of the delays.
    Gaussian,
    /// A wait for the next of regular turns, as of a scheduler, a poll or a slot of a
    /// cycle: all delays up to a greatest one alike.
    Uniform,
}

impl Shape {
    pub(super) const ALL: [Self; 4] =
        [Self::Exponential, Self::Blurred, Self::Gaussian, Self::Uniform];

    /// The blurred exponential lies between the sharp one and the symmetrical ones.
    pub(super) fn is_next_to(self, other: Self) -> bool {
        let pair = [self, other];
        self != other && (pair.contains(&Self::Blurred) || !pair.contains(&Self::Exponential))
    }

    /// Mean and standard deviation of the delays, in terms of the body.
    fn moments(self) -> [f64; 2] {
        match self {
            Self::Exponential => [1.0, 1.0],
            Self::Blurred => [1.0, (1.0 + BLUR * BLUR).sqrt()],
            Self::Gaussian => [0.0, 1.0],
            Self::Uniform => [0.5, FRAC_1_SQRT_12],
        }
    }
}

/// The queueing delay in one direction, learnt from the packets seen.
#[derive(Debug, Clone)]
pub(super) struct Queueing {
    shape: Shape,
    /// Mean of an exponential body, standard deviation of a Gaussian one, the greatest
    /// delay of a uniform one, s.
    body: f64,
    /// Variance of the greatest delay of a uniform body, s².
    doubt: f64,
    tail_mean: f64,
    tail_part: f64,
    seen: f64,
}

/// A Gaussian belief of a queueing delay, updated by the fact that it has the
/// distribution of queueing delays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Posterior {
    /// Mean, s.
    pub mean: f64,
    /// Variance, s².
    pub variance: f64,
    /// Natural logarithm of the probability density of what was observed.
    pub log_likelihood: f64,
    /// Probability that the packet told nothing.
    pub uninformative: f64,
    body: Share,
    tail: Share,
}

#[derive(Debug, Clone, Copy)]
struct Share {
    probability: f64,
    /// What the parameter of the distribution is the mean of: the delay, s, and its
    /// square, s², where the body is Gaussian. Where it is uniform, the greatest delay.
    moment: f64,
    /// Variance of that greatest delay, s².
    doubt: f64,
}

impl Queueing {
    /// With a first guess of the mean delay, s.
    pub(super) fn new(shape: Shape, typical: f64) -> Self {
        let body = typical.max(SMALLEST_MEAN);
        Self {
            shape,
            body,
            doubt: widest_doubt(body),
            tail_mean: TAIL * body,
            tail_part: 0.1,
            seen: 0.0,
        }
    }

    /// The same delays, of another shape.
    pub(super) fn reshape(&mut self, shape: Shape) {
        let [[_, old], [_, new]] = [self.shape.moments(), shape.moments()];
        self.body *= old / new;
        self.doubt = widest_doubt(self.body);
        self.seen = self.seen.min(RESHAPED_MEMORY);
        self.shape = shape;
    }

    /// Mean delay of the ordinary packets over what the shape calls the floor, s.
    pub(super) fn centre(&self) -> f64 {
        self.shape.moments()[0] * self.body
    }

    /// Scatter of the delays of the ordinary packets, s.
    pub(super) fn typical(&self) -> f64 {
        match self.shape {
            Shape::Exponential | Shape::Blurred | Shape::Gaussian => self.body,
            Shape::Uniform => FRAC_1_SQRT_12 * self.body,
        }
    }

    /// True if the delays have an edge on the side of the floor only.
    pub(super) fn is_one_sided(&self) -> bool {
        matches!(self.shape, Shape::Exponential | Shape::Blurred)
    }

    /// Standard deviation of the delays of all packets, s.
    pub(super) fn deviation(&self) -> f64 {
        let [mean, deviation] = self.shape.moments().map(|moment| moment * self.body);
        let part = self.tail_part;
        let all = mean + part * (self.tail_mean - mean);
        let square = (1.0 - part) * (mean * mean + deviation * deviation)
            + part * 2.0 * self.tail_mean * self.tail_mean;
        (square - all * all).max(0.0).sqrt()
    }

    /// Belief of q given that it was N(`mean`, `variance`) before.
    pub(super) fn posterior(&self, mean: f64, variance: f64) -> Posterior {
        let deviation = variance.sqrt();
        let body = match self.shape {
            Shape::Exponential => truncated(mean, variance, self.body),
            Shape::Blurred => blurred(mean, variance, self.body),
            Shape::Gaussian => normal(mean, variance, self.body),
            Shape::Uniform => uniform(mean, variance, [self.body, self.doubt]),
        };
        let tail = truncated(mean, variance, self.tail_mean);
        let nothing = Density { exponent: 0.0, factor: 0.01 / (self.tail_mean + deviation) };
        let densities = [
            body.density.times(1.0 - UNINFORMATIVE - self.tail_part),
            tail.density.times(self.tail_part),
            nothing.times(UNINFORMATIVE),
        ];
        let largest = densities.iter().map(|d| d.exponent).fold(f64::NEG_INFINITY, f64::max);
        let parts = densities.map(|d| d.factor * (d.exponent - largest).exp());
        let sum: f64 = parts.iter().sum();
        let [b, t, n] = parts.map(|p| p / sum);
        let posterior_mean = b * body.mean + t * tail.mean + n * mean;
        let square = b * (body.variance + body.mean * body.mean)
            + t * (tail.variance + tail.mean * tail.mean)
            + n * (variance + mean * mean);
        Posterior {
            mean: posterior_mean,
            variance: (square - posterior_mean * posterior_mean).max(1e-6 * variance),
            log_likelihood: largest + sum.ln(),
            uninformative: n,
            body: Share { probability: b, moment: body.learnt, doubt: body.doubt },
            tail: Share { probability: t, moment: tail.learnt, doubt: 0.0 },
        }
    }

    /// Learns the distribution from one more packet (an online step of expectation
    /// maximisation).
    pub(super) fn learn(&mut self, packet: &Posterior) {
        if packet.uninformative > 0.5 {
            return;
        }
        self.seen = (self.seen + 1.0).min(MEMORY);
        // The first guess may be far off: it is forgotten as the square of the number.
        let gain = 2.0 / (self.seen + 5.0);
        let step = |old: f64, share: Share, part: f64| {
            old + gain * share.probability / part * (share.moment - old)
        };
        let ordinary = 1.0 - self.tail_part;
        self.body = match self.shape {
            Shape::Exponential | Shape::Blurred => step(self.body, packet.body, ordinary),
            Shape::Gaussian => step(self.body * self.body, packet.body, ordinary).max(0.0).sqrt(),
            Shape::Uniform => self.learn_edge(packet.body),
        };
        self.tail_mean = step(self.tail_mean, packet.tail, self.tail_part.max(gain));
        // Where there is no tail, nothing else would say how long it is.
        self.tail_mean += gain * TAIL_PRIOR * (TAIL * self.typical() - self.tail_mean);
        self.tail_part += gain * (packet.tail.probability - self.tail_part);
        self.tail_part = self.tail_part.clamp(0.01, 0.4);
        self.body = self.body.max(SMALLEST_MEAN);
        self.tail_mean = self.tail_mean.max(3.0 * self.typical());
    }

    /// The greatest of uniform delays, s, after one more.
    fn learn_edge(&mut self, packet: Share) -> f64 {
        let body = self.body + packet.probability * (packet.moment - self.body);
        self.doubt += packet.probability * (packet.doubt - self.doubt);
        self.doubt += (EDGE_UNREST * body).powi(2);
        // Of the new edge: a doubt that is wide against it would put it below the floor.
        self.doubt = self.doubt.min(widest_doubt(body));
        body
    }
}

/// Variance of a greatest delay of which nothing is known but the order of magnitude, s².
fn widest_doubt(greatest: f64) -> f64 {
    (greatest / 4.0).powi(2)
}

/// A density or a probability: `factor`·exp(`exponent`), either of which a float holds
/// where it may not hold the product.
#[derive(Debug, Clone, Copy)]
struct Density {
    exponent: f64,
    factor: f64,
}

impl Density {
    fn times(self, part: f64) -> Self {
        Self { factor: part * self.factor, ..self }
    }
}

/// Moments of a product of densities, and its integral.
struct Moments {
    mean: f64,
    variance: f64,
    density: Density,
    /// What the parameter of the distribution is learnt from: the mean of its exponential
    /// part, s, for a Gaussian one the mean square, s², for a uniform one the greatest
    /// delay, s.
    learnt: f64,
    /// Variance of that greatest delay, s².
    doubt: f64,
}

/// Of N(m, v)·N(0, s²).
fn normal(mean: f64, variance: f64, deviation: f64) -> Moments {
    let square = deviation * deviation;
    let sum = variance + square;
    let (mean_after, variance_after) = (mean * square / sum, variance * square / sum);
    Moments {
        mean: mean_after,
        variance: variance_after,
        density: Density {
            exponent: -0.5 * mean * mean / sum,
            factor: 1.0 / (2.0 * PI * sum).sqrt(),
        },
        learnt: mean_after * mean_after + variance_after,
        doubt: 0.0,
    }
}

/// Of N(m, v) and the sum of an exponential delay of mean J and a Gaussian one.
fn blurred(mean: f64, variance: f64, scale: f64) -> Moments {
    let blur = (BLUR * scale) * (BLUR * scale);
    let sum = variance + blur;
    let exponential = truncated(mean, sum, scale);
    let share = variance / sum;
    Moments {
        mean: mean + share * (exponential.mean - mean),
        variance: share * (blur + share * exponential.variance),
        ..exponential
    }
}

/// Of N(m, v) and 1/L on 0 ≤ q ≤ L, with a Gaussian belief of L.
fn uniform(mean: f64, variance: f64, edge: [f64; 2]) -> Moments {
    let [greatest, doubt] = edge;
    let (deviation, blurred) = (variance.sqrt(), (variance + doubt).sqrt());
    let (lower, upper) = (-mean / deviation, (greatest - mean) / blurred);
    if greatest < BROAD * deviation {
        within_belief(mean, variance, edge)
    } else if lower > FAR {
        below(mean, variance, edge)
    } else if upper < -FAR {
        beyond(mean, variance, edge)
    } else {
        between(mean, variance, edge, [lower, upper])
    }
}

/// Both edges within reach. Moments are derivatives of the logarithm of the integral
/// Z = (Φ(β) − Φ(α)) / L by the means of the two Gaussian beliefs.
fn between(
    mean: f64,
    variance: f64,
    [greatest, doubt]: [f64; 2],
    [lower, upper]: [f64; 2],
) -> Moments {
    let within = cdf(upper) - cdf(lower);
    let [at_lower, at_upper] = [lower, upper].map(|a| (-0.5 * a * a - LOG_SQRT_TAU).exp() / within);
    let sum = variance + doubt;
    let (low, high) = (at_lower / variance.sqrt(), at_upper / sum.sqrt());
    let slope = low - high;
    let curvature = lower * at_lower / variance - upper * at_upper / sum;
    let edge_curvature = -upper * at_upper / sum - high * high;
    Moments {
        mean: mean + variance * slope,
        variance: variance + variance * variance * (curvature - slope * slope),
        density: Density { exponent: 0.0, factor: within / greatest },
        learnt: greatest + doubt * (high - 1.0 / greatest),
        doubt: doubt + doubt * doubt * edge_curvature,
    }
}

/// So early that only the lower edge counts.
fn below(mean: f64, variance: f64, [greatest, doubt]: [f64; 2]) -> Moments {
    let HalfLine { mean, variance, probability } = half_line(mean, variance);
    let learnt = greatest - doubt / greatest;
    Moments { mean, variance, density: probability.times(1.0 / greatest), learnt, doubt }
}

/// So late that only the upper edge counts: L − q ≥ 0.
fn beyond(mean: f64, variance: f64, [greatest, doubt]: [f64; 2]) -> Moments {
    let (room, sum) = (greatest - mean, variance + doubt);
    let after = half_line(room, sum);
    let (moved, shrink) = (after.mean - room, (sum - after.variance) / (sum * sum));
    Moments {
        mean: mean - variance / sum * moved,
        variance: variance - variance * variance * shrink,
        density: after.probability.times(1.0 / greatest),
        learnt: greatest + doubt / sum * moved - doubt / greatest,
        doubt: doubt - doubt * doubt * shrink,
    }
}

/// Where the belief is as broad as all delays, they count as a Gaussian one of the same
/// mean and variance.
fn within_belief(mean: f64, variance: f64, [greatest, doubt]: [f64; 2]) -> Moments {
    let (middle, width) = (greatest / 2.0, FRAC_1_SQRT_12 * greatest);
    let shifted = normal(mean - middle, variance, width);
    let sum = variance + width * width;
    let residual = mean - middle;
    let slope = greatest / 12.0 * (residual * residual / sum - 1.0) / sum + residual / (2.0 * sum);
    Moments { mean: middle + shifted.mean, learnt: greatest + doubt * slope, doubt, ..shifted }
}

/// Φ(a) of the standard normal distribution.
fn cdf(a: f64) -> f64 {
    0.5 * libm::erfc(-a * FRAC_1_SQRT_2)
}

/// N(m, v) on q ≥ 0.
struct HalfLine {
    mean: f64,
    variance: f64,
    /// Its integral.
    probability: Density,
}

fn half_line(mean: f64, variance: f64) -> HalfLine {
    let deviation = variance.sqrt();
    let a = mean / deviation;
    let (probability, ratio) = normal_tail(a);
    // 1 − λ(λ + a) cancels far out, where it tends to 1/a².
    let shrink = if a < -30.0 { 1.0 / (a * a) } else { 1.0 - ratio * (ratio + a) };
    let mean = if a < -30.0 { -deviation / a } else { mean + deviation * ratio };
    HalfLine { mean, variance: variance * shrink.clamp(1e-9, 1.0), probability }
}

/// Of N(m, v)·exp(−q/J)/J on q ≥ 0.
fn truncated(mean: f64, variance: f64, scale: f64) -> Moments {
    let after = half_line(mean - variance / scale, variance);
    let Density { exponent, factor } = after.probability;
    Moments {
        mean: after.mean,
        variance: after.variance,
        density: Density {
            exponent: variance / (2.0 * scale * scale) - mean / scale + exponent,
            factor: factor / scale,
        },
        learnt: after.mean,
        doubt: 0.0,
    }
}

/// Φ(a) and φ(a)/Φ(a) of the standard normal distribution.
fn normal_tail(a: f64) -> (Density, f64) {
    if a > 8.5 {
        return (Density { exponent: 0.0, factor: 1.0 }, 0.0);
    }
    let log_density = -0.5 * a * a - LOG_SQRT_TAU;
    if a > -6.0 {
        let cdf = cdf(a);
        return (Density { exponent: 0.0, factor: cdf }, log_density.exp() / cdf);
    }
    // Laplace's continued fraction of the Mills ratio converges fast out here.
    let x = -a;
    let mut fraction = x;
    for k in (1..=24).rev() {
        fraction = x + f64::from(k) / fraction;
    }
    (Density { exponent: log_density, factor: 1.0 / fraction }, fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Density {
        fn log(self) -> f64 {
            self.exponent + self.factor.ln()
        }
    }

    /// The same moments by brute force.
    fn by_quadrature(mean: f64, variance: f64, scale: f64) -> (f64, f64, f64) {
        let (steps, top) = (400_000, mean.max(0.0) + 12.0 * variance.sqrt());
        let width = top / f64::from(steps);
        let mut moments = [0.0; 3];
        for k in 0..steps {
            let q = (f64::from(k) + 0.5) * width;
            let density = (-(q - mean).powi(2) / (2.0 * variance)).exp()
                / (2.0 * PI * variance).sqrt()
                * (-q / scale).exp()
                / scale;
            for (power, moment) in moments.iter_mut().enumerate() {
                *moment += density * q.powi(power as i32) * width;
            }
        }
        let first = moments[1] / moments[0];
        (first, moments[2] / moments[0] - first * first, moments[0].ln())
    }

    #[test]
    fn moments_agree_with_quadrature() {
        for (mean, variance, scale) in [
            (1.0, 1.0, 1.0),
            (-2.0, 1.0, 0.5),
            (5.0, 0.01, 3.0),
            (0.0, 4.0, 10.0),
            (-3.0, 0.5, 2.0),
        ] {
            let t = truncated(mean, variance, scale);
            let (first, second, log) = by_quadrature(mean, variance, scale);
            assert!((t.mean - first).abs() < 1e-5 * first.abs().max(1.0), "{mean} {scale}");
            assert!((t.variance - second).abs() < 1e-4 * second, "{} {second}", t.variance);
            assert!((t.density.log() - log).abs() < 1e-4, "{} {log}", t.density.log());
        }
    }

    #[test]
    fn moments_between_two_edges_agree_with_quadrature() {
        // Within the edges, before the lower, beyond the upper one, and broader than both.
        for (mean, variance, greatest, doubt) in [
            (0.3, 0.04, 1.0, 1e-8),
            (-0.5, 0.04, 1.0, 1e-8),
            (1.4, 0.05, 1.0, 1e-8),
            (0.1, 1.0, 1.0, 1e-8),
        ] {
            let u = uniform(mean, variance, [greatest, doubt]);
            let steps = 400_000;
            let mut moments = [0.0; 3];
            for k in 0..steps {
                let q = (f64::from(k) + 0.5) * greatest / f64::from(steps);
                let density = (-(q - mean).powi(2) / (2.0 * variance)).exp()
                    / (2.0 * PI * variance).sqrt()
                    / f64::from(steps);
                for (power, moment) in moments.iter_mut().enumerate() {
                    *moment += density * q.powi(power as i32);
                }
            }
            let first = moments[1] / moments[0];
            let second = moments[2] / moments[0] - first * first;
            // Past three deviations the other edge is left out, and a broad belief sees a
            // Gaussian: neither is exact.
            assert!((u.mean - first).abs() < 0.03 * variance.sqrt(), "{} {first}", u.mean);
            assert!((u.variance - second).abs() < 0.15 * second, "{} {second}", u.variance);
            assert!(
                (u.density.log() - moments[0].ln()).abs() < 0.06,
                "{} {}",
                u.density.log(),
                moments[0].ln()
            );
        }
    }

    #[test]
    fn the_doubt_of_an_edge_is_never_wide_against_it() {
        let mut queueing = Queueing::new(Shape::Uniform, 1.0);
        // About early packets the belief is as broad as the delays; the edge comes nearer.
        for _ in 0..200 {
            let posterior = queueing.posterior(-0.5, 0.2 * queueing.body.powi(2));
            queueing.learn(&posterior);
            let widest = widest_doubt(queueing.body);
            assert!((0.0..=widest).contains(&queueing.doubt), "{queueing:?}");
        }
        assert!(queueing.body < 0.5, "{queueing:?}");
    }

    #[test]
    fn the_edge_of_uniform_delays_is_found_from_beyond() {
        let mut queueing = Queueing::new(Shape::Uniform, 5.0);
        // A low-discrepancy sequence of delays up to 1, each known to 0.02.
        for k in 1..=2000 {
            let q = (f64::from(k) * 0.618_033_988_749_895).fract();
            let posterior = queueing.posterior(q, 4e-4);
            queueing.learn(&posterior);
        }
        assert!((queueing.body - 1.0).abs() < 0.05, "{}", queueing.body);
    }

    #[test]
    fn the_far_tail_is_continuous() {
        for edge in [-6.0, -30.0] {
            let (above, below) =
                (truncated(edge + 1e-9, 1.0, 1e9), truncated(edge - 1e-9, 1.0, 1e9));
            assert!((above.mean - below.mean).abs() < 1e-2 * above.mean);
            assert!((above.variance - below.variance).abs() < 0.02 * above.variance);
            assert!((above.density.log() - below.density.log()).abs() < 1e-6);
        }
    }

    #[test]
    fn an_impossible_packet_tells_nothing() {
        let p = Queueing::new(Shape::Exponential, 1.0).posterior(-50.0, 1.0);
        assert!(p.uninformative > 0.99 && (p.mean + 50.0).abs() < 1e-3);
    }
}
