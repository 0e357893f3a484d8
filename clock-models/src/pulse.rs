//! Pulses that mark the seconds: which second each of them marks.
//!
//! A pulse tells when a second begins, and not which. Others name the first one; from
//! there on the seconds are counted, so that the pulses go on without the others.
//!
//! Some lines bring both edges of each pulse and do not say which is which. Both come once a
//! second, so that either could be counted: which one begins the second is known by the
//! width of the pulses, or by others that know the time well enough.

mod edges;

use crate::estimator::Estimate;
use crate::time::{Duration, Free, Tai, Timestamp};

pub use edges::{Edges, Width};

/// How well the time of a pulse must be known for its second to be named: well within half
/// a second, beyond which the next one is as near, s.
const NAMING_BOUND: f64 = 0.4;
/// How far a pulse may be from where it is expected besides what is known to be uncertain,
/// s: far more than interrupts are late, and less than pulses are wide.
const SLACK: f64 = 1e-3;
/// What an unknown oscillator may be off by, ratio (RFC 5905 appendix A.5.1.1, `MAXFREQ`).
const UNKNOWN_FREQUENCY: f64 = 500e-6;
/// The least that the frequency of a known one may have changed by, ratio.
const CHANGE: f64 = 1e-6;
/// So many pulses in a row that are none show that the one counted from was none.
const PATIENCE: u32 = 4;
/// So many edges whole seconds before another one make a rhythm with it. With one, the edge
/// that ends pulses would seem to be alone where a single other one was lost.
const RHYTHM: usize = 2;

/// What others say of the time of a pulse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Believed {
    /// The time.
    pub time: Timestamp<Tai>,
    /// Within this it is right, s.
    pub bound: f64,
}

impl Believed {
    /// The time of a pulse that came `at`, by an estimate of TAI against the time base that
    /// holds within `bound` (s) at its own instant.
    #[must_use]
    pub fn by(estimate: &Estimate, bound: f64, at: Timestamp<Free>) -> Self {
        let carried = estimate.carried_to(at);
        let time = Timestamp::from_epoch(at.since_epoch() + carried.offset);
        Self { time, bound: bound + (carried.bound - estimate.bound).max(0.0) }
    }

    /// The time of an earlier edge.
    fn before(&self, passed: Passed) -> Self {
        Self { time: self.time - passed.time, ..*self }
    }
}

/// Why a pulse is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody knows the time well enough to name its second, or the line has not been heard
    /// for long enough.
    #[error("waits for another source to name the second")]
    Unnamed,
    /// It comes when no second begins: another edge, or a disturbance of the line.
    #[error("comes when no second begins; is it the other edge that marks the second?")]
    NotASecond,
    /// It ends a pulse, by the width of the pulses.
    #[error("is the edge that ends a pulse")]
    TrailingEdge,
    /// By the time of the others, it may begin the second, and so may another edge.
    #[error(
        "cannot be told from the other edge of its line: state how wide the pulses are \
         (width = \"… ms\"), truly, or add a source that names the second more exactly"
    )]
    Ambiguous,
}

/// Gives each pulse of one line its second.
#[derive(Debug, Clone, Default)]
pub struct Numbering {
    edges: Edges,
    /// Whether the line may bring both edges of each pulse.
    both_edges: bool,
    count: Option<Count>,
    /// Pulses refused since the last one that counts.
    refused: u32,
}

/// What the next pulse is counted from.
#[derive(Debug, Clone, Copy)]
struct Count {
    /// The last pulse,
    at: Timestamp<Free>,
    /// and the second that it began.
    second: Timestamp<Tai>,
    /// What the others said when they named the pulse that the count began with: how far it
    /// was from the second, and within what that was right, s.
    off: Duration,
    bound: f64,
}

impl Numbering {
    /// For pulses of a width that tells the edges of each second apart, or an unknown one.
    #[must_use]
    pub fn new(width: Option<Width>) -> Self {
        Self { edges: Edges::new(width), both_edges: width.is_some(), ..Self::default() }
    }

    /// The line is listened to from now on. It may bring both edges of each pulse if
    /// `both_edges`, or if the width of the pulses is stated. The count goes on.
    pub fn listen(&mut self, both_edges: bool) {
        self.edges.forget();
        self.both_edges = both_edges || self.edges.have_width();
    }

    /// The second that began with the pulse `at`, in the free-running time base.
    ///
    /// It is counted from the last pulse, by the `frequency` of TAI against the time base
    /// (value and standard deviation, ratios) as far as that is known. It is named by what
    /// others have `believed` instead where there is no last pulse, or one from which
    /// nothing can be counted any more, or where the count is a second or more off.
    ///
    /// Where both edges may come, a count begins with the third pulse of a rhythm, and only
    /// if no edge between them may begin a second as well, by what the others believe.
    ///
    /// # Errors
    /// Why the pulse is not to be used. The count is given up after four in a row that are
    /// none; if a second rhythm appears that the others did not tell from the one that is
    /// counted when they named it; or if they do now, and it is the other one.
    pub fn take(
        &mut self,
        at: Timestamp<Free>,
        frequency: Frequency,
        believed: Option<Believed>,
    ) -> Result<Timestamp<Tai>, Refused> {
        if self.edges.is_end(at) {
            return Err(Refused::TrailingEdge);
        }
        let believed = believed.filter(|believed| believed.bound <= NAMING_BOUND);
        let counted = self.count.and_then(|count| count.second_at(at, frequency));
        let second = match (counted, believed) {
            (Some(Ok(second)), Some(believed)) if is_another(second, &believed) => {
                self.begin(at, &believed, named(&believed))
            }
            (Some(Ok(_)), Some(believed)) if self.is_disproved(at, frequency, &believed) => {
                self.give_up(Refused::NotASecond)
            }
            (Some(Ok(second)), _) => Ok(second),
            (Some(Err(_)), _) if self.has_rival(at, frequency) => self.give_up(Refused::Ambiguous),
            (Some(Err(refused)), _) => Err(refused),
            (None, Some(believed)) => {
                self.begin(at, &believed, self.name(at, frequency, &believed))
            }
            (None, None) => Err(Refused::Unnamed),
        };
        match (second, &mut self.count) {
            (Ok(second), Some(count)) => (count.at, count.second, self.refused) = (at, second, 0),
            _ => self.refused += 1,
        }
        if self.refused >= PATIENCE {
            (self.count, self.refused) = (None, 0);
        }
        second
    }

    /// Counts from the pulse `at` if its second has been `named`.
    fn begin(
        &mut self,
        at: Timestamp<Free>,
        believed: &Believed,
        named: Result<Timestamp<Tai>, Refused>,
    ) -> Result<Timestamp<Tai>, Refused> {
        if let Ok(second) = named {
            let (off, bound) = (believed.time - second, believed.bound);
            self.count = Some(Count { at, second, off, bound });
        }
        named
    }

    /// The line has shown that it brings both edges, and counted is the wrong one, or maybe.
    fn give_up<T>(&mut self, why: Refused) -> Result<T, Refused> {
        (self.count, self.both_edges) = (None, true);
        Err(why)
    }

    /// The second that the pulse `at` begins by what others believe.
    fn name(
        &self,
        at: Timestamp<Free>,
        frequency: Frequency,
        believed: &Believed,
    ) -> Result<Timestamp<Tai>, Refused> {
        let second = named(believed)?;
        if !self.both_edges {
            return Ok(second);
        }
        let mut in_rhythm = 0;
        for passed in self.passed(at, frequency) {
            if passed.whole_seconds().is_some() {
                in_rhythm += 1;
                if in_rhythm == RHYTHM {
                    return Ok(second);
                }
            } else if named(&believed.before(passed)).is_ok() {
                return Err(Refused::Ambiguous);
            }
        }
        Err(Refused::Unnamed)
    }

    /// Whether the pulse `at`, which is counted, begins no second by what others believe,
    /// and other edges do.
    fn is_disproved(&self, at: Timestamp<Free>, frequency: Frequency, believed: &Believed) -> bool {
        let begins = |passed: &Passed| named(&believed.before(*passed)).is_ok();
        let others = self.passed(at, frequency).filter(|passed| passed.whole_seconds().is_none());
        named(believed).is_err() && others.filter(begins).count() >= RHYTHM
    }

    /// Whether the edge `at`, which is not counted, is one of a rhythm beside the count, and
    /// might as well have been named. Of edges that are too near to be told apart, the first
    /// one is counted.
    fn has_rival(&self, at: Timestamp<Free>, frequency: Frequency) -> bool {
        let Some(count) = self.count else { return false };
        let Some(since) = Passed::between(count.at, at, frequency) else { return false };
        let apart = (since.time - nearest_second(since.time)).seconds().abs();
        let time = count.second + since.time + count.off;
        let could_be_named =
            apart > since.doubt + SLACK && named(&Believed { time, bound: count.bound }).is_ok();
        let beside = self
            .passed(at, frequency)
            .filter(|passed| passed.time > since.time && passed.whole_seconds().is_some());
        could_be_named && beside.count() >= RHYTHM
    }

    /// What has passed from each earlier edge to the one `at`, which came last.
    fn passed(&self, at: Timestamp<Free>, frequency: Frequency) -> impl Iterator<Item = Passed> {
        self.edges.before().filter_map(move |earlier| Passed::between(earlier, at, frequency))
    }
}

impl Count {
    /// The second that the time passed since makes; `None` where so much has passed that it
    /// may be either of two.
    fn second_at(
        &self,
        at: Timestamp<Free>,
        frequency: Frequency,
    ) -> Option<Result<Timestamp<Tai>, Refused>> {
        let whole = Passed::between(self.at, at, frequency)?.whole_seconds();
        Some(whole.map(|whole| self.second + whole).ok_or(Refused::NotASecond))
    }
}

/// Of TAI against the time base: value and standard deviation, ratios.
type Frequency = Option<(f64, f64)>;

/// The time that has passed between two edges.
#[derive(Debug, Clone, Copy)]
struct Passed {
    time: Duration,
    /// How far off that may be, s.
    doubt: f64,
}

impl Passed {
    /// `None` where it is known too badly for seconds to be counted.
    fn between(from: Timestamp<Free>, to: Timestamp<Free>, frequency: Frequency) -> Option<Self> {
        let (value, deviation) = frequency.unwrap_or((0.0, UNKNOWN_FREQUENCY));
        let elapsed = (to - from).seconds();
        let doubt = SLACK + elapsed * (3.0 * deviation + CHANGE).min(UNKNOWN_FREQUENCY);
        let time = Duration::from_seconds(elapsed * (1.0 + value))?;
        (doubt <= NAMING_BOUND).then_some(Self { time, doubt })
    }

    /// One second or more, without a rest.
    fn whole_seconds(&self) -> Option<Duration> {
        let whole = nearest_second(self.time);
        let is_whole = (self.time - whole).seconds().abs() <= self.doubt;
        (whole >= Duration::SECOND && is_whole).then_some(whole)
    }
}

/// Whether others are sure that it is not this second.
fn is_another(second: Timestamp<Tai>, believed: &Believed) -> bool {
    (believed.time - second).seconds().abs() > 0.5 + SLACK
}

fn named(believed: &Believed) -> Result<Timestamp<Tai>, Refused> {
    let second = Timestamp::from_epoch(nearest_second(believed.time.since_epoch()));
    let is_one = (believed.time - second).seconds().abs() <= believed.bound + SLACK;
    if is_one { Ok(second) } else { Err(Refused::NotASecond) }
}

fn nearest_second(duration: Duration) -> Duration {
    let second = Duration::SECOND.to_bits();
    Duration::from_bits((duration.to_bits() + second / 2).div_euclid(second) * second)
}

#[cfg(test)]
#[path = "pulse/tests.rs"]
mod tests;
