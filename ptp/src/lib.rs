//! IEEE 1588 on statime: ports and comparisons, without I/O.
#![forbid(unsafe_code)]
