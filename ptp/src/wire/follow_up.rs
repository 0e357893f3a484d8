use clock_models::time::PtpTimestamp;

use super::header::MessageType;
use super::reader::{Reader, put_timestamp};
use crate::rejection::Rejection;

/// Follow_Up (IEEE 1588-2019 13.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FollowUp {
    /// preciseOriginTimestamp: t1 of the Sync with the same sequenceId.
    pub precise_origin_timestamp: PtpTimestamp,
}

impl FollowUp {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Rejection> {
        Ok(Self { precise_origin_timestamp: reader.timestamp()? })
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) -> MessageType {
        put_timestamp(self.precise_origin_timestamp, bytes);
        MessageType::FollowUp
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Body, ClockIdentity, Header, Message, PortIdentity, tests::assert_bytes};
    use super::*;

    #[test]
    fn follow_up_of_ptp4l_3_1_1_reads_and_writes_byte_for_byte() {
        let clock = ClockIdentity::from_mac([0xd6, 0x51, 0xb5, 0x36, 0x4c, 0x08]);
        let header =
            Header { source: PortIdentity { clock, port: 1 }, sequence_id: 1, ..Header::default() };
        let sent = PtpTimestamp::new(1_795_324_836, 951_845_438).unwrap();
        assert_bytes(
            "0802002c00000000000000000000000000000000d651b5fffe364c08000100010200
             00006b027ba438bc023e",
            &Message { header, body: Body::FollowUp(FollowUp { precise_origin_timestamp: sent }) },
        );
    }
}
