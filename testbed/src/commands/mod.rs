//! The subcommands, a file each.

pub(crate) mod bench;
pub(crate) mod compare;
pub(crate) mod convert;
pub(crate) mod limit;
pub(crate) mod matrix;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod run_files;
pub(crate) mod stability;
pub(crate) mod vm;

/// True for success, false for what was run and did not come out as it should.
pub(crate) type Outcome = Result<bool, Box<dyn std::error::Error>>;
