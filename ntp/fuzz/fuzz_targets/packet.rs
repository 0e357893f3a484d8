//! Any bytes are a packet whose header is written as it was read, or a named error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ntp::packet::{Header, Packet, Trailer};

fuzz_target!(|bytes: &[u8]| {
    let Ok(packet) = Packet::parse(bytes) else { return };
    assert_eq!(packet.header.emit(), bytes[..Header::LEN]);
    let fields: usize = packet.extensions.map(|field| 4 + field.value.len()).sum();
    let trailer = match packet.trailer {
        Trailer::Empty => 0,
        Trailer::CryptoNak => 4,
        Trailer::Mac { digest, .. } => 4 + digest.len(),
        Trailer::Unknown(bytes) => bytes.len(),
    };
    assert_eq!(Header::LEN + fields + trailer, bytes.len());
});
