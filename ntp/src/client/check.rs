//! The packet checks of RFC 5905 sections 7.4 and 8 and appendix A.5.1.1, and what is
//! left of an answer that passes them.

use clock_models::comparison::{Comparison, Reading, Stamp, Upstream};
use clock_models::time::{Duration, LeapTable, NtpTimestamp, Tai, Timestamp, Utc, UtcReading};

use super::{Answer, ClientConfig, Rejection};
use crate::packet::{Header, LeapIndicator, Mode, Packet, Version};

/// The strata of synchronised servers (RFC 5905 figure 11).
const STRATA: std::ops::RangeInclusive<u8> = 1..=15;
/// Within this of a leap second nothing is believed: servers differ in when, and for how
/// long, they repeat the second.
const LEAP_GUARD: Duration = Duration::from_secs(5);
/// A negative delay is blamed on the stamps up to this many standard uncertainties.
const STAMP_COVERAGE: f64 = 3.0;
/// The coarsest server clock that is granted its precision as doubt about the delay,
/// log2 s: 16 ms, the tick of old systems.
const COARSEST_PRECISION: i8 = -6;

/// A packet that may be an answer: right length, version and mode.
pub(super) fn answer_header(bytes: &[u8]) -> Result<Header, Rejection> {
    let header = Packet::parse(bytes)?.header;
    if header.version < Version::V3 {
        return Err(Rejection::Version(header.version as u8));
    }
    if header.mode != Mode::Server {
        return Err(Rejection::Mode(header.mode));
    }
    Ok(header)
}

/// Which time an answer tells as that of its departure (RFC 9769 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Its own.
    Basic,
    /// That of the answer before it.
    Interleaved,
}

/// How a server's time stamps become TAI.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale<'a> {
    /// UTC to within 68 years.
    pub(super) near: Timestamp<Utc>,
    pub(super) leap: &'a LeapTable,
}

impl Scale<'_> {
    /// T2 and T3 of one answer, if they can be a pair, and mean what they say.
    fn interval(
        &self,
        t2: Timestamp<Utc>,
        t3: Timestamp<Utc>,
    ) -> Result<(Timestamp<Tai>, Timestamp<Tai>), Rejection> {
        if t3 < t2 {
            return Err(Rejection::ServerTimesOutOfOrder);
        }
        let event = self.leap.next_event(t2 - LEAP_GUARD);
        if event.is_some_and(|event| event.midnight <= t3 + LEAP_GUARD) {
            return Err(Rejection::NearLeapSecond);
        }
        let tai = |timestamp| self.leap.to_tai(UtcReading { timestamp, in_leap_second: false });
        Ok((tai(t2), tai(t3)))
    }
}

/// An answer of a server that may be believed, before its delay is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reply {
    header: Header,
    /// T2.
    server_receive: Timestamp<Tai>,
    /// T3; `None` while it was not told yet (interleaved mode).
    server_transmit: Option<Timestamp<Tai>>,
    /// Which answer told T3.
    form: Form,
    /// T4.
    pub(super) receive: Stamp,
}

impl Reply {
    /// Checks what the server says of itself and of its time.
    pub(super) fn new(
        header: Header,
        form: Form,
        receive: Stamp,
        max_root_distance: f64,
        scale: &Scale<'_>,
    ) -> Result<Self, Rejection> {
        check_synchronised(&header)?;
        let distance = header.root_delay.seconds() / 2.0 + header.root_dispersion.seconds();
        if distance >= max_root_distance {
            return Err(Rejection::RootDistance(distance));
        }
        if header.receive == NtpTimestamp::ZERO || header.transmit == NtpTimestamp::ZERO {
            return Err(Rejection::ZeroTimeStamp);
        }
        let t2 = header.receive.to_utc(scale.near);
        let (server_receive, _) = scale.interval(t2, t2)?;
        let reply = Self { header, server_receive, server_transmit: None, form, receive };
        match form {
            Form::Basic => reply.left_at(header.transmit, form, scale),
            Form::Interleaved => Ok(reply),
        }
    }

    /// With the T3 of this answer, which the server told by it or by the next one.
    pub(super) fn left_at(
        self,
        transmit: NtpTimestamp,
        form: Form,
        scale: &Scale<'_>,
    ) -> Result<Self, Rejection> {
        let t2 = self.header.receive.to_utc(scale.near);
        let t3 = transmit.to_utc(scale.near);
        let (_, server_transmit) = scale.interval(t2, t3)?;
        // Zero is "unknown" (RFC 5905 section 6).
        let reference = Some(self.header.reference_time).filter(|r| *r != NtpTimestamp::ZERO);
        if reference.is_some_and(|reference| reference.to_utc(t3) > t3) {
            return Err(Rejection::ReferenceTimeAfterTransmit);
        }
        Ok(Self { server_transmit: Some(server_transmit), form, ..self })
    }

    /// T3 is known.
    pub(super) const fn is_told(&self) -> bool {
        self.server_transmit.is_some()
    }

    /// T2 as it travelled: under this name a server remembers its answer.
    pub(super) const fn receive_time(&self) -> NtpTimestamp {
        self.header.receive
    }

    /// T3 as it travelled.
    pub(super) const fn transmit_time(&self) -> NtpTimestamp {
        self.header.transmit
    }

    /// The answer, once the time at which the request left (T1) is known.
    pub(super) fn answer(
        &self,
        transmit: Stamp,
        config: &ClientConfig,
    ) -> Result<Answer, Rejection> {
        let receive = self.receive;
        let server_transmit = self.server_transmit.ok_or(Rejection::NotInterleaved)?;
        let at_server = server_transmit - self.server_receive;
        let delay = (receive.at - transmit.at - at_server).seconds();
        let stamp_uncertainty = transmit.uncertainty.hypot(receive.uncertainty);
        let precision = f64::from(self.header.precision.min(COARSEST_PRECISION)).exp2();
        if delay < -(STAMP_COVERAGE * stamp_uncertainty + precision) {
            return Err(Rejection::NegativeDelay(delay));
        }
        if delay > config.max_delay {
            return Err(Rejection::DelayTooLong(delay));
        }
        Ok(Answer {
            comparison: Comparison {
                from_reference: Some(reading(server_transmit, receive)),
                to_reference: Some(reading(self.server_receive, transmit)),
                stamp_uncertainty,
                upstream: Upstream {
                    root_delay: self.header.root_delay.seconds(),
                    root_dispersion: self.header.root_dispersion.seconds(),
                    follows: self.header.stratum > 1,
                },
            },
            received: receive.at,
            delay,
            stamped_by: transmit.by.min(receive.by),
            leap: self.header.leap,
            stratum: self.header.stratum,
            reference_id: self.header.reference_id,
            precision: self.header.precision,
            interleaved: self.form == Form::Interleaved,
        })
    }
}

fn reading(server: Timestamp<Tai>, local: Stamp) -> Reading {
    Reading { at: local.at, difference: server.since_epoch() - local.at.since_epoch() }
}

/// Kiss-o'-death, leap indicator and stratum.
fn check_synchronised(header: &Header) -> Result<(), Rejection> {
    if header.stratum == 0 {
        match header.reference_id.code() {
            Some("RATE") => return Err(Rejection::KissRate),
            Some("DENY") => return Err(Rejection::KissDeny),
            Some("RSTR") => return Err(Rejection::KissRestricted),
            // Not yet, or not any more, synchronised (RFC 5905 figure 13), and no code.
            Some("INIT" | "STEP") | None => {}
            Some(_) => return Err(Rejection::KissUnknown(header.reference_id)),
        }
    }
    if header.leap == LeapIndicator::Unsynchronised {
        return Err(Rejection::Unsynchronised);
    }
    if !STRATA.contains(&header.stratum) {
        return Err(Rejection::Stratum(header.stratum));
    }
    Ok(())
}
