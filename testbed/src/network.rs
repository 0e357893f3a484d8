//! What happens to packets: delay, loss, duplication. Reordering follows from the delays.

use serde::Deserialize;

use crate::quantity::Seconds;
use crate::random::Random;

/// What a packet waits on top of the floor of its path.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Queueing {
    /// Nothing.
    Constant,
    /// Exponentially distributed.
    Exponential {
        /// Mean.
        mean: Seconds,
    },
    /// Gamma distributed.
    Gamma {
        /// Shape: 1 is exponential, larger is rounder.
        shape: f64,
        /// Mean.
        mean: Seconds,
    },
    /// Normally distributed around the floor, to both sides.
    Gaussian {
        /// Standard deviation.
        deviation: Seconds,
    },
    /// Anything up to a width.
    Uniform {
        /// Width.
        width: Seconds,
    },
    /// A body with a long tail, and a part of the packets far behind that: `body` ×
    /// two unit exponentials + `late` × max(0, u − (1 − `part`)) × a unit exponential.
    HeavyTail {
        /// Scale of the body.
        body: Seconds,
        /// Part of the packets that are late, 0 to 1.
        part: f64,
        /// How late.
        late: Seconds,
    },
}

impl Queueing {
    /// The wait of one packet, s.
    pub(crate) fn draw(&self, random: &mut Random) -> f64 {
        match *self {
            Self::Constant => 0.0,
            Self::Exponential { mean } => mean.0 * random.exponential(),
            Self::Gamma { shape, mean } => mean.0 / shape * random.gamma(shape),
            Self::Gaussian { deviation } => deviation.0 * random.normal(),
            Self::Uniform { width } => width.0 * random.uniform(),
            Self::HeavyTail { body, part, late } => {
                let behind = (random.uniform() - (1.0 - part)).max(0.0);
                let body = body.0 * random.exponential() * random.exponential();
                body + late.0 * behind * random.exponential()
            }
        }
    }
}

/// From some time on, packets take another route.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteChange {
    /// Since the start of the simulation.
    pub at: Seconds,
    /// The floor of the new route.
    pub floor: Seconds,
}

/// One direction of a path.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Direction {
    /// The least delay there is.
    pub floor: Seconds,
    /// What comes on top of it.
    pub queueing: Queueing,
    /// Part of the packets that are lost, 0 to 1.
    #[serde(default)]
    pub loss: f64,
    /// Part of the packets that come twice, 0 to 1.
    #[serde(default)]
    pub duplication: f64,
    /// Another route, from some time on.
    pub route_change: Option<RouteChange>,
}

impl Direction {
    /// A direction that loses nothing.
    #[must_use]
    pub const fn new(floor: f64, queueing: Queueing) -> Self {
        let floor = Seconds(floor);
        Self { floor, queueing, loss: 0.0, duplication: 0.0, route_change: None }
    }

    /// The delay of each copy of a packet that was sent `elapsed` s after the start:
    /// none if it is lost, two if it is doubled. Never negative.
    pub fn delays(&self, elapsed: f64, random: &mut Random) -> impl Iterator<Item = f64> {
        let floor = match self.route_change {
            Some(change) if elapsed >= change.at.0 => change.floor.0,
            _ => self.floor.0,
        };
        // Always as many draws: a packet lost here leaves the noise of the others alone.
        let (lost, doubled) = (random.uniform() < self.loss, random.uniform() < self.duplication);
        let delays = [self.queueing.draw(random), self.queueing.draw(random)];
        let copies = if lost { 0 } else { 1 + usize::from(doubled) };
        delays.into_iter().take(copies).map(move |delay| (floor + delay).max(0.0))
    }
}

/// Both directions of a path.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Path {
    /// From the client to the server.
    pub to_server: Direction,
    /// From the server to the client.
    pub from_server: Direction,
}

impl Path {
    /// A path that is the same in both directions.
    #[must_use]
    pub fn symmetric(direction: Direction) -> Self {
        Self { to_server: direction.clone(), from_server: direction }
    }
}

/// How a host stamps packets.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamping {
    /// Stamps are rounded to multiples of this.
    pub granularity: Seconds,
    /// Standard deviation of what else is wrong with them.
    #[serde(default)]
    pub noise: Seconds,
}

impl Default for Stamping {
    /// As a kernel's: nanoseconds.
    fn default() -> Self {
        Self { granularity: Seconds(1e-9), noise: Seconds(0.0) }
    }
}

impl Stamping {
    /// Standard uncertainty of a stamp, s: q/√12 for the rounding.
    #[must_use]
    pub fn uncertainty(&self) -> f64 {
        (self.granularity.0 / 12f64.sqrt()).hypot(self.noise.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(direction: &Direction, elapsed: f64) -> (f64, f64) {
        let mut random = Random::new(3, 0);
        let (mut sum, mut copies) = (0.0, 0.0);
        for _ in 0..100_000 {
            for delay in direction.delays(elapsed, &mut random) {
                sum += delay;
                copies += 1.0;
            }
        }
        (sum / copies, copies / 100_000.0)
    }

    #[test]
    fn each_queueing_delay_has_the_mean_it_states() {
        let s = Seconds;
        let tail = Queueing::HeavyTail { body: s(1e-5), part: 0.08, late: s(50e-3) };
        for (queueing, expected) in [
            (Queueing::Constant, 0.0),
            (Queueing::Exponential { mean: s(1e-4) }, 1e-4),
            (Queueing::Gamma { shape: 2.0, mean: s(1e-4) }, 1e-4),
            (Queueing::Gaussian { deviation: s(1e-5) }, 0.0),
            (Queueing::Uniform { width: s(2e-4) }, 1e-4),
            (tail, 1e-5 + 50e-3 * 0.08 * 0.08 / 2.0),
        ] {
            let (mean, _) = mean(&Direction::new(1e-3, queueing), 0.0);
            assert!((mean - 1e-3 - expected).abs() < 5e-6, "{queueing:?}: {mean}");
        }
    }

    #[test]
    fn packets_are_lost_doubled_and_sent_on_another_route_as_stated() {
        let direction = Direction {
            loss: 0.3,
            duplication: 0.1,
            route_change: Some(RouteChange { at: Seconds(100.0), floor: Seconds(2e-3) }),
            ..Direction::new(1e-3, Queueing::Constant)
        };
        let (before, copies) = mean(&direction, 99.0);
        let (after, _) = mean(&direction, 100.0);
        assert!((copies - 0.7 * 1.1).abs() < 0.01, "{copies}");
        assert!((before - 1e-3).abs() < 1e-12 && (after - 2e-3).abs() < 1e-12);
    }
}
