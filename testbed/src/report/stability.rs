//! Plots of stability, with confidence intervals and masks.

use clock_models::stability::{Deviation, Mask, Statistic, Taus, deviations, factors};
use clock_models::units::Time;

use super::Table;
use crate::plot::{Axis, Colour, Plot, Quantity, Shape};

/// Points of the line of a mask.
const MASK_POINTS: u32 = 200;
/// Probability of the error bars: one standard deviation.
const CONFIDENCE: f64 = 0.683;

/// The values of a statistic of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// As it is called in the legend.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
    /// The statistic.
    pub statistic: Statistic,
    /// Its values.
    pub deviations: Vec<Deviation>,
}

/// A record of the time error of a clock at equal intervals.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// As it is called in the legend.
    pub name: String,
    /// The time error, s; NaN where it is missing.
    pub phase: Vec<f64>,
    /// The interval, s.
    pub interval: f64,
}

/// Statistics that are all times, or all ratios, against the averaging time; with the
/// curves that `mask` has of them.
#[must_use]
pub fn plot(name: String, title: &str, curves: &[Curve], mask: Option<&Mask>) -> Plot {
    let (label, quantity) = match curves.first() {
        Some(curve) if curve.statistic.is_time() => ("time", Quantity::Time),
        _ => ("relative frequency", Quantity::Frequency),
    };
    let x = Axis::logarithmic("averaging time τ", Quantity::Elapsed);
    let mut plot = Plot::new(name, title, x, Axis::logarithmic(label, quantity));
    for curve in curves {
        let bar = |deviation: &Deviation| {
            let [low, high] = deviation.interval.map_or([deviation.value; 2], |i| [i.low, i.high]);
            [deviation.tau, deviation.value, low, high]
        };
        let bars = curve.deviations.iter().map(bar).collect();
        plot = plot.with(&curve.name, curve.colour, Shape::ErrorBars(bars));
    }
    match mask {
        Some(mask) => with_mask(plot, curves, mask),
        None => plot,
    }
}

fn with_mask(mut plot: Plot, curves: &[Curve], mask: &Mask) -> Plot {
    let taus = || curves.iter().flat_map(|curve| &curve.deviations).map(|d| d.tau);
    let [least, most] = [taus().fold(f64::INFINITY, f64::min), taus().fold(0.0, f64::max)];
    let several = curves.iter().any(|curve| curve.statistic != curves[0].statistic);
    for limits in mask.curves {
        let Some(curve) = curves.iter().find(|curve| curve.statistic == limits.statistic) else {
            continue;
        };
        let tau = |n| least * (most / least).powf(f64::from(n) / f64::from(MASK_POINTS));
        let limit = |n| limits.limit(tau(n)).map(|limit| [tau(n), limit]);
        let points = (0..=MASK_POINTS).filter_map(limit).collect();
        let name = format!("{} mask {}", limits.statistic.name(), mask.name);
        let colour = if several { curve.colour } else { Colour::Reference };
        plot = plot.with(name, colour, Shape::Dashed(points));
    }
    plot
}

/// The values of a statistic.
#[must_use]
pub fn table(curve: &Curve) -> Table {
    let written = |value: f64| match curve.statistic.is_time() {
        true => Time(value).to_string(),
        false => format!("{value:.3e}"),
    };
    let intervals = curve.deviations.iter().any(|deviation| deviation.interval.is_some());
    let row = |deviation: &Deviation| {
        let mut row = vec![Time(deviation.tau).to_string(), written(deviation.value)];
        let limits = deviation.interval.map(|interval| [interval.low, interval.high].map(written));
        if intervals {
            row.extend(limits.unwrap_or_default());
        }
        row
    };
    let head = ["τ", "value", "low", "high"].iter().take(if intervals { 4 } else { 2 });
    Table {
        title: curve.name.clone(),
        head: head.map(|name| (*name).to_owned()).collect(),
        rows: curve.deviations.iter().map(row).collect(),
    }
}

/// MDEV, TDEV and MTIE of records side by side. `prefix` begins the names of the plots.
#[must_use]
pub fn side_by_side(prefix: &str, records: &[Record], mask: Option<&Mask>) -> Vec<Plot> {
    let of = |(statistic, title): &(Statistic, &str)| {
        let curve = |(index, record): (usize, &Record)| Curve {
            name: record.name.clone(),
            colour: Colour::Series(index),
            statistic: *statistic,
            deviations: of_record(*statistic, record),
        };
        let curves: Vec<Curve> = records.iter().enumerate().map(curve).collect();
        plot(format!("{prefix}-{}", statistic.name().to_lowercase()), title, &curves, mask)
    };
    let statistics = [
        (Statistic::Mdev, "Frequency stability: modified Allan deviation"),
        (Statistic::Tdev, "Time stability: time deviation"),
        (Statistic::Mtie, "Maximum time interval error"),
    ];
    statistics.iter().map(of).collect()
}

/// A statistic of a record at octaves of τ.
#[must_use]
pub fn of_record(statistic: Statistic, record: &Record) -> Vec<Deviation> {
    let factors = factors(Taus::Octave, record.phase.len());
    deviations(statistic, &record.phase, record.interval, &factors, Some(CONFIDENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_their_mask_are_in_the_plot_of_their_statistic() {
        let phase = (0..1000).map(|i| if i % 2 == 0 { 1e-9 } else { -1e-9 }).collect();
        let record = Record { name: "toggling".to_owned(), phase, interval: 1.0 };
        let mask = Mask::by_name("g.811").unwrap();
        let plots = side_by_side("test", &[record], Some(mask));
        let names: Vec<&str> = plots.iter().map(|plot| plot.name.as_str()).collect();
        assert_eq!(names, ["test-mdev", "test-tdev", "test-mtie"]);
        // The clock is 1 ns fast and slow in turns, so the second difference is ±4 ns: TDEV(τ₀) = 4 ns/√6.
        let Shape::ErrorBars(bars) = &plots[1].marks[0].shape else { panic!("no bars") };
        assert!((bars[0][1] - 4e-9 / 6f64.sqrt()).abs() < 1e-15, "{bars:?}");
        // G.811: MTIE(1 s) ≤ 0.275·10⁻³·τ + 0.025 µs.
        assert_eq!(plots[0].marks.len(), 1, "there is no mask of MDEV");
        let Shape::Dashed(limits) = &plots[2].marks[1].shape else { panic!("no mask") };
        assert!((limits[0][1] - 25.275e-9).abs() < 1e-15, "{:?}", limits[0]);
    }
}
