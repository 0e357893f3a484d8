//! The columns of a recording, and rows as cells in them.

use super::{Believed, Compared, Event, Row};
use crate::comparison::{Comparison, Reading, Upstream};
use crate::estimator::Estimate;
use crate::time::{Duration, Timestamp};

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
pub const COLUMNS: [Column; 43] = [
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
    // kind = comparison
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
    // kind = round
    float("offset"),
    float("expanded"),
    float("bound"),
    text("state"),
    text("leader"),
    float("oscillator_frequency"),
    float("commanded_frequency"),
];

/// The largest magnitude of a time, s. PTP's time stamps have 48 bits of seconds (IEEE
/// 1588-2019 5.3.3), and a difference of two has one more.
pub(super) const MOST_SECONDS: i64 = 1 << 50;

const START: &str = "start";
const COMPARISON: &str = "comparison";
const ROUND: &str = "round";

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
            Event::Round(_) => ROUND,
        };
        cells.text(Some(kind));
        cells.text(Some(&self.clock));
        cells.text(self.event.source());
        cells.time(Some(self.at.since_epoch()));
        cells.time(Some(self.shown.since_epoch()));
        let (mut prior, mut compared, mut believed) = (None, None, None);
        match &self.event {
            Event::Start { prior: known, .. } => prior = *known,
            Event::Comparison(event) => compared = Some(event),
            Event::Round(event) => believed = Some(event),
        }
        cells.float(prior.map(|(frequency, _)| frequency));
        cells.float(prior.map(|(_, deviation)| deviation));
        cells.compared(compared);
        cells.believed(believed);
        cells.0
    }

    /// The row that cells, one for each of [`COLUMNS`], stand for.
    ///
    /// # Errors
    /// The first cell that cannot be what it should.
    pub fn from_cells(cells: impl IntoIterator<Item = Option<Cell>>) -> Result<Self, Wrong> {
        let mut reader = Reader { cells: cells.into_iter(), column: 0 };
        let number = u64::try_from(reader.expected(true, Reader::integer)?)
            .map_err(|_| reader.wrong("a row number below 0"))?;
        let kind = reader.expected(true, Reader::text)?;
        if ![START, COMPARISON, ROUND].contains(&kind.as_str()) {
            return Err(reader.wrong(format!("{kind:?} is none of start, comparison, round")));
        }
        let clock = reader.expected(true, Reader::text)?;
        let source = reader.text()?;
        if source.is_none() && kind != ROUND {
            return Err(reader.wrong(format!("a {kind} without a source")));
        }
        let source = source.unwrap_or_default();
        let at = Timestamp::from_epoch(reader.expected(true, Reader::time)?);
        let shown = Timestamp::from_epoch(reader.expected(true, Reader::time)?);
        let prior = reader.float()?.zip(reader.float()?);
        let compared = reader.compared(source.clone(), kind == COMPARISON)?;
        let believed = reader.believed(kind == ROUND)?;
        let event = match (compared, believed) {
            (Some(compared), _) => Event::Comparison(compared),
            (None, Some(believed)) => Event::Round(believed),
            (None, None) => Event::Start { source, prior },
        };
        Ok(Self { number, clock, at, shown, event })
    }
}

/// True if two estimates are the same to the last bit; any NaN is as good as another.
pub(super) fn is_same(a: Option<&Estimate>, b: Option<&Estimate>) -> bool {
    let cells = |estimate| {
        let mut cells = Cells(Vec::new());
        cells.estimate(estimate);
        cells.0
    };
    let is_same = |(a, b): (Option<Cell>, Option<Cell>)| match (a, b) {
        (Some(Cell::Float(a)), Some(Cell::Float(b))) => {
            a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
        }
        (a, b) => a == b,
    };
    cells(a).into_iter().zip(cells(b)).all(is_same)
}

/// Cells, written in the order of the columns.
struct Cells(Vec<Option<Cell>>);

impl Cells {
    fn integer(&mut self, value: Option<i64>) {
        self.0.push(value.map(Cell::Integer));
    }

    fn float(&mut self, value: Option<f64>) {
        self.0.push(value.map(Cell::Float));
    }

    fn text(&mut self, value: Option<&str>) {
        self.0.push(value.map(|text| Cell::Text(text.to_owned())));
    }

    fn time(&mut self, value: Option<Duration>) {
        // See MOST_SECONDS: it fits.
        self.integer(value.map(|time| time.floor_secs() as i64));
        self.integer(value.map(|time| time.subsec().to_bits() as i64));
    }

    fn reading(&mut self, reading: Option<Reading>) {
        self.time(reading.map(|reading| reading.at.since_epoch()));
        self.time(reading.map(|reading| reading.difference));
    }

    fn compared(&mut self, compared: Option<&Compared>) {
        let comparison = compared.map(|compared| compared.comparison);
        self.reading(comparison.and_then(|c| c.from_reference));
        self.reading(comparison.and_then(|c| c.to_reference));
        self.float(comparison.map(|c| c.stamp_uncertainty));
        self.float(comparison.map(|c| c.upstream.root_delay));
        self.float(comparison.map(|c| c.upstream.root_dispersion));
        self.0.push(comparison.map(|c| Cell::Flag(c.upstream.follows)));
        self.0.push(compared.map(|compared| Cell::Flag(compared.restarted)));
        self.estimate(compared.and_then(|compared| compared.estimate.as_ref()));
    }

    fn estimate(&mut self, estimate: Option<&Estimate>) {
        self.time(estimate.map(|e| e.at.since_epoch()));
        self.time(estimate.map(|e| e.offset));
        self.float(estimate.map(|e| e.offset_deviation));
        self.float(estimate.map(|e| e.frequency));
        self.float(estimate.map(|e| e.frequency_deviation));
        self.float(estimate.map(|e| e.covariance));
        self.float(estimate.map(|e| e.wander));
        self.float(estimate.map(|e| e.bound));
        self.float(estimate.map(|e| e.delay_floor));
        self.float(estimate.map(|e| e.delay_floor_deviation));
        self.float(estimate.map(|e| e.jitter));
    }

    fn believed(&mut self, believed: Option<&Believed>) {
        self.float(believed.and_then(|b| b.offset));
        self.float(believed.and_then(|b| b.expanded));
        self.float(believed.and_then(|b| b.bound));
        self.text(believed.map(|b| b.state.as_str()));
        self.text(believed.and_then(|b| b.leader.as_deref()));
        self.float(believed.and_then(|b| b.oscillator));
        self.float(believed.map(|b| b.commanded));
    }
}

/// Cells, read in the order of the columns: the mirror of [`Cells`].
struct Reader<I> {
    cells: I,
    /// Columns read so far.
    column: usize,
}

impl<I: Iterator<Item = Option<Cell>>> Reader<I> {
    /// The complaint about the cell that was read last.
    fn wrong(&self, what: impl Into<String>) -> Wrong {
        let column = COLUMNS.get(self.column.saturating_sub(1)).map_or("row", |c| c.name);
        Wrong { column, what: what.into() }
    }

    /// A cell that must be there in the rows that have its group of columns.
    fn expected<T: Default>(
        &mut self,
        is_expected: bool,
        read: fn(&mut Self) -> Result<Option<T>, Wrong>,
    ) -> Result<T, Wrong> {
        match read(self)? {
            None if is_expected => Err(self.wrong("is empty")),
            value => Ok(value.unwrap_or_default()),
        }
    }

    fn next(&mut self) -> Result<Option<Cell>, Wrong> {
        self.column += 1;
        self.cells.next().ok_or_else(|| self.wrong("is missing"))
    }

    fn integer(&mut self) -> Result<Option<i64>, Wrong> {
        match self.next()? {
            None => Ok(None),
            Some(Cell::Integer(value)) => Ok(Some(value)),
            Some(_) => Err(self.wrong("should be a whole number")),
        }
    }

    fn float(&mut self) -> Result<Option<f64>, Wrong> {
        match self.next()? {
            None => Ok(None),
            Some(Cell::Float(value)) => Ok(Some(value)),
            Some(_) => Err(self.wrong("should be a number")),
        }
    }

    fn flag(&mut self) -> Result<Option<bool>, Wrong> {
        match self.next()? {
            None => Ok(None),
            Some(Cell::Flag(value)) => Ok(Some(value)),
            Some(_) => Err(self.wrong("should be true or false")),
        }
    }

    fn text(&mut self) -> Result<Option<String>, Wrong> {
        match self.next()? {
            None => Ok(None),
            Some(Cell::Text(value)) => Ok(Some(value)),
            Some(_) => Err(self.wrong("should be text")),
        }
    }

    fn time(&mut self) -> Result<Option<Duration>, Wrong> {
        let seconds = self.integer()?;
        let fraction = self.integer()?;
        let fraction = fraction.map(|bits| Duration::from_bits(i128::from(bits)));
        if fraction.is_some_and(|f| f.is_negative() || f >= Duration::SECOND) {
            return Err(self.wrong("should be from 0 to less than a second, in 2^-32 ns"));
        }
        if seconds.is_some() != fraction.is_some() {
            return Err(self.wrong("seconds and their fraction belong together"));
        }
        if seconds.is_some_and(|s| !(-MOST_SECONDS..=MOST_SECONDS).contains(&s)) {
            return Err(self.wrong("no clock shows that many seconds"));
        }
        Ok(seconds.zip(fraction).map(|(s, fraction)| Duration::from_secs(s) + fraction))
    }

    fn reading(&mut self) -> Result<Option<Reading>, Wrong> {
        let (at, difference) = (self.time()?, self.time()?);
        if at.is_some() != difference.is_some() {
            return Err(self.wrong("the time of a reading and its difference belong together"));
        }
        let reading = |(at, difference)| Reading { at: Timestamp::from_epoch(at), difference };
        Ok(at.zip(difference).map(reading))
    }

    fn compared(&mut self, source: String, is_given: bool) -> Result<Option<Compared>, Wrong> {
        let (from_reference, to_reference) = (self.reading()?, self.reading()?);
        if is_given && from_reference.is_none() && to_reference.is_none() {
            return Err(self.wrong("a comparison without a reading"));
        }
        let stamp_uncertainty = self.expected(is_given, Self::float)?;
        let upstream = Upstream {
            root_delay: self.expected(is_given, Self::float)?,
            root_dispersion: self.expected(is_given, Self::float)?,
            follows: self.expected(is_given, Self::flag)?,
        };
        let comparison = Comparison { from_reference, to_reference, stamp_uncertainty, upstream };
        let restarted = self.expected(is_given, Self::flag)?;
        let estimate = self.estimate()?;
        Ok(is_given.then_some(Compared { source, comparison, restarted, estimate }))
    }

    /// There is an estimate if there is a time of it; then it is whole.
    fn estimate(&mut self) -> Result<Option<Estimate>, Wrong> {
        let (at, offset) = (self.time()?, self.time()?);
        let is_given = at.is_some() && offset.is_some();
        let estimate = Estimate {
            at: Timestamp::from_epoch(at.unwrap_or_default()),
            offset: offset.unwrap_or_default(),
            offset_deviation: self.expected(is_given, Self::float)?,
            frequency: self.expected(is_given, Self::float)?,
            frequency_deviation: self.expected(is_given, Self::float)?,
            covariance: self.expected(is_given, Self::float)?,
            wander: self.expected(is_given, Self::float)?,
            bound: self.expected(is_given, Self::float)?,
            delay_floor: self.expected(is_given, Self::float)?,
            delay_floor_deviation: self.expected(is_given, Self::float)?,
            jitter: self.expected(is_given, Self::float)?,
        };
        Ok(is_given.then_some(estimate))
    }

    fn believed(&mut self, is_given: bool) -> Result<Option<Believed>, Wrong> {
        let believed = Believed {
            offset: self.float()?,
            expanded: self.float()?,
            bound: self.float()?,
            state: self.expected(is_given, Self::text)?,
            leader: self.text()?,
            oscillator: self.float()?,
            commanded: self.expected(is_given, Self::float)?,
        };
        Ok(is_given.then_some(believed))
    }
}
