//! Why an exchange, or a packet, is of no use.

use crate::packet::{Mode, PacketError, ReferenceId};

/// Why a packet was refused or an exchange failed. Of the first group nothing is
/// believed: anybody may have sent them. The others echo the random time stamp of the
/// request, so they come from the server or from somebody on the path to it.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// Shorter than the header.
    #[error("{0} bytes are too few for an answer")]
    TooShort(usize),
    /// An extension field states a length that cannot be (RFC 7822).
    #[error("an extension field states a length of {0} bytes")]
    MalformedExtension(u16),
    /// Neither version 3 nor 4.
    #[error("version {0} was not asked for")]
    Version(u8),
    /// Not mode 4.
    #[error("mode {0:?} is no answer of a server")]
    Mode(Mode),
    /// Echoes no request of ours: spoofed, or very late (RFC 5905 section 8, "bogus").
    #[error("the origin time stamp is that of no request")]
    OriginMismatch,
    /// Answers a request that was answered before: replayed, or doubled on the path.
    #[error("the request was answered before")]
    Duplicate,
    /// Answers a request that was given up.
    #[error("the answer came after the request was given up")]
    Late,

    /// Kiss-o'-death: the server wants fewer requests (RFC 5905 section 7.4).
    #[error("the server asks for fewer requests (kiss code RATE)")]
    KissRate,
    /// Kiss-o'-death: the server serves us no more.
    #[error("the server denies its service (kiss code DENY)")]
    KissDeny,
    /// Kiss-o'-death: the server serves us no more, by local policy.
    #[error("the server restricts its service (kiss code RSTR)")]
    KissRestricted,
    /// Another kiss code.
    #[error("the server sends the kiss code {code:?}", code = .0.describe(0))]
    KissUnknown(ReferenceId),
    /// The server says that it is not synchronised.
    #[error("the server is not synchronised")]
    Unsynchronised,
    /// Stratum 0 without a kiss code, or 16 and above.
    #[error("stratum {0} is that of no synchronised server")]
    Stratum(u8),
    /// The receive or transmit time stamp is missing.
    #[error("the receive or transmit time stamp is zero")]
    ZeroTimeStamp,
    /// Half the root delay plus the root dispersion, s, is too much.
    #[error("the server's root distance is {0:.3} s")]
    RootDistance(f64),
    /// T3 is before T2.
    #[error("the server sent its answer before it received the request")]
    ServerTimesOutOfOrder,
    /// The server's clock was last set after T3.
    #[error("the server's reference time is after its transmit time")]
    ReferenceTimeAfterTransmit,
    /// T3 is that of the answer before: the server's clock stands still.
    #[error("the server's transmit time is that of its last answer")]
    FrozenClock,
    /// So near a leap second that a POSIX count may mean either of two seconds.
    #[error("within seconds of a leap second, a time stamp is ambiguous")]
    NearLeapSecond,
    /// The round trip, s, took less than no time, beyond the doubt about the stamps.
    #[error("the round-trip delay is {0:.9} s")]
    NegativeDelay(f64),
    /// The round trip, s, took too long to say anything.
    #[error("the round-trip delay is {0:.3} s")]
    DelayTooLong(f64),
    /// An answer came, but nobody could say when the request had left.
    #[error("the transmit time stamp of the request never came")]
    NoTransmitStamp,

    /// The server forgot an answer before it could tell when that had left, or a packet was
    /// lost in between (interleaved mode, RFC 9769 section 2).
    #[error("the server never told when its answer had left (interleaved mode)")]
    NotInterleaved,

    /// No answer came.
    #[error("no answer came")]
    NoAnswer,
}

impl Rejection {
    /// A stable label for metrics and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooShort(_) => "too-short",
            Self::MalformedExtension(_) => "malformed-extension",
            Self::Version(_) => "version",
            Self::Mode(_) => "mode",
            Self::OriginMismatch => "origin-mismatch",
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::KissRate => "kiss-rate",
            Self::KissDeny => "kiss-deny",
            Self::KissRestricted => "kiss-rstr",
            Self::KissUnknown(_) => "kiss-unknown",
            Self::Unsynchronised => "unsynchronised",
            Self::Stratum(_) => "stratum",
            Self::ZeroTimeStamp => "zero-time-stamp",
            Self::RootDistance(_) => "root-distance",
            Self::ServerTimesOutOfOrder => "server-times-out-of-order",
            Self::ReferenceTimeAfterTransmit => "reference-time-after-transmit",
            Self::FrozenClock => "frozen-clock",
            Self::NearLeapSecond => "near-leap-second",
            Self::NegativeDelay(_) => "negative-delay",
            Self::DelayTooLong(_) => "delay-too-long",
            Self::NoTransmitStamp => "no-transmit-stamp",
            Self::NotInterleaved => "not-interleaved",
            Self::NoAnswer => "no-answer",
        }
    }
}

impl From<PacketError> for Rejection {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::TooShort(length) => Self::TooShort(length),
            PacketError::Version(version) => Self::Version(version),
            PacketError::ExtensionLength(length) => Self::MalformedExtension(length),
        }
    }
}
