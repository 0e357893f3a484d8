//! The neighbour on the link, where it is the master itself (peer delay mechanism).
//!
//! Then Pdelay_Req and Pdelay_Resp pass both clocks as Delay_Req and Sync do, and each
//! makes a reading. But nothing makes the neighbour stamp them with the clock that it
//! gives time by: IEEE 802.1AS-2020 11.1.2 takes a free-running LocalClock. So each
//! exchange must show what the Syncs before and after it show.

use clock_models::comparison::Reading;
use clock_models::time::Duration;

use crate::peer::LinkDelay;
use crate::slave::Stamped;

/// Exchanges in a row that must agree after one that did not: none is used by chance
/// while a clock of another rate passes the master's.
const PROBATION: u32 = 16;
/// Standard deviations of stamps that agreement allows for.
const SAFETY: f64 = 4.0;

/// How the neighbour's stamps have agreed with its Syncs.
#[derive(Default)]
pub(crate) struct Direct {
    /// The last Sync.
    sync: Option<Stamped>,
    /// Exchanges that must still agree before one is used again.
    probation: u32,
    /// The last exchange made readings.
    pub(crate) in_force: bool,
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

    /// Whether an exchange makes readings: its Pdelay_Resp shows what a Sync would have
    /// shown in its place.
    ///
    /// Both take the same way, so they differ by noise alone. They may differ by the link
    /// delay, and by the noise of this host's stamps: this much asymmetry of the link
    /// could do as well, so what it costs if the clocks differ is within the bound and the
    /// budget. An exchange that is not between the two Syncs proves nothing.
    pub(crate) fn admits(
        &mut self,
        turn: Option<Turn>,
        link: &LinkDelay,
        syncs: [Stamped; 2],
    ) -> bool {
        let agrees = match turn {
            Some(turn) => match between(syncs.map(|sync| sync.reading), turn.from.reading) {
                Some(excess) => excess.abs() <= tolerance(link, turn.from, syncs),
                None => return false,
            },
            None => false,
        };
        self.in_force = agrees && self.probation == 0;
        self.probation = if agrees { self.probation.saturating_sub(1) } else { PROBATION };
        self.in_force
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
