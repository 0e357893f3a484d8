//! One pulse a second put out by a PTP hardware clock, to measure it by.
//!
//! Pulses are a claim: they are there only while the clock is locked, or in holdover and
//! near.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration as Wait, Instant};

use clock_models::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use utcd_linux::phc::PeriodicOutput;

use crate::account::{Account, SharedAccount};
use crate::board::Board;
use crate::config;
use crate::host_clock::{HostClock, SharedPhc};
use crate::status::{ClockState, OutputStatus};

/// How often the clock is looked at: so long may pulses go on beside the second after a
/// step.
const LOOK: Wait = Wait::from_millis(250);
/// Rest before a driver that has refused is asked again.
const REST: Wait = Wait::from_secs(5);

/// One output.
#[derive(Debug)]
pub struct OutputTask {
    /// As the operator wants it.
    pub config: config::Output,
    /// The clock that puts the pulses out.
    pub clock: Rc<RefCell<HostClock>>,
    /// What its owner knows of it.
    pub account: SharedAccount,
    /// Where the output is shown.
    pub board: Board,
}

/// Pulses that come until it is dropped.
struct Running {
    phc: Rc<RefCell<SharedPhc>>,
    channel: u32,
    /// The jumps of the clock, and [`SharedPhc::opened`], when they began.
    since: (u64, u64),
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&self.phc, self.channel);
    }
}

/// A clock that is gone, or has no output, puts out nothing, either.
fn end(phc: &RefCell<SharedPhc>, channel: u32) {
    if let Err(error) = phc.borrow_mut().end_output(channel) {
        tracing::debug!("output channel {channel}: {error}");
    }
}

/// What has become of the output so far.
struct Course {
    running: Option<Running>,
    /// When a driver that has refused is asked again.
    again: Option<Instant>,
    status: OutputStatus,
}

impl OutputTask {
    /// Puts the pulses out for as long as the task lives, and ends them with it.
    pub async fn run(self) {
        let status = OutputStatus {
            name: self.config.name.clone(),
            clock: self.config.clock.clone(),
            channel: self.config.channel,
            advance: self.config.advance,
            ..OutputStatus::default()
        };
        let mut course = Course { running: None, again: None, status };
        if let Some(phc) = self.clock.borrow().shared_phc() {
            // Those of a daemon that was killed.
            end(&phc, self.config.channel);
        }
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            self.look(&mut course);
            self.board.put_output(course.status.clone());
        }
    }

    fn look(&self, course: &mut Course) {
        let account = self.account.get();
        if account.usable().is_err() {
            return self.end(course, not_on_time(&account));
        }
        let phc = self.clock.borrow().shared_phc();
        let Some(phc) = phc else {
            return self.end(course, format!("{} is no phc", self.config.clock));
        };
        let now = (account.jumps(), phc.borrow().opened());
        let runs_on = course.running.as_ref().is_some_and(|running| running.since == now);
        if runs_on || course.again.is_some_and(|again| Instant::now() < again) {
            return;
        }
        self.begin(course, phc, now);
    }

    /// Programs the output, anew if it runs.
    fn begin(&self, course: &mut Course, phc: Rc<RefCell<SharedPhc>>, since: (u64, u64)) {
        // Drivers need not know how to change an output that runs.
        course.running = None;
        let config = &self.config;
        let asked = phc.borrow_mut().put_out(config.channel, config.pin, pulses(config));
        match asked {
            Ok(width) => {
                course.running = Some(Running { phc, channel: config.channel, since });
                course.again = None;
                course.status.width = width.map(Duration::seconds);
                course.status.programmed += 1;
                if course.status.off_because.take().is_some() || course.status.programmed == 1 {
                    tracing::info!("output {}: one pulse a second", config.name);
                }
            }
            Err(error) => {
                course.again = Some(Instant::now() + REST);
                self.end(course, error.to_string());
            }
        }
        course.status.on = course.running.is_some();
    }

    /// Ends the pulses, if there are any, and says why.
    fn end(&self, course: &mut Course, reason: String) {
        let ran = course.running.take().is_some();
        course.status.on = false;
        if course.status.off_because.as_ref() == Some(&reason) {
            return;
        }
        if ran || course.again.is_some() {
            tracing::warn!("output {}: no pulses: {reason}", self.config.name);
        }
        course.status.off_because = Some(reason);
    }
}

/// What the clock is asked for.
fn pulses(config: &config::Output) -> PeriodicOutput {
    let duration = |seconds: f64| Duration::from_seconds(seconds).unwrap_or(Duration::ZERO);
    let second = Duration::SECOND.to_bits();
    let phase = (-duration(config.advance).to_bits()).rem_euclid(second);
    PeriodicOutput {
        period: Duration::SECOND,
        phase: Duration::from_bits(phase),
        width: config.width.map(duration),
    }
}

fn not_on_time(account: &Account) -> String {
    match account.status.state {
        ClockState::Holdover => {
            "the clock is in holdover and off by more than its bound".to_owned()
        }
        state => format!("the clock is {}, not locked", state.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(advance: f64, width: Option<f64>) -> PeriodicOutput {
        pulses(&config::Output { advance, width, ..config::Output::default() })
    }

    #[test]
    fn pulses_begin_with_the_second_or_so_much_before_it() {
        let on_time =
            PeriodicOutput { period: Duration::SECOND, phase: Duration::ZERO, width: None };
        assert_eq!(asked(0.0, None), on_time);
        let phase = |advance| asked(advance, None).phase.seconds();
        assert!((phase(150e-9) - (1.0 - 150e-9)).abs() < 1e-15);
        assert!((phase(-0.25) - 0.25).abs() < 1e-15);
        assert!((asked(0.0, Some(0.1)).width.unwrap().seconds() - 0.1).abs() < 1e-15);
    }

    #[test]
    fn a_clock_that_is_not_locked_is_said_to_be_that() {
        assert_eq!(not_on_time(&Account::default()), "the clock is unsynchronised, not locked");
    }
}
