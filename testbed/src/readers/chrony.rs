//! The logs of chronyd, as chrony.conf(5) describes them under `log`.

use super::{Collected, ContentError, Format, calendar, number};
use crate::series::Point;

/// Normal, a leap second ahead, not synchronised.
const LEAP_STATUS: [&str; 4] = ["N", "+", "-", "?"];

/// Where the columns of a log are that a point is made of, from 0.
struct Columns {
    /// How many there are at least, in the oldest version that is read.
    least: usize,
    /// Offset of the clock, s.
    offset: usize,
    /// −1 where the log calls a slow clock positive.
    sign: f64,
    /// Frequency, and its unit as a ratio.
    frequency: Option<(usize, f64)>,
    /// Round-trip delay, s.
    delay: Option<usize>,
    /// What a line should be.
    expected: &'static str,
}

/// Positive means that the local clock is slow; the peer delay is that of the exchange.
const MEASUREMENTS: Columns = Columns {
    least: 17,
    offset: 11,
    sign: -1.0,
    frequency: None,
    delay: Some(12),
    expected: "a line of measurements.log has a date, a time, an address and 14 more columns or \
               17, with the offset in the 12th and the delay in the 13th",
};

/// Positive means fast; the frequency is that of the clock as it is steered.
const STATISTICS: Columns = Columns {
    least: 12,
    offset: 4,
    sign: 1.0,
    frequency: Some((6, 1.0)),
    delay: None,
    expected: "a line of statistics.log has a date, a time, an address and 9 more columns or 10, \
               with the offset in the 5th and the frequency in the 7th",
};

/// Positive means fast; the frequency is that of the clock as if it were not steered.
const TRACKING: Columns = Columns {
    least: 8,
    offset: 6,
    sign: 1.0,
    frequency: Some((4, 1e-6)),
    delay: None,
    expected: "a line of tracking.log has a date, a time, an address and 11 more columns, with \
               the frequency in the 5th, the offset in the 7th and the leap status in the 8th",
};

/// The format of a line with a date and a time: the logs have their leap status, `N`, in
/// different columns, or none.
pub(super) fn detect(line: &str) -> Option<Format> {
    if let Some(format) = detect_heading(line) {
        return Some(format);
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let (date, time) = (words.first()?, words.get(1)?);
    calendar::seconds(date, time)?;
    let is_leap_status = |at: usize| words.get(at).is_some_and(|w| LEAP_STATUS.contains(w));
    match words.len() {
        count if count >= MEASUREMENTS.least && is_leap_status(3) => {
            Some(Format::ChronyMeasurements)
        }
        count if count >= TRACKING.least && is_leap_status(7) => Some(Format::ChronyTracking),
        12 | 13 => Some(Format::ChronyStatistics),
        _ => None,
    }
}

fn detect_heading(line: &str) -> Option<Format> {
    if !line.trim_start().starts_with("Date (UTC)") {
        return None;
    }
    let has = |word: &str| line.contains(word);
    match (has("Offset L"), has("Est offset"), has("peer del")) {
        (true, _, _) => Some(Format::ChronyTracking),
        (_, true, _) => Some(Format::ChronyStatistics),
        (_, _, true) => Some(Format::ChronyMeasurements),
        _ => None,
    }
}

/// Reads a log of one of the chrony formats: a series for each address, or one of tracking.
pub(super) fn parse(content: &str, format: Format) -> Result<Collected, ContentError> {
    let columns = match format {
        Format::ChronyTracking => TRACKING,
        Format::ChronyStatistics => STATISTICS,
        _ => MEASUREMENTS,
    };
    let mut collected = Collected::default();
    for (at, line) in content.lines().enumerate() {
        let trimmed = line.trim();
        // Every 32 lines chronyd writes a heading between rules.
        let is_heading = trimmed.starts_with("Date (UTC)") || trimmed.starts_with("====");
        if trimmed.is_empty() || trimmed.starts_with('#') || is_heading {
            collected.skipped.comments += 1;
            continue;
        }
        let words: Vec<&str> = trimmed.split_whitespace().collect();
        let point = columns
            .point(&words)
            .ok_or_else(|| ContentError::line(at + 1, line, columns.expected))?;
        match format {
            Format::ChronyMeasurements if has_failed(&words) => collected.skipped.failed += 1,
            Format::ChronyTracking if words[7] == "?" => collected.skipped.unlocked += 1,
            // One clock, whatever it followed.
            Format::ChronyTracking => collected.push("tracking", point),
            _ => collected.push(words[2], point),
        }
    }
    Ok(collected)
}

/// Whether a test of RFC 5905 failed, 1 to 3 or 5 to 7: only `rawmeasurements` logs these.
fn has_failed(words: &[&str]) -> bool {
    words[5].contains('0') || words[6].contains('0')
}

impl Columns {
    fn point(&self, words: &[&str]) -> Option<Point> {
        if words.len() < self.least {
            return None;
        }
        let time = calendar::seconds(words[0], words[1])?;
        let offset = self.sign * number(words[self.offset])?;
        let frequency = match self.frequency {
            Some((column, unit)) => Some(unit * number(words[column])?),
            None => None,
        };
        let delay = match self.delay {
            Some(column) => Some(number(words[column])?),
            None => None,
        };
        Some(Point { time, offset, expanded: None, frequency, delay })
    }
}
