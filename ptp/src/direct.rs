//! The neighbour on the link, where it is the master itself (peer delay mechanism).
//!
//! Then Pdelay_Req and Pdelay_Resp pass both clocks as Delay_Req and Sync do, and each
//! makes a reading. But nothing makes the neighbour stamp them with the clock that it
//! gives time by: IEEE 802.1AS-2020 11.1.2 takes a free-running LocalClock. So each
//! exchange must show what the Syncs before and after it show.

use std::collections::VecDeque;

use clock_models::comparison::Reading;
use clock_models::time::Duration;

use crate::peer::LinkDelay;
use crate::slave::Stamped;

/// Exchanges in a row that must agree after the stamps have left the master's time: none is used
/// by chance while a clock of another rate passes it.
const PROBATION: u32 = 16;
/// Exchanges in a row that must not agree for that: one may have waited for very long.
const MISSES: u32 = 4;
/// Standard deviations of stamps that agreement allows for.
const SAFETY: f64 = 4.0;
/// Standard deviations of the link delay that it allows for: half of what two messages waited.
/// Waits up to J, all alike, are J/√24 of it, and an answer differs from Syncs by J at most.
const WAITS: f64 = 5.0;
/// Exchanges that the link delay is known by.
const EXCHANGES: usize = 16;

/// How the neighbour's stamps have agreed with its Syncs.
#[derive(Default)]
pub(crate) struct Direct {
    /// The last Sync.
    sync: Option<Stamped>,
    /// Exchanges that must still agree before one is used again.
    probation: u32,
    /// Exchanges in a row that did not agree.
    misses: u32,
    /// The last link delays, s.
    delays: VecDeque<f64>,
    /// Exchanges make readings.
    pub(crate) in_force: bool,
}

/// What an exchange is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Its messages are readings.
    Readings,
    /// It measures the link.
    LinkDelay,
    /// Neither: it does not agree, and others do. A link delay in between, whose noise is
    /// another, would not go with their readings.
    Nothing,
}

/// What one exchange with the master shows.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    /// By the Pdelay_Req, t1 to t2.
    pub(crate) to: Stamped,
    /// By the Pdelay_Resp, t3 to t4.
    pub(crate) from: Stamped,
}

impl Direct {
    /// Notes a Sync; gives the one before it, if that is less than `apart` ago.
    pub(crate) fn sync(&mut self, sync: Stamped, apart: Duration) -> Option<Stamped> {
        let before = self.sync.replace(sync);
        before.filter(|before| sync.reading.at - before.reading.at < apart)
    }

    /// What an exchange is good for: its Pdelay_Resp must show what a Sync would have shown in
    /// its place for its messages to be readings.
    ///
    /// Both take the same way, so they differ by noise alone. They may differ by the link
    /// delay, by the noise of this host's stamps, and by what messages wait on the link: this
    /// much asymmetry of the link could do as well, so what it costs if the clocks differ is
    /// within the bound and the budget. An exchange that is not between the two Syncs proves
    /// nothing.
    pub(crate) fn admits(
        &mut self,
        turn: Option<Turn>,
        link: &LinkDelay,
        syncs: Option<[Stamped; 2]>,
    ) -> Use {
        let waits = WAITS * self.scatter(link);
        let Some(turn) = turn else { return self.leave() };
        let excess = syncs.and_then(|syncs| {
            let excess = between(syncs.map(|sync| sync.reading), turn.from.reading)?;
            Some(excess.abs() - tolerance(link, turn.from, syncs) - waits)
        });
        match excess {
            Some(excess) if excess <= 0.0 => self.agree(),
            Some(_) if self.in_force && self.misses + 1 < MISSES => self.miss(),
            Some(_) => self.leave(),
            None if self.in_force => Use::Nothing,
            None => Use::LinkDelay,
        }
    }

    fn agree(&mut self) -> Use {
        self.in_force = self.probation == 0;
        self.probation = self.probation.saturating_sub(1);
        self.misses = 0;
        if self.in_force { Use::Readings } else { Use::LinkDelay }
    }

    fn miss(&mut self) -> Use {
        self.misses += 1;
        Use::Nothing
    }

    fn leave(&mut self) -> Use {
        (self.in_force, self.probation, self.misses) = (false, PROBATION, 0);
        Use::LinkDelay
    }

    /// The standard deviation of the last link delays, with one more, s.
    fn scatter(&mut self, link: &LinkDelay) -> f64 {
        if self.delays.len() == EXCHANGES {
            self.delays.pop_front();
        }
        self.delays.push_back(link.delay.seconds());
        let count = self.delays.len() as f64;
        let mean = self.delays.iter().sum::<f64>() / count;
        let square: f64 = self.delays.iter().map(|delay| (delay - mean).powi(2)).sum();
        (square / (count - 1.0).max(1.0)).sqrt()
    }
}

/// How much more a reading shows than two Syncs around it, s; infinite where they lead
/// nowhere near. `None` where it is not between them.
fn between([before, after]: [Reading; 2], reading: Reading) -> Option<f64> {
    let (past, apart) = (reading.at - before.at, after.at - before.at);
    if past.is_negative() || reading.at > after.at || apart <= Duration::ZERO {
        return None;
    }
    let drift = (after.difference - before.difference).seconds();
    let expected = drift * (past.seconds() / apart.seconds());
    Some((reading.difference - before.difference).seconds() - expected)
}

/// s.
fn tolerance(link: &LinkDelay, from: Stamped, [before, after]: [Stamped; 2]) -> f64 {
    let stamps = [from, before, after].map(|stamped| stamped.stamp.uncertainty.powi(2));
    link.delay.seconds().max(0.0) + SAFETY * stamps.iter().sum::<f64>().sqrt()
}
