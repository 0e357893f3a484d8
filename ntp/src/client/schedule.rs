//! When the next request goes out, and whether the server can be reached.

use clock_models::time::Duration;

use super::config::{ClientConfig, MAX_POLL};

/// Requests in a burst: enough to fill the reachability register, and to know the
/// frequency as well as the offset at its end.
const BURST: u8 = 10;
/// After this many of them the burst slows down: four exchanges give a first offset
/// within a second, the others a first frequency.
const QUICK: u8 = 4;
/// Spacing of the first [`QUICK`] requests of a burst. 250 ms.
const QUICK_SPACING: Duration = Duration::from_nanos(250_000_000);
/// Spacing of the first of the others, which doubles with every second one: what is known
/// of the frequency is never carried much further than it was measured over.
const SLOW_SPACING: Duration = Duration::SECOND;
/// An answer has this long at least, however short the poll interval.
const PATIENCE: Duration = Duration::SECOND;
/// Polls in vain after which the interval doubles: a length of the reachability
/// register.
const BACK_OFF: u32 = 8;

/// A comparison within this many predicted standard deviations fits.
const FIT: f64 = 3.0;
/// Fits after which the interval doubles.
const LENGTHEN: i8 = 8;
/// Weight of a misfit. One forgets the fits before it and takes three fits to forgive;
/// a second one before that halves the interval.
const MISFIT: i8 = 3;
/// Balance at which the interval halves.
const SHORTEN: i8 = -2 * MISFIT;

/// The poll process (RFC 5905 section 13), reduced to what a client needs.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Shortest interval, log2 s. The server may raise it, even past `max`.
    min: i8,
    max: i8,
    /// The adapted interval, log2 s.
    poll: i8,
    /// Fits less weighted misfits since the interval changed.
    balance: i8,
    /// Requests left in a burst.
    burst: u8,
    /// No more bursts: not wanted, or the server has asked for fewer requests.
    no_bursts: bool,
    reach: u8,
    unanswered: u32,
}

impl Schedule {
    pub(super) const fn new(config: &ClientConfig) -> Self {
        Self {
            min: config.min_poll,
            max: config.max_poll,
            poll: config.min_poll,
            balance: 0,
            burst: if config.burst { BURST } else { 0 },
            no_bursts: !config.burst,
            reach: 0,
            unanswered: 0,
        }
    }

    pub(super) const fn poll(&self) -> i8 {
        self.poll
    }

    pub(super) const fn reach(&self) -> u8 {
        self.reach
    }

    pub(super) const fn unanswered(&self) -> u32 {
        self.unanswered
    }

    /// A request went out.
    pub(super) const fn sent(&mut self) {
        self.reach <<= 1;
        self.burst = self.burst.saturating_sub(1);
    }

    /// So many answers of the burst, if there is one, were in vain.
    pub(super) const fn prolong_burst(&mut self, answers: u8) {
        if self.burst > 0 {
            let left = self.burst.saturating_add(answers);
            self.burst = if left < BURST { left } else { BURST };
        }
    }

    /// It brought a usable answer.
    pub(super) const fn succeeded(&mut self) {
        if self.reach == 0 && self.burst == 0 && !self.no_bursts {
            // Back after a silence: whatever was known of it is old.
            self.burst = BURST - 1;
        }
        self.reach |= 1;
        self.unanswered = 0;
    }

    /// It brought none.
    pub(super) const fn failed(&mut self) {
        self.unanswered = self.unanswered.saturating_add(1);
        if self.reach == 0 {
            self.adapt(self.min);
        }
    }

    /// The server asked for fewer requests. Each time the interval at least doubles, up
    /// to the protocol's longest (RFC 5905 section 7.4), whatever was configured.
    pub(super) fn slow_down(&mut self) {
        self.no_bursts = true;
        self.burst = 0;
        self.min = (self.poll + 1).min(MAX_POLL);
        self.max = self.max.max(self.min);
        self.adapt(self.min);
    }

    /// A comparison lay `residual` from what was predicted to within `expected`, its
    /// standard deviation. What is not a number is a misfit.
    pub(super) fn fitted(&mut self, residual: f64, expected: f64) {
        if self.burst > 0 {
            return; // A burst says nothing of longer intervals.
        }
        self.balance = if residual.abs() <= FIT * expected {
            (self.balance + 1).min(LENGTHEN)
        } else {
            (self.balance.min(0) - MISFIT).max(SHORTEN)
        };
        if self.balance == LENGTHEN && self.poll < self.max {
            self.adapt(self.poll + 1);
        } else if self.balance == SHORTEN && self.poll > self.min {
            self.adapt(self.poll - 1);
        }
    }

    const fn adapt(&mut self, poll: i8) {
        self.poll = poll;
        self.balance = 0;
    }

    /// From the last request to the next. `pending` while the last one may still bring
    /// an answer.
    pub(super) fn interval(&self, pending: bool) -> Duration {
        if pending {
            self.retry().max(PATIENCE)
        } else if self.unanswered > 0 {
            self.retry()
        } else {
            self.adapted()
        }
    }

    fn adapted(&self) -> Duration {
        let spacing = match self.burst {
            0 => return power_of_two(self.poll),
            left if left > BURST - QUICK => QUICK_SPACING,
            left => SLOW_SPACING * (1 << ((BURST - QUICK).saturating_sub(left) / 2)),
        };
        spacing.min(power_of_two(self.poll))
    }

    /// After a failure: the shortest interval, so that a loss is made good and a silence
    /// noticed soon, and longer ones when the silence lasts. In a burst 2, 4, 8 … s, as
    /// far as they are shorter.
    fn retry(&self) -> Duration {
        let longer = i8::try_from(self.unanswered / BACK_OFF).unwrap_or(MAX_POLL);
        let poll = self.min.saturating_add(longer).min(self.max);
        let burst = i8::try_from(self.unanswered).unwrap_or(MAX_POLL).saturating_add(1);
        power_of_two(if self.burst > 0 { poll.min(burst) } else { poll })
    }
}

/// 2^`exponent` s, for exponents in −6..=17.
fn power_of_two(exponent: i8) -> Duration {
    let size = 1_i64 << exponent.unsigned_abs().min(32);
    if exponent < 0 { Duration::SECOND / size } else { Duration::SECOND * size }
}
