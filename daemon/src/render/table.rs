//! Columns that line up on a terminal.

use unicode_width::UnicodeWidthStr as _;

use super::text::{Colours, Look};

/// Blanks between columns.
const GAP: usize = 2;

/// Where a column keeps its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// One cell.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    look: Look,
}

impl Cell {
    pub(super) const fn new(text: String, look: Look) -> Self {
        Self { text, look }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text, Look::Plain)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// Rows of cells under a heading.
#[derive(Debug)]
pub(super) struct Table {
    align: Vec<Align>,
    rows: Vec<Vec<Cell>>,
    /// What the columns are wide at least.
    widths: Vec<usize>,
}

impl Table {
    /// With these columns; a heading of nothing but empty texts is left out.
    pub(super) fn new(columns: &[(&str, Align)]) -> Self {
        let heading: Vec<_> =
            columns.iter().map(|(name, _)| Cell::new((*name).to_owned(), Look::Bold)).collect();
        let align: Vec<Align> = columns.iter().map(|column| column.1).collect();
        let mut table = Self { widths: vec![0; align.len()], align, rows: vec![] };
        if columns.iter().any(|(name, _)| !name.is_empty()) {
            table.rows.push(heading);
        }
        table
    }

    /// Adds a row; cells beyond the columns have no place and are not shown.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// As lines of text.
    pub(super) fn render(&self, colours: Colours) -> String {
        let widths = self.fitting();
        self.rows.iter().map(|row| self.line(row, &widths, colours)).collect()
    }

    /// As lines of text, of which it is then rid: the next ones go on below them, in the
    /// same columns as far as they fit.
    pub(super) fn render_on(&mut self, colours: Colours) -> String {
        self.widths = self.fitting();
        let text = self.render(colours);
        self.rows.clear();
        text
    }

    fn fitting(&self) -> Vec<usize> {
        let fitting = |(column, least): (usize, &usize)| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.text.width()).max().unwrap_or(0).max(*least)
        };
        self.widths.iter().enumerate().map(fitting).collect()
    }

    fn line(&self, row: &[Cell], widths: &[usize], colours: Colours) -> String {
        let mut line = String::new();
        // Blanks are written when a text follows them, so that no line ends in blanks.
        let mut owed = 0;
        for ((cell, align), width) in row.iter().zip(&self.align).zip(widths) {
            let spare = width.saturating_sub(cell.text.width());
            let (before, after) = match align {
                Align::Left => (0, spare),
                Align::Right => (spare, 0),
            };
            if cell.text.is_empty() {
                owed += width + GAP;
                continue;
            }
            line.push_str(&" ".repeat(owed + before));
            line.push_str(&colours.paint(cell.look, &cell.text));
            owed = after + GAP;
        }
        line.push('\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table =
            Table::new(&[("Name", Align::Left), ("Offset", Align::Right), ("", Align::Left)]);
        table.row(vec!["国家授时".into(), "+1.00 µs".into(), Cell::new("ok".into(), Look::Good)]);
        table.row(vec!["a".into(), "-10.0 ms".into()]);
        table
    }

    #[test]
    fn columns_line_up_by_their_width_on_the_terminal() {
        let expected = "Name        Offset\n国家授时  +1.00 µs  ok\na         -10.0 ms\n";
        assert_eq!(table().render(Colours::Off), expected);
    }

    #[test]
    fn what_goes_on_below_keeps_to_the_columns() {
        let mut table = table();
        assert_eq!(table.render_on(Colours::Off).lines().count(), 3);
        table.row(vec!["b".into(), "+1 s".into()]);
        assert_eq!(table.render_on(Colours::Off), "b             +1 s\n");
    }

    #[test]
    fn colours_do_not_move_columns() {
        let coloured = table().render(Colours::On);
        let mut plain = coloured;
        for code in ["\x1b[1m", "\x1b[32m", "\x1b[0m"] {
            plain = plain.replace(code, "");
        }
        assert_eq!(plain, table().render(Colours::Off));
    }
}
