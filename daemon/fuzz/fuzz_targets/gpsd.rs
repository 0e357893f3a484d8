//! Any line is something that gpsd tells, nothing, or malformed.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    let _ = utcd::gpsd::parse(line);
});
