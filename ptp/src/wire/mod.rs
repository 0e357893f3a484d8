//! The messages of IEEE 1588-2019 clause 13 that a slave-only port exchanges, with either
//! delay mechanism.
//!
//! TLVs that follow a message are neither read nor sent.

mod announce;
mod delay_resp;
mod follow_up;
mod header;
mod identity;
mod pdelay;
mod reader;
mod sync;

pub use announce::Announce;
pub use delay_resp::DelayResp;
pub use follow_up::FollowUp;
pub use header::{Flags, Header};
pub use identity::{ClockIdentity, PortIdentity};
pub use pdelay::{PdelayReq, PdelayResp, PdelayRespFollowUp};
pub use sync::{DelayReq, Sync};

use crate::rejection::Rejection;
use header::{HEADER_LENGTH, MessageType};
use reader::Reader;

/// Octets of the longest message, Announce.
pub const LONGEST: usize = 64;

/// A message: the common header and what its type adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// The common header (13.3).
    pub header: Header,
    /// What follows it.
    pub body: Body,
}

/// What follows the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says it itself")]
pub enum Body {
    Announce(Announce),
    Sync(Sync),
    DelayReq(DelayReq),
    FollowUp(FollowUp),
    DelayResp(DelayResp),
    PdelayReq(PdelayReq),
    PdelayResp(PdelayResp),
    PdelayRespFollowUp(PdelayRespFollowUp),
}

impl Message {
    /// Reads a message; what a network pads it with behind messageLength is ignored.
    ///
    /// # Errors
    /// [`Length`](Rejection::Length), [`Version`](Rejection::Version),
    /// [`MessageType`](Rejection::MessageType), [`TimeStamp`](Rejection::TimeStamp) or
    /// [`Correction`](Rejection::Correction).
    pub fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        let (header, message_type, length) = Header::decode(&mut reader)?;
        let body = bytes.get(HEADER_LENGTH..usize::from(length)).ok_or(Rejection::Length)?;
        let mut reader = Reader::new(body);
        let body = match message_type {
            MessageType::Sync => Body::Sync(Sync::decode(&mut reader)?),
            MessageType::DelayReq => Body::DelayReq(DelayReq::decode(&mut reader)?),
            MessageType::FollowUp => Body::FollowUp(FollowUp::decode(&mut reader)?),
            MessageType::DelayResp => Body::DelayResp(DelayResp::decode(&mut reader)?),
            MessageType::PdelayReq => Body::PdelayReq(PdelayReq::decode(&mut reader)?),
            MessageType::PdelayResp => Body::PdelayResp(PdelayResp::decode(&mut reader)?),
            MessageType::PdelayRespFollowUp => {
                Body::PdelayRespFollowUp(PdelayRespFollowUp::decode(&mut reader)?)
            }
            MessageType::Announce => Body::Announce(Announce::decode(&mut reader)?),
        };
        Ok(Self { header, body })
    }

    /// The bytes to send.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LONGEST);
        bytes.resize(HEADER_LENGTH, 0);
        let message_type = match &self.body {
            Body::Sync(sync) => sync.encode(&mut bytes),
            Body::DelayReq(request) => request.encode(&mut bytes),
            Body::FollowUp(follow_up) => follow_up.encode(&mut bytes),
            Body::DelayResp(response) => response.encode(&mut bytes),
            Body::PdelayReq(request) => request.encode(&mut bytes),
            Body::PdelayResp(response) => response.encode(&mut bytes),
            Body::PdelayRespFollowUp(follow_up) => follow_up.encode(&mut bytes),
            Body::Announce(announce) => announce.encode(&mut bytes),
        };
        let header = self.header.encode(message_type, bytes.len() as u16);
        bytes[..HEADER_LENGTH].copy_from_slice(&header);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bytes of a hexadecimal dump.
    pub(super) fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        digits.chunks(2).map(|pair| byte(pair).unwrap()).collect()
    }

    /// Asserts that the bytes are the message's, both ways.
    pub(super) fn assert_bytes(hex: &str, message: &Message) {
        assert_eq!(Message::decode(&bytes(hex)), Ok(*message));
        assert_eq!(message.encode(), bytes(hex));
    }

    const SYNC: &str = "0002002c000002000000000000000000 00000000d651b5fffe364c0800010000
        0000 00000000000000000000";

    #[test]
    fn padding_and_tlvs_behind_a_message_are_ignored() {
        let plain = bytes(SYNC);
        let message = Message::decode(&plain).unwrap();
        let mut padded = plain.clone();
        padded.extend_from_slice(&[0xff; 20]);
        assert_eq!(Message::decode(&padded), Ok(message));
        padded[3] = 0x2c + 20;
        assert_eq!(Message::decode(&padded), Ok(message));
    }

    #[test]
    fn every_truncation_is_refused_for_its_length() {
        let whole = bytes(SYNC);
        for length in 0..whole.len() {
            assert_eq!(Message::decode(&whole[..length]), Err(Rejection::Length), "{length}");
        }
        let mut lies = whole;
        for length in 0..44 {
            lies[3] = length;
            assert_eq!(Message::decode(&lies), Err(Rejection::Length), "{length}");
        }
    }

    #[test]
    fn what_is_not_for_a_slave_is_refused_by_name() {
        for (octet, value, reason) in [
            (1, 0x01, Rejection::Version),
            (1, 0x03, Rejection::Version),
            (0, 0x04, Rejection::MessageType),
            (0, 0x0d, Rejection::MessageType),
            (0, 0x0f, Rejection::MessageType),
            (40, 0x3c, Rejection::TimeStamp),
        ] {
            let mut message = bytes(SYNC);
            message[octet] = value;
            assert_eq!(Message::decode(&message), Err(reason), "octet {octet}");
        }
        let mut message = bytes(SYNC);
        message[8..16].copy_from_slice(&i64::MAX.to_be_bytes());
        assert_eq!(Message::decode(&message), Err(Rejection::Correction));
    }

    proptest! {
        #[test]
        fn what_decodes_encodes_to_the_same_bytes_but_for_reserved_ones(
            kind in prop::sample::select(vec![0u8, 1, 2, 3, 8, 9, 0xa, 0xb]),
            mut octets in prop::collection::vec(any::<u8>(), 64),
        ) {
            let length = match kind { 2 | 3 | 9 | 0xa => 54, 0xb => 64, _ => 44 };
            octets.truncate(length);
            octets[0] = octets[0] & 0xf0 | kind;
            octets[1] = octets[1] & 0xf0 | 2;
            octets[2..4].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            // messageTypeSpecific, controlField and the reserved octets of Announce and
            // Pdelay_Req are set by the sender and ignored by the receiver.
            octets[16..20].fill(0);
            octets[32] = [0, 1, 5, 5, 0, 0, 0, 0, 2, 3, 5, 5][usize::from(kind)];
            if kind == 0xb { octets[46] = 0; }
            if kind == 2 { octets[44..].fill(0); }
            match Message::decode(&octets) {
                Ok(message) => prop_assert_eq!(message.encode(), octets),
                Err(reason) => prop_assert_eq!(reason, Rejection::TimeStamp),
            }
        }
    }
}
