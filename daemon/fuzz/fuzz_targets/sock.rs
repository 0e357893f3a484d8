//! Any datagram is a sample or malformed.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    let _ = utcd::sock_sample::parse(datagram);
});
