use clock_models::time::PtpTimestamp;

use super::header::MessageType;
use super::identity::PortIdentity;
use super::reader::{Reader, put_timestamp};
use crate::rejection::Rejection;

/// What makes a Pdelay_Req as long as its answer, which then takes as long on its way.
const RESERVED: [u8; 10] = [0; 10];

/// Pdelay_Req (IEEE 1588-2019 13.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PdelayReq {
    /// originTimestamp: 0, or about t1.
    pub origin_timestamp: PtpTimestamp,
}

/// Pdelay_Resp (13.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PdelayResp {
    /// requestReceiptTimestamp: t2, when the Pdelay_Req arrived; 0 where the
    /// correctionField tells how long it was kept.
    pub request_receipt_timestamp: PtpTimestamp,
    /// requestingPortIdentity: whom it answers.
    pub requesting_port: PortIdentity,
}

/// Pdelay_Resp_Follow_Up (13.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PdelayRespFollowUp {
    /// responseOriginTimestamp: t3, when the Pdelay_Resp left; 0 where the
    /// correctionField tells how long the request was kept.
    pub response_origin_timestamp: PtpTimestamp,
    /// requestingPortIdentity: whom it answers.
    pub requesting_port: PortIdentity,
}

impl PdelayReq {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Rejection> {
        let origin_timestamp = reader.timestamp()?;
        let _reserved: [u8; RESERVED.len()] = reader.take()?;
        Ok(Self { origin_timestamp })
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) -> MessageType {
        put_timestamp(self.origin_timestamp, bytes);
        bytes.extend_from_slice(&RESERVED);
        MessageType::PdelayReq
    }
}

impl PdelayResp {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Rejection> {
        Ok(Self {
            request_receipt_timestamp: reader.timestamp()?,
            requesting_port: PortIdentity::decode(reader)?,
        })
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) -> MessageType {
        put_timestamp(self.request_receipt_timestamp, bytes);
        self.requesting_port.encode(bytes);
        MessageType::PdelayResp
    }
}

impl PdelayRespFollowUp {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Rejection> {
        Ok(Self {
            response_origin_timestamp: reader.timestamp()?,
            requesting_port: PortIdentity::decode(reader)?,
        })
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) -> MessageType {
        put_timestamp(self.response_origin_timestamp, bytes);
        self.requesting_port.encode(bytes);
        MessageType::PdelayRespFollowUp
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Body, ClockIdentity, Flags, Header, Message, tests::assert_bytes};
    use super::*;

    const HERE: PortIdentity = PortIdentity { clock: ClockIdentity([2; 8]), port: 7 };
    const NEIGHBOUR: PortIdentity = PortIdentity { clock: ClockIdentity([3; 8]), port: 1 };

    fn header(source: PortIdentity) -> Header {
        Header {
            domain: 24,
            source,
            sequence_id: 0x1234,
            log_message_interval: 0x7f,
            ..Header::default()
        }
    }

    #[test]
    fn pdelay_req_is_as_long_as_its_answer() {
        let body = Body::PdelayReq(PdelayReq::default());
        assert_bytes(
            "0202003618000000000000000000000000000000020202020202020200071234057f
             00000000000000000000 00000000000000000000",
            &Message { header: header(HERE), body },
        );
    }

    #[test]
    fn pdelay_resp_and_its_follow_up_have_every_field_in_its_place() {
        let stamp = PtpTimestamp::new(1_795_324_923, 4_003_618).unwrap();
        let response = PdelayResp { request_receipt_timestamp: stamp, requesting_port: HERE };
        assert_bytes(
            "0302003618000200000000000000000000000000030303030303030300011234057f
             00006b027bfb003d1722 02020202020202020007",
            &Message {
                header: Header { flags: Flags::TWO_STEP, ..header(NEIGHBOUR) },
                body: Body::PdelayResp(response),
            },
        );
        // In one step.
        let response = PdelayResp { requesting_port: HERE, ..PdelayResp::default() };
        assert_bytes(
            "0302003618000000 0000000001e40000 00000000 0303030303030303 0001 1234 057f
             00000000000000000000 02020202020202020007",
            &Message {
                header: Header { correction_field: 484 << 16, ..header(NEIGHBOUR) },
                body: Body::PdelayResp(response),
            },
        );
        let follow_up =
            PdelayRespFollowUp { response_origin_timestamp: stamp, requesting_port: HERE };
        assert_bytes(
            "0a0200361800000000000000004d2800 00000000 0303030303030303 0001 1234 057f
             00006b027bfb003d1722 02020202020202020007",
            &Message {
                header: Header { correction_field: 0x004d_2800, ..header(NEIGHBOUR) },
                body: Body::PdelayRespFollowUp(follow_up),
            },
        );
    }
}
