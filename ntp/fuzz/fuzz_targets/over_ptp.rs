//! Any bytes are a PTP message that ends with an NTP message, or a named refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ntp::over_ptp::unwrap;

fuzz_target!(|bytes: &[u8]| match unwrap(bytes) {
    Ok(wrapped) => assert!(bytes.ends_with(wrapped.message)),
    Err(refused) => assert!(refused.name().starts_with("ptp-")),
});
