//! What the daemon publishes: one snapshot of every clock and source.
//!
//! The control socket sends it as JSON, `utcctl` and the terminal render it, and the
//! metrics are made from it, so that no two outputs can differ. Times are in seconds,
//! frequencies are ratios (1e-6 is 1 ppm).
//!
//! JSON has no infinity and no NaN: they travel as `null` and come back as `None`, or as
//! NaN where the field is no option. Every output takes both for "unknown".

use std::collections::BTreeMap;

use clock_models::discipline::State;
use serde::{Deserialize, Deserializer, Serialize};

/// Stratum of a clock that is not synchronised (RFC 5905 figure 11).
pub const UNSYNCHRONISED: u8 = 16;

/// Takes the `null` that a NaN or an infinity became for what it was: no known number.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// Everything that is known at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Version of the daemon.
    pub version: String,
    /// Seconds since the daemon started, but for those in which the host was suspended.
    #[serde(deserialize_with = "number")]
    pub uptime: f64,
    /// The suspends of the host.
    pub suspends: SuspendStatus,
    /// Clocks, in the order of the configuration.
    pub clocks: Vec<ClockStatus>,
    /// Sources, in the order of the configuration.
    pub sources: Vec<SourceStatus>,
    /// Inputs of external events, in the order of the configuration.
    pub events: Vec<EventStatus>,
    /// Outputs of pulses, in the order of the configuration.
    pub outputs: Vec<OutputStatus>,
    /// The leap-second table in force.
    pub leap: LeapStatus,
    /// NTP serving, where it is configured.
    pub ntp_server: Option<NtpServerStatus>,
    /// Recording, where it is configured.
    pub recorder: Option<RecorderStatus>,
}

impl Status {
    /// Takes back what was claimed of clocks and sources before the host was suspended.
    pub fn withdraw(&mut self, suspends: SuspendStatus) {
        self.suspends = suspends;
        self.sources.clear();
        for clock in &mut self.clocks {
            *clock = clock.withdrawn();
        }
    }
}

/// How often and for how long the host was suspended since the daemon started.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SuspendStatus {
    /// How often.
    pub count: u64,
    /// For how long, all of them together, s.
    #[serde(deserialize_with = "number")]
    pub seconds: f64,
    /// For how long the last time, s.
    #[serde(deserialize_with = "number")]
    pub last: f64,
}

/// What a clock is doing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum ClockState {
    /// No source is configured for it: it is taken as it is, and compared with nothing.
    FreeRunning,
    /// No source has been selected yet.
    #[default]
    Unsynchronised,
    /// A source is selected and the offset is being taken out, as far as the clock obeys.
    Acquiring,
    /// Follows its sources; a clock that is only observed: is measured by them.
    Locked,
    /// Has lost its sources and runs on its own, with growing uncertainty.
    Holdover,
    /// A change beyond the panic threshold was refused: an operator must look.
    Panic,
    /// Its device is gone or cannot be read; utcd waits for it to come back.
    Faulty,
}

impl ClockState {
    /// Every state, in the order in which a clock usually meets them.
    pub const ALL: [Self; 7] = [
        Self::FreeRunning,
        Self::Unsynchronised,
        Self::Acquiring,
        Self::Locked,
        Self::Holdover,
        Self::Panic,
        Self::Faulty,
    ];

    /// As in the JSON and in the metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FreeRunning => "free-running",
            Self::Unsynchronised => State::Unsynchronised.name(),
            Self::Acquiring => State::Acquiring.name(),
            Self::Locked => State::Locked.name(),
            Self::Holdover => State::Holdover.name(),
            Self::Panic => State::Panic.name(),
            Self::Faulty => "faulty",
        }
    }
}

/// One clock of this host.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClockStatus {
    /// Name in the configuration, and label in the metrics.
    pub name: String,
    /// `virtual`, `system` or `phc`.
    pub kind: String,
    /// The device of a clock in hardware and what its driver calls it: `/dev/ptp0 (igb)`.
    pub device: Option<String>,
    /// How far the frequency of a clock in hardware can be set to either side, ratio.
    pub max_frequency: Option<f64>,
    /// The frequency that would keep the clock on its sources, ratio − 1, while that is beyond
    /// what it can be set to: it cannot follow them then.
    pub impossible_frequency: Option<f64>,
    /// Why the device cannot be read, while it cannot.
    pub fault: Option<String>,
    /// False where the clock is only observed.
    pub disciplined: bool,
    /// What it is doing.
    pub state: ClockState,
    /// The clock less UTC, s: positive when it is fast. `None` before the first estimate.
    pub offset: Option<f64>,
    /// Expanded uncertainty U of the offset, k = 2, s.
    pub uncertainty: Option<f64>,
    /// Hard bound of the error of the offset, s.
    pub bound: Option<f64>,
    /// Frequency of the clock's oscillator against UTC, ratio: positive when it is fast.
    pub frequency: Option<f64>,
    /// Standard uncertainty of the frequency, ratio.
    pub frequency_uncertainty: Option<f64>,
    /// Stratum served (leader's + 1), 16 if unsynchronised.
    pub stratum: u8,
    /// Root delay, s.
    #[serde(deserialize_with = "number")]
    pub root_delay: f64,
    /// Root dispersion, s.
    #[serde(deserialize_with = "number")]
    pub root_dispersion: f64,
    /// Seconds in holdover; 0 when locked.
    #[serde(deserialize_with = "number")]
    pub holdover: f64,
    /// Steps since the start of the daemon.
    pub steps: u64,
    /// How often another program was seen to change the clock.
    pub interference: u64,
    /// Why the clock cannot be steered, while it cannot: the kernel's reason.
    pub refusal: Option<String>,
    /// TAI−UTC in force, s.
    pub tai_offset: i64,
    /// The leading source.
    pub leader: Option<String>,
    /// True if an unbroken, valid chain leads to a declared origin.
    pub traceable: bool,
    /// Why not, where it is not.
    pub not_traceable_because: Option<String>,
    /// From the origin down to this clock.
    pub chain: Vec<ChainLink>,
}

impl ClockStatus {
    /// What is left of it when the host was suspended: what the clock is, and the counters.
    #[must_use]
    fn withdrawn(&self) -> Self {
        Self {
            name: self.name.clone(),
            kind: self.kind.clone(),
            device: self.device.clone(),
            max_frequency: self.max_frequency,
            disciplined: self.disciplined,
            stratum: UNSYNCHRONISED,
            steps: self.steps,
            interference: self.interference,
            refusal: self.refusal.clone(),
            tai_offset: self.tai_offset,
            not_traceable_because: Some("the host was suspended".to_owned()),
            ..Self::default()
        }
    }

    /// The parts of the way from UTC to this clock that no link of the chain covers, each
    /// as the clock nearer to UTC and the next one that is known.
    #[must_use]
    pub fn gaps(&self) -> Vec<(&str, &str)> {
        let froms = self.chain.iter().map(|link| link.from.as_str()).chain([self.name.as_str()]);
        let tos = ["UTC"].into_iter().chain(self.chain.iter().map(|link| link.to.as_str()));
        tos.zip(froms).filter(|(reached, next)| reached != next).collect()
    }
}

/// One step of a traceability chain.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChainLink {
    /// The clock nearer to UTC.
    pub from: String,
    /// The clock compared with it.
    pub to: String,
    /// How: `NTP`, `PTP`, `certificate 2026-0817`, `estimate and discipline`.
    pub by: String,
    /// The contributions of this link.
    pub components: Vec<BudgetLine>,
    /// Combined standard uncertainty of this link, s.
    #[serde(deserialize_with = "number")]
    pub standard_uncertainty: f64,
    /// What this link adds to the hard bound, s.
    #[serde(deserialize_with = "number")]
    pub bound: f64,
}

/// One line of an uncertainty budget.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetLine {
    /// As in the GUM budget: `path asymmetry`, `root delay`, …
    pub name: String,
    /// `A` or `B`.
    pub evaluation: String,
    /// `normal`, `rectangular`, …
    pub distribution: String,
    /// Standard uncertainty, s.
    #[serde(deserialize_with = "number")]
    pub standard_uncertainty: f64,
    /// What it adds to the hard bound, s.
    #[serde(deserialize_with = "number")]
    pub bound: f64,
}

/// What selection made of a source.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum SelectionState {
    /// Leads: the best of those that agree.
    Leader,
    /// Agrees, and is combined with the leader.
    Combined,
    /// Agrees, but adds nothing (clustered out, or not preferred).
    Candidate,
    /// Its interval misses that of the majority.
    Falseticker,
    /// Has too few comparisons yet.
    Warming,
    /// Answers have stopped.
    Unreachable,
    /// Says itself that it is unsynchronised, or was never heard.
    #[default]
    Unusable,
}

impl SelectionState {
    /// Every state, best first.
    pub const ALL: [Self; 7] = [
        Self::Leader,
        Self::Combined,
        Self::Candidate,
        Self::Falseticker,
        Self::Warming,
        Self::Unreachable,
        Self::Unusable,
    ];

    /// As in the JSON and in the metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Combined => "combined",
            Self::Candidate => "candidate",
            Self::Falseticker => "falseticker",
            Self::Warming => "warming",
            Self::Unreachable => "unreachable",
            Self::Unusable => "unusable",
        }
    }
}

/// One source of time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceStatus {
    /// Name in the configuration, and label in the metrics.
    pub name: String,
    /// `ntp` or `ptp`.
    pub protocol: String,
    /// Address and port, or interface and domain.
    pub address: String,
    /// The clock that is compared with it.
    pub clock: String,
    /// What selection made of it.
    pub state: SelectionState,
    /// Why the source is in that state, in words.
    pub reason: Option<String>,
    /// The last eight polls, newest in the lowest bit.
    pub reach: u8,
    /// Seconds between exchanges.
    #[serde(deserialize_with = "number")]
    pub poll_interval: f64,
    /// Seconds since the last good comparison.
    pub age: Option<f64>,
    /// The clock less the source, s: positive when the clock is fast.
    pub offset: Option<f64>,
    /// Expanded uncertainty U of that offset, k = 2, s.
    pub uncertainty: Option<f64>,
    /// Hard bound of that offset, s.
    pub bound: Option<f64>,
    /// Round-trip delay (NTP) or twice the mean path delay (PTP), s.
    pub delay: Option<f64>,
    /// Floor of the round-trip delay, as the estimator found it, s.
    pub delay_floor: Option<f64>,
    /// Standard deviation of the offset that one exchange shows by itself, as found, s.
    pub jitter: Option<f64>,
    /// Random walk of the frequency of the clock's oscillator, as found in the comparisons
    /// with this source, per √s.
    pub wander: Option<f64>,
    /// Stratum (NTP) or stepsRemoved + 1 (PTP).
    pub stratum: Option<u8>,
    /// Reference identifier (NTP) or grandmaster identity (PTP).
    pub reference: Option<String>,
    /// Where its time comes from, as configured: `UTC(NIM)`.
    pub origin: Option<String>,
    /// Who stamps: `hardware`, `kernel`, `user space`; for a clock, how both are read.
    pub time_stamps: String,
    /// The server tells afterwards when its answers left (NTP, RFC 9769).
    pub interleaved: bool,
    /// Why not the hardware, where it was wanted.
    pub no_hardware: Option<String>,
    /// What the peer delay exchanges of PTP serve as: `readings` of the master's time, or
    /// `mean link delay`.
    pub peer_delay: Option<String>,
    /// How Pdelay_Req are answered with the stamps of a NIC, with that mechanism.
    pub pdelay_resp: Option<PdelayRespStatus>,
    /// The kernel's receive stamp less the network interface's, of one packet, s: the
    /// latency of this host.
    pub host_latency: Option<f64>,
    /// The declared latencies that its stamps are corrected by, where there are any.
    pub latency: Option<LatencyStatus>,
    /// Comparisons accepted.
    pub accepted: u64,
    /// Packets and exchanges refused, by named reason.
    pub rejected: BTreeMap<String, u64>,
}

/// One input of external events.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventStatus {
    /// Name in the configuration, and label in the metrics.
    pub name: String,
    /// The clock that stamps.
    pub clock: String,
    /// Its channel, or the device of the kernel, and whose edges come there.
    pub place: String,
    /// Events stamped.
    pub stamped: u64,
    /// Those among them to which the clock could give no time.
    pub without_time: u64,
    /// Edges that ended a pulse, and are no events.
    pub trailing_edges: u64,
    /// Edges lost, by named reason.
    pub lost: BTreeMap<String, u64>,
    /// Expanded uncertainty U of the time of the last event, k = 2, s.
    pub uncertainty: Option<f64>,
    /// Why nothing is stamped, while nothing is.
    pub fault: Option<String>,
}

/// One output of pulses.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OutputStatus {
    /// Name in the configuration, and label in the metrics.
    pub name: String,
    /// The clock that puts them out.
    pub clock: String,
    /// Its channel.
    pub channel: u32,
    /// True while there are pulses.
    pub on: bool,
    /// Why not, while there are none.
    pub off_because: Option<String>,
    /// How much before the second of the clock they begin, s.
    #[serde(deserialize_with = "number")]
    pub advance: f64,
    /// From rising to falling edge, s; `None` where the driver decides.
    pub width: Option<f64>,
    /// How often the clock was programmed for them.
    pub programmed: u64,
}

/// How a PTP source with the stamps of a NIC answers Pdelay_Req of its neighbour.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PdelayRespStatus {
    /// The NIC.
    pub nic: String,
    /// Why in two steps, where it is not in one.
    pub two_step_because: Option<String>,
}

/// The declared latencies of a NIC's time stamps at the present speed of its link.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LatencyStatus {
    /// The NIC that stamps.
    pub nic: String,
    /// bit/s, where there is a link with a speed.
    pub speed: Option<u64>,
    /// ingressLatency, s: what a receive stamp is late.
    #[serde(deserialize_with = "number")]
    pub ingress: f64,
    /// egressLatency, s: what a transmit stamp is early.
    #[serde(deserialize_with = "number")]
    pub egress: f64,
    /// Expanded uncertainty (k = 2) of each, s.
    #[serde(deserialize_with = "number")]
    pub uncertainty: f64,
}

/// The leap-second table in force.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LeapStatus {
    /// File, or `built in`.
    pub table: String,
    /// When it expires, Unix seconds.
    #[serde(deserialize_with = "number")]
    pub expires: f64,
    /// True past that.
    pub expired: bool,
    /// Unix time of the midnight of the next announced leap second.
    pub next: Option<f64>,
    /// True if it is not in the table: the sources announce it.
    pub by_sources: bool,
}

/// The NTP server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NtpServerStatus {
    /// Addresses it listens on.
    pub listen: Vec<String>,
    /// The clock it gives.
    pub clock: String,
    /// Requests answered.
    pub answered: u64,
    /// Of these, in interleaved mode (RFC 9769).
    pub interleaved: u64,
    /// Of these, to requests that the network interface stamped.
    pub hardware_stamped: u64,
    /// The latencies that their time stamps are corrected by, of each NIC that has any.
    pub latencies: Vec<LatencyStatus>,
    /// Packets not answered, by named reason.
    pub dropped: BTreeMap<String, u64>,
    /// Transmit stamps of answers in interleaved mode that did not come as they should, by
    /// named reason.
    pub stamp_faults: BTreeMap<String, u64>,
}

/// The recorder.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RecorderStatus {
    /// The file that the last row went to; empty before the first.
    pub file: String,
    /// Rows written.
    pub rows: u64,
    /// Rows lost, because the disk did not take them, or not soon enough.
    pub dropped: u64,
    /// How often the disk refused.
    pub errors: u64,
    /// What the disk said, while rows are lost.
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(from: &str, to: &str) -> ChainLink {
        ChainLink { from: from.into(), to: to.into(), ..ChainLink::default() }
    }

    #[test]
    fn names_of_states_are_those_of_the_json() {
        for state in ClockState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
        for state in SelectionState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }

    #[test]
    fn what_is_no_number_comes_back_as_unknown() {
        let mut sent = Status { uptime: f64::INFINITY, ..Status::default() };
        sent.clocks.push(ClockStatus { bound: Some(f64::NAN), ..ClockStatus::default() });
        let json = serde_json::to_string(&sent).unwrap();
        let received: Status = serde_json::from_str(&json).unwrap();
        assert!(received.uptime.is_nan());
        assert_eq!(received.clocks[0].bound, None);
    }

    #[test]
    fn a_snapshot_of_another_version_is_read_as_far_as_it_goes() {
        let json = r#"{"version":"9","clocks":[{"name":"system","news":1}]}"#;
        let status: Status = serde_json::from_str(json).unwrap();
        assert_eq!((status.version.as_str(), status.clocks[0].name.as_str()), ("9", "system"));
    }

    #[test]
    fn gaps_are_named_from_utc_down_to_the_clock() {
        let mut clock = ClockStatus { name: "system".into(), ..ClockStatus::default() };
        assert_eq!(clock.gaps(), [("UTC", "system")]);
        clock.chain = vec![link("UTC(NIM)", "ntp1"), link("ntp1", "system")];
        assert_eq!(clock.gaps(), [("UTC", "UTC(NIM)")]);
        clock.chain = vec![link("UTC", "UTC(NIM)"), link("ntp1", "system")];
        assert_eq!(clock.gaps(), [("UTC(NIM)", "ntp1")]);
        clock.chain = vec![link("UTC", "phc"), link("phc", "eth0")];
        assert_eq!(clock.gaps(), [("eth0", "system")]);
        clock.chain = vec![link("UTC", "phc"), link("phc", "system")];
        assert_eq!(clock.gaps(), []);
    }
}
