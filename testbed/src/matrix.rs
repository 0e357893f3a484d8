//! The conditions in which utcd is compared with its peers.
//!
//! A perfect server; a delay each way of a floor plus queueing; an oscillator whose
//! frequency walks at random; 10 ms and 10 ppm off at the start; 10 000 s to settle, then
//! 20 000 s measured. The peers' figures are medians of their own binaries in a simulator,
//! in these conditions.

use clock_models::keeper::Terms;
use clock_models::time::LeapTable;
use clock_models::uncertainty::FrequencyNoise;
use ntp::client::ClientConfig;

use crate::limit::{self, Errors, Known, LimitError};
use crate::master::Intervals;
use crate::measure::{Figures, Measurement, median};
use crate::network::{Direction, Path, Queueing, Stamping};
use crate::oscillator::{Model, random_walk};
use crate::quantity::Seconds;
use crate::world::{Protocol, START, Setup, SetupError, Site, Steering, World};

/// How long the clock may settle, s.
const SETTLING: u32 = 10_000;
/// How long it is then measured, s.
const MEASURED: u32 = 20_000;

/// How, and how often, the time is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// By NTP, once a second.
    EverySecond,
    /// By NTP, every 16 to 64 s, as the daemon decides.
    Slow,
    /// By PTP: a Sync and a Delay_Req once a second.
    Ptp,
}

/// What the packets wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Jitter {
    /// Each way exponential, with this mean (s), over a floor (s).
    Exponential(f64, f64),
    /// From the server, 8 % of the packets are late by up to milliseconds.
    HeavyTail,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Number in the table, from 1.
    pub number: usize,
    /// What the packets wait.
    pub jitter: Jitter,
    /// Random walk of the frequency, per √s.
    pub wander: f64,
    /// How, and how often, the time is given.
    pub rate: Rate,
    /// Rms error of the best peer at that interval, by NTP or PTP, s: what the reach
    /// counts from.
    pub best_peer: f64,
    /// Rms error of the best peer by the same protocol, s.
    pub best_of_protocol: f64,
    /// Rms error of an estimator that knows every parameter, s: what [`Cell::limit_errors`]
    /// gave.
    pub limit: f64,
    /// The part of the best peer's error that utcd is to reach.
    pub reach: f64,
}

const FLOORS: [(f64, f64); 5] =
    [(1e-3, 20e-3), (1e-4, 200e-6), (1e-5, 50e-6), (1e-6, 10e-6), (1e-7, 1e-6)];
const WANDERS: [f64; 2] = [1e-9, 1e-8];

/// The best of chrony (with and without its median filter) and ntpd-rs, and the limit, at
/// 1 s, by jitter and wander.
///
/// The limits, here and below, are those of `testbed limit --particles 1000` of 2026-11-22,
/// with `--seeds 4` at 1 s and `--seeds 10` at 16 to 64 s.
const BY_NTP: [(f64, f64); 10] = [
    (45.1e-6, 2.85e-6),
    (59.2e-6, 7.51e-6),
    (5.86e-6, 0.751e-6),
    (8.96e-6, 2.04e-6),
    (0.855e-6, 0.204e-6),
    (1.33e-6, 0.515e-6),
    (0.132e-6, 51.5e-9),
    (0.352e-6, 0.129e-6),
    (44.1e-9, 13.0e-9),
    (109e-9, 32.9e-9),
];
/// The best of ptp4l (with either servo) and statime, and the limit, at 1 s.
const BY_PTP: [(f64, f64); 10] = [
    (268e-6, 3.27e-6),
    (268e-6, 8.12e-6),
    (26.4e-6, 0.812e-6),
    (26.4e-6, 2.05e-6),
    (1.23e-6, 0.218e-6),
    (1.62e-6, 0.538e-6),
    (0.171e-6, 52.1e-9),
    (0.309e-6, 0.134e-6),
    (31.3e-9, 13.4e-9),
    (62.6e-9, 37.1e-9),
];
/// The better of chrony and ntpd-rs, and the limit, at 16 to 64 s.
const SLOW: [(f64, f64); 10] = [
    (110e-6, 19.8e-6),
    (208e-6, 41.9e-6),
    (20.8e-6, 4.19e-6),
    (54.8e-6, 10.7e-6),
    (5.01e-6, 1.11e-6),
    (7.99e-6, 2.85e-6),
    (0.645e-6, 282e-9),
    (1.21e-6, 742e-9),
    (172e-9, 74.4e-9),
    (393e-9, 297e-9),
];
/// Rate, wander, best peer, best by the same protocol, limit.
const HEAVY_TAIL: [(Rate, f64, f64, f64, f64); 6] = [
    (Rate::EverySecond, 1e-9, 1.27e-6, 1.27e-6, 128e-9),
    (Rate::EverySecond, 1e-8, 1.55e-6, 1.55e-6, 370e-9),
    (Rate::Slow, 1e-9, 6.39e-6, 6.39e-6, 837e-9),
    (Rate::Slow, 1e-8, 15.7e-6, 15.7e-6, 2.36e-6),
    (Rate::Ptp, 1e-9, 1.27e-6, 271e-6, 119e-9),
    (Rate::Ptp, 1e-8, 1.55e-6, 271e-6, 359e-9),
];

/// All cells, in the order of the table: those of NTP, then those of PTP.
#[must_use]
pub fn cells() -> Vec<Cell> {
    let of_rate = |rate: Rate| {
        let tails = HEAVY_TAIL.into_iter().filter(move |(tail, ..)| *tail == rate);
        tails.map(|(rate, wander, best_peer, best_of_protocol, limit)| {
            let (jitter, reach) = (Jitter::HeavyTail, 0.5);
            Cell { number: 0, jitter, wander, rate, best_peer, best_of_protocol, limit, reach }
        })
    };
    let mut cells = exponential(Rate::EverySecond, BY_NTP, Some(BY_PTP));
    cells.extend(exponential(Rate::Slow, SLOW, None));
    cells.extend([Rate::EverySecond, Rate::Slow].into_iter().flat_map(of_rate));
    cells.extend(exponential(Rate::Ptp, BY_PTP, Some(BY_NTP)));
    cells.extend(of_rate(Rate::Ptp));
    cells.iter_mut().zip(1..).for_each(|(cell, number)| cell.number = number);
    cells
}

/// The cells of exponential queueing delays at a rate, of one protocol; the best peer may be
/// one of the `other`.
fn exponential(rate: Rate, peers: [(f64, f64); 10], other: Option<[(f64, f64); 10]>) -> Vec<Cell> {
    let cell = |(index, (best_of_protocol, limit)): (usize, (f64, f64))| {
        let best_peer =
            other.map_or(best_of_protocol, |other| other[index].0.min(best_of_protocol));
        let (mean, floor): (f64, f64) = FLOORS[index / 2];
        let (jitter, wander) = (Jitter::Exponential(mean, floor), WANDERS[index % 2]);
        let reach = reach(rate, mean);
        Cell { number: 0, jitter, wander, rate, best_peer, best_of_protocol, limit, reach }
    };
    peers.into_iter().enumerate().map(cell).collect()
}

fn reach(rate: Rate, mean: f64) -> f64 {
    match rate {
        _ if mean >= 1e-4 => 1.0 / 3.0,
        Rate::Slow => 1.0,
        Rate::EverySecond | Rate::Ptp if mean >= 1e-6 => 0.5,
        Rate::EverySecond | Rate::Ptp => 0.6,
    }
}

impl Cell {
    /// The world of this cell.
    #[must_use]
    pub fn setup(&self) -> Setup {
        let (path, floor) = self.path();
        let noise =
            FrequencyNoise { white: 0.0, flicker: 0.0, random_walk: random_walk(self.wander) };
        // The path is declared to be symmetrical, as it is.
        let terms = Terms { min_delay: Some(2.0 * floor), ..Terms::default() };
        Setup {
            start: START,
            leap: LeapTable::built_in(),
            hops: 1,
            oscillator: Model { noise, ..Model::quiet(10e-6) },
            offset: 10e-3,
            steering: Steering::default(),
            stamping: Stamping::default(),
            min_agreeing: 1,
            sites: vec![Site { protocol: self.rate.protocol(), terms, path, faults: Vec::new() }],
        }
    }

    /// The errors of an estimator that knows every parameter, in the same run.
    ///
    /// # Errors
    /// A setting out of its range, or one that the limit is not known for.
    pub fn limit_errors(&self, seed: u64, particles: usize) -> Result<Errors, LimitError> {
        let setup = self.setup();
        let known = Known::new(&setup)?;
        let run = limit::record(&setup, seed, SETTLING + MEASURED)?;
        Ok(known.errors(&run, SETTLING, particles, seed))
    }

    fn path(&self) -> (Path, f64) {
        let exponential = |mean| Queueing::Exponential { mean: Seconds(mean) };
        match self.jitter {
            Jitter::Exponential(mean, floor) => {
                (Path::symmetric(Direction::new(floor, exponential(mean))), floor)
            }
            Jitter::HeavyTail => {
                let floor = 200e-6;
                let tail =
                    Queueing::HeavyTail { body: Seconds(10e-6), part: 0.08, late: Seconds(50e-3) };
                let path = Path {
                    to_server: Direction::new(floor, exponential(10e-6)),
                    from_server: Direction::new(floor, tail),
                };
                (path, floor)
            }
        }
    }

    /// One run.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn run(&self, seed: u64) -> Result<Figures, SetupError> {
        let mut world = World::new(&self.setup(), seed)?;
        let mut measurement = Measurement::new(f64::from(SETTLING));
        world.run(f64::from(SETTLING + MEASURED), |sample| measurement.take(sample));
        Ok(measurement.figures())
    }
}

impl Rate {
    fn protocol(self) -> Protocol {
        let ntp = |min_poll, max_poll| {
            Protocol::Ntp(ClientConfig { min_poll, max_poll, ..ClientConfig::default() })
        };
        match self {
            Self::EverySecond => ntp(0, 0),
            Self::Slow => ntp(4, 6),
            Self::Ptp => Protocol::Ptp(Intervals { sync: 0, delay_req: 0, ..Intervals::default() }),
        }
    }
}

/// Medians over the seeds of one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Which cell.
    pub cell: Cell,
    /// How many seeds.
    pub seeds: usize,
    /// Medians; of the settling times as of infinite ones where a run did not settle.
    pub median: Figures,
    /// Median of the largest error of a run over its rms error.
    pub peak: f64,
    /// Median of the rms error of the clock over that of the estimate.
    pub steering: f64,
}

impl Line {
    /// What the runs of a cell come to.
    #[must_use]
    pub fn new(cell: Cell, runs: &[Figures]) -> Self {
        let of = |figure: fn(&Figures) -> f64| median(runs.iter().map(figure));
        let settled = std::array::from_fn(|index| {
            let times = runs.iter().map(|run| run.settled[index].unwrap_or(f64::INFINITY));
            Some(median(times)).filter(|time| time.is_finite())
        });
        let median = Figures {
            rms: of(|run| run.rms),
            max: of(|run| run.max),
            rms_frequency: of(|run| run.rms_frequency),
            estimate_rms: of(|run| run.estimate_rms),
            estimate_rms_frequency: of(|run| run.estimate_rms_frequency),
            settled,
            type_a_coverage: of(|run| run.type_a_coverage),
            rms_expanded: of(|f| f.rms_expanded),
            coverage: of(|run| run.coverage),
            bound_coverage: of(|run| run.bound_coverage),
        };
        let peak = of(|run| run.max / run.rms);
        let steering = of(|run| run.rms / run.estimate_rms);
        Self { cell, seeds: runs.len(), median, peak, steering }
    }

    /// Our rms error over the best peer's.
    #[must_use]
    pub fn ratio_to_peer(&self) -> f64 {
        self.median.rms / self.cell.best_peer
    }

    /// Our rms error over that of the best peer by the same protocol.
    #[must_use]
    pub fn ratio_to_protocol(&self) -> f64 {
        self.median.rms / self.cell.best_of_protocol
    }

    /// Our rms error over the limit.
    #[must_use]
    pub fn ratio_to_limit(&self) -> f64 {
        self.median.rms / self.cell.limit
    }

    /// Does utcd reach what it is to reach?
    #[must_use]
    pub fn reaches(&self) -> bool {
        self.ratio_to_peer() <= self.cell.reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cells_are_numbered_and_each_has_its_conditions() {
        let cells = cells();
        assert_eq!(cells.len(), 36);
        assert!(cells.iter().zip(1..).all(|(cell, number)| cell.number == number));
        let fifth = cells[4];
        assert_eq!(fifth.jitter, Jitter::Exponential(1e-5, 50e-6));
        assert_eq!((fifth.wander, fifth.rate), (1e-9, Rate::EverySecond));
        assert_eq!((fifth.best_peer, fifth.reach), (0.855e-6, 0.5));
        let slow = cells[13];
        assert_eq!((slow.rate, slow.wander, slow.best_peer), (Rate::Slow, 1e-8, 54.8e-6));
        let tails = cells.iter().filter(|cell| cell.jitter == Jitter::HeavyTail);
        assert_eq!(tails.map(|cell| cell.number).collect::<Vec<_>>(), [21, 22, 23, 24, 35, 36]);
        assert!(cells.iter().all(|cell| (cell.rate == Rate::Ptp) == (cell.number > 24)));
        assert!(cells.iter().all(|cell| cell.best_peer <= cell.best_of_protocol));
        // The better of both protocols is the best.
        for (ntp, ptp) in cells[..10].iter().zip(&cells[24..]) {
            let better = ntp.best_of_protocol.min(ptp.best_of_protocol);
            assert_eq!([ntp.best_peer, ptp.best_peer], [better; 2]);
        }
    }
}
