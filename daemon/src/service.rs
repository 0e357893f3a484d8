//! What the service manager is told: ready, alive, reloading, stopping.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use crate::render;
use crate::status::{ClockState, ClockStatus, Status};

/// An owner that has not looked after its clock for so long hangs.
const HANGS_AFTER: Duration = Duration::from_secs(5);
/// How often the status line is renewed.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// The line to systemd; without systemd nothing listens, and nothing is said.
#[derive(Debug)]
pub struct Service {
    /// How often the watchdog wants to hear of us, if there is one.
    watchdog: Option<Duration>,
    last_beat: Option<Instant>,
    last_status: Option<Instant>,
}

impl Service {
    /// As the environment tells.
    #[must_use]
    pub fn new() -> Self {
        // Half of the time-out, as sd_watchdog_enabled(3) recommends.
        let watchdog = sd_notify::watchdog_enabled().map(|timeout| timeout / 2);
        Self { watchdog, last_beat: None, last_status: None }
    }

    /// Start-up, or a reload, is finished.
    pub fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    /// The configuration is read again.
    pub fn reloading(&self) {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            tell(&[NotifyState::Reloading, now]);
        }
    }

    /// The daemon stops.
    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// Feeds the watchdog, but only if the owner of every clock is alive: `beats` are the
    /// times at which they looked after their clocks last.
    pub fn alive(&mut self, beats: impl Iterator<Item = Instant>, status: &Status) {
        let now = Instant::now();
        let due = |last: Option<Instant>, every| last.is_none_or(|last| now - last >= every);
        if due(self.last_status, STATUS_INTERVAL)
            && let Some(clock) =
                status.clocks.iter().find(|clock| follows(clock)).or(status.clocks.first())
        {
            self.last_status = Some(now);
            tell(&[NotifyState::Status(&render::line(status, clock))]);
        }
        let Some(every) = self.watchdog else { return };
        if due(self.last_beat, every) && are_alive(beats, now) {
            self.last_beat = Some(now);
            tell(&[NotifyState::Watchdog]);
        }
    }
}

impl Default for Service {
    fn default() -> Self {
        Self::new()
    }
}

/// Others have nothing to say of themselves.
fn follows(clock: &ClockStatus) -> bool {
    clock.state != ClockState::FreeRunning
}

fn are_alive(mut beats: impl Iterator<Item = Instant>, now: Instant) -> bool {
    beats.all(|beat| now.saturating_duration_since(beat) < HANGS_AFTER)
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("the service manager does not listen: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_that_hangs_starves_the_watchdog() {
        let beat = Instant::now();
        let alive = |ages: &[u64]| {
            let now = beat + Duration::from_secs(60);
            are_alive(ages.iter().map(|age| now - Duration::from_secs(*age)), now)
        };
        assert!(alive(&[]) && alive(&[0]) && alive(&[4, 1, 0]));
        assert!(!alive(&[5]) && !alive(&[0, 0, 30]));
    }
}
