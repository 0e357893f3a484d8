//! `testbed compare`: series of offsets side by side.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use clock_models::recording::csv;
use clock_models::stability::{Deviation, Statistic};
use serde_json::{Map, Value, json};
use testbed::readers::{self, Options};
use testbed::recording;
use testbed::report::Table;
use testbed::report::compare::Comparison;
use testbed::series::Series;

use super::Outcome;
use super::report::ReportArguments;

/// Compare series of offsets: statistics, stability, distribution, and E_n where they have
/// uncertainties.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Recordings of utcd, logs of chrony, ptp4l or phc2sys, or columns of numbers. The
    /// times of each file count from its first point, so let them begin together.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Only the series of this name, of a file that has several. May be given again.
    #[arg(long, value_name = "NAME")]
    source: Vec<String>,
    /// The interval between points, s; needed for a text of one column.
    #[arg(long, value_name = "SECONDS")]
    tau0: Option<f64>,
    /// Multiply the values of a text by this: 1e-9 if they are nanoseconds.
    #[arg(long, value_name = "FACTOR", default_value = "1")]
    scale: f64,
    /// Write JSON, in s and ratios.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    report: ReportArguments,
}

/// What a Parquet file begins with: of those, only recordings have series.
const PARQUET: &[u8] = b"PAR1";

const EXAMPLES: &str = "\
Examples:
  testbed compare before/tracking.log after/tracking.log --report compare.html
  testbed compare recording.csv --source 'clock system' --source ptp0
  testbed compare counter-a.txt counter-b.txt --tau0 1 --scale 1e-9 --json";

/// Always true: a comparison judges nothing.
pub(crate) fn execute(arguments: Arguments) -> Outcome {
    let mut series = Vec::new();
    for file in &arguments.files {
        series.extend(named(file, read(file, &arguments)?, arguments.files.len() > 1));
    }
    let found = Comparison::new(selected(series, &arguments.source)?);
    if arguments.json {
        writeln!(io::stdout(), "{:#}", json(&found))?;
    } else {
        found.tables().iter().try_for_each(show)?;
    }
    if arguments.report.wanted() {
        arguments.report.write("Comparison", Vec::new(), vec![found.section()])?;
    }
    Ok(true)
}

fn read(file: &Path, arguments: &Arguments) -> Result<Vec<Series>, Box<dyn Error>> {
    let mut start = Vec::new();
    let told = |error: io::Error| format!("{}: {error}", file.display());
    let opened = File::open(file).map_err(told)?;
    opened.take(csv::TITLE.len() as u64).read_to_end(&mut start).map_err(told)?;
    let is_parquet = start.starts_with(PARQUET);
    if is_parquet || start == csv::TITLE.as_bytes() {
        return Ok(recording::series(file)?);
    }
    let Arguments { tau0, scale, .. } = *arguments;
    let options = Options { interval: tau0, scale, ..Options::default() };
    Ok(readers::read(file, &options)?.series)
}

/// The series of a file, named after it if there are `several` files.
fn named(file: &Path, mut series: Vec<Series>, several: bool) -> Vec<Series> {
    let only = series.len() == 1;
    for series in series.iter_mut().filter(|_| several) {
        series.name = match only {
            true => file.display().to_string(),
            false => format!("{} {}", file.display(), series.name),
        };
    }
    series
}

/// The series that are wanted: all, if none is named.
fn selected(mut series: Vec<Series>, wanted: &[String]) -> Result<Vec<Series>, String> {
    let present: Vec<String> = series.iter().map(|series| series.name.clone()).collect();
    if let Some(name) = wanted.iter().find(|name| !present.contains(name)) {
        return Err(format!("no series {name:?}: the files have {}", present.join(", ")));
    }
    series.retain(|series| wanted.is_empty() || wanted.contains(&series.name));
    Ok(series)
}

fn json(found: &Comparison) -> Value {
    let stability = |(statistic, deviations): &(Statistic, Vec<Deviation>)| {
        let values = deviations.iter().map(|d| json!({ "tau": d.tau, "value": d.value }));
        (statistic.name().to_lowercase(), values.collect())
    };
    let series = found.series.iter().zip(&found.statistics).zip(&found.stability);
    let series = series.map(|((series, statistics), by_statistic)| {
        let [min, p5, median, p95, max] = statistics.quantiles;
        json!({
            "name": series.name,
            "points": statistics.points,
            "span": statistics.span,
            "mean": statistics.mean,
            "rms": statistics.rms,
            "standard_deviation": statistics.deviation,
            "min": min,
            "p5": p5,
            "median": median,
            "p95": p95,
            "max": max,
            "stability": by_statistic.iter().map(stability).collect::<Map<String, Value>>(),
        })
    });
    let agreements = found.agreements.iter().map(|([first, second], agreement)| {
        json!({
            "a": found.series[*first].name,
            "b": found.series[*second].name,
            "times": agreement.numbers.len(),
            "satisfactory": agreement.satisfactory,
            "largest": agreement.largest,
        })
    });
    json!({ "series": series.collect::<Vec<_>>(), "en": agreements.collect::<Vec<_>>() })
}

/// Prints a table: the first column to the left, the others to the right.
fn show(table: &Table) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let lines = || std::iter::once(&table.head).chain(&table.rows);
    let width = |column: usize| lines().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table.head.len()).map(width).collect();
    writeln!(out, "{}", table.title)?;
    for line in lines() {
        write!(out, "  {:<1$}", line[0], widths[0])?;
        for (cell, width) in line.iter().zip(&widths).skip(1) {
            write!(out, "  {cell:>width$}")?;
        }
        writeln!(out)?;
    }
    writeln!(out)
}
