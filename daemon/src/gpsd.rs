//! What gpsd tells of the time: lines of JSON (gpsd_json(5)).

use clock_models::time::{Duration, Timestamp, Utc, UtcReading};
use serde::Deserialize;

use crate::nmea;

/// Asks for everything that is told of the time, pulses included.
pub const WATCH: &[u8] = b"?WATCH={\"enable\":true,\"json\":true,\"pps\":true};\n";
/// TPV.mode from which on there is a fix.
const FIX: u8 = 2;

/// A line that tells something of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The time (TPV); `None` without a fix.
    Time(Option<UtcReading>),
    /// A pulse (PPS).
    Pulse {
        /// The second that it began.
        second: Timestamp<Utc>,
        /// When it came, by `CLOCK_REALTIME`.
        stamp: Timestamp<Utc>,
    },
}

/// The line is no object of gpsd, or one whose fields cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

#[derive(Deserialize)]
#[serde(tag = "class")]
enum Object {
    #[serde(rename = "TPV")]
    Tpv {
        #[serde(default)]
        mode: u8,
        time: Option<String>,
    },
    #[serde(rename = "PPS")]
    Pps { real_sec: i64, real_nsec: i64, clock_sec: i64, clock_nsec: i64 },
    #[serde(other)]
    Other,
}

/// What a line says; `None` where it does not tell the time.
///
/// # Errors
/// The line cannot be used.
pub fn parse(line: &[u8]) -> Result<Option<Told>, Malformed> {
    match serde_json::from_slice(line).map_err(|_| Malformed)? {
        Object::Tpv { mode, .. } if mode < FIX => Ok(Some(Told::Time(None))),
        Object::Tpv { time: None, .. } | Object::Other => Ok(None),
        Object::Tpv { time: Some(time), .. } => {
            let utc = iso_8601(&time).ok_or(Malformed)?;
            Ok(Some(Told::Time(Some(utc))))
        }
        Object::Pps { real_sec, real_nsec: 0, clock_sec, clock_nsec } => {
            let stamp = Timestamp::from_secs(clock_sec) + Duration::from_nanos(clock_nsec);
            Ok(Some(Told::Pulse { second: Timestamp::from_secs(real_sec), stamp }))
        }
        Object::Pps { .. } => Err(Malformed),
    }
}

/// `2026-11-22T12:34:56.000Z`
fn iso_8601(text: &str) -> Option<UtcReading> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    nmea::reading(&time.replace(':', ""), day, month, nmea::year(year)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tpv_tells_the_time_of_a_receiver_with_a_fix() {
        let tpv = |rest: &str| parse(format!("{{\"class\":\"TPV\",{rest}}}").as_bytes());
        let time = "\"time\":\"2026-11-22T00:00:07.000Z\"";
        let timestamp = Timestamp::from_date(2026, 11, 22).unwrap() + Duration::from_secs(7);
        let utc = UtcReading { timestamp, in_leap_second: false };
        assert_eq!(tpv(&format!("\"mode\":3,{time}")), Ok(Some(Told::Time(Some(utc)))));
        assert_eq!(tpv(&format!("\"mode\":1,{time}")), Ok(Some(Told::Time(None))));
        assert_eq!(tpv(&format!("\"lat\":1.0,{time}")), Ok(Some(Told::Time(None))));
        assert_eq!(tpv("\"mode\":3"), Ok(None));
        assert_eq!(tpv("\"mode\":3,\"time\":\"yesterday\""), Err(Malformed));
    }

    #[test]
    fn pps_tells_which_second_a_pulse_began_and_when_it_came() {
        let line = br#"{"class":"PPS","device":"/dev/ttyS0","real_sec":1000,"real_nsec":0,
            "clock_sec":999,"clock_nsec":999999000,"precision":-20}"#;
        let stamp = Timestamp::from_secs(1000) - Duration::from_nanos(1000);
        let told = Told::Pulse { second: Timestamp::from_secs(1000), stamp };
        assert_eq!(parse(line), Ok(Some(told)));
        let between = br#"{"class":"PPS","real_sec":1,"real_nsec":5,"clock_sec":1,"clock_nsec":0}"#;
        assert_eq!(parse(between), Err(Malformed));
    }

    #[test]
    fn others_are_passed_over_and_what_is_no_object_is_refused() {
        assert_eq!(parse(br#"{"class":"SKY","satellites":[]}"#), Ok(None));
        assert_eq!(parse(b"{}"), Err(Malformed));
        assert_eq!(parse(b"gpsd"), Err(Malformed));
    }

    proptest! {
        #[test]
        fn any_fields_are_read_without_a_panic(
            time in "[0-9TZ:.\u{20ac}-]{0,30}",
            numbers in any::<[i64; 3]>(),
        ) {
            let [real, seconds, nanos] = numbers;
            let tpv = format!("{{\"class\":\"TPV\",\"mode\":3,\"time\":\"{time}\"}}");
            let _ = parse(tpv.as_bytes());
            let pps = format!(
                "{{\"class\":\"PPS\",\"real_sec\":{real},\"real_nsec\":0,\"clock_sec\":{seconds},\
                 \"clock_nsec\":{nanos}}}"
            );
            prop_assert!(parse(pps.as_bytes()).is_ok());
        }
    }
}
