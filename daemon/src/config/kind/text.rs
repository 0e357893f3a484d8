//! Names, addresses, paths, days: what is written as text.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use toml::de::DeValue;
use toml::value::{Date, Datetime};

use super::super::error::Wrong;
use super::super::schema::ControlSocket;
use super::{Scalar, mistyped, quoted, string};

/// Text that has to pass a test.
pub(in crate::config) struct Text {
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
pub(in crate::config) const fn text(example: &'static str) -> Text {
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
pub(in crate::config) const fn name() -> Text {
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
pub(in crate::config) const fn host() -> Text {
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
pub(in crate::config) const fn interface() -> Text {
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
pub(in crate::config) struct FilePath;

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
pub(in crate::config) struct Address;

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

/// Where the control socket is.
pub(in crate::config) struct SocketPath;

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
pub(in crate::config) struct Day;

impl Scalar for Day {
    type Value = Date;

    fn read(&self, given: &DeValue<'_>) -> Result<Date, Wrong> {
        let moment = match given {
            DeValue::Datetime(moment) => Some(*moment),
            DeValue::String(text) => text.parse().ok(),
            _ => None,
        };
        match moment {
            Some(Datetime { date: Some(day), time: None, offset: None }) => Ok(day),
            _ => Err(Wrong::new("this is no day", "write year, month and day: 2026-08-17")),
        }
    }

    fn show(&self, value: &Date) -> Option<String> {
        // In quotes, since JSON knows no days.
        Some(quoted(&value.to_string()))
    }

    fn describe(&self) -> String {
        "day, such as `2026-08-17`".to_owned()
    }
}

/// File permissions in octal, as chmod takes them.
pub(in crate::config) struct Permissions;

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
