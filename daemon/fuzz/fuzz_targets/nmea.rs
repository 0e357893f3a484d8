//! Any bytes are sentences, faults or nothing, in whatever pieces they come.
#![no_main]

use libfuzzer_sys::fuzz_target;
use utcd::nmea::Lines;

fuzz_target!(|pieces: (&[u8], &[u8])| {
    let (first, second) = pieces;
    let mut lines = Lines::default();
    let mut said = lines.push(first);
    said.extend(lines.push(second));
    assert_eq!(said, Lines::default().push(&[first, second].concat()));
});
