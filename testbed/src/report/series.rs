//! Plots and figures of series of offsets, one or several side by side.

use clock_models::stability::Mask;

use super::stability::{Record, side_by_side};
use super::{Section, stem};
use crate::grid::{Column, Grid};
use crate::plot::{Axis, Colour, Plot, Quantity, Shape};
use crate::series::{Point, Series};

/// The bars of a distribution.
const BARS: usize = 60;
/// The part of the values at either end that an axis need not show.
const TAIL: f64 = 0.002;

/// The plots of `series`, which are told apart by their colours. `prefix` begins the names
/// of the plots.
#[must_use]
pub fn plots(prefix: &str, series: &[&Series], mask: Option<&Mask>) -> Vec<Plot> {
    let records: Vec<Record> = series.iter().filter_map(|series| record(series)).collect();
    let mut plots = vec![
        offsets(format!("{prefix}-offset"), series),
        frequencies(format!("{prefix}-frequency"), series),
        delays(format!("{prefix}-delay"), series),
        distributions(format!("{prefix}-distribution"), series),
    ];
    plots.extend(side_by_side(prefix, &records, mask));
    plots
}

/// A section on one series.
#[must_use]
pub fn section(series: &Series, mask: Option<&Mask>) -> Section {
    Section {
        title: series.name.clone(),
        summary: format!("{} points.", series.points.len()),
        plots: plots(&stem(&series.name), &[series], mask),
        ..Section::default()
    }
}

/// The series at regular times, if it fits any.
pub(super) fn record(series: &Series) -> Option<Record> {
    let grid = Grid::new(series, Column::Offset, None).ok()?;
    Some(Record { name: series.name.clone(), phase: grid.values, interval: grid.interval })
}

fn offsets(name: String, series: &[&Series]) -> Plot {
    let values = series.iter().flat_map(|s| &s.points).map(|point| point.offset);
    let y = Axis { limits: inner(values), ..Axis::linear("offset", Quantity::Time) };
    let mut plot = Plot::new(name, "Offset", elapsed(), y);
    for (index, series) in series.iter().enumerate() {
        let band = |point: &Point| {
            let expanded = point.expanded?;
            Some([point.time, point.offset - expanded, point.offset + expanded])
        };
        let band: Vec<[f64; 3]> = series.points.iter().filter_map(band).collect();
        if !band.is_empty() {
            let name = format!("{} ± U (k = 2)", series.name);
            plot = plot.with(name, Colour::Series(index), Shape::Band(band));
        }
        let points = line(series, |point| Some(point.offset));
        plot = plot.with(&series.name, Colour::Series(index), Shape::Line(points));
    }
    plot
}

fn frequencies(name: String, series: &[&Series]) -> Plot {
    let values = series.iter().flat_map(|s| &s.points).filter_map(|point| point.frequency);
    let y = Axis { limits: inner(values), ..Axis::linear("frequency", Quantity::Frequency) };
    let plot = Plot::new(name, "Frequency", elapsed(), y);
    let with = |plot: Plot, (index, series): (usize, &&Series)| match line(series, |point| {
        point.frequency
    }) {
        points if points.iter().all(|[_, y]| y.is_nan()) => plot,
        points => plot.with(&series.name, Colour::Series(index), Shape::Line(points)),
    };
    series.iter().enumerate().fold(plot, with)
}

/// The offset that each exchange shows, against its delay: what comes late shows the clock
/// off by half of that at most, which makes a wedge.
#[must_use]
pub fn delays(name: String, series: &[&Series]) -> Plot {
    let exchanges = || series.iter().flat_map(|s| &s.points).filter(|p| p.delay.is_some());
    let [delays, offsets] = [
        inner(exchanges().filter_map(|point| point.delay)),
        inner(exchanges().map(|point| point.offset)),
    ];
    let x = Axis { limits: delays, ..Axis::linear("round-trip delay", Quantity::Time) };
    let y = Axis { limits: offsets, ..Axis::linear("offset", Quantity::Time) };
    let plot = Plot::new(name, "Delay and offset of each exchange", x, y);
    let with = |plot: Plot, (index, series): (usize, &&Series)| {
        let dot = |point: &Point| Some([point.delay?, point.offset]);
        match series.points.iter().filter_map(dot).collect::<Vec<_>>() {
            dots if dots.is_empty() => plot,
            dots => plot.with(&series.name, Colour::Series(index), Shape::Dots(dots)),
        }
    };
    series.iter().enumerate().fold(plot, with)
}

/// How the offsets are distributed: bars for one series, cumulated for several.
fn distributions(name: String, series: &[&Series]) -> Plot {
    let offsets = |series: &Series| series.points.iter().map(|p| p.offset).collect::<Vec<_>>();
    match series {
        [one] => histogram(name, "Distribution of the offset", "offset", &offsets(one)),
        _ => {
            let sets = series.iter().map(|series| (series.name.clone(), offsets(series)));
            cumulated(name, "Distribution of the offset", "offset", &sets.collect::<Vec<_>>())
        }
    }
}

/// A distribution of times as bars. Values far out are counted in the outermost bars.
#[must_use]
pub fn histogram(name: String, title: &str, label: &str, values: &[f64]) -> Plot {
    let x = Axis::linear(label, Quantity::Time);
    let plot = Plot::new(name, title, x, Axis::linear("part of the values", Quantity::Part));
    let Some([least, most]) = inner(values.iter().copied()) else { return plot };
    let mut counts = [0.0; BARS];
    let width = (most - least) / BARS as f64;
    for value in values.iter().filter(|value| value.is_finite()) {
        counts[((value - least) / width).clamp(0.0, BARS as f64 - 1.0) as usize] += 1.0;
    }
    let edge = |index: usize| least + index as f64 * width;
    let bar = |index| [edge(index), edge(index + 1), counts[index] / values.len() as f64];
    plot.with("", Colour::Series(0), Shape::Bars((0..BARS).map(bar).collect()))
}

/// Distributions of times as the part of the values up to each value.
#[must_use]
pub fn cumulated(name: String, title: &str, label: &str, sets: &[(String, Vec<f64>)]) -> Plot {
    let all = sets.iter().flat_map(|(_, values)| values.iter().copied());
    let x = Axis { limits: inner(all), ..Axis::linear(label, Quantity::Time) };
    let y = Axis::linear("part at or below", Quantity::Part).within([0.0, 1.0]);
    let with = |plot: Plot, (index, (name, values)): (usize, &(String, Vec<f64>))| {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len() as f64;
        let steps = sorted
            .iter()
            .enumerate()
            .flat_map(|(n, value)| [[*value, n as f64 / count], [*value, (n + 1) as f64 / count]]);
        plot.with(name, Colour::Series(index), Shape::Line(steps.collect()))
    };
    sets.iter().enumerate().fold(Plot::new(name, title, x, y), with)
}

fn elapsed() -> Axis {
    Axis::linear("time", Quantity::Elapsed)
}

/// A value of each point, and a break where there is none.
fn line(series: &Series, value: impl Fn(&Point) -> Option<f64>) -> Vec<[f64; 2]> {
    series.points.iter().map(|point| [point.time, value(point).unwrap_or(f64::NAN)]).collect()
}

/// What an axis spans to show all but the tails of `values`, with as much room again at
/// either end: a clock that began far off must not hide all that came then. `None` for too
/// few values to tell, or for equal ones.
#[must_use]
pub fn inner(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let mut sorted: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let [first, last] = [*sorted.first()?, *sorted.last()?];
    let tail = (TAIL * sorted.len() as f64).ceil() as usize;
    let [low, high] = [*sorted.get(tail)?, *sorted.get(sorted.len().checked_sub(tail + 1)?)?];
    let room = 0.5 * (high - low);
    let limits = [first.max(low - room), last.min(high + room)];
    let margin = 0.05 * (limits[1] - limits[0]);
    (margin > 0.0).then(|| [limits[0] - margin, limits[1] + margin])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_began_far_off_does_not_hide_the_rest() {
        let offsets = |n: u32| if n == 0 { 10e-3 } else { f64::from(n % 11) * 1e-7 };
        let [low, high] = inner((0..1000).map(offsets)).unwrap();
        assert!(low < 0.0 && low > -1e-6 && high > 1e-6 && high < 2e-6, "{low} {high}");
        assert_eq!(inner([1.0, 1.0, 1.0].into_iter()), None);
    }

    #[test]
    fn the_bars_of_a_distribution_add_up_to_all_values() {
        let values: Vec<f64> = (0..1000).map(|n| f64::from(n) * 1e-9).collect();
        let plot = histogram("h".to_owned(), "", "", &values);
        let Shape::Bars(bars) = &plot.marks[0].shape else { panic!("no bars") };
        let all: f64 = bars.iter().map(|bar| bar[2]).sum();
        assert!((all - 1.0).abs() < 1e-12);
    }
}
