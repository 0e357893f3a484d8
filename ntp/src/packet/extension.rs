//! What may follow the header: extension fields (RFC 7822), a MAC, or neither.

use super::PacketError;

/// Type and length.
const FIELD_HEADER: usize = 4;
/// The shortest extension field (RFC 7822 section 3).
const MIN_FIELD: usize = 16;
/// The shortest one that no MAC follows (RFC 7822 section 3): anything shorter at the
/// end of a packet is not a field, so that a MAC can be told from one.
const MIN_LAST_FIELD: usize = 28;
/// A key identifier with an MD5 or AES-CMAC digest (RFC 8573), and with a SHA-1 digest.
const MAC_LENGTHS: [usize; 2] = [20, 24];
/// The key identifier.
const KEY_ID: usize = 4;

/// One extension field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtensionField<'a> {
    /// Field type.
    pub kind: u16,
    /// Value with its padding.
    pub value: &'a [u8],
}

/// The extension fields of a packet, already checked. Iterates over them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExtensionFields<'a>(&'a [u8]);

impl<'a> Iterator for ExtensionFields<'a> {
    type Item = ExtensionField<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        // Checked by `split`: an error cannot be left to see here.
        let (field, rest) = take_field(self.0).ok()?;
        self.0 = rest;
        Some(field)
    }
}

/// What follows the extension fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trailer<'a> {
    /// Nothing.
    Empty,
    /// Zero key identifier and no digest: the sender could not authenticate the
    /// request (RFC 5905 section 9.2).
    CryptoNak,
    /// A symmetric key's authenticator (RFC 5905 section 7.3), not verified.
    Mac {
        /// Key identifier.
        key_id: u32,
        /// Message digest, 16 or 20 bytes.
        digest: &'a [u8],
    },
    /// Bytes of no known shape.
    Unknown(&'a [u8]),
}

impl<'a> Trailer<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        match bytes.split_first_chunk::<KEY_ID>() {
            None if bytes.is_empty() => Self::Empty,
            Some(([0, 0, 0, 0], [])) => Self::CryptoNak,
            Some((key_id, digest)) if MAC_LENGTHS.contains(&bytes.len()) => {
                Self::Mac { key_id: u32::from_be_bytes(*key_id), digest }
            }
            _ => Self::Unknown(bytes),
        }
    }
}

/// Splits what follows a version 4 header into extension fields and the rest.
pub(super) fn split(bytes: &[u8]) -> Result<(ExtensionFields<'_>, Trailer<'_>), PacketError> {
    let mut rest = bytes;
    while rest.len() >= MIN_LAST_FIELD {
        (_, rest) = take_field(rest)?;
    }
    let fields = bytes.get(..bytes.len() - rest.len()).unwrap_or_default();
    Ok((ExtensionFields(fields), Trailer::of(rest)))
}

/// The first field, and what follows it.
fn take_field(bytes: &[u8]) -> Result<(ExtensionField<'_>, &[u8]), PacketError> {
    let Some((&[k0, k1, l0, l1], _)) = bytes.split_first_chunk::<FIELD_HEADER>() else {
        return Err(PacketError::ExtensionLength(0));
    };
    let stated = u16::from_be_bytes([l0, l1]);
    let length = usize::from(stated);
    let field = (length >= MIN_FIELD && length % 4 == 0)
        .then(|| bytes.split_at_checked(length))
        .flatten()
        .and_then(|(field, rest)| Some((field.get(FIELD_HEADER..)?, rest)));
    let Some((value, rest)) = field else {
        return Err(PacketError::ExtensionLength(stated));
    };
    Ok((ExtensionField { kind: u16::from_be_bytes([k0, k1]), value }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Header, Mode, Packet, Version};
    use proptest::prelude::*;

    fn packet(version: Version, rest: &[u8]) -> Vec<u8> {
        [&Header::blank(version, Mode::Client).emit(), rest].concat()
    }

    fn field(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(FIELD_HEADER + value.len()).unwrap();
        [&kind.to_be_bytes(), &length.to_be_bytes(), value].concat()
    }

    #[test]
    fn fields_are_walked_in_order_and_a_mac_is_told_from_them() {
        let mac = [&[0, 0, 0, 7][..], &[0xab; 16]].concat();
        let rest = [field(0x0104, &[1; 12]), field(0xf323, &[2; 24]), mac].concat();
        let bytes = packet(Version::V4, &rest);
        let packet = Packet::parse(&bytes).unwrap();
        let fields: Vec<_> = packet.extensions.collect();
        assert_eq!(
            fields,
            [
                ExtensionField { kind: 0x0104, value: &[1; 12] },
                ExtensionField { kind: 0xf323, value: &[2; 24] },
            ]
        );
        assert_eq!(packet.trailer, Trailer::Mac { key_id: 7, digest: &[0xab; 16] });
    }

    #[test]
    fn a_last_field_without_mac_has_28_bytes_or_is_none() {
        let bytes = packet(Version::V4, &field(1, &[0; 24]));
        let parsed = Packet::parse(&bytes).unwrap();
        assert_eq!((parsed.extensions.count(), parsed.trailer), (1, Trailer::Empty));
        let short = field(1, &[0; 12]);
        let bytes = packet(Version::V4, &short);
        let parsed = Packet::parse(&bytes).unwrap();
        assert_eq!((parsed.extensions.count(), parsed.trailer), (0, Trailer::Unknown(&short)));
    }

    #[test]
    fn a_crypto_nak_is_four_zero_bytes() {
        let bytes = packet(Version::V4, &[0; 4]);
        assert_eq!(Packet::parse(&bytes).unwrap().trailer, Trailer::CryptoNak);
        let bytes = packet(Version::V4, &[0, 0, 0, 1]);
        assert_eq!(Packet::parse(&bytes).unwrap().trailer, Trailer::Unknown(&[0, 0, 0, 1]));
    }

    #[test]
    fn version_3_has_no_extension_fields() {
        let rest = field(1, &[9; 60]);
        let bytes = packet(Version::V3, &rest);
        let parsed = Packet::parse(&bytes).unwrap();
        assert_eq!((parsed.extensions.count(), parsed.trailer), (0, Trailer::Unknown(&rest)));
    }

    #[test]
    fn a_length_that_is_too_small_odd_or_beyond_the_packet_is_an_error() {
        for length in [0u16, 4, 12, 18, 36, 65_535] {
            let mut rest = vec![0; 32];
            rest[2..4].copy_from_slice(&length.to_be_bytes());
            let bytes = packet(Version::V4, &rest);
            assert_eq!(Packet::parse(&bytes), Err(PacketError::ExtensionLength(length)));
        }
    }

    proptest! {
        #[test]
        fn every_byte_after_the_header_is_in_one_field_or_in_the_trailer(
            values in prop::collection::vec((any::<u16>(), 3usize..20), 0..5),
            mac in prop::sample::select(vec![0usize, 20, 24])
        ) {
            let mut rest = Vec::new();
            for (kind, words) in &values {
                rest.extend(field(*kind, &vec![0x5a; 4 * words]));
            }
            rest.extend(vec![1; mac]);
            let bytes = packet(Version::V4, &rest);
            let parsed = Packet::parse(&bytes).unwrap();
            let in_fields: usize = parsed.extensions.map(|f| FIELD_HEADER + f.value.len()).sum();
            let in_trailer = match parsed.trailer {
                Trailer::Empty => 0,
                Trailer::CryptoNak => KEY_ID,
                Trailer::Mac { digest, .. } => KEY_ID + digest.len(),
                Trailer::Unknown(bytes) => bytes.len(),
            };
            prop_assert_eq!(in_fields + in_trailer, rest.len());
        }
    }
}
