//! A PTP hardware clock read together with the time base of the host.
//!
//! What the kernel answers is brought to a [`PhcReading`] here by pure functions; only
//! [`Reader`] calls it.

use std::os::fd::BorrowedFd;

use clock_models::time::{Duration, Free, Phc, Timestamp, Utc};
use nix::errno::Errno;
use nix::libc;

use super::abi::{
    ClockTime, MAX_SAMPLES, SYS_OFFSET, SYS_OFFSET_EXTENDED, SYS_OFFSET_PRECISE, SysOffset,
    SysOffsetExtended, SysOffsetPrecise,
};
use super::error::PhcError;
use crate::clock::{ATTEMPTS, CrossReading, cross_read, raw_now};

const WHAT: &str = "read the PTP hardware clock together with the system";
/// By how much readings of the system may disagree beyond their windows before it was a
/// step.
const STEP_TOLERANCE: Duration = Duration::from_nanos(1000);
/// Standard uncertainty of a difference of two times in whole nanoseconds, s: 1 ns/√6.
const RESOLUTION: f64 = 0.408e-9;

/// How the kernel reads a PTP hardware clock together with the system, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CrossMethod {
    /// The hardware latches both at one instant (`PTP_SYS_OFFSET_PRECISE`).
    Precise,
    /// The driver reads the system right before and right after the register of the clock
    /// (`PTP_SYS_OFFSET_EXTENDED`).
    Extended,
    /// The kernel reads the system before and after it calls the driver
    /// (`PTP_SYS_OFFSET`).
    Plain,
}

impl CrossMethod {
    const ALL: [Self; 3] = [Self::Precise, Self::Extended, Self::Plain];
}

/// A PTP hardware clock and the free-running time base of the host, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhcReading {
    /// What the clock showed.
    pub phc: Timestamp<Phc>,
    /// `CLOCK_MONOTONIC_RAW`: middle of the window.
    pub raw: Timestamp<Free>,
    /// Between the readings of the system around that of the clock: `raw` belongs to
    /// `phc` within ± half of it. None where the hardware latched both.
    pub window: Duration,
    /// How it was done.
    pub method: CrossMethod,
}

impl PhcReading {
    /// Standard uncertainty of `phc` as the reading at `raw`, s: rectangular over the
    /// window (GUM 4.3.7), and of times in whole nanoseconds. What the hardware adds that
    /// latches both times by itself is not in it: some ns (PCIe PTM).
    #[must_use]
    pub fn uncertainty(&self) -> f64 {
        (self.window.seconds() / 12_f64.sqrt()).hypot(RESOLUTION)
    }
}

/// The system's clock that is read around the PTP hardware clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    /// `CLOCK_MONOTONIC_RAW`.
    Raw,
    /// `CLOCK_REALTIME`, to be brought to the other.
    Realtime,
}

/// The clock between two readings of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sample {
    before: Duration,
    phc: Duration,
    after: Duration,
}

impl Sample {
    fn new(before: ClockTime, phc: ClockTime, after: ClockTime) -> Self {
        let (before, phc) = (before.since_epoch(), phc.since_epoch());
        Self { before, phc, after: after.since_epoch() }
    }

    fn window(&self) -> Duration {
        self.after - self.before
    }

    fn middle(&self) -> Duration {
        self.before + self.window() / 2
    }
}

/// Reads a clock in the best way that its driver and the kernel have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    method: CrossMethod,
    /// What [`CrossMethod::Extended`] reads of the system.
    base: Base,
}

impl Reader {
    /// Tries what `device` can do.
    pub(super) fn probe(device: BorrowedFd<'_>) -> Result<Self, PhcError> {
        let base = if extended_is_raw(device) { Base::Raw } else { Base::Realtime };
        let best = Self { method: CrossMethod::Precise, base };
        Ok(Self { method: best.read(device, 1)?.method, base })
    }

    pub(super) fn method(self) -> CrossMethod {
        self.method
    }

    /// The best reading of `attempts`. A method may fail for a while (the precise one
    /// when the host changes its clock source): the next best one steps in.
    pub(super) fn read(
        self,
        device: BorrowedFd<'_>,
        attempts: u32,
    ) -> Result<PhcReading, PhcError> {
        let samples = attempts.clamp(1, MAX_SAMPLES);
        let mut result = Err(PhcError::Unsupported { what: WHAT });
        for method in CrossMethod::ALL.into_iter().filter(|method| *method >= self.method) {
            result = self.read_by(method, device, samples);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn read_by(
        self,
        method: CrossMethod,
        device: BorrowedFd<'_>,
        samples: u32,
    ) -> Result<PhcReading, PhcError> {
        let refused = |reason| PhcError::new(WHAT, reason);
        match (method, self.base) {
            (CrossMethod::Precise, _) => {
                let mut answer = SysOffsetPrecise::default();
                SYS_OFFSET_PRECISE.call(device, &mut answer).map_err(refused)?;
                Ok(precise(&answer))
            }
            (CrossMethod::Extended, Base::Raw) => {
                let answer =
                    extended(device, libc::CLOCK_MONOTONIC_RAW, samples).map_err(refused)?;
                narrowest(extended_samples(&answer)).map(in_raw).ok_or(PhcError::Stepped)
            }
            (CrossMethod::Extended, Base::Realtime) => {
                let before = cross_read(ATTEMPTS);
                let answer = extended(device, libc::CLOCK_REALTIME, samples).map_err(refused)?;
                let sample = narrowest(extended_samples(&answer));
                bridged(method, [before, cross_read(ATTEMPTS)], sample)
            }
            (CrossMethod::Plain, _) => {
                let before = cross_read(ATTEMPTS);
                let answer = plain(device, samples).map_err(refused)?;
                let sample = narrowest(plain_samples(&answer));
                bridged(method, [before, cross_read(ATTEMPTS)], sample)
            }
        }
    }
}

/// Whether kernel and driver read `CLOCK_MONOTONIC_RAW` when asked to: kernels before 6.12
/// refuse, and a driver might not heed it.
fn extended_is_raw(device: BorrowedFd<'_>) -> bool {
    let before = raw_now();
    let Ok(answer) = extended(device, libc::CLOCK_MONOTONIC_RAW, 1) else { return false };
    let span = before..=raw_now();
    narrowest(extended_samples(&answer)).is_some_and(|sample| span.contains(&in_raw(sample).raw))
}

fn extended(
    device: BorrowedFd<'_>,
    clock: libc::clockid_t,
    samples: u32,
) -> nix::Result<SysOffsetExtended> {
    let ts = [[ClockTime::default(); 3]; MAX_SAMPLES as usize];
    let mut answer = SysOffsetExtended { n_samples: samples, clock, reserved: [0; 2], ts };
    SYS_OFFSET_EXTENDED.call(device, &mut answer)?;
    Ok(answer)
}

fn plain(device: BorrowedFd<'_>, samples: u32) -> Result<SysOffset, Errno> {
    let ts = [ClockTime::default(); 2 * MAX_SAMPLES as usize + 1];
    let mut answer = SysOffset { n_samples: samples, reserved: [0; 3], ts };
    SYS_OFFSET.call(device, &mut answer)?;
    Ok(answer)
}

fn precise(answer: &SysOffsetPrecise) -> PhcReading {
    PhcReading {
        phc: Timestamp::from_epoch(answer.device.since_epoch()),
        raw: Timestamp::from_epoch(answer.sys_monoraw.since_epoch()),
        window: Duration::ZERO,
        method: CrossMethod::Precise,
    }
}

fn extended_samples(answer: &SysOffsetExtended) -> impl Iterator<Item = Sample> {
    let samples = answer.ts.iter().take(answer.n_samples as usize);
    samples.map(|[before, phc, after]| Sample::new(*before, *phc, *after))
}

fn plain_samples(answer: &SysOffset) -> impl Iterator<Item = Sample> {
    let triples = answer.ts.windows(3).step_by(2).take(answer.n_samples as usize);
    triples.filter_map(|triple| match triple {
        [before, phc, after] => Some(Sample::new(*before, *phc, *after)),
        _ => None,
    })
}

/// The sample that was interrupted least. A window below nothing is that of a clock that
/// was stepped back: no sample.
fn narrowest(samples: impl Iterator<Item = Sample>) -> Option<Sample> {
    samples.filter(|sample| !sample.window().is_negative()).min_by_key(Sample::window)
}

/// A sample around which `CLOCK_MONOTONIC_RAW` was read.
fn in_raw(sample: Sample) -> PhcReading {
    PhcReading {
        phc: Timestamp::from_epoch(sample.phc),
        raw: Timestamp::from_epoch(sample.middle()),
        window: sample.window(),
        method: CrossMethod::Extended,
    }
}

/// A sample around which `CLOCK_REALTIME` was read, by readings of both clocks of the
/// system before and after it.
fn bridged(
    method: CrossMethod,
    around: [CrossReading; 2],
    sample: Option<Sample>,
) -> Result<PhcReading, PhcError> {
    let sample = sample.ok_or(PhcError::Stepped)?;
    let raw = bridge(around, Timestamp::from_epoch(sample.middle())).ok_or(PhcError::Stepped)?;
    let [before, after] = around;
    Ok(PhcReading {
        phc: Timestamp::from_epoch(sample.phc),
        raw,
        window: sample.window() + before.window.max(after.window),
        method,
    })
}

/// When `realtime` was, between the readings `around` it: in proportion, so that the rate
/// of the system clock does not matter. `None` where it was stepped in between.
fn bridge(around: [CrossReading; 2], realtime: Timestamp<Utc>) -> Option<Timestamp<Free>> {
    let [before, after] = around;
    let tolerance = before.window + after.window + STEP_TOLERANCE;
    let (since, span) = (realtime - before.realtime, after.realtime - before.realtime);
    let inside = -tolerance <= since && since <= span + tolerance;
    if (after.stepped - before.stepped).abs() > tolerance || !inside || span <= Duration::ZERO {
        return None;
    }
    let rate = (after.raw - before.raw).seconds() / span.seconds();
    Some(before.raw + Duration::from_seconds(since.seconds() * rate)?)
}

#[cfg(test)]
#[path = "cross_tests.rs"]
mod tests;
