use std::ops::BitOr;

use clock_models::time::Duration;

use super::identity::PortIdentity;
use super::reader::Reader;
use crate::rejection::Rejection;

/// Octets of the common header (IEEE 1588-2019 13.3).
pub(super) const HEADER_LENGTH: usize = 34;

/// messageType of the messages of a slave-only port (13.3.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageType {
    Sync = 0x0,
    DelayReq = 0x1,
    PdelayReq = 0x2,
    PdelayResp = 0x3,
    FollowUp = 0x8,
    DelayResp = 0x9,
    PdelayRespFollowUp = 0xa,
    Announce = 0xb,
}

impl MessageType {
    const fn from_bits(bits: u8) -> Result<Self, Rejection> {
        Ok(match bits {
            0x0 => Self::Sync,
            0x1 => Self::DelayReq,
            0x2 => Self::PdelayReq,
            0x3 => Self::PdelayResp,
            0x8 => Self::FollowUp,
            0x9 => Self::DelayResp,
            0xa => Self::PdelayRespFollowUp,
            0xb => Self::Announce,
            _ => return Err(Rejection::MessageType),
        })
    }

    /// controlField, which only version 1 looked at.
    const fn control(self) -> u8 {
        match self {
            Self::Sync => 0,
            Self::DelayReq => 1,
            Self::FollowUp => 2,
            Self::DelayResp => 3,
            Self::PdelayReq | Self::PdelayResp | Self::PdelayRespFollowUp | Self::Announce => 5,
        }
    }
}

/// `flagField` (13.3.2.8), first octet in the upper half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u16);

impl Flags {
    /// From another master than the best of its domain (17.3).
    pub const ALTERNATE_MASTER: Self = Self(0x0100);
    /// A Follow_Up brings the time stamp.
    pub const TWO_STEP: Self = Self(0x0200);
    /// Sent to one address.
    pub const UNICAST: Self = Self(0x0400);
    /// The last minute of the current UTC day has 61 seconds.
    pub const LEAP_61: Self = Self(0x0001);
    /// The last minute of the current UTC day has 59 seconds.
    pub const LEAP_59: Self = Self(0x0002);
    /// currentUtcOffset is known to be right.
    pub const CURRENT_UTC_OFFSET_VALID: Self = Self(0x0004);
    /// The time scale is PTP, which is TAI; else it is arbitrary (7.2.1).
    pub const PTP_TIMESCALE: Self = Self(0x0008);
    /// The time is traceable to a primary reference.
    pub const TIME_TRACEABLE: Self = Self(0x0010);
    /// The frequency is traceable to a primary reference.
    pub const FREQUENCY_TRACEABLE: Self = Self(0x0020);
    /// The master doubts its own synchronisation at present.
    pub const SYNCHRONIZATION_UNCERTAIN: Self = Self(0x0040);

    /// True if all flags of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Flags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The common header (13.3).
///
/// messageType and messageLength belong to the body; controlField follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// majorSdoId and minorSdoId, 12 bits (7.1.4).
    pub sdo_id: u16,
    /// minorVersionPTP, 4 bits; versionPTP is 2.
    pub minor_version: u8,
    /// domainNumber (7.1).
    pub domain: u8,
    /// flagField.
    pub flags: Flags,
    /// correctionField (13.3.2.9), in 2⁻¹⁶ ns.
    pub correction_field: i64,
    /// sourcePortIdentity.
    pub source: PortIdentity,
    /// sequenceId.
    pub sequence_id: u16,
    /// logMessageInterval: log₂ of seconds.
    pub log_message_interval: i8,
}

impl Header {
    /// The correctionField as a duration.
    #[must_use]
    pub fn correction(&self) -> Duration {
        // 2⁻¹⁶ ns to 2⁻³² ns.
        Duration::from_bits(i128::from(self.correction_field) << 16)
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<(Self, MessageType, u16), Rejection> {
        let [first, version] = reader.take()?;
        let length = reader.u16()?;
        let [domain, minor_sdo_id] = reader.take()?;
        let flags = Flags(reader.u16()?);
        let correction_field = i64::from_be_bytes(reader.take()?);
        let _message_type_specific: [u8; 4] = reader.take()?;
        let source = PortIdentity::decode(reader)?;
        let sequence_id = reader.u16()?;
        let [_control, log_message_interval] = reader.take()?;
        if version & 0x0f != 2 {
            return Err(Rejection::Version);
        }
        if correction_field == i64::MAX {
            return Err(Rejection::Correction);
        }
        let header = Self {
            sdo_id: u16::from(first & 0xf0) << 4 | u16::from(minor_sdo_id),
            minor_version: version >> 4,
            domain,
            flags,
            correction_field,
            source,
            sequence_id,
            log_message_interval: log_message_interval.cast_signed(),
        };
        Ok((header, MessageType::from_bits(first & 0x0f)?, length))
    }

    /// The header of a message of `length` octets.
    pub(super) fn encode(&self, message_type: MessageType, length: u16) -> [u8; HEADER_LENGTH] {
        let [major_sdo_id, minor_sdo_id] = self.sdo_id.to_be_bytes();
        let mut octets = [0; HEADER_LENGTH];
        octets[0] = major_sdo_id << 4 | message_type as u8;
        octets[1] = self.minor_version << 4 | 2;
        octets[2..4].copy_from_slice(&length.to_be_bytes());
        octets[4..6].copy_from_slice(&[self.domain, minor_sdo_id]);
        octets[6..8].copy_from_slice(&self.flags.0.to_be_bytes());
        octets[8..16].copy_from_slice(&self.correction_field.to_be_bytes());
        octets[20..28].copy_from_slice(&self.source.clock.0);
        octets[28..30].copy_from_slice(&self.source.port.to_be_bytes());
        octets[30..32].copy_from_slice(&self.sequence_id.to_be_bytes());
        octets[32..].copy_from_slice(&[message_type.control(), self.log_message_interval as u8]);
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Body, ClockIdentity, Message, Sync, tests::assert_bytes};
    use super::*;

    #[test]
    fn every_field_of_the_header_has_its_place() {
        let header = Header {
            sdo_id: 0x123,
            minor_version: 1,
            domain: 24,
            flags: Flags::TWO_STEP | Flags::UNICAST | Flags::PTP_TIMESCALE | Flags::LEAP_61,
            correction_field: -0x0001_8000,
            source: PortIdentity { clock: ClockIdentity([1, 2, 3, 4, 5, 6, 7, 8]), port: 0x90a },
            sequence_id: 0xbcde,
            log_message_interval: -3,
        };
        assert_bytes(
            "1012002c18230609fffffffffffe8000000000000102030405060708090abcde00fd
             00000000000000000000",
            &Message { header, body: Body::Sync(Sync::default()) },
        );
        assert_eq!(header.correction().seconds(), -1.5e-9);
    }
}
