//! Columns of numbers: what Stable32, TimeLab and most counters export.

use super::{Collected, ContentError, Format, Options, Quantity, number};
use crate::series::{Point, Series};

const NAME: &str = "phase";

/// A line that may not hold numbers.
enum Row {
    Comment,
    /// A point that is not there, at a time if the line says one.
    Missing(Option<f64>),
    Value(Option<f64>, f64),
}

pub(super) fn detect(line: &str) -> Option<Format> {
    matches!(row(line), Some(Row::Missing(_) | Row::Value(..))).then_some(Format::Text)
}

/// Reads a text of one or two columns.
///
/// Before the first numbers any line may stand, as a heading; from then on only comments.
pub(super) fn parse(content: &str, options: &Options) -> Result<Collected, ContentError> {
    let mut rows = Rows::new(options);
    let mut collected = Collected::default();
    for (at, line) in content.lines().enumerate() {
        match row(line) {
            Some(Row::Comment) => collected.skipped.comments += 1,
            None if rows.columns.is_none() => collected.skipped.comments += 1,
            Some(Row::Missing(time)) => {
                rows.time(time).map_err(|expected| ContentError::line(at + 1, line, expected))?;
                collected.skipped.missing += 1;
            }
            Some(Row::Value(time, value)) => {
                let time = rows
                    .time(time)
                    .map_err(|expected| ContentError::line(at + 1, line, expected))?;
                let value = value * options.scale;
                if !value.is_finite() {
                    return Err(ContentError::line(at + 1, line, "expected a smaller number"));
                }
                rows.points.push((time, value));
            }
            None => return Err(ContentError::line(at + 1, line, EXPECTED)),
        }
    }
    if !rows.points.is_empty() {
        let points = match options.quantity {
            Quantity::Phase => phase(&rows.points),
            Quantity::Frequency => frequency(&rows.points),
        };
        collected.series.push(Series { name: NAME.to_owned(), points });
    }
    Ok(collected)
}

const EXPECTED: &str = "expected one number, or a time and a number, separated by blanks, a comma, \
                        a semicolon or a tab; a comment begins with #, ;, !, % or //";

fn row(line: &str) -> Option<Row> {
    let line = line.trim().trim_start_matches('\u{feff}');
    let is_comment =
        line.is_empty() || line.starts_with(['#', ';', '!', '%']) || line.starts_with("//");
    if is_comment {
        return Some(Row::Comment);
    }
    let separators = |c: char| c.is_whitespace() || c == ',' || c == ';';
    let mut words = line.split(separators).filter(|word| !word.is_empty());
    let (first, second, third) = (words.next()?, words.next(), words.next());
    if third.is_some() {
        return None;
    }
    let (time, value) = match second {
        Some(second) => (Some(number(first)?), second),
        None => (None, first),
    };
    if value == "*" || value.eq_ignore_ascii_case("nan") {
        return Some(Row::Missing(time));
    }
    number(value).map(|value| Row::Value(time, value))
}

/// The rows so far.
struct Rows<'a> {
    options: &'a Options,
    /// One or two, once known.
    columns: Option<usize>,
    count: usize,
    /// The time of the first row: large times would cost digits.
    origin: Option<f64>,
    last: f64,
    points: Vec<(f64, f64)>,
}

impl<'a> Rows<'a> {
    fn new(options: &'a Options) -> Self {
        let points = Vec::new();
        Self { options, columns: None, count: 0, origin: None, last: f64::NEG_INFINITY, points }
    }

    /// The time of the next row since the first, s; an error says what was expected.
    fn time(&mut self, told: Option<f64>) -> Result<f64, &'static str> {
        let columns = if told.is_some() { 2 } else { 1 };
        if *self.columns.get_or_insert(columns) != columns {
            return Err("expected as many columns as in the lines before");
        }
        let time = match told {
            Some(time) => time * self.options.time_scale,
            None => {
                let interval = self.options.interval.ok_or(
                    "one column does not tell the interval between points: give it with --tau0",
                )?;
                self.count as f64 * interval
            }
        };
        let time = time - *self.origin.get_or_insert(time);
        if !time.is_finite() || time <= self.last {
            return Err("expected a time later than in the line before");
        }
        self.count += 1;
        self.last = time;
        Ok(time)
    }
}

fn phase(rows: &[(f64, f64)]) -> Vec<Point> {
    let point = |&(time, offset): &(f64, f64)| Point {
        time,
        offset,
        expanded: None,
        frequency: None,
        delay: None,
    };
    rows.iter().map(point).collect()
}

/// Each frequency holds until the time of the next: the offset is its integral, from 0 on.
fn frequency(rows: &[(f64, f64)]) -> Vec<Point> {
    let mut offset = 0.0;
    let mut points = Vec::with_capacity(rows.len());
    for (at, &(time, frequency)) in rows.iter().enumerate() {
        points.push(Point {
            time,
            offset,
            expanded: None,
            frequency: Some(frequency),
            delay: None,
        });
        if let Some((next, _)) = rows.get(at + 1) {
            offset += frequency * (next - time);
        }
    }
    points
}
