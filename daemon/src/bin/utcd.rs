//! utcd.
#![forbid(unsafe_code)]
fn main() {}
