//! `testbed bench`: the speed of the simulator.

use std::io::{self, Write};

use testbed::bench;

use super::Outcome;

pub(crate) fn execute() -> Outcome {
    let speed = bench::speed()?;
    let mut out = io::stdout().lock();
    writeln!(out, "simulated seconds per second, one core, one client:")?;
    writeln!(out, "  NTP, every 16 s  {:>9.0}", speed.every_16_s)?;
    writeln!(out, "  NTP, every 1 s   {:>9.0}", speed.every_second)?;
    writeln!(out, "  PTP, every 1 s   {:>9.0}", speed.ptp)?;
    Ok(true)
}
