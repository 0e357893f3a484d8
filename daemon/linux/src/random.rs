//! Unpredictable numbers, from the kernel.

use nix::libc;

/// 64 bits that nobody can guess.
///
/// # Panics
/// Where the kernel has none: `getrandom` fails for eight bytes only on kernels older
/// than Linux 3.17, or in a sandbox that forbids it, and nothing may go on without.
#[must_use]
#[expect(clippy::panic, reason = "guessable numbers would let others forge answers")]
pub fn u64() -> u64 {
    let mut bytes = [0_u8; 8];
    loop {
        // SAFETY: the buffer is valid for writes of its length during the call.
        let filled = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
        match usize::try_from(filled) {
            Ok(length) if length == bytes.len() => return u64::from_ne_bytes(bytes),
            // A signal came before the kernel's pool was ready.
            _ if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
            _ => panic!("the kernel gives no random numbers: {}", std::io::Error::last_os_error()),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_differ() {
        let numbers: std::collections::HashSet<u64> = (0..100).map(|_| super::u64()).collect();
        assert_eq!(numbers.len(), 100);
    }
}
