//! Quantities, counts and flags.

use std::ops::RangeInclusive;

use clock_models::units;
use toml::de::{DeInteger, DeValue};

use super::super::error::Wrong;
use super::super::quantity::{ratio_text, time_text};
use super::{Scalar, mistyped, quoted};

/// A time in seconds or a ratio, written with its unit.
#[derive(Clone, Copy)]
pub(in crate::config) struct Quantity {
    what: &'static str,
    example: &'static str,
    parse: fn(&str) -> Result<f64, units::QuantityError>,
    text: fn(f64) -> String,
    above: Option<f64>,
    least: Option<f64>,
    most: Option<f64>,
}

/// A time, in seconds.
pub(in crate::config) const fn time() -> Quantity {
    Quantity {
        what: "time",
        example: "\"100 ms\"",
        parse: units::parse_time,
        text: time_text,
        above: None,
        least: None,
        most: None,
    }
}

/// A relative frequency, as a ratio.
pub(in crate::config) const fn ratio() -> Quantity {
    Quantity {
        what: "relative frequency",
        example: "\"20 ppm\"",
        parse: units::parse_ratio,
        text: ratio_text,
        above: None,
        least: None,
        most: None,
    }
}

impl Quantity {
    pub(in crate::config) const fn above(mut self, bound: f64) -> Self {
        self.above = Some(bound);
        self
    }

    pub(in crate::config) const fn at_least(mut self, bound: f64) -> Self {
        self.least = Some(bound);
        self
    }

    pub(in crate::config) const fn at_most(mut self, bound: f64) -> Self {
        self.most = Some(bound);
        self
    }

    /// The bounds, each with whether a value keeps to it.
    fn bounds(&self, value: f64) -> impl Iterator<Item = (String, bool)> {
        let text = self.text;
        let above = self.above.map(|b| (format!("above {}", text(b)), value > b));
        let least = self.least.map(|b| (format!("at least {}", text(b)), value >= b));
        let most = self.most.map(|b| (format!("at most {}", text(b)), value <= b));
        [above, least, most].into_iter().flatten()
    }
}

impl Scalar for Quantity {
    type Value = f64;

    fn read(&self, given: &DeValue<'_>) -> Result<f64, Wrong> {
        let help = || format!("write a number and a unit in quotes, such as {}", self.example);
        let text = given.as_str().ok_or_else(|| match given {
            DeValue::Integer(_) | DeValue::Float(_) => {
                Wrong::new(format!("this {} has no unit", self.what), help())
            }
            _ => mistyped(given, help()),
        })?;
        let value = (self.parse)(text).map_err(|error| Wrong::new(error.to_string(), ""))?;
        match self.bounds(value).find(|(_, kept)| !kept) {
            None => Ok(value),
            Some((bound, _)) => Err(Wrong::new(
                format!("{text:?} is out of range"),
                format!("write a {} of {bound}", self.what),
            )),
        }
    }

    fn show(&self, value: &f64) -> Option<String> {
        Some(quoted(&(self.text)(*value)))
    }

    fn describe(&self) -> String {
        let bounds = self.bounds(0.0).map(|(bound, _)| format!(", {bound}"));
        format!("{}{}", self.what, bounds.collect::<String>())
    }
}

/// A number without a unit, greater than 0.
pub(in crate::config) struct Factor;

impl Scalar for Factor {
    type Value = f64;

    fn read(&self, given: &DeValue<'_>) -> Result<f64, Wrong> {
        let number = match given {
            DeValue::Integer(integer) => whole(integer).map(|n| n as f64),
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            _ => return Err(mistyped(given, "write a number without quotes, such as 2")),
        };
        number.filter(|n| *n > 0.0 && n.is_finite()).ok_or_else(|| {
            Wrong::new("this number is out of range", "write a number above 0, such as 2")
        })
    }

    fn show(&self, value: &f64) -> Option<String> {
        Some(toml::Value::from(*value).to_string())
    }

    fn describe(&self) -> String {
        "number above 0".to_owned()
    }
}

fn whole(integer: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// A whole number in a range.
pub(in crate::config) struct Count<T>(pub(in crate::config) RangeInclusive<T>);

impl<T> Scalar for Count<T>
where
    T: Copy + Default + TryFrom<i64> + Into<i64>,
{
    type Value = T;

    fn read(&self, given: &DeValue<'_>) -> Result<T, Wrong> {
        let (least, most) = (self.0.start().to_owned().into(), self.0.end().to_owned().into());
        let help = format!("write a whole number from {least} to {most}, without quotes");
        let DeValue::Integer(integer) = given else {
            return Err(mistyped(given, help));
        };
        whole(integer)
            .filter(|n| (least..=most).contains(n))
            .and_then(|n| T::try_from(n).ok())
            .ok_or_else(|| Wrong::new("this number is out of range", help))
    }

    fn show(&self, value: &T) -> Option<String> {
        let value: i64 = (*value).into();
        Some(value.to_string())
    }

    fn describe(&self) -> String {
        let (least, most): (i64, i64) = ((*self.0.start()).into(), (*self.0.end()).into());
        format!("whole number, {least} to {most}")
    }
}

/// `true` or `false`.
pub(in crate::config) struct Flag;

impl Scalar for Flag {
    type Value = bool;

    fn read(&self, given: &DeValue<'_>) -> Result<bool, Wrong> {
        given.as_bool().ok_or_else(|| mistyped(given, "write true or false, without quotes"))
    }

    fn show(&self, value: &bool) -> Option<String> {
        Some(value.to_string())
    }

    fn describe(&self) -> String {
        "`true` or `false`".to_owned()
    }
}
