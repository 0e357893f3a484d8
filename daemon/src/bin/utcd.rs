//! `utcd`: keeps the clocks of a host on UTC and says how far off they can be.
#![forbid(unsafe_code)]

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime;
use tokio::task::LocalSet;
use utcd::config::{Config, ConfigError, utc_date};
use utcd::control::own_uid;
use utcd::daemon::{Daemon, StartError};
use utcd::logging::{self, Sink, Tail};
use utcd::view::{self, View};

/// Read where no file is named, if it is there.
const DEFAULT_FILE: &str = "/etc/utcd/utcd.toml";

const AFTER_HELP: &str = "\
Examples:
  utcd                                    /etc/utcd/utcd.toml, or a demonstration without it
  utcd --config lab.toml                  another file
  utcd --config lab.toml --check-config   only look whether the file is right

Without a configuration file, utcd runs a demonstration that needs no privilege and
touches no clock of the host: its NTP server on loopback gives the system clock's time,
and a clock in software, 10 ms and 20 ppm off, is kept on it.

Signals: SIGHUP reads the configuration again, SIGINT and SIGTERM end it.

Exit codes:
  0  ended by a signal, or the configuration is right
  1  cannot start, or the configuration is wrong
  2  wrong usage";

/// Keep the clocks of this host on UTC, and say how far off they can be.
#[derive(Debug, Parser)]
#[command(name = "utcd", version, after_help = AFTER_HELP)]
struct Cli {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check the configuration and exit
    #[arg(long)]
    check_config: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let place = cli.config.or_else(|| Some(DEFAULT_FILE.into()).filter(|p: &PathBuf| p.exists()));
    let config = match load(place.as_deref()) {
        Ok(config) => config,
        Err(error) => return fail(&error),
    };
    if cli.check_config {
        return approve(&config, place.as_deref());
    }
    match run(config, place) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn load(place: Option<&Path>) -> Result<Config, ConfigError> {
    match place {
        Some(path) => Config::load(path),
        None => Config::embedded(),
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    // Where standard error is gone, the exit code still tells.
    let _ = writeln!(io::stderr(), "utcd: {error}");
    ExitCode::FAILURE
}

fn warnings(config: &Config) -> Vec<String> {
    let now = utcd_linux::clock::cross_read(1).realtime.since_epoch().floor_secs();
    let today = i64::try_from(now).ok().and_then(utc_date);
    today.map(|today| config.warnings(today)).unwrap_or_default()
}

fn approve(config: &Config, place: Option<&Path>) -> ExitCode {
    let name = place.map_or_else(|| "built in".into(), |p| p.display().to_string());
    let mut text: String =
        warnings(config).iter().map(|warning| format!("{name}: warning: {warning}\n")).collect();
    text.push_str(&format!("{name}: OK\n"));
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn run(config: Config, place: Option<PathBuf>) -> Result<(), StartError> {
    let view = choose_view(place.is_none());
    logging::start(config.log.level, sink(&view));
    for warning in warnings(&config) {
        tracing::warn!("{warning}");
    }
    let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR");
    let control = config.control.socket.path(runtime_dir.as_deref(), own_uid()?);
    // One thread keeps time, so that its timing is its own.
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let result = LocalSet::new().block_on(&runtime, async {
        let by =
            place.as_ref().map_or_else(|| "a demonstration".into(), |p| p.display().to_string());
        let daemon = Daemon::start(config, place, control).await?;
        tracing::info!("utcd {} has started: {by}", env!("CARGO_PKG_VERSION"));
        let status = daemon.board().subscribe();
        tokio::select! {
            result = daemon.run() => result,
            () = view::show(view, status) => Ok(()),
        }
    });
    // A name that is being resolved in a helper thread must not delay the end.
    runtime.shutdown_background();
    result
}

/// A person at a terminal sees a screen; a demonstration without one prints lines; a
/// service keeps quiet.
fn choose_view(demonstration: bool) -> View {
    if io::stdout().is_terminal() {
        View::Live(Tail::default())
    } else if demonstration {
        View::Lines
    } else {
        View::Quiet
    }
}

fn sink(view: &View) -> Sink {
    match view {
        View::Live(tail) => Sink::Screen(tail.clone()),
        // systemd says so where standard error goes to the journal.
        _ if std::env::var_os("JOURNAL_STREAM").is_some() => Sink::Journal,
        _ => Sink::Stderr,
    }
}
