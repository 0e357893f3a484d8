//! How a port makes comparisons of what its exchanges have shown.

use clock_models::comparison::{Reading, Stamp};
use clock_models::time::{Duration, Tai, Timestamp};

use super::Port;
use crate::direct::{Turn, Use};
use crate::engine::Measured;
use crate::peer::Exchanged;
use crate::rejection::Rejection;
use crate::slave::{self, Stamped};
use crate::timescale;

impl Port {
    /// Makes a comparison of what the last message or stamp completed, if anything.
    pub(super) fn measure(&mut self) -> Result<(), Rejection> {
        match self.engine.measured() {
            None => {}
            Some(Measured::Sync { difference }) => {
                let Some(stamp) = self.slave.sync_completed() else { return Ok(()) };
                let from = self.stamped(stamp, difference)?;
                self.check_utc_offset(from.reading);
                self.synchronized(from);
            }
            Some(Measured::Delay { difference, mean_path_delay }) => {
                let Some(stamp) = self.slave.request_completed() else { return Ok(()) };
                self.slave.mean_path_delay = mean_path_delay;
                let to = self.stamped(stamp, difference)?;
                if let Some(readings) = self.slave.wait(to) {
                    self.compared(readings);
                }
            }
        }
        Ok(())
    }

    /// What a Sync showed leaves the port, or waits as a reading to the master.
    fn synchronized(&mut self, from: Stamped) {
        if self.has_several_neighbours() {
            return;
        }
        self.take_exchanges(from);
        let returned = match &mut self.peer {
            Some(peer) => self.slave.returned(from, || peer.take()),
            None => None,
        };
        if let Some(to) = returned {
            if let Some(readings) = self.slave.wait(to) {
                self.compared(readings);
            }
            return;
        }
        let apart = self.config.announce_receipt_timeout_interval();
        for readings in self.slave.pair(from, apart) {
            self.compared(readings);
        }
    }

    /// Takes up what the neighbour has answered until a Sync came: as readings, or to
    /// measure the link.
    fn take_exchanges(&mut self, sync: Stamped) {
        let apart = self.config.announce_receipt_timeout_interval();
        let before = self.slave.direct.sync(sync, apart);
        let next = |port: &mut Self| port.peer.as_mut()?.exchanged(sync.stamp.at);
        while let Some(exchanged) = next(self) {
            let turn = self.turn(&exchanged);
            let syncs = before.map(|before| [before, sync]);
            match (self.slave.direct.admits(turn, &exchanged.link, syncs), turn) {
                (Use::Readings, Some(Turn { to, from })) => self.read(to, from, apart),
                (Use::LinkDelay, _) => {
                    self.peer.iter_mut().for_each(|peer| peer.keep(exchanged.link));
                }
                _ => {}
            }
        }
    }

    /// What an exchange shows of the master's time, if it is with the master and tells.
    fn turn(&self, exchanged: &Exchanged) -> Option<Turn> {
        let [t2, t3] = exchanged.times.filter(|_| Some(exchanged.responder) == self.master)?;
        let shown = |stamp: Stamp, time: Timestamp<Tai>| {
            self.stamped(stamp, time.since_epoch() - stamp.at.since_epoch()).ok()
        };
        Some(Turn { to: shown(exchanged.sent, t2)?, from: shown(exchanged.came, t3)? })
    }

    /// Both readings of an exchange leave the port.
    fn read(&mut self, to: Stamped, from: Stamped, apart: Duration) {
        let alone = self.slave.wait(to);
        for readings in alone.into_iter().chain(self.slave.pair(from, apart)) {
            self.compared(readings);
        }
    }

    fn stamped(&self, stamp: Stamp, difference: Duration) -> Result<Stamped, Rejection> {
        let difference = difference + self.config.delay_asymmetry;
        let reading = Reading { at: stamp.at, difference };
        let flags = self.selected().map(|master| master.header.flags).unwrap_or_default();
        let (arbitrary, leaps) = (self.config.arbitrary_timescale, &self.config.leap_table);
        let reading = timescale::to_tai(reading, flags, arbitrary, leaps)?;
        Ok(Stamped { reading, stamp })
    }

    fn check_utc_offset(&mut self, reading: Reading) {
        let Some(master) = self.selected() else { return };
        let tai = Timestamp::from_epoch(reading.at.since_epoch() + reading.difference);
        self.slave.utc_offset_mismatch = timescale::check_utc_offset(
            master.header.flags,
            master.announce.current_utc_offset,
            tai,
            master.timeout,
            &self.config.leap_table,
        );
    }

    fn compared(&mut self, readings: (Option<Stamped>, Option<Stamped>)) {
        let Some(master) = self.selected() else { return };
        let Some(comparison) = slave::comparison(readings, master) else { return };
        self.slave.keep(comparison);
        self.release();
    }
}
