//! A receiver that tells the time by NMEA 0183 as a source.

use std::fs::File;
use std::io::{self, Read as _};

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::selection::Unusable;
use clock_models::time::{Duration, Tai, Timestamp, UtcReading};
use tokio::time::{MissedTickBehavior, interval, sleep};
use utcd_linux::clock::raw_now;
use utcd_linux::serial;

use super::marks::{LOOK, Mark, Marks, REST};
use super::{Context, stamps};
use crate::config;
use crate::net::AsyncDevice;
use crate::nmea::{Lines, Sentence};

/// What is read of the line at a time.
const BUFFER: usize = 1024;
/// How much sentences scatter, as a part of what their delay may differ by: standard
/// uncertainty.
const SCATTER: f64 = 0.1;

/// A receiver on a serial line.
#[derive(Debug)]
pub struct NmeaSource {
    context: Context,
    config: config::NmeaSource,
    marks: Marks,
    lines: Lines,
    /// The receiver sends RMC, which says whether it has a fix: ZDA is not needed.
    sends_rmc: bool,
    has_fix: bool,
    /// The last second that was told.
    told: Option<Timestamp<Tai>>,
}

impl NmeaSource {
    /// A source that has not been listened to yet.
    #[must_use]
    pub fn new(context: Context, config: config::NmeaSource) -> Self {
        let marks = Marks::new(&context);
        let lines = Lines::default();
        Self { context, config, marks, lines, sends_rmc: false, has_fix: true, told: None }
    }

    /// Takes the sentences for as long as the task lives.
    pub async fn run(mut self) {
        loop {
            let ended = match self.open() {
                Ok(mut line) => self.listen(&mut line).await,
                Err(error) => error,
            };
            let text = format!("{}: {ended}", self.config.device.display());
            self.marks.trouble.note(&self.context.name, "no-device", text);
            self.marks.look();
            self.report();
            sleep(REST).await;
        }
    }

    fn open(&mut self) -> Result<AsyncDevice<File>, io::Error> {
        // It may be another receiver than before.
        (self.lines, self.sends_rmc) = (Lines::default(), false);
        let file =
            serial::open(&self.config.device, self.config.speed).map_err(io::Error::other)?;
        AsyncDevice::new(file).map_err(|error| {
            let text = format!("{error}; give a serial line or a FIFO");
            io::Error::other(text)
        })
    }

    /// Until the line fails; says why.
    async fn listen(&mut self, line: &mut AsyncDevice<File>) -> io::Error {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                woken = line.wait() => {
                    if let Err(error) = woken.and_then(|()| self.drain(line.get_mut())) {
                        return error;
                    }
                }
                _ = looks.tick() => self.marks.look(),
            }
            self.report();
        }
    }

    /// Takes all that is there. Of several seconds at once the last one is the newest, and
    /// the others have waited.
    fn drain(&mut self, line: &mut File) -> io::Result<()> {
        let mut newest = None;
        let mut buffer = [0; BUFFER];
        loop {
            let length = match line.read(&mut buffer) {
                Ok(0) => return Err(io::Error::other("the line has ended")),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            let read = Stamp { at: raw_now(), uncertainty: 0.0, by: StampedBy::UserSpace };
            for said in self.lines.push(&buffer[..length]) {
                match said {
                    Ok(sentence) => {
                        newest = self.told_by(sentence).map(|utc| (read, utc)).or(newest)
                    }
                    Err(fault) => self.marks.refuse(fault.name(), 1),
                }
            }
        }
        if let Some((read, utc)) = newest {
            self.take(read, utc);
        }
        Ok(())
    }

    /// The second that a sentence tells, if it is to be used.
    fn told_by(&mut self, sentence: Sentence) -> Option<UtcReading> {
        let (utc, has_fix) = match sentence {
            Sentence::Rmc(utc) => {
                self.sends_rmc = true;
                (utc, utc.is_some())
            }
            Sentence::Zda(_) if self.sends_rmc => return None,
            Sentence::Zda(utc) => (utc, utc.is_some()),
        };
        self.has_fix = has_fix;
        if !has_fix {
            self.marks.refuse("no-fix", 1);
        }
        // Receivers that send several times a second tell the same.
        utc.filter(|utc| is_whole(utc.timestamp.since_epoch()))
    }

    fn take(&mut self, read: Stamp, utc: UtcReading) {
        let time = self.context.leap.borrow().to_tai(utc);
        if self.told.replace(time).is_some_and(|told| told == time) {
            self.marks.refuse("repeated", 1);
            return;
        }
        let stamp = self.context.stamp(read);
        let half_width = self.config.delay_uncertainty;
        let delay = Duration::from_seconds(self.config.delay).unwrap_or(Duration::ZERO);
        let uncertainty = stamp.uncertainty.hypot(SCATTER * half_width);
        let mark = Mark { at: stamp.at - delay, time, uncertainty, half_width };
        self.marks.take(&mut self.context, mark);
        self.marks.trouble.over(&self.context.name);
    }

    fn report(&self) {
        let place = self.config.device.display().to_string();
        let stamped_by = stamps(StampedBy::UserSpace);
        let words = ["nmea", place.as_str(), stamped_by.as_str()];
        let obstacle = (!self.has_fix).then_some(Unusable::Unsynchronised);
        self.context.report(self.marks.report(&self.context, words, obstacle));
    }
}

fn is_whole(since_epoch: Duration) -> bool {
    Duration::from_secs(i64::try_from(since_epoch.floor_secs()).unwrap_or(0)) == since_epoch
}
