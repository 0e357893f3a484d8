//! One filter: the joint belief of offset, frequency and path floor.

use super::queueing::{Posterior, Queueing};

/// Which way a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Shows the difference too small, by the delay.
    FromReference,
    /// Shows the difference too large, by the delay.
    ToReference,
}

/// See [`Filter::advance`].
const DAMPING: f64 = 30.0;

const OFFSET: usize = 0;
const FREQUENCY: usize = 1;
const FLOOR: usize = 2;

/// A Gaussian belief of [offset x, frequency y, one-way floor of the path f] under
/// the hypothesis that the frequency wanders by `wander`.
///
/// A packet from the reference shows z = x − f − q with a queueing delay q ≥ 0, one to
/// the reference z = x + f + q. Neither is a Gaussian measurement: the belief of q is
/// updated exactly and projected back on a Gaussian of the state (assumed density
/// filtering). Near the floor a packet says much, far above it nearly nothing, so the
/// error falls with the number of packets n as 1/n, where an average falls as 1/√n.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    state: [f64; 3],
    covariance: [[f64; 3]; 3],
    /// Random walk of the frequency, per √s.
    wander: f64,
}

#[expect(clippy::needless_range_loop, reason = "rows and columns of a matrix")]
impl Filter {
    /// Starts from one exchange: offset and floor to within half of the delay, and what
    /// is known of the frequency.
    pub(super) fn new(offset: f64, delay: f64, frequency: (f64, f64), wander: f64) -> Self {
        let half = (delay / 2.0).max(1e-9);
        let mut covariance = [[0.0; 3]; 3];
        covariance[OFFSET][OFFSET] = half * half;
        covariance[FREQUENCY][FREQUENCY] = frequency.1 * frequency.1;
        covariance[FLOOR][FLOOR] = half * half;
        Self { state: [offset, frequency.0, half], covariance, wander }
    }

    pub(super) fn offset(&self) -> f64 {
        self.state[OFFSET]
    }

    pub(super) fn frequency(&self) -> f64 {
        self.state[FREQUENCY]
    }

    pub(super) fn floor(&self) -> f64 {
        self.state[FLOOR]
    }

    pub(super) fn floor_variance(&self) -> f64 {
        self.covariance[FLOOR][FLOOR]
    }

    /// Variances and covariance of offset and frequency: xx, xy, yy.
    pub(super) fn variances(&self) -> [f64; 3] {
        let p = &self.covariance;
        [p[OFFSET][OFFSET], p[OFFSET][FREQUENCY], p[FREQUENCY][FREQUENCY]]
    }

    /// Takes the belief `dt` seconds on (dt may be slightly negative for packets that
    /// were handed over out of order; noise is then not added).
    ///
    /// A reference that itself `follows` a clock passes on what its filter made of it. Each
    /// filter that is tuned to the oscillator alone raises the slow part of that by a third
    /// (gain peaking), and after twenty of them nothing is left. So its own steering counts
    /// as noise of the offset, in proportion to what the filter itself would do: in steady
    /// state the covariance of offset and frequency is the wander times the root of the
    /// noise, and this much makes the filter over-damped, ζ = ½ √(2 + [`DAMPING`]), whatever
    /// the noise.
    pub(super) fn advance(&mut self, dt: f64, follows: bool) {
        self.state[OFFSET] += self.state[FREQUENCY] * dt;
        let p = &mut self.covariance;
        // F P Fᵀ with F = [[1, dt, 0], [0, 1, 0], [0, 0, 1]].
        for column in 0..3 {
            p[OFFSET][column] += dt * p[FREQUENCY][column];
        }
        for row in 0..3 {
            p[row][OFFSET] += dt * p[row][FREQUENCY];
        }
        let t = dt.max(0.0);
        let q = self.wander * self.wander;
        p[OFFSET][OFFSET] += q * t * t * t / 3.0;
        p[OFFSET][FREQUENCY] += q * t * t / 2.0;
        p[FREQUENCY][OFFSET] += q * t * t / 2.0;
        p[FREQUENCY][FREQUENCY] += q * t;
        if follows {
            p[OFFSET][OFFSET] += DAMPING * p[OFFSET][FREQUENCY].max(0.0) * t;
        }
    }

    /// Belief of the queueing delay of a packet that showed `difference`.
    pub(super) fn queueing_delay(
        &self,
        way: Way,
        difference: f64,
        noise: f64,
        queueing: &Queueing,
    ) -> (f64, f64, Posterior) {
        let shown = match way {
            Way::FromReference => -difference,
            Way::ToReference => difference,
        };
        let mean = shown + along(way, self.state);
        let variance = along(way, self.times(way)) + noise * noise;
        (mean, variance, queueing.posterior(mean, variance))
    }

    /// Updates the belief with a packet; gives what is now believed of its queueing delay.
    pub(super) fn update(
        &mut self,
        way: Way,
        difference: f64,
        noise: f64,
        queueing: &Queueing,
    ) -> Posterior {
        let (mean, variance, posterior) = self.queueing_delay(way, difference, noise, queueing);
        let gain = self.times(way).map(|c| c / variance);
        let shrink = variance - posterior.variance;
        for row in 0..3 {
            self.state[row] += gain[row] * (posterior.mean - mean);
            for (column, other) in gain.iter().enumerate() {
                self.covariance[row][column] -= gain[row] * other * shrink;
            }
        }
        self.tidy();
        posterior
    }

    /// Lets the floor move by a standard deviation, s.
    pub(super) fn loosen_floor(&mut self, deviation: f64) {
        self.covariance[FLOOR][FLOOR] += deviation * deviation;
    }

    pub(super) fn set_wander(&mut self, wander: f64) {
        self.wander = wander;
    }

    /// Takes the floor to be higher by these for packets from and to the reference, s:
    /// the delays have another shape, which calls something else their floor.
    pub(super) fn shift_floor(&mut self, from: f64, to: f64) {
        self.state[FLOOR] += f64::midpoint(from, to);
        self.state[OFFSET] += (from - to) / 2.0;
        let doubt = f64::midpoint(from, to) / 4.0;
        self.covariance[FLOOR][FLOOR] += doubt * doubt;
        self.covariance[OFFSET][OFFSET] += doubt * doubt;
    }

    /// Takes the floor to be higher by about `rise`, s, and the offset to have been
    /// dragged along by as much as that.
    pub(super) fn raise_floor(&mut self, rise: f64) {
        self.state[FLOOR] += rise;
        self.covariance[FLOOR][FLOOR] += rise * rise;
        self.covariance[OFFSET][OFFSET] += rise * rise;
    }

    /// P·h, for the h of [`along`].
    fn times(&self, way: Way) -> [f64; 3] {
        self.covariance.map(|row| along(way, row))
    }

    /// Rounding must not make a variance vanish. It does not break the symmetry: both halves
    /// are computed alike.
    fn tidy(&mut self) {
        let p = &mut self.covariance;
        for (index, least) in [1e-24, 1e-30, 1e-24].into_iter().enumerate() {
            p[index][index] = p[index][index].max(least);
        }
        self.state[FLOOR] = self.state[FLOOR].max(0.0);
    }
}

/// h·v, where q = h·[x, y, f] − z from the reference and q = z + h·[x, y, f] to it.
fn along(way: Way, v: [f64; 3]) -> f64 {
    match way {
        Way::FromReference => v[OFFSET] - v[FLOOR],
        Way::ToReference => -v[OFFSET] - v[FLOOR],
    }
}
