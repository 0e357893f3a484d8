//! Why a message, a time stamp or an exchange was refused.

use std::fmt;

/// One reason for each test that a message or an exchange can fail.
///
/// On a multicast network some are everyday events and no fault: every slave hears the
/// other slaves' [`OtherPort`](Self::OtherPort) messages and those of masters that the
/// BMCA did not choose ([`NotMaster`](Self::NotMaster)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rejection {
    /// Shorter than its type or its messageLength says (IEEE 1588-2019 13.3).
    Length,
    /// versionPTP is not 2 (13.3).
    Version,
    /// A type that a slave has no use for: Signaling, Management, the messages of the
    /// delay mechanism that is not the port's, or reserved (13.3.2.3).
    MessageType,
    /// A time stamp of 10⁹ ns or more (5.3.3), or one that its correction takes to
    /// before the epoch.
    TimeStamp,
    /// The correctionField says that it holds too large a value (13.3.2.9).
    Correction,
    /// Another sdoId than 0x000 (7.1.4), such as that of IEEE 802.1AS.
    SdoId,
    /// Another domain than the port's (7.1).
    Domain,
    /// alternateMasterFlag is set (17.3).
    AlternateMaster,
    /// Sent by this clock, and looped back.
    OwnMessage,
    /// It came while the link was down.
    LinkDown,
    /// An event message without its receive time stamp.
    NoReceiveStamp,
    /// Sync, Follow_Up or Delay_Resp of a port that is not the selected master.
    NotMaster,
    /// Delay_Req, Delay_Resp or their likes of the peer delay mechanism between others.
    OtherPort,
    /// An Announce that has come 255 boundary clocks or more (9.3.2.5).
    StepsRemoved,
    /// An Announce that names this slave-only clock as its grandmaster.
    OwnGrandmaster,
    /// More masters announce themselves than the port keeps.
    TooManyMasters,
    /// Its sequenceId is not newer than the last: a duplicate, a replay, or overtaken
    /// on its way.
    Replayed,
    /// A Delay_Resp or Pdelay_Resp to no open request.
    Unsolicited,
    /// The master's time is neither TAI nor declared to be anything else.
    ArbitraryTimescale,
    /// UTC of a master within the second that is counted twice or left out.
    LeapSecond,
    /// No Follow_Up came before the next Sync.
    FollowUpMissing,
    /// No Delay_Resp came before the next Delay_Req.
    DelayRespMissing,
    /// No Pdelay_Resp, or not the rest of it, came before the next Pdelay_Req.
    PdelayRespMissing,
    /// More than one port answered a Pdelay_Req: there is no link to one neighbour, and the
    /// mean link delay has no meaning (11.4.1).
    MultipleResponders,
    /// A peer delay exchange that no link can show, such as one with a clock that was
    /// stepped in the midst of it.
    LinkDelay,
    /// No transmit time stamp came before the next Delay_Req or Pdelay_Req.
    TransmitStampMissing,
    /// A transmit time stamp of an exchange that is over.
    TransmitStampLate,
}

impl Rejection {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 27] = [
        Self::Length,
        Self::Version,
        Self::MessageType,
        Self::TimeStamp,
        Self::Correction,
        Self::SdoId,
        Self::Domain,
        Self::AlternateMaster,
        Self::OwnMessage,
        Self::LinkDown,
        Self::NoReceiveStamp,
        Self::NotMaster,
        Self::OtherPort,
        Self::StepsRemoved,
        Self::OwnGrandmaster,
        Self::TooManyMasters,
        Self::Replayed,
        Self::Unsolicited,
        Self::ArbitraryTimescale,
        Self::LeapSecond,
        Self::FollowUpMissing,
        Self::DelayRespMissing,
        Self::PdelayRespMissing,
        Self::MultipleResponders,
        Self::LinkDelay,
        Self::TransmitStampMissing,
        Self::TransmitStampLate,
    ];

    /// As in logs and metric labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Version => "version",
            Self::MessageType => "message-type",
            Self::TimeStamp => "time-stamp",
            Self::Correction => "correction",
            Self::SdoId => "sdo-id",
            Self::Domain => "domain",
            Self::AlternateMaster => "alternate-master",
            Self::OwnMessage => "own-message",
            Self::LinkDown => "link-down",
            Self::NoReceiveStamp => "no-receive-stamp",
            Self::NotMaster => "not-master",
            Self::OtherPort => "other-port",
            Self::StepsRemoved => "steps-removed",
            Self::OwnGrandmaster => "own-grandmaster",
            Self::TooManyMasters => "too-many-masters",
            Self::Replayed => "replayed",
            Self::Unsolicited => "unsolicited",
            Self::ArbitraryTimescale => "arbitrary-timescale",
            Self::LeapSecond => "leap-second",
            Self::FollowUpMissing => "follow-up-missing",
            Self::DelayRespMissing => "delay-resp-missing",
            Self::PdelayRespMissing => "pdelay-resp-missing",
            Self::MultipleResponders => "multiple-responders",
            Self::LinkDelay => "link-delay",
            Self::TransmitStampMissing => "transmit-stamp-missing",
            Self::TransmitStampLate => "transmit-stamp-late",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Rejection {}

/// How often each reason occurred.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rejections {
    counts: [u64; Rejection::ALL.len()],
}

impl Rejections {
    /// How often this one did.
    #[must_use]
    pub fn count(&self, reason: Rejection) -> u64 {
        self.counts[reason as usize]
    }

    /// Those that occurred at all.
    pub fn iter(&self) -> impl Iterator<Item = (Rejection, u64)> + '_ {
        Rejection::ALL.into_iter().zip(self.counts).filter(|&(_, count)| count > 0)
    }

    pub(crate) fn add(&mut self, reason: Rejection) {
        self.counts[reason as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_and_a_name_of_its_own() {
        let mut rejections = Rejections::default();
        for (index, reason) in Rejection::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
            for _ in 0..=index {
                rejections.add(reason);
            }
        }
        let counts: Vec<u64> = rejections.iter().map(|(_, count)| count).collect();
        assert_eq!(counts, (1..=27).collect::<Vec<u64>>());
        let mut names = Rejection::ALL.map(Rejection::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 27);
        let kebab = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(names.into_iter().all(kebab));
    }
}
