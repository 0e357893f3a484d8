//! Answers clients (RFC 5905 mode 4) from a stated clock.

mod interleaved;

use clock_models::time::{Duration, LeapTable, NtpShort, NtpTimestamp, Timestamp, Utc};

use crate::packet::{Header, LeapIndicator, Mode, Packet, PacketError, ReferenceId, Version};

pub use interleaved::{Departing, Interleaved};

/// The root dispersion of a clock that is not synchronised: MAXDISP, s
/// (RFC 5905 figure 6).
const MAX_DISPERSION: f64 = 16.0;
/// The strata of synchronised clocks (RFC 5905 figure 11).
const STRATA: std::ops::RangeInclusive<u8> = 1..=15;

/// A leap second is announced for the UTC day at whose end it is (RFC 5905 section 7.3).
const LEAP_ANNOUNCEMENT: Duration = Duration::from_secs(86_400);

/// What the server states of its clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerState {
    /// Precision of the clock, log2 s.
    pub precision: i8,
    /// What it follows, or `None` while it is unsynchronised.
    pub synchronised: Option<Synchronised>,
}

/// What a synchronised clock states of its way to its primary reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Synchronised {
    /// The leap second to announce.
    pub leap: LeapIndicator,
    /// 1 to 15; beyond that the clock counts as unsynchronised.
    pub stratum: u8,
    /// Round-trip delay to the primary reference, s, ≥ 0. Rounded up on the wire.
    pub root_delay: f64,
    /// Maximum error besides half that delay, s, ≥ 0. Rounded up on the wire.
    pub root_dispersion: f64,
    /// What is followed.
    pub reference_id: ReferenceId,
    /// When the clock was last corrected.
    pub reference_time: Timestamp<Utc>,
}

/// Why a packet is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// Shorter than the header.
    #[error("{0} bytes are too few for a request")]
    TooShort(usize),
    /// Neither version 3 nor 4.
    #[error("version {0} is not served")]
    Version(u8),
    /// Any mode but client: answering those makes loops between servers.
    #[error("mode {0:?} is no client request")]
    NotAClientRequest(Mode),
    /// An extension field states a length that cannot be.
    #[error("an extension field states a length of {0} bytes")]
    MalformedExtension(u16),
}

impl Dropped {
    /// A stable label for metrics and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooShort(_) => "too-short",
            Self::Version(_) => "version",
            Self::NotAClientRequest(_) => "not-a-client-request",
            Self::MalformedExtension(_) => "malformed-extension",
        }
    }
}

impl From<PacketError> for Dropped {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::TooShort(length) => Self::TooShort(length),
            PacketError::Version(version) => Self::Version(version),
            PacketError::ExtensionLength(length) => Self::MalformedExtension(length),
        }
    }
}

/// An answer that lacks only its transmit time.
#[derive(Debug)]
#[must_use = "a response is sent"]
pub struct Response {
    header: Header,
    /// In interleaved mode: when the answer before it left.
    left_before: Option<NtpTimestamp>,
    departing: Option<Departing>,
}

impl Response {
    /// The bytes to send, with the time at which they leave. To be called last: what
    /// happens between here and the wire is an error of a basic answer.
    #[must_use]
    pub fn finish(self, transmit: Timestamp<Utc>) -> [u8; Header::LEN] {
        let transmit = self.left_before.unwrap_or_else(|| {
            let transmit = NtpTimestamp::from_utc(transmit);
            // Equal ones would hide which mode it is (RFC 9769 section 2).
            let equal = transmit == self.header.receive;
            NtpTimestamp::from_bits(transmit.to_bits().wrapping_add(u64::from(equal)))
        });
        Header { transmit, ..self.header }.emit()
    }

    /// It tells when the answer before it left.
    #[must_use]
    pub const fn is_interleaved(&self) -> bool {
        self.left_before.is_some()
    }

    /// Where it is of use to know when the answer left: to be told to
    /// [`Interleaved::left`].
    #[must_use]
    pub const fn departing(&self) -> Option<Departing> {
        self.departing
    }
}

/// The leap second to announce at `now`, by the table in force.
#[must_use]
pub fn leap_indicator(leaps: &LeapTable, now: Timestamp<Utc>) -> LeapIndicator {
    match leaps.next_event(now) {
        Some(event) if event.midnight - now > LEAP_ANNOUNCEMENT => LeapIndicator::NoWarning,
        Some(event) if event.inserted => LeapIndicator::Insert,
        Some(_) => LeapIndicator::Delete,
        None => LeapIndicator::NoWarning,
    }
}

/// Answers a request that came in at `receive`.
///
/// Extension fields are not answered, nor is a MAC: a client that asks for either sees
/// that it is missing. So the answer is never longer than the request, and the server
/// is no amplifier.
///
/// # Errors
/// Why the packet gets no answer.
pub fn respond(
    request: &[u8],
    receive: Timestamp<Utc>,
    state: &ServerState,
) -> Result<Response, Dropped> {
    Ok(timed(&parse(request)?, NtpTimestamp::from_utc(receive), state))
}

/// A request that is answered.
fn parse(request: &[u8]) -> Result<Header, Dropped> {
    let request = Packet::parse(request)?.header;
    if request.version < Version::V3 {
        return Err(Dropped::Version(request.version as u8));
    }
    if request.mode != Mode::Client {
        return Err(Dropped::NotAClientRequest(request.mode));
    }
    Ok(request)
}

/// The answer in basic mode.
fn timed(request: &Header, receive: NtpTimestamp, state: &ServerState) -> Response {
    let header = Header {
        poll: request.poll,
        origin: request.transmit,
        receive,
        ..stated(state, request.version)
    };
    Response { header, left_before: None, departing: None }
}

/// The fields that say what the clock is.
fn stated(state: &ServerState, version: Version) -> Header {
    let blank = Header { precision: state.precision, ..Header::blank(version, Mode::Server) };
    match state.synchronised.filter(|clock| STRATA.contains(&clock.stratum)) {
        Some(clock) => Header {
            leap: clock.leap,
            stratum: clock.stratum,
            root_delay: NtpShort::from_seconds_up(clock.root_delay),
            root_dispersion: NtpShort::from_seconds_up(clock.root_dispersion),
            reference_id: clock.reference_id,
            reference_time: NtpTimestamp::from_utc(clock.reference_time),
            ..blank
        },
        // Stratum 16 travels as 0 (RFC 5905 section 7.3). The zero reference id is no
        // kiss code, so nobody takes this for a request to go away.
        None => Header {
            leap: LeapIndicator::Unsynchronised,
            root_dispersion: NtpShort::from_seconds_up(MAX_DISPERSION),
            ..blank
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-22T04:46:44Z.
    const NOW: Timestamp<Utc> = Timestamp::from_secs(1_795_322_804);

    fn state() -> ServerState {
        ServerState {
            precision: -24,
            synchronised: Some(Synchronised {
                leap: LeapIndicator::Insert,
                stratum: 2,
                root_delay: 1.0 / 65_536.0,
                root_dispersion: 1.1 / 65_536.0,
                reference_id: ReferenceId::from_bytes([192, 0, 2, 1]),
                reference_time: NOW,
            }),
        }
    }

    fn request(version: Version) -> Header {
        Header {
            poll: 7,
            transmit: NtpTimestamp::from_bits(0x1122_3344_5566_7788),
            ..Header::blank(version, Mode::Client)
        }
    }

    fn answer(request: &[u8], state: &ServerState) -> Result<Header, Dropped> {
        let bytes = respond(request, NOW, state)?.finish(NOW);
        Ok(Header::parse(&bytes).unwrap())
    }

    #[test]
    fn an_answer_is_this_sequence_of_bytes() {
        let request = request(Version::V4).emit();
        #[rustfmt::skip]
        let bytes = [
            0x64, 0x02, 0x07, 0xe8,
            0x00, 0x00, 0x00, 0x01,
            0x00, 0x00, 0x00, 0x02,                         // rounded up
            0xc0, 0x00, 0x02, 0x01,
            0xee, 0xac, 0xf2, 0x34, 0x00, 0x00, 0x00, 0x00, // 1 795 322 804 + 2 208 988 800
            0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
            0xee, 0xac, 0xf2, 0x34, 0x00, 0x00, 0x00, 0x00,
            0xee, 0xac, 0xf2, 0x35, 0x00, 0x00, 0x00, 0x00,
        ];
        let transmit = Timestamp::from_secs(1_795_322_805);
        assert_eq!(respond(&request, NOW, &state()).unwrap().finish(transmit), bytes);
    }

    #[test]
    fn version_origin_and_poll_are_mirrored() {
        for version in [Version::V3, Version::V4] {
            let request = request(version);
            let answer = answer(&request.emit(), &state()).unwrap();
            assert_eq!(answer.version, version);
            assert_eq!((answer.origin, answer.poll), (request.transmit, 7));
            assert_eq!(answer.mode, Mode::Server);
        }
    }

    #[test]
    fn an_unsynchronised_clock_says_so_and_sends_no_kiss_code() {
        let beyond = Synchronised { stratum: 16, ..state().synchronised.unwrap() };
        for synchronised in [None, Some(beyond)] {
            let state = ServerState { synchronised, ..state() };
            let answer = answer(&request(Version::V4).emit(), &state).unwrap();
            assert_eq!((answer.leap, answer.stratum), (LeapIndicator::Unsynchronised, 0));
            assert_eq!(answer.reference_id.code(), None);
            assert!(answer.root_dispersion.seconds() >= MAX_DISPERSION);
            assert_eq!(answer.reference_time, NtpTimestamp::ZERO);
        }
    }

    #[test]
    fn what_is_no_request_is_dropped_by_name() {
        let dropped = |bytes: &[u8]| answer(bytes, &state()).unwrap_err();
        let good = request(Version::V4).emit();
        assert_eq!(dropped(&[]), Dropped::TooShort(0));
        assert_eq!(dropped(&good[..47]), Dropped::TooShort(47));
        for version in [0, 1, 2, 5, 6, 7] {
            let mut bytes = good;
            bytes[0] = version << 3 | 3;
            assert_eq!(dropped(&bytes), Dropped::Version(version));
        }
        for mode in [Mode::Reserved, Mode::SymmetricActive, Mode::Server, Mode::Control] {
            let bytes = Header::blank(Version::V4, mode).emit();
            assert_eq!(dropped(&bytes), Dropped::NotAClientRequest(mode));
        }
        let bytes = [&good[..], &[0; 32]].concat();
        assert_eq!(dropped(&bytes), Dropped::MalformedExtension(0));
        assert_eq!(dropped(&bytes).name(), "malformed-extension");
    }

    #[test]
    fn a_leap_second_is_announced_for_its_day() {
        let leaps = LeapTable::built_in();
        let midnight = Timestamp::from_date(2017, 1, 1).unwrap();
        let before = |seconds| leap_indicator(&leaps, midnight - Duration::from_secs(seconds));
        assert_eq!(before(86_401), LeapIndicator::NoWarning);
        assert_eq!([86_400, 1].map(before), [LeapIndicator::Insert; 2]);
        assert_eq!(before(0), LeapIndicator::NoWarning);
    }

    #[test]
    fn unknown_extension_fields_and_macs_do_not_hinder_an_answer() {
        let field = [&[0xf3, 0x23, 0, 28][..], &[0; 24]].concat();
        let mac = [7; 20].to_vec();
        for rest in [field.clone(), mac.clone(), [field, mac].concat(), vec![1, 2, 3]] {
            let bytes = [&request(Version::V4).emit()[..], &rest].concat();
            assert!(answer(&bytes, &state()).is_ok(), "{rest:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_get_a_named_drop_or_an_answer_that_is_no_longer(
            bytes in prop::collection::vec(any::<u8>(), 0..200)
        ) {
            match respond(&bytes, NOW, &state()) {
                Ok(response) => prop_assert!(response.finish(NOW).len() <= bytes.len()),
                Err(dropped) => prop_assert!(!dropped.name().is_empty()),
            }
        }

        #[test]
        fn root_delay_and_dispersion_never_read_as_less_than_they_are(
            delay in 0.0..1000.0, dispersion in 0.0..1000.0
        ) {
            let clock = state().synchronised.map(|clock| Synchronised {
                root_delay: delay,
                root_dispersion: dispersion,
                ..clock
            });
            let state = ServerState { synchronised: clock, ..state() };
            let answer = answer(&request(Version::V4).emit(), &state).unwrap();
            prop_assert!(answer.root_delay.seconds() >= delay);
            prop_assert!(answer.root_dispersion.seconds() >= dispersion);
            prop_assert!(answer.root_delay.seconds() < delay + 2e-5);
        }
    }
}
