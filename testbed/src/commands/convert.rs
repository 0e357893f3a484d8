//! `testbed convert`: recordings as one Parquet file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use testbed::recording::{self, parquet};

use super::Outcome;

/// Make one Parquet file of recordings, for DuckDB, pandas or Spark.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  testbed convert /var/lib/utcd/record/*.csv -o week.parquet")]
pub(crate) struct Arguments {
    /// Recordings, oldest first.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The file to write; one that exists is replaced.
    #[arg(short, long)]
    output: PathBuf,
}

/// True if it was written.
pub(crate) fn execute(arguments: Arguments) -> Outcome {
    let Arguments { files, output } = arguments;
    let recording = recording::read_all(&files)?;
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", output.display());
    let file = File::create(&output).map_err(|error| told(&error))?;
    if let Err(error) = parquet::write(file, &recording.header, &recording.rows) {
        // Half a file is of no use.
        let _ = fs::remove_file(&output);
        return Err(told(&error).into());
    }
    for remark in &recording.remarks {
        writeln!(io::stderr(), "testbed: {remark}")?;
    }
    writeln!(io::stdout(), "{}: {} rows", output.display(), recording.rows.len())?;
    Ok(true)
}
