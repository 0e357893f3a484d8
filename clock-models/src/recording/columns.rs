//! The columns of a recording, and rows as cells in them.

mod cells;
mod reader;
mod upper;

use self::cells::Cells;
use self::reader::Reader;
use super::{Believed, Event, Row};
use crate::estimator::Estimate;
use crate::time::Timestamp;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number of 64 bits.
    Integer,
    /// A floating-point number of 64 bits.
    Float,
    /// `true` or `false`.
    Flag,
    /// Text of one line.
    Text,
}

/// A column; any of its cells may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// What is in a cell that is not empty.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Of an integer column.
    Integer(i64),
    /// Of a float column.
    Float(f64),
    /// Of a flag column.
    Flag(bool),
    /// Of a text column.
    Text(String),
}

const fn integer(name: &'static str) -> Column {
    Column { name, kind: Kind::Integer }
}
const fn float(name: &'static str) -> Column {
    Column { name, kind: Kind::Float }
}
const fn flag(name: &'static str) -> Column {
    Column { name, kind: Kind::Flag }
}
const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text }
}

/// Every column, in order. What each means is in `docs/src/reference/recording.md`.
///
/// A time is exact in two of them: `…_s` has the whole seconds, rounded down, and `…_frac`
/// what is left in units of 2⁻³² ns, from 0 to 10⁹·2³² − 1.
pub const COLUMNS: [Column; 70] = [
    integer("row"),
    text("kind"),
    text("clock"),
    text("source"),
    integer("at_s"),
    integer("at_frac"),
    integer("shown_s"),
    integer("shown_frac"),
    // kind = start
    float("prior_frequency"),
    float("prior_frequency_deviation"),
    // kind = comparison; from the stamp uncertainty on, what an edge has too
    integer("from_at_s"),
    integer("from_at_frac"),
    integer("from_difference_s"),
    integer("from_difference_frac"),
    integer("to_at_s"),
    integer("to_at_frac"),
    integer("to_difference_s"),
    integer("to_difference_frac"),
    float("stamp_uncertainty"),
    float("root_delay"),
    float("root_dispersion"),
    flag("reference_follows"),
    flag("restarted"),
    integer("estimate_at_s"),
    integer("estimate_at_frac"),
    integer("estimate_offset_s"),
    integer("estimate_offset_frac"),
    float("estimate_offset_deviation"),
    float("estimate_frequency"),
    float("estimate_frequency_deviation"),
    float("estimate_covariance"),
    float("estimate_wander"),
    float("estimate_bound"),
    float("estimate_delay_floor"),
    float("estimate_delay_floor_deviation"),
    float("estimate_jitter"),
    // kind = edge, and the first of them of kind = gone too
    integer("source_number"),
    text("unusable"),
    integer("stratum"),
    float("clock_accuracy"),
    text("upper"),
    flag("prefer"),
    flag("trust"),
    flag("require"),
    flag("watch_only"),
    float("min_delay"),
    float("correction"),
    float("asymmetry_uncertainty"),
    float("latency_uncertainty"),
    float("calibration_expanded"),
    float("calibration_factor"),
    // kind = keeper
    integer("min_sources"),
    // kind = suspend
    float("slept"),
    // kind = round
    float("offset"),
    float("expanded"),
    float("bound"),
    float("path_expanded"),
    float("path_bound"),
    text("state"),
    text("leader"),
    float("oscillator_frequency"),
    float("commanded_frequency"),
    // kind = event
    text("event"),
    integer("event_number"),
    integer("event_tai_s"),
    integer("event_tai_frac"),
    text("event_utc"),
    float("event_expanded"),
    float("event_bound"),
    flag("event_traceable"),
];

/// The largest magnitude of a time, s. PTP's time stamps have 48 bits of seconds (IEEE
/// 1588-2019 5.3.3), and a difference of two has one more.
pub(super) const MOST_SECONDS: i64 = 1 << 50;

const START: &str = "start";
const COMPARISON: &str = "comparison";
const KEEPER: &str = "keeper";
const SUSPEND: &str = "suspend";
const EDGE: &str = "edge";
const GONE: &str = "gone";
const ROUND: &str = "round";
const EVENT: &str = "event";
const KINDS: [&str; 8] = [START, COMPARISON, KEEPER, SUSPEND, EDGE, GONE, ROUND, EVENT];

/// Why cells are no row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {what}")]
pub struct Wrong {
    /// Name of the column.
    pub column: &'static str,
    /// What is wrong there, and what should be there.
    pub what: String,
}

impl Row {
    /// The row as a cell for each of [`COLUMNS`].
    #[must_use]
    pub fn to_cells(&self) -> Vec<Option<Cell>> {
        let mut cells = Cells(Vec::with_capacity(COLUMNS.len()));
        // Nobody lives to see 2⁶³ rows.
        cells.integer(Some(self.number.cast_signed()));
        let kind = match self.event {
            Event::Start { .. } => START,
            Event::Comparison(_) => COMPARISON,
            Event::Keeper { .. } => KEEPER,
            Event::Suspend { .. } => SUSPEND,
            Event::Told(_) => EDGE,
            Event::Gone { .. } => GONE,
            Event::Round(_) => ROUND,
            Event::External(_) => EVENT,
        };
        cells.text(Some(kind));
        cells.text(Some(&self.clock));
        cells.text(self.event.source());
        cells.time(Some(self.at.since_epoch()));
        cells.time(Some(self.shown.since_epoch()));
        cells.event(&self.event);
        cells.0
    }

    /// The row that cells, one for each of [`COLUMNS`], stand for.
    ///
    /// # Errors
    /// The first cell that cannot be what it should.
    pub fn from_cells(cells: impl IntoIterator<Item = Option<Cell>>) -> Result<Self, Wrong> {
        let mut reader = Reader::new(cells.into_iter());
        let number = u64::try_from(reader.expected(true, Reader::integer)?)
            .map_err(|_| reader.wrong("a row number below 0"))?;
        let kind = reader.expected(true, Reader::text)?;
        if !KINDS.contains(&kind.as_str()) {
            return Err(reader.wrong(format!("{kind:?} is none of {}", KINDS.join(", "))));
        }
        let clock = reader.expected(true, Reader::text)?;
        let source = reader.text()?;
        if source.is_none() && ![KEEPER, SUSPEND, ROUND, EVENT].contains(&kind.as_str()) {
            return Err(reader.wrong(format!("{kind} without a source")));
        }
        let at = Timestamp::from_epoch(reader.expected(true, Reader::time)?);
        let shown = Timestamp::from_epoch(reader.expected(true, Reader::time)?);
        let event = reader.event(&kind, source.unwrap_or_default())?;
        Ok(Self { number, clock, at, shown, event })
    }
}

/// True if two estimates are the same to the last bit.
pub(super) fn is_same_estimate(a: Option<&Estimate>, b: Option<&Estimate>) -> bool {
    are_same(|cells| cells.estimate(a), |cells| cells.estimate(b))
}

/// True if two keepers believed the same to the last bit, whatever is above their leaders and
/// became of their clocks.
pub(super) fn is_same_belief(a: &Believed, b: &Believed) -> bool {
    are_same(|cells| cells.kept(a), |cells| cells.kept(b))
}

/// Any NaN is as good as another.
fn are_same(a: impl FnOnce(&mut Cells), b: impl FnOnce(&mut Cells)) -> bool {
    let (mut first, mut second) = (Cells(Vec::new()), Cells(Vec::new()));
    a(&mut first);
    b(&mut second);
    let is_same = |(a, b): (Option<Cell>, Option<Cell>)| match (a, b) {
        (Some(Cell::Float(a)), Some(Cell::Float(b))) => {
            a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
        }
        (a, b) => a == b,
    };
    first.0.into_iter().zip(second.0).all(is_same)
}
