//! Sizes of files.

use toml::de::DeValue;

use super::super::error::Wrong;
use super::{Scalar, mistyped, quoted};

/// Units, largest first, in bytes.
const UNITS: [(&str, u64); 4] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000), ("B", 1)];
const HELP: &str = "write a whole number and a unit in quotes, such as \"16 MB\"";

/// A size in bytes, written with its unit.
pub(in crate::config) struct Size {
    least: u64,
}

/// Any size.
pub(in crate::config) const fn size() -> Size {
    Size { least: 0 }
}

impl Size {
    pub(in crate::config) const fn at_least(self, least: u64) -> Self {
        Self { least }
    }
}

fn parse(text: &str) -> Option<u64> {
    let (number, unit) = text.trim().split_once(' ')?;
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*bytes)
}

fn show(bytes: u64) -> String {
    let (unit, of) = UNITS.iter().find(|(_, of)| bytes.is_multiple_of(*of)).unwrap_or(&("B", 1));
    format!("{} {unit}", bytes / of)
}

impl Scalar for Size {
    type Value = u64;

    fn read(&self, given: &DeValue<'_>) -> Result<u64, Wrong> {
        let text = given.as_str().ok_or_else(|| match given {
            DeValue::Integer(_) | DeValue::Float(_) => Wrong::new("this size has no unit", HELP),
            _ => mistyped(given, HELP),
        })?;
        let wrong = || Wrong::new(format!("{text:?} is no size (units: GB, MB, kB, B)"), HELP);
        let bytes = parse(text).ok_or_else(wrong)?;
        if bytes < self.least {
            let help = format!("write a size of at least {}", show(self.least));
            return Err(Wrong::new(format!("{text:?} is out of range"), help));
        }
        Ok(bytes)
    }

    fn show(&self, value: &u64) -> Option<String> {
        Some(quoted(&show(*value)))
    }

    fn describe(&self) -> String {
        format!("size, at least {}", show(self.least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_the_unit_that_fits_and_read_back() {
        for (text, bytes) in
            [("16 MB", 16_000_000), ("1 GB", 1_000_000_000), ("1500 kB", 1_500_000), ("10 B", 10)]
        {
            assert_eq!(parse(text), Some(bytes));
            assert_eq!(show(bytes), text);
        }
        for wrong in ["16", "16MB", "1.5 MB", "-1 MB", "1 MiB", "18446744073709551615 kB", ""] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
