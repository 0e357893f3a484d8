//! `testbed run`: scenarios against their budgets.

use std::error::Error;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::Args;
use clock_models::units::Time;
use testbed::parallel;
use testbed::scenario::{Check, Scenario, Verdict};

use super::Outcome;
use super::run_files::{Run, RunFiles};

/// Run scenarios, each with its budget. Exits with 1 if one misses it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Scenario files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Seeds: a number, or a range such as 1..200 (200 included).
    #[arg(long, default_value = "1", value_parser = parse_seeds)]
    seeds: RangeInclusive<u64>,
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
    let Arguments { files, seeds, outputs } = arguments;
    let mut all_passed = true;
    let mut runs = Vec::new();
    for file in &files {
        let scenario = read(file)?;
        writeln!(io::stdout(), "{}: {}", file.display(), scenario.title)?;
        let seeds: Vec<u64> = seeds.clone().collect();
        let verdicts = parallel::run(&seeds, |seed| scenario.run(*seed));
        let verdicts: Vec<Verdict> = verdicts
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|error| format!("{}: {error}", file.display()))?;
        for verdict in &verdicts {
            show(&scenario, verdict)?;
            all_passed &= verdict.passed;
        }
        runs.push(Run { file, scenario, verdicts });
    }
    outputs.write(&runs)?;
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
