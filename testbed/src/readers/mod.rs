//! Files that other programs write, read into [`Series`].
//!
//! [`parse`] finds the format by the content, unless it is told. Every line of a file is
//! accounted for: it gives a point, or [`Skipped`] counts it, or it is an error that names
//! the line.

mod calendar;
mod chrony;
mod linuxptp;
mod text;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::series::{Point, Series};

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One column of values, or two of times and values, as Stable32 and TimeLab export.
    Text,
    /// `measurements.log` of chronyd (and `rawmeasurements`).
    ChronyMeasurements,
    /// `statistics.log` of chronyd.
    ChronyStatistics,
    /// `tracking.log` of chronyd.
    ChronyTracking,
    /// Lines of ptp4l, phc2sys or ts2phc, one for each update of the servo.
    Linuxptp,
    /// Lines of ptp4l or phc2sys that sum up an interval: `rms 4 max 9 freq …`. The offset
    /// of a point is that rms, which has no sign.
    LinuxptpSummary,
}

/// What the values of a [`Format::Text`] are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quantity {
    /// Offsets of the clock, s: phase.
    #[default]
    Phase,
    /// Frequency offsets, ratios, each the average over the interval that follows its time.
    Frequency,
}

/// How a file is to be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The format; `None` to find it by the content.
    pub format: Option<Format>,
    /// What the values of a text are.
    pub quantity: Quantity,
    /// The interval between points, s, which a text of one column does not tell.
    pub interval: Option<f64>,
    /// What the values of a text are multiplied by: 1e-9 for nanoseconds.
    pub scale: f64,
    /// What the times of a text are multiplied by: 86400 for days (MJD).
    pub time_scale: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            format: None,
            quantity: Quantity::default(),
            interval: None,
            scale: 1.0,
            time_scale: 1.0,
        }
    }
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The format it was read as.
    pub format: Format,
    /// The series: one for each source or clock that the file tells of, in the order in
    /// which they come. Their times are seconds since the first point of the file.
    pub series: Vec<Series>,
    /// The lines that gave no point.
    pub skipped: Skipped,
}

/// Lines that gave no point, by the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skipped {
    /// Empty lines, comments and headings.
    pub comments: usize,
    /// Lines that tell of something else.
    pub other: usize,
    /// Points that are marked as missing.
    pub missing: usize,
    /// Measurements that failed a test of RFC 5905.
    pub failed: usize,
    /// Points of a servo that had not locked yet, or a clock that was not synchronised.
    pub unlocked: usize,
    /// Points no later than the one before them, of the same source.
    pub not_later: usize,
}

impl fmt::Display for Skipped {
    /// `12 comments, 3 points of a clock not locked`; empty if nothing was skipped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.comments, "comments and headings"),
            (self.other, "lines about something else"),
            (self.missing, "points marked as missing"),
            (self.failed, "measurements that failed a test of RFC 5905"),
            (self.unlocked, "points of a clock not locked"),
            (self.not_later, "points no later than the one before"),
        ];
        let told = parts.iter().filter(|(count, _)| *count > 0);
        let told: Vec<String> = told.map(|(count, what)| format!("{count} {what}")).collect();
        f.write_str(&told.join(", "))
    }
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its content is not what it should be.
    #[error("{path}: {source}")]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: ContentError,
    },
}

/// What is wrong with the content of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// A line is not as the format wants it.
    #[error("line {line}: {found:?}: {expected}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// How it begins.
        found: String,
        /// What should be there.
        expected: String,
    },
    /// The content is of no format that is known.
    #[error(
        "no line looks like a column of numbers, a log of chronyd (measurements, statistics or \
         tracking) or of ptp4l, phc2sys or ts2phc: name the format with --format"
    )]
    UnknownFormat,
    /// The format fits, and there is no point.
    #[error("no point in it ({0})")]
    Empty(String),
    /// More than one source where one was wanted.
    #[error("it has several sources: choose one with --source ({0})")]
    Ambiguous(String),
    /// No source of that name.
    #[error("it has no source {wanted:?}: its sources are {present}")]
    NoSuchSource {
        /// What was asked for.
        wanted: String,
        /// What there is.
        present: String,
    },
}

impl ContentError {
    fn line(number: usize, found: &str, expected: impl Into<String>) -> Self {
        let found = found.trim().chars().take(60).collect();
        Self::Line { line: number, found, expected: expected.into() }
    }
}

impl Format {
    /// All of them, with the names they are asked for by.
    pub const ALL: [(&'static str, Self); 6] = [
        ("text", Self::Text),
        ("chrony-measurements", Self::ChronyMeasurements),
        ("chrony-statistics", Self::ChronyStatistics),
        ("chrony-tracking", Self::ChronyTracking),
        ("linuxptp", Self::Linuxptp),
        ("linuxptp-summary", Self::LinuxptpSummary),
    ];

    /// What it is asked for by.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }

    /// The format of the first line that shows one.
    #[must_use]
    pub fn detect(content: &str) -> Option<Self> {
        content.lines().find_map(|line| {
            chrony::detect(line).or_else(|| linuxptp::detect(line)).or_else(|| text::detect(line))
        })
    }
}

impl Reading {
    /// Its only series, or the one that is called `source`.
    ///
    /// # Errors
    /// No series of that name; or several, and no name.
    pub fn into_single(mut self, source: Option<&str>) -> Result<Series, ContentError> {
        let names = || {
            let names: Vec<&str> = self.series.iter().map(|series| series.name.as_str()).collect();
            names.join(", ")
        };
        let at = match source {
            Some(wanted) => {
                self.series.iter().position(|series| series.name == wanted).ok_or_else(|| {
                    ContentError::NoSuchSource { wanted: wanted.to_owned(), present: names() }
                })?
            }
            None if self.series.len() > 1 => return Err(ContentError::Ambiguous(names())),
            None => 0,
        };
        if self.series.is_empty() {
            return Err(ContentError::Empty(self.skipped.to_string()));
        }
        Ok(self.series.swap_remove(at))
    }
}

/// Reads the file at `path`.
///
/// # Errors
/// The file cannot be read, or its content is not as its format wants it.
pub fn read(path: &Path, options: &Options) -> Result<Reading, ReadError> {
    let bytes =
        std::fs::read(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    // Comments may be in any encoding.
    parse(&String::from_utf8_lossy(&bytes), options)
        .map_err(|source| ReadError::Content { path: path.to_owned(), source })
}

/// Reads the content of a file.
///
/// # Errors
/// The content is not as its format wants it, or has no point.
pub fn parse(content: &str, options: &Options) -> Result<Reading, ContentError> {
    let format = match options.format {
        Some(format) => format,
        None => Format::detect(content).ok_or(ContentError::UnknownFormat)?,
    };
    let collected = match format {
        Format::Text => text::parse(content, options)?,
        Format::ChronyMeasurements | Format::ChronyStatistics | Format::ChronyTracking => {
            chrony::parse(content, format)?
        }
        Format::Linuxptp | Format::LinuxptpSummary => linuxptp::parse(content, format)?,
    };
    if collected.series.is_empty() {
        return Err(ContentError::Empty(collected.skipped.to_string()));
    }
    Ok(Reading { format, series: collected.series, skipped: collected.skipped })
}

/// What has been read so far.
#[derive(Debug, Default)]
struct Collected {
    series: Vec<Series>,
    /// The time of the first point: large times would cost digits.
    origin: Option<f64>,
    skipped: Skipped,
}

impl Collected {
    /// Adds a point to the series of that name, unless it is no later than the last.
    fn push(&mut self, name: &str, mut point: Point) {
        point.time -= *self.origin.get_or_insert(point.time);
        let known = self.series.iter().position(|series| series.name == name);
        let at = known.unwrap_or_else(|| {
            self.series.push(Series { name: name.to_owned(), points: Vec::new() });
            self.series.len() - 1
        });
        let points = &mut self.series[at].points;
        if points.last().is_some_and(|last| point.time <= last.time) {
            self.skipped.not_later += 1;
        } else {
            points.push(point);
        }
    }
}

/// A number; none that is beyond every clock, whose products would be no numbers.
fn number(word: &str) -> Option<f64> {
    word.parse::<f64>().ok().filter(|value| value.abs() < 1e100)
}
