//! What sources need, and what no two of them can share.

use utcd_linux::serial::is_speed;

use super::{Checker, place};
use crate::config::schema::{ClockSource, NtpSource, Origin, SourceCommon};

impl Checker<'_, '_> {
    pub(super) fn sources(&mut self) {
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
