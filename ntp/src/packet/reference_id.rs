//! The reference identifier (RFC 5905 section 7.3).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use md5::{Digest as _, Md5};

/// Four bytes that name what a server follows: a code such as `GPS` at stratum 1, the
/// address of its source above, a kiss code at stratum 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReferenceId([u8; 4]);

impl ReferenceId {
    /// Nothing is followed.
    pub const NONE: Self = Self([0; 4]);

    /// From the bytes on the wire.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The bytes on the wire.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 4] {
        self.0
    }

    /// A code of one to four printable ASCII characters, padded with zeros (RFC 5905
    /// figure 12); `None` for any other text.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let mut bytes = [0; 4];
        let place = bytes.get_mut(..code.len()).filter(|place| !place.is_empty())?;
        place.copy_from_slice(code.as_bytes());
        code.bytes().all(|c| c.is_ascii_graphic()).then_some(Self(bytes))
    }

    /// The identifier of a source with this address: an IPv4 address itself, and the
    /// first four bytes of the MD5 of an IPv6 address, which is what peers compare to
    /// find a loop.
    #[must_use]
    pub fn from_address(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = <[u8; 16]>::from(Md5::digest(address.octets()));
                Self([a, b, c, d])
            }
        }
    }

    /// The code, where these are one to four printable characters padded with zeros.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        let (code, padding) = self.0.split_at(end);
        let is_code = !code.is_empty()
            && code.iter().all(u8::is_ascii_graphic)
            && padding.iter().all(|&byte| byte == 0);
        is_code.then_some(code).and_then(|code| std::str::from_utf8(code).ok())
    }

    /// As people read it next to the stratum it came with: a code at stratum 0 and 1,
    /// four decimal numbers above (an IPv4 address, or the hash of an IPv6 one).
    #[must_use]
    pub fn describe(&self, stratum: u8) -> String {
        match self.code() {
            Some(code) if stratum <= 1 => code.to_owned(),
            _ => Ipv4Addr::from(self.0).to_string(),
        }
    }
}

impl fmt::Debug for ReferenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_padded_with_zeros_and_read_back() {
        for (code, bytes) in [("GPS", *b"GPS\0"), ("PTP", *b"PTP\0"), ("LOCL", *b"LOCL")] {
            let id = ReferenceId::from_code(code).unwrap();
            assert_eq!((id.to_bytes(), id.code()), (bytes, Some(code)));
        }
        for bad in ["", "NIMTC", "é", "A B", "\u{7}"] {
            assert_eq!(ReferenceId::from_code(bad), None, "{bad:?}");
        }
        assert_eq!(ReferenceId::from_bytes(*b"A\0B\0").code(), None);
        assert_eq!(ReferenceId::NONE.code(), None);
    }

    #[test]
    fn an_ipv4_source_is_its_address_and_an_ipv6_source_its_md5() {
        let v4 = ReferenceId::from_address("192.0.2.1".parse().unwrap());
        assert_eq!(v4.to_bytes(), [192, 0, 2, 1]);
        // printf '\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01' | md5sum
        let v6 = ReferenceId::from_address("2001:db8::1".parse().unwrap());
        assert_eq!(v6.to_bytes(), [0x39, 0xab, 0x9b, 0x37]);
    }

    #[test]
    fn only_a_primary_server_is_described_by_its_code() {
        let gps = ReferenceId::from_code("GPS").unwrap();
        assert_eq!(gps.describe(1), "GPS");
        assert_eq!(gps.describe(2), "71.80.83.0");
        assert_eq!(ReferenceId::from_bytes([192, 0, 2, 1]).describe(1), "192.0.2.1");
    }
}
