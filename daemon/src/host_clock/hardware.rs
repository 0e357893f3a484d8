//! PTP hardware clocks as this program shares them: those that it steers, and those whose
//! stamps it brings to `CLOCK_MONOTONIC_RAW`.

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::rc::{Rc, Weak};

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::steered::SteeredLine;
use clock_models::time::{Duration, Free, Phc as PhcScale, Timestamp};
use tokio::sync::watch;
use utcd_linux::clock::{ATTEMPTS, ClockError, raw_now};
use utcd_linux::interface::Interface;
use utcd_linux::other_programs;
use utcd_linux::phc::{
    CrossMethod, Edges, ExternalStamp, PeriodicOutput, Phc, PhcCapabilities, PhcError, PinFunction,
    Polarity,
};

use super::pulse_reader::{LARGEST_BATCH, PulseReader};

/// The rate against `CLOCK_MONOTONIC_RAW` is measured over so long at least.
const RATE_INTERVAL: Duration = Duration::SECOND;
/// A reading that is so far from where the rate leads, s, and by this much of the time
/// since (ratio), is a step that somebody else made; the last where no rate is known yet.
const JUMP: f64 = 10e-6;
const JUMP_RATIO: f64 = 5e-6;
const UNKNOWN_RATE: f64 = 500e-6;
/// An older stamp says more of a fault than of its datagram.
const LARGEST_AGE: Duration = Duration::SECOND;
/// Standard uncertainty of a stamp in whole nanoseconds, s.
pub(crate) const RESOLUTION: f64 = 0.289e-9;

/// Where a PTP hardware clock is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The clock of this network interface, whichever that is.
    Interface(String),
    /// This device.
    Device(PathBuf),
    /// `/dev/ptp` and this number.
    Index(u32),
}

/// Why there is no PTP hardware clock.
#[derive(Debug, thiserror::Error)]
pub enum NoPhc {
    /// The interface does not exist.
    #[error(transparent)]
    Interface(#[from] utcd_linux::interface::InterfaceError),
    /// The interface has none.
    #[error(
        "the interface {0} has no PTP hardware clock (`ethtool -T {0}`); use the system clock, \
         or another NIC"
    )]
    None(String),
    /// The device cannot be had.
    #[error(transparent)]
    Device(#[from] PhcError),
}

/// Why a PTP hardware clock does not stamp pulses, or puts out none.
#[derive(Debug, thiserror::Error)]
pub enum PulseError {
    /// It is not there.
    #[error("the PTP hardware clock is gone; utcd goes on when it is back")]
    Gone,
    /// It refuses.
    #[error(transparent)]
    Refused(#[from] PhcError),
    /// The program has no more file descriptors.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Place {
    fn open(&self) -> Result<Phc, NoPhc> {
        match self {
            Self::Interface(name) => {
                let interface = Interface::by_name(name)?;
                let phc = interface.abilities().ok().and_then(|abilities| abilities.phc);
                Ok(Phc::open(phc.ok_or_else(|| NoPhc::None(name.clone()))?)?)
            }
            Self::Device(path) => Ok(Phc::open_path(path)?),
            Self::Index(index) => Ok(Phc::open(*index)?),
        }
    }
}

/// A PTP hardware clock and `CLOCK_MONOTONIC_RAW`, read together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Crossing {
    pub(super) raw: Timestamp<Free>,
    pub(super) base: Timestamp<Free>,
    pub(super) shown: Timestamp<PhcScale>,
    pub(super) window: Duration,
    pub(super) method: &'static str,
}

/// An open PTP hardware clock with its free-running time base: its oscillator as if this
/// program had never touched it.
#[derive(Debug)]
pub struct SharedPhc {
    place: Place,
    /// `None` while it is gone.
    device: Option<Phc>,
    line: SteeredLine,
    /// A reading of its time base, and the rate of that against `CLOCK_MONOTONIC_RAW`
    /// (ratio − 1), once it is known.
    known: Crossing,
    rate: Option<f64>,
    /// Why it cannot be read.
    fault: Option<String>,
    /// Reads the pulses, once somebody listens to them.
    reader: Option<PulseReader>,
    /// The channel of each who listens.
    listened: Vec<u32>,
    /// Pulses that were read with those of other channels.
    pulses: Vec<ExternalStamp>,
    /// How often there were so many that some may be lost.
    overruns: u64,
    /// How often what was set up in the device was lost, or may have been.
    opened: u64,
}

impl SharedPhc {
    fn open(place: Place) -> Result<Self, NoPhc> {
        let device = place.open()?;
        let begun = begin(&device, None)?;
        Ok(Self::new(place, Some(device), begun))
    }

    fn new(place: Place, device: Option<Phc>, (line, known): (SteeredLine, Crossing)) -> Self {
        Self {
            place,
            device,
            line,
            known,
            rate: None,
            fault: None,
            reader: None,
            listened: Vec::new(),
            pulses: Vec::new(),
            overruns: 0,
            opened: 1,
        }
    }

    /// One that was had, and is gone.
    #[cfg(test)]
    pub(crate) fn gone(place: Place) -> Self {
        let (base, shown) = (Timestamp::from_secs(0), Timestamp::from_secs(0));
        let known =
            Crossing { raw: raw_now(), base, shown, window: Duration::ZERO, method: "plain" };
        Self::new(place, None, (SteeredLine::new(base, shown, 0.0), known))
    }

    /// Why it cannot be read, while it cannot.
    pub(super) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Its index, N of `/dev/ptpN`; `None` while it is gone.
    #[must_use]
    pub fn index(&self) -> Option<u32> {
        self.device.as_ref().map(Phc::index)
    }

    /// Where it is a virtual clock: its index, and that of the clock that it is one of.
    pub(super) fn virtual_of(&self) -> Option<(u32, u32)> {
        let device = self.device.as_ref()?;
        Some((device.index(), device.physical()?))
    }

    pub(super) fn capabilities(&self) -> Option<&PhcCapabilities> {
        self.device.as_ref().map(Phc::capabilities)
    }

    pub(super) const fn line(&self) -> &SteeredLine {
        &self.line
    }

    /// Its time base against `CLOCK_MONOTONIC_RAW`, ratio − 1, as far as it is known.
    pub(super) fn rate(&self) -> f64 {
        self.rate.unwrap_or(0.0)
    }

    /// Tries to have it again, if it is gone; true if it is back.
    pub(super) fn reopen(&mut self) -> bool {
        if self.device.is_some() {
            return false;
        }
        let opened = self.place.open().and_then(|device| {
            let begun = begin(&device, Some(&|raw| self.extrapolated(raw)))?;
            Ok((device, begun))
        });
        match opened {
            Ok((device, (line, known))) => {
                (self.device, self.line, self.known) = (Some(device), line, known);
                (self.fault, self.opened) = (None, self.opened + 1);
            }
            Err(error) => self.fault = Some(error.to_string()),
        }
        self.device.is_some()
    }

    /// Goes on after the host was suspended. The clock may have run on meanwhile, have stood
    /// still or begun anew; its time base stood still, as `CLOCK_MONOTONIC_RAW` does. What was
    /// set up in its device may be lost.
    pub(super) fn host_slept(&mut self) {
        let Some(device) = &self.device else { return };
        match begin(device, Some(&|raw| self.extrapolated(raw))) {
            Ok((line, known)) => {
                (self.line, self.known, self.rate) = (line, known, None);
                self.opened += 1;
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Its time base by the last reading, at an instant of `CLOCK_MONOTONIC_RAW`.
    fn extrapolated(&self, raw: Timestamp<Free>) -> Timestamp<Free> {
        let elapsed = raw - self.known.raw;
        self.known.base + elapsed + scaled(elapsed, self.rate())
    }

    /// What it shows and its time base; where it is gone, by the last reading.
    pub(super) fn read(&mut self) -> (Timestamp<Free>, Timestamp<PhcScale>) {
        match self.now() {
            Some(shown) => (self.line.base_now(shown), shown),
            None => {
                let base = self.extrapolated(raw_now());
                (base, self.line.shown_at(base))
            }
        }
    }

    fn now(&mut self) -> Option<Timestamp<PhcScale>> {
        let now = self.device.as_ref()?.now();
        now.map_err(|error| self.fail(&error)).ok()
    }

    fn fail(&mut self, error: &PhcError) {
        // One that the system was stepped under is read again.
        if *error == PhcError::Stepped {
            return;
        }
        if matches!(error, PhcError::Gone { .. }) {
            (self.device, self.reader) = (None, None);
        }
        self.fault = Some(error.to_string());
    }

    /// Both together; `None` while it cannot be read.
    pub(super) fn cross_read(&mut self) -> Option<Crossing> {
        let read = self.device.as_ref()?.cross_read(ATTEMPTS);
        let read = read.map_err(|error| self.fail(&error)).ok()?;
        self.fault = None;
        let base = self.line.base_now(read.phc);
        let method = method(read.method);
        let mut now =
            Crossing { raw: read.raw, base, shown: read.phc, window: read.window, method };
        let moved = (now.base - self.extrapolated(now.raw)).seconds();
        let elapsed = now.raw - self.known.raw;
        if moved.abs() > self.tolerance(&now, elapsed.seconds()) {
            // Somebody has stepped it: its oscillator ran on. The step is as the clock shows
            // time, which its frequency stretches.
            let step = Duration::from_seconds(moved * (1.0 + self.line.frequency()))?;
            self.line.step(read.phc - step, step);
            self.line.break_off(read.phc);
            now.base = self.line.base_now(read.phc);
            // It may have been steered, too.
            (self.known, self.rate) = (now, None);
        } else if elapsed >= RATE_INTERVAL {
            self.rate = Some((now.base - self.known.base - elapsed).seconds() / elapsed.seconds());
            self.known = now;
        }
        Some(now)
    }

    fn tolerance(&self, now: &Crossing, elapsed: f64) -> f64 {
        JUMP + (now.window + self.known.window).seconds() + self.doubt() * elapsed
    }

    /// How far the rate may be off, ratio.
    const fn doubt(&self) -> f64 {
        if self.rate.is_some() { JUMP_RATIO } else { UNKNOWN_RATE }
    }

    /// Its time base at an instant of `CLOCK_MONOTONIC_RAW` not long ago, and the standard
    /// uncertainty that the reading of both has, s.
    pub(super) fn base(&mut self, raw: Timestamp<Free>) -> (Timestamp<Free>, f64) {
        let now = self.cross_read().unwrap_or(self.known);
        let elapsed = raw - now.raw;
        let doubt = elapsed.seconds() * self.doubt() / 3_f64.sqrt();
        let base = now.base + elapsed + scaled(elapsed, self.rate());
        (base, (now.window.seconds() / 12_f64.sqrt()).hypot(doubt))
    }

    /// A stamp of its own in its time base, exactly. `None` where the stamp is not one of
    /// the last second.
    pub(super) fn base_of(&mut self, stamp: Timestamp<PhcScale>) -> Option<Timestamp<Free>> {
        let (base, age) = self.placed(stamp)?;
        (age <= LARGEST_AGE).then_some(base)
    }

    /// A pulse that it has stamped, in its time base, exactly: the kernel keeps those that are
    /// fetched late. `None` where it is older than a second, and it is not known what was done
    /// to the clock since.
    pub(super) fn base_of_pulse(&mut self, stamp: Timestamp<PhcScale>) -> Option<Timestamp<Free>> {
        let (base, age) = self.placed(stamp)?;
        (age <= LARGEST_AGE || self.line.reaches(base) && self.foreign_frequency().is_none())
            .then_some(base)
    }

    /// A stamp of its own in its time base, and its age; `None` where it is yet to come.
    fn placed(&mut self, stamp: Timestamp<PhcScale>) -> Option<(Timestamp<Free>, Duration)> {
        let mut now = self.now()?;
        let ahead = self.line.base_now(now) - self.extrapolated(raw_now());
        if ahead.seconds().abs() > JUMP {
            // It may have been stepped since it was read last: a stamp after that would be
            // placed that far in the past or the future.
            now = self.cross_read()?.shown;
        }
        let base = self.line.base_at(stamp, now);
        let age = self.line.base_now(now) - base;
        (age >= Duration::ZERO).then_some((base, age))
    }

    /// A stamp of its own on `CLOCK_MONOTONIC_RAW`, by a reading of both. `None` where it
    /// is not one of the last second, or the clock cannot be read.
    ///
    /// Its uncertainty is that of the reading, of whole nanoseconds, and of the rate over
    /// the age of the stamp.
    pub fn stamp_on_raw(&mut self, stamp: Timestamp<PhcScale>) -> Option<Stamp> {
        let now = self.cross_read()?;
        let age = now.base - self.line.base_at(stamp, now.shown);
        if age + now.window < Duration::ZERO || age > LARGEST_AGE {
            return None;
        }
        let rate = self.rate();
        let at = now.raw - age + scaled(age, rate / (1.0 + rate));
        let uncertainty = (now.window.seconds() / 12_f64.sqrt())
            .hypot(age.seconds() * self.doubt() / 3_f64.sqrt())
            .hypot(RESOLUTION);
        Some(Stamp { at, uncertainty, by: StampedBy::Hardware })
    }

    /// Has it stamp the pulses of a channel until as many [`Self::unlisten`], which come by that
    /// pin if its function can be chosen. Also returns what changes when there may be one.
    ///
    /// # Errors
    /// What the clock, its driver or the kernel refuses.
    pub fn listen(
        &mut self,
        channel: u32,
        pin: Option<u32>,
        edges: Edges,
    ) -> Result<(watch::Receiver<()>, Polarity), PulseError> {
        let device = self.device.as_mut().ok_or(PulseError::Gone)?;
        if let Some(pin) = pin {
            device.set_pin(pin, PinFunction::ExternalStamps { channel })?;
        }
        let polarity = device.stamp_external(channel, edges)?;
        let reader = match self.reader.take().filter(PulseReader::is_reading) {
            Some(reader) => reader,
            None => PulseReader::start(device.external_stamps()?)?,
        };
        self.listened.push(channel);
        Ok((self.reader.insert(reader).wake(), polarity))
    }

    /// Somebody listens no more. Pulses that nobody wants are not kept: they would be taken for
    /// new ones by who listens next.
    pub fn unlisten(&mut self, channel: u32) {
        let Some(index) = self.listened.iter().position(|&listened| listened == channel) else {
            return;
        };
        self.listened.remove(index);
        if !self.listened.contains(&channel) {
            // One that is gone stamps no more either.
            let _ = self.device.as_mut().map(|device| device.end_external(channel));
            self.pulses.retain(|stamp| stamp.channel != channel);
        }
        if self.listened.is_empty() {
            self.reader = None;
        }
    }

    /// The next pulse of a channel, by this clock, or `None` when there is none yet.
    ///
    /// # Errors
    /// The clock is gone.
    pub fn pulse(&mut self, channel: u32) -> Result<Option<Timestamp<PhcScale>>, PulseError> {
        if let Some(kept) = self.kept(channel) {
            return Ok(Some(kept));
        }
        let reader = self.reader.as_ref().ok_or(PulseError::Gone)?;
        let read = reader.take().inspect_err(|_| self.reader = None)?.unwrap_or_default();
        let wanted = read.iter().filter(|stamp| self.listened.contains(&stamp.channel));
        self.pulses.extend(wanted);
        // Others are slower to take theirs.
        let beyond = self.pulses.len().saturating_sub(LARGEST_BATCH);
        self.pulses.drain(..beyond);
        self.overruns += u64::from(read.len() >= LARGEST_BATCH || beyond > 0);
        Ok(self.kept(channel))
    }

    fn kept(&mut self, channel: u32) -> Option<Timestamp<PhcScale>> {
        let next = self.pulses.iter().position(|stamp| stamp.channel == channel);
        next.map(|index| self.pulses.remove(index).at)
    }

    /// Has it put out pulses by a channel, and by that pin if its function can be chosen.
    /// Returns their width as far as it is known.
    ///
    /// # Errors
    /// What the clock, its driver or the kernel refuses.
    pub fn put_out(
        &mut self,
        channel: u32,
        pin: Option<u32>,
        output: PeriodicOutput,
    ) -> Result<Option<Duration>, PulseError> {
        let device = self.device.as_mut().ok_or(PulseError::Gone)?;
        if let Some(pin) = pin {
            device.set_pin(pin, PinFunction::PeriodicOutput { channel })?;
        }
        Ok(device.put_out(channel, output)?)
    }

    /// Has a channel put out no more.
    ///
    /// # Errors
    /// As for [`SharedPhc::put_out`].
    pub fn end_output(&mut self, channel: u32) -> Result<(), PulseError> {
        let device = self.device.as_mut().ok_or(PulseError::Gone)?;
        Ok(device.end_output(channel)?)
    }

    /// How often so many pulses waited in the kernel that it may have dropped others, which
    /// it does not tell.
    #[must_use]
    pub const fn overruns(&self) -> u64 {
        self.overruns
    }

    /// How often its device was opened, or the host suspended: what was set up in it before is
    /// gone, or may be.
    #[must_use]
    pub const fn opened(&self) -> u64 {
        self.opened
    }

    /// Makes it run at `frequency` (ratio − 1) beyond that of its oscillator.
    pub(super) fn set_frequency(&mut self, frequency: f64) -> Result<(), ClockError> {
        let before = self.now();
        let device = self.device.as_mut();
        let device = device.ok_or(ClockError::Gone { what: "set its frequency" })?;
        let set = device.set_frequency(frequency)?;
        // It changed between the two readings, in the middle as likely as anywhere.
        if let Some((before, after)) = before.zip(self.now()) {
            self.line.set_frequency(before + (after - before) / 2, set);
        }
        Ok(())
    }

    /// Steps it.
    pub(super) fn step(&mut self, step: Duration) -> Result<(), ClockError> {
        let device = self.device.as_mut();
        let made = device.ok_or(ClockError::Gone { what: "step it" })?.step(step)?;
        if let Some(after) = self.now() {
            self.line.step(after - made, made);
        }
        Ok(())
    }

    /// True if the frequency is not the one that it was given here. What it is counts from
    /// here on.
    pub(super) fn notice_foreign_steering(&mut self) -> bool {
        let foreign = self.foreign_frequency();
        if let Some((frequency, now)) = foreign.zip(self.now()) {
            self.line.set_frequency(now, frequency);
            self.line.break_off(now);
        }
        foreign.is_some()
    }

    /// Its frequency where that is not the one that it was given here.
    fn foreign_frequency(&self) -> Option<f64> {
        let actual = self.device.as_ref()?.frequency().ok()?;
        ((actual - self.line.frequency()).abs() > 1e-12).then_some(actual)
    }

    /// The other programs that have its device open, as far as this one may know, and those
    /// that perhaps have.
    pub(super) fn held_by(&self) -> Vec<String> {
        self.index().map_or_else(Vec::new, |index| {
            other_programs::holders(&PathBuf::from(format!("/dev/ptp{index}")))
        })
    }
}

/// Its line and the first reading: at the time base that `extrapolated` gives, or at
/// what the clock shows.
fn begin(
    device: &Phc,
    extrapolated: Option<&dyn Fn(Timestamp<Free>) -> Timestamp<Free>>,
) -> Result<(SteeredLine, Crossing), PhcError> {
    let read = device.cross_read(ATTEMPTS)?;
    let base = match extrapolated {
        Some(extrapolated) => extrapolated(read.raw),
        None => Timestamp::from_epoch(read.phc.since_epoch()),
    };
    let line = SteeredLine::new(base, read.phc, device.frequency().unwrap_or(0.0));
    let method = method(read.method);
    Ok((line, Crossing { raw: read.raw, base, shown: read.phc, window: read.window, method }))
}

const fn method(method: CrossMethod) -> &'static str {
    match method {
        CrossMethod::Precise => "precise",
        CrossMethod::Extended => "extended",
        CrossMethod::Plain => "plain",
    }
}

/// `d` × `ratio`, exact to 2⁻⁵³; nothing for a ratio that is no number.
fn scaled(d: Duration, ratio: f64) -> Duration {
    Duration::from_seconds(d.seconds() * ratio).unwrap_or(Duration::ZERO)
}

/// The PTP hardware clocks in use, each of them once.
#[derive(Debug, Clone, Default)]
pub struct Phcs(Rc<RefCell<Vec<Weak<RefCell<SharedPhc>>>>>);

impl Phcs {
    /// The clock at `place`, opened if it is not in use yet.
    ///
    /// # Errors
    /// Why there is none.
    pub fn get(&self, place: Place) -> Result<Rc<RefCell<SharedPhc>>, NoPhc> {
        let known = match place {
            Place::Index(index) => self.find(index),
            _ => None,
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let opened = SharedPhc::open(place)?;
        let known = opened.index().and_then(|index| self.find(index));
        Ok(known.unwrap_or_else(|| self.keep(opened)))
    }

    fn find(&self, index: u32) -> Option<Rc<RefCell<SharedPhc>>> {
        let known = self.0.borrow();
        let mut alive = known.iter().filter_map(Weak::upgrade);
        alive.find(|phc| phc.borrow().index() == Some(index))
    }

    fn keep(&self, phc: SharedPhc) -> Rc<RefCell<SharedPhc>> {
        let phc = Rc::new(RefCell::new(phc));
        let mut known = self.0.borrow_mut();
        known.retain(|phc| phc.strong_count() > 0);
        known.push(Rc::downgrade(&phc));
        phc
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_without_a_clock_is_named() {
        let error = Phcs::default().get(Place::Interface("lo".into())).unwrap_err().to_string();
        assert!(error.contains("lo has no PTP hardware clock"), "{error}");
    }
}
