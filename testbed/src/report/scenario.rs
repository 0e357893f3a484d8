//! The report of a scenario: what one seed did in time, and how the figures of all seeds
//! are distributed.

use clock_models::units::{Ratio, Time};

use super::series::{cumulated, delays, histogram, inner};
use super::stability::{Record, side_by_side};
use super::{Section, Table, stem};
use crate::measure::median;
use crate::plot::{Axis, Colour, Plot, Quantity, Shape};
use crate::scenario::{Check, Scenario, Verdict};
use crate::series::{Point, Series};
use crate::world::{Belief, Sample};

const CLOCK: Colour = Colour::Series(0);
const ESTIMATE: Colour = Colour::Series(1);
const UNCERTAINTY: Colour = Colour::Series(2);
const BOUND: Colour = Colour::Series(3);
/// How many seeds make a distribution.
const DISTRIBUTION: usize = 5;
/// The coverage factors at which coverage is counted.
const FACTORS: u32 = 80;
/// The largest of them.
const LARGEST_FACTOR: f64 = 4.0;

/// A scenario that was run.
#[derive(Debug, Clone, Copy)]
pub struct Runs<'a> {
    /// What it is called, such as its file.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
    /// What was run.
    pub scenario: &'a Scenario,
    /// What each seed came to, at least one.
    pub verdicts: &'a [Verdict],
    /// What the first seed did, each second.
    pub samples: &'a [Sample],
    /// What each source showed of its clock.
    pub sources: &'a [Series],
}

impl Runs<'_> {
    /// The section on it.
    #[must_use]
    pub fn section(&self) -> Section {
        let seeds = self.verdicts.len();
        let passed = self.verdicts.iter().filter(|verdict| verdict.passed).count();
        let first = self.verdicts.first().map_or(0, |verdict| verdict.seed);
        Section {
            title: self.scenario.title.clone(),
            summary: format!(
                "Passed: {passed} of {seeds}. What is shown over time is seed {first}; \
                 errors and coverage count from {} on.",
                Time(self.scenario.measure_from.0)
            ),
            tables: vec![self.table()],
            plots: self.plots(),
            sources: vec![(self.name.to_owned(), self.text.to_owned())],
        }
    }

    fn table(&self) -> Table {
        let checks = self.verdicts.first().map_or(&[][..], |verdict| &verdict.checks);
        let row = |(index, check): (usize, &Check)| {
            let mut values: Vec<f64> =
                self.verdicts.iter().map(|verdict| verdict.checks[index].value).collect();
            values.sort_by(f64::total_cmp);
            let held = self.verdicts.iter().filter(|v| v.checks[index].holds()).count();
            let [least, most] = check.allowed;
            let found = match values[..] {
                [only] => vec![only],
                _ => vec![values[0], median(values.iter().copied()), values[values.len() - 1]],
            };
            let must_fail = self.scenario.must_fail.iter().any(|name| name == check.name);
            let mut row = vec![check.name.to_owned()];
            row.extend(found.iter().chain([&least, &most]).map(|value| written(check, *value)));
            let demand = if must_fail { " (must be missed)" } else { "" };
            row.push(format!("{held} of {}{demand}", values.len()));
            row
        };
        let head: &[&str] = match self.verdicts {
            [_] => &["figure", "value", "allowed from", "to", "held"],
            _ => &["figure", "least", "median", "largest", "allowed from", "to", "held"],
        };
        Table {
            title: "Figures and the budget".to_owned(),
            head: head.iter().map(|name| (*name).to_owned()).collect(),
            rows: checks.iter().enumerate().map(row).collect(),
        }
    }

    fn plots(&self) -> Vec<Plot> {
        let stem = stem(self.name);
        let from = self.scenario.measure_from.0;
        let measured: Vec<&Sample> =
            self.samples.iter().filter(|sample| sample.elapsed >= from).collect();
        let errors: Vec<f64> = measured.iter().map(|sample| sample.clock_error).collect();
        let record = Record { name: "clock".to_owned(), phase: errors.clone(), interval: SAMPLING };
        let mut plots = vec![
            time_error(format!("{stem}-time-error"), &measured),
            claims(format!("{stem}-claims"), self.samples),
            frequency_error(format!("{stem}-frequency-error"), &measured),
            coverage(format!("{stem}-coverage"), &measured),
            histogram(
                format!("{stem}-distribution"),
                "Distribution of the time error",
                "time error of the clock",
                &errors,
            ),
        ];
        plots.insert(3, self.delays(format!("{stem}-delay")));
        plots.extend(side_by_side(&stem, &[record], None));
        if self.verdicts.len() >= DISTRIBUTION {
            plots.push(self.seeds(format!("{stem}-seeds")));
        }
        plots
    }

    /// The exchanges once settled.
    fn delays(&self, name: String) -> Plot {
        let measured = |series: &Series| {
            let is_measured = |point: &&Point| point.time >= self.scenario.measure_from.0;
            let points = series.points.iter().filter(is_measured).copied().collect();
            Series { name: series.name.clone(), points }
        };
        let sources: Vec<Series> = self.sources.iter().map(measured).collect();
        delays(name, &sources.iter().collect::<Vec<_>>())
    }

    fn seeds(&self, name: String) -> Plot {
        let set = |name: &str, figure: fn(&Verdict) -> f64| {
            (name.to_owned(), self.verdicts.iter().map(figure).collect())
        };
        let sets = [
            set("rms", |verdict| verdict.figures.rms),
            set("largest", |verdict| verdict.figures.max),
        ];
        let title = format!("Time error of {} seeds", self.verdicts.len());
        let plot = cumulated(name, &title, "time error", &sets);
        Plot { x: Axis::logarithmic("time error", Quantity::Time), ..plot }
    }
}

/// The interval of samples, s.
const SAMPLING: f64 = 1.0;

fn written(check: &Check, value: f64) -> String {
    match check.name {
        "coverage" | "bound-coverage" => format!("{value:.4}"),
        "rms-frequency" => Ratio(value).to_string(),
        _ if value.is_infinite() => "never".to_owned(),
        _ => Time(value).to_string(),
    }
}

/// A value of each sample, and a break where there is none.
fn line<'a>(
    samples: impl IntoIterator<Item = &'a Sample>,
    value: impl Fn(&Sample) -> Option<f64>,
) -> Shape {
    let point = |sample: &Sample| [sample.elapsed, value(sample).unwrap_or(f64::NAN)];
    Shape::Line(samples.into_iter().map(point).collect())
}

fn believed(value: impl Fn(&Belief) -> f64) -> impl Fn(&Sample) -> Option<f64> {
    move |sample| sample.belief.as_ref().map(&value)
}

fn time_error(name: String, samples: &[&Sample]) -> Plot {
    let shown = samples.iter().flat_map(|sample| {
        let expanded = sample.belief.map_or(0.0, |belief| belief.expanded);
        [sample.clock_error, expanded, -expanded]
    });
    let y = Axis { limits: inner(shown), ..Axis::linear("time error", Quantity::Time) };
    let band = samples.iter().filter_map(|sample| {
        let expanded = sample.belief?.expanded;
        Some([sample.elapsed, -expanded, expanded])
    });
    let samples = || samples.iter().copied();
    Plot::new(name, "Time error once settled, and the expanded uncertainty", elapsed(), y)
        .with("± U (k = 2)", UNCERTAINTY, Shape::Band(band.collect()))
        .with("estimate", ESTIMATE, line(samples(), believed(|belief| belief.error)))
        .with("clock", CLOCK, line(samples(), |sample| Some(sample.clock_error)))
}

fn claims(name: String, samples: &[Sample]) -> Plot {
    let last = samples.last().map_or(SAMPLING, |sample| sample.elapsed);
    let x = Axis::logarithmic("time since the start", Quantity::Elapsed)
        .within([SAMPLING, last.max(10.0 * SAMPLING)]);
    let y = Axis { limits: sizes(samples), ..Axis::logarithmic("size", Quantity::Time) };
    Plot::new(name, "Error from the start, and what is claimed of it", x, y)
        .with("error of the clock", CLOCK, line(samples, |sample| Some(sample.clock_error.abs())))
        .with("of the estimate", ESTIMATE, line(samples, believed(|belief| belief.error.abs())))
        .with("U (k = 2)", UNCERTAINTY, line(samples, believed(|belief| belief.expanded)))
        .with("bound", BOUND, line(samples, believed(|belief| belief.bound)))
}

/// From a hundredth of the least U to the largest of all: an error that changes its sign
/// has any small size.
fn sizes(samples: &[Sample]) -> Option<[f64; 2]> {
    let beliefs = || samples.iter().filter_map(|sample| sample.belief);
    let least = beliefs().map(|belief| belief.expanded).reduce(f64::min)? / 100.0;
    let errors = samples.iter().map(|sample| sample.clock_error.abs());
    let largest = beliefs().map(|belief| belief.bound).chain(errors).reduce(f64::max)?;
    (least > 0.0 && largest.is_finite())
        .then(|| [least, largest].map(f64::log10))
        .map(|[least, largest]| [10f64.powf(least.floor()), 10f64.powf(largest.ceil())])
}

fn frequency_error(name: String, samples: &[&Sample]) -> Plot {
    let shown = samples.iter().map(|sample| sample.frequency_error);
    let y = Axis { limits: inner(shown), ..Axis::linear("frequency error", Quantity::Frequency) };
    let samples = || samples.iter().copied();
    Plot::new(name, "Frequency error once settled", elapsed(), y)
        .with("clock", CLOCK, line(samples(), |sample| Some(sample.frequency_error)))
        .with("estimate", ESTIMATE, line(samples(), believed(|belief| belief.frequency_error)))
}

/// The part of the time in which k/2·U contains the error, against k, and the same for k
/// deviations of the estimate; for a normal distribution of known width it is erf(k/√2).
fn coverage(name: String, samples: &[&Sample]) -> Plot {
    let beliefs: Vec<Belief> = samples.iter().filter_map(|sample| sample.belief).collect();
    let factor = |n: u32| LARGEST_FACTOR * f64::from(n) / f64::from(FACTORS);
    let part = |claim: fn(&Belief) -> f64| {
        let within = |k: f64| beliefs.iter().filter(move |b| b.error.abs() <= k * claim(b)).count();
        let point = |n| [factor(n), within(factor(n)) as f64 / beliefs.len() as f64];
        Shape::Line((0..=FACTORS).map(point).collect())
    };
    let normal = |n| [factor(n), libm::erf(factor(n) / 2f64.sqrt())];
    let x = Axis::linear("coverage factor k", Quantity::Number).within([0.0, LARGEST_FACTOR]);
    let y = Axis::linear("part of the time", Quantity::Part).within([0.0, 1.0]);
    Plot::new(name, "Coverage: how often the claim contains the error of the estimate", x, y)
        .with(
            "a normal distribution",
            Colour::Reference,
            Shape::Dashed((0..=FACTORS).map(normal).collect()),
        )
        .with("U·k/2", UNCERTAINTY, part(|belief| belief.expanded / 2.0))
        .with("k deviations of the estimate", ESTIMATE, part(|belief| belief.deviation))
}

fn elapsed() -> Axis {
    Axis::linear("time since the start", Quantity::Elapsed)
}
