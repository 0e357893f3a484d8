//! `testbed limit`: what could be reached in the conditions of the matrix.

use std::io::{self, Write};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use clock_models::units::Time;
use testbed::matrix::{self, Cell};
use testbed::measure::median;
use testbed::parallel;

use super::Outcome;
use super::matrix::{Cells, jitter, parse_cells, poll, protocol};

/// Compute what an estimator that knows every parameter reaches in the matrix.
#[derive(Debug, Args)]
#[command(after_help = "\
Example: testbed limit --cells 5,15 --seeds 20 --particles 4000
For the exchanges of each run of utcd, a particle filter that knows the floor, the queueing \
and the wander. The figure is the median over the seeds of the rms error; `testbed matrix` \
has such figures built in.")]
pub(crate) struct Arguments {
    /// Only these cells, by their numbers in the table: 1,5,11-14.
    #[arg(long, value_parser = parse_cells)]
    cells: Option<Cells>,
    /// How many seeds: 1 to this.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// How many particles. With half as many the figures should be the same within 3 %.
    #[arg(long, default_value_t = 2000, value_parser = at_least_a_hundred())]
    particles: usize,
}

fn at_least_a_hundred() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(100..)
}

pub(crate) fn execute(arguments: Arguments) -> Outcome {
    let Arguments { cells, seeds, particles } = arguments;
    let seeds: Vec<u64> = (1..=seeds).collect();
    let mut out = io::stdout().lock();
    writeln!(out, "cell  jitter  wander  by   poll        limit      from       to  max/rms")?;
    let chosen = |cell: &Cell| cells.as_ref().is_none_or(|cells| cells.contain(cell));
    for cell in matrix::cells().into_iter().filter(chosen) {
        let runs = parallel::run(&seeds, |seed| cell.limit_errors(*seed, particles));
        let runs = runs.into_iter().collect::<Result<Vec<_>, _>>()?;
        let least = runs.iter().map(|run| run.rms).fold(f64::INFINITY, f64::min);
        let most = runs.iter().map(|run| run.rms).fold(0.0, f64::max);
        writeln!(
            out,
            "{:>4}  {:>6}  {:>6.0e}  {:<3}  {:<6} {:>10}  {:>8}  {:>8}  {:>7.1}",
            cell.number,
            jitter(&cell),
            cell.wander,
            protocol(&cell),
            poll(&cell),
            Time(median(runs.iter().map(|run| run.rms))).to_string(),
            Time(least).to_string(),
            Time(most).to_string(),
            median(runs.iter().map(|run| run.max / run.rms)),
        )?;
    }
    Ok(true)
}
