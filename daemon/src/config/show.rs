//! The effective configuration as TOML: every value that is set, with its meaning.

use std::fmt;

use serde::{Serialize, Serializer};

use super::schema::Config;
use super::section::{Body, Entry, Section as _};

/// Column at which the meaning of a key begins.
const COMMENT: usize = 40;

/// The effective configuration: TOML that reads back as this very configuration.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, &self.entries(), "")
    }
}

/// As in the file: words and quantities with units, not bare numbers.
impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let table: toml::Table =
            toml::from_str(&self.to_string()).map_err(serde::ser::Error::custom)?;
        table.serialize(serializer)
    }
}

/// Values first, then tables: a key after a table's header would belong to that table.
fn show(f: &mut fmt::Formatter<'_>, entries: &[Entry], path: &str) -> fmt::Result {
    for entry in entries {
        if let Body::Value { text: Some(text), .. } = &entry.body {
            let line = format!("{} = {text}", entry.key);
            writeln!(f, "{line:COMMENT$} # {}", first_sentence(entry.meaning))?;
        }
    }
    for entry in entries {
        let Body::Tables { repeated, given, .. } = &entry.body else { continue };
        let path =
            if path.is_empty() { entry.key.to_owned() } else { format!("{path}.{}", entry.key) };
        for table in given {
            if *repeated {
                writeln!(f, "\n[[{path}]]")?;
            } else if has_values(table) {
                writeln!(f, "\n[{path}]")?;
            }
            show(f, table, &path)?;
        }
    }
    Ok(())
}

fn has_values(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| matches!(entry.body, Body::Value { .. }))
}

fn first_sentence(text: &str) -> &str {
    let end = [". ", ": ", "; "].iter().filter_map(|end| text.find(end)).min();
    text.get(..end.unwrap_or(text.len())).unwrap_or(text).trim_end_matches('.')
}
