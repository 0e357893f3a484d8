//! What clocks need, and what no two of them can share.

use super::Checker;
use crate::config::schema::{Clock, ClockMode, ClockType, PhcTimescale, SourceCommon};

impl Checker<'_, '_> {
    pub(super) fn clocks(&mut self) {
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

    pub(super) fn supplies(&mut self) {
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
}

impl Clock {
    pub(super) fn is_owner(&self) -> bool {
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
