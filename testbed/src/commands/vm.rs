//! `testbed vm`: scenarios in a virtual machine.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use clap::{Args, Subcommand};
use clock_models::units::Time;
use serde::Serialize;
use testbed::parallel;
use testbed::vm::findings::{Figure, Findings};
use testbed::vm::scenario::Scenario;
use testbed::vm::{Bench, Pace, Run, Settings};

use super::Outcome;

mod page;

/// Seed of the runs that are compared with one another.
const SEED: u64 = 1;

/// Run real programs in a virtual machine whose clocks tell the truth.
#[derive(Debug, Args)]
#[command(after_help = "\
Exits with 1 if something is not as it should be, with 3 if this machine has no QEMU or lacks
something else that the bench needs.

Examples:
  testbed vm run 20 --keep-logs /tmp/logs
  testbed vm run 12 --set TRANSPORT=UDPv4
  testbed vm run --short
  testbed vm run --all --write docs/src/benchmarks.md")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what the bench needs, from Debian, as root; starts no daemon.
    Setup,
    /// Make the guest's kernel, modules and first file system; `run` does it if need be.
    Build,
    /// Say what scenarios there are.
    List,
    /// Run scenarios.
    Run(RunArguments),
}

#[derive(Debug, Args)]
struct RunArguments {
    /// Names of scenarios, their numbers, or their files.
    #[arg(value_name = "SCENARIO", required_unless_present_any = ["all", "short"])]
    scenarios: Vec<String>,
    /// All of them.
    #[arg(long)]
    all: bool,
    /// Those that are run with every change of the source.
    #[arg(long, conflicts_with = "all")]
    short: bool,
    /// Virtual time: an instruction takes 2^SHIFT ns, 3 if the scenario does not say.
    #[arg(long, value_name = "SHIFT", value_parser = clap::value_parser!(u32).range(0..=10))]
    icount: Option<u32>,
    /// The time of the host, and its processor (KVM) where that can be had.
    #[arg(long, conflicts_with = "icount")]
    real_time: bool,
    /// Seed of oscillators and noise.
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Measure for so many seconds, not for as long as the scenario says.
    #[arg(long, value_name = "SECONDS")]
    measure: Option<u32>,
    /// Set a variable of the scenarios, as the scripts in testbed/vm/guest name them: TRANSPORT
    /// (L2, UDPv4, UDPv6) and MECHANISM (E2E, P2P) of those of PTP that do not set them.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    set: Vec<String>,
    /// The utcd to run; utcctl is beside it [default: beside testbed].
    #[arg(long, value_name = "PATH")]
    daemon: Option<PathBuf>,
    /// Keep the logs of all programs and what the truth files said, in a folder for each
    /// scenario.
    #[arg(long, value_name = "DIR")]
    keep_logs: Option<PathBuf>,
    /// One line of JSON for each scenario, in s; null for never.
    #[arg(long)]
    json: bool,
    /// Put the result of each scenario into this page of the documentation too, in place of
    /// the one before; with another seed, time to measure or variable in a section of its own.
    #[arg(long, value_name = "PAGE")]
    write: Option<PathBuf>,
}

pub(crate) fn execute(arguments: Arguments) -> Outcome {
    let bench = Bench::of_this_tree()?;
    match arguments.command {
        Command::Setup => bench.set_up()?,
        Command::Build => bench.build()?,
        Command::List => list(&bench.scenarios()?)?,
        Command::Run(arguments) => return run(&bench, &arguments),
    }
    Ok(true)
}

fn list(scenarios: &[Scenario]) -> io::Result<()> {
    let width = scenarios.iter().map(|scenario| scenario.name.len()).max().unwrap_or(0);
    let mut out = io::stdout().lock();
    for Scenario { name, title, short, .. } in scenarios {
        writeln!(out, "{name:<width$}  {}  {title}", if *short { "short" } else { "     " })?;
    }
    Ok(())
}

fn run(bench: &Bench, arguments: &RunArguments) -> Outcome {
    let scenarios = chosen(bench.scenarios()?, arguments)?;
    let settings = settings(arguments)?;
    bench.build()?;
    // One at a time: they come when they come, and a page takes one after the other.
    let telling = Mutex::new(());
    let work = |scenario: &Scenario| {
        let told = |text: &str| progress(&format!("{}: {text}", scenario.name));
        let run = bench.run(scenario, &settings, told).map_err(|error| error.to_string())?;
        let _one = telling.lock().unwrap_or_else(PoisonError::into_inner);
        tell(scenario, &run, arguments).map_err(|error| error.to_string())?;
        Ok(run.passed())
    };
    // In real time they would disturb each other.
    let runs = match settings.pace {
        Pace::Virtual(_) => parallel::run(&scenarios, work),
        Pace::Real => scenarios.iter().map(work).collect(),
    };
    let passed = runs.into_iter().collect::<Result<Vec<bool>, String>>()?;
    Ok(passed.into_iter().all(|passed| passed))
}

/// Says what came of a scenario as soon as it has.
fn tell(scenario: &Scenario, run: &Run, arguments: &RunArguments) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&Summary::new(scenario, run))?)?;
    } else {
        write!(out, "{}", shown(scenario, run)?)?;
    }
    if let Some(path) = &arguments.write {
        let section = section(scenario, arguments);
        page::put(path, &section, &markdown(scenario, run, &section)?)?;
    }
    Ok(())
}

fn chosen(all: Vec<Scenario>, arguments: &RunArguments) -> Result<Vec<Scenario>, Box<dyn Error>> {
    let is_none_of = |word: &&String| !all.iter().any(|scenario| scenario.is_called(word));
    if let Some(word) = arguments.scenarios.iter().find(is_none_of) {
        return Err(format!("there is no scenario {word:?}: see `testbed vm list`").into());
    }
    let wanted = |scenario: &Scenario| {
        arguments.all
            || (arguments.short && scenario.short)
            || arguments.scenarios.iter().any(|word| scenario.is_called(word))
    };
    Ok(all.into_iter().filter(wanted).collect())
}

fn settings(arguments: &RunArguments) -> Result<Settings, Box<dyn Error>> {
    let beside = || Ok(std::env::current_exe()?.with_file_name("utcd"));
    let daemon = arguments.daemon.clone().map_or_else(beside, Ok::<_, io::Error>)?;
    if !daemon.is_file() {
        let daemon = daemon.display();
        return Err(format!(
            "{daemon} is missing: build it by `cargo build -p utcd`, or say --daemon"
        )
        .into());
    }
    Ok(Settings {
        pace: if arguments.real_time { Pace::Real } else { Pace::Virtual(arguments.icount) },
        seed: arguments.seed,
        measured: arguments.measure,
        variables: arguments.set.clone(),
        daemon: std::path::absolute(daemon)?,
        logs: arguments.keep_logs.as_deref().map(std::path::absolute).transpose()?,
    })
}

/// NAME=VALUE, the name one that a shell takes.
fn variable(text: &str) -> Result<String, String> {
    let name = text.split_once('=').map_or("", |(name, _)| name);
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.starts_with(|c: char| !c.is_ascii_digit()) && name.chars().all(is_name) {
        return Ok(text.to_owned());
    }
    Err("say NAME=VALUE, such as TRANSPORT=UDPv4".to_owned())
}

/// A line on standard error, in place of what a terminal may show there of the progress.
fn progress(text: &str) {
    let clear = if io::stderr().is_terminal() { "\r\x1b[K" } else { "" };
    // Nobody may read it, and that is no reason to stop.
    let _ = writeln!(io::stderr(), "{clear}{text}");
}

/// What came of a scenario, for programs.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    scenario: &'a str,
    title: &'a str,
    passed: bool,
    failure: Option<&'a str>,
    #[serde(flatten)]
    findings: &'a Findings,
}

impl<'a> Summary<'a> {
    fn new(scenario: &'a Scenario, run: &'a Run) -> Self {
        Self {
            scenario: &scenario.name,
            title: &scenario.title,
            passed: run.passed(),
            failure: run.failure.as_deref(),
            findings: &run.findings,
        }
    }
}

/// The figures of a scenario: a line for each case and program, a column for each quantity.
struct Table<'a> {
    quantities: Vec<&'a str>,
    lines: Vec<(&'a str, &'a str)>,
    figures: BTreeMap<(&'a str, &'a str, &'a str), &'a Figure>,
}

impl<'a> Table<'a> {
    fn new(figures: &'a [Figure]) -> Self {
        let mut table =
            Self { quantities: Vec::new(), lines: Vec::new(), figures: BTreeMap::new() };
        for figure in figures {
            let line = (figure.case.as_str(), figure.program.as_str());
            if !table.lines.contains(&line) {
                table.lines.push(line);
            }
            if !table.quantities.contains(&figure.quantity.as_str()) {
                table.quantities.push(&figure.quantity);
            }
            table.figures.insert((line.0, line.1, &figure.quantity), figure);
        }
        table
    }

    /// The cells, the headings first.
    fn cells(&self) -> Vec<Vec<String>> {
        let head = ["case", "program"].into_iter().chain(self.quantities.iter().copied());
        let mut cells = vec![head.map(str::to_owned).collect::<Vec<_>>()];
        for &(case, program) in &self.lines {
            let figure = |quantity: &&str| {
                self.figures.get(&(case, program, *quantity)).map_or_else(String::new, |f| cell(f))
            };
            let names = [case, program].map(str::to_owned).into_iter();
            cells.push(names.chain(self.quantities.iter().map(figure)).collect());
        }
        cells
    }
}

fn cell(figure: &Figure) -> String {
    let value = time(figure.value);
    match figure.most {
        None => value,
        Some(most) if figure.holds() => format!("{value} (≤ {})", time(most)),
        Some(most) => format!("{value} (EXCEEDS {})", time(most)),
    }
}

fn time(seconds: f64) -> String {
    if seconds.is_infinite() { "never".to_owned() } else { Time(seconds).to_string() }
}

fn verdict(run: &Run) -> String {
    match &run.failure {
        Some(failure) => format!("FAILED: {failure}"),
        None if run.passed() => "passed".to_owned(),
        None => "FAILED".to_owned(),
    }
}

fn shown(scenario: &Scenario, run: &Run) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(out, "{}: {}", scenario.name, scenario.title)?;
    writeln!(out, "  {}", verdict(run))?;
    let cells = Table::new(&run.findings.figures).cells();
    let width = |column: usize| {
        cells.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
    };
    for line in cells.iter().filter(|_| cells.len() > 1) {
        out.push_str("   ");
        for (column, cell) in line.iter().enumerate() {
            write!(out, " {cell:<0$} ", width(column).unwrap_or(0))?;
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    for check in &run.findings.checks {
        let word = if check.holds { "ok  " } else { "FAIL" };
        let detail =
            if check.detail.is_empty() { String::new() } else { format!(": {}", check.detail) };
        writeln!(out, "    {word} {}{detail}", check.label)?;
    }
    if run.failure.is_some() {
        writeln!(out, "  the last lines of its output:")?;
        run.tail.iter().try_for_each(|line| writeln!(out, "    | {line}"))?;
    }
    Ok(out)
}

/// What the section of a page is called: as the scenario, and what is asked of it besides.
fn section(scenario: &Scenario, RunArguments { seed, measure, set, .. }: &RunArguments) -> String {
    let seed = Some(seed).filter(|seed| **seed != SEED).map(|seed| format!(" --seed {seed}"));
    let measure = measure.map(|seconds| format!(" --measure {seconds}"));
    let set = set.iter().map(|variable| format!(" --set {variable}"));
    [Some(scenario.name.clone()), seed, measure].into_iter().flatten().chain(set).collect()
}

/// The section of a page, but for the mark of its heading.
fn markdown(scenario: &Scenario, run: &Run, section: &str) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(
        out,
        "{section}: {}\n\n`testbed vm run {section}`: {}.",
        scenario.title,
        verdict(run)
    )?;
    let mut cells = Table::new(&run.findings.figures).cells().into_iter();
    let head = cells.next().unwrap_or_default();
    if cells.len() > 0 {
        writeln!(out, "\n| {} |\n|{}", head.join(" | "), "---|".repeat(head.len()))?;
        cells.try_for_each(|line| writeln!(out, "| {} |", line.join(" | ")))?;
    }
    let said = |check: &testbed::vm::findings::Check| match check.detail.as_str() {
        "" => check.label.clone(),
        detail => format!("{}: {detail}", check.label),
    };
    if !run.findings.checks.is_empty() {
        out.push('\n');
    }
    for check in &run.findings.checks {
        writeln!(out, "- {}{}", if check.holds { "" } else { "**FAILED** " }, said(check))?;
    }
    Ok(out)
}
