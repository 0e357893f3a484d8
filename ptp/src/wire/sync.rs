use clock_models::time::PtpTimestamp;

use super::header::MessageType;
use super::reader::{Reader, put_timestamp};
use crate::rejection::Rejection;

/// Sync (IEEE 1588-2019 13.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sync {
    /// originTimestamp: t1 of a one-step Sync; of a two-step one 0, or about t1.
    pub origin_timestamp: PtpTimestamp,
}

/// Delay_Req (13.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DelayReq {
    /// originTimestamp: 0, or about t3.
    pub origin_timestamp: PtpTimestamp,
}

impl Sync {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Rejection> {
        Ok(Self { origin_timestamp: reader.timestamp()? })
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) -> MessageType {
        put_timestamp(self.origin_timestamp, bytes);
        MessageType::Sync
    }
}

impl DelayReq {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Rejection> {
        Ok(Self { origin_timestamp: reader.timestamp()? })
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) -> MessageType {
        put_timestamp(self.origin_timestamp, bytes);
        MessageType::DelayReq
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Body, ClockIdentity, Flags, Header, Message, PortIdentity, tests::assert_bytes,
    };
    use super::*;

    #[test]
    fn sync_of_ptp4l_3_1_1_reads_and_writes_byte_for_byte() {
        let clock = ClockIdentity::from_mac([0xd6, 0x51, 0xb5, 0x36, 0x4c, 0x08]);
        let header = Header {
            flags: Flags::TWO_STEP,
            source: PortIdentity { clock, port: 1 },
            sequence_id: 1,
            ..Header::default()
        };
        assert_bytes(
            "0002002c00000200000000000000000000000000d651b5fffe364c08000100010000
             00000000000000000000",
            &Message { header, body: Body::Sync(Sync::default()) },
        );
    }

    #[test]
    fn delay_req_that_ptp4l_3_1_1_answers_reads_and_writes_byte_for_byte() {
        let header = Header {
            minor_version: 1,
            correction_field: 1234 << 16 | 0x8000,
            source: PortIdentity { clock: ClockIdentity([2, 0, 0, 255, 254, 0, 0, 2]), port: 7 },
            sequence_id: 0x1234,
            log_message_interval: 0x7f,
            ..Header::default()
        };
        assert_bytes(
            "0112002c000000000000000004d2800000000000020000fffe00000200071234017f
             00000000000000000000",
            &Message { header, body: Body::DelayReq(DelayReq::default()) },
        );
    }
}
