//! The lines that ptp4l, phc2sys and ts2phc log, with or without a prefix of syslog.
//!
//! ```text
//! ptp4l[5374018.735]: master offset         -6 s2 freq   -1879 path delay        88
//! phc2sys[359.907]: CLOCK_REALTIME phc offset       -20 s2 freq  +10469 delay     37
//! ptp4l[367.712]: rms    9 max   17 freq  -1234 +/-  12 delay    88 +/-   1
//! ```
//!
//! Offsets and delays are in ns, frequencies in ppb: what the servo takes out, so positive
//! for a clock that would be fast.

use super::{Collected, ContentError, Format, number};
use crate::series::Point;

const NANO: f64 = 1e-9;

/// A line of one update or one summary, taken apart.
struct Line<'a> {
    /// Seconds of the monotonic clock.
    time: f64,
    /// The clock: what comes before the first figure.
    name: &'a str,
    format: Format,
    /// Servo state 2 or 3: locked. A summary does not tell it.
    is_locked: bool,
    offset: f64,
    frequency: Option<f64>,
    delay: Option<f64>,
}

/// Which of its two formats a line is of, if it is of one.
pub(super) fn detect(line: &str) -> Option<Format> {
    taken_apart(line).map(|line| line.format)
}

/// Reads a log of one of the two formats; a series for each clock.
pub(super) fn parse(content: &str, format: Format) -> Result<Collected, ContentError> {
    let mut collected = Collected::default();
    for (at, line) in content.lines().enumerate() {
        let marker = if format == Format::Linuxptp { " offset " } else { "rms " };
        let Some(found) = taken_apart(line).filter(|found| found.format == format) else {
            // A line cut short, or glued to another, must not pass for news of a port.
            if line.contains(marker) && line.contains(" freq ") {
                let expected = "expected \"[seconds]: … offset <ns> s<state> freq <ppb> [path] \
                                delay <ns>\" or \"[seconds]: … rms <ns> max <ns> freq <ppb> +/- \
                                <ppb> delay <ns> +/- <ns>\"";
                return Err(ContentError::line(at + 1, line, expected));
            }
            if line.trim().is_empty() {
                collected.skipped.comments += 1;
            } else {
                collected.skipped.other += 1;
            }
            continue;
        };
        if !found.is_locked {
            collected.skipped.unlocked += 1;
            continue;
        }
        let Line { time, name, offset, frequency, delay, .. } = found;
        let point = Point { time, offset, expanded: None, frequency, delay };
        collected.push(if name.is_empty() { "master" } else { name }, point);
    }
    Ok(collected)
}

fn taken_apart(line: &str) -> Option<Line<'_>> {
    let (time, message) = timed(line)?;
    update(time, message).or_else(|| summary(time, message))
}

/// The time in the last pair of brackets that holds one, `[5374018.735]`, and what follows.
/// The journal puts the number of the process in brackets before it, a point-less number.
fn timed(line: &str) -> Option<(f64, &str)> {
    let mut found = None;
    for (open, _) in line.match_indices('[') {
        let Some((inside, rest)) = line[open + 1..].split_once(']') else { break };
        let is_time =
            inside.contains('.') && inside.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if let Some(time) = number(inside).filter(|_| is_time) {
            found = Some((time, rest.trim_start_matches(':').trim()));
        }
    }
    found
}

/// `NAME offset N sN freq N [path] delay N`; the delay is not always there.
fn update(time: f64, message: &str) -> Option<Line<'_>> {
    let at = message.find("offset ")?;
    let name = message[..at].trim();
    let words: Vec<&str> = message[at..].split_whitespace().collect();
    let [_, offset, state, "freq", frequency, rest @ ..] = words.as_slice() else { return None };
    let delay = match rest {
        [] => None,
        ["delay", delay, ..] | ["path", "delay", delay, ..] => Some(NANO * number(delay)?),
        _ => return None,
    };
    let is_locked = match *state {
        "s0" | "s1" => false,
        "s2" | "s3" => true,
        _ => return None,
    };
    let frequency = Some(NANO * number(frequency)?);
    let offset = NANO * number(offset)?;
    let format = Format::Linuxptp;
    Some(Line { time, name, format, is_locked, offset, frequency, delay })
}

/// `NAME rms N max N freq N +/- N [delay N +/- N]`.
fn summary(time: f64, message: &str) -> Option<Line<'_>> {
    let at = message.find("rms ")?;
    let name = message[..at].trim();
    let words: Vec<&str> = message[at..].split_whitespace().collect();
    let [_, rms, "max", max, "freq", frequency, "+/-", _, rest @ ..] = words.as_slice() else {
        return None;
    };
    number(max)?;
    let delay = match rest {
        [] => None,
        ["delay", delay, "+/-", ..] => Some(NANO * number(delay)?),
        _ => return None,
    };
    let frequency = Some(NANO * number(frequency)?);
    let offset = NANO * number(rms)?;
    let format = Format::LinuxptpSummary;
    Some(Line { time, name, format, is_locked: true, offset, frequency, delay })
}
