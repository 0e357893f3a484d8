//! A PTP master: the messages of a two-step clock with the end-to-end delay mechanism.

use clock_models::time::{Duration, PtpTimestamp, Tai, Timestamp};
use ptp::wire::{Announce, Body, DelayResp, Flags, FollowUp, Header, Message, PortIdentity, Sync};
use serde::Deserialize;

/// log₂ of the seconds between messages of each kind, −4 to 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Intervals {
    /// logAnnounceInterval (IEEE 1588-2019 7.7.2.2).
    pub announce: i8,
    /// logSyncInterval (7.7.2.3).
    pub sync: i8,
    /// logMinDelayReqInterval (7.7.2.4), for the slave.
    pub delay_req: i8,
}

impl Default for Intervals {
    /// As of ptp4l: an Announce every 2 s, the others every second.
    fn default() -> Self {
        Self { announce: 1, sync: 0, delay_req: 0 }
    }
}

impl Intervals {
    /// Intervals that masters have, log₂ s.
    const RANGE: std::ops::RangeInclusive<i8> = -4..=4;

    /// The first interval that no master has.
    #[must_use]
    pub fn out_of_range(&self) -> Option<i8> {
        [self.announce, self.sync, self.delay_req]
            .into_iter()
            .find(|interval| !Self::RANGE.contains(interval))
    }
}

/// Seconds of which `log` is the binary logarithm, in [`Intervals`].
#[must_use]
pub fn interval(log: i8) -> Duration {
    if log < 0 { Duration::SECOND / (1 << -log) } else { Duration::SECOND * (1 << log) }
}

/// The port of a master towards one slave. Its clock is read by whoever drives it.
#[derive(Debug, Clone)]
pub struct Master {
    identity: PortIdentity,
    intervals: Intervals,
    announced: u16,
    synced: u16,
}

impl Master {
    /// A master that has sent nothing yet.
    #[must_use]
    pub const fn new(identity: PortIdentity, intervals: Intervals) -> Self {
        Self { identity, intervals, announced: 0, synced: 0 }
    }

    /// Its name.
    #[must_use]
    pub const fn identity(&self) -> PortIdentity {
        self.identity
    }

    /// How often it sends what.
    #[must_use]
    pub const fn intervals(&self) -> Intervals {
        self.intervals
    }

    /// The next Announce.
    pub fn announce(&mut self, announce: Announce, flags: Flags) -> Message {
        self.announced = self.announced.wrapping_add(1);
        let header = self.header(self.announced, self.intervals.announce);
        Message { header: Header { flags, ..header }, body: Body::Announce(announce) }
    }

    /// The next Sync, which leaves when its clock shows `sent`, and its Follow_Up.
    /// `None` for a clock before 1970, whose time PTP cannot tell.
    pub fn sync(&mut self, sent: Timestamp<Tai>) -> Option<[Message; 2]> {
        self.synced = self.synced.wrapping_add(1);
        let header = self.header(self.synced, self.intervals.sync);
        let (precise_origin_timestamp, correction_field) = split(sent)?;
        let sync = Header { flags: Flags::TWO_STEP, ..header };
        let follow_up = Header { correction_field, ..header };
        Some([
            Message { header: sync, body: Body::Sync(Sync::default()) },
            Message {
                header: follow_up,
                body: Body::FollowUp(FollowUp { precise_origin_timestamp }),
            },
        ])
    }

    /// The answer to a Delay_Req that came when its clock showed `received`. `None` for
    /// any other message.
    #[must_use]
    pub fn answer(&self, request: &Message, received: Timestamp<Tai>) -> Option<Message> {
        let Body::DelayReq(_) = request.body else { return None };
        let (receive_timestamp, fraction) = split(received)?;
        let correction_field = request.header.correction_field - fraction;
        let header = self.header(request.header.sequence_id, self.intervals.delay_req);
        let body = DelayResp { receive_timestamp, requesting_port: request.header.source };
        Some(Message { header: Header { correction_field, ..header }, body: Body::DelayResp(body) })
    }

    fn header(&self, sequence_id: u16, log_message_interval: i8) -> Header {
        Header { source: self.identity, sequence_id, log_message_interval, ..Header::default() }
    }
}

/// A time as PTP tells it: whole nanoseconds, and for the correctionField the 2⁻¹⁶ ns
/// beyond them.
fn split(time: Timestamp<Tai>) -> Option<(PtpTimestamp, i64)> {
    let whole = PtpTimestamp::from_tai(time)?;
    // Less than a nanosecond, in 2⁻³² ns.
    Some((whole, ((time - whole.to_tai()).to_bits() >> 16) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ptp::ClockIdentity;
    use ptp::wire::DelayReq;

    fn master() -> Master {
        let identity = PortIdentity { clock: ClockIdentity([1; 8]), port: 1 };
        Master::new(identity, Intervals { announce: 1, sync: -4, delay_req: 4 })
    }

    /// A third of a nanosecond past a second.
    fn time() -> Timestamp<Tai> {
        Timestamp::from_secs(1_795_305_637) + Duration::from_bits((1 << 32) / 3)
    }

    #[test]
    fn a_follow_up_tells_the_time_of_its_sync_to_a_part_of_a_nanosecond() {
        let mut master = master();
        let [sync, follow_up] = master.sync(time()).unwrap();
        assert!(sync.header.flags.contains(Flags::TWO_STEP));
        assert_eq!(sync.header.sequence_id, follow_up.header.sequence_id);
        assert_eq!(sync.header.log_message_interval, -4);
        let Body::FollowUp(body) = follow_up.body else { panic!("{follow_up:?}") };
        let told = body.precise_origin_timestamp.to_tai() + follow_up.header.correction();
        assert!((time() - told).seconds().abs() < 1e-9 / 65_536.0);
        assert_eq!(master.sync(time()).unwrap()[0].header.sequence_id, 2);
        assert_eq!(master.sync(Timestamp::from_secs(-1)), None);
    }

    #[test]
    fn an_answer_tells_when_the_request_came_and_whose_it_was() {
        let source = PortIdentity { clock: ClockIdentity([2; 8]), port: 7 };
        let header = Header { source, sequence_id: 99, correction_field: 5, ..Header::default() };
        let request = Message { header, body: Body::DelayReq(DelayReq::default()) };
        let answer = master().answer(&request, time()).unwrap();
        assert_eq!((answer.header.sequence_id, answer.header.log_message_interval), (99, 4));
        let Body::DelayResp(body) = answer.body else { panic!("{answer:?}") };
        assert_eq!(body.requesting_port, source);
        // The correction of the request is subtracted with the answer's (11.3).
        let told = body.receive_timestamp.to_tai() - answer.header.correction();
        let expected = time() - header.correction();
        assert!((told - expected).seconds().abs() < 1e-9 / 65_536.0);
        assert_eq!(master().answer(&answer, time()), None);
    }

    #[test]
    fn intervals_are_powers_of_two_from_a_sixteenth_to_sixteen_seconds() {
        assert_eq!(interval(-4).seconds(), 0.0625);
        assert_eq!(interval(0), Duration::SECOND);
        assert_eq!(interval(4), Duration::from_secs(16));
        let out = |sync| Intervals { sync, ..Intervals::default() }.out_of_range();
        assert_eq!([-5, -4, 4, 5].map(out), [Some(-5), None, None, Some(5)]);
    }
}
