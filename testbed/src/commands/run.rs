//! `testbed run`: scenarios against their budgets.

use std::error::Error;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::Args;
use clock_models::units::{Ratio, Time};
use serde::Serialize;
use testbed::measure::Distribution;
use testbed::parallel;
use testbed::scenario::{Check, Scenario};

use super::Outcome;
use super::run_files::{Run, RunFiles};

/// Run scenarios, each with its budget. Exits with 1 if one misses it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  testbed run testbed/scenarios/*.toml
  testbed run testbed/scenarios/02-heavy-tail.toml --seeds 1..200
  testbed run testbed/scenarios/*.toml --seeds 1..20 --json | jq 'select(.failing != [])'
  testbed run testbed/scenarios/02-heavy-tail.toml --record run.parquet")]
pub(crate) struct Arguments {
    /// Scenario files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Seeds: a number, or a range such as 1..200 (200 included). With several, the
    /// distribution of each figure is shown.
    #[arg(long, default_value = "1", value_parser = parse_seeds)]
    seeds: RangeInclusive<u64>,
    /// One line of JSON for each scenario, in s and ratios.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    outputs: RunFiles,
}

fn parse_seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
    let (first, last) = match text.split_once("..") {
        Some((first, last)) => (number(first)?, number(last.trim_start_matches('='))?),
        None => (number(text)?, number(text)?),
    };
    if first > last { Err("an empty range".to_owned()) } else { Ok(first..=last) }
}

/// True if every scenario passed with every seed.
pub(crate) fn execute(arguments: Arguments) -> Outcome {
    let Arguments { files, seeds, json, outputs } = arguments;
    let scenarios = files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    let jobs: Vec<(usize, u64)> =
        (0..files.len()).flat_map(|index| seeds.clone().map(move |seed| (index, seed))).collect();
    outputs.prepare(&files, seeds.clone().count())?;
    let run = |&(index, seed): &(usize, u64)| outputs.run(&files[index], &scenarios[index], seed);
    let mut verdicts = parallel::run(&jobs, run).into_iter();
    let mut all_passed = true;
    let mut runs = Vec::new();
    for (file, scenario) in files.iter().zip(scenarios) {
        let verdicts = verdicts.by_ref().take(seeds.clone().count()).collect::<Result<_, _>>()?;
        let run = Run { file, scenario, verdicts };
        let summary = Summary::new(&run, &seeds);
        all_passed &= summary.failing.is_empty();
        let mut out = io::stdout().lock();
        if json {
            writeln!(out, "{}", serde_json::to_string(&summary)?)?;
        } else {
            show(&mut out, &summary)?;
        }
        runs.push(run);
    }
    outputs.write(&runs)?;
    Ok(all_passed)
}

fn read(file: &Path) -> Result<Scenario, Box<dyn Error>> {
    let told = |error: &dyn Error| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| told(&error))?;
    Ok(Scenario::parse(&text).map_err(|error| told(&error))?)
}

/// What the runs of a scenario came to.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    file: &'a Path,
    title: &'a str,
    /// The first and the last.
    seeds: [u64; 2],
    passed: usize,
    /// Seeds of the runs that did not pass.
    failing: Vec<u64>,
    figures: Vec<Figure>,
}

/// A budgeted figure over all runs.
#[derive(Debug, Serialize)]
struct Figure {
    name: &'static str,
    /// The least and the most that it may be.
    allowed: [f64; 2],
    must_fail: bool,
    /// Runs in which it was not within the budget.
    missed: usize,
    #[serde(flatten)]
    distribution: Distribution,
}

impl<'a> Summary<'a> {
    fn new(run: &'a Run<'_>, seeds: &RangeInclusive<u64>) -> Self {
        let Run { file, scenario, verdicts: runs } = run;
        let failing: Vec<u64> = runs.iter().filter(|run| !run.passed).map(|run| run.seed).collect();
        let checks = runs.first().map_or(&[][..], |run| &run.checks);
        let figure = |(index, check): (usize, &Check)| {
            // Every run has the checks of the budget, in its order.
            let of_all = || runs.iter().map(move |run| run.checks[index]);
            Figure {
                name: check.name,
                allowed: check.allowed,
                must_fail: scenario.must_fail.iter().any(|name| name == check.name),
                missed: of_all().filter(|check| !check.holds()).count(),
                distribution: Distribution::of(of_all().map(|check| check.value)),
            }
        };
        Self {
            file,
            title: &scenario.title,
            seeds: [*seeds.start(), *seeds.end()],
            passed: runs.len() - failing.len(),
            failing,
            figures: checks.iter().enumerate().map(figure).collect(),
        }
    }

    fn runs(&self) -> usize {
        self.passed + self.failing.len()
    }
}

fn show(out: &mut impl Write, summary: &Summary<'_>) -> io::Result<()> {
    let [first, last] = summary.seeds;
    writeln!(out, "{}: {}", summary.file.display(), summary.title)?;
    if summary.runs() == 1 {
        let word = if summary.passed == 1 { "passed" } else { "FAILED" };
        writeln!(out, "  seed {first}: {word}")?;
    } else {
        writeln!(
            out,
            "  seeds {first}..{last}: {} passed, {} failed",
            summary.passed,
            summary.failing.len()
        )?;
        writeln!(
            out,
            "    {:<15} {:>10} {:>10} {:>10} {:>10}   budget",
            "", "min", "median", "95 %", "max"
        )?;
    }
    for figure in &summary.figures {
        show_figure(out, figure, summary.runs())?;
    }
    if summary.runs() > 1 && !summary.failing.is_empty() {
        let seeds: Vec<String> = summary.failing.iter().map(u64::to_string).collect();
        writeln!(out, "  failing seeds: {}", seeds.join(", "))?;
    }
    Ok(())
}

fn show_figure(out: &mut impl Write, figure: &Figure, runs: usize) -> io::Result<()> {
    let Distribution { min, median, p95, max } = figure.distribution;
    let values: &[f64] = if runs == 1 { &[median] } else { &[min, median, p95, max] };
    let columns: String =
        values.iter().map(|value| format!(" {:>10}", shown(figure.name, *value))).collect();
    let [least, most] = figure.allowed.map(|limit| shown(figure.name, limit));
    let remark = match (figure.missed, figure.must_fail, runs) {
        (0, false, _) => String::new(),
        (_, false, 1) => "  MISSED".to_owned(),
        (missed, false, _) => format!("  MISSED by {missed}"),
        (missed, true, _) if missed == runs => "  missed, as it must be".to_owned(),
        (missed, true, _) => format!("  HELD by {}, but must be missed", runs - missed),
    };
    writeln!(out, "    {:<15}{columns}   {least} to {most}{remark}", figure.name)
}

fn shown(name: &str, value: f64) -> String {
    match name {
        "coverage" | "bound-coverage" => format!("{value:.4}"),
        "claim" => format!("{value:.2}"),
        "rms-frequency" => Ratio(value).to_string(),
        _ if value.is_infinite() => "never".to_owned(),
        _ => Time(value).to_string(),
    }
}
