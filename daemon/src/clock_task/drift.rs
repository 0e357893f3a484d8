//! When the frequency of a clock is kept in its drift file.

use std::time::{Duration, Instant};

use clock_models::discipline::State;

use super::ClockTask;
use crate::drift::{self, Drift};

/// How long a clock is locked before its frequency is worth keeping, and how often it is
/// kept then.
const FIRST_DRIFT: Duration = Duration::from_secs(120);
const DRIFT_INTERVAL: Duration = Duration::from_secs(3600);

impl ClockTask {
    /// Keeps it, if it is time.
    pub(super) fn keep_drift(&mut self) {
        let locked = self.keeper.discipline().state() == State::Locked;
        match self.drift_due {
            None if locked => self.drift_due = Some(Instant::now() + FIRST_DRIFT),
            Some(due) if locked && Instant::now() >= due => {
                self.store_drift();
                self.drift_due = Some(Instant::now() + DRIFT_INTERVAL);
            }
            _ => {}
        }
    }

    /// A full disk costs the file, not the clock.
    pub(super) fn store_drift(&mut self) {
        if !self.is_disciplined() {
            return;
        }
        let account = self.shared.get();
        let known = account.status.frequency.zip(account.status.frequency_uncertainty);
        let (Some(path), Some((frequency, uncertainty))) = (&self.config.drift_file, known) else {
            return;
        };
        let result = drift::store(path, Drift { frequency: -frequency, uncertainty });
        self.said.drift(result.err().map(|e| format!("{}: {e}", path.display())));
    }
}
