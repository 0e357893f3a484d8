//! What travels: the header, and what may follow it.

mod extension;
mod header;
mod reference_id;

pub use extension::{ExtensionField, ExtensionFields, Trailer};
pub use header::{Header, LeapIndicator, Mode, Version};
pub use reference_id::ReferenceId;

/// Why bytes are no NTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Shorter than the header.
    #[error("{0} bytes are too few for a header of {len}", len = Header::LEN)]
    TooShort(usize),
    /// Of a version that is not 1 to 4.
    #[error("version {0} is unknown")]
    Version(u8),
    /// An extension field states a length that is below 16, no multiple of 4, or beyond
    /// the packet (RFC 7822 section 3).
    #[error("an extension field states a length of {0} bytes")]
    ExtensionLength(u16),
}

/// A packet, its variable part checked but not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The first 48 bytes.
    pub header: Header,
    /// Extension fields, which only version 4 has.
    pub extensions: ExtensionFields<'a>,
    /// What follows them.
    pub trailer: Trailer<'a>,
}

impl<'a> Packet<'a> {
    /// Reads a packet.
    ///
    /// # Errors
    /// The first thing wrong with it. An unknown extension field, a MAC or bytes that
    /// are neither are no errors.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let Some((header, rest)) = bytes.split_first_chunk() else {
            return Err(PacketError::TooShort(bytes.len()));
        };
        let header = Header::parse(header)?;
        let (extensions, trailer) = match header.version {
            Version::V4 => extension::split(rest)?,
            _ => (ExtensionFields::default(), Trailer::of(rest)),
        };
        Ok(Self { header, extensions, trailer })
    }
}
