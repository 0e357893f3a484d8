//! What no key can know alone: names that refer to each other, and contradictions.

use clock_models::time::{Timestamp, Utc};
use std::ops::Range;
use std::path::Path;

use toml::de::DeTable;
use toml::value::Date;
use utcd_linux::serial::is_speed;

use super::error::{Problems, Wrong, nearest};
use super::schema::{
    Clock, ClockMode, ClockSource, ClockType, Config, EventInput, GpsdSource, Interface,
    NmeaSource, NtpServer, NtpSource, NtpTransport, Origin, Output, PhcTimescale, PpsSource,
    PtpSource, PtpTransport, ShmSource, SockSource, SourceCommon,
};

/// Where an NTP server listens, and where one does for PTP messages, if the file does not say.
const NTP_PORT: u16 = 123;
const PTP_EVENT_PORT: u16 = 319;
/// Servers that are used of a pool, where the file does not say.
const POOL_COUNT: u32 = 4;
/// What a clock may differ by, where the file does not say, s.
const PANIC_THRESHOLD: f64 = 1000.0;
/// What is slewed and not stepped, where the file does not say, s: see
/// [`Clock::step_threshold`].
const STEP_THRESHOLD: f64 = 1e-3;
const PHC_STEP_THRESHOLD: f64 = 20e-6;

impl Config {
    /// Gives the defaults that depend on other keys.
    pub(super) fn fill_in(&mut self) {
        if self.clocks.is_empty() {
            self.clocks.push(Clock::default());
        }
        self.clocks.iter_mut().for_each(Clock::fill_in);
        self.sources.ntp.iter_mut().for_each(NtpSource::fill_in);
        self.sources.ptp.iter_mut().for_each(PtpSource::fill_in);
        let first = self.clocks.first().map(|clock| clock.name.clone()).unwrap_or_default();
        self.sources.nmea.iter_mut().for_each(NmeaSource::fill_in);
        self.sources.gpsd.iter_mut().for_each(GpsdSource::fill_in);
        self.sources.sock.iter_mut().for_each(SockSource::fill_in);
        self.sources.shm.iter_mut().for_each(ShmSource::fill_in);
        let sources = &mut self.sources;
        let ntp = sources.ntp.iter_mut().map(|source| &mut source.common.clock);
        let ptp = sources.ptp.iter_mut().map(|source| &mut source.common.clock);
        let clocks = sources.clock.iter_mut().map(|source| &mut source.common.clock);
        let pps = sources.pps.iter_mut().map(|source| &mut source.common.clock);
        let nmea = sources.nmea.iter_mut().map(|source| &mut source.common.clock);
        let gpsd = sources.gpsd.iter_mut().map(|source| &mut source.common.clock);
        let served = self.serve.ntp.iter_mut().map(|server| &mut server.clock);
        let events = self.events.iter_mut().map(|event| &mut event.clock);
        let outputs = self.outputs.iter_mut().map(|output| &mut output.clock);
        let sock = sources.sock.iter_mut().map(|source| &mut source.common.clock);
        let shm = sources.shm.iter_mut().map(|source| &mut source.common.clock);
        let told = nmea.chain(gpsd).chain(sock).chain(shm);
        let sources = ntp.chain(ptp).chain(clocks).chain(pps).chain(told);
        for clock in
            sources.chain(served).chain(events).chain(outputs).filter(|clock| clock.is_empty())
        {
            clock.clone_from(&first);
        }
        self.sources.clock.iter_mut().for_each(ClockSource::fill_in);
        self.sources.pps.iter_mut().for_each(PpsSource::fill_in);
        self.events.iter_mut().for_each(EventInput::fill_in);
        self.outputs.iter_mut().for_each(Output::fill_in);
    }

    /// Looks for contradictions in what was read from `root`, once it is filled in.
    pub(super) fn check(&self, root: &DeTable<'_>, problems: &mut Problems) {
        let mut checker = Checker { config: self, root, problems };
        checker.clocks();
        checker.sources();
        checker.events();
        checker.outputs();
        checker.interfaces();
        if let Some(server) = &self.serve.ntp {
            checker.known_clock(&server.clock, "serve.ntp", "clock");
            checker.ptp_port(server);
        }
        if let Some(record) = &self.record
            && record.max_total_size / 2 < record.max_file_size
        {
            let what = "max-total-size is below twice max-file-size: what is new would soon go";
            checker.refuse("record", "max-total-size", what, "raise it, or lower max-file-size");
        }
        // A misspelt name would leave its clock without a source: one problem, not two.
        if checker.problems.is_empty() {
            checker.supplies();
        }
    }

    /// What an operator should know, though nothing is wrong with the file: certificates
    /// that do not hold on the day `today` (in UTC, see [`utc_date`]).
    #[must_use]
    pub fn warnings(&self, today: Date) -> Vec<String> {
        let origins = self.every_source().filter_map(|s| Some((&s.name, s.origin.as_ref()?)));
        origins
            .filter_map(|(name, origin)| origin.lapse(today).map(|l| format!("{name}: {l}")))
            .collect()
    }
}

impl Origin {
    /// Why this statement does not hold on the day `today`, if it does not.
    fn lapse(&self, today: Date) -> Option<String> {
        let statement = match &self.certificate {
            Some(number) => format!("certificate {number}"),
            None => format!("the statement about {}", self.clock),
        };
        let expired = self.expires.filter(|day| *day < today);
        let early = self.issued.filter(|day| *day > today);
        expired
            .map(|day| format!("{statement} expired on {day}"))
            .or_else(|| early.map(|day| format!("{statement} is valid only from {day}")))
    }
}

/// The day in UTC on which a POSIX time falls.
///
/// # Errors
/// `None` outside the years 0 to 9999, which TOML can write.
#[must_use]
pub fn utc_date(unix_seconds: i64) -> Option<Date> {
    let (year, month, day) = Timestamp::<Utc>::from_secs(unix_seconds).date();
    let year = u16::try_from(year).ok().filter(|year| *year <= 9999)?;
    Some(Date { year, month, day })
}

impl Clock {
    fn fill_in(&mut self) {
        if self.name.is_empty() {
            let device = self.device.as_ref().and_then(|path| path.file_name()?.to_str());
            let own = self.interface.as_deref().or(device);
            self.name = own.unwrap_or(self.clock_type.word()).to_owned();
        }
        self.step_threshold = Some(self.step_threshold());
        // A network interface's clock starts anywhere, and nobody has set it yet.
        let default = (self.clock_type != ClockType::Phc).then_some(PANIC_THRESHOLD);
        self.panic_threshold.get_or_insert(default);
        if let Some(path) = &self.drift_file {
            self.drift_file = Some(path.to_string_lossy().replace("<name>", &self.name).into());
        }
    }

    /// The offset, s, from which on the clock is stepped. What an interface's clock is good
    /// for is finer than what a system's programs see, and slewing takes it longer to get
    /// there.
    #[must_use]
    pub fn step_threshold(&self) -> f64 {
        let is_phc = self.clock_type == ClockType::Phc;
        self.step_threshold.unwrap_or(if is_phc { PHC_STEP_THRESHOLD } else { STEP_THRESHOLD })
    }
}

impl NtpSource {
    /// The host name or address, of the server or of the pool.
    #[must_use]
    pub fn host(&self) -> &str {
        self.server.as_deref().or(self.pool.as_deref()).unwrap_or_default()
    }

    /// The UDP port of the server.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.is_over_ptp() { PTP_EVENT_PORT } else { NTP_PORT })
    }

    fn is_over_ptp(&self) -> bool {
        self.transport != NtpTransport::Udp
    }

    fn fill_in(&mut self) {
        if self.common.name.is_empty() {
            self.common.name = self.host().to_owned();
        }
        self.port = Some(self.port());
        if self.pool.is_some() {
            self.count = self.count.or(Some(POOL_COUNT));
        }
    }
}

impl PtpSource {
    fn fill_in(&mut self) {
        if self.common.name.is_empty() {
            self.common.name = format!("{}-domain-{}", self.interface, self.domain);
        }
    }
}

impl ClockSource {
    fn fill_in(&mut self) {
        if self.common.name.is_empty() {
            self.common.name = format!("{}-for-{}", self.of, self.common.clock);
        }
    }
}

impl PpsSource {
    fn fill_in(&mut self) {
        if self.common.name.is_empty() {
            self.common.name = line_name(self.device.as_deref(), self.channel, &self.common.clock);
        }
    }
}

impl EventInput {
    fn fill_in(&mut self) {
        if self.name.is_empty() {
            self.name = line_name(self.device.as_deref(), self.channel, &self.clock);
        }
    }
}

impl Output {
    fn fill_in(&mut self) {
        if self.name.is_empty() {
            self.name = format!("{}-output-{}", self.clock, self.channel);
        }
    }
}

/// What a line of pulses is called.
fn line_name(device: Option<&Path>, channel: Option<u32>, clock: &str) -> String {
    let other = || format!("{clock}-channel-{}", channel.unwrap_or_default());
    device.map_or_else(other, last_part)
}

impl NmeaSource {
    fn fill_in(&mut self) {
        if self.common.name.is_empty() {
            self.common.name = last_part(&self.device);
        }
    }
}

impl GpsdSource {
    fn fill_in(&mut self) {
        if self.common.name.is_empty() {
            "gpsd".clone_into(&mut self.common.name);
        }
    }
}

impl SockSource {
    fn fill_in(&mut self) {
        if self.common.name.is_empty() {
            self.common.name = last_part(&self.path);
        }
    }
}

impl ShmSource {
    fn fill_in(&mut self) {
        if self.common.name.is_empty() {
            self.common.name = format!("shm-{}", self.unit);
        }
    }
}

fn last_part(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

struct Checker<'a, 'i> {
    config: &'a Config,
    root: &'a DeTable<'i>,
    problems: &'a mut Problems,
}

impl Checker<'_, '_> {
    /// Notes a problem at `key` of the section with the dotted key `at`.
    fn refuse(&mut self, at: &str, key: &str, what: impl Into<String>, help: impl Into<String>) {
        let path = format!("{at}.{key}");
        // A key that is left out has no place: its section is shown then.
        let enclosing = std::iter::successors(Some(path.as_str()), |p| Some(p.rsplit_once('.')?.0));
        let place = enclosing.filter_map(|path| place(self.root, path)).next();
        self.problems.add(place.unwrap_or(0..0), Wrong::new(what, help));
    }

    fn clocks(&mut self) {
        let clocks = &self.config.clocks;
        for (i, clock) in clocks.iter().enumerate() {
            let at = &format!("clock.{i}");
            let before = clocks.get(..i).unwrap_or_default();
            if before.iter().any(|other| other.name == clock.name) {
                let what = format!("there are two clocks of the name {:?}", clock.name);
                self.refuse(at, "name", what, "give each a name of its own");
            }
            if clock.is_owner_of_system() && before.iter().any(Clock::is_owner_of_system) {
                let what = "the system clock is disciplined twice, and can have one owner only";
                self.refuse(at, "mode", what, "write mode = \"observe\" for one of them");
            }
            let same = |other: &Clock| other.is_owner() && other.is_same_phc(clock);
            if clock.is_owner() && before.iter().any(same) {
                let what =
                    "this PTP hardware clock is disciplined twice, and can have one owner only";
                self.refuse(at, "mode", what, "write mode = \"observe\" for one of them");
            }
            let shared = |other: &Clock| other.is_owner() && other.drift_file == clock.drift_file;
            if clock.is_owner() && clock.drift_file.is_some() && before.iter().any(shared) {
                let what = "this drift file is that of another clock";
                self.refuse(at, "drift-file", what, "give each clock a file of its own");
            }
            self.clock(clock, at);
        }
    }

    fn clock(&mut self, clock: &Clock, at: &str) {
        if clock.panic_threshold.flatten().is_some_and(|panic| panic <= clock.step_threshold()) {
            let what = "step-threshold is not below panic-threshold, so that no step could be made";
            self.refuse(at, "step-threshold", what, "lower it, or raise panic-threshold");
        }
        self.phc(clock, at);
        if clock.clock_type != ClockType::Virtual {
            for (key, value) in [
                ("initial-offset", clock.initial_offset),
                ("initial-frequency", clock.initial_frequency),
            ] {
                if value != 0.0 {
                    let what = format!("{key} belongs to a clock of type \"virtual\" only");
                    self.refuse(at, key, what, "leave it out");
                }
            }
        }
    }

    /// What a PTP hardware clock needs, and what only it has.
    fn phc(&mut self, clock: &Clock, at: &str) {
        let given = [("interface", clock.interface.is_some()), ("device", clock.device.is_some())];
        if clock.clock_type != ClockType::Phc {
            let utc = ("timescale", clock.timescale != PhcTimescale::Tai);
            for (key, _) in given.into_iter().chain([utc]).filter(|(_, given)| *given) {
                let what = format!("{key} belongs to a clock of type \"phc\" only");
                self.refuse(at, key, what, "leave it out, or write type = \"phc\"");
            }
            return;
        }
        let either = "give either interface = \"…\" or device = \"/dev/ptp…\"";
        match given {
            [(_, false), (_, false)] => {
                self.refuse(at, "type", "which PTP hardware clock it is, is not said", either);
            }
            [(_, true), (_, true)] => {
                self.refuse(at, "device", "this PTP hardware clock is given twice", either);
            }
            _ => {}
        }
        if clock.is_owner() && clock.timescale == PhcTimescale::Utc {
            let what = "utcd keeps PTP hardware clocks on TAI";
            let help = "leave timescale out, or write mode = \"observe\"";
            self.refuse(at, "timescale", what, help);
        }
    }

    fn interfaces(&mut self) {
        let interfaces = &self.config.interfaces;
        for (i, interface) in interfaces.iter().enumerate() {
            let at = format!("interface.{i}");
            let before = interfaces.get(..i).unwrap_or_default();
            if before.iter().any(|other| other.name == interface.name) {
                let what = format!("the interface {:?} is described twice", interface.name);
                self.refuse(&at, "name", what, "put its latencies into one section");
            }
            self.latencies(interface, &at);
        }
    }

    fn latencies(&mut self, interface: &Interface, at: &str) {
        for (i, latency) in interface.latency.iter().enumerate() {
            let before = interface.latency.get(..i).unwrap_or_default();
            if before.iter().any(|other| other.speed == latency.speed) {
                let what = "there are two latencies for this speed";
                self.refuse(&format!("{at}.latency.{i}"), "speed", what, "keep one of them");
            }
        }
    }

    fn supplies(&mut self) {
        for (i, clock) in self.config.clocks.iter().enumerate() {
            if clock.is_owner() {
                self.supply(clock, &format!("clock.{i}"));
            }
        }
    }

    /// Whether a disciplined clock has the sources that it needs.
    fn supply(&mut self, clock: &Clock, at: &str) {
        let follows = |common: &SourceCommon| common.clock == clock.name && common.select;
        let ntp = self.config.sources.ntp.iter().filter(|source| follows(&source.common));
        let servers: u32 = ntp.map(|source| source.count.unwrap_or(1)).sum();
        let pps = self.config.sources.pps.iter().filter(|source| follows(&source.common)).count();
        let all = self.config.every_source().filter(|common| follows(common)).count();
        let ntp = self.config.sources.ntp.iter().filter(|source| follows(&source.common)).count();
        let others = u32::try_from(all - ntp - pps).unwrap_or(u32::MAX);
        let named = servers.saturating_add(others);
        let sources = named.saturating_add(u32::try_from(pps).unwrap_or(u32::MAX));
        if sources == 0 {
            let what =
                format!("clock {:?} is disciplined, but no source is there for it", clock.name);
            let help = "write [[source.ntp]] with a server, or mode = \"observe\"";
            self.refuse(at, "mode", what, help);
        } else if named == 0 {
            let what = format!("the pulses for clock {:?} name no second", clock.name);
            let help = "add a source that does: [[source.nmea]] or [[source.ntp]] for one";
            self.refuse(at, "mode", what, help);
        } else if clock.min_sources > sources {
            let what =
                format!("{} sources can never agree: there are {sources}", clock.min_sources);
            self.refuse(at, "min-sources", what, "lower it, or add sources");
        }
    }

    fn sources(&mut self) {
        let sources = &self.config.sources;
        for (i, source) in sources.ntp.iter().enumerate() {
            let at = &format!("source.ntp.{i}");
            self.common(i, &source.common, at);
            self.ntp(source, at);
            self.answers_by_ptp(i, source, at);
        }
        for (i, source) in sources.ptp.iter().enumerate() {
            let at = &format!("source.ptp.{i}");
            self.common(sources.ntp.len() + i, &source.common, at);
        }
        for (i, source) in sources.clock.iter().enumerate() {
            let at = &format!("source.clock.{i}");
            self.common(sources.ntp.len() + sources.ptp.len() + i, &source.common, at);
            self.known_clock(&source.of, at, "of");
            self.circle(i, source, at);
        }
        let before = sources.ntp.len() + sources.ptp.len() + sources.clock.len();
        for (i, source) in sources.pps.iter().enumerate() {
            let at = &format!("source.pps.{i}");
            self.common(before + i, &source.common, at);
            self.pps(source, at);
        }
        let before = before + sources.pps.len();
        for (i, source) in sources.nmea.iter().enumerate() {
            let at = &format!("source.nmea.{i}");
            self.common(before + i, &source.common, at);
            if !is_speed(source.speed) {
                let what = format!("no serial line has a speed of {} bit/s", source.speed);
                self.refuse(at, "speed", what, "write 4800, 9600, 19200, 38400 or 115200");
            }
        }
        let before = before + sources.nmea.len();
        for (i, source) in sources.gpsd.iter().enumerate() {
            self.common(before + i, &source.common, &format!("source.gpsd.{i}"));
        }
        let before = before + sources.gpsd.len();
        for (i, source) in sources.sock.iter().enumerate() {
            let at = &format!("source.sock.{i}");
            self.common(before + i, &source.common, at);
            if sources.sock.iter().take(i).any(|other| other.path == source.path) {
                let what = "this socket is that of another source";
                self.refuse(at, "path", what, "give each source a socket of its own");
            }
        }
        let before = before + sources.sock.len();
        for (i, source) in sources.shm.iter().enumerate() {
            let at = &format!("source.shm.{i}");
            self.common(before + i, &source.common, at);
            if sources.shm.iter().take(i).any(|other| other.unit == source.unit) {
                let what = "this unit is that of another source";
                self.refuse(at, "unit", what, "give each source a unit of its own");
            }
        }
    }

    fn pps(&mut self, source: &PpsSource, at: &str) {
        let place = (source.device.is_some(), source.channel.is_some(), source.pin.is_some());
        self.pulse_input(place, &source.common.clock, at);
        self.shared_channel(&source.common.clock, source.channel, at);
    }

    fn events(&mut self) {
        let events = &self.config.events;
        for (i, event) in events.iter().enumerate() {
            let at = &format!("event.{i}");
            if events.iter().take(i).any(|other| other.name == event.name) {
                let what = format!("there are two events of the name {:?}", event.name);
                self.refuse(at, "name", what, "give each a name of its own: name = \"…\"");
            }
            self.known_clock(&event.clock, at, "clock");
            let place = (event.device.is_some(), event.channel.is_some(), event.pin.is_some());
            self.pulse_input(place, &event.clock, at);
            let twice = |other: &EventInput| {
                other.clock == event.clock
                    && other.channel.is_some()
                    && other.channel == event.channel
            };
            if events.iter().take(i).any(twice) {
                let what = "this channel is that of another event";
                self.refuse(at, "channel", what, "give each event a channel of its own");
            }
        }
    }

    fn outputs(&mut self) {
        let outputs = &self.config.outputs;
        for (i, output) in outputs.iter().enumerate() {
            let at = &format!("output.{i}");
            let before = outputs.get(..i).unwrap_or_default();
            if before.iter().any(|other| other.name == output.name) {
                let what = format!("there are two outputs of the name {:?}", output.name);
                self.refuse(at, "name", what, "give each a name of its own: name = \"…\"");
            }
            let is_same =
                |other: &Output| other.clock == output.clock && other.channel == output.channel;
            if before.iter().any(is_same) {
                let what = "this channel is that of another output";
                self.refuse(at, "channel", what, "take one of them away");
            }
            self.known_clock(&output.clock, at, "clock");
            self.output_clock(output, at);
            self.output_pin(output, before, at);
        }
    }

    fn output_clock(&mut self, output: &Output, at: &str) {
        let clock = self.config.clocks.iter().find(|clock| clock.name == output.clock);
        if clock.is_some_and(|clock| clock.clock_type != ClockType::Phc) {
            let what = format!("clock {:?} puts out no pulses: it is no phc", output.clock);
            self.refuse(at, "clock", what, "write clock = \"…\" of a clock of type \"phc\"");
        } else if clock.is_some_and(|clock| !clock.is_owner()) {
            let what = format!(
                "clock {:?} is only observed: its pulses would be no claim of utcd",
                output.clock
            );
            self.refuse(at, "clock", what, "keep that clock, or take the output away");
        }
    }

    /// A pin is either an input or an output, and of one channel.
    fn output_pin(&mut self, output: &Output, before: &[Output], at: &str) {
        let wanted = Some((output.clock.as_str(), output.pin));
        let outputs = before.iter().map(|other| (other.clock.as_str(), other.pin));
        let events = self.config.events.iter().map(|event| (event.clock.as_str(), event.pin));
        let pps = self.config.sources.pps.iter();
        let pps = pps.map(|source| (source.common.clock.as_str(), source.pin));
        let is_taken = outputs.chain(events).chain(pps).any(|other| Some(other) == wanted);
        if output.pin.is_some() && is_taken {
            let what = "this pin is that of another output, event or source";
            self.refuse(at, "pin", what, "use another pin, or take one of them away");
        }
    }

    /// A channel hands each edge out once: a source and an event cannot share it.
    fn shared_channel(&mut self, clock: &str, channel: Option<u32>, at: &str) {
        let is_shared = |event: &EventInput| event.clock == clock && event.channel == channel;
        if channel.is_some() && self.config.events.iter().any(is_shared) {
            let what = "this channel is that of an [[event]], too";
            self.refuse(at, "channel", what, "take one of them away, or use another channel");
        }
    }

    /// Where pulses come in: by (device, channel, pin), as far as they are given.
    fn pulse_input(&mut self, place: (bool, bool, bool), clock: &str, at: &str) {
        let either = "give either device = \"/dev/pps…\" or channel = …";
        match place {
            (false, false, _) => {
                self.refuse(at, "device", "where the pulses come from is not said", either);
            }
            (true, true, _) => self.refuse(at, "channel", "the pulses come two ways", either),
            (true, false, true) => {
                let what = "pin belongs to the channel of a PTP hardware clock only";
                self.refuse(at, "pin", what, "leave it out, or write channel instead of device");
            }
            _ => {}
        }
        if place.1 && !self.is_phc(clock) {
            let what = format!("clock {clock:?} has no channel: it is no phc");
            self.refuse(at, "channel", what, "write clock = \"…\" of a clock of type \"phc\"");
        }
    }

    /// True also of a clock that is not there, which is another problem.
    fn is_phc(&self, name: &str) -> bool {
        let clock = self.config.clocks.iter().find(|clock| clock.name == name);
        clock.is_none_or(|clock| clock.clock_type == ClockType::Phc)
    }

    /// Refuses a clock that would follow itself, be it through others.
    fn circle(&mut self, index: usize, source: &ClockSource, at: &str) {
        // The last source that closes a circle is the one that is refused.
        let before = self.config.sources.clock.get(..=index).unwrap_or_default();
        let Some(circle) = way_up(before, source) else { return };
        let what = match circle.as_slice() {
            [clock] => format!("clock {clock:?} would follow itself"),
            clocks => format!("clock {:?} would follow itself: {}", source.of, clocks.join(" ← ")),
        };
        let help = "take this source away, or another of the circle, or write select = false";
        self.refuse(at, "of", what, help);
    }

    /// `index` counts among the sources of every protocol.
    fn common(&mut self, index: usize, common: &SourceCommon, at: &str) {
        if self.config.every_source().take(index).any(|other| other.name == common.name) {
            let what = format!("there are two sources of the name {:?}", common.name);
            self.refuse(at, "name", what, "give each a name of its own: name = \"…\"");
        }
        self.known_clock(&common.clock, at, "clock");
        let wanted =
            [("prefer", common.prefer), ("trust", common.trust), ("require", common.require)];
        for (key, _) in wanted.into_iter().filter(|(_, wanted)| *wanted && !common.select) {
            let what = format!("{key} contradicts select = false: the source is never followed");
            self.refuse(at, key, what, "leave one of them out");
        }
        if let Some(origin) = &common.origin {
            self.origin(origin, at);
        }
    }

    fn origin(&mut self, origin: &Origin, at: &str) {
        if origin.certificate.is_some() && origin.uncertainty.is_none() {
            let what = "a certificate without an uncertainty supports no claim";
            self.refuse(at, "origin.certificate", what, "add uncertainty = \"… ns\" from it");
        }
        if origin.deviation != 0.0 && origin.uncertainty.is_none() {
            let what = "a deviation without an uncertainty cannot be corrected for";
            self.refuse(at, "origin.deviation", what, "add its uncertainty = \"… ns\"");
        }
        if let (Some(issued), Some(expires)) = (origin.issued, origin.expires)
            && issued > expires
        {
            let what = format!("it would expire before {issued}, when it was issued");
            self.refuse(at, "origin.expires", what, "compare both days with the certificate");
        }
    }

    fn ntp(&mut self, source: &NtpSource, at: &str) {
        let either = "give either server = \"…\" or pool = \"…\"";
        match (&source.server, &source.pool) {
            (None, None) => self.refuse(at, "server", "this source has no address", either),
            (Some(_), Some(_)) => self.refuse(at, "pool", "this source has two addresses", either),
            (Some(_), None) if source.count.is_some() => {
                let help = "leave it out, or write pool instead of server";
                self.refuse(at, "count", "one server is one source", help);
            }
            _ => {}
        }
        if source.min_poll > source.max_poll {
            let what =
                format!("min-poll {} is above max-poll {}", source.min_poll, source.max_poll);
            let key = if place(self.root, &format!("{at}.min-poll")).is_some() {
                "min-poll"
            } else {
                "max-poll"
            };
            self.refuse(at, key, what, "set both, the smaller one as min-poll");
        }
        if source.common.min_delay >= source.max_delay {
            let what = "min-delay is not below max-delay, so that every answer would be refused";
            self.refuse(at, "min-delay", what, "lower it, or raise max-delay");
        }
    }

    /// By PTP, all requests leave from one port: the answers of a server would go to one of
    /// two sources.
    fn answers_by_ptp(&mut self, i: usize, source: &NtpSource, at: &str) {
        let before = self.config.sources.ntp.get(..i).unwrap_or_default();
        let same = |other: &NtpSource| {
            other.is_over_ptp() && (other.host(), other.port()) == (source.host(), source.port())
        };
        if source.is_over_ptp() && before.iter().any(same) {
            let key = if source.server.is_some() { "server" } else { "pool" };
            let what = "over PTP, the answers of a server go to one source only, and it has two";
            self.refuse(at, key, what, "leave one out, or write transport = \"udp\" for it");
        }
    }

    /// A PTP source hears its interface, which the kernel holds for nearer than a server of
    /// all addresses.
    fn ptp_port(&mut self, server: &NtpServer) {
        let all =
            server.ptp_listen.iter().flatten().filter(|address| {
                address.ip().is_unspecified() && address.port() == PTP_EVENT_PORT
            });
        for address in all {
            let transport = match address.is_ipv4() {
                true => PtpTransport::UdpIpv4,
                false => PtpTransport::UdpIpv6,
            };
            let ptp = self.config.sources.ptp.iter().find(|ptp| ptp.transport == transport);
            if let Some(ptp) = ptp {
                let what = format!(
                    "requests that come by {} would go to the PTP source {:?}, on the same port",
                    ptp.interface, ptp.common.name
                );
                let help = format!("name the address of {} to listen on", ptp.interface);
                self.refuse("serve.ntp", "ptp-listen", what, help);
            }
        }
    }

    /// Refuses the clock's name under the `key` of `at`, if there is no such clock.
    fn known_clock(&mut self, name: &str, at: &str, key: &str) {
        let names = self.config.clocks.iter().map(|clock| clock.name.as_str());
        if names.clone().any(|known| known == name) {
            return;
        }
        let help = match nearest(name, names.clone()) {
            Some(near) => format!("write {near:?}"),
            None => format!("the clocks are {}", names.collect::<Vec<_>>().join(", ")),
        };
        self.refuse(at, key, format!("there is no clock of the name {name:?}"), help);
    }
}

/// The clocks from that which `source` is of, up to the one that would follow it, if it
/// can be reached by `sources` that may be followed.
fn way_up(sources: &[ClockSource], source: &ClockSource) -> Option<Vec<String>> {
    fn climb(sources: &[ClockSource], way: &mut Vec<String>, goal: &str) -> bool {
        let Some(last) = way.last().cloned() else { return false };
        if last == goal {
            return true;
        }
        for source in sources.iter().filter(|s| s.common.select && s.common.clock == last) {
            if way.contains(&source.of) {
                continue;
            }
            way.push(source.of.clone());
            if climb(sources, way, goal) {
                return true;
            }
            way.pop();
        }
        false
    }
    let mut way = vec![source.of.clone()];
    (source.common.select && climb(sources, &mut way, &source.common.clock)).then_some(way)
}

/// Where the value of a dotted key stands, such as `clock.0.name`.
fn place(root: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let mut found = root.get(first)?;
    for key in rest.split('.').filter(|key| !key.is_empty()) {
        found = match key.parse::<usize>() {
            Ok(index) => found.get_ref().get(index)?,
            Err(_) => found.get_ref().get(key)?,
        };
    }
    Some(found.span())
}

impl Clock {
    fn is_owner(&self) -> bool {
        self.mode == ClockMode::Discipline
    }

    fn is_same_phc(&self, other: &Self) -> bool {
        self.clock_type == ClockType::Phc
            && other.clock_type == ClockType::Phc
            && (self.interface == other.interface && self.device == other.device)
    }

    fn is_owner_of_system(&self) -> bool {
        self.is_owner() && self.clock_type == ClockType::System
    }
}
