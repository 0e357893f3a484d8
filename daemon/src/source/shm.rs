//! A program that tells the time by shared memory, as gpsd does.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use utcd_linux::ntp_shm::NtpShm;

use super::Context;
use super::marks::{LOOK, REST};
use super::samples::{Samples, Terms};
use crate::config;

/// How often the segment is looked at: nothing tells when it is written, and the age of a
/// stamp is in its uncertainty.
const POLL: Duration = Duration::from_millis(20);

/// A segment that is written to.
#[derive(Debug)]
pub struct ShmSource {
    samples: Samples,
    unit: u32,
}

impl ShmSource {
    /// A source whose segment has not been looked at yet.
    #[must_use]
    pub fn new(context: Context, config: config::ShmSource) -> Self {
        let config::ShmSource { uncertainty, delay, delay_uncertainty, unit, .. } = config;
        let terms = Terms { uncertainty, delay, delay_uncertainty };
        Self { samples: Samples::new(context, terms), unit }
    }

    /// Takes what is written for as long as the task lives.
    pub async fn run(mut self) {
        let mut removed = None;
        loop {
            let segment = self.attach().await;
            self.poll(&segment, &mut removed).await;
            let text =
                format!("the shared memory NTP{} was removed: another one is used", self.unit);
            self.samples.note("segment-removed", text);
            // The one that was written to last: nobody may have found the newer one yet.
            removed.get_or_insert(segment);
        }
    }

    /// Until it can be had.
    async fn attach(&mut self) -> NtpShm {
        loop {
            match NtpShm::attach(self.unit) {
                Ok(segment) => return segment,
                Err(error) => self.samples.note("no-segment", error.to_string()),
            }
            self.samples.marks.look();
            self.report();
            sleep(REST).await;
        }
    }

    /// Until the segment is removed, as a writer or an administrator may do. Whoever had the one
    /// that was `removed` before it writes there still, until somebody writes to this one.
    async fn poll(&mut self, segment: &NtpShm, removed: &mut Option<NtpShm>) {
        let mut polls = interval(POLL);
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = Instant::now();
        loop {
            let now = polls.tick().await;
            let mut taken = segment.take();
            if taken != Ok(None) {
                *removed = None;
            } else if let Some(removed) = removed {
                taken = removed.take();
            }
            let is_new = match taken {
                Ok(None) => false,
                Ok(Some(sample)) => {
                    self.samples.take(sample.stamp, sample.time);
                    true
                }
                Err(fault) => {
                    self.samples.marks.refuse(fault.name(), 1);
                    true
                }
            };
            let is_due = now >= look;
            if is_due {
                self.samples.marks.look();
                look = now + LOOK;
                if !segment.is_current() {
                    return;
                }
            }
            if is_new || is_due {
                self.report();
            }
        }
    }

    fn report(&self) {
        self.samples.report("shm", &format!("NTP{}", self.unit));
    }
}
