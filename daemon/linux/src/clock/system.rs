//! The system clock, `CLOCK_REALTIME`: read by anybody, steered by one owner.

use clock_models::time::Duration;
use nix::libc::{self, c_int};

use super::adjust::{self, ClockError};
use super::timex::{self, KernelStatus, SyncState};

/// The system clock.
///
/// Whoever steers holds it: the methods that change the clock take `&mut self`.
#[derive(Debug)]
pub struct SystemClock(());

impl SystemClock {
    /// The clock itself; nothing is changed until asked for.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a clock has an owner, not a default")]
    pub const fn new() -> Self {
        Self(())
    }

    /// What the kernel says of the clock. Needs no privilege.
    ///
    /// # Errors
    /// Only where a sandbox forbids the call.
    pub fn status(&self) -> Result<KernelStatus, ClockError> {
        let mut answer = timex::request(0);
        let state = adjust(&mut answer, "read the state of the system clock")?;
        Ok(KernelStatus::parse(&answer, state))
    }

    /// Makes the clock run by `ratio` (1e-6 is 1 ppm; positive: faster) off the rate of
    /// its oscillator, within ±10 %. Returns the frequency in force, which the kernel
    /// keeps in steps of 2⁻¹⁶ ppm.
    ///
    /// # Errors
    /// [`ClockError::OutOfRange`] past ±10 %, otherwise the kernel's refusal.
    pub fn set_frequency(&mut self, ratio: f64) -> Result<f64, ClockError> {
        let mut request = timex::set_frequency(ratio)?;
        adjust(&mut request, "set the frequency of the system clock")?;
        Ok(timex::frequency(&request))
    }

    /// Steps the clock by `by` (positive: ahead), rounded to a nanosecond, and returns
    /// the step as made. The kernel counts a stepped clock as unsynchronised:
    /// [`SystemClock::set_status`] belongs after it.
    ///
    /// # Errors
    /// [`ClockError::OutOfRange`] for a time that no clock can hold, otherwise the
    /// kernel's refusal.
    pub fn step(&mut self, by: Duration) -> Result<Duration, ClockError> {
        let (mut request, made) = timex::step(by)?;
        adjust(&mut request, "step the system clock")?;
        Ok(made)
    }

    /// Tells the kernel, and through it every program that asks, how good the clock is.
    /// Turns the kernel's own PLL, FLL and PPS discipline off.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn set_status(&mut self, state: SyncState) -> Result<(), ClockError> {
        adjust(&mut timex::set_status(state), "set the state of the system clock").map(drop)
    }

    /// Sets TAI − UTC (s), from which the kernel makes `CLOCK_TAI`.
    ///
    /// # Errors
    /// [`ClockError::OutOfRange`] outside 0 to 100 000 s, otherwise the kernel's refusal.
    pub fn set_tai_offset(&mut self, seconds: i32) -> Result<(), ClockError> {
        adjust(&mut timex::set_tai_offset(seconds)?, "set the TAI offset").map(drop)
    }
}

/// Hands `request` to the kernel for the system clock, see [`adjust::adjust`].
fn adjust(request: &mut libc::timex, what: &'static str) -> Result<c_int, ClockError> {
    adjust::adjust(libc::CLOCK_REALTIME, request, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_the_system_clock_can_be_read_by_anybody() {
        let status = SystemClock::new().status().unwrap();
        assert!(status.frequency.abs() <= 0.101, "{status:?}");
        assert!(!status.max_error.is_negative());
    }
}
