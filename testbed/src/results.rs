//! The figures of many runs of a scenario as a table, one row for each seed.

use crate::measure::Figures;
use crate::scenario::Verdict;
use crate::table::{Column, Values};

/// A figure: the name of its column, and where it is.
type Figure = (&'static str, fn(&Figures) -> Option<f64>);

/// The columns of figures. What is not a number is null, as is what never settled.
const FIGURES: [Figure; 12] = [
    ("rms_s", |figures| finite(figures.rms)),
    ("max_s", |figures| finite(figures.max)),
    ("rms_frequency", |figures| finite(figures.rms_frequency)),
    ("estimate_rms_s", |figures| finite(figures.estimate_rms)),
    ("estimate_rms_frequency", |figures| finite(figures.estimate_rms_frequency)),
    ("rms_expanded_s", |figures| finite(figures.rms_expanded)),
    ("settled_1ms_s", |figures| figures.settled[0]),
    ("settled_10us_s", |figures| figures.settled[1]),
    ("settled_1us_s", |figures| figures.settled[2]),
    ("type_a_coverage", |figures| finite(figures.type_a_coverage)),
    ("coverage", |figures| finite(figures.coverage)),
    ("bound_coverage", |figures| finite(figures.bound_coverage)),
];

fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}

/// The columns of verdicts, each with the name of its scenario.
#[must_use]
pub fn columns(verdicts: &[(String, Verdict)]) -> Vec<Column> {
    let names = verdicts.iter().map(|(name, _)| Some(name.clone())).collect();
    let seeds = verdicts.iter().map(|(_, verdict)| Some(verdict.seed)).collect();
    let passed = verdicts.iter().map(|(_, verdict)| Some(verdict.passed)).collect();
    let mut columns = vec![
        Column { name: "scenario", values: Values::Text(names) },
        Column { name: "seed", values: Values::Unsigned(seeds) },
        Column { name: "passed", values: Values::Truth(passed) },
    ];
    columns.extend(FIGURES.iter().map(|(name, figure)| {
        let values = verdicts.iter().map(|(_, verdict)| figure(&verdict.figures)).collect();
        Column { name, values: Values::Float(values) }
    }));
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_settled_is_null() {
        let figures = Figures {
            rms: 1e-6,
            max: 2e-6,
            rms_frequency: 1e-9,
            estimate_rms: f64::NAN,
            estimate_rms_frequency: 3e-9,
            rms_expanded: 4e-6,
            settled: [Some(4.0), Some(30.0), None],
            type_a_coverage: 0.9,
            coverage: 0.95,
            bound_coverage: 1.0,
        };
        let verdict = Verdict { seed: u64::MAX, figures, checks: Vec::new(), passed: true };
        let columns = columns(&[("a".to_owned(), verdict)]);
        let value = |name| &columns.iter().find(|column| column.name == name).unwrap().values;
        assert_eq!(value("seed"), &Values::Unsigned(vec![Some(u64::MAX)]));
        assert_eq!(value("settled_10us_s"), &Values::Float(vec![Some(30.0)]));
        assert_eq!(value("settled_1us_s"), &Values::Float(vec![None]));
        assert_eq!(value("estimate_rms_s"), &Values::Float(vec![None]));
        assert_eq!(columns.len(), 3 + FIGURES.len());
    }
}
