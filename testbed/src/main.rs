//! `testbed`: runs scenarios, the matrix of conditions, and a bench.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use clock_models::units::Time;
use testbed::bench;
use testbed::matrix::{self, Cell, Jitter, Line, Rate};
use testbed::parallel;
use testbed::scenario::{Check, Scenario, Verdict};

/// Simulated clocks and networks that run the code of utcd, and know the truth.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios, each with its budget. Exits with 1 if one misses it.
    Run {
        /// Scenario files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Seeds: a number, or a range such as 1..200 (200 included).
        #[arg(long, default_value = "1", value_parser = parse_seeds)]
        seeds: RangeInclusive<u64>,
    },
    /// Run the conditions in which utcd is compared with its peers.
    Matrix {
        /// Only these cells, by their numbers in the table: 1,5,11-14.
        #[arg(long, value_parser = parse_cells)]
        cells: Option<Cells>,
        /// How many seeds: 1 to this.
        #[arg(long, default_value_t = 50)]
        seeds: u64,
        /// Comma-separated values, in s and ratios, instead of a table.
        #[arg(long)]
        csv: bool,
    },
    /// Measure how many seconds are simulated in a second, on one core.
    Bench,
}

/// Numbers of cells.
#[derive(Debug, Clone)]
struct Cells(Vec<usize>);

fn parse_seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
    let (first, last) = match text.split_once("..") {
        Some((first, last)) => (number(first)?, number(last.trim_start_matches('='))?),
        None => (number(text)?, number(text)?),
    };
    if first > last { Err("an empty range".to_owned()) } else { Ok(first..=last) }
}

fn parse_cells(text: &str) -> Result<Cells, String> {
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

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run { files, seeds } => run_scenarios(&files, &seeds),
        Command::Matrix { cells, seeds, csv } => run_matrix(cells, seeds, csv).map(|()| true),
        Command::Bench => run_bench().map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "testbed: {error}");
            ExitCode::from(2)
        }
    }
}

/// True if every scenario passed with every seed.
fn run_scenarios(files: &[PathBuf], seeds: &RangeInclusive<u64>) -> Result<bool, Box<dyn Error>> {
    let mut all_passed = true;
    for file in files {
        let scenario = read(file)?;
        writeln!(io::stdout(), "{}: {}", file.display(), scenario.title)?;
        let seeds: Vec<u64> = seeds.clone().collect();
        for verdict in parallel::run(&seeds, |seed| scenario.run(*seed)) {
            let verdict = verdict.map_err(|error| format!("{}: {error}", file.display()))?;
            show(&scenario, &verdict)?;
            all_passed &= verdict.passed;
        }
    }
    Ok(all_passed)
}

fn read(file: &Path) -> Result<Scenario, Box<dyn Error>> {
    let told = |error: &dyn Error| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| told(&error))?;
    Ok(Scenario::parse(&text).map_err(|error| told(&error))?)
}

fn show(scenario: &Scenario, verdict: &Verdict) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let word = if verdict.passed { "passed" } else { "FAILED" };
    writeln!(out, "  seed {}: {word}", verdict.seed)?;
    for check in &verdict.checks {
        let expected = scenario.must_fail.iter().any(|name| name == check.name);
        let remark = match (check.holds(), expected) {
            (true, false) => "",
            (false, true) => "  missed, as it must be",
            (false, false) => "  MISSED",
            (true, true) => "  HELD, but must be missed",
        };
        let [least, most] = check.allowed.map(|limit| value(check, limit));
        let found = value(check, check.value);
        writeln!(out, "    {:<15} {found:>10}   {least} to {most}{remark}", check.name)?;
    }
    Ok(())
}

fn value(check: &Check, value: f64) -> String {
    match check.name {
        "coverage" | "bound-coverage" => format!("{value:.4}"),
        "rms-frequency" => format!("{value:.2e}"),
        _ if value.is_infinite() => "never".to_owned(),
        _ => Time(value).to_string(),
    }
}

fn run_matrix(chosen: Option<Cells>, seeds: u64, csv: bool) -> Result<(), Box<dyn Error>> {
    let is_chosen =
        |cell: &Cell| chosen.as_ref().is_none_or(|cells| cells.0.contains(&cell.number));
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
    Ok(())
}

const TABLE_HEAD: &str = "\
cell  jitter  wander  poll          rms       max  max/rms  freq. rms  1 ms  10 µs  1 µs    U k=2  \
type A   bound  steering  best peer  ratio  reach        limit  ratio";

fn table_line(line: &Line) -> String {
    let (cell, median) = (&line.cell, &line.median);
    let settled = median.settled.map(|s| s.map_or_else(|| "–".to_owned(), |s| format!("{s:.0}")));
    let limit = cell.limit.map_or_else(|| "–".to_owned(), |limit| Time(limit).to_string());
    let to_limit = line.ratio_to_limit().map_or_else(|| "–".to_owned(), |r| format!("{r:.2}"));
    format!(
        "{:>4}  {:>6}  {:>6.0e}  {:<6} {:>10} {:>9}  {:>7.1}  {:>9.1e}  {:>4}  {:>5}  {:>4}  \
         {:>7.4} {:>7.4} {:>7.4}  {:>8.3}  {:>9}  {:>5.2}  {:>5.2} {:<4}  {:>7}  {:>5}",
        cell.number,
        jitter(cell),
        cell.wander,
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
        limit,
        to_limit,
    )
}

const CSV_HEAD: &str = "cell,jitter,wander,protocol,poll,seeds,rms,max,peak,rms_frequency,\
settle_1ms,settle_10us,settle_1us,coverage,type_a_coverage,bound_coverage,steering,best_peer,\
ratio_to_peer,reach,limit,ratio_to_limit";

fn csv_line(line: &Line) -> String {
    let (cell, median) = (&line.cell, &line.median);
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:e}"));
    let [ms, us10, us1] = median.settled.map(number);
    format!(
        "{},{},{:e},NTP,{},{},{:e},{:e},{:.3},{:e},{ms},{us10},{us1},{:.5},{:.5},{:.5},{:.4},{:e},\
         {:.4},{:.4},{},{}",
        cell.number,
        jitter(cell),
        cell.wander,
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
        number(cell.limit),
        number(line.ratio_to_limit()),
    )
}

fn jitter(cell: &Cell) -> String {
    match cell.jitter {
        Jitter::Exponential(mean, _) => format!("{mean:.0e}"),
        Jitter::HeavyTail => "tail".to_owned(),
    }
}

fn poll(cell: &Cell) -> &'static str {
    match cell.rate {
        Rate::EverySecond => "1",
        Rate::Slow => "16-64",
    }
}

fn run_bench() -> Result<(), Box<dyn Error>> {
    let speed = bench::speed()?;
    let mut out = io::stdout().lock();
    writeln!(out, "simulated seconds per second, one core, one NTP client:")?;
    writeln!(out, "  every 16 s  {:>9.0}", speed.every_16_s)?;
    writeln!(out, "  every 1 s   {:>9.0}", speed.every_second)?;
    Ok(())
}
