//! The report on series side by side.

use clock_models::stability::{Deviation, Statistic, deviations};
use clock_models::units::Time;

use super::series::{plots, record};
use super::stability::Record;
use super::{Section, Table};
use crate::compare::{Agreement, Statistics, agreement, statistics};
use crate::plot::{Axis, Colour, Plot, Quantity, Shape};
use crate::series::Series;

/// By what stability is compared, and at which averaging times, s.
const STATISTICS: [Statistic; 3] = [Statistic::Mdev, Statistic::Tdev, Statistic::Mtie];
const TAUS: [f64; 8] = [0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6];

/// Series side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The series.
    pub series: Vec<Series>,
    /// The statistics of each.
    pub statistics: Vec<Statistics>,
    /// The stability of each, a list for each of MDEV, TDEV and MTIE.
    pub stability: Vec<[(Statistic, Vec<Deviation>); 3]>,
    /// The pairs of series that have uncertainties at the same times, by their numbers.
    pub agreements: Vec<([usize; 2], Agreement)>,
}

impl Comparison {
    /// Compares `series`.
    #[must_use]
    pub fn new(series: Vec<Series>) -> Self {
        let mut agreements = Vec::new();
        for (first, one) in series.iter().enumerate() {
            for (second, other) in series.iter().enumerate().skip(first + 1) {
                let found = agreement(one, other, one.interval().max(other.interval()) / 2.0);
                agreements.extend(found.map(|found| ([first, second], found)));
            }
        }
        let stability = |series: &Series| {
            let record = record(series);
            STATISTICS.map(|statistic| {
                (statistic, record.as_ref().map_or_else(Vec::new, |r| by_decade(statistic, r)))
            })
        };
        Self {
            statistics: series.iter().map(statistics).collect(),
            stability: series.iter().map(stability).collect(),
            agreements,
            series,
        }
    }

    /// The figures.
    #[must_use]
    pub fn tables(&self) -> Vec<Table> {
        let mut tables = vec![self.offsets()];
        tables.extend((0..STATISTICS.len()).map(|index| self.stability_table(index)));
        tables.extend((!self.agreements.is_empty()).then(|| self.agreement_table()));
        tables.retain(|table| !table.rows.is_empty());
        tables
    }

    /// The section on them.
    #[must_use]
    pub fn section(&self) -> Section {
        let series: Vec<&Series> = self.series.iter().collect();
        let mut plots = plots("compare", &series, None);
        plots.extend((!self.agreements.is_empty()).then(|| self.agreement_plot()));
        Section {
            title: "Series side by side".to_owned(),
            summary: "Offsets of clocks less their references. Error bars: one standard deviation."
                .to_owned(),
            tables: self.tables(),
            plots,
            sources: Vec::new(),
        }
    }

    fn offsets(&self) -> Table {
        let head = [
            "series",
            "points",
            "span",
            "mean",
            "rms",
            "std. dev.",
            "min",
            "5 %",
            "median",
            "95 %",
            "max",
        ];
        let row = |(series, found): (&Series, &Statistics)| {
            let mut row = vec![series.name.clone(), found.points.to_string()];
            row.push(time(found.span));
            row.extend([found.mean, found.rms, found.deviation].map(time));
            row.extend(found.quantiles.map(time));
            row
        };
        Table {
            title: "Offset".to_owned(),
            head: head.map(str::to_owned).to_vec(),
            rows: self.series.iter().zip(&self.statistics).map(row).collect(),
        }
    }

    /// Of one of the statistics of stability: a row for each averaging time.
    fn stability_table(&self, index: usize) -> Table {
        let statistic = STATISTICS[index];
        let value = |deviations: &[Deviation], tau: f64| {
            // A series has the averaging times that its interval allows.
            let near = |d: &&Deviation| (d.tau / tau).ln().abs() < 0.2;
            match deviations.iter().find(near) {
                Some(deviation) if statistic.is_time() => time(deviation.value),
                Some(deviation) => format!("{:.3e}", deviation.value),
                None => "-".to_owned(),
            }
        };
        let row = |tau: f64| {
            let values = self.stability.iter().map(|found| value(&found[index].1, tau));
            let row: Vec<String> = std::iter::once(time(tau)).chain(values).collect();
            row[1..].iter().any(|cell| cell != "-").then_some(row)
        };
        let names = self.series.iter().map(|series| series.name.clone());
        Table {
            title: statistic.name().to_owned(),
            head: std::iter::once("τ".to_owned()).chain(names).collect(),
            rows: TAUS.into_iter().filter_map(row).collect(),
        }
    }

    fn agreement_table(&self) -> Table {
        let row = |(pair, found): &([usize; 2], Agreement)| {
            vec![
                self.pair(*pair),
                found.numbers.len().to_string(),
                format!("{:.2} %", 100.0 * found.satisfactory),
                format!("{:.2}", found.largest),
            ]
        };
        let head = ["pair", "times", "|E_n| ≤ 1", "largest |E_n|"];
        Table {
            title: "Agreement within uncertainties, E_n = (a − b)/√(U_a² + U_b²)".to_owned(),
            head: head.map(str::to_owned).to_vec(),
            rows: self.agreements.iter().map(row).collect(),
        }
    }

    fn agreement_plot(&self) -> Plot {
        let x = Axis::linear("time", Quantity::Elapsed);
        let y = Axis::linear("E_n", Quantity::Number);
        let times = || self.agreements.iter().flat_map(|(_, found)| &found.numbers);
        let first = times().map(|number| number[0]).fold(f64::INFINITY, f64::min);
        let last = times().map(|number| number[0]).fold(f64::NEG_INFINITY, f64::max);
        let limit = |at: f64| Shape::Dashed(vec![[first, at], [last, at]]);
        let plot = Plot::new("compare-en", "Agreement within uncertainties", x, y)
            .with("|E_n| = 1", Colour::Reference, limit(1.0))
            .with("", Colour::Reference, limit(-1.0));
        self.agreements.iter().enumerate().fold(plot, |plot, (index, (pair, found))| {
            plot.with(self.pair(*pair), Colour::Series(index), Shape::Line(found.numbers.clone()))
        })
    }

    /// What a pair is called.
    #[must_use]
    pub fn pair(&self, [first, second]: [usize; 2]) -> String {
        format!("{} − {}", self.series[first].name, self.series[second].name)
    }
}

fn by_decade(statistic: Statistic, record: &Record) -> Vec<Deviation> {
    let factors: Vec<usize> = TAUS
        .iter()
        .map(|tau| (tau / record.interval).round() as usize)
        .filter(|factor| *factor > 0)
        .collect();
    deviations(statistic, &record.phase, record.interval, &factors, None)
}

fn time(value: f64) -> String {
    if value.is_finite() { Time(value).to_string() } else { "-".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Point;

    /// A clock that toggles by 10 ns about `mean`, each second.
    fn series(name: &str, mean: f64) -> Series {
        let point = |second: u32| Point {
            time: f64::from(second),
            offset: mean + if second.is_multiple_of(2) { 10e-9 } else { -10e-9 },
            expanded: Some(50e-9),
            frequency: None,
            delay: None,
        };
        Series { name: name.to_owned(), points: (0..200).map(point).collect() }
    }

    #[test]
    fn figures_stand_side_by_side() {
        let found = Comparison::new(vec![series("a", 0.0), series("b", 100e-9)]);
        let tables = found.tables();
        let titles: Vec<&str> = tables.iter().map(|table| table.title.as_str()).collect();
        assert_eq!(titles[..4], ["Offset", "MDEV", "TDEV", "MTIE"]);
        assert_eq!(tables[0].rows[1][3], "100 ns");
        // MTIE is the 20 ns from one side to the other, for both and at each τ.
        assert_eq!(tables[3].rows[0], ["1.00 s", "20.0 ns", "20.0 ns"]);
        // (0 − 100)/√(50² + 50²) = −√2 at all times.
        assert_eq!(tables[4].rows, [["a − b", "200", "0.00 %", "1.41"]]);
        let names: Vec<String> = found
            .section()
            .plots
            .iter()
            .filter(|p| !p.is_empty())
            .map(|p| p.name.clone())
            .collect();
        let expected = ["offset", "distribution", "mdev", "tdev", "mtie", "en"]
            .map(|n| format!("compare-{n}"));
        assert_eq!(names, expected);
    }
}
