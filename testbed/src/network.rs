//! What happens to packets: delay, loss, duplication. Reordering follows from the delays.

use std::fmt;

use clock_models::comparison::StampedBy;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::profile::Profile;
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
    /// A part of the packets is held back by a constant: longer than the poll interval, it
    /// puts them behind those that were sent after them.
    HeldBack {
        /// Part of the packets, 0 to 1.
        part: f64,
        /// For how long.
        by: Seconds,
    },
    /// A load that comes and goes by the clock, beginning with the simulation: while it is
    /// there, packets wait exponentially.
    LoadCycle {
        /// Mean under load.
        mean: Seconds,
        /// Of one cycle.
        period: Seconds,
        /// How long of it there is load.
        busy: Seconds,
    },
    /// A load of two states that comes and goes at random, exponentially distributed each:
    /// while it is there, packets wait exponentially.
    Bursts {
        /// Mean under load.
        mean: Seconds,
        /// Mean time between two bursts.
        idle: Seconds,
        /// Mean length of a burst.
        busy: Seconds,
    },
}

/// Whether a load of two states is there, and until when.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    busy: bool,
    /// When it changes, s since the start.
    until: f64,
}

impl Load {
    /// Is it there at `elapsed`, which is not before the last one asked for?
    fn is_busy(&mut self, elapsed: f64, idle: f64, busy: f64, random: &mut Random) -> bool {
        if self.until == 0.0 {
            self.until = idle * random.exponential();
        }
        while self.until <= elapsed {
            self.busy = !self.busy;
            self.until += if self.busy { busy } else { idle } * random.exponential();
        }
        self.busy
    }
}

impl Queueing {
    /// The wait of one packet at the start, s: of any packet, where no load comes and goes.
    pub(crate) fn draw_one(&self, random: &mut Random) -> f64 {
        self.draw(&mut Load::default(), 0.0, random)
    }

    fn draw(&self, load: &mut Load, elapsed: f64, random: &mut Random) -> f64 {
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
            Self::HeldBack { part, by } => by.0 * f64::from(random.uniform() < part),
            Self::LoadCycle { mean, period, busy } => {
                let loaded = elapsed.rem_euclid(period.0) < busy.0;
                mean.0 * random.exponential() * f64::from(loaded)
            }
            Self::Bursts { mean, idle, busy } => {
                let loaded = load.is_busy(elapsed, idle.0, busy.0, random);
                mean.0 * random.exponential() * f64::from(loaded)
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        let times: &[(&str, Seconds)] = match self {
            Self::Constant => &[],
            Self::Exponential { mean } | Self::Gamma { mean, .. } => &[("mean", *mean)],
            Self::Gaussian { deviation } => &[("deviation", *deviation)],
            Self::Uniform { width } => &[("width", *width)],
            Self::HeavyTail { body, late, .. } => &[("body", *body), ("late", *late)],
            Self::HeldBack { by, .. } => &[("by", *by)],
            Self::LoadCycle { mean, busy, .. } => &[("mean", *mean), ("busy", *busy)],
            Self::Bursts { mean, .. } => &[("mean", *mean)],
        };
        if let Some((name, time)) = times.iter().find(|(_, time)| time.0 < 0.0) {
            return Err(format!("queueing: {name} = {} s: a packet waits 0 s or more", time.0));
        }
        match *self {
            Self::Gamma { shape, .. } if shape <= 0.0 => {
                Err(format!("queueing: shape = {shape}: it must be more than 0"))
            }
            Self::HeavyTail { part, .. } | Self::HeldBack { part, .. } => is_part("part", part),
            Self::LoadCycle { period, .. } if period.0 <= 0.0 => {
                Err(format!("queueing: period = {} s: it must be longer than nothing", period.0))
            }
            Self::Bursts { idle, busy, .. } if idle.0 <= 0.0 || busy.0 <= 0.0 => {
                Err("queueing: idle and busy must be longer than nothing".to_owned())
            }
            _ => Ok(()),
        }
    }
}

fn is_part(name: &str, part: f64) -> Result<(), String> {
    if (0.0..=1.0).contains(&part) {
        Ok(())
    } else {
        Err(format!("{name} = {part}: a part of the packets is 0 to 1"))
    }
}

/// `queueing`: one kind, or several in a list, which add up.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Queueing>, D::Error> {
    struct OneOrMore;
    impl<'de> Visitor<'de> for OneOrMore {
        type Value = Vec<Queueing>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a queueing delay such as { kind = \"exponential\", mean = \"10 us\" }, or a list of them")
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            Queueing::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }
        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }
    deserializer.deserialize_any(OneOrMore)
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
    /// What comes on top of it, all together.
    #[serde(deserialize_with = "one_or_more")]
    pub queueing: Vec<Queueing>,
    /// Part of the packets that are lost, 0 to 1.
    #[serde(default)]
    pub loss: f64,
    /// Part of the packets that come twice, 0 to 1.
    #[serde(default)]
    pub duplication: f64,
    /// Other routes, each from some time on, in the order of time.
    #[serde(default)]
    pub route_changes: Vec<RouteChange>,
    /// What is added to the floor of any route in the course of time: a path that becomes
    /// longer in one direction only becomes asymmetrical.
    pub floor_drift: Option<Profile<Seconds>>,
}

impl Direction {
    /// A direction that loses nothing.
    #[must_use]
    pub fn new(floor: f64, queueing: Queueing) -> Self {
        Self {
            floor: Seconds(floor),
            queueing: vec![queueing],
            loss: 0.0,
            duplication: 0.0,
            route_changes: Vec::new(),
            floor_drift: None,
        }
    }

    /// What is wrong with it, if anything is.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn check(&self) -> Result<(), String> {
        is_part("loss", self.loss)?;
        is_part("duplication", self.duplication)?;
        self.queueing.iter().try_for_each(Queueing::check)?;
        let sorted = self.route_changes.is_sorted_by(|a, b| a.at <= b.at);
        if !sorted {
            return Err("route-changes: put them in the order of time".to_owned());
        }
        let drift = self.floor_drift.as_ref().map_or(Ok(()), Profile::check);
        drift.map_err(|what| format!("floor-drift: {what}"))
    }

    fn floor(&self, elapsed: f64) -> f64 {
        let taken = self.route_changes.partition_point(|change| change.at.0 <= elapsed);
        let route = taken.checked_sub(1).map_or(self.floor, |i| self.route_changes[i].floor);
        route.0 + self.floor_drift.as_ref().map_or(0.0, |drift| drift.at(elapsed))
    }
}

/// A direction as packets take it, one after the other.
#[derive(Debug, Clone)]
pub struct Line {
    direction: Direction,
    /// Of each kind of queueing.
    loads: Vec<Load>,
}

impl Line {
    /// The direction at the start of a simulation.
    #[must_use]
    pub fn new(direction: Direction) -> Self {
        let loads = vec![Load::default(); direction.queueing.len()];
        Self { direction, loads }
    }

    /// The delay of each copy of a packet that was sent `elapsed` s after the start, and
    /// not before the last one: none if it is lost, two if it is doubled. Never negative.
    pub fn delays(
        &mut self,
        elapsed: f64,
        random: &mut Random,
    ) -> impl Iterator<Item = f64> + use<> {
        let direction = &self.direction;
        let floor = direction.floor(elapsed);
        // Always as many draws: a packet lost here leaves the noise of the others alone.
        let lost = random.uniform() < direction.loss;
        let doubled = random.uniform() < direction.duplication;
        let delays = [(); 2].map(|()| {
            let parts = direction.queueing.iter().zip(&mut self.loads);
            let wait: f64 = parts.map(|(part, load)| part.draw(load, elapsed, random)).sum();
            (floor + wait).max(0.0)
        });
        let copies = if lost { 0 } else { 1 + usize::from(doubled) };
        delays.into_iter().take(copies)
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

/// Both directions of a path as packets take them.
#[derive(Debug, Clone)]
pub struct Lines {
    /// From the client to the server.
    pub to_server: Line,
    /// From the server to the client.
    pub from_server: Line,
}

impl Lines {
    /// The path at the start of a simulation.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        let [to_server, from_server] =
            [&path.to_server, &path.from_server].map(|direction| Line::new(direction.clone()));
        Self { to_server, from_server }
    }
}

/// How a host stamps packets.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(from = "StampingSection")]
pub struct Stamping {
    /// Who takes them.
    pub by: StampedBy,
    /// Stamps are rounded to multiples of this.
    pub granularity: Seconds,
    /// Standard deviation of what else is wrong with them.
    pub noise: Seconds,
}

/// `[stamping]`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct StampingSection {
    preset: Option<StampingPreset>,
    granularity: Option<Seconds>,
    noise: Option<Seconds>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StampingPreset {
    Hardware,
    Kernel,
    UserSpace,
}

impl From<StampingPreset> for Stamping {
    /// Hardware counts at 125 MHz; the noise of the others is what the daemon takes it for.
    fn from(preset: StampingPreset) -> Self {
        let (by, granularity, noise) = match preset {
            StampingPreset::Hardware => (StampedBy::Hardware, 8e-9, 0.0),
            StampingPreset::Kernel => (StampedBy::Kernel, 1e-9, 50e-9),
            StampingPreset::UserSpace => (StampedBy::UserSpace, 1e-9, 20e-6),
        };
        Self { by, granularity: Seconds(granularity), noise: Seconds(noise) }
    }
}

impl From<StampingSection> for Stamping {
    fn from(section: StampingSection) -> Self {
        let preset = section.preset.map_or_else(Self::default, Self::from);
        Self {
            granularity: section.granularity.unwrap_or(preset.granularity),
            noise: section.noise.unwrap_or(preset.noise),
            ..preset
        }
    }
}

impl Default for Stamping {
    /// As a kernel's, at its best: nanoseconds.
    fn default() -> Self {
        Self { by: StampedBy::Kernel, granularity: Seconds(1e-9), noise: Seconds(0.0) }
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

    /// Mean delay of packets sent in the stretch of time, one each ms, and copies of each.
    fn mean(direction: &Direction, milliseconds: std::ops::Range<u32>) -> (f64, f64) {
        let mut random = Random::new(3, 0);
        let mut line = Line::new(direction.clone());
        let (mut sum, mut copies) = (0.0, 0.0);
        let packets = milliseconds.len() as f64;
        for ms in milliseconds {
            for delay in line.delays(f64::from(ms) * 1e-3, &mut random) {
                sum += delay;
                copies += 1.0;
            }
        }
        (sum / copies, copies / packets)
    }

    #[test]
    fn each_queueing_delay_has_the_mean_it_states() {
        let s = Seconds;
        let tail = Queueing::HeavyTail { body: s(1e-5), part: 0.08, late: s(50e-3) };
        let cycle = Queueing::LoadCycle { mean: s(1e-3), period: s(10.0), busy: s(2.0) };
        let bursts = Queueing::Bursts { mean: s(1e-3), idle: s(0.3), busy: s(0.1) };
        for (queueing, expected) in [
            (Queueing::Constant, 0.0),
            (Queueing::Exponential { mean: s(1e-4) }, 1e-4),
            (Queueing::Gamma { shape: 2.0, mean: s(1e-4) }, 1e-4),
            (Queueing::Gaussian { deviation: s(1e-5) }, 0.0),
            (Queueing::Uniform { width: s(2e-4) }, 1e-4),
            (tail, 1e-5 + 50e-3 * 0.08 * 0.08 / 2.0),
            (Queueing::HeldBack { part: 0.1, by: s(1e-3) }, 1e-4),
            (cycle, 2e-4),
            (bursts, 2.5e-4),
        ] {
            let (mean, _) = mean(&Direction::new(1e-3, queueing), 0..100_000);
            let close = 5e-6f64.max(0.1 * expected);
            assert!((mean - 1e-3 - expected).abs() < close, "{queueing:?}: {mean}");
        }
    }

    #[test]
    fn a_load_cycle_is_there_at_its_time_and_kinds_of_queueing_add_up() {
        let s = Seconds;
        let cycle = Queueing::LoadCycle { mean: s(1e-3), period: s(10.0), busy: s(2.0) };
        let loaded = Direction {
            queueing: vec![Queueing::HeldBack { part: 1.0, by: s(1e-4) }, cycle],
            ..Direction::new(1e-3, Queueing::Constant)
        };
        let (busy, _) = mean(&loaded, 50_000..52_000);
        let (idle, _) = mean(&loaded, 52_000..60_000);
        assert!((busy - 2.1e-3).abs() < 1e-4 && (idle - 1.1e-3).abs() < 1e-12, "{busy} {idle}");
    }

    #[test]
    fn bursts_last_as_long_as_they_state() {
        let mut load = Load::default();
        let mut random = Random::new(1, 0);
        let busy: Vec<bool> = (0..1_000_000)
            .map(|ms| load.is_busy(f64::from(ms) * 1e-3, 3.0, 1.0, &mut random))
            .collect();
        let part = busy.iter().filter(|busy| **busy).count() as f64 / 1e6;
        let changes = busy.windows(2).filter(|pair| pair[0] != pair[1]).count() as f64;
        assert!((part - 0.25).abs() < 0.05, "{part}");
        // A burst each 4 s, with two changes.
        assert!((changes / 500.0 - 1.0).abs() < 0.15, "{changes}");
    }

    #[test]
    fn packets_are_lost_doubled_and_sent_on_other_routes_as_stated() {
        let change = |at, floor| RouteChange { at: Seconds(at), floor: Seconds(floor) };
        let points = vec![(Seconds(1.0), Seconds(0.0)), (Seconds(2.0), Seconds(1e-3))];
        let direction = Direction {
            loss: 0.3,
            duplication: 0.1,
            route_changes: vec![change(100.0, 2e-3), change(200.0, 5e-4)],
            ..Direction::new(1e-3, Queueing::Constant)
        };
        let (_, copies) = mean(&direction, 0..100_000);
        assert!((copies - 0.7 * 1.1).abs() < 0.01, "{copies}");
        let floors = [99.9, 100.0, 199.9, 200.0].map(|t| direction.floor(t));
        assert_eq!(floors, [1e-3, 2e-3, 2e-3, 5e-4]);
        let drifting = Direction { floor_drift: Some(Profile::Points { points }), ..direction };
        let floors = [0.0, 1.5, 99.0, 300.0].map(|t| drifting.floor(t));
        assert_eq!(floors, [1e-3, 1.5e-3, 2e-3, 1.5e-3]);
    }

    #[test]
    fn what_no_network_does_is_told() {
        let s = Seconds;
        let good = Direction::new(1e-3, Queueing::Constant);
        let queueing = |queueing| Direction::new(1e-3, queueing);
        let change = |at| RouteChange { at: s(at), floor: s(1e-3) };
        for (wrong, word) in [
            (Direction { loss: 1.5, ..good.clone() }, "loss"),
            (Direction { route_changes: vec![change(2.0), change(1.0)], ..good }, "order"),
            (queueing(Queueing::Exponential { mean: s(-1.0) }), "mean"),
            (queueing(Queueing::Gamma { shape: 0.0, mean: s(1.0) }), "shape"),
            (queueing(Queueing::HeldBack { part: 2.0, by: s(1.0) }), "part"),
            (
                queueing(Queueing::LoadCycle { mean: s(1.0), period: s(0.0), busy: s(0.0) }),
                "period",
            ),
            (queueing(Queueing::Bursts { mean: s(1.0), idle: s(0.0), busy: s(1.0) }), "idle"),
        ] {
            let told = wrong.check().unwrap_err();
            assert!(told.contains(word), "{told}");
        }
    }
}
