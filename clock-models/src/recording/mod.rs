//! Recordings: every comparison exactly as an estimator took it in, what it made of it, and
//! what selection made of that, so that the same estimators and the same keeper come to the
//! same again, to the last bit.
//!
//! A recording is a table. Its rows are typed here, and so are its [`COLUMNS`], whatever
//! the file format is; [`csv`] is the one that the daemon writes.

mod columns;
pub mod csv;
mod journal;
mod rekept;
mod replay;

use crate::comparison::Comparison;
use crate::discipline::{ClockReading, Tick};
use crate::estimator::Estimate;
use crate::keeper::{Edge, Keeper};
use crate::selection::SourceId;
use crate::time::{Free, Tai, Timestamp};
use crate::uncertainty::Budget;

pub use columns::{COLUMNS, Cell, Column, Kind, Wrong};
pub use journal::Journal;
pub use replay::{Reestimated, Replay, Replayed};

/// Version of the columns and of their meanings.
pub const FORMAT: u32 = 3;

/// The estimator that this crate is, by its version: another one comes to other estimates.
pub const ESTIMATOR: &str = concat!("clock-models ", env!("CARGO_PKG_VERSION"));

/// What wrote a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Version of the columns.
    pub format: u32,
    /// The program, such as `utcd 0.1.0`.
    pub writer: String,
    /// Its estimator, such as `clock-models 0.1.0`.
    pub estimator: String,
}

impl Header {
    /// That of a recording which `writer` makes with the code of this crate.
    #[must_use]
    pub fn new(writer: &str) -> Self {
        Self { format: FORMAT, writer: writer.to_owned(), estimator: ESTIMATOR.to_owned() }
    }
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// What wrote it.
    pub header: Header,
    /// All rows.
    pub rows: Vec<Row>,
    /// The number of the last line of a text if it does not end: its writer was stopped
    /// within it. It is not among the rows.
    pub torn: Option<usize>,
}

/// One row of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Counts the rows since the writer started, also those that it could not write: a gap
    /// shows what is missing. 0 is the first.
    pub number: u64,
    /// The clock that the row is about.
    pub clock: String,
    /// When, in the free-running time base of that clock.
    pub at: Timestamp<Free>,
    /// What the clock showed then.
    pub shown: Timestamp<Tai>,
    /// What there is to tell.
    pub event: Event,
}

/// What a row tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An estimator began; what came before of this source does not count any more.
    Start {
        /// Name of the source.
        source: String,
        /// What was known of the frequency of the reference against the time base, and its
        /// standard deviation (ratios).
        prior: Option<(f64, f64)>,
    },
    /// An estimator took a comparison in. The row is of the newer one of its readings.
    Comparison(Compared),
    /// The keeper of the clock began, or goes on under other terms: it follows nothing
    /// unless so many sources agree.
    Keeper {
        /// How many.
        min_agreeing: usize,
    },
    /// The host was suspended: the keeper of the clock begins anew, and follows nothing of
    /// what it knew.
    Suspend {
        /// For how long the clocks of the host say that it was, s. The time base stood still.
        slept: f64,
    },
    /// The keeper was told how a source stands, before the round that comes next.
    Told(Told),
    /// The keeper was told that a source is no longer there.
    Gone {
        /// Name of the source.
        source: String,
        /// Its number.
        id: SourceId,
    },
    /// The keeper of the clock looked after it.
    Round(Believed),
    /// An external event was stamped. The row is of its instant.
    External(External),
}

/// A comparison, and what the estimator made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// Name of the source.
    pub source: String,
    /// As the estimator took it in.
    pub comparison: Comparison,
    /// It made the estimator give up what it believed.
    pub restarted: bool,
    /// The estimate after it, once there is one.
    pub estimate: Option<Estimate>,
}

/// How a source stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Name of the source.
    pub source: String,
    /// What the keeper selects by. The names and distributions of the components of
    /// [`Edge::upper`] are not recorded, but their uncertainties and bounds are.
    pub edge: Edge,
}

/// What was believed of a clock after a round of its keeper.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Believed {
    /// The clock less UTC, s: positive when it is fast.
    pub offset: Option<f64>,
    /// Expanded uncertainty of the offset, k = 2, s.
    pub expanded: Option<f64>,
    /// Hard bound of its error, s.
    pub bound: Option<f64>,
    /// The same against the leader alone: what selection and combination came to, without
    /// what is above the leader.
    pub path_expanded: Option<f64>,
    /// Hard bound against the leader alone, s.
    pub path_bound: Option<f64>,
    /// State of the clock: `locked`, `holdover`, …
    pub state: String,
    /// Name of the source that leads, or did until the holdover began.
    pub leader: Option<String>,
    /// Frequency of the clock's oscillator against UTC, ratio − 1: positive when it is fast.
    pub oscillator: Option<f64>,
    /// What the clock runs at against its oscillator after the round, as it was told,
    /// ratio − 1.
    pub commanded: f64,
}

impl Believed {
    /// What a keeper makes of its sources, after a round that came to `tick`. The rest is
    /// known to the owner of the clock.
    #[must_use]
    pub fn of(keeper: &Keeper, reading: ClockReading, tick: &Tick) -> Self {
        let path = keeper.path(reading.base);
        Self {
            offset: tick.error,
            path_expanded: path.as_ref().map(|path| path.expanded(2.0)),
            path_bound: path.as_ref().map(Budget::bound),
            // The oscillator against UTC is the opposite of TAI against the oscillator.
            oscillator: tick.estimate.map(|estimate| -estimate.frequency),
            ..Self::default()
        }
    }
}

/// An external event, and when it was.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct External {
    /// Name of the input that it came in by.
    pub input: String,
    /// Counts the events of all inputs since the writer started.
    pub number: u64,
    /// When it was, as far as that is known.
    pub time: Option<EventTime>,
    /// An unbroken, valid chain leads from that time to a declared origin.
    pub traceable: bool,
}

/// The time of an event with its uncertainty.
#[derive(Debug, Clone, PartialEq)]
pub struct EventTime {
    /// By the estimate that the clock was kept by.
    pub tai: Timestamp<Tai>,
    /// The same in UTC, to a nanosecond, by the leap table that was in force.
    pub utc: String,
    /// Expanded uncertainty, k = 2, s.
    pub expanded: f64,
    /// Hard bound of the error, s.
    pub bound: f64,
}

impl Event {
    /// The source that it is about.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        match self {
            Self::Start { source, .. } => Some(source),
            Self::Comparison(compared) => Some(&compared.source),
            Self::Told(told) => Some(&told.source),
            Self::Gone { source, .. } => Some(source),
            Self::Keeper { .. } | Self::Suspend { .. } | Self::Round(_) | Self::External(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
