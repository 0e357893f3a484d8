//! The columns of a recording, and rows as cells in them.

use super::{Believed, Compared, Event, EventTime, External, Row, Told};
use crate::comparison::{Comparison, Reading, Upstream};
use crate::estimator::Estimate;
use crate::keeper::{Edge, Terms};
use crate::selection::{SourceId, Unusable};
use crate::time::{Duration, Timestamp};
use crate::uncertainty::{Budget, Component};

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
        let mut reader = Reader { cells: cells.into_iter(), column: 0 };
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

/// Cells, written in the order of the columns.
struct Cells(Vec<Option<Cell>>);

impl Cells {
    fn integer(&mut self, value: Option<i64>) {
        self.0.push(value.map(Cell::Integer));
    }

    fn float(&mut self, value: Option<f64>) {
        self.0.push(value.map(Cell::Float));
    }

    fn flag(&mut self, value: Option<bool>) {
        self.0.push(value.map(Cell::Flag));
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

    /// Every column of an event, whichever it is: those of others stay empty.
    fn event(&mut self, event: &Event) {
        let (mut prior, mut compared, mut told, mut believed) = (None, None, None, None);
        let (mut gone, mut needed, mut asleep, mut external) = (None, None, None, None);
        match event {
            Event::Start { prior: known, .. } => prior = *known,
            Event::Comparison(event) => compared = Some(event),
            Event::Keeper { min_agreeing } => needed = Some(*min_agreeing),
            Event::Suspend { slept } => asleep = Some(*slept),
            Event::Told(event) => told = Some(&event.edge),
            Event::Gone { id, .. } => gone = Some(*id),
            Event::Round(event) => believed = Some(event),
            Event::External(event) => external = Some(event),
        }
        self.float(prior.map(|(frequency, _)| frequency));
        self.float(prior.map(|(_, deviation)| deviation));
        let comparison = compared.map(|compared| compared.comparison);
        self.reading(comparison.and_then(|c| c.from_reference));
        self.reading(comparison.and_then(|c| c.to_reference));
        let stamps = comparison.map(|c| c.stamp_uncertainty);
        self.float(stamps.or(told.map(|edge| edge.stamp_uncertainty)));
        self.upstream(comparison.map(|c| c.upstream).or(told.map(|edge| edge.upstream)));
        self.flag(compared.map(|compared| compared.restarted));
        let own = compared.and_then(|compared| compared.estimate.as_ref());
        self.estimate(own.or(told.and_then(|edge| edge.estimate.as_ref())));
        self.integer(told.map(|edge| edge.id).or(gone).map(|id| id.0.into()));
        self.edge(told);
        // Nobody configures 2⁶³ sources.
        self.integer(needed.map(|needed| needed as i64));
        self.float(asleep);
        self.believed(believed);
        self.external(external);
    }

    fn upstream(&mut self, upstream: Option<Upstream>) {
        self.float(upstream.map(|upstream| upstream.root_delay));
        self.float(upstream.map(|upstream| upstream.root_dispersion));
        self.flag(upstream.map(|upstream| upstream.follows));
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

    fn edge(&mut self, edge: Option<&Edge>) {
        self.text(edge.and_then(|edge| edge.usable.err()).map(Unusable::name));
        self.integer(edge.map(|edge| edge.stratum.into()));
        self.float(edge.and_then(|edge| edge.clock_accuracy));
        let upper = edge.and_then(|edge| edge.upper.as_ref()).map(upper_text);
        self.text(upper.as_deref());
        let terms = edge.map(|edge| edge.terms);
        self.flag(terms.map(|terms| terms.prefer));
        self.flag(terms.map(|terms| terms.trust));
        self.flag(terms.map(|terms| terms.require));
        self.flag(terms.map(|terms| terms.watch_only));
        self.float(terms.and_then(|terms| terms.min_delay));
        self.float(terms.map(|terms| terms.correction));
        self.float(terms.map(|terms| terms.asymmetry_uncertainty));
        self.float(terms.map(|terms| terms.latency_uncertainty));
        let calibration = terms.and_then(|terms| terms.calibration);
        self.float(calibration.map(|(expanded, _)| expanded));
        self.float(calibration.map(|(_, factor)| factor));
    }

    fn believed(&mut self, believed: Option<&Believed>) {
        self.float(believed.and_then(|b| b.offset));
        self.float(believed.and_then(|b| b.expanded));
        self.float(believed.and_then(|b| b.bound));
        self.float(believed.and_then(|b| b.path_expanded));
        self.float(believed.and_then(|b| b.path_bound));
        self.text(believed.map(|b| b.state.as_str()));
        self.text(believed.and_then(|b| b.leader.as_deref()));
        self.float(believed.and_then(|b| b.oscillator));
        self.float(believed.map(|b| b.commanded));
    }

    /// What a keeper makes of its sources.
    fn kept(&mut self, believed: &Believed) {
        self.float(believed.offset);
        self.float(believed.path_expanded);
        self.float(believed.path_bound);
        self.text(believed.leader.as_deref());
        self.float(believed.oscillator);
    }

    fn external(&mut self, external: Option<&External>) {
        let time = external.and_then(|e| e.time.as_ref());
        self.text(external.map(|e| e.input.as_str()));
        self.integer(external.map(|e| e.number.cast_signed()));
        self.time(time.map(|time| time.tai.since_epoch()));
        self.text(time.map(|time| time.utc.as_str()));
        self.float(time.map(|time| time.expanded));
        self.float(time.map(|time| time.bound));
        self.flag(external.map(|e| e.traceable));
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

    /// Every column of an event; those of others need not be empty.
    fn event(&mut self, kind: &str, source: String) -> Result<Event, Wrong> {
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

/// The components of a budget: the standard uncertainty of each and its bound, separated by
/// blanks. Of nothing else is the sum made. One without any is a single `-`.
fn upper_text(budget: &Budget) -> String {
    if budget.components().is_empty() {
        return NOTHING.to_owned();
    }
    let pair = |c: &Component| format!("{:?} {:?}", c.standard_uncertainty, c.bound);
    budget.components().iter().map(pair).collect::<Vec<_>>().join(" ")
}

/// A budget without components: it is known exactly.
const NOTHING: &str = "-";

fn parse_upper(text: &str) -> Option<Budget> {
    if text == NOTHING {
        return Some(Budget::default());
    }
    let sizes: Vec<f64> = text.split(' ').map(|size| size.parse().ok()).collect::<Option<_>>()?;
    let (pairs, rest) = sizes.as_chunks::<2>();
    let component = |&[u, bound]: &[f64; 2]| Component {
        bound,
        ..Component::type_a("known above", u, f64::INFINITY)
    };
    rest.is_empty().then(|| Budget::new(pairs.iter().map(component)).ok())?
}
