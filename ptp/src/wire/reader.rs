use clock_models::time::PtpTimestamp;

use crate::rejection::Rejection;

/// Takes fields off the front of a message.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], Rejection> {
        let (field, rest) = self.0.split_first_chunk().ok_or(Rejection::Length)?;
        self.0 = rest;
        Ok(*field)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Rejection> {
        self.take().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Rejection> {
        self.take().map(u16::from_be_bytes)
    }

    /// `Timestamp` (IEEE 1588-2019 5.3.3).
    pub(super) fn timestamp(&mut self) -> Result<PtpTimestamp, Rejection> {
        let high = u64::from(self.u16()?) << 32;
        let seconds = high | u64::from(u32::from_be_bytes(self.take()?));
        let nanoseconds = u32::from_be_bytes(self.take()?);
        PtpTimestamp::new(seconds, nanoseconds).ok_or(Rejection::TimeStamp)
    }
}

/// Appends a `Timestamp` (5.3.3).
pub(super) fn put_timestamp(timestamp: PtpTimestamp, bytes: &mut Vec<u8>) {
    // 48 bits: the two highest octets are zero.
    bytes.extend_from_slice(&timestamp.seconds().to_be_bytes()[2..]);
    bytes.extend_from_slice(&timestamp.nanoseconds().to_be_bytes());
}
