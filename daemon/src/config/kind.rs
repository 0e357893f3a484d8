//! The kinds of values: how each is read, refused, shown and described.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clock_models::units;
use toml::de::DeValue;
use toml::value::Date;

use super::error::{Wrong, nearest};
use super::quantity::{ratio_text, time_text};
use super::schema::ControlSocket;

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
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn mistyped(given: &DeValue<'_>, help: impl Into<String>) -> Wrong {
    let article =
        if matches!(given.type_str().chars().next(), Some('a' | 'i')) { "an" } else { "a" };
    Wrong::new(format!("{article} {} does not belong here", given.type_str()), help)
}

fn string<'a>(given: &'a DeValue<'_>, example: &str) -> Result<&'a str, Wrong> {
    given
        .as_str()
        .ok_or_else(|| mistyped(given, format!("write text in quotes, such as {example}")))
}

/// A time in seconds or a ratio, written with its unit.
#[derive(Clone, Copy)]
pub(super) struct Quantity {
    what: &'static str,
    example: &'static str,
    parse: fn(&str) -> Result<f64, units::QuantityError>,
    text: fn(f64) -> String,
    above: Option<f64>,
    least: Option<f64>,
    most: Option<f64>,
}

/// A time, in seconds.
pub(super) const fn time() -> Quantity {
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
pub(super) const fn ratio() -> Quantity {
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
    pub(super) const fn above(mut self, bound: f64) -> Self {
        self.above = Some(bound);
        self
    }

    pub(super) const fn at_least(mut self, bound: f64) -> Self {
        self.least = Some(bound);
        self
    }

    pub(super) const fn at_most(mut self, bound: f64) -> Self {
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
pub(super) struct Factor;

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

fn whole(integer: &toml::de::DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// A whole number in a range.
pub(super) struct Count<T>(pub(super) RangeInclusive<T>);

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
pub(super) struct Flag;

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

/// Text that has to pass a test.
pub(super) struct Text {
    what: &'static str,
    example: &'static str,
    /// What is wrong with it.
    fault: fn(&str) -> Option<&'static str>,
}

impl Scalar for Text {
    type Value = String;

    fn read(&self, given: &DeValue<'_>) -> Result<String, Wrong> {
        let text = string(given, self.example)?;
        match (self.fault)(text) {
            None => Ok(text.to_owned()),
            Some(fault) => Err(Wrong::new(
                format!("this is no {}: {fault}", self.what),
                format!("write it like {}", self.example),
            )),
        }
    }

    fn show(&self, value: &String) -> Option<String> {
        (!value.is_empty()).then(|| quoted(value))
    }

    fn describe(&self) -> String {
        self.what.to_owned()
    }
}

/// Any readable text of one line.
pub(super) const fn text(example: &'static str) -> Text {
    fn fault(text: &str) -> Option<&'static str> {
        match text {
            _ if text.trim().is_empty() => Some("it is empty"),
            _ if text.chars().any(char::is_control) => Some("it has control characters"),
            _ if text.len() > 200 => Some("it is longer than 200 bytes"),
            _ => None,
        }
    }
    Text { what: "text", example, fault }
}

/// Whether a text can stand in a path, a metric label and a command as it is.
fn is_plain(text: &str) -> bool {
    !text.contains(|c: char| c.is_whitespace() || c.is_control() || "/\\\"'".contains(c))
}

/// A name, which also serves in file names, metric labels and commands. Everything that a
/// default name is made of, a host or an interface, can be a name.
pub(super) const fn name() -> Text {
    fn fault(text: &str) -> Option<&'static str> {
        match text {
            "" => Some("it is empty"),
            _ if !is_plain(text) => Some("it has spaces, slashes, quotes or control characters"),
            _ if text.len() > 300 => Some("it is longer than 300 bytes"),
            _ => None,
        }
    }
    Text { what: "name", example: "\"hall-3\"", fault }
}

/// A host name or an IP address, if need be with the zone of RFC 4007 (`fe80::1%eth0`).
pub(super) const fn host() -> Text {
    fn fault(text: &str) -> Option<&'static str> {
        let (address, zone) = text.split_once('%').unwrap_or((text, "lo"));
        if address.parse::<IpAddr>().is_ok() {
            return interface_fault(zone);
        }
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        match text.strip_suffix('.').unwrap_or(text) {
            "" => Some("it is empty"),
            t if t.contains('/') => Some("leave out the scheme and the path"),
            t if t.contains(['[', ':']) => {
                Some("leave out brackets, and give the port with the key port")
            }
            t if t.len() > 253 => Some("it is longer than 253 characters"),
            t if !t.split('.').all(label) => {
                Some("its parts may have letters, digits and - only, up to 63 of them")
            }
            _ => None,
        }
    }
    Text { what: "host name or IP address", example: "\"ntp1.nim.ac.cn\"", fault }
}

/// The name of a network interface, as Linux allows it (`dev_valid_name`), less quotes.
pub(super) const fn interface() -> Text {
    Text { what: "network interface", example: "\"eth0\"", fault: interface_fault }
}

fn interface_fault(text: &str) -> Option<&'static str> {
    match text {
        "" | "." | ".." => Some("it is empty or a dot"),
        _ if text.len() > 15 => Some("its interface is longer than 15 bytes"),
        _ if text.contains(':') || !is_plain(text) => {
            Some("it has colons, spaces, slashes, quotes or control characters")
        }
        _ => None,
    }
}

/// An absolute path.
pub(super) struct FilePath;

impl Scalar for FilePath {
    type Value = PathBuf;

    fn read(&self, given: &DeValue<'_>) -> Result<PathBuf, Wrong> {
        let text = string(given, "\"/var/lib/utcd/system.drift\"")?;
        if !text.starts_with('/') {
            return Err(Wrong::new(
                "a relative path means something else after a restart from another directory",
                "write the whole path, from /",
            ));
        }
        if text.chars().any(char::is_control) {
            return Err(Wrong::new("this path has control characters", "write it without"));
        }
        Ok(PathBuf::from(text))
    }

    fn show(&self, value: &PathBuf) -> Option<String> {
        Some(quoted(&value.to_string_lossy()))
    }

    fn describe(&self) -> String {
        "absolute path".to_owned()
    }
}

/// The address and port of a socket of this host.
pub(super) struct Address;

impl Scalar for Address {
    type Value = SocketAddr;

    fn read(&self, given: &DeValue<'_>) -> Result<SocketAddr, Wrong> {
        let example = "\"127.0.0.1:9319\" or \"[::]:123\"";
        let text = string(given, example)?;
        text.parse().map_err(|_| {
            let what = format!("{text:?} is no IP address with a port");
            Wrong::new(what, format!("write it like {example}"))
        })
    }

    fn show(&self, value: &SocketAddr) -> Option<String> {
        Some(quoted(&value.to_string()))
    }

    fn describe(&self) -> String {
        "IP address with port".to_owned()
    }
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

/// Where the control socket is.
pub(super) struct SocketPath;

impl Scalar for SocketPath {
    type Value = ControlSocket;

    fn read(&self, given: &DeValue<'_>) -> Result<ControlSocket, Wrong> {
        if given.as_str() == Some("per-user") {
            return Ok(ControlSocket::PerUser);
        }
        let path = FilePath.read(given)?;
        // sun_path has 108 bytes, the last of which is zero: unix(7).
        if path.as_os_str().len() > 107 {
            return Err(Wrong::new("the path of a socket has 107 bytes at most", "shorten it"));
        }
        Ok(ControlSocket::Path(path))
    }

    fn show(&self, value: &ControlSocket) -> Option<String> {
        match value {
            ControlSocket::PerUser => Some(quoted("per-user")),
            ControlSocket::Path(path) => FilePath.show(path),
        }
    }

    fn describe(&self) -> String {
        "absolute path, or `\"per-user\"`: `$XDG_RUNTIME_DIR/utcd/control.sock`, or where that \
         is not set `/tmp/utcd-<uid>/control.sock`"
            .to_owned()
    }
}

/// A calendar day.
pub(super) struct Day;

impl Scalar for Day {
    type Value = Date;

    fn read(&self, given: &DeValue<'_>) -> Result<Date, Wrong> {
        let moment = match given {
            DeValue::Datetime(moment) => Some(*moment),
            DeValue::String(text) => text.parse().ok(),
            _ => None,
        };
        match moment {
            Some(toml::value::Datetime { date: Some(day), time: None, offset: None }) => Ok(day),
            _ => Err(Wrong::new("this is no day", "write year, month and day: 2026-08-17")),
        }
    }

    fn show(&self, value: &Date) -> Option<String> {
        Some(value.to_string())
    }

    fn describe(&self) -> String {
        "day, such as `2026-08-17`".to_owned()
    }
}

/// File permissions in octal, as chmod takes them.
pub(super) struct Permissions;

impl Scalar for Permissions {
    type Value = u32;

    fn read(&self, given: &DeValue<'_>) -> Result<u32, Wrong> {
        let help = "write three octal digits in quotes, such as \"0660\"";
        let text = given.as_str().ok_or_else(|| mistyped(given, help))?;
        Some(text)
            .filter(|t| t.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|t| u32::from_str_radix(t, 8).ok())
            .filter(|mode| *mode <= 0o777)
            .ok_or_else(|| Wrong::new(format!("{text:?} are no permissions"), help))
    }

    fn show(&self, value: &u32) -> Option<String> {
        Some(format!("\"{value:04o}\""))
    }

    fn describe(&self) -> String {
        "octal permissions in quotes".to_owned()
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

/// One of the words of an enumeration, see [`words`].
pub(super) struct Word<E>(PhantomData<E>);

/// One word of the enumeration `E`.
pub(super) const fn word<E>() -> Word<E> {
    Word(PhantomData)
}

/// An enumeration whose values are written as words.
pub(super) trait Words: Copy + Debug + Default + PartialEq + 'static {
    /// Every value with its word and its meaning.
    const ALL: &'static [(Self, &'static str, &'static str)];
}

impl<E: Words> Scalar for Word<E> {
    type Value = E;

    fn read(&self, given: &DeValue<'_>) -> Result<E, Wrong> {
        let known: Vec<String> = E::ALL.iter().map(|(_, word, _)| quoted(word)).collect();
        let one_of = format!("write {}", known.join(" or "));
        let text = given.as_str().ok_or_else(|| mistyped(given, &one_of))?;
        let found = E::ALL.iter().find(|(_, word, _)| *word == text).map(|(value, ..)| *value);
        found.ok_or_else(|| {
            let meant = nearest(text, E::ALL.iter().map(|(_, word, _)| *word));
            let help = meant.map_or(one_of, |word| format!("write {}", quoted(word)));
            Wrong::new(format!("{} is none of {}", quoted(text), known.join(", ")), help)
        })
    }

    fn show(&self, value: &E) -> Option<String> {
        E::ALL.iter().find(|(other, ..)| other == value).map(|(_, word, _)| quoted(word))
    }

    fn describe(&self) -> String {
        let known: Vec<String> =
            E::ALL.iter().map(|(_, word, meaning)| format!("`\"{word}\"`: {meaning}")).collect();
        format!("one of {}", known.join("; "))
    }
}

/// Declares an enumeration and the words for its values, the first being the default of
/// Rust code (the default of a key is given with the key).
macro_rules! words {
    ($(#[doc = $about:literal])+ $name:ident {
        $(#[doc = $meaning0:literal])+ $value0:ident = $word0:literal,
        $($(#[doc = $meaning:literal])+ $value:ident = $word:literal,)*
    }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub enum $name {
            $(#[doc = $meaning0])+
            #[default]
            $value0,
            $($(#[doc = $meaning])+ $value,)*
        }

        impl $name {
            /// The word in the configuration.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    Self::$value0 => $word0,
                    $(Self::$value => $word,)*
                }
            }
        }

        impl $crate::config::kind::Words for $name {
            const ALL: &'static [(Self, &'static str, &'static str)] = &[
                (Self::$value0, $word0, concat!($($meaning0),+).trim_ascii()),
                $((Self::$value, $word, concat!($($meaning),+).trim_ascii()),)*
            ];
        }
    };
}
pub(super) use words;
