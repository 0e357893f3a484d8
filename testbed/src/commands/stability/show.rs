//! What `testbed stability` prints.

use std::io::{self, Write};

use clock_models::stability::{Deviation, Statistic};
use clock_models::units::Time;
use serde_json::{Value, json};

use super::{Arguments, ComparedCurve, Comparison, Findings, Record};

/// Tables, with units.
pub(super) fn text(arguments: &Arguments, record: &Record, findings: &Findings) -> io::Result<()> {
    let mut out = io::stdout().lock();
    heading(&mut out, arguments, record)?;
    for (statistic, deviations) in &findings.statistics {
        table(&mut out, *statistic, deviations)?;
    }
    if let Some(comparison) = &findings.mask {
        verdict(&mut out, comparison)?;
    }
    Ok(())
}

fn heading(out: &mut impl Write, arguments: &Arguments, record: &Record) -> io::Result<()> {
    let Record { grid, outliers, .. } = record;
    let points = grid.values.len() - grid.missing;
    writeln!(out, "{}: {} ({})", arguments.file.display(), record.source, record.format.name())?;
    writeln!(
        out,
        "  {points} points every {}, {} missing, {:.1} % from regular times at the most",
        Time(grid.interval),
        grid.missing,
        100.0 * grid.displacement,
    )?;
    let what = if arguments.remove_outliers { "taken for missing" } else { "kept" };
    writeln!(
        out,
        "  {} outliers beyond {} standard deviations from their neighbours, {what}",
        outliers.indices.len(),
        arguments.outliers,
    )?;
    let skipped = record.skipped.to_string();
    if !skipped.is_empty() {
        writeln!(out, "  not used: {skipped}")?;
    }
    Ok(())
}

fn table(out: &mut impl Write, statistic: Statistic, deviations: &[Deviation]) -> io::Result<()> {
    writeln!(
        out,
        "\n{:>10}  {:>10}  {:>10}  {:>10}  {:>9}  noise",
        "τ",
        statistic.name(),
        "low",
        "high",
        "terms",
    )?;
    let show = |value: f64| {
        if statistic.is_time() { Time(value).to_string() } else { format!("{value:.3e}") }
    };
    for deviation in deviations {
        let [low, high] = match deviation.interval {
            Some(interval) => [show(interval.low), show(interval.high)],
            None => ["–", "–"].map(str::to_owned),
        };
        writeln!(
            out,
            "{:>10}  {:>10}  {low:>10}  {high:>10}  {:>9}  {}",
            Time(deviation.tau).to_string(),
            show(deviation.value),
            deviation.terms,
            deviation.interval.map_or("–", |interval| interval.noise.name()),
        )?;
    }
    Ok(())
}

fn verdict(out: &mut impl Write, comparison: &Comparison) -> io::Result<()> {
    let Comparison { mask, curves } = comparison;
    writeln!(out, "\nmask {}: {}", mask.name, mask.subject)?;
    if !mask.condition.is_empty() {
        writeln!(out, "  holds for: {}", mask.condition)?;
    }
    for ComparedCurve { curve, compared, exceeded } in curves {
        let word = if exceeded.is_empty() { "within" } else { "EXCEEDED" };
        let name = curve.statistic.name();
        writeln!(
            out,
            "  {name:<4} {word:<8}  {} of {compared} values above the limit ({})",
            exceeded.len(),
            curve.clause,
        )?;
        for (deviation, limit) in exceeded {
            let [tau, value, limit] =
                [deviation.tau, deviation.value, *limit].map(|time| Time(time).to_string());
            writeln!(out, "    τ {tau:>8}: {value:>8}, limit {limit:>8}")?;
        }
    }
    Ok(())
}

/// The same for programs, in s and ratios.
pub(super) fn json(arguments: &Arguments, record: &Record, findings: &Findings) -> io::Result<()> {
    let Record { grid, outliers, skipped, .. } = record;
    let document = json!({
        "file": arguments.file.display().to_string(),
        "format": record.format.name(),
        "source": record.source,
        "points": grid.values.len() - grid.missing,
        "missing": grid.missing,
        "tau0": grid.interval,
        "displacement": grid.displacement,
        "skipped": {
            "comments": skipped.comments,
            "other": skipped.other,
            "missing": skipped.missing,
            "failed": skipped.failed,
            "unlocked": skipped.unlocked,
            "not_later": skipped.not_later,
        },
        "outliers": {
            "count": outliers.indices.len(),
            "threshold": arguments.outliers,
            "deviation": outliers.deviation,
            "removed": arguments.remove_outliers,
        },
        "confidence": arguments.confidence,
        "statistics": findings.statistics.iter().map(statistic).collect::<Vec<_>>(),
        "mask": findings.mask.as_ref().map(compared),
    });
    writeln!(io::stdout(), "{document:#}")
}

fn statistic((statistic, deviations): &(Statistic, Vec<Deviation>)) -> Value {
    let value = |deviation: &Deviation| {
        let interval = deviation.interval;
        json!({
            "tau": deviation.tau,
            "value": deviation.value,
            "low": interval.map(|interval| interval.low),
            "high": interval.map(|interval| interval.high),
            "degrees_of_freedom": interval.map(|interval| interval.degrees_of_freedom),
            "noise": interval.map(|interval| interval.noise.name()),
            "terms": deviation.terms,
        })
    };
    json!({
        "name": statistic.name(),
        "unit": if statistic.is_time() { "s" } else { "1" },
        "values": deviations.iter().map(value).collect::<Vec<_>>(),
    })
}

fn compared(comparison: &Comparison) -> Value {
    let curve = |found: &ComparedCurve| {
        let exceeded = |(deviation, limit): &(Deviation, f64)| json!({ "tau": deviation.tau, "value": deviation.value, "limit": limit });
        json!({
            "statistic": found.curve.statistic.name(),
            "clause": found.curve.clause,
            "compared": found.compared,
            "exceeded": found.exceeded.iter().map(exceeded).collect::<Vec<_>>(),
        })
    };
    json!({
        "name": comparison.mask.name,
        "subject": comparison.mask.subject,
        "condition": comparison.mask.condition,
        "conforms": comparison.conforms(),
        "curves": comparison.curves.iter().map(curve).collect::<Vec<_>>(),
    })
}
