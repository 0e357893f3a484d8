//! A report as one HTML file: style, drawings and the script of the tooltip are inside.

use super::{Report, Section, Table};
use crate::plot::svg::{self, escaped};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page.
#[must_use]
pub fn html(report: &Report) -> String {
    let title = escaped(&report.title);
    let sections: String = report.sections.iter().map(section).collect();
    let condition = |(name, value): &(String, String)| {
        format!("<dt>{}</dt><dd>{}</dd>\n", escaped(name), escaped(value))
    };
    let conditions: String = report.conditions.iter().map(condition).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>\n{STYLE}{}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         <dl class=\"conditions\">\n{conditions}</dl>\n{sections}</main>\n\
         <div id=\"tooltip\" hidden></div>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        svg::STYLE
    )
}

fn section(section: &Section) -> String {
    let tables: String = section.tables.iter().map(table).collect();
    let figure = |plot| format!("<figure>\n{}</figure>\n", svg::element(plot));
    let plots: String = section.plots.iter().filter(|plot| !plot.is_empty()).map(figure).collect();
    let source = |(name, text): &(String, String)| {
        let [name, text] = [escaped(name), escaped(text)];
        format!("<details><summary>{name}</summary><pre>{text}</pre></details>\n")
    };
    let sources: String = section.sources.iter().map(source).collect();
    format!(
        "<section>\n<h2>{}</h2>\n<p>{}</p>\n<div class=\"tables\">\n{tables}</div>\n<div class=\"plots\">\n{plots}</div>\n\
         {sources}</section>\n",
        escaped(&section.title),
        escaped(&section.summary),
    )
}

fn table(table: &Table) -> String {
    let cells = |tag: &str, cells: &[String]| -> String {
        cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell))).collect()
    };
    let row = |row: &Vec<String>| format!("<tr>{}</tr>\n", cells("td", row));
    let rows: String = table.rows.iter().map(row).collect();
    format!(
        "<div class=\"table\"><table>\n<caption>{}</caption>\n<thead><tr>{}</tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table></div>\n",
        escaped(&table.title),
        cells("th", &table.head),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::{Axis, Colour, Plot, Quantity, Shape};

    fn report() -> Report {
        let axis = || Axis::linear("error", Quantity::Time);
        let plot = Plot::new("a", "Seen", axis(), axis());
        let seen = plot.clone().with("x", Colour::Series(0), Shape::Dots(vec![[0.0, 1.0]]));
        let empty = Plot { title: "Empty".to_owned(), ..plot };
        let table = Table {
            title: "Figures".to_owned(),
            head: vec!["figure".to_owned(), "value".to_owned()],
            rows: vec![vec!["rms".to_owned(), "<1 ns".to_owned()]],
        };
        let section = Section {
            title: "Part".to_owned(),
            tables: vec![table],
            plots: vec![seen, empty],
            sources: vec![("scenario".to_owned(), "a < b & \"c\"".to_owned())],
            ..Section::default()
        };
        Report { title: "A </title> & B".to_owned(), sections: vec![section], ..Report::default() }
    }

    #[test]
    fn a_page_has_all_that_is_told_and_nothing_that_breaks_it() {
        let page = html(&report());
        for part in [
            "<h1>A &lt;/title&gt; &amp; B</h1>",
            "<td>&lt;1 ns</td>",
            "<pre>a &lt; b &amp; &quot;c&quot;</pre>",
            "aria-label=\"Seen\"",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("Empty"));
    }

    #[test]
    fn a_page_asks_the_network_for_nothing() {
        let page = html(&report()).replace("http://www.w3.org/2000/svg", "");
        for reference in ["http:", "https:", "src=", "<link", "@import"] {
            assert!(!page.contains(reference), "{reference}");
        }
    }
}
