//! What `testbed run` writes into files: a report, plots, a table of all runs, recordings.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use clap::Args;
use clock_models::recording::Row;
use testbed::recording::{self, file::RecordingFile};
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
    /// Record the comparisons of the host as utcd does: into a file that ends in .parquet or
    /// .csv if there is one run, otherwise into a folder, a Parquet file for each run.
    #[arg(long, value_name = "PLACE")]
    record: Option<PathBuf>,
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
    /// Sees that each run can have a recording of its own, if they are wanted.
    pub(crate) fn prepare(&self, files: &[PathBuf], seeds: usize) -> Result<(), String> {
        let Some(place) = &self.record else { return Ok(()) };
        let told = |what: &str| format!("--record {}: {what}", place.display());
        if is_recording(place) {
            let what = "several runs give several recordings; name a folder, without .parquet or \
                        .csv at its end";
            return if files.len() * seeds > 1 { Err(told(what)) } else { Ok(()) };
        }
        let names: BTreeSet<String> = files.iter().map(|file| name(file)).collect();
        if names.len() < files.len() {
            return Err(told("two scenarios have one name; run them one by one"));
        }
        fs::create_dir_all(place).map_err(|error| told(&error.to_string()))
    }

    /// Runs a scenario, and records what happens if that is wanted.
    pub(crate) fn run(
        &self,
        file: &Path,
        scenario: &Scenario,
        seed: u64,
    ) -> Result<Verdict, String> {
        let wrong = |error: &dyn Error| format!("{}: {error}", file.display());
        let Some(place) = &self.record else {
            return scenario.run(seed).map_err(|error| wrong(&error));
        };
        let path = match is_recording(place) {
            true => place.clone(),
            false => place.join(format!("{}-{seed}.parquet", name(file))),
        };
        let mut recording = RecordingFile::create(&path).map_err(|error| error.to_string())?;
        let verdict = scenario.record(seed, |row| recording.take(&row), |_| ());
        recording.finish().map_err(|error| error.to_string())?;
        verdict.map_err(|error| wrong(&error))
    }

    /// Writes the others.
    pub(crate) fn write(&self, runs: &[Run<'_>]) -> Result<(), Box<dyn Error>> {
        if let Some(path) = &self.parquet {
            let named = |run: &Run<'_>| {
                let name = name(run.file);
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

/// What a run is called: the name of its file without what comes after the dot.
fn name(file: &Path) -> String {
    file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// A recording by its name; otherwise a folder of them.
fn is_recording(place: &Path) -> bool {
    place.extension().is_some_and(|ending| ending == "csv" || ending == "parquet")
}

impl Run<'_> {
    /// The part of the report on it: the first seed is run again to see what it does.
    fn section(&self) -> Result<Section, Box<dyn Error>> {
        let text = fs::read_to_string(self.file)
            .map_err(|error| format!("{}: {error}", self.file.display()))?;
        let (mut samples, mut rows) = (Vec::new(), Vec::new());
        let first = self.verdicts.first().map_or(1, |verdict| verdict.seed);
        let keep = |row: Row| rows.extend(Some(row).filter(|row| row.event.source().is_some()));
        self.scenario.record(first, keep, |sample| samples.push(*sample))?;
        let sources = recording::of_rows(&rows);
        let Self { scenario, verdicts, .. } = self;
        let name = &name(self.file);
        let (text, samples, sources) = (&text, &samples, &sources);
        Ok(Runs { name, text, scenario, verdicts, samples, sources }.section())
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
