//! How fast the simulator is.

use std::time::Instant;

use crate::matrix::{Cell, Jitter, Rate};
use crate::measure::Measurement;
use crate::world::{SetupError, World};

/// Simulated seconds in a run.
const LENGTH: f64 = 200_000.0;

/// Simulated seconds per second of one core.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    /// With one NTP client that asks every 16 s.
    pub every_16_s: f64,
    /// With one that asks every second.
    pub every_second: f64,
}

/// Measures it, by the clock of this machine.
///
/// # Errors
/// None that can come of the cells it runs.
pub fn speed() -> Result<Speed, SetupError> {
    Ok(Speed { every_16_s: run(4)?, every_second: run(0)? })
}

fn run(poll: i8) -> Result<f64, SetupError> {
    let cell = Cell {
        number: 0,
        jitter: Jitter::Exponential(1e-4, 200e-6),
        wander: 1e-9,
        rate: Rate::Slow,
        best_peer: 0.0,
        limit: None,
        reach: 0.0,
    };
    let mut setup = cell.setup();
    for site in &mut setup.sites {
        (site.client.min_poll, site.client.max_poll) = (poll, poll);
    }
    let mut world = World::new(&setup, 1)?;
    let mut measurement = Measurement::new(0.0);
    let begin = Instant::now();
    world.run(LENGTH, |sample| measurement.take(sample));
    Ok(LENGTH / begin.elapsed().as_secs_f64())
}
