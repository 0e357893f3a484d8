//! The report on a record.

use clock_models::stability::{Deviation, Statistic};
use testbed::plot::{Axis, Colour, Plot, Quantity, Shape};
use testbed::report::stability::{Curve, plot, table};
use testbed::report::{Section, series, stem};

use super::{Arguments, Findings, Record};

/// What was found, as a section of a report.
pub(super) fn section(arguments: &Arguments, record: &Record, findings: &Findings) -> Section {
    let curve = |(index, (statistic, deviations)): (usize, &(Statistic, Vec<Deviation>))| Curve {
        name: Statistic::name(*statistic).to_owned(),
        colour: Colour::Series(index),
        statistic: *statistic,
        deviations: deviations.clone(),
    };
    let curves: Vec<Curve> = findings.statistics.iter().enumerate().map(curve).collect();
    let (times, ratios): (Vec<Curve>, Vec<Curve>) =
        curves.iter().cloned().partition(|curve| curve.statistic.is_time());
    let stem = stem(&record.source);
    let summary = match &findings.mask {
        Some(found) if found.conforms() => format!("Within the mask {}.", found.mask.name),
        Some(found) => format!("Exceeds the mask {}.", found.mask.name),
        None => String::new(),
    };
    Section {
        title: format!("{}, {}", arguments.file.display(), record.source),
        summary,
        tables: curves.iter().map(table).collect(),
        plots: vec![
            values(format!("{stem}-values"), arguments.frequency, record),
            plot(format!("{stem}-frequency-stability"), "Frequency stability", &ratios, None),
            plot(format!("{stem}-time-stability"), "Time stability", &times, arguments.mask),
        ],
        sources: Vec::new(),
    }
}

/// What was analysed, with its gaps.
fn values(name: String, frequency: bool, record: &Record) -> Plot {
    let (label, quantity) =
        if frequency { ("frequency", Quantity::Frequency) } else { ("offset", Quantity::Time) };
    let values = &record.grid.values;
    let limits = series::inner(values.iter().copied());
    let y = Axis { limits, ..Axis::linear(label, quantity) };
    let point = |(index, value): (usize, &f64)| [index as f64 * record.grid.interval, *value];
    Plot::new(name, "The record", Axis::linear("time", Quantity::Elapsed), y).with(
        "",
        Colour::Series(0),
        Shape::Line(values.iter().enumerate().map(point).collect()),
    )
}
