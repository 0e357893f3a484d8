//! NTPv4: packets, client and server, without I/O.
#![forbid(unsafe_code)]
