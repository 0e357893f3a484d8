//! What programs such as gpsd tell of the time by a socket: the datagrams of chrony's
//! reference clock SOCK.
//!
//! A datagram is a `struct sock_sample`, of 40 bytes in the order of the host where
//! `time_t` has 64 bits: when by the system clock (seconds, microseconds), how much the true
//! time is ahead of that (a double, s), whether only a second began, a leap second, padding,
//! and a magic number.

use clock_models::time::{Duration, Timestamp, Utc};

/// Bytes of a datagram.
pub const LENGTH: usize = 40;
/// `SOCK`.
const MAGIC: i32 = 0x534f_434b;

/// No clock shows more seconds, s.
const MOST_SECONDS: i64 = 1 << 40;

/// What was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// What `CLOCK_REALTIME` showed.
    pub stamp: Timestamp<Utc>,
    /// The time then.
    pub time: Timestamp<Utc>,
    /// Only that a second began then is meant, and not which.
    pub is_pulse: bool,
}

/// The datagram is no sample, or one that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Reads a datagram.
///
/// # Errors
/// If it is of another length or without the magic number, or its figures are none.
pub fn parse(datagram: &[u8]) -> Result<Sample, Malformed> {
    let datagram: &[u8; LENGTH] = datagram.try_into().map_err(|_| Malformed)?;
    let (words, rest) = datagram.as_chunks::<8>();
    let &[seconds, micros, offset, pulse_and_leap, padding_and_magic] = words else {
        return Err(Malformed);
    };
    debug_assert!(rest.is_empty(), "40 is a multiple of 8");
    let pair = |[a, b, c, d, e, f, g, h]: [u8; 8]| {
        (i32::from_ne_bytes([a, b, c, d]), i32::from_ne_bytes([e, f, g, h]))
    };
    let (seconds, micros) = (i64::from_ne_bytes(seconds), i64::from_ne_bytes(micros));
    let offset = f64::from_ne_bytes(offset);
    let is_sound = pair(padding_and_magic).1 == MAGIC
        && (-MOST_SECONDS..=MOST_SECONDS).contains(&seconds)
        && (0..1_000_000).contains(&micros)
        && offset.abs() <= MOST_SECONDS as f64;
    let offset = Duration::from_seconds(offset).filter(|_| is_sound).ok_or(Malformed)?;
    let stamp = Timestamp::from_secs(seconds) + Duration::from_nanos(micros * 1000);
    let is_pulse = pair(pulse_and_leap).0 != 0;
    Ok(Sample { stamp, time: stamp + offset, is_pulse })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn datagram(seconds: i64, micros: i64, offset: f64, pulse: i32, magic: i32) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(seconds.to_ne_bytes());
        bytes.extend(micros.to_ne_bytes());
        bytes.extend(offset.to_ne_bytes());
        for word in [pulse, 0, 0, magic] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn a_sample_tells_what_the_system_clock_showed_and_the_time_then() {
        let sample = parse(&datagram(1000, 250_000, -0.25, 0, MAGIC)).unwrap();
        let stamp = Timestamp::from_secs(1000) + Duration::from_nanos(250_000_000);
        let time = Timestamp::from_secs(1000);
        assert_eq!(sample, Sample { stamp, time, is_pulse: false });
        assert!(parse(&datagram(1000, 0, 0.0, 1, MAGIC)).unwrap().is_pulse);
    }

    #[test]
    fn what_is_no_sample_is_refused() {
        let good = datagram(1000, 0, 0.0, 0, MAGIC);
        assert_eq!(good.len(), LENGTH);
        assert_eq!(parse(&good[1..]), Err(Malformed));
        assert_eq!(parse(&[good.as_slice(), &[0]].concat()), Err(Malformed));
        assert_eq!(parse(&datagram(1000, 0, 0.0, 0, MAGIC + 1)), Err(Malformed));
        assert_eq!(parse(&datagram(1000, 1_000_000, 0.0, 0, MAGIC)), Err(Malformed));
        assert_eq!(parse(&datagram(1000, -1, 0.0, 0, MAGIC)), Err(Malformed));
        assert_eq!(parse(&datagram(i64::MAX, 0, 0.0, 0, MAGIC)), Err(Malformed));
        for offset in [f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(parse(&datagram(1000, 0, offset, 0, MAGIC)), Err(Malformed));
        }
    }

    proptest! {
        #[test]
        fn no_datagram_makes_the_parser_panic(
            seconds: i64, micros in -1_i64..1_000_001, bits: u64, pulse: i32,
            noise in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let _ = parse(&datagram(seconds, micros, f64::from_bits(bits), pulse, MAGIC));
            let _ = parse(&noise);
        }
    }
}
