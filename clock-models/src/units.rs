//! Quantities as people write and read them: `"100 ms"`, `"20 ppm"`, `12.3 µs`.

use std::fmt;

/// Units of time, largest first, with their size in seconds.
const TIME_UNITS: [(&str, f64); 8] = [
    ("d", 86_400.0),
    ("h", 3600.0),
    ("min", 60.0),
    ("s", 1.0),
    ("ms", 1e-3),
    ("µs", 1e-6),
    ("ns", 1e-9),
    ("ps", 1e-12),
];

/// Units of relative frequency, with their size as a ratio.
const RATIO_UNITS: [(&str, f64); 3] = [("ppm", 1e-6), ("ppb", 1e-9), ("ppt", 1e-12)];

/// Why a text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no {what}: write a number and a unit, such as {example:?} (units: {units})")]
pub struct QuantityError {
    found: String,
    what: &'static str,
    example: &'static str,
    units: String,
}

/// Reads a time such as `"100 ms"` or `"-2.5us"`, in seconds.
///
/// # Errors
/// Anything but a finite number and a known unit.
pub fn parse_time(text: &str) -> Result<f64, QuantityError> {
    parse(text, &TIME_UNITS, "time", "100 ms")
}

/// Reads a relative frequency such as `"20 ppm"`, as a ratio.
///
/// # Errors
/// Anything but a finite number and a known unit.
pub fn parse_ratio(text: &str) -> Result<f64, QuantityError> {
    parse(text, &RATIO_UNITS, "relative frequency", "20 ppm")
}

fn parse(
    text: &str,
    units: &[(&str, f64)],
    what: &'static str,
    example: &'static str,
) -> Result<f64, QuantityError> {
    let text = text.trim();
    let split =
        text.find(|c: char| c.is_alphabetic() && c != 'e' && c != 'E').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = if unit == "us" || unit == "μs" { "µs" } else { unit };
    let size = units.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size);
    let number = number.trim().parse::<f64>().ok();
    number.zip(size).map(|(n, size)| n * size).filter(|value| value.is_finite()).ok_or_else(|| {
        QuantityError {
            found: text.chars().take(40).collect(),
            what,
            example,
            units: units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
        }
    })
}

/// A time in seconds, shown with three to four digits and a unit that fits:
/// `+12.3 µs`, `105 ms`. Honours `+` and width, and aligns to the right.
#[derive(Debug, Clone, Copy)]
pub struct Time(pub f64);

/// A ratio, shown in ppm, ppb or ppt: `-19.98 ppm`.
#[derive(Debug, Clone, Copy)]
pub struct Ratio(pub f64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Days, hours and minutes are for configuration; tables keep to seconds.
        scaled(f, self.0, &TIME_UNITS[3..])
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scaled(f, self.0, &RATIO_UNITS)
    }
}

fn scaled(f: &mut fmt::Formatter<'_>, value: f64, units: &[(&str, f64)]) -> fmt::Result {
    let last = units[units.len() - 1];
    // A value that rounds to 1000 of a unit belongs to the unit above.
    let fits = |&&(_, size): &&(&str, f64)| value.abs() >= 0.9995 * size;
    let (name, size) = units.iter().find(fits).copied().unwrap_or(last);
    let scaled = value / size;
    let digits = match scaled.abs() {
        s if s >= 99.95 => 0,
        s if s >= 9.995 => 1,
        _ => 2,
    };
    let text = if f.sign_plus() {
        format!("{scaled:+.digits$} {name}")
    } else {
        format!("{scaled:.digits$} {name}")
    };
    let width = f.width().unwrap_or(0);
    write!(f, "{text:>width$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_with_their_units() {
        for (text, seconds) in [
            ("100 ms", 0.1),
            ("2.5us", 2.5e-6),
            ("-3 µs", -3e-6),
            ("1e3 ns", 1e-6),
            ("1 h", 3600.0),
            ("15min", 900.0),
            ("0 s", 0.0),
        ] {
            let read = parse_time(text).unwrap();
            assert!((read - seconds).abs() <= 1e-12 * seconds.abs(), "{text}: {read}");
        }
        assert_eq!(parse_ratio("20 ppm"), Ok(20.0 * 1e-6));
    }

    #[test]
    fn what_is_no_quantity_is_refused_with_an_example() {
        for text in ["", "5", "ms", "5 parsecs", "nan s", "inf s", "1e999 s", "5 ppm"] {
            let error = parse_time(text).unwrap_err().to_string();
            assert!(error.contains("100 ms"), "{error}");
        }
    }

    #[test]
    fn times_scale_to_a_unit_that_fits() {
        for (seconds, text) in [
            (0.0, "0.00 ps"),
            (1.5e-9, "1.50 ns"),
            (-12.34e-6, "-12.3 µs"),
            (999.96e-6, "1.00 ms"),
            (0.105, "105 ms"),
            (12345.0, "12345 s"),
        ] {
            assert_eq!(Time(seconds).to_string(), text);
        }
        assert_eq!(format!("{:>+10}", Time(1e-3)), "  +1.00 ms");
        assert_eq!(Ratio(-19.98e-6).to_string(), "-20.0 ppm");
    }
}
