//! What `testbed run` writes into files: a report, plots, a table of all runs.

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use clap::Args;
use testbed::report::Section;
use testbed::report::scenario::Runs;
use testbed::scenario::{Scenario, Verdict};
use testbed::{results, table};

use super::report::ReportArguments;

/// The files that are wanted.
#[derive(Debug, Args)]
pub(crate) struct RunFiles {
    /// Write the figures of every run as a Parquet file: a row for each scenario and seed.
    #[arg(long, value_name = "FILE")]
    parquet: Option<PathBuf>,
    #[command(flatten)]
    report: ReportArguments,
}

/// A scenario that was run.
pub(crate) struct Run<'a> {
    /// Its file.
    pub(crate) file: &'a Path,
    /// What is in it.
    pub(crate) scenario: Scenario,
    /// What each seed came to.
    pub(crate) verdicts: Vec<Verdict>,
}

impl RunFiles {
    /// Writes them.
    pub(crate) fn write(&self, runs: &[Run<'_>]) -> Result<(), Box<dyn Error>> {
        if let Some(path) = &self.parquet {
            let named = |run: &Run<'_>| {
                let name = run.name();
                run.verdicts.iter().map(move |v| (name.clone(), v.clone())).collect::<Vec<_>>()
            };
            let verdicts: Vec<(String, Verdict)> = runs.iter().flat_map(named).collect();
            let told = |error: &dyn Error| format!("{}: {error}", path.display());
            let output = File::create(path).map_err(|error| told(&error))?;
            let about = [("testbed", env!("CARGO_PKG_VERSION"))];
            let columns = results::columns(&verdicts);
            table::write(&columns, &about, output).map_err(|error| told(&error))?;
        }
        if self.report.wanted() {
            let sections = runs.iter().map(Run::section).collect::<Result<_, _>>()?;
            self.report.write("Scenarios", seeds(runs), sections)?;
        }
        Ok(())
    }
}

impl Run<'_> {
    /// What it is called: the name of its file without what comes after the dot.
    fn name(&self) -> String {
        self.file.file_stem().unwrap_or(self.file.as_os_str()).to_string_lossy().into_owned()
    }

    /// The part of the report on it: the first seed is run again to see what it does.
    fn section(&self) -> Result<Section, Box<dyn Error>> {
        let text = fs::read_to_string(self.file)
            .map_err(|error| format!("{}: {error}", self.file.display()))?;
        let mut samples = Vec::new();
        let first = self.verdicts.first().map_or(1, |verdict| verdict.seed);
        self.scenario.observe(first, |sample| samples.push(*sample))?;
        let Self { scenario, verdicts, .. } = self;
        Ok(Runs { name: &self.name(), text: &text, scenario, verdicts, samples: &samples }
            .section())
    }
}

/// The seeds, for the conditions of the report.
fn seeds(runs: &[Run<'_>]) -> Vec<(String, String)> {
    let all = || runs.iter().flat_map(|run| &run.verdicts).map(|verdict| verdict.seed);
    let written = all().min().zip(all().max()).map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    });
    written.map(|seeds| ("seeds".to_owned(), seeds)).into_iter().collect()
}
