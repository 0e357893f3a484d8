//! `testbed stability`: deviations of a record over averaging times, and masks.

mod arguments;
mod plots;
mod show;

use std::error::Error;

use clock_models::stability::{
    Curve, Deviation, Mask, Outliers, Statistic, deviations, outliers, phase_from_frequency,
};
use testbed::grid::{Column, Grid};
use testbed::readers::{self, Format, Reading, Skipped};

use super::Outcome;
pub(crate) use arguments::Arguments;

/// A record, as it was read.
struct Record {
    format: Format,
    skipped: Skipped,
    source: String,
    grid: Grid,
    outliers: Outliers,
}

/// What came out.
struct Findings {
    statistics: Vec<(Statistic, Vec<Deviation>)>,
    mask: Option<Comparison>,
}

/// The statistics against a mask.
struct Comparison {
    mask: &'static Mask,
    curves: Vec<ComparedCurve>,
}

/// A statistic against its limit.
struct ComparedCurve {
    curve: &'static Curve,
    /// How many values have a limit.
    compared: usize,
    /// Those above it, with the limit, s.
    exceeded: Vec<(Deviation, f64)>,
}

impl Comparison {
    fn conforms(&self) -> bool {
        self.curves.iter().all(|curve| curve.exceeded.is_empty())
    }
}

/// False if the record exceeds the mask.
pub(crate) fn execute(arguments: Arguments) -> Outcome {
    let reading = readers::read(&arguments.file, &arguments.options())?;
    let (record, findings) = analysed(&arguments, reading)
        .map_err(|error| format!("{}: {error}", arguments.file.display()))?;
    if arguments.json {
        show::json(&arguments, &record, &findings)?;
    } else {
        show::text(&arguments, &record, &findings)?;
    }
    if arguments.report.wanted() {
        let section = plots::section(&arguments, &record, &findings);
        arguments.report.write("Stability", Vec::new(), vec![section])?;
    }
    Ok(findings.mask.is_none_or(|comparison| comparison.conforms()))
}

fn analysed(arguments: &Arguments, reading: Reading) -> Result<(Record, Findings), Box<dyn Error>> {
    let record = record(arguments, reading)?;
    let Grid { values, interval, .. } = &record.grid;
    let findings = if arguments.frequency {
        findings(arguments, &phase_from_frequency(values, *interval), *interval)?
    } else {
        findings(arguments, values, *interval)?
    };
    Ok((record, findings))
}

fn record(arguments: &Arguments, reading: Reading) -> Result<Record, Box<dyn Error>> {
    let (format, skipped) = (reading.format, reading.skipped);
    if format == Format::LinuxptpSummary && !arguments.frequency {
        return Err("an rms has no sign, and makes no phase: let ptp4l (summary_interval -7) or \
                    phc2sys (-u 0) log every update, or analyse the frequency with --frequency"
            .into());
    }
    let series = reading.into_single(arguments.source.as_deref())?;
    let column = if arguments.frequency { Column::Frequency } else { Column::Offset };
    let mut grid = Grid::new(&series, column, arguments.interval())?;
    if grid.missing == grid.values.len() {
        return Err("its points have no frequency: leave --frequency out".into());
    }
    let outliers = outliers(&grid.values, arguments.outliers);
    if arguments.remove_outliers {
        grid.remove(&outliers.indices);
    }
    Ok(Record { format, skipped, source: series.name, grid, outliers })
}

fn findings(
    arguments: &Arguments,
    phase: &[f64],
    interval: f64,
) -> Result<Findings, Box<dyn Error>> {
    let factors = arguments.taus.factors(phase.len(), interval);
    let compute = |statistic| {
        let confidence = Some(arguments.confidence);
        (statistic, deviations(statistic, phase, interval, &factors, confidence))
    };
    let statistics: Vec<_> = arguments.chosen_statistics().into_iter().map(compute).collect();
    if statistics.iter().all(|(_, deviations)| deviations.is_empty()) {
        return Err("too short for any of these averaging times".into());
    }
    let mask = arguments.mask.map(|mask| Comparison {
        mask,
        curves: mask.curves.iter().map(|curve| compared(curve, &statistics)).collect(),
    });
    if mask.as_ref().is_some_and(|found| found.curves.iter().all(|curve| curve.compared == 0)) {
        return Err("none of the averaging times has a limit in this mask: see --taus".into());
    }
    Ok(Findings { statistics, mask })
}

fn compared(curve: &'static Curve, statistics: &[(Statistic, Vec<Deviation>)]) -> ComparedCurve {
    let of_curve = statistics.iter().find(|(statistic, _)| *statistic == curve.statistic);
    let deviations = of_curve.map_or(&[][..], |(_, deviations)| deviations);
    let compared = deviations.iter().filter(|d| curve.limit(d.tau).is_some()).count();
    let exceeded = curve.exceeded(deviations).map(|(d, limit)| (*d, limit)).collect();
    ComparedCurve { curve, compared, exceeded }
}
