//! A recording replayed, against what was recorded.

use clock_models::estimator::Estimate;
use clock_models::recording::{Compared, Event, Reestimated, Replay, Replayed, Row};
use clock_models::time::Duration;

use super::kept::Kept;
use crate::series::{Point, Series};

/// What is replayed, and how.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// Another knowledge of the frequency for every estimator to start with, as
    /// [`clock_models::estimator::Estimator::new`] takes it.
    pub prior: Option<Option<(f64, f64)>>,
    /// Rows from this many seconds after the first row on.
    pub from: Option<f64>,
    /// Rows up to this many seconds after the first row.
    pub to: Option<f64>,
    /// Sources that are left out.
    pub without: Vec<String>,
}

/// What became of a source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Its name.
    pub source: String,
    /// Comparisons taken in.
    pub comparisons: u64,
    /// Of those, where the estimate differs from the recorded one in any bit.
    pub different: u64,
    /// How often the estimator gave up what it believed.
    pub restarts: u64,
    /// The same as recorded.
    pub recorded_restarts: u64,
    /// Largest difference of the offset to the recorded estimate, s; 0 without any.
    pub largest: f64,
    squares: f64,
    /// Estimates that both have.
    pub estimates: u64,
    /// The last estimate.
    pub last: Option<Estimate>,
    /// All of them.
    pub points: Vec<Comparand>,
}

/// An estimate and the recorded one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparand {
    /// Since the first row, by the clock, s.
    pub time: f64,
    /// The replayed one.
    pub replayed: Option<Estimate>,
    /// The recorded one.
    pub recorded: Option<Estimate>,
    /// What the clock showed less its time base.
    pub correction: Duration,
}

/// A replay of all sources.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// The sources, in the order in which they appear.
    pub sources: Vec<Outcome>,
    /// The clocks, in the same.
    pub clocks: Vec<Kept>,
    /// What keeps the replay from being that of everything the daemon did.
    pub remarks: Vec<String>,
}

impl Summary {
    /// True if every estimate and every round is the recorded one to the last bit.
    #[must_use]
    pub fn is_reproduced(&self) -> bool {
        self.sources.iter().all(|source| source.different == 0)
            && self.clocks.iter().all(|clock| clock.different == 0)
    }
}

impl Outcome {
    /// Rms difference of the offset to the recorded estimates, s; not a number without any.
    #[must_use]
    pub fn rms(&self) -> f64 {
        (self.squares / self.estimates as f64).sqrt()
    }

    /// The clock less the source by the replayed estimates. The times rise strictly, so the
    /// first of several estimates at one time stands for them.
    #[must_use]
    pub fn series(&self) -> Series {
        let mut points: Vec<Point> = Vec::with_capacity(self.points.len());
        for comparand in &self.points {
            let Some(estimate) = &comparand.replayed else { continue };
            if points.last().is_none_or(|last| comparand.time > last.time) {
                points.push(Point {
                    time: comparand.time,
                    offset: comparand.offset(estimate),
                    expanded: None,
                    frequency: None,
                    delay: None,
                });
            }
        }
        Series { name: format!("{} replayed", self.source), points }
    }

    fn take(&mut self, row: &Row, time: f64, recorded: &Compared, replayed: Reestimated) {
        self.comparisons += 1;
        self.restarts += u64::from(replayed.restarted);
        self.recorded_restarts += u64::from(recorded.restarted);
        self.last = replayed.estimate;
        self.different += u64::from(!replayed.is_as_recorded(recorded));
        if let (Some(here), Some(there)) = (replayed.estimate, recorded.estimate) {
            let difference = (here.offset - there.offset).seconds();
            self.estimates += 1;
            self.squares += difference * difference;
            self.largest = self.largest.max(difference.abs());
        }
        self.points.push(Comparand {
            time,
            replayed: replayed.estimate,
            recorded: recorded.estimate,
            correction: row.shown.since_epoch() - row.at.since_epoch(),
        });
    }
}

impl Comparand {
    /// The clock less the source by an estimate, s: positive when the clock is fast.
    #[must_use]
    pub fn offset(&self, estimate: &Estimate) -> f64 {
        (self.correction - estimate.offset).seconds()
    }
}

/// Replays rows, those of several files in their order.
#[must_use]
pub fn replay(rows: &[Row], settings: &Settings) -> Summary {
    let mut replay = settings.prior.map_or_else(Replay::default, Replay::with_prior);
    let mut summary = Summary { remarks: gaps(rows), ..Summary::default() };
    let origin = rows.first().map_or(Duration::ZERO, |row| row.shown.since_epoch());
    for row in rows {
        let time = (row.shown.since_epoch() - origin).seconds();
        if !settings.takes(row, time) {
            continue;
        }
        let is_begun = row.event.source().is_none_or(|source| replay.estimator(source).is_some());
        let replayed = replay.take(row);
        summary.remark(row, is_begun, replayed.is_none());
        match (&row.event, replayed) {
            (Event::Comparison(compared), Some(Replayed::Comparison(replayed))) => {
                outcome(&mut summary.sources, &compared.source).take(row, time, compared, replayed);
            }
            (event @ Event::Round(_), Some(replayed)) => {
                kept(&mut summary.clocks, &row.clock).take(time, event, replayed);
            }
            _ => {}
        }
    }
    summary
}

impl Settings {
    /// True if they change what comes of a recording.
    #[must_use]
    pub fn change(&self) -> bool {
        self.prior.is_some() || self.from.is_some() || !self.without.is_empty()
    }

    /// What began or was told before the range holds in it all the same.
    fn takes(&self, row: &Row, time: f64) -> bool {
        let is_within =
            self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time <= to);
        let happens = matches!(row.event, Event::Comparison(_) | Event::Round(_));
        let is_left_out = |source| self.without.iter().any(|name| name == source);
        (is_within || !happens) && !row.event.source().is_some_and(is_left_out)
    }
}

impl Summary {
    /// Says, once for each, what began before the first row.
    fn remark(&mut self, row: &Row, is_begun: bool, is_nothing: bool) {
        let missing = match &row.event {
            Event::Comparison(compared) if !is_begun => {
                format!("the estimator of {}: its first estimates differ", compared.source)
            }
            Event::Round(_) if is_nothing => {
                format!("the keeper of clock {}: it is not replayed", row.clock)
            }
            _ => return,
        };
        let remark = format!(
            "the recording does not have the start of {missing}. Give the files before, if there \
             are any"
        );
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }
}

fn outcome<'a>(outcomes: &'a mut Vec<Outcome>, source: &str) -> &'a mut Outcome {
    let known = outcomes.iter().position(|outcome| outcome.source == source);
    let index = known.unwrap_or(outcomes.len());
    if known.is_none() {
        outcomes.push(Outcome { source: source.to_owned(), ..Outcome::default() });
    }
    &mut outcomes[index]
}

fn kept<'a>(clocks: &'a mut Vec<Kept>, clock: &str) -> &'a mut Kept {
    let known = clocks.iter().position(|kept| kept.clock == clock);
    let index = known.unwrap_or(clocks.len());
    if known.is_none() {
        clocks.push(Kept { clock: clock.to_owned(), ..Kept::default() });
    }
    &mut clocks[index]
}

/// Rows that the writer could not write, or whose file is missing. Row 0 begins anew.
fn gaps(rows: &[Row]) -> Vec<String> {
    let gap = |pair: &[Row]| {
        let (before, after) = (pair[0].number, pair[1].number);
        (after != 0 && after != before + 1).then(|| {
            format!("after row {before} comes row {after}: estimates differ from there on")
        })
    };
    rows.windows(2).filter_map(gap).collect()
}
