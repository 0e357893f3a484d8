//! The kinds of values: how each is read, refused, shown and described.

mod number;
mod size;
mod text;
mod word;

use toml::de::DeValue;

use super::error::Wrong;

pub(super) use number::{Count, Factor, Flag, ratio, time};
pub(super) use size::size;
pub(super) use text::{
    Address, Day, FilePath, Permissions, SocketPath, host, interface, name, text,
};
pub(super) use word::{Words, word, words};

/// A kind of value of one key.
pub(super) trait Scalar {
    /// What it is in the program.
    type Value;
    /// Takes the value from the file.
    fn read(&self, given: &DeValue<'_>) -> Result<Self::Value, Wrong>;
    /// The value as TOML, such that reading gives it back; `None` where nothing is set.
    fn show(&self, value: &Self::Value) -> Option<String>;
    /// What may be written, for the reference page.
    fn describe(&self) -> String;
    /// The words of an enumeration with their meanings.
    fn words(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }
}

/// A text as TOML.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// The complaint about a value of another type of TOML.
fn mistyped(given: &DeValue<'_>, help: impl Into<String>) -> Wrong {
    let article =
        if matches!(given.type_str().chars().next(), Some('a' | 'i')) { "an" } else { "a" };
    Wrong::new(format!("{article} {} does not belong here", given.type_str()), help)
}

/// The value as text, or the complaint that it is none.
fn string<'a>(given: &'a DeValue<'_>, example: &str) -> Result<&'a str, Wrong> {
    given
        .as_str()
        .ok_or_else(|| mistyped(given, format!("write text in quotes, such as {example}")))
}

/// A list of another kind: at least one, none twice.
pub(super) struct List<K>(pub(super) K);

impl<K: Scalar> Scalar for List<K>
where
    K::Value: PartialEq,
{
    type Value = Vec<K::Value>;

    fn read(&self, given: &DeValue<'_>) -> Result<Self::Value, Wrong> {
        let help = "write a list in square brackets: [\"…\", \"…\"]";
        let list = given.as_array().ok_or_else(|| mistyped(given, help))?;
        let mut values = Vec::new();
        for item in list.iter() {
            let value = self.0.read(item.get_ref())?;
            if values.contains(&value) {
                return Err(Wrong::new("the list has an entry twice", "leave one out"));
            }
            values.push(value);
        }
        if values.is_empty() {
            return Err(Wrong::new("the list is empty", help));
        }
        Ok(values)
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        let items: Vec<String> = value.iter().filter_map(|item| self.0.show(item)).collect();
        Some(format!("[{}]", items.join(", ")))
    }

    fn describe(&self) -> String {
        format!("list, each: {}", self.0.describe())
    }
}

/// Another kind, or the word that switches it off.
pub(super) struct OrNone<K>(pub(super) K);

impl<K: Scalar> Scalar for OrNone<K> {
    type Value = Option<K::Value>;

    fn read(&self, given: &DeValue<'_>) -> Result<Self::Value, Wrong> {
        if given.as_str() == Some("none") {
            return Ok(None);
        }
        self.0.read(given).map(Some)
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        value.as_ref().map_or_else(|| Some(quoted("none")), |value| self.0.show(value))
    }

    fn describe(&self) -> String {
        format!("{}, or `\"none\"`", self.0.describe())
    }
}

/// Another kind, which may be left out.
pub(super) struct Maybe<K>(pub(super) K);

impl<K: Scalar> Scalar for Maybe<K> {
    type Value = Option<K::Value>;

    fn read(&self, given: &DeValue<'_>) -> Result<Self::Value, Wrong> {
        self.0.read(given).map(Some)
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        value.as_ref().and_then(|value| self.0.show(value))
    }

    fn describe(&self) -> String {
        self.0.describe()
    }
}
