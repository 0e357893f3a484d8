//! NTP messages in PTP event messages (RFC 10030): network interfaces that stamp only those
//! stamp NTP too.
//!
//! The NTP message is the only TLV of a unicast Delay_Req of a PTP domain of its own, which
//! means nothing else to PTP. It goes to UDP port 319 and comes from there, since interfaces
//! tell event messages by the destination port.

use crate::packet::Header;

/// What precedes the TLV: the common header and originTimestamp (IEEE 1588-2019 13.3, 13.6).
const FIXED: usize = 44;
/// tlvType and lengthField (IEEE 1588-2019 14.1).
const TLV_HEADER: usize = 4;
/// The domainNumber of NTP.
const DOMAIN: u8 = 123;
/// versionPTP and minorVersionPTP, as an interface of any age knows it: 2.0.
const VERSION: u8 = 2;
/// minorVersionPTP 1: the first in which minorSdoId means something.
const VERSION_2_1: u8 = 0x12;
/// The two messageTypes that have the shape (IEEE 1588-2019 table 36).
const SYNC: u8 = 0;
const DELAY_REQ: u8 = 1;
/// Of the first octet of flagField (IEEE 1588-2019 table 37).
const TWO_STEP: u8 = 1 << 1;
const UNICAST: u8 = 1 << 2;
/// organizationId of IANA, organizationSubType of NTP, and two octets that make the length
/// of what precedes the NTP message a multiple of 4.
const ORGANIZATION: [u8; 8] = [0x00, 0x00, 0x5e, 0x00, 0x00, 0x01, 0, 0];
/// tlvTypes (IEEE 1588-2019 table 52). ORGANIZATION_EXTENSION, and the one that no boundary
/// clock passes on; and one for experiments.
const ORGANIZATION_EXTENSION: u16 = 0x0003;
const ORGANIZATION_EXTENSION_DO_NOT_PROPAGATE: u16 = 0x8000;
const EXPERIMENTAL: u16 = 0x2023;

/// The TLV that holds the NTP message. Who asks chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tlv {
    /// That of RFC 10030.
    Organization,
    /// That of its drafts, which chronyd speaks from version 4.2 to 4.8.
    Experimental,
}

impl Tlv {
    const fn kind(self) -> u16 {
        match self {
            Self::Organization => ORGANIZATION_EXTENSION,
            Self::Experimental => EXPERIMENTAL,
        }
    }

    /// What precedes the NTP message in the value.
    const fn name_of_ntp(self) -> &'static [u8] {
        match self {
            Self::Organization => &ORGANIZATION,
            Self::Experimental => &[],
        }
    }
}

/// What is in a PTP message that is one of NTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrapped<'a> {
    /// How it was wrapped.
    pub tlv: Tlv,
    /// The NTP message, not looked at.
    pub message: &'a [u8],
}

/// Why a datagram holds no NTP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Shorter than an empty TLV.
    #[error("{0} bytes are too few for a PTP message with a TLV")]
    TooShort(usize),
    /// Not PTP version 2.
    #[error("versionPTP {0} is unknown")]
    Version(u8),
    /// Neither Sync nor Delay_Req.
    #[error("messageType {0} holds no NTP message")]
    MessageType(u8),
    /// Of a profile of another organization.
    #[error("the sdoId is that of another profile")]
    SdoId,
    /// messageLength is not that of the datagram.
    #[error("messageLength {0} is not that of the datagram")]
    Length(u16),
    /// Not that of NTP: PTP itself, as a rule.
    #[error("domainNumber {0} is not that of NTP")]
    Domain(u8),
    /// Not unicast, or one half of a message in two steps.
    #[error("the flagField 0x{0:02x} is not that of a one-step unicast message")]
    Flags(u8),
    /// A TLV that holds no NTP message.
    #[error("tlvType 0x{0:04x} holds no NTP message")]
    Tlv(u16),
    /// lengthField is not what is left of the message.
    #[error("lengthField {0} is not what is left of the message")]
    TlvLength(u16),
}

impl Refused {
    /// A stable label for metrics and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooShort(_) => "ptp-too-short",
            Self::Version(_) => "ptp-version",
            Self::MessageType(_) => "ptp-message-type",
            Self::SdoId => "ptp-sdo-id",
            Self::Length(_) => "ptp-length",
            Self::Domain(_) => "ptp-domain",
            Self::Flags(_) => "ptp-flags",
            Self::Tlv(_) => "ptp-tlv",
            Self::TlvLength(_) => "ptp-tlv-length",
        }
    }
}

/// The PTP message that holds an NTP message. `sequence_id` counts the messages of the
/// sender.
#[must_use]
pub fn wrap(tlv: Tlv, sequence_id: u16, message: &[u8; Header::LEN]) -> Vec<u8> {
    let name = tlv.name_of_ntp();
    let value = name.len() + message.len();
    let [length, tlv_length] = [FIXED + TLV_HEADER + value, value].map(|length| {
        // Both are below 256.
        (length as u16).to_be_bytes()
    });
    let mut fixed = [0; FIXED];
    fixed[0] = DELAY_REQ;
    fixed[1] = VERSION;
    fixed[2..4].copy_from_slice(&length);
    fixed[4] = DOMAIN;
    fixed[6] = UNICAST;
    fixed[30..32].copy_from_slice(&sequence_id.to_be_bytes());
    [&fixed[..], &tlv.kind().to_be_bytes(), &tlv_length, name, message].concat()
}

/// The NTP message in a PTP message.
///
/// # Errors
/// The first thing that makes it none.
pub fn unwrap(bytes: &[u8]) -> Result<Wrapped<'_>, Refused> {
    let too_short = Refused::TooShort(bytes.len());
    let (fixed, rest) = bytes.split_first_chunk::<FIXED>().ok_or(too_short)?;
    let (&[k0, k1, l0, l1], value) = rest.split_first_chunk::<TLV_HEADER>().ok_or(too_short)?;
    check_header(fixed, bytes.len())?;
    let [kind, length] = [[k0, k1], [l0, l1]].map(u16::from_be_bytes);
    if usize::from(length) != value.len() {
        return Err(Refused::TlvLength(length));
    }
    let tlv = match kind {
        ORGANIZATION_EXTENSION | ORGANIZATION_EXTENSION_DO_NOT_PROPAGATE => Tlv::Organization,
        EXPERIMENTAL => Tlv::Experimental,
        _ => return Err(Refused::Tlv(kind)),
    };
    match strip_name(tlv, value) {
        Some(message) => Ok(Wrapped { tlv, message }),
        None => Err(Refused::Tlv(kind)),
    }
}

/// What follows the name of NTP; `None` where the name is another one.
fn strip_name(tlv: Tlv, value: &[u8]) -> Option<&[u8]> {
    const PADDING: usize = 2;
    let name = tlv.name_of_ntp();
    let (found, message) = value.split_at_checked(name.len())?;
    // What the padding holds does not matter.
    let named = name.len().saturating_sub(PADDING);
    (found.get(..named) == name.get(..named)).then_some(message)
}

fn check_header(fixed: &[u8; FIXED], datagram: usize) -> Result<(), Refused> {
    let [first, version, l0, l1, domain, minor_sdo_id, flags, ..] = *fixed;
    if version != VERSION && version != VERSION_2_1 {
        return Err(Refused::Version(version));
    }
    let (major_sdo_id, message_type) = (first >> 4, first & 0xf);
    if !matches!(message_type, SYNC | DELAY_REQ) {
        return Err(Refused::MessageType(message_type));
    }
    if major_sdo_id != 0 || (version == VERSION_2_1 && minor_sdo_id != 0) {
        return Err(Refused::SdoId);
    }
    let length = u16::from_be_bytes([l0, l1]);
    if usize::from(length) != datagram {
        return Err(Refused::Length(length));
    }
    if domain != DOMAIN {
        return Err(Refused::Domain(domain));
    }
    if flags & (UNICAST | TWO_STEP) != UNICAST {
        return Err(Refused::Flags(flags));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Mode, Version};
    use proptest::prelude::*;

    fn message() -> [u8; Header::LEN] {
        Header::blank(Version::V4, Mode::Client).emit()
    }

    #[test]
    fn a_wrapped_message_is_this_sequence_of_bytes() {
        #[rustfmt::skip]
        let header = [
            0x01, 0x02, 0x00, 0x68, 0x7b, 0x00, 0x04, 0x00, // Delay_Req, 2.0, 104 bytes, 123, unicast
            0, 0, 0, 0, 0, 0, 0, 0,                         // correctionField
            0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                   // sourcePortIdentity
            0xab, 0xcd, 0x00, 0x00,                         // sequenceId
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                   // originTimestamp
        ];
        let tlv = [0x00, 0x03, 0x00, 0x38, 0x00, 0x00, 0x5e, 0x00, 0x00, 0x01, 0x00, 0x00];
        let bytes = [&header[..], &tlv, &message()].concat();
        assert_eq!(wrap(Tlv::Organization, 0xabcd, &message()), bytes);
        let mut header = header;
        header[3] = 0x60;
        let bytes = [&header[..], &[0x20, 0x23, 0x00, 0x30], &message()].concat();
        assert_eq!(wrap(Tlv::Experimental, 0xabcd, &message()), bytes);
    }

    #[test]
    fn what_was_wrapped_is_unwrapped() {
        for tlv in [Tlv::Organization, Tlv::Experimental] {
            let bytes = wrap(tlv, 7, &message());
            assert_eq!(unwrap(&bytes), Ok(Wrapped { tlv, message: &message() }));
        }
    }

    #[test]
    fn what_others_may_write_otherwise_is_understood() {
        // Sync; version 2.1; a correction of a transparent clock; flags of no matter here;
        // a TLV that is not passed on; padding that is not zero.
        for (at, byte) in [(0, 0x00), (1, 0x12), (13, 9), (7, 0x3c), (44, 0x80), (55, 1)] {
            let mut bytes = wrap(Tlv::Organization, 7, &message());
            bytes[at] = byte;
            bytes[45] = if at == 44 { 0x00 } else { bytes[45] };
            let wrapped = unwrap(&bytes).map(|wrapped| wrapped.message);
            assert_eq!(wrapped, Ok(&message()[..]), "{byte:#x} at {at}");
        }
        // In version 2.0 the place of minorSdoId was reserved.
        let mut bytes = wrap(Tlv::Organization, 7, &message());
        bytes[5] = 1;
        assert!(unwrap(&bytes).is_ok());
    }

    #[test]
    fn what_is_no_ntp_message_is_refused_by_name() {
        let good = wrap(Tlv::Organization, 7, &message());
        assert_eq!(unwrap(&[]), Err(Refused::TooShort(0)));
        assert_eq!(unwrap(&good[..47]), Err(Refused::TooShort(47)));
        assert_eq!(unwrap(&good[..103]), Err(Refused::Length(104)));
        let changed = |changes: &[(usize, u8)]| {
            let mut bytes = good.clone();
            changes.iter().for_each(|&(at, byte)| bytes[at] = byte);
            unwrap(&bytes).unwrap_err()
        };
        for (changes, refused) in [
            (&[(1, 1)][..], Refused::Version(1)),
            (&[(1, 0x23)], Refused::Version(0x23)),
            (&[(0, 0x02)], Refused::MessageType(2)),
            (&[(0, 0x0b)], Refused::MessageType(11)),
            (&[(0, 0x11)], Refused::SdoId),
            (&[(1, 0x12), (5, 1)], Refused::SdoId),
            (&[(3, 0x69)], Refused::Length(0x69)),
            (&[(4, 0)], Refused::Domain(0)),
            (&[(6, 0)], Refused::Flags(0)),
            (&[(6, 0x06)], Refused::Flags(6)),
            (&[(45, 0x08)], Refused::Tlv(8)),
            (&[(50, 0x01)], Refused::Tlv(3)),
            (&[(53, 0x02)], Refused::Tlv(3)),
            (&[(47, 0x34)], Refused::TlvLength(0x34)),
        ] {
            assert_eq!(changed(changes), refused, "{changes:?}");
            assert!(refused.name().starts_with("ptp-"));
        }
        // An organization's TLV that ends within its name.
        let mut short = good[..52].to_vec();
        (short[3], short[47]) = (52, 4);
        assert_eq!(unwrap(&short), Err(Refused::Tlv(3)));
    }

    proptest! {
        #[test]
        fn what_is_unwrapped_is_the_end_of_what_came(
            damage in prop::collection::vec((0usize..120, any::<u8>()), 0..4),
            length in 0usize..120
        ) {
            let mut bytes = wrap(Tlv::Organization, 7, &message());
            bytes.resize(length, 0);
            for (at, byte) in damage {
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            if let Ok(wrapped) = unwrap(&bytes) {
                prop_assert!(bytes.ends_with(wrapped.message));
                prop_assert!(wrapped.message.len() + FIXED + TLV_HEADER <= bytes.len());
            }
        }
    }
}
