use std::fmt;

use super::reader::Reader;
use crate::rejection::Rejection;

/// `ClockIdentity` (IEEE 1588-2019 5.3.4): the name of a clock, an EUI-64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ClockIdentity(pub [u8; 8]);

impl ClockIdentity {
    /// From a MAC address, with FF-FE in its middle, as linuxptp does it (7.5.2.2.2).
    #[must_use]
    pub const fn from_mac([a, b, c, d, e, f]: [u8; 6]) -> Self {
        Self([a, b, c, 0xff, 0xfe, d, e, f])
    }
}

/// `d651b5.fffe.364c08`, as linuxptp prints it.
impl fmt::Display for ClockIdentity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f, g, h] = self.0;
        write!(out, "{a:02x}{b:02x}{c:02x}.{d:02x}{e:02x}.{f:02x}{g:02x}{h:02x}")
    }
}

/// `PortIdentity` (5.3.5): the name of a port of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PortIdentity {
    /// Of the clock.
    pub clock: ClockIdentity,
    /// 1 for the port of an ordinary clock (7.5.2.3).
    pub port: u16,
}

impl PortIdentity {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Rejection> {
        Ok(Self { clock: ClockIdentity(reader.take()?), port: reader.u16()? })
    }

    pub(super) fn encode(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.clock.0);
        bytes.extend_from_slice(&self.port.to_be_bytes());
    }
}

/// `d651b5.fffe.364c08-1`, as linuxptp prints it.
impl fmt::Display for PortIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.clock, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_comes_from_the_mac_address_and_prints_as_linuxptp_does() {
        let clock = ClockIdentity::from_mac([0xd6, 0x51, 0xb5, 0x36, 0x4c, 0x08]);
        let port = PortIdentity { clock, port: 1 };
        assert_eq!(port.to_string(), "d651b5.fffe.364c08-1");
    }
}
