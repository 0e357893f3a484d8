//! The log: on standard error, for the journal, or under the live view.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;
use utcd_linux::clock::cross_read;

use crate::config::LogLevel;

/// Lines that the live view shows.
const TAIL: usize = 6;

/// Where the log goes.
#[derive(Debug, Clone)]
pub enum Sink {
    /// Standard error, with the time.
    Stderr,
    /// Standard error that the journal reads: it adds the time, and takes the priority
    /// from the start of the line (sd-daemon(3)).
    Journal,
    /// The last lines, under the live view.
    Screen(Tail),
}

/// The last lines of the log.
#[derive(Debug, Clone, Default)]
pub struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    /// Oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// One write is one event, as the subscriber makes them.
impl Write for Tail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for line in String::from_utf8_lossy(bytes).lines().filter(|line| !line.is_empty()) {
            if lines.len() == TAIL {
                lines.pop_front();
            }
            lines.push_back(line.to_owned());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Box<dyn Write + 'a>;

    fn make_writer(&'a self) -> Self::Writer {
        match self {
            Self::Stderr | Self::Journal => Box::new(io::stderr()),
            Self::Screen(tail) => Box::new(tail.clone()),
        }
    }
}

/// Begins to log. The environment variable `UTCD_LOG` (such as `utcd=debug`) goes before
/// the configured level.
pub fn start(level: LogLevel, sink: Sink) {
    let default = match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("UTCD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let format = match sink {
        Sink::Stderr => Line::Dated,
        Sink::Journal => Line::Prioritised,
        Sink::Screen(_) => Line::Brief,
    };
    // Fails only if a log was started before, which then goes on.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(sink)
        .event_format(format)
        .try_init();
}

/// One event, one line: what stands before its text.
enum Line {
    /// Date, time and level.
    Dated,
    /// The priority, for the journal.
    Prioritised,
    /// Time of day and level: there is not much room.
    Brief,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        match self {
            Self::Prioritised => write!(writer, "<{}>", priority(level))?,
            Self::Dated => {
                SystemTime.format_time(&mut writer)?;
                write!(writer, " {level:>5} ")?;
            }
            Self::Brief => {
                let now = cross_read(1).realtime.to_string();
                let time = now.split(['T', '.']).nth(1).unwrap_or_default();
                write!(writer, "{time} {level:>5} ")?;
            }
        }
        let mut text = String::new();
        context.field_format().format_fields(Writer::new(&mut text), event)?;
        if let Self::Prioritised = self {
            // Each line is an entry of its own.
            text = text.replace('\n', &format!("\n<{}>", priority(level)));
        }
        writeln!(writer, "{text}")
    }
}

/// syslog(3) priority.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut tail = Tail::default();
        for n in 0..10 {
            tail.write_all(format!("line {n}\n").as_bytes()).unwrap();
        }
        assert_eq!(tail.lines().len(), TAIL);
        assert_eq!(tail.lines().last().unwrap(), "line 9");
    }
}
