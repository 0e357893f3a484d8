//! What is wrong with a configuration, shown where it is.

use std::fmt;
use std::io;
use std::ops::Range;

/// Problems beyond this number are counted, not shown.
const MOST_SHOWN: usize = 20;

/// Characters of a quoted line to either side of the caret.
const MARGIN: usize = 60;

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: cannot be read: {cause}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        cause: io::Error,
    },
    /// The file was read, and is wrong: at least one problem, in the order of the file.
    #[error("{}", shown(.0))]
    Invalid(Vec<Problem>),
}

/// One thing that is wrong, with its place. Displayed over several lines, with the line
/// of the file quoted and a caret under the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to write instead; may be empty.
    pub help: String,
    /// The line as it stands, cut to the neighbourhood of the place.
    quoted: String,
    /// Characters of `quoted` before the place, and at it.
    mark: (usize, usize),
}

fn shown(problems: &[Problem]) -> String {
    let mut text: Vec<String> = problems.iter().take(MOST_SHOWN).map(Problem::to_string).collect();
    if let Some(more) = problems.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
        text.push(format!("and {more} more"));
    }
    text.join("\n")
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let (before, width) = self.mark;
        writeln!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.what)?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{number} | {}", self.quoted)?;
        write!(f, "{gutter} | {}{}", " ".repeat(before), "^".repeat(width))?;
        if !self.help.is_empty() {
            write!(f, "\n{gutter} = {}", self.help)?;
        }
        Ok(())
    }
}

/// A complaint about a value; its place is known to whoever asked for the value.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) what: String,
    pub(super) help: String,
}

impl Wrong {
    pub(super) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }
}

/// Problems as they are found, placed by bytes of the text.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<(Range<usize>, Wrong)>);

impl Problems {
    pub(super) fn add(&mut self, place: Range<usize>, wrong: Wrong) {
        self.0.push((place, wrong));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them in the order of the text, or nothing if there are none.
    pub(super) fn into_result(mut self, text: &str, file: &str) -> Result<(), ConfigError> {
        if self.is_empty() {
            return Ok(());
        }
        self.0.sort_by_key(|(place, _)| place.start);
        let located = self.0.into_iter().map(|(place, wrong)| locate(text, file, place, wrong));
        Err(ConfigError::Invalid(located.collect()))
    }
}

/// The words nearest in spelling to `found`, if one is near enough to be meant.
pub(super) fn nearest<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, word) =
        known.map(|word| (edit_distance(found, word), word)).min_by_key(|(d, _)| *d)?;
    (distance <= 1.max(word.chars().count() / 3)).then_some(word)
}

/// Levenshtein's distance, row by row.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (cb, above) in b.iter().zip(row.windows(2)) {
            let &[diagonal, above] = above else { continue };
            left = (diagonal + usize::from(ca != *cb)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

fn locate(text: &str, file: &str, place: Range<usize>, wrong: Wrong) -> Problem {
    let start = floor_char_boundary(text, place.start);
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let whole = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let column = before.get(line_start..).unwrap_or_default().chars().count();
    let end = floor_char_boundary(text, place.end.min(line_start + whole.len()));
    let width = text.get(start..end).map_or(0, |marked| marked.chars().count());
    let skipped = column.saturating_sub(MARGIN);
    // Control characters would move the caret, or do worse to a terminal.
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    Problem {
        file: file.to_owned(),
        line,
        column: column + 1,
        what: wrong.what,
        help: wrong.help,
        quoted: whole.chars().skip(skipped).take(2 * MARGIN).map(printable).collect(),
        mark: (column - skipped, width.clamp(1, MARGIN)),
    }
}

/// The last place at or before `at` that is not within a character.
fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distance_counts_single_character_changes() {
        for (a, b, distance) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("step-treshold", "step-threshold", 1),
            ("μs", "µs", 1),
        ] {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
            assert_eq!(edit_distance(b, a), distance, "{b} {a}");
        }
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        let known = ["name", "min-poll", "max-poll"];
        assert_eq!(nearest("min-pol", known.into_iter()), Some("min-poll"));
        assert_eq!(nearest("Name", known.into_iter()), Some("name"));
        assert_eq!(nearest("frequency", known.into_iter()), None);
        assert_eq!(nearest("x", [].into_iter()), None);
    }

    #[test]
    fn the_caret_stands_under_the_place_counted_in_characters() {
        let text = "ok = 1\nµµ = \"wrong\"\n";
        let place = text.find('"').unwrap();
        let problem = locate(text, "f", place..place + 7, Wrong::new("is wrong", "write it right"));
        let expected = "\
f:2:6: is wrong
  |
2 | µµ = \"wrong\"
  |      ^^^^^^^
  = write it right";
        assert_eq!(problem.to_string(), expected);
    }

    #[test]
    fn any_place_in_any_text_can_be_located() {
        for text in ["", "\n", "é", "a\r\n\tb\u{7}", &"x".repeat(1000)] {
            for start in 0..text.len() + 3 {
                for end in [0, start, start + 1, start + 500] {
                    let problem = locate(text, "f", start..end, Wrong::new("w", ""));
                    assert!(problem.mark.1 >= 1 && problem.line >= 1);
                    assert!(problem.quoted.chars().all(|c| !c.is_control()));
                }
            }
        }
    }

    #[test]
    fn a_flood_of_problems_is_cut_short() {
        let mut problems = Problems::default();
        for at in 0..100 {
            problems.add(at..at, Wrong::new("w", ""));
        }
        let error = problems.into_result(&"\n".repeat(100), "f").unwrap_err().to_string();
        assert!(error.contains("f:20:1") && !error.contains("f:21:1"));
        assert!(error.ends_with("and 80 more"));
    }
}
