//! `testbed run`: scenarios against their budgets.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::Args;
use clock_models::units::Time;
use testbed::report::Section;
use testbed::report::scenario::Runs;
use testbed::scenario::{Check, Scenario, Verdict};
use testbed::{parallel, results, table};

use super::Outcome;
use super::report::ReportArguments;

/// Run scenarios, each with its budget. Exits with 1 if one misses it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Scenario files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Seeds: a number, or a range such as 1..200 (200 included).
    #[arg(long, default_value = "1", value_parser = parse_seeds)]
    seeds: RangeInclusive<u64>,
    /// Write the figures of every run as a Parquet file: a row for each scenario and seed.
    #[arg(long, value_name = "FILE")]
    parquet: Option<PathBuf>,
    #[command(flatten)]
    report: ReportArguments,
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
    let seeds: Vec<u64> = arguments.seeds.clone().collect();
    let mut all_passed = true;
    let mut results = Vec::new();
    let mut sections = Vec::new();
    for file in &arguments.files {
        let told = |error: &dyn Error| format!("{}: {error}", file.display());
        let text = fs::read_to_string(file).map_err(|error| told(&error))?;
        let scenario = Scenario::parse(&text).map_err(|error| told(&error))?;
        writeln!(io::stdout(), "{}: {}", file.display(), scenario.title)?;
        let verdicts = parallel::run(&seeds, |seed| scenario.run(*seed));
        let verdicts: Vec<Verdict> =
            verdicts.into_iter().collect::<Result<_, _>>().map_err(|error| told(&error))?;
        for verdict in &verdicts {
            show(&scenario, verdict)?;
            all_passed &= verdict.passed;
        }
        let name = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy();
        if arguments.report.wanted() {
            sections.push(section(&name, &text, &scenario, &verdicts)?);
        }
        results.extend(verdicts.into_iter().map(|verdict| (name.to_string(), verdict)));
    }
    if let Some(path) = &arguments.parquet {
        let told = |error: &dyn Error| format!("{}: {error}", path.display());
        let output = fs::File::create(path).map_err(|error| told(&error))?;
        let about = [("testbed", env!("CARGO_PKG_VERSION"))];
        table::write(&results::columns(&results), &about, output).map_err(|error| told(&error))?;
    }
    let seeds = format!("{} to {}", arguments.seeds.start(), arguments.seeds.end());
    arguments.report.write("Scenarios", vec![("seeds".to_owned(), seeds)], sections)?;
    Ok(all_passed)
}

/// The part of the report on a scenario: the first seed is run again to see what it does.
fn section(
    name: &str,
    text: &str,
    scenario: &Scenario,
    verdicts: &[Verdict],
) -> Result<Section, Box<dyn Error>> {
    let mut samples = Vec::new();
    let first = verdicts.first().map_or(1, |verdict| verdict.seed);
    scenario.observe(first, |sample| samples.push(*sample))?;
    Ok(Runs { name, text, scenario, verdicts, samples: &samples }.section())
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
