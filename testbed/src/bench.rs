//! How fast the simulator is.

use std::time::Instant;

use ntp::client::ClientConfig;

use crate::master::Intervals;
use crate::matrix::{Cell, Jitter, Rate};
use crate::measure::Measurement;
use crate::world::{Protocol, SetupError, World};

/// Simulated seconds in a run.
const LENGTH: f64 = 200_000.0;
/// The noise of the network and of the oscillator.
const CONDITIONS: Cell = Cell {
    number: 0,
    jitter: Jitter::Exponential(1e-4, 200e-6),
    wander: 1e-9,
    rate: Rate::Slow,
    best_peer: 0.0,
    best_of_protocol: 0.0,
    limit: 0.0,
    reach: 0.0,
};

/// Simulated seconds per second of one core.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    /// With one NTP client that asks every 16 s.
    pub every_16_s: f64,
    /// With one that asks every second.
    pub every_second: f64,
    /// With one PTP client that is sent a Sync, and asks, every second.
    pub ptp: f64,
}

/// Measures it, by the clock of this machine.
///
/// # Errors
/// None that can come of the cells it runs.
pub fn speed() -> Result<Speed, SetupError> {
    let ntp = |poll| {
        let config = ClientConfig { min_poll: poll, max_poll: poll, ..ClientConfig::default() };
        Protocol::Ntp(config)
    };
    Ok(Speed {
        every_16_s: run(ntp(4))?,
        every_second: run(ntp(0))?,
        ptp: run(Protocol::Ptp(Intervals::default()))?,
    })
}

fn run(protocol: Protocol) -> Result<f64, SetupError> {
    let mut setup = CONDITIONS.setup();
    setup.sites.iter_mut().for_each(|site| site.protocol = protocol);
    let mut world = World::new(&setup, 1)?;
    let mut measurement = Measurement::new(0.0);
    let begin = Instant::now();
    world.run(LENGTH, |sample| measurement.take(sample));
    Ok(LENGTH / begin.elapsed().as_secs_f64())
}
