//! What all subcommands that make a report have in common.

use std::path::PathBuf;

use clap::Args;
use testbed::report::{Report, ReportError, Section};

/// Where reports and plots go.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReportArguments {
    /// Write a report with plots: one HTML file that needs nothing else.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write each plot as SVG and PNG into this folder.
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
}

impl ReportArguments {
    /// Is anything to be written?
    pub(crate) const fn wanted(&self) -> bool {
        self.report.is_some() || self.plots.is_some()
    }

    /// Writes what is wanted. `conditions` are added to the version and the command line.
    pub(crate) fn write(
        &self,
        title: &str,
        conditions: Vec<(String, String)>,
        sections: Vec<Section>,
    ) -> Result<(), ReportError> {
        let command: Vec<String> = std::env::args().skip(1).collect();
        let mut all = vec![
            ("version".to_owned(), format!("testbed {}", env!("CARGO_PKG_VERSION"))),
            ("command".to_owned(), format!("testbed {}", command.join(" "))),
        ];
        all.extend(conditions);
        let report = Report { title: title.to_owned(), conditions: all, sections };
        if let Some(path) = &self.report {
            report.write_page(path)?;
        }
        self.plots.as_ref().map_or(Ok(()), |folder| report.write_plots(folder))
    }
}
