use clock_models::time::PtpTimestamp;

use super::header::MessageType;
use super::identity::ClockIdentity;
use super::reader::{Reader, put_timestamp};
use crate::rejection::Rejection;

/// Announce (IEEE 1588-2019 13.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Announce {
    /// originTimestamp: 0, or about when it was sent.
    pub origin_timestamp: PtpTimestamp,
    /// currentUtcOffset: TAI−UTC, s.
    pub current_utc_offset: i16,
    /// grandmasterPriority1.
    pub grandmaster_priority1: u8,
    /// clockClass of the grandmaster (7.6.2.5).
    pub clock_class: u8,
    /// clockAccuracy of the grandmaster (7.6.2.6).
    pub clock_accuracy: u8,
    /// offsetScaledLogVariance of the grandmaster (7.6.3).
    pub offset_scaled_log_variance: u16,
    /// grandmasterPriority2.
    pub grandmaster_priority2: u8,
    /// grandmasterIdentity.
    pub grandmaster_identity: ClockIdentity,
    /// Boundary clocks between grandmaster and sender.
    pub steps_removed: u16,
    /// timeSource of the grandmaster (7.6.2.8).
    pub time_source: u8,
}

impl Announce {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Rejection> {
        let origin_timestamp = reader.timestamp()?;
        let current_utc_offset = i16::from_be_bytes(reader.take()?);
        let [_reserved, grandmaster_priority1, clock_class, clock_accuracy] = reader.take()?;
        Ok(Self {
            origin_timestamp,
            current_utc_offset,
            grandmaster_priority1,
            clock_class,
            clock_accuracy,
            offset_scaled_log_variance: reader.u16()?,
            grandmaster_priority2: reader.u8()?,
            grandmaster_identity: ClockIdentity(reader.take()?),
            steps_removed: reader.u16()?,
            time_source: reader.u8()?,
        })
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) -> MessageType {
        put_timestamp(self.origin_timestamp, bytes);
        bytes.extend_from_slice(&self.current_utc_offset.to_be_bytes());
        let quality = [0, self.grandmaster_priority1, self.clock_class, self.clock_accuracy];
        bytes.extend_from_slice(&quality);
        bytes.extend_from_slice(&self.offset_scaled_log_variance.to_be_bytes());
        bytes.push(self.grandmaster_priority2);
        bytes.extend_from_slice(&self.grandmaster_identity.0);
        bytes.extend_from_slice(&self.steps_removed.to_be_bytes());
        bytes.push(self.time_source);
        MessageType::Announce
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Body, Header, Message, PortIdentity, tests::assert_bytes};
    use super::*;

    #[test]
    fn announce_of_ptp4l_3_1_1_reads_and_writes_byte_for_byte() {
        let clock = ClockIdentity::from_mac([0xd6, 0x51, 0xb5, 0x36, 0x4c, 0x08]);
        let header = Header {
            domain: 24,
            source: PortIdentity { clock, port: 1 },
            sequence_id: 1,
            log_message_interval: 1,
            ..Header::default()
        };
        let announce = Announce {
            current_utc_offset: 37,
            grandmaster_priority1: 128,
            clock_class: 6,
            clock_accuracy: 0x21,
            offset_scaled_log_variance: 0xffff,
            grandmaster_priority2: 128,
            grandmaster_identity: clock,
            time_source: 0x20,
            ..Announce::default()
        };
        assert_bytes(
            "0b02004018000000000000000000000000000000d651b5fffe364c08000100010501
             0000000000000000000000250080 0621ffff 80 d651b5fffe364c08 0000 20",
            &Message { header, body: Body::Announce(announce) },
        );
    }
}
