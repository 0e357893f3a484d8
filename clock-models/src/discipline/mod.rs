//! What to do to a clock: step, slew, hold over, or refuse.
//!
//! The estimate lives in the free-running time base, and a clock can be read against
//! that base at any moment. So the error of the clock is known without waiting for the
//! next comparison, steering never disturbs the estimate, and the loop needs no filter
//! of its own.
//!
//! An error is taken out by a slew of finite length: the clock runs off the
//! estimate's frequency for as long as the error lasts, and [`Tick::next`] says when to
//! come back and end it. Between that and the next estimate there is nothing to do.

mod slew;

use crate::estimator::Estimate;
use crate::time::{Duration, Free, Tai, Timestamp};
use slew::Slew;

/// A reading this far from where the last command should have taken the clock, s,
/// plus this much of the time since (ratio), is somebody else's doing.
const INTERFERENCE: f64 = 50e-6;
const INTERFERENCE_RATIO: f64 = 5e-6;
/// The clock counts as following its sources from this part of the step threshold on.
const LOCKED_PART: f64 = 0.1;

/// The limits that an operator sets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Errors beyond it are stepped while stepping is allowed, s.
    pub step_threshold: f64,
    /// Steps allowed until the clock is locked to what is known better than that threshold,
    /// and after each interference.
    pub max_steps: u32,
    /// Errors beyond it are refused, s.
    pub panic_threshold: Option<f64>,
    /// The largest part of the frequency that takes out an error, ratio.
    pub max_slew_rate: f64,
    /// How far the frequency of the clock can be set to either side, ratio; `None` where it
    /// takes any.
    pub max_frequency: Option<f64>,
}

impl Limits {
    /// Within how much of the `estimate` a clock becomes locked, and within how much it
    /// stays so, s.
    fn nearness(&self, estimate: &Estimate) -> [f64; 2] {
        let near = (LOCKED_PART * self.step_threshold).max(2.0 * estimate.offset_deviation);
        [near, self.step_threshold.max(near)]
    }

    /// What the clock can do of a frequency that is wanted, ratio − 1.
    fn possible(&self, wanted: f64) -> f64 {
        self.max_frequency.map_or(wanted, |limit| wanted.clamp(-limit, limit))
    }
}

/// A clock, read together with its time base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// Free-running time base.
    pub base: Timestamp<Free>,
    /// What the clock shows, as TAI.
    pub time: Timestamp<Tai>,
}

impl ClockReading {
    /// The clock less the `estimate` of TAI for the same instant, s: positive when fast.
    #[must_use]
    pub fn error(&self, estimate: &Estimate) -> f64 {
        (self.time.since_epoch() - self.base.since_epoch() - estimate.offset).seconds()
    }
}

/// What the clock is to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command {
    /// Jump by this much; positive goes forward.
    Step(Duration),
    /// Run at this frequency against the time base, ratio − 1.
    Frequency(f64),
}

/// What the discipline is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// There never was an estimate.
    #[default]
    Unsynchronised,
    /// The error is being taken out.
    Acquiring,
    /// The clock follows its sources.
    Locked,
    /// The sources are lost; the clock runs by the last estimate.
    Holdover,
    /// The error is beyond the panic threshold; nothing is done about it.
    Panic,
}

impl State {
    /// As it is published and recorded.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unsynchronised => "unsynchronised",
            Self::Acquiring => "acquiring",
            Self::Locked => "locked",
            Self::Holdover => "holdover",
            Self::Panic => "panic",
        }
    }
}

/// The outcome of a tick.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tick {
    /// The clock less the estimate of TAI, s, before the command: positive when fast.
    pub error: Option<f64>,
    /// The estimate, carried to the reading.
    pub estimate: Option<Estimate>,
    /// What to do.
    pub command: Option<Command>,
    /// The frequency that would keep the clock on its sources, ratio − 1, where it cannot be set
    /// to it: the command is the nearest one that it takes.
    pub impossible: Option<f64>,
    /// By how much somebody else moved the clock since the last tick, s.
    pub interference: Option<f64>,
    /// When the next tick is due, whatever is heard until then: the end of a slew. `None`
    /// where nothing is to be done before the next estimate.
    pub next: Option<Timestamp<Free>>,
}

/// The one owner of a clock, or an observer that leaves it alone.
#[derive(Debug, Clone)]
pub struct Discipline {
    /// `None` for an observer.
    limits: Option<Limits>,
    target: Option<Estimate>,
    holdover_since: Option<Timestamp<Free>>,
    state: State,
    steps_left: u32,
    steps: u64,
    interferences: u64,
    slew: Slew,
    /// By how much others moved the clock since it was on its sources last, s.
    displaced: f64,
    /// The last reading and the frequency commanded at it.
    expectation: Option<(ClockReading, f64)>,
}

impl Discipline {
    /// A discipline for a clock that has not been seen yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits: Some(limits), steps_left: limits.max_steps, ..Self::observer() }
    }

    /// One that compares the clock with the estimate and never commands anything.
    #[must_use]
    pub const fn observer() -> Self {
        Self {
            limits: None,
            target: None,
            holdover_since: None,
            state: State::Unsynchronised,
            steps_left: 0,
            steps: 0,
            interferences: 0,
            slew: Slew::new(),
            displaced: 0.0,
            expectation: None,
        }
    }

    /// One that knows no more of its clock than at the start, but for what it counts. It may
    /// put the clock right by a step again.
    #[must_use]
    pub fn anew(&self) -> Self {
        let begun = self.limits.map_or_else(Self::observer, Self::new);
        Self { steps: self.steps, interferences: self.interferences, ..begun }
    }

    /// Other limits, from a reloaded configuration. An observer stays one.
    pub fn set_limits(&mut self, limits: Limits) {
        if self.limits.is_none() {
            return;
        }
        self.limits = Some(limits);
        self.steps_left = self.steps_left.min(limits.max_steps);
    }

    /// A new estimate of (TAI − time base) to follow.
    pub fn follow(&mut self, estimate: Estimate) {
        let interval = self.target.map(|last| (estimate.at - last.at).seconds());
        self.slew.renew(interval);
        self.target = Some(estimate);
        self.holdover_since = None;
    }

    /// No source can be followed (any more): holds over, if there ever was one.
    pub fn lose(&mut self, now: Timestamp<Free>) {
        if self.target.is_some() && self.holdover_since.is_none() {
            self.holdover_since = Some(now);
        }
    }

    /// The estimate that is followed, carried on.
    #[must_use]
    pub fn estimate(&self, at: Timestamp<Free>) -> Option<Estimate> {
        self.target.map(|target| target.carried_to(at))
    }

    /// What it is doing.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// True while no source is followed, and one was before.
    #[must_use]
    pub const fn is_held_over(&self) -> bool {
        self.holdover_since.is_some()
    }

    /// Seconds in holdover; 0 while a source is followed.
    #[must_use]
    pub fn holdover(&self, now: Timestamp<Free>) -> f64 {
        self.holdover_since.map_or(0.0, |since| (now - since).seconds())
    }

    /// Steps commanded so far.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// How often somebody else moved the clock.
    #[must_use]
    pub const fn interferences(&self) -> u64 {
        self.interferences
    }

    /// Decides what to do: after each new estimate, when the last tick said so, and in
    /// between as often as somebody else's doing is to be noticed.
    ///
    /// `frequency` is what the clock really runs at since the last tick, ratio − 1.
    pub fn tick(&mut self, reading: ClockReading, frequency: f64) -> Tick {
        let estimate = self.estimate(reading.base);
        let error = estimate.map(|e| reading.error(&e));
        let Some(limits) = self.limits else {
            if estimate.is_some() {
                self.state = self.followed_state(State::Locked);
            }
            return Tick {
                error,
                estimate,
                command: None,
                impossible: None,
                interference: None,
                next: None,
            };
        };
        let interference = self.interference(reading);
        if let Some(moved) = interference {
            self.interferences += 1;
            // In a panic an operator may be setting the clock, as the log asks for.
            self.displaced = if self.state == State::Panic { 0.0 } else { self.displaced + moved };
            // The estimate is not touched by what was done to the clock, so it may be
            // put right by a step, as at the start.
            self.steps_left = limits.max_steps;
        }
        let command = estimate
            .zip(error)
            .and_then(|(e, error)| self.command(&limits, reading.base, error, &e))
            .map(|command| match command {
                Command::Frequency(wanted) => Command::Frequency(limits.possible(wanted)),
                step @ Command::Step(_) => step,
            });
        // While it is slewed it may come to the end of its range and be on time later: only what
        // would keep it there counts.
        let impossible = match (command, estimate) {
            (Some(Command::Frequency(_)), Some(e)) => Some(e.frequency),
            _ => None,
        }
        .filter(|&kept| limits.possible(kept) != kept);
        let next = match command {
            // What is left of the error after the step is slewed, at once.
            Some(Command::Step(_)) => Some(reading.base),
            Some(Command::Frequency(_)) => self.slew.next(),
            None => None,
        };
        self.expect(reading, command, frequency);
        Tick { error, estimate, command, impossible, interference, next }
    }

    fn command(
        &mut self,
        limits: &Limits,
        now: Timestamp<Free>,
        error: f64,
        estimate: &Estimate,
    ) -> Option<Command> {
        if limits.panic_threshold.is_some_and(|limit| self.is_insane(error, limit)) {
            self.state = State::Panic;
            return None;
        }
        let [near, far] = limits.nearness(estimate);
        // Where it is locked, what the estimate leaves open is no reason to step.
        let locked = self.state == State::Locked;
        if error.abs() > if locked { far } else { limits.step_threshold } && self.steps_left > 0 {
            self.state = self.followed_state(State::Acquiring);
            self.steps_left -= 1;
            self.steps += 1;
            return Duration::from_seconds(-error).map(Command::Step);
        }
        // With some hysteresis.
        let is_near = error.abs() <= if locked { far } else { near };
        let state = if is_near { State::Locked } else { State::Acquiring };
        self.state = self.followed_state(state);
        if self.state == State::Locked {
            self.displaced = 0.0;
            // A clock that has only been told the second may have to step when a better
            // source shows where in it.
            if far <= limits.step_threshold {
                self.steps_left = 0;
            }
        }
        let rate = self.slew.rate(now, error, estimate.offset_deviation, limits.max_slew_rate);
        Some(Command::Frequency(estimate.frequency - rate))
    }

    /// An error beyond the limit, and not because somebody moved the clock: by how much is
    /// known from its time base, whatever the sources say.
    fn is_insane(&self, error: f64, limit: f64) -> bool {
        error.abs() > limit && (error - self.displaced).abs() > limit
    }

    fn followed_state(&self, state: State) -> State {
        if self.holdover_since.is_some() { State::Holdover } else { state }
    }

    /// How far the clock is from where it should have come since the last tick.
    fn interference(&self, reading: ClockReading) -> Option<f64> {
        let (last, frequency) = self.expectation?;
        let elapsed = (reading.base - last.base).seconds();
        let gained = (reading.time - last.time - (reading.base - last.base)).seconds();
        let moved = gained - frequency * elapsed;
        let allowed = INTERFERENCE + INTERFERENCE_RATIO * elapsed.abs();
        (moved.abs() > allowed).then_some(moved)
    }

    fn expect(&mut self, reading: ClockReading, command: Option<Command>, frequency: f64) {
        self.expectation = Some(match command {
            Some(Command::Step(step)) => {
                (ClockReading { time: reading.time + step, ..reading }, frequency)
            }
            Some(Command::Frequency(commanded)) => (reading, commanded),
            None => (reading, frequency),
        });
    }

    /// The clock is another one, or may have been set while it could not be seen: it may
    /// be put right by a step, as at the start.
    pub fn clock_replaced(&mut self) {
        self.expectation = None;
        self.steps_left = self.limits.map_or(0, |limits| limits.max_steps);
    }

    /// The clock could not do what it was told: expect nothing of it, and do not call it
    /// locked. A step that was not made is not counted.
    pub fn command_failed(&mut self, command: Command) {
        self.expectation = None;
        if self.state == State::Locked {
            self.state = State::Acquiring;
        }
        if matches!(command, Command::Step(_)) {
            self.steps = self.steps.saturating_sub(1);
            self.steps_left = self.steps_left.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests;
