//! `testbed`: simulated clocks and networks, recordings and their analysis.
#![forbid(unsafe_code)]

mod commands;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use testbed::vm::BenchError;

use commands::{bench, compare, convert, limit, matrix, replay, run, stability, vm};

/// Simulated clocks and networks that run the code of utcd, and know the truth.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Arguments),
    Matrix(matrix::Arguments),
    Limit(limit::Arguments),
    Compare(compare::Arguments),
    Replay(replay::Arguments),
    Convert(convert::Arguments),
    Stability(stability::Arguments),
    /// Measure how many seconds are simulated in a second, on one core.
    Bench,
    Vm(vm::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(arguments) => run::execute(arguments),
        Command::Matrix(arguments) => matrix::execute(arguments),
        Command::Limit(arguments) => limit::execute(arguments),
        Command::Compare(arguments) => compare::execute(arguments),
        Command::Replay(arguments) => replay::execute(arguments),
        Command::Convert(arguments) => convert::execute(arguments),
        Command::Stability(arguments) => stability::execute(arguments),
        Command::Bench => bench::execute(),
        Command::Vm(arguments) => vm::execute(arguments),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "testbed: {error}");
            match error.downcast_ref() {
                Some(BenchError::Unavailable(_)) => ExitCode::from(3),
                _ => ExitCode::from(2),
            }
        }
    }
}
