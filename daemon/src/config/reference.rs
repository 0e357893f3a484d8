//! The reference page of the configuration, `docs/src/reference/configuration.md`.

use std::fmt::Write as _;

use super::schema::Config;
use super::section::{Absent, Body, Entry, Section as _};

/// What stands before the sections.
const INTRODUCTION: &str = include_str!("reference.md");

/// The whole page, in Markdown.
#[must_use]
pub fn reference_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    sections(&mut page, &Config::default().entries(), "");
    let _ = write!(page, "\n## The embedded default\n\n```toml\n{}```\n", super::EMBEDDED);
    page
}

fn sections(page: &mut String, entries: &[Entry], path: &str) {
    for entry in entries {
        let Body::Tables { about, repeated, blank, .. } = &entry.body else { continue };
        let path =
            if path.is_empty() { entry.key.to_owned() } else { format!("{path}.{}", entry.key) };
        // All sources have the same origin: one description is enough.
        if matches!(path.as_str(), "source.ptp.origin" | "source.clock.origin") {
            continue;
        }
        let keys = blank();
        let header = if *repeated { format!("[[{path}]]") } else { format!("[{path}]") };
        let values: String = keys.iter().filter_map(key).collect();
        if !values.is_empty() {
            let _ = write!(page, "\n## `{header}`\n\n{about}\n\n{values}");
        }
        sections(page, &keys, &path);
    }
}

fn key(entry: &Entry) -> Option<String> {
    let Body::Value { may_be, words, .. } = &entry.body else { return None };
    let default = match entry.absent {
        Absent::Required => "required".to_owned(),
        Absent::Text(text) => format!("default `{}`", text.replace('\'', "\"")),
        Absent::Otherwise(words) => format!("default: {words}"),
    };
    let words = words.iter().map(|(word, meaning)| format!("  - `\"{word}\"`: {meaning}\n"));
    let words: String = words.collect();
    Some(format!("- **`{}`** ({may_be}; {default})  \n  {}\n{words}", entry.key, entry.meaning))
}
