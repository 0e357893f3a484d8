//! Any words of a segment of shared memory are a time or none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use utcd_linux::ntp_shm::{WORDS, sample};

fuzz_target!(|words: [u32; WORDS]| {
    let _ = sample(&words);
});
