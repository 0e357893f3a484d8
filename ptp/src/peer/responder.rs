//! The Delay Responder of the peer delay mechanism (IEEE 1588-2019 11.4.2).

use std::collections::VecDeque;

use clock_models::comparison::Stamp;
use clock_models::time::{Duration, Free, Timestamp};

use crate::rejection::Rejection;
use crate::wire::{Body, Flags, Header, Message, PdelayResp, PdelayRespFollowUp, PortIdentity};

/// Answers whose transmit stamp is awaited at a time. A neighbour asks again only later.
const AWAITED: usize = 4;

/// Answers the neighbour in two steps.
///
/// Both stamps of the answers are 0, and the time that a request was kept is in the
/// correctionField of the Pdelay_Resp_Follow_Up, as the standard allows: it needs no time
/// of day. It is by this host's oscillator, which is off by as much of it as that is fast
/// or slow: 20 ns in 1 ms at 20 ppm.
#[derive(Debug, Default)]
pub(super) struct Responder {
    awaited: VecDeque<Awaited>,
}

/// A Pdelay_Resp whose transmit stamp is still to come.
#[derive(Debug)]
struct Awaited {
    id: u64,
    requesting_port: PortIdentity,
    sequence_id: u16,
    correction_field: i64,
    received: Timestamp<Free>,
}

impl Responder {
    /// The answer to a request, with `own` as its header but for what the request sets; and
    /// what was missing of the oldest one, if there are too many.
    pub(super) fn received(
        &mut self,
        id: u64,
        request: &Header,
        stamp: Stamp,
        own: Header,
    ) -> (Message, Option<Rejection>) {
        let oldest = (self.awaited.len() == AWAITED).then(|| self.awaited.pop_front()).flatten();
        self.awaited.push_back(Awaited {
            id,
            requesting_port: request.source,
            sequence_id: request.sequence_id,
            correction_field: request.correction_field,
            received: stamp.at,
        });
        let response = response(request, Header { flags: Flags::TWO_STEP, ..own });
        (response, oldest.map(|_| Rejection::TransmitStampMissing))
    }

    /// The Pdelay_Resp_Follow_Up of an answer that has left; `None` for another message.
    pub(super) fn stamped(
        &mut self,
        id: u64,
        stamp: Stamp,
        own: Header,
    ) -> Option<Result<Message, Rejection>> {
        let place = self.awaited.iter().position(|awaited| awaited.id == id)?;
        let awaited = self.awaited.remove(place)?;
        Some(awaited.follow_up(stamp, own))
    }
}

/// The only answer in one step, to whose correctionField whoever sends it adds for how long it
/// kept the request: 11.4.2 c) 2).
///
/// A driver may have taken its receive stamp off the correctionField of the request, and adds
/// that of the answer: what is between passes any range, and comes back by the same way.
pub(super) fn in_one_step(
    request: &Header,
    latencies: Duration,
    own: Header,
) -> Result<Message, Rejection> {
    let latencies = correction_field(latencies)?;
    let correction_field = request.correction_field.wrapping_add(latencies);
    Ok(response(request, Header { correction_field, ..own }))
}

/// A Pdelay_Resp with requestReceiptTimestamp 0.
fn response(request: &Header, header: Header) -> Message {
    let header = Header { sequence_id: request.sequence_id, ..header };
    let body =
        Body::PdelayResp(PdelayResp { requesting_port: request.source, ..PdelayResp::default() });
    Message { header, body }
}

impl Awaited {
    fn follow_up(&self, stamp: Stamp, own: Header) -> Result<Message, Rejection> {
        let kept = stamp.at - self.received;
        if kept.is_negative() {
            // Stamps in the wrong order are none of one exchange.
            return Err(Rejection::TimeStamp);
        }
        let kept = correction_field(kept)?;
        let correction_field =
            self.correction_field.checked_add(kept).ok_or(Rejection::Correction)?;
        let header = Header { sequence_id: self.sequence_id, correction_field, ..own };
        let body = Body::PdelayRespFollowUp(PdelayRespFollowUp {
            requesting_port: self.requesting_port,
            ..PdelayRespFollowUp::default()
        });
        Ok(Message { header, body })
    }
}

/// In 2⁻¹⁶ ns (13.3.2.9).
fn correction_field(duration: Duration) -> Result<i64, Rejection> {
    i64::try_from(duration.to_bits() >> 16).map_err(|_| Rejection::Correction)
}
