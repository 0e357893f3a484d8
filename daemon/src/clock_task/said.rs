//! What the log is told of a clock: one line when something changes, and none while all is
//! well.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use clock_models::selection::{Selection, SourceId, Verdict};
use clock_models::time::{self, Heard, LeapEvent};
use clock_models::units::{Ratio, Time};
use utcd_linux::clock::ClockError;

use crate::status::{ClockState, ClockStatus};

/// After so long without it, what comes and goes is told of anew: others that steer, and a
/// frequency that is beyond the range of the clock.
const QUIET: Duration = Duration::from_secs(60);

/// What has been logged of a clock, so that only changes are.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The name of the clock.
    name: String,
    state: ClockState,
    leader: Option<SourceId>,
    falsetickers: BTreeSet<SourceId>,
    why_none: Option<String>,
    drift_error: Option<String>,
    foreign_steering: bool,
    /// When it was last new that others steer.
    steered_by_others: Option<Instant>,
    refused: bool,
    /// When the clock was last wanted to run as it cannot.
    impossible: Option<Instant>,
    denied_leap: Option<LeapEvent>,
}

impl Said {
    /// Nothing yet of the clock of this name.
    pub(super) fn nothing(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    /// The state of the clock when it was last spoken of.
    pub(super) const fn state(&self) -> ClockState {
        self.state
    }

    /// It was stepped on our command.
    pub(super) fn stepped(&self, step: time::Duration) {
        tracing::warn!("clock {}: stepped by {:+}", self.name, Time(step.seconds()));
    }

    /// Somebody else moved it, s; `who` names those that may have.
    pub(super) fn moved_by_others(&self, moved: f64, who: &[String]) {
        let (name, moved) = (&self.name, Time(moved));
        match who {
            [] => tracing::warn!(
                "clock {name}: somebody else moved it by {moved:+}; is another time daemon running?"
            ),
            who => {
                let who = who.join(", ");
                tracing::warn!("clock {name}: somebody else moved it by {moved:+}: {who}");
            }
        }
    }

    /// Others steer its frequency, or do not; `who` names them. True if that is new, which is not
    /// told each time where they go on.
    pub(super) fn steered_by_others(
        &mut self,
        steered: bool,
        who: impl FnOnce() -> Vec<String>,
    ) -> bool {
        let is_new = steered && !self.foreign_steering;
        self.foreign_steering = steered;
        if !is_new {
            return false;
        }
        // Two that steer take turns: whenever utcd has, it is alone for a moment.
        if self.steered_by_others.is_none_or(|last| last.elapsed() > QUIET) {
            let who = match who().as_slice() {
                [] => "another program".to_owned(),
                names => names.join(", "),
            };
            tracing::warn!(
                "clock {}: {who} steers its frequency; only one may: stop it, or set \
                 mode = \"observe\"",
                self.name
            );
        }
        self.steered_by_others = Some(Instant::now());
        true
    }

    /// The clock refuses, or works again: said once, for what lacks is the same whatever
    /// was tried.
    pub(super) fn refusal(&mut self, refusal: Option<&ClockError>) {
        match refusal {
            Some(error) if !self.refused => tracing::error!("clock {}: {error}", self.name),
            None if self.refused => {
                tracing::info!("clock {}: can be steered again", self.name);
            }
            _ => {}
        }
        self.refused = refusal.is_some();
    }

    /// The clock is wanted to run at a frequency that it cannot be set to, or is not. True if
    /// that is told, which it is not each time.
    pub(super) fn impossible(&mut self, status: &ClockStatus) -> bool {
        let Some((wanted, range)) = status.impossible_frequency.zip(status.max_frequency) else {
            return false;
        };
        let last = self.impossible.replace(Instant::now());
        let is_new = last.is_none_or(|last| last.elapsed() > QUIET);
        if is_new {
            tracing::warn!(
                "clock {}: to follow its sources it would have to run at {:+}, and it can be set to \
                 ±{} only: it drifts off. Are the sources right? If they are, use another clock",
                self.name,
                Ratio(wanted),
                Ratio(range)
            );
        }
        is_new
    }

    /// The frequency could not be kept, or could.
    pub(super) fn drift(&mut self, error: Option<String>) {
        if error != self.drift_error {
            if let Some(error) = &error {
                tracing::warn!("clock {}: the frequency is not kept: {error}", self.name);
            }
            self.drift_error = error;
        }
    }

    /// What its sources announce of leap seconds.
    pub(super) fn leap(&mut self, heard: Heard) {
        let name = &self.name;
        match heard {
            Heard::Believed(event) => tracing::warn!(
                "clock {name}: its sources announce {}, which the leap table does not \
                 reach: taken in; renew the table (package tzdata)",
                what(event)
            ),
            Heard::Denied(event) if self.denied_leap != Some(event) => {
                tracing::warn!(
                    "clock {name}: its sources announce {}, and the leap table, which reaches \
                     that day, says otherwise: not believed; check the sources, and the table",
                    what(event)
                );
                self.denied_leap = Some(event);
            }
            Heard::Denied(_) | Heard::Nothing => {}
        }
    }

    /// A source that lies is named, and again when it is believed again.
    pub(super) fn falsetickers<'n>(
        &mut self,
        selection: &Selection,
        name: impl Fn(SourceId) -> &'n str,
    ) {
        for (id, verdict) in &selection.verdicts {
            let name = name(*id);
            match verdict {
                Verdict::Falseticker { .. } if self.falsetickers.insert(*id) => {
                    tracing::warn!("source {name}: falseticker, {verdict}");
                }
                Verdict::Leader | Verdict::Combined if self.falsetickers.remove(id) => {
                    tracing::info!("source {name}: agrees with the others again");
                }
                _ => {}
            }
        }
    }

    /// Whom the clock follows, or why nobody; without any report there is nothing to say.
    pub(super) fn selection(
        &mut self,
        selection: &Selection,
        status: &ClockStatus,
        has_reports: bool,
    ) {
        let name = &self.name;
        if selection.leader.is_some() && selection.leader != self.leader {
            tracing::info!("clock {name}: follows {}", status.leader.as_deref().unwrap_or("?"));
            self.leader = selection.leader;
        }
        let why_none = selection.why_none.map(|reason| reason.to_string());
        if why_none != self.why_none
            && let (Some(reason), true) = (&why_none, has_reports)
        {
            tracing::info!("clock {name}: nothing selected: {reason}");
        }
        self.why_none = why_none;
    }

    /// The state it is in.
    pub(super) fn status(&mut self, status: &ClockStatus) {
        if self.state == status.state {
            return;
        }
        let name = &self.name;
        let offset = status.offset.map_or_else(String::new, |offset| {
            let frequency = status.frequency.unwrap_or(0.0);
            format!(": offset {:+}, frequency {:+}", Time(offset), Ratio(frequency))
        });
        match status.state {
            ClockState::Panic => tracing::error!(
                "clock {name}: differs from its sources by {}, beyond panic-threshold; it is left \
                 alone. Check the sources; if they are right, set the clock by hand or raise \
                 panic-threshold",
                Time(status.offset.unwrap_or(0.0))
            ),
            ClockState::Holdover => {
                tracing::warn!("clock {name}: holdover, every source is lost{offset}")
            }
            ClockState::Faulty => tracing::error!(
                "clock {name}: faulty: {}; utcd goes on when it is back",
                status.fault.as_deref().unwrap_or("its device cannot be read")
            ),
            ClockState::FreeRunning => {
                tracing::info!("clock {name}: free-running, no source is configured for it")
            }
            state => tracing::info!("clock {name}: {}{offset}", state.name()),
        }
        self.state = status.state;
    }
}

/// A leap second, in words.
fn what(event: LeapEvent) -> String {
    let what = if event.inserted { "an inserted" } else { "a deleted" };
    let (year, month, day) = event.midnight.date();
    format!("{what} leap second before {year:04}-{month:02}-{day:02} 00:00 UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frequency_beyond_the_range_is_told_once() {
        let mut said = Said::nothing("nic".to_owned());
        let status = |impossible_frequency| ClockStatus {
            max_frequency: Some(50e-6),
            impossible_frequency,
            ..ClockStatus::default()
        };
        let told = [None, Some(80e-6), Some(81e-6), None, Some(80e-6)]
            .map(|wanted| said.impossible(&status(wanted)));
        assert_eq!(told, [false, true, false, false, false]);
    }

    #[test]
    fn others_that_go_on_steering_are_counted_each_time_and_told_once() {
        let mut said = Said::nothing("nic".to_owned());
        let mut asked = 0;
        let new: Vec<bool> = [true, true, false, true, false, true]
            .map(|steered| {
                said.steered_by_others(steered, || {
                    asked += 1;
                    Vec::new()
                })
            })
            .into();
        assert_eq!(new, [true, false, false, true, false, true]);
        assert_eq!(asked, 1);
    }
}
