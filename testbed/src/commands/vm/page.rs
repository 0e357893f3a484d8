//! A page of the documentation that holds the results: a section for each scenario.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Display;
use std::fs;
use std::path::Path;

/// Between these lines of a page go the results.
const BEGIN: &str = "<!-- Made by `testbed vm run --all --write`: -->";
const END: &str = "<!-- End of what it made. -->";

/// What a section begins with; the name of its scenario, what was asked of it besides, and a
/// colon follow.
const HEADING: &str = "### ";

/// Puts the section of a scenario into the page at `path`, in place of the one that is there
/// if it has been run before. Those of others stay, so that a run of all of them may be
/// ended and gone on with.
///
/// # Errors
/// A page that cannot be read or written, or has no place for results.
pub(super) fn put(path: &Path, name: &str, section: &str) -> Result<(), Box<dyn Error>> {
    let told = |error: &dyn Display| format!("{}: {error}", path.display());
    let page = fs::read_to_string(path).map_err(|error| told(&error))?;
    let changed = with_section(&page, name, section)
        .ok_or_else(|| told(&format!("it has no line {BEGIN} with {END} after it")))?;
    fs::write(path, changed).map_err(|error| told(&error).into())
}

fn with_section(page: &str, name: &str, section: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (results, after) = rest.split_once(END)?;
    let mut sections: BTreeMap<&str, &str> = results
        .split(HEADING)
        .filter_map(|text| Some((text.split_once(": ")?.0, text.trim_end())))
        .collect();
    sections.insert(name, section.trim_end());
    let text: String = sections.values().map(|section| format!("{HEADING}{section}\n\n")).collect();
    Some(format!("{before}{BEGIN}\n\n{text}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(results: &str) -> String {
        format!("# Benchmarks\n\n{BEGIN}\n{results}\n{END}\n\nThe end.\n")
    }

    #[test]
    fn a_section_takes_its_place_among_the_others_and_nothing_else_changes() {
        let first = with_section(&page(""), "20-b", "20-b: two\n\n| x |\n").unwrap();
        assert_eq!(first, page("\n### 20-b: two\n\n| x |\n"));
        let second = with_section(&first, "10-a", "10-a: one\n").unwrap();
        assert_eq!(second, page("\n### 10-a: one\n\n### 20-b: two\n\n| x |\n"));
        let again = with_section(&second, "20-b", "20-b: anew\n").unwrap();
        assert_eq!(again, page("\n### 10-a: one\n\n### 20-b: anew\n"));
    }

    #[test]
    fn a_page_without_a_place_for_results_is_refused() {
        assert_eq!(with_section("# Benchmarks\n", "10-a", "10-a: one\n"), None);
        assert_eq!(with_section(&format!("{END}\n{BEGIN}\n"), "10-a", "10-a: one\n"), None);
    }
}
