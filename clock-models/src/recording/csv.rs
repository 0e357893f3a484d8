//! Recordings as text: a line that says what wrote it, a line of column names, then a line
//! for each row.
//!
//! Fields are those of RFC 4180, but lines end with a line feed alone and no text has one
//! in it. Floating-point numbers are as short as they can be and still be read back as the
//! same number.

use std::fmt::Write as _;

use super::{COLUMNS, Cell, FORMAT, Header, Kind, Recording, Row};

/// How the first line of a recording begins.
pub const TITLE: &str = "# utcd recording ";

/// Why a text is no recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}; {help}")]
pub struct CsvError {
    /// Number of the line; the first is 1.
    pub line: usize,
    /// What is wrong in it, and in which column.
    pub what: String,
    /// What to do about it.
    pub help: &'static str,
}

const DAMAGED: &str = "the file was changed or damaged: take it from a backup, or delete the line \
                       and replay what is left";
const NOT_ONE: &str = "give a file that utcd or testbed has recorded";
const OTHER_VERSION: &str = "use the testbed of the version that recorded it";

/// The first line, without its end: what wrote the recording.
#[must_use]
pub fn title(header: &Header) -> String {
    let Header { format, writer, estimator } = header;
    format!("{TITLE}{format}, {writer}, {estimator}")
}

/// The two lines before the first row.
#[must_use]
pub fn head(header: &Header) -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    format!("{}\n{}\n", title(header), names.join(","))
}

/// A row as a line.
#[must_use]
pub fn line(row: &Row) -> String {
    let mut line = String::new();
    for (index, cell) in row.to_cells().iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        // Writing to a string does not fail.
        let _ = match cell {
            None => Ok(()),
            Some(Cell::Integer(value)) => write!(line, "{value}"),
            Some(Cell::Float(value)) => write!(line, "{value:?}"),
            Some(Cell::Flag(value)) => write!(line, "{value}"),
            Some(Cell::Text(text)) if text.contains([',', '"']) => {
                write!(line, "\"{}\"", text.replace('"', "\"\""))
            }
            Some(Cell::Text(text)) => write!(line, "{text}"),
        };
    }
    line.push('\n');
    line
}

/// Reads a recording.
///
/// # Errors
/// The first line that is wrong. A last line that was torn off is none.
pub fn parse(bytes: &[u8]) -> Result<Recording, CsvError> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    // After the last line feed there is nothing, unless a writer was stopped.
    let torn = lines.pop().is_some_and(|rest| !rest.is_empty()).then(|| lines.len() + 1);
    let mut lines = (1..).zip(lines);
    let header = header(text(lines.next(), torn)?)?;
    let names = text(lines.next(), torn)?;
    if !names.split(',').eq(COLUMNS.iter().map(|column| column.name)) {
        return Err(error(2, "the columns are not those of this format", DAMAGED));
    }
    let rows = lines.map(|(number, bytes)| {
        let text = text(Some((number, bytes)), torn)?;
        parse_line(text).map_err(|what| error(number, what, DAMAGED))
    });
    Ok(Recording { header, rows: rows.collect::<Result<_, _>>()?, torn })
}

fn error(line: usize, what: impl Into<String>, help: &'static str) -> CsvError {
    CsvError { line, what: what.into(), help }
}

fn text(line: Option<(usize, &[u8])>, torn: Option<usize>) -> Result<&str, CsvError> {
    let Some((number, bytes)) = line else {
        let what = "the file ends within its first two lines";
        return Err(error(torn.unwrap_or(1), what, "nothing was recorded in it: leave it out"));
    };
    std::str::from_utf8(bytes).map_err(|_| error(number, "this is not text in UTF-8", NOT_ONE))
}

/// Reads a [`title`].
///
/// # Errors
/// If it is none, or of a format that this program does not read.
pub fn header(line: &str) -> Result<Header, CsvError> {
    let header = parse_title(line)
        .ok_or_else(|| error(1, format!("no line such as \"{TITLE}{FORMAT}, …\""), NOT_ONE))?;
    if header.format != FORMAT {
        let what = format!("format {}, and this program reads format {FORMAT}", header.format);
        return Err(error(1, what, OTHER_VERSION));
    }
    Ok(header)
}

fn parse_title(line: &str) -> Option<Header> {
    let mut parts = line.strip_prefix(TITLE)?.splitn(3, ", ");
    let format = parts.next()?.parse().ok()?;
    let (writer, estimator) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    Some(Header { format, writer, estimator })
}

/// The row in a line, or what is wrong with which column.
fn parse_line(line: &str) -> Result<Row, String> {
    let mut fields = Fields { rest: Some(line) };
    let mut cells = Vec::with_capacity(COLUMNS.len());
    for column in COLUMNS {
        let wrong = |what: &str| format!("column {}: {what}", column.name);
        let field = fields.next().ok_or_else(|| wrong("is missing"))?.map_err(wrong)?;
        let cell = cell(column.kind, &field)
            .ok_or_else(|| wrong(&format!("{field:?} is no {}", words(column.kind))))?;
        cells.push(cell);
    }
    if fields.next().is_some() {
        return Err(format!("more than {} fields", COLUMNS.len()));
    }
    Row::from_cells(cells).map_err(|wrong| wrong.to_string())
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "whole number of 64 bits",
        Kind::Float => "number",
        Kind::Flag => "true or false",
        Kind::Text => "text",
    }
}

/// What a field stands for: an empty one for an empty cell.
fn cell(kind: Kind, field: &str) -> Option<Option<Cell>> {
    if field.is_empty() {
        return Some(None);
    }
    let cell = match kind {
        Kind::Integer => Cell::Integer(field.parse().ok()?),
        Kind::Float => Cell::Float(field.parse().ok()?),
        Kind::Flag => Cell::Flag(field.parse().ok()?),
        Kind::Text => Cell::Text(field.to_owned()),
    };
    Some(Some(cell))
}

/// The fields of a line.
struct Fields<'a> {
    rest: Option<&'a str>,
}

impl Iterator for Fields<'_> {
    type Item = Result<String, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.rest.take()?;
        let Some(quoted) = line.strip_prefix('"') else {
            let (field, rest) = match line.split_once(',') {
                Some((field, rest)) => (field, Some(rest)),
                None => (line, None),
            };
            self.rest = rest;
            return Some(Ok(field.to_owned()));
        };
        Some(self.quoted(quoted))
    }
}

impl<'a> Fields<'a> {
    /// The field whose opening quote has been passed: a quote in it is doubled.
    fn quoted(&mut self, mut text: &'a str) -> Result<String, &'static str> {
        let mut field = String::new();
        loop {
            let (part, after) = text.split_once('"').ok_or("the closing quote is missing")?;
            field.push_str(part);
            match after.strip_prefix('"') {
                Some(more) => {
                    field.push('"');
                    text = more;
                }
                None if after.is_empty() => return Ok(field),
                None => {
                    self.rest = Some(after.strip_prefix(',').ok_or("text after a closing quote")?);
                    return Ok(field);
                }
            }
        }
    }
}
