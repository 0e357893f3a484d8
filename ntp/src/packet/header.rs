//! The 48-byte header (RFC 5905 section 7.3).

use clock_models::time::{NtpShort, NtpTimestamp};

use super::{PacketError, ReferenceId};

/// Leap indicator (RFC 5905 figure 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeapIndicator {
    /// 0: no warning.
    NoWarning,
    /// 1: the last minute of the day has 61 seconds.
    Insert,
    /// 2: the last minute of the day has 59 seconds.
    Delete,
    /// 3: the clock is not synchronised.
    Unsynchronised,
}

impl LeapIndicator {
    const fn from_bits(bits: u8) -> Self {
        match bits & 0b11 {
            0 => Self::NoWarning,
            1 => Self::Insert,
            2 => Self::Delete,
            _ => Self::Unsynchronised,
        }
    }
}

/// A version of NTP that shares the header of version 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// RFC 1059.
    V1 = 1,
    /// RFC 1119.
    V2,
    /// RFC 1305.
    V3,
    /// RFC 5905.
    V4,
}

impl Version {
    const fn from_bits(bits: u8) -> Result<Self, PacketError> {
        match bits & 0b111 {
            1 => Ok(Self::V1),
            2 => Ok(Self::V2),
            3 => Ok(Self::V3),
            4 => Ok(Self::V4),
            other => Err(PacketError::Version(other)),
        }
    }
}

/// Association mode (RFC 5905 figure 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// 0: reserved.
    Reserved,
    /// 1: symmetric active.
    SymmetricActive,
    /// 2: symmetric passive.
    SymmetricPassive,
    /// 3: client.
    Client,
    /// 4: server.
    Server,
    /// 5: broadcast.
    Broadcast,
    /// 6: NTP control message.
    Control,
    /// 7: reserved for private use.
    Private,
}

impl Mode {
    const fn from_bits(bits: u8) -> Self {
        match bits & 0b111 {
            0 => Self::Reserved,
            1 => Self::SymmetricActive,
            2 => Self::SymmetricPassive,
            3 => Self::Client,
            4 => Self::Server,
            5 => Self::Broadcast,
            6 => Self::Control,
            _ => Self::Private,
        }
    }
}

/// The header, field by field in the order of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Leap indicator.
    pub leap: LeapIndicator,
    /// Version number.
    pub version: Version,
    /// Association mode.
    pub mode: Mode,
    /// 1 for a primary server, 2 to 15 for a secondary one; 0 is unspecified, or a
    /// kiss-o'-death.
    pub stratum: u8,
    /// Interval between exchanges, log2 s.
    pub poll: i8,
    /// Precision of the clock, log2 s.
    pub precision: i8,
    /// Round-trip delay to the primary reference.
    pub root_delay: NtpShort,
    /// Dispersion to the primary reference.
    pub root_dispersion: NtpShort,
    /// What the sender follows, or a kiss code.
    pub reference_id: ReferenceId,
    /// When the sender's clock was last set or corrected.
    pub reference_time: NtpTimestamp,
    /// T1: the transmit time of the request, as the request had it.
    pub origin: NtpTimestamp,
    /// T2: when the request came in.
    pub receive: NtpTimestamp,
    /// T3: when this packet left.
    pub transmit: NtpTimestamp,
}

impl Header {
    /// Length on the wire, in bytes.
    pub const LEN: usize = 48;

    /// A header of one version and mode, with all else zero.
    #[must_use]
    pub const fn blank(version: Version, mode: Mode) -> Self {
        Self {
            leap: LeapIndicator::NoWarning,
            version,
            mode,
            stratum: 0,
            poll: 0,
            precision: 0,
            root_delay: NtpShort::from_bits(0),
            root_dispersion: NtpShort::from_bits(0),
            reference_id: ReferenceId::NONE,
            reference_time: NtpTimestamp::ZERO,
            origin: NtpTimestamp::ZERO,
            receive: NtpTimestamp::ZERO,
            transmit: NtpTimestamp::ZERO,
        }
    }

    /// Reads a header.
    ///
    /// # Errors
    /// A version that is not 1 to 4; every other combination of bits is a header.
    pub fn parse(bytes: &[u8; Self::LEN]) -> Result<Self, PacketError> {
        let [first, stratum, poll, precision, ..] = *bytes;
        Ok(Self {
            leap: LeapIndicator::from_bits(first >> 6),
            version: Version::from_bits(first >> 3)?,
            mode: Mode::from_bits(first),
            stratum,
            poll: poll.cast_signed(),
            precision: precision.cast_signed(),
            root_delay: NtpShort::from_bits(u32::from_be_bytes(field::<4, 4>(bytes))),
            root_dispersion: NtpShort::from_bits(u32::from_be_bytes(field::<8, 4>(bytes))),
            reference_id: ReferenceId::from_bytes(field::<12, 4>(bytes)),
            reference_time: NtpTimestamp::from_bits(u64::from_be_bytes(field::<16, 8>(bytes))),
            origin: NtpTimestamp::from_bits(u64::from_be_bytes(field::<24, 8>(bytes))),
            receive: NtpTimestamp::from_bits(u64::from_be_bytes(field::<32, 8>(bytes))),
            transmit: NtpTimestamp::from_bits(u64::from_be_bytes(field::<40, 8>(bytes))),
        })
    }

    /// Writes the header.
    #[must_use]
    pub fn emit(&self) -> [u8; Self::LEN] {
        let first = (self.leap as u8) << 6 | (self.version as u8) << 3 | self.mode as u8;
        let mut bytes = [0; Self::LEN];
        bytes[..4].copy_from_slice(&[
            first,
            self.stratum,
            self.poll.cast_unsigned(),
            self.precision.cast_unsigned(),
        ]);
        bytes[4..8].copy_from_slice(&self.root_delay.to_bits().to_be_bytes());
        bytes[8..12].copy_from_slice(&self.root_dispersion.to_bits().to_be_bytes());
        bytes[12..16].copy_from_slice(&self.reference_id.to_bytes());
        let stamps = [self.reference_time, self.origin, self.receive, self.transmit];
        for (place, stamp) in bytes[16..].chunks_exact_mut(8).zip(stamps) {
            place.copy_from_slice(&stamp.to_bits().to_be_bytes());
        }
        bytes
    }
}

/// `LEN` bytes from `FROM` on. Constants, so that no packet can reach past the end.
fn field<const FROM: usize, const LEN: usize>(bytes: &[u8; Header::LEN]) -> [u8; LEN] {
    const { assert!(FROM + LEN <= Header::LEN) };
    std::array::from_fn(|i| bytes[FROM + i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An answer of a stratum 2 server, made by hand from RFC 5905 figure 8.
    #[rustfmt::skip]
    const ANSWER: [u8; Header::LEN] = [
        0x64, 0x02, 0x06, 0xe9,                         // LI 1, VN 4, mode 4; 2; 64 s; 2^-23 s
        0x00, 0x00, 0x08, 0x00,                         // 1/32 s
        0x00, 0x01, 0x80, 0x00,                         // 1.5 s
        0xc0, 0x00, 0x02, 0x01,                         // 192.0.2.1
        0xee, 0xcc, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00,
        0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
        0xee, 0xcc, 0x00, 0x10, 0x00, 0x00, 0x00, 0x01,
        0xee, 0xcc, 0x00, 0x10, 0x00, 0x00, 0x00, 0x02,
    ];

    fn answer() -> Header {
        Header {
            leap: LeapIndicator::Insert,
            version: Version::V4,
            mode: Mode::Server,
            stratum: 2,
            poll: 6,
            precision: -23,
            root_delay: NtpShort::from_seconds_up(1.0 / 32.0),
            root_dispersion: NtpShort::from_seconds_up(1.5),
            reference_id: ReferenceId::from_bytes([192, 0, 2, 1]),
            reference_time: NtpTimestamp::from_bits(0xeecc_0000_8000_0000),
            origin: NtpTimestamp::from_bits(0x0123_4567_89ab_cdef),
            receive: NtpTimestamp::from_bits(0xeecc_0010_0000_0001),
            transmit: NtpTimestamp::from_bits(0xeecc_0010_0000_0002),
        }
    }

    #[test]
    fn a_literal_packet_reads_as_the_rfc_draws_it() {
        assert_eq!(Header::parse(&ANSWER), Ok(answer()));
    }

    #[test]
    fn a_header_is_written_as_the_rfc_draws_it() {
        assert_eq!(answer().emit(), ANSWER);
    }

    #[test]
    fn versions_one_to_four_are_read_and_others_are_not() {
        let mut bytes = ANSWER;
        for version in 0..8 {
            bytes[0] = version << 3 | 3;
            let read = Header::parse(&bytes);
            if (1..=4).contains(&version) {
                assert_eq!(read.unwrap().version as u8, version);
            } else {
                assert_eq!(read, Err(PacketError::Version(version)));
            }
        }
    }

    proptest! {
        #[test]
        fn every_header_of_a_known_version_is_written_as_it_was_read(
            (mut bytes, version) in (
                prop::array::uniform::<_, { Header::LEN }>(any::<u8>()), 1u8..=4,
            )
        ) {
            bytes[0] = bytes[0] & 0b1100_0111 | version << 3;
            prop_assert_eq!(Header::parse(&bytes).unwrap().emit(), bytes);
        }
    }
}
