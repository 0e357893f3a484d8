use clock_models::time::PtpTimestamp;

use super::header::MessageType;
use super::identity::PortIdentity;
use super::reader::{Reader, put_timestamp};
use crate::rejection::Rejection;

/// Delay_Resp (IEEE 1588-2019 13.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DelayResp {
    /// receiveTimestamp: t4, when the Delay_Req with the same sequenceId arrived.
    pub receive_timestamp: PtpTimestamp,
    /// requestingPortIdentity: whom it answers.
    pub requesting_port: PortIdentity,
}

impl DelayResp {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Rejection> {
        Ok(Self {
            receive_timestamp: reader.timestamp()?,
            requesting_port: PortIdentity::decode(reader)?,
        })
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) -> MessageType {
        put_timestamp(self.receive_timestamp, bytes);
        self.requesting_port.encode(bytes);
        MessageType::DelayResp
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Body, ClockIdentity, Header, Message, tests::assert_bytes};
    use super::*;

    #[test]
    fn delay_resp_of_ptp4l_3_1_1_reads_and_writes_byte_for_byte() {
        let clock = ClockIdentity::from_mac([0xd6, 0x51, 0xb5, 0x36, 0x4c, 0x08]);
        let header = Header {
            correction_field: 1234 << 16 | 0x8000,
            source: PortIdentity { clock, port: 1 },
            sequence_id: 0x1234,
            ..Header::default()
        };
        let response = DelayResp {
            receive_timestamp: PtpTimestamp::new(1_795_324_923, 4_003_618).unwrap(),
            requesting_port: PortIdentity {
                clock: ClockIdentity([2, 0, 0, 255, 254, 0, 0, 2]),
                port: 7,
            },
        };
        assert_bytes(
            "09020036000000000000000004d2800000000000d651b5fffe364c08000112340300
             00006b027bfb003d1722 020000fffe0000020007",
            &Message { header, body: Body::DelayResp(response) },
        );
    }
}
