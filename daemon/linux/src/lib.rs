//! Clocks, pulses, time-stamping sockets and interfaces of Linux: the only unsafe code of
//! utcd.
//!
//! Every call goes through the C library, none by raw system call or io_uring, and
//! nothing here starts a thread or waits, but for [`phc::ExternalStamps`]: tools that
//! interpose the C library (a network simulator, a faked clock) see all of it, and the
//! caller owns the timing.
//!
//! The time base is `CLOCK_MONOTONIC_RAW`, which nobody can steer or step.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("utcd reads the kernel's 64-bit time structures: build it for a 64-bit target");

pub mod clock;
pub mod ethernet;
pub mod interface;
pub mod link;
pub mod ntp_shm;
pub mod other_programs;
pub mod phc;
pub mod pps;
pub mod random;
pub mod serial;
pub mod socket;

mod bytes;
mod capability;
mod device;
