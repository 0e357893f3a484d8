//! How cells become a row again.

use super::upper::parse_upper;
use super::{
    COLUMNS, COMPARISON, Cell, EDGE, EVENT, GONE, KEEPER, MOST_SECONDS, ROUND, SUSPEND, Wrong,
};
use crate::comparison::{Comparison, Reading, Upstream};
use crate::estimator::Estimate;
use crate::keeper::{Edge, Terms};
use crate::recording::{Believed, Compared, Event, EventTime, External, Told};
use crate::selection::{SourceId, Unusable};
use crate::time::{Duration, Timestamp};
use crate::uncertainty::Budget;

/// Cells, read in the order of the columns: the mirror of [`Cells`](super::Cells).
pub(super) struct Reader<I> {
    cells: I,
    /// Columns read so far.
    column: usize,
}

impl<I: Iterator<Item = Option<Cell>>> Reader<I> {
    pub(super) fn new(cells: I) -> Self {
        Self { cells, column: 0 }
    }

    /// The complaint about the cell that was read last.
    pub(super) fn wrong(&self, what: impl Into<String>) -> Wrong {
        let column = COLUMNS.get(self.column.saturating_sub(1)).map_or("row", |c| c.name);
        Wrong { column, what: what.into() }
    }

    /// A cell that must be there in the rows that have its group of columns.
    pub(super) fn expected<T: Default>(
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

    pub(super) fn integer(&mut self) -> Result<Option<i64>, Wrong> {
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

    pub(super) fn text(&mut self) -> Result<Option<String>, Wrong> {
        match self.next()? {
            None => Ok(None),
            Some(Cell::Text(value)) => Ok(Some(value)),
            Some(_) => Err(self.wrong("should be text")),
        }
    }

    pub(super) fn time(&mut self) -> Result<Option<Duration>, Wrong> {
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

    /// Every column of an event; those of others need not be empty.
    pub(super) fn event(&mut self, kind: &str, source: String) -> Result<Event, Wrong> {
        let [is_comparison, is_edge] = [kind == COMPARISON, kind == EDGE];
        let prior = self.float()?.zip(self.float()?);
        let (from_reference, to_reference) = (self.reading()?, self.reading()?);
        if is_comparison && from_reference.is_none() && to_reference.is_none() {
            return Err(self.wrong("a comparison without a reading"));
        }
        let stamp_uncertainty = self.expected(is_comparison || is_edge, Self::float)?;
        let upstream = self.upstream(is_comparison || is_edge)?;
        let restarted = self.expected(is_comparison, Self::flag)?;
        let estimate = self.estimate()?;
        let id = self.id(is_edge || kind == GONE)?;
        let edge = Edge { id, estimate, upstream, stamp_uncertainty, ..self.edge(is_edge)? };
        let min_agreeing = usize::try_from(self.expected(kind == KEEPER, Self::integer)?)
            .map_err(|_| self.wrong("a number below 0"))?;
        let slept = self.expected(kind == SUSPEND, Self::float)?;
        let believed = self.believed(kind == ROUND)?;
        let external = self.external(kind == EVENT)?;
        let comparison = Comparison { from_reference, to_reference, stamp_uncertainty, upstream };
        Ok(match kind {
            COMPARISON => Event::Comparison(Compared { source, comparison, restarted, estimate }),
            KEEPER => Event::Keeper { min_agreeing },
            SUSPEND => Event::Suspend { slept },
            EDGE => Event::Told(Told { source, edge }),
            GONE => Event::Gone { source, id },
            ROUND => Event::Round(believed),
            EVENT => Event::External(external),
            _ => Event::Start { source, prior },
        })
    }

    fn upstream(&mut self, is_given: bool) -> Result<Upstream, Wrong> {
        Ok(Upstream {
            root_delay: self.expected(is_given, Self::float)?,
            root_dispersion: self.expected(is_given, Self::float)?,
            follows: self.expected(is_given, Self::flag)?,
        })
    }

    fn id(&mut self, is_given: bool) -> Result<SourceId, Wrong> {
        let number = self.expected(is_given, Self::integer)?;
        u32::try_from(number).map(SourceId).map_err(|_| self.wrong("should be from 0 to 2^32 - 1"))
    }

    /// An edge, but for what comes in other columns.
    fn edge(&mut self, is_given: bool) -> Result<Edge, Wrong> {
        Ok(Edge {
            id: SourceId(0),
            usable: self.usable()?,
            stratum: u8::try_from(self.expected(is_given, Self::integer)?)
                .map_err(|_| self.wrong("should be from 0 to 255"))?,
            clock_accuracy: self.float()?,
            upper: self.upper()?,
            terms: Terms {
                prefer: self.expected(is_given, Self::flag)?,
                trust: self.expected(is_given, Self::flag)?,
                require: self.expected(is_given, Self::flag)?,
                watch_only: self.expected(is_given, Self::flag)?,
                min_delay: self.float()?,
                correction: self.expected(is_given, Self::float)?,
                asymmetry_uncertainty: self.expected(is_given, Self::float)?,
                latency_uncertainty: self.expected(is_given, Self::float)?,
                calibration: self.float()?.zip(self.float()?),
            },
            estimate: None,
            upstream: Upstream::default(),
            stamp_uncertainty: 0.0,
        })
    }

    fn usable(&mut self) -> Result<Result<(), Unusable>, Wrong> {
        let Some(name) = self.text()? else { return Ok(Ok(())) };
        let reason = Unusable::ALL.into_iter().find(|reason| reason.name() == name);
        reason.map(Err).ok_or_else(|| self.wrong(format!("{name:?} is no reason")))
    }

    fn upper(&mut self) -> Result<Option<Budget>, Wrong> {
        let Some(text) = self.text()? else { return Ok(None) };
        let budget = parse_upper(&text);
        budget.map(Some).ok_or_else(|| self.wrong("should be pairs of a size and a bound"))
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

    fn believed(&mut self, is_given: bool) -> Result<Believed, Wrong> {
        Ok(Believed {
            offset: self.float()?,
            expanded: self.float()?,
            bound: self.float()?,
            path_expanded: self.float()?,
            path_bound: self.float()?,
            state: self.expected(is_given, Self::text)?,
            leader: self.text()?,
            oscillator: self.float()?,
            commanded: self.expected(is_given, Self::float)?,
        })
    }

    /// There is a time if it has seconds; then it is whole.
    fn external(&mut self, is_given: bool) -> Result<External, Wrong> {
        let input = self.expected(is_given, Self::text)?;
        let number = u64::try_from(self.expected(is_given, Self::integer)?)
            .map_err(|_| self.wrong("an event number below 0"))?;
        let tai = self.time()?.map(Timestamp::from_epoch);
        let has_time = tai.is_some();
        let utc = self.expected(has_time, Self::text)?;
        let expanded = self.expected(has_time, Self::float)?;
        let bound = self.expected(has_time, Self::float)?;
        let traceable = self.expected(is_given, Self::flag)?;
        let time = tai.map(|tai| EventTime { tai, utc, expanded, bound });
        Ok(External { input, number, time, traceable })
    }
}
