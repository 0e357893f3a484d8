//! Worlds in files, each with a budget for its figures.

use clock_models::keeper::Terms;
use clock_models::recording::Row;
use clock_models::time::LeapTable;
use ntp::client::ClientConfig;
use serde::Deserialize;

use crate::leap::LeapSecond;
use crate::master::Intervals;
use crate::measure::{Figures, Measurement, SETTLED};
use crate::network::{Path, Stamping};
use crate::oscillator::{Model, Preset, random_walk};
use crate::profile::Profile;
use crate::quantity::{Ratio, Seconds};
use crate::server::Fault;
use crate::world::{Protocol, START, Sample, Setup, SetupError, Site, Steering, World};

/// How much is simulated until what was recorded meanwhile is handed over, s.
const STRETCH: f64 = 60.0;

/// A scenario, as its file says.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub title: String,
    /// How long it runs.
    pub duration: Seconds,
    /// From when on errors are measured.
    pub measure_from: Seconds,
    /// What the clock is fast by at the start.
    #[serde(default)]
    pub offset: Seconds,
    /// The oscillator of the host.
    pub oscillator: OscillatorSection,
    /// How the clock is read and steered.
    #[serde(default)]
    pub clock: ClockSection,
    /// How the host stamps packets.
    #[serde(default)]
    pub stamping: Stamping,
    /// How many sources must agree.
    #[serde(default = "one")]
    pub min_sources: usize,
    /// How many hosts there are in a chain, of which the last is measured.
    #[serde(default = "one")]
    pub hops: usize,
    /// A leap second, if there is one.
    pub leap_second: Option<LeapSecond>,
    /// The sources.
    #[serde(rename = "source")]
    pub sources: Vec<SourceSection>,
    /// What the figures must come to.
    pub budget: Budget,
    /// The parts of the budget that must be missed: the scenario shows that they can be.
    #[serde(default)]
    pub must_fail: Vec<String>,
}

fn one() -> usize {
    1
}

/// `[oscillator]`: a preset, and what is to be different; without a preset, what is not
/// given is not there.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OscillatorSection {
    preset: Option<Preset>,
    /// Frequency error at the start.
    frequency: Option<Ratio>,
    /// Random walk of the frequency, per √s: another way to say h₋₂.
    wander: Option<f64>,
    #[serde(default)]
    noise: NoiseSection,
    /// Drift of the frequency in a day.
    ageing_per_day: Option<Ratio>,
    /// What a degree does to the frequency.
    temperature_coefficient: Option<Ratio>,
    /// By how many °C it is warmer than where `frequency` holds.
    temperature: Option<Profile<f64>>,
}

/// `noise` of the oscillator: the coefficients of the spectrum of its frequency, as IEEE
/// 1139 names them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoiseSection {
    h2: Option<f64>,
    h1: Option<f64>,
    h0: Option<f64>,
    #[serde(rename = "h-1")]
    h_1: Option<f64>,
    #[serde(rename = "h-2")]
    h_2: Option<f64>,
}

/// `[clock]`: how it is read and steered.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClockSection {
    /// Frequencies are rounded to multiples of this.
    #[serde(default)]
    frequency_step: Ratio,
    /// What it shows is rounded to multiples of this.
    #[serde(default)]
    granularity: Seconds,
}

/// `[[source]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SourceSection {
    /// Shortest and longest poll interval, log2 s.
    poll: Option<[i8; 2]>,
    /// A PTP master instead of an NTP server, and how often it sends what.
    ptp: Option<Intervals>,
    /// Declared symmetrical floor of the round trip.
    min_delay: Option<Seconds>,
    /// How many servers of this kind there are.
    #[serde(default = "one")]
    count: usize,
    path: Path,
    #[serde(default)]
    faults: Vec<Fault>,
}

/// `[budget]`: the least and the most that a figure may be.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Budget {
    /// When the clock has settled to 1 ms.
    settle_1ms: Option<[Seconds; 2]>,
    /// When the clock has settled to 10 µs.
    settle_10us: Option<[Seconds; 2]>,
    /// When the clock has settled to 1 µs.
    settle_1us: Option<[Seconds; 2]>,
    /// Rms time error of the clock.
    rms: Option<[Seconds; 2]>,
    /// Largest time error of the clock.
    max: Option<[Seconds; 2]>,
    /// Rms frequency error of the clock.
    rms_frequency: Option<[Ratio; 2]>,
    /// Part of the time in which U contains the error.
    coverage: Option<[f64; 2]>,
    /// Part of the time in which the bound contains the error.
    bound_coverage: Option<[f64; 2]>,
    /// Rms of U over the rms error of the estimate: how much wider than need be the claim is.
    claim: Option<[f64; 2]>,
}

/// A figure against its budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Check {
    /// As it is called in the budget.
    pub name: &'static str,
    /// What it came to: s, ratio or part. Infinite for what never settled.
    pub value: f64,
    /// The least and the most that it may be.
    pub allowed: [f64; 2],
}

impl Check {
    /// Is it within the budget? What is not a number is not.
    #[must_use]
    pub fn holds(&self) -> bool {
        let [least, most] = self.allowed;
        (least..=most).contains(&self.value)
    }
}

/// Why a scenario cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Not TOML, or not a scenario.
    #[error("{0}")]
    Syntax(#[from] Box<toml::de::Error>),
    /// A setting out of its range.
    #[error("{0}")]
    Setup(#[from] SetupError),
    /// A setting of the oscillator that cannot be.
    #[error("oscillator: {0}")]
    Oscillator(String),
    /// A setting of a path that cannot be.
    #[error("source {0}, {1}: {2}")]
    Path(usize, &'static str, String),
    /// A setting of the clock or its stamps that cannot be.
    #[error("{0} is negative: write 0 for none")]
    Negative(&'static str),
    /// A source with keys of both protocols.
    #[error("source {0}: a PTP source is not polled; remove poll, or ptp")]
    BothProtocols(usize),
    /// `must-fail` names what the budget does not have.
    #[error("must-fail: {0:?} is not in the budget")]
    NotInBudget(String),
}

/// What one seed came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The seed.
    pub seed: u64,
    /// All figures.
    pub figures: Figures,
    /// Those in the budget.
    pub checks: Vec<Check>,
    /// True if all held but those that must fail, and those failed.
    pub passed: bool,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// With the place and the reason.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text).map_err(Box::new)?;
        scenario.check()?;
        Ok(scenario)
    }

    /// What serde does not see. Poll intervals are checked where they are used.
    fn check(&self) -> Result<(), ScenarioError> {
        let checks = self.budget.checks(&Measurement::new(0.0).figures());
        let unknown = |name: &&String| !checks.iter().any(|check| check.name == **name);
        if let Some(name) = self.must_fail.iter().find(unknown) {
            return Err(ScenarioError::NotInBudget(name.clone()));
        }
        let both = |source: &SourceSection| source.poll.is_some() && source.ptp.is_some();
        if let Some(index) = self.sources.iter().position(both) {
            return Err(ScenarioError::BothProtocols(index));
        }
        self.oscillator.check().map_err(ScenarioError::Oscillator)?;
        for (index, source) in self.sources.iter().enumerate() {
            let path = &source.path;
            for (way, direction) in
                [("to-server", &path.to_server), ("from-server", &path.from_server)]
            {
                direction.check().map_err(|what| ScenarioError::Path(index, way, what))?;
            }
        }
        let negative = [
            ("clock: frequency-step", self.clock.frequency_step.0),
            ("clock: granularity", self.clock.granularity.0),
            ("stamping: granularity", self.stamping.granularity.0),
            ("stamping: noise", self.stamping.noise.0),
        ];
        match negative.into_iter().find(|(_, value)| *value < 0.0) {
            Some((name, _)) => Err(ScenarioError::Negative(name)),
            None => Ok(()),
        }
    }

    /// Runs it.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn run(&self, seed: u64) -> Result<Verdict, ScenarioError> {
        self.observe(seed, |_| ())
    }

    /// Runs it and shows what was each whole second.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn observe(&self, seed: u64, show: impl FnMut(&Sample)) -> Result<Verdict, ScenarioError> {
        let world = World::new(&self.setup(), seed)?;
        Ok(self.judge(seed, world, |_| (), show))
    }

    /// The same, and hands over what the last host records meanwhile.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn record(
        &self,
        seed: u64,
        keep: impl FnMut(Row),
        show: impl FnMut(&Sample),
    ) -> Result<Verdict, ScenarioError> {
        let mut world = World::new(&self.setup(), seed)?;
        world.record();
        Ok(self.judge(seed, world, keep, show))
    }

    fn judge(
        &self,
        seed: u64,
        mut world: World,
        mut keep: impl FnMut(Row),
        mut show: impl FnMut(&Sample),
    ) -> Verdict {
        let mut measurement = Measurement::new(self.measure_from.0);
        let mut until = 0.0;
        while until < self.duration.0 {
            until = self.duration.0.min(until + STRETCH);
            world.run(until, |sample| {
                measurement.take(sample);
                show(sample);
            });
            world.take_rows().into_iter().for_each(&mut keep);
        }
        let figures = measurement.figures();
        let checks = self.budget.checks(&figures);
        let as_planned =
            |check: &Check| check.holds() != self.must_fail.iter().any(|name| name == check.name);
        let passed = checks.iter().all(as_planned);
        Verdict { seed, figures, checks, passed }
    }

    /// Its world.
    #[must_use]
    pub fn setup(&self) -> Setup {
        let site = |source: &SourceSection| {
            let min_delay = source.min_delay.map(|delay| delay.0);
            let site = Site {
                protocol: source.protocol(),
                terms: Terms { min_delay, ..Terms::default() },
                path: source.path.clone(),
                faults: source.faults.clone(),
            };
            std::iter::repeat_n(site, source.count)
        };
        Setup {
            start: self.leap_second.map_or(START, |leap| leap.start()),
            leap: self.leap_second.map_or_else(LeapTable::built_in, |leap| leap.table()),
            hops: self.hops,
            oscillator: self.oscillator.model(),
            offset: self.offset.0,
            steering: Steering {
                frequency_step: self.clock.frequency_step.0,
                granularity: self.clock.granularity.0,
            },
            stamping: self.stamping,
            min_agreeing: self.min_sources,
            sites: self.sources.iter().flat_map(site).collect(),
        }
    }
}

impl SourceSection {
    fn protocol(&self) -> Protocol {
        if let Some(intervals) = self.ptp {
            return Protocol::Ptp(intervals);
        }
        let default = ClientConfig::default();
        let [min_poll, max_poll] = self.poll.unwrap_or([default.min_poll, default.max_poll]);
        Protocol::Ntp(ClientConfig { min_poll, max_poll, ..default })
    }
}

impl OscillatorSection {
    /// The preset, with what the file says otherwise.
    fn model(&self) -> Model {
        let mut model = self.preset.map_or(Model::quiet(0.0), Preset::model);
        let set = |into: &mut f64, value: Option<f64>| *into = value.unwrap_or(*into);
        set(&mut model.frequency, self.frequency.map(|ratio| ratio.0));
        set(&mut model.phase_noise.white, self.noise.h2);
        set(&mut model.phase_noise.flicker, self.noise.h1);
        set(&mut model.noise.white, self.noise.h0);
        set(&mut model.noise.flicker, self.noise.h_1);
        set(&mut model.noise.random_walk, self.noise.h_2.or(self.wander.map(random_walk)));
        set(&mut model.ageing, self.ageing_per_day.map(|ratio| ratio.0 / 86_400.0));
        set(&mut model.temperature_coefficient, self.temperature_coefficient.map(|c| c.0));
        model.temperature = self.temperature.clone().or(model.temperature);
        model
    }

    fn check(&self) -> Result<(), String> {
        let NoiseSection { h2, h1, h0, h_1, h_2 } = self.noise;
        if h_2.is_some() && self.wander.is_some() {
            return Err("wander and h-2 say the same: give one of them".to_owned());
        }
        let noise = [
            ("h2", h2),
            ("h1", h1),
            ("h0", h0),
            ("h-1", h_1),
            ("h-2", h_2),
            ("wander", self.wander),
        ];
        if let Some((name, _)) = noise.iter().find(|(_, h)| h.is_some_and(|h| h < 0.0)) {
            return Err(format!("{name} is negative: write 0 for none"));
        }
        let temperature = self.temperature.as_ref().map_or(Ok(()), Profile::check);
        temperature.map_err(|what| format!("temperature: {what}"))
    }
}

impl Budget {
    fn checks(&self, figures: &Figures) -> Vec<Check> {
        let settled = |index: usize| figures.settled[index].unwrap_or(f64::INFINITY);
        let [ms, us10, us1]: [f64; SETTLED.len()] = std::array::from_fn(settled);
        let seconds = |range: Option<[Seconds; 2]>| range.map(|range| range.map(|s| s.0));
        [
            ("settle-1ms", ms, seconds(self.settle_1ms)),
            ("settle-10us", us10, seconds(self.settle_10us)),
            ("settle-1us", us1, seconds(self.settle_1us)),
            ("rms", figures.rms, seconds(self.rms)),
            ("max", figures.max, seconds(self.max)),
            (
                "rms-frequency",
                figures.rms_frequency,
                self.rms_frequency.map(|range| range.map(|r| r.0)),
            ),
            ("coverage", figures.coverage, self.coverage),
            ("bound-coverage", figures.bound_coverage, self.bound_coverage),
            ("claim", figures.rms_expanded / figures.estimate_rms, self.claim),
        ]
        .into_iter()
        .filter_map(|(name, value, allowed)| Some(Check { name, value, allowed: allowed? }))
        .collect()
    }
}
