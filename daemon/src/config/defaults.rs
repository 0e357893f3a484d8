//! The defaults that depend on other keys.

use std::path::Path;

use super::schema::{
    Clock, ClockSource, ClockType, Config, EventInput, GpsdSource, NmeaSource, NtpSource,
    NtpTransport, Output, PpsSource, PtpSource, ShmSource, SockSource,
};

/// Where an NTP server listens, and where one does for PTP messages, if the file does not say.
const NTP_PORT: u16 = 123;
pub(super) const PTP_EVENT_PORT: u16 = 319;
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

    pub(super) fn is_over_ptp(&self) -> bool {
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
