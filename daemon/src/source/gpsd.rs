//! gpsd as a source: its pulses while there are any, else its time.

use std::io;

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::selection::Unusable;
use clock_models::time::{Duration, Free, Timestamp, Utc, UtcReading};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use utcd_linux::clock::{ATTEMPTS, Conversion, cross_read, raw_now};

use super::marks::{LOOK, Mark, Marks};
use super::{Context, stamps};
use crate::config;
use crate::gpsd::{Told, WATCH, parse};

/// Rest before gpsd is called again, and how long it may take to answer.
const REST: std::time::Duration = std::time::Duration::from_secs(5);
/// Told nothing for so many looks, it is called again: its host may be gone, which TCP does not
/// notice while nothing is sent.
const LONGEST_SILENCE: u32 = 30;
/// Without a pulse for so long, the time is used.
const PULSES_END: Duration = Duration::from_secs(5);
/// The longest line that is looked at: gpsd sends up to 10 KiB (`GPS_JSON_RESPONSE_MAX`).
const LONGEST: usize = 1 << 14;
/// How much the time scatters, as a part of what its delay may differ by: standard
/// uncertainty.
const SCATTER: f64 = 0.1;

/// A gpsd.
#[derive(Debug)]
pub struct GpsdSource {
    context: Context,
    config: config::GpsdSource,
    marks: Marks,
    has_fix: bool,
    /// When the last pulse came.
    pulsed: Option<Timestamp<Free>>,
    conversion: Conversion,
}

impl GpsdSource {
    /// A source that has not been called yet.
    #[must_use]
    pub fn new(context: Context, config: config::GpsdSource) -> Self {
        let marks = Marks::new(&context);
        let conversion = Conversion::new(cross_read(ATTEMPTS));
        Self { context, config, marks, has_fix: true, pulsed: None, conversion }
    }

    /// Takes what gpsd tells for as long as the task lives.
    pub async fn run(mut self) {
        loop {
            let ended = match self.connect().await {
                Ok(mut stream) => self.listen(&mut stream).await,
                Err(error) => error,
            };
            let text = format!("gpsd at {}: {ended}; is it running?", self.place());
            self.marks.trouble.note(&self.context.name, "no-connection", text);
            self.marks.look();
            self.report();
            sleep(REST).await;
        }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.config.host, self.config.port)
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let connect = async {
            let mut stream =
                TcpStream::connect((self.config.host.as_str(), self.config.port)).await?;
            stream.write_all(WATCH).await?;
            Ok(stream)
        };
        timeout(REST, connect).await.unwrap_or_else(|late| Err(late.into()))
    }

    /// Until the connection ends; says why.
    async fn listen(&mut self, stream: &mut TcpStream) -> io::Error {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut text, mut silent) = (Vec::new(), 0);
        loop {
            tokio::select! {
                read = stream.read_buf(&mut text) => match read {
                    Ok(0) => return io::Error::other("it has ended the connection"),
                    Ok(_) => {
                        silent = 0;
                        self.take_lines(&mut text);
                    }
                    Err(error) => return error,
                },
                _ = looks.tick() => {
                    self.marks.look();
                    silent += 1;
                }
            }
            if silent > LONGEST_SILENCE {
                return io::Error::other("it tells nothing; has its receiver a fix?");
            }
            if text.len() > LONGEST {
                return io::Error::other("it sends a line without end");
            }
            self.report();
        }
    }

    fn take_lines(&mut self, text: &mut Vec<u8>) {
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            match parse(&line) {
                Ok(Some(told)) => self.take(told),
                Ok(None) => {}
                Err(_) => self.marks.refuse("malformed", 1),
            }
        }
    }

    fn take(&mut self, told: Told) {
        match told {
            Told::Time(utc) => {
                self.has_fix = utc.is_some();
                match utc {
                    Some(utc) => self.take_time(utc),
                    None => self.marks.refuse("no-fix", 1),
                }
            }
            Told::Pulse { .. } if !self.has_fix => self.marks.refuse("no-fix", 1),
            Told::Pulse { second, stamp } => self.take_pulse(second, stamp),
        }
    }

    fn take_time(&mut self, utc: UtcReading) {
        let read = Stamp { at: raw_now(), uncertainty: 0.0, by: StampedBy::UserSpace };
        let read = self.context.stamp(read);
        if self.pulsed.is_some_and(|pulsed| read.at - pulsed < PULSES_END) {
            return;
        }
        if self.pulsed.take().is_some() {
            self.marks.start_afresh(&self.context);
        }
        let half_width = self.config.delay_uncertainty;
        let delay = Duration::from_seconds(self.config.delay).unwrap_or(Duration::ZERO);
        let uncertainty = read.uncertainty.hypot(SCATTER * half_width);
        self.mark(Mark { at: read.at - delay, time: self.tai(utc), uncertainty, half_width });
    }

    fn take_pulse(&mut self, second: Timestamp<Utc>, stamp: Timestamp<Utc>) {
        let Some(stamp) = self.conversion.convert(stamp, &cross_read(ATTEMPTS)) else {
            return self.marks.refuse("no-stamp", 1);
        };
        let stamp = self.context.stamp(stamp);
        if self.pulsed.replace(stamp.at).is_none() {
            self.marks.start_afresh(&self.context);
        }
        let time = self.tai(UtcReading { timestamp: second, in_leap_second: false });
        let uncertainty = stamp.uncertainty.hypot(self.config.uncertainty / 2.0);
        self.mark(Mark { at: stamp.at, time, uncertainty, half_width: 0.0 });
    }

    fn tai(&self, utc: UtcReading) -> Timestamp<clock_models::time::Tai> {
        self.context.leap.borrow().to_tai(utc)
    }

    fn mark(&mut self, mark: Mark) {
        self.marks.take(&mut self.context, mark);
        self.marks.trouble.over(&self.context.name);
    }

    fn report(&self) {
        let by = if self.pulsed.is_some() { StampedBy::Kernel } else { StampedBy::UserSpace };
        let (place, stamped_by) = (self.place(), stamps(by));
        let words = ["gpsd", place.as_str(), stamped_by.as_str()];
        let obstacle = (!self.has_fix).then_some(Unusable::Unsynchronised);
        self.context.report(self.marks.report(&self.context, words, obstacle));
    }
}
