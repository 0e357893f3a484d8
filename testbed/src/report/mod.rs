//! Reports: figures and plots of runs and series, on one page that needs nothing else.

pub mod compare;
pub mod page;
pub mod scenario;
pub mod series;
pub mod stability;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::plot::png::{self, PngError};
use crate::plot::{Plot, svg};

/// What a report shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// Its title.
    pub title: String,
    /// Under which conditions it was made: names and values.
    pub conditions: Vec<(String, String)>,
    /// Its sections.
    pub sections: Vec<Section>,
}

/// A part of a report.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What it came to, in a sentence.
    pub summary: String,
    /// Figures.
    pub tables: Vec<Table>,
    /// Plots. Those with nothing in them are left out.
    pub plots: Vec<Plot>,
    /// Texts that it was made from, with what they are.
    pub sources: Vec<(String, String)>,
}

/// A table: the first column names the rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// The heads of the columns.
    pub head: Vec<String>,
    /// The rows, as long as the head.
    pub rows: Vec<Vec<String>>,
}

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file cannot be written.
    #[error("{path}: {source}", path = .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A plot gives no image.
    #[error("plot {name}: {source}")]
    Image {
        /// The plot.
        name: String,
        /// Why.
        source: PngError,
    },
}

impl Report {
    /// Its plots that show something.
    pub fn plots(&self) -> impl Iterator<Item = &Plot> {
        self.sections.iter().flat_map(|section| &section.plots).filter(|plot| !plot.is_empty())
    }

    /// Writes it as one HTML file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_page(&self, path: &Path) -> Result<(), ReportError> {
        write(path, page::html(self).as_bytes())
    }

    /// Writes each plot as SVG and as PNG into `folder`, which is made if need be.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write_plots(&self, folder: &Path) -> Result<(), ReportError> {
        fs::create_dir_all(folder)
            .map_err(|source| ReportError::Write { path: folder.to_owned(), source })?;
        for plot in self.plots() {
            write(&folder.join(format!("{}.svg", plot.name)), svg::document(plot).as_bytes())?;
            let image = png::image(plot)
                .map_err(|source| ReportError::Image { name: plot.name.clone(), source })?;
            write(&folder.join(format!("{}.png", plot.name)), &image)?;
        }
        Ok(())
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    fs::write(path, bytes).map_err(|source| ReportError::Write { path: path.to_owned(), source })
}

/// Lower-case letters, digits and hyphens: for the names of plots, which become those of
/// files.
#[must_use]
pub fn stem(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let words: String = name.chars().map(plain).collect();
    words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}
