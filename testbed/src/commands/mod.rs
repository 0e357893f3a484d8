//! The subcommands, a file each.

pub(crate) mod bench;
pub(crate) mod limit;
pub(crate) mod matrix;
pub(crate) mod run;

/// True for success, false for what was run and did not come out as it should.
pub(crate) type Outcome = Result<bool, Box<dyn std::error::Error>>;
