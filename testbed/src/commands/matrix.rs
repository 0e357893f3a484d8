//! `testbed matrix`: the conditions in which utcd is compared with its peers.

use std::io::{self, Write};

use clap::Args;
use clock_models::units::Time;
use testbed::matrix::{self, Cell, Jitter, Line, Rate};
use testbed::parallel;

use super::Outcome;

/// Run the conditions in which utcd is compared with its peers.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only these cells, by their numbers in the table: 1,5,11-14.
    #[arg(long, value_parser = parse_cells)]
    cells: Option<Cells>,
    /// How many seeds: 1 to this.
    #[arg(long, default_value_t = 50)]
    seeds: u64,
    /// Comma-separated values, in s and ratios, instead of a table.
    #[arg(long)]
    csv: bool,
}

/// Numbers of cells.
#[derive(Debug, Clone)]
pub(super) struct Cells(Vec<usize>);

impl Cells {
    /// Is this cell among them?
    pub(super) fn contain(&self, cell: &Cell) -> bool {
        self.0.contains(&cell.number)
    }
}

pub(super) fn parse_cells(text: &str) -> Result<Cells, String> {
    let last = matrix::cells().len();
    let number = |text: &str| match text.parse::<usize>() {
        Ok(number) if (1..=last).contains(&number) => Ok(number),
        _ => Err(format!("{text:?}: the cells are 1 to {last}")),
    };
    let mut cells = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cells.extend(number(first)?..=number(last)?);
    }
    Ok(Cells(cells))
}

pub(crate) fn execute(arguments: Arguments) -> Outcome {
    let Arguments { cells: chosen, seeds, csv } = arguments;
    let is_chosen = |cell: &Cell| chosen.as_ref().is_none_or(|cells| cells.contain(cell));
    let cells: Vec<Cell> = matrix::cells().into_iter().filter(is_chosen).collect();
    let jobs: Vec<(Cell, u64)> =
        cells.iter().flat_map(|cell| (1..=seeds).map(|seed| (*cell, seed))).collect();
    let runs = parallel::run(&jobs, |(cell, seed)| cell.run(*seed));
    let runs = runs.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", if csv { CSV_HEAD } else { TABLE_HEAD })?;
    let per_cell = usize::try_from(seeds)?.max(1);
    for (cell, runs) in cells.iter().zip(runs.chunks(per_cell)) {
        let line = Line::new(*cell, runs);
        writeln!(out, "{}", if csv { csv_line(&line) } else { table_line(&line) })?;
    }
    if !csv {
        writeln!(out, "seeds 1..{seeds}")?;
    }
    Ok(true)
}

const TABLE_HEAD: &str = "\
cell  jitter  wander  by   poll          rms       max  max/rms  freq. rms  1 ms  10 µs  1 µs    U k=2  \
type A   bound  steering  best peer  ratio  reach       by same  ratio    limit  ratio";

fn table_line(line: &Line) -> String {
    let (cell, median) = (&line.cell, &line.median);
    let settled = median.settled.map(|s| s.map_or_else(|| "–".to_owned(), |s| format!("{s:.0}")));
    format!(
        "{:>4}  {:>6}  {:>6.0e}  {}  {:<6} {:>10} {:>9}  {:>7.1}  {:>9.1e}  {:>4}  {:>5}  {:>4}  \
         {:>7.4} {:>7.4} {:>7.4}  {:>8.3}  {:>9}  {:>5.2}  {:>5.2} {:<4}  {:>8}  {:>5.2}  {:>7}  {:>5.2}",
        cell.number,
        jitter(cell),
        cell.wander,
        protocol(cell),
        poll(cell),
        Time(median.rms).to_string(),
        Time(median.max).to_string(),
        line.peak,
        median.rms_frequency,
        settled[0],
        settled[1],
        settled[2],
        median.coverage,
        median.type_a_coverage,
        median.bound_coverage,
        line.steering,
        Time(cell.best_peer).to_string(),
        line.ratio_to_peer(),
        cell.reach,
        if line.reaches() { "ok" } else { "MISS" },
        Time(cell.best_of_protocol).to_string(),
        line.ratio_to_protocol(),
        Time(cell.limit).to_string(),
        line.ratio_to_limit(),
    )
}

const CSV_HEAD: &str = "cell,jitter,wander,protocol,poll,seeds,rms,max,peak,rms_frequency,\
settle_1ms,settle_10us,settle_1us,coverage,type_a_coverage,bound_coverage,steering,best_peer,\
ratio_to_peer,reach,best_of_protocol,ratio_to_protocol,limit,ratio_to_limit";

fn csv_line(line: &Line) -> String {
    let (cell, median) = (&line.cell, &line.median);
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:e}"));
    let [ms, us10, us1] = median.settled.map(number);
    format!(
        "{},{},{:e},{},{},{},{:e},{:e},{:.3},{:e},{ms},{us10},{us1},{:.5},{:.5},{:.5},{:.4},{:e},\
         {:.4},{:.4},{:e},{:.4},{:e},{:.4}",
        cell.number,
        jitter(cell),
        cell.wander,
        protocol(cell),
        poll(cell),
        line.seeds,
        median.rms,
        median.max,
        line.peak,
        median.rms_frequency,
        median.coverage,
        median.type_a_coverage,
        median.bound_coverage,
        line.steering,
        cell.best_peer,
        line.ratio_to_peer(),
        cell.reach,
        cell.best_of_protocol,
        line.ratio_to_protocol(),
        cell.limit,
        line.ratio_to_limit(),
    )
}

pub(super) fn jitter(cell: &Cell) -> String {
    match cell.jitter {
        Jitter::Exponential(mean, _) => format!("{mean:.0e}"),
        Jitter::HeavyTail => "tail".to_owned(),
    }
}

pub(super) fn protocol(cell: &Cell) -> &'static str {
    match cell.rate {
        Rate::EverySecond | Rate::Slow => "NTP",
        Rate::Ptp => "PTP",
    }
}

pub(super) fn poll(cell: &Cell) -> &'static str {
    match cell.rate {
        Rate::EverySecond | Rate::Ptp => "1",
        Rate::Slow => "16-64",
    }
}
