//! Reading the kernel's structures out of bytes, without trusting their length.

/// The `N` bytes at `offset`, if they are there.
pub(crate) fn field<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk::<N>().copied()
}
