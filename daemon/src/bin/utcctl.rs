//! `utcctl`: asks a running utcd what it knows.
#![forbid(unsafe_code)]

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clock_models::units::{Time, parse_time};
use utcd::control::{Body, Client, ClientError, Place, Request, Topic, default_paths, own_uid};
use utcd::interfaces::{add_told, interfaces};
use utcd::render::{self, Chain, Colours, EventTable};
use utcd::status::{ClockState, ClockStatus, Status};
use utcd_linux::interface::InterfaceError;

/// How long the daemon may take to answer, or with `--watch` to say that it lives.
const ANSWER: Duration = Duration::from_secs(5);
const HEARTBEAT: Duration = Duration::from_secs(20);
/// How often new events are shown at most, s.
const EVENTS: f64 = 0.2;
/// How often `waitsync` looks, s, and how soon it tries again where no daemon answers.
const LOOK: f64 = 0.5;
const RETRY: Duration = Duration::from_millis(500);

const AFTER_HELP: &str = "\
Examples:
  utcctl status                  is all well? (exit code 0 if so)
  utcctl sources --watch 2       the sources, renewed when they change
  utcctl chain system            from the origin down to the clock `system`
  utcctl waitsync --timeout 60s --max-uncertainty 1ms && start-the-measurement
  utcctl clocks --json | jq '.[].offset'
  utcctl interfaces              which NICs stamp in hardware? (asks the kernel)
  utcctl events --follow         external events as they come, each with its uncertainty

Without --socket, utcctl asks the service at /run/utcd/control.sock, and where none
listens the user's own daemon at $XDG_RUNTIME_DIR/utcd/control.sock, or
/tmp/utcd-UID/control.sock.

Exit codes:
  0  done, and what was asked for holds
  1  it does not hold: a clock is not synchronised (status, waitsync) or not
     traceable (chain)
  2  wrong usage, or there is no such clock
  3  no daemon can be reached, or it fell silent
  4  anything else: the daemon refused, or the output could not be written";

const INTERFACES_HELP: &str = "\
Examples:
  utcctl interfaces
  utcctl interfaces --json | jq -r '.[] | select(.phc != null) | .name'
  utcctl interfaces --watch      again when a link or a setting changes

It asks the kernel, not the daemon, and sets nothing.";

/// Ask a running utcd what it knows about the clocks of this host.
#[derive(Debug, Parser)]
#[command(name = "utcctl", version, after_help = AFTER_HELP)]
struct Cli {
    /// Control socket of the daemon
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Print JSON, one object or array to a line: times in seconds, frequencies as ratios
    #[arg(long, global = true)]
    json: bool,
    /// Go on, and print again when something has changed, at most every SECONDS
    #[arg(
        long, global = true, value_name = "SECONDS", num_args = 0..=1,
        default_missing_value = "2", value_parser = interval
    )]
    watch: Option<f64>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell at one glance whether the clocks are synchronised
    Status,
    /// List the sources and what selection made of them
    Sources,
    /// Show the way from the origin down to a clock, and what each link of it costs
    Chain {
        /// The clock; the first of the configuration if left out
        clock: Option<String>,
    },
    /// List the clocks
    Clocks,
    /// List the network interfaces: what they can stamp, and do; needs no daemon, which adds
    /// the latencies in force
    #[command(after_help = INTERFACES_HELP)]
    Interfaces,
    /// List the last external events: when they were in UTC, and how well that is known
    Events(Events),
    /// Wait until a clock is locked
    Waitsync(Wait),
    /// The configuration
    #[command(subcommand)]
    Config(Config),
}

#[derive(Debug, Subcommand)]
enum Config {
    /// Show the configuration in force, defaults included
    Show,
}

#[derive(Debug, Args)]
struct Events {
    /// Go on, and print each event as it comes
    #[arg(long)]
    follow: bool,
}

#[derive(Debug, Args)]
struct Wait {
    /// The clock; the first of the configuration if left out
    clock: Option<String>,
    /// Give up after this time; `0s` looks once
    #[arg(long, value_name = "TIME", default_value = "3min", value_parser = time)]
    timeout: f64,
    /// Wait also until the offset is at most this, such as `100us`
    #[arg(long, value_name = "TIME", value_parser = time)]
    max_offset: Option<f64>,
    /// Wait also until the expanded uncertainty U (k = 2) is at most this
    #[arg(long, value_name = "TIME", value_parser = time)]
    max_uncertainty: Option<f64>,
}

fn time(text: &str) -> Result<f64, String> {
    let seconds = parse_time(text).map_err(|error| error.to_string())?;
    if seconds < 0.0 { Err("a time below zero".to_owned()) } else { Ok(seconds) }
}

fn interval(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.1..=3600.0).contains(seconds));
    seconds.ok_or_else(|| "give seconds, from 0.1 to 3600".to_owned())
}

/// Why there is nothing to print, or no way to.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("there is no such clock; utcd keeps: {}", .0.join(", "))]
    NoSuchClock(Vec<String>),
    #[error("utcd keeps no clock")]
    NoClock,
    #[error("the daemon answered something else than was asked for")]
    OtherAnswer,
    #[error("the answer cannot be written as JSON ({0})")]
    Json(#[from] serde_json::Error),
    #[error("cannot write ({0})")]
    Output(#[from] io::Error),
    #[error(transparent)]
    Interfaces(#[from] InterfaceError),
}

impl Failure {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::NoSuchClock(_) | Self::NoClock => 2,
            Self::Client(
                ClientError::Unreachable(_)
                | ClientError::Closed
                | ClientError::Silent(_)
                | ClientError::Broken(_),
            ) => 3,
            _ => 4,
        }
    }

    const fn advice(&self) -> &'static str {
        match self {
            Self::Client(ClientError::Unreachable(_)) => {
                "\n\
                 Is it running?             systemctl status utcd\n\
                 Does it listen elsewhere?  utcctl --socket PATH\n\
                 May you ask it?            see the `mode` of the socket under [control]"
            }
            _ => "",
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Waitsync(_) if cli.watch.is_some() => Cli::command()
            .error(ErrorKind::ArgumentConflict, "waitsync goes on by itself: leave out --watch")
            .exit(),
        Command::Events(_) if cli.watch.is_some() => Cli::command()
            .error(ErrorKind::ArgumentConflict, "events go on with --follow: leave out --watch")
            .exit(),
        Command::Waitsync(wait) => waitsync(&cli, wait),
        Command::Events(events) => show_events(&cli, events),
        Command::Interfaces => show_interfaces(&cli),
        _ => show(&cli),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            // Where stderr is closed too, the exit code must do.
            writeln!(io::stderr(), "utcctl: {failure}{}", failure.advice()).ok();
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Prints what the command asks for, once or again and again, and tells whether it holds.
fn show(cli: &Cli) -> Result<bool, Failure> {
    let mut screen = Screen::new(cli);
    let mut client = Client::connect(&places(cli))?;
    let get = if matches!(cli.command, Command::Config(_)) { Topic::Config } else { Topic::Status };
    client.ask(Request { get, every: cli.watch })?;
    let patience = cli.watch.map_or(ANSWER, |every| Duration::from_secs_f64(every) + HEARTBEAT);
    loop {
        let (text, holds) = view(cli, &client.receive(patience)?, screen.colours)?;
        let read_on = screen.show(&text)?;
        if cli.watch.is_none() || !read_on {
            return Ok(holds);
        }
    }
}

/// Prints what the kernel says of the interfaces, once, or whenever it has changed.
fn show_interfaces(cli: &Cli) -> Result<bool, Failure> {
    let mut screen = Screen::new(cli);
    let mut before = None;
    loop {
        let mut now = interfaces()?;
        if let Some(status) = ask_status(cli) {
            add_told(&mut now, &status);
        }
        if before.as_ref() != Some(&now) {
            let text =
                if cli.json { json(&now)? } else { render::interfaces(&now, screen.colours) };
            if !screen.show(&text)? {
                return Ok(true);
            }
            before = Some(now);
        }
        let Some(every) = cli.watch else { return Ok(true) };
        std::thread::sleep(Duration::from_secs_f64(every));
    }
}

/// Prints the events that are kept, and goes on with those that come if so wanted.
fn show_events(cli: &Cli, wanted: &Events) -> Result<bool, Failure> {
    let mut client = Client::connect(&places(cli))?;
    client.ask(Request { get: Topic::Events, every: wanted.follow.then_some(EVENTS) })?;
    let mut table = EventTable::new(Screen::new(cli).colours);
    loop {
        let Body::Events(events) =
            client.receive(if wanted.follow { HEARTBEAT } else { ANSWER })?
        else {
            return Err(Failure::OtherAnswer);
        };
        let text = match cli.json {
            true => events.iter().map(json).collect::<Result<String, Failure>>()?,
            false if events.is_empty() && !wanted.follow => "No events.\n".to_owned(),
            false => table.add(&events),
        };
        if !print(&text)? || !wanted.follow {
            return Ok(true);
        }
    }
}

/// What the daemon says, if there is one that answers.
fn ask_status(cli: &Cli) -> Option<Box<Status>> {
    let mut client = Client::connect(&places(cli)).ok()?;
    client.ask(Request { get: Topic::Status, every: None }).ok()?;
    match client.receive(ANSWER) {
        Ok(Body::Status(status)) => Some(status.into_owned().into()),
        _ => None,
    }
}

/// The sockets to try.
fn places(cli: &Cli) -> Vec<Place> {
    if let Some(path) = &cli.socket {
        return vec![Place::from(path.clone())];
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR");
    match own_uid() {
        Ok(uid) => default_paths(runtime.as_deref(), uid).places(uid).into(),
        // Without /proc, whose socket the user's would have to be is not known.
        Err(_) => vec![Place::from(default_paths(None, 0).service)],
    }
}

/// The answer as text, and whether what was asked for holds.
fn view(cli: &Cli, body: &Body<'_>, colours: Colours) -> Result<(String, bool), Failure> {
    let status = match (body, &cli.command) {
        (Body::Config(text), Command::Config(Config::Show)) if cli.json => {
            return Ok((json(&serde_json::json!({ "config": text }))?, true));
        }
        (Body::Config(text), Command::Config(Config::Show)) => return Ok((text.to_string(), true)),
        (Body::Status(status), _) => status,
        _ => return Err(Failure::OtherAnswer),
    };
    Ok(match &cli.command {
        Command::Status if cli.json => (json(status)?, render::verdict(status).is_ok()),
        Command::Status => (render::status(status, colours), render::verdict(status).is_ok()),
        Command::Sources if cli.json => (json(&status.sources)?, true),
        Command::Sources => (render::sources(status, colours), true),
        Command::Clocks if cli.json => (json(&status.clocks)?, true),
        Command::Clocks => (render::clocks(status, colours), true),
        Command::Chain { clock } => {
            let chain = Chain::from(find(status, clock.as_deref())?);
            let text = if cli.json { json(&chain)? } else { render::chain(&chain, colours) };
            (text, chain.traceable)
        }
        Command::Waitsync(_) | Command::Interfaces | Command::Events(_) | Command::Config(_) => {
            return Err(Failure::OtherAnswer);
        }
    })
}

fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string(value)? + "\n")
}

/// The clock of this name, or the first.
fn find<'a>(status: &'a Status, wanted: Option<&str>) -> Result<&'a ClockStatus, Failure> {
    let found = status.clocks.iter().find(|clock| wanted.is_none_or(|name| clock.name == name));
    match found {
        Some(clock) => Ok(clock),
        None if status.clocks.is_empty() => Err(Failure::NoClock),
        None => {
            let known = status.clocks.iter().map(|clock| clock.name.clone());
            Err(Failure::NoSuchClock(known.collect()))
        }
    }
}

/// Where the text goes.
struct Screen {
    colours: Colours,
    /// Each text takes the place of the one before.
    live: bool,
    json: bool,
    first: bool,
}

impl Screen {
    fn new(cli: &Cli) -> Self {
        let terminal = io::stdout().is_terminal();
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        // https://no-color.org
        let colours = if terminal && !set("NO_COLOR") { Colours::On } else { Colours::Off };
        let live = terminal && cli.watch.is_some() && !cli.json;
        Self { colours, live, json: cli.json, first: true }
    }

    /// Writes the text; false if nobody reads on.
    fn show(&mut self, text: &str) -> Result<bool, Failure> {
        let first = std::mem::replace(&mut self.first, false);
        match (self.live, first) {
            (true, true) => print(&format!("\x1b[2J{}", render::frame(text))),
            (true, false) => print(&render::frame(text)),
            (false, false) if !self.json => print(&format!("\n{text}")),
            (false, _) => print(text),
        }
    }
}

/// Writes a text; false if nobody reads on (`| head`), which is no error.
fn print(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        result => Ok(result.map(|()| true)?),
    }
}

/// Waits until the clock is locked within the limits; false when the time is up.
///
/// The daemon may start, and start again, meanwhile.
fn waitsync(cli: &Cli, wait: &Wait) -> Result<bool, Failure> {
    // A time beyond what the system can count is no limit.
    let timeout = Duration::try_from_secs_f64(wait.timeout).ok();
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let remaining =
        || deadline.map_or(HEARTBEAT, |end| end.saturating_duration_since(Instant::now()));
    let mut screen = Screen::new(cli);
    loop {
        match follow(cli, wait, &remaining) {
            Ok(seen) => {
                screen.show(&seen.text)?;
                if let Some(lacking) = &seen.lacking {
                    writeln!(io::stderr(), "utcctl: the time is up: {lacking}").ok();
                }
                return Ok(seen.lacking.is_none());
            }
            Err(Failure::Client(_)) if !remaining().is_zero() => {
                std::thread::sleep(RETRY.min(remaining()));
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// What a look at the clock gave.
struct Seen {
    text: String,
    /// What it lacks of what is waited for.
    lacking: Option<String>,
}

/// Follows one connection until the clock is locked or the time is up; then gives the
/// last that was seen.
fn follow(cli: &Cli, wait: &Wait, remaining: &impl Fn() -> Duration) -> Result<Seen, Failure> {
    let mut client = Client::connect(&places(cli))?;
    client.ask(Request { get: Topic::Status, every: Some(LOOK) })?;
    let (mut patience, mut last) = (ANSWER, None);
    loop {
        let seen = match (client.receive(patience), last.take()) {
            (Ok(Body::Status(status)), _) => look(cli, wait, &status)?,
            (Ok(_), _) => return Err(Failure::OtherAnswer),
            (Err(ClientError::Silent(_)), Some(seen)) if remaining().is_zero() => seen,
            (Err(error), _) => return Err(error.into()),
        };
        patience = remaining().min(HEARTBEAT);
        if seen.lacking.is_none() || patience.is_zero() {
            return Ok(seen);
        }
        last = Some(seen);
    }
}

fn look(cli: &Cli, wait: &Wait, status: &Status) -> Result<Seen, Failure> {
    if status.clocks.is_empty() {
        // As in the first moment of a daemon.
        let lacking = Some("utcd keeps no clock".to_owned());
        return Ok(Seen { text: String::new(), lacking });
    }
    let clock = find(status, wait.clock.as_deref())?;
    let text = if cli.json { json(clock)? } else { render::line(status, clock) + "\n" };
    Ok(Seen { text, lacking: lacks(clock, wait) })
}

/// What the clock lacks of what is waited for.
fn lacks(clock: &ClockStatus, wait: &Wait) -> Option<String> {
    let name = &clock.name;
    if clock.state != ClockState::Locked {
        return Some(format!("clock {name} is {}", clock.state.name()));
    }
    let limits = [
        ("offset", clock.offset.map(f64::abs), wait.max_offset),
        ("uncertainty", clock.uncertainty, wait.max_uncertainty),
    ];
    limits.into_iter().find_map(|(what, value, limit)| {
        let limit = limit?;
        match value {
            Some(value) if value <= limit => None,
            Some(value) => Some(format!(
                "the {what} of clock {name} is {}, not within {}",
                Time(value),
                Time(limit)
            )),
            None => Some(format!("the {what} of clock {name} is not known")),
        }
    })
}
