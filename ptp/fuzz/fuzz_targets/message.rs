//! Any bytes: no panic, and what decodes was understood to the last octet that counts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ptp::wire::Message;

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = Message::decode(bytes) else { return };
    let encoded = message.encode();
    // messageLength differs where TLVs were left out, messageTypeSpecific and
    // controlField are ignored, and octet 46 of an Announce (type 0xB) is reserved.
    let announce = encoded[0] & 0x0f == 0x0b;
    let ignored = |at: usize| matches!(at, 2 | 3 | 16..20 | 32) || (announce && at == 46);
    for (at, (ours, theirs)) in encoded.iter().zip(bytes).enumerate() {
        assert!(ours == theirs || ignored(at), "octet {at} of {message:?}");
    }
});
