//! The small pieces: colours, harmless names, spans, dates, quantities.

use std::fmt::Write as _;

use clock_models::time::{Timestamp, Utc};
use clock_models::units::{Ratio, Time};

use crate::status::{ClockState, SelectionState};

/// Whether the text may carry the colours of an ANSI terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// Plain text.
    Off,
    /// For a terminal.
    On,
}

/// How a piece of text looks, where colours are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    /// Headings and what matters most.
    Bold,
    /// What is there for those who look twice.
    Dim,
    Good,
    Doubtful,
    Bad,
}

impl Colours {
    /// The text with this look.
    pub(super) fn paint(self, look: Look, text: &str) -> String {
        // ISO/IEC 6429 (ECMA-48) 8.3.117, SGR.
        let code = match look {
            Look::Bold => "1",
            Look::Dim => "2",
            Look::Good => "32",
            Look::Doubtful => "33",
            Look::Bad => "31",
            Look::Plain => return text.to_owned(),
        };
        match self {
            Self::Off => text.to_owned(),
            Self::On => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// The look of a clock in this state.
pub(super) const fn clock_look(state: ClockState) -> Look {
    match state {
        ClockState::FreeRunning => Look::Dim,
        ClockState::Locked => Look::Good,
        ClockState::Acquiring | ClockState::Holdover => Look::Doubtful,
        ClockState::Unsynchronised | ClockState::Panic | ClockState::Faulty => Look::Bad,
    }
}

/// The look of a source in this state.
pub(super) const fn source_look(state: SelectionState) -> Look {
    match state {
        SelectionState::Leader | SelectionState::Combined => Look::Good,
        SelectionState::Candidate => Look::Plain,
        SelectionState::Warming => Look::Doubtful,
        SelectionState::Falseticker | SelectionState::Unreachable | SelectionState::Unusable => {
            Look::Bad
        }
    }
}

/// Stands for a value that is not known.
pub(super) const UNKNOWN: &str = "-";

/// Text from outside without the characters that steer a terminal or turn its writing
/// direction (Unicode TR 9): they are shown as their code.
pub(super) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns {
            // Writing to a String does not fail.
            let _ = write!(shown, "{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// An offset, with its sign.
pub(super) fn offset(value: Option<f64>) -> String {
    shown(value, |value| format!("{:+}", Time(value)), "0 s")
}

/// A time that has no sign: an uncertainty, a bound, a delay.
pub(super) fn time(value: Option<f64>) -> String {
    shown(value, |value| Time(value).to_string(), "0 s")
}

/// A frequency, with its sign.
pub(super) fn frequency(value: Option<f64>) -> String {
    shown(value, |value| format!("{:+}", Ratio(value)), "0 ppm")
}

/// A relative frequency that has no sign: a wander.
pub(super) fn ratio(value: Option<f64>) -> String {
    shown(value, |value| Ratio(value).to_string(), "0 ppm")
}

/// An offset with its expanded uncertainty: `+1.23 µs ± 4.56 µs`.
pub(super) fn measured(value: Option<f64>, uncertainty: Option<f64>) -> String {
    with_uncertainty(&offset(value), &time(uncertainty))
}

/// A frequency with its standard uncertainty: `-12.3 ppm ± 21.0 ppb`.
pub(super) fn measured_frequency(value: Option<f64>, uncertainty: Option<f64>) -> String {
    let uncertainty = shown(uncertainty, |value| Ratio(value).to_string(), "0 ppm");
    with_uncertainty(&frequency(value), &uncertainty)
}

fn with_uncertainty(value: &str, uncertainty: &str) -> String {
    match (value, uncertainty) {
        (UNKNOWN, _) => UNKNOWN.to_owned(),
        (value, UNKNOWN) => format!("{value} ± ?"),
        (value, uncertainty) => format!("{value} ± {uncertainty}"),
    }
}

/// What is smaller than half of the smallest unit (1 ps, 1 ppt) is shown as nothing.
const NOTHING: f64 = 0.5e-12;

/// A zero has no unit that fits it better than another.
fn shown(value: Option<f64>, text: impl Fn(f64) -> String, zero: &str) -> String {
    match value {
        Some(value) if value.abs() < NOTHING => zero.to_owned(),
        Some(value) if value.is_finite() => text(value),
        _ => UNKNOWN.to_owned(),
    }
}

/// How long something lasts or is ago, in the two largest units that fit: `2 d 3 h`,
/// `4 min 5 s`, `64 s`, `125 ms`.
#[must_use]
pub fn span(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 10.0 {
        return time(Some(seconds));
    }
    // Saturates, far beyond the age of the universe.
    let whole = seconds.round() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours, minutes, whole % 60) {
        // Poll intervals are known by these numbers: 16 s, 32 s, 64 s.
        (0, 0, 0..=1, _) => format!("{whole} s"),
        (0, 0, min, s) => format!("{min} min {s} s"),
        (0, h, min, _) => format!("{h} h {min} min"),
        (d, h, ..) => format!("{d} d {h} h"),
    }
}

/// The day of a Unix time: `2027-06-28`.
pub(super) fn date(unix: f64) -> String {
    if !unix.is_finite() {
        return UNKNOWN.to_owned();
    }
    let iso = Timestamp::<Utc>::from_secs(unix as i64).to_string();
    iso.split('T').next().unwrap_or(UNKNOWN).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_show_their_two_largest_units() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (0.125, "125 ms"),
            (9.0, "9.00 s"),
            (59.6, "60 s"),
            (64.0, "64 s"),
            (1024.0, "17 min 4 s"),
            (11_549.0, "3 h 12 min"),
            (183_600.0, "2 d 3 h"),
            (f64::NAN, "-"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn what_steers_a_terminal_is_shown_as_its_code() {
        assert_eq!(harmless("\x1b[2J国家\u{202e}"), "\\u{1b}[2J国家\\u{202e}");
        assert_eq!(harmless("a\nb"), "a\\u{a}b");
    }

    #[test]
    fn dates_survive_nonsense() {
        assert_eq!(date(1_814_140_800.0), "2027-06-28");
        for nonsense in [f64::MAX, f64::MIN, f64::NAN, f64::INFINITY] {
            assert!(!date(nonsense).is_empty());
        }
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        assert_eq!(offset(None), "-");
        assert_eq!(time(Some(f64::NAN)), "-");
        assert_eq!(offset(Some(1.5e-6)), "+1.50 µs");
        assert_eq!(offset(Some(-0.3e-12)), "0 s");
        assert_eq!(frequency(Some(-2e-8)), "-20.0 ppb");
        assert_eq!(measured(Some(1e-6), Some(2e-6)), "+1.00 µs ± 2.00 µs");
        assert_eq!(measured(Some(0.0), None), "0 s ± ?");
        assert_eq!(measured(None, Some(1.0)), "-");
        assert_eq!(measured_frequency(Some(1e-6), Some(0.0)), "+1.00 ppm ± 0 ppm");
    }

    #[test]
    fn colours_are_only_where_they_are_wanted() {
        assert_eq!(Colours::Off.paint(Look::Bad, "x"), "x");
        assert_eq!(Colours::On.paint(Look::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
