//! NMEA 0183: what its sentences tell of the time.
//!
//! A sentence is a line such as `$GPRMC,…*5A`: the talker (two letters), the kind (three),
//! fields between commas, and a checksum.

use clock_models::time::{Duration, Timestamp, Utc, UtcReading};

/// The longest line that is looked at; a sentence has 82 characters.
const LONGEST: usize = 120;
/// Who may tell the time: GPS, several systems together, `BeiDou` (by both of its names),
/// GLONASS, Galileo.
const TALKERS: [&str; 6] = ["GP", "GN", "BD", "GB", "GL", "GA"];

/// A sentence that tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sentence {
    /// RMC: `None` while the receiver says that it has no fix (status V).
    Rmc(Option<UtcReading>),
    /// ZDA, which says nothing of the fix: `None` where the time is left out.
    Zda(Option<UtcReading>),
}

/// Why a line is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is no sentence, or one whose fields cannot be.
    Malformed,
    /// It was damaged on its way.
    Checksum,
}

impl Fault {
    /// Its name in counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Checksum => "checksum",
        }
    }
}

/// Makes lines of what comes.
#[derive(Debug, Default)]
pub struct Lines {
    line: Vec<u8>,
    /// The line is longer than any sentence, or began before we listened.
    skips: bool,
}

impl Lines {
    /// Takes the next bytes, and gives what the lines that end in them say. Sentences that
    /// do not tell the time are passed over.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Result<Sentence, Fault>> {
        let mut found = Vec::new();
        for &byte in bytes {
            if byte != b'\n' {
                self.skips |= self.line.len() >= LONGEST;
                if !self.skips {
                    self.line.push(byte);
                }
                continue;
            }
            let result = if self.skips { Err(Fault::Malformed) } else { parse(&self.line) };
            found.extend(result.transpose());
            self.line.clear();
            self.skips = false;
        }
        found
    }
}

/// What a line says; `None` where it does not tell the time.
///
/// # Errors
/// Why the line cannot be used.
pub fn parse(line: &[u8]) -> Result<Option<Sentence>, Fault> {
    let line = std::str::from_utf8(line).map_err(|_| Fault::Malformed)?.trim_end();
    if line.is_empty() {
        return Ok(None);
    }
    let body = line.strip_prefix('$').ok_or(Fault::Malformed)?;
    let (body, stated) = body.rsplit_once('*').ok_or(Fault::Malformed)?;
    let stated = number::<2>(stated, 16).ok_or(Fault::Malformed)?;
    if u32::from(body.bytes().fold(0, |sum, byte| sum ^ byte)) != stated {
        return Err(Fault::Checksum);
    }
    let mut fields = body.split(',');
    let address = fields.next().unwrap_or_default();
    let Some((talker, kind)) = address.split_at_checked(2) else { return Ok(None) };
    if !TALKERS.contains(&talker) {
        return Ok(None);
    }
    let fields: Vec<&str> = fields.collect();
    match kind {
        "RMC" => rmc(&fields).map(|fix| Some(Sentence::Rmc(fix))),
        "ZDA" => zda(&fields).map(|fix| Some(Sentence::Zda(fix))),
        _ => Ok(None),
    }
}

/// hhmmss.ss, status, 2 × 2 fields of the position, speed, course, ddmmyy, …
fn rmc(fields: &[&str]) -> Result<Option<UtcReading>, Fault> {
    let [time, status, _, _, _, _, _, _, date, ..] = fields else { return Err(Fault::Malformed) };
    if *status != "A" {
        return Ok(None);
    }
    let (day, rest) = date.split_at_checked(2).ok_or(Fault::Malformed)?;
    let (month, year) = rest.split_at_checked(2).ok_or(Fault::Malformed)?;
    let year = number::<2>(year, 10).map(|year| 2000 + i64::from(year));
    reading(time, day, month, year).map(Some)
}

/// hhmmss.ss, dd, mm, yyyy, local zone
fn zda(fields: &[&str]) -> Result<Option<UtcReading>, Fault> {
    let [time, day, month, year, ..] = fields else { return Err(Fault::Malformed) };
    if time.is_empty() || year.is_empty() {
        return Ok(None);
    }
    reading(time, day, month, self::year(year)).map(Some)
}

pub(crate) fn reading(
    time: &str,
    day: &str,
    month: &str,
    year: Option<i64>,
) -> Result<UtcReading, Fault> {
    let part = |text: &str| number::<2>(text, 10).and_then(|value| u8::try_from(value).ok());
    let date = || Timestamp::<Utc>::from_date(year?, part(month)?, part(day)?);
    let date = date().ok_or(Fault::Malformed)?;
    let (since_midnight, in_leap_second) = time_of_day(time).ok_or(Fault::Malformed)?;
    Ok(UtcReading { timestamp: date + since_midnight, in_leap_second })
}

/// A year of four digits.
pub(crate) fn year(text: &str) -> Option<i64> {
    number::<4>(text, 10).map(i64::from)
}

/// Time since midnight as POSIX counts it, and whether it is in a leap second (23:59:60).
fn time_of_day(text: &str) -> Option<(Duration, bool)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (hour, rest) = whole.split_at_checked(2)?;
    let (minute, second) = rest.split_at_checked(2)?;
    let (hour, minute) = (number::<2>(hour, 10)?, number::<2>(minute, 10)?);
    let second = number::<2>(second, 10)?;
    let in_leap_second = (hour, minute, second) == (23, 59, 60);
    if hour > 23 || minute > 59 || (second > 59 && !in_leap_second) {
        return None;
    }
    let seconds = hour * 3600 + minute * 60 + second - u32::from(in_leap_second);
    let since_midnight = Duration::from_secs(i64::from(seconds)) + nanoseconds(fraction)?;
    Some((since_midnight, in_leap_second))
}

/// The digits after the decimal point; what is finer than 1 ns is left out.
fn nanoseconds(fraction: &str) -> Option<Duration> {
    let digits = fraction.bytes().map(|byte| char::from(byte).to_digit(10));
    let digits: Option<Vec<u32>> = digits.collect();
    let nanos = digits?.into_iter().chain(std::iter::repeat(0)).take(9);
    Some(Duration::from_nanos(nanos.fold(0, |sum, digit| sum * 10 + i64::from(digit))))
}

/// A number of exactly so many digits, and nothing else.
fn number<const DIGITS: usize>(text: &str, radix: u32) -> Option<u32> {
    let is_number = text.len() == DIGITS && text.chars().all(|c| c.is_digit(radix));
    is_number.then(|| u32::from_str_radix(text, radix).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The sentence with its checksum.
    fn sentence(body: &str) -> String {
        format!("${body}*{:02X}\r\n", body.bytes().fold(0, |sum, byte| sum ^ byte))
    }

    fn said(body: &str) -> Result<Option<Sentence>, Fault> {
        parse(sentence(body).as_bytes())
    }

    /// 2026-11-22T12:34:56 UTC.
    fn expected() -> UtcReading {
        let timestamp = Timestamp::from_date(2026, 11, 22).unwrap()
            + Duration::from_secs(12 * 3600 + 34 * 60 + 56);
        UtcReading { timestamp, in_leap_second: false }
    }

    #[test]
    fn rmc_and_zda_tell_date_and_time() {
        let rmc = "GPRMC,123456.00,A,3959.00,N,11618.00,E,0.0,0.0,221126,,,A";
        assert_eq!(said(rmc), Ok(Some(Sentence::Rmc(Some(expected())))));
        let zda = "GNZDA,123456.250,22,11,2026,00,00";
        let quarter = Duration::from_nanos(250_000_000);
        let later = UtcReading { timestamp: expected().timestamp + quarter, ..expected() };
        assert_eq!(said(zda), Ok(Some(Sentence::Zda(Some(later)))));
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // Reckoned by hand: the letters of GPZDA and the commas.
        let line = b"$GPZDA,,,,,,*48";
        assert_eq!(parse(line), Ok(Some(Sentence::Zda(None))));
        assert_eq!(parse(b"$GPZDA,,,,,,*49"), Err(Fault::Checksum));
    }

    #[test]
    fn a_receiver_without_a_fix_tells_no_time() {
        let void = "GPRMC,123456.00,V,,,,,,,221126,,,N";
        assert_eq!(said(void), Ok(Some(Sentence::Rmc(None))));
    }

    #[test]
    fn a_leap_second_is_known_as_such() {
        let Ok(Some(Sentence::Zda(Some(leap)))) = said("GPZDA,235960,31,12,2016,00,00") else {
            panic!("no time");
        };
        let last = Timestamp::from_date(2017, 1, 1).unwrap() - Duration::SECOND;
        assert_eq!(leap, UtcReading { timestamp: last, in_leap_second: true });
    }

    #[test]
    fn what_cannot_be_is_malformed() {
        for body in [
            "GPZDA,245959,01,01,2026,00,00",
            "GPZDA,126060,01,01,2026,00,00",
            "GPZDA,120060,01,01,2026,00,00",
            "GPZDA,120000,30,02,2026,00,00",
            "GPZDA,120000,1,01,2026,00,00",
            "GPZDA,12000é,01,01,2026,00,00",
            "GPZDA,120000.x,01,01,2026,00,00",
            "GPZDA,1200",
            "GPRMC,123456.00,A,3959.00,N",
            "GPRMC,123456.00,A,,,,,,,2211,,,A",
        ] {
            assert_eq!(said(body), Err(Fault::Malformed), "{body}");
        }
        assert_eq!(parse(b"GPZDA,,,,,,*48"), Err(Fault::Malformed));
        assert_eq!(parse(b"$GPZDA,,,,,,"), Err(Fault::Malformed));
        assert_eq!(parse(b"\xff\xfe"), Err(Fault::Malformed));
    }

    #[test]
    fn others_are_passed_over() {
        for body in ["GPGGA,123456,,,", "XXZDA,123456,22,11,2026,00,00", "P", "PUBX,04"] {
            assert_eq!(said(body), Ok(None), "{body}");
        }
    }

    #[test]
    fn lines_come_in_any_pieces_and_one_without_end_is_let_go() {
        let zda = sentence("GNZDA,123456,22,11,2026,00,00");
        let mut lines = Lines::default();
        let (first, second) = zda.split_at(11);
        assert!(lines.push(first.as_bytes()).is_empty());
        assert_eq!(lines.push(second.as_bytes()), [Ok(Sentence::Zda(Some(expected())))]);
        assert!(lines.push(&[b'$'; 10_000]).is_empty());
        assert!(lines.line.len() <= LONGEST);
        assert_eq!(lines.push(b"\n"), [Err(Fault::Malformed)]);
        assert_eq!(lines.push(zda.as_bytes()), [Ok(Sentence::Zda(Some(expected())))]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            Lines::default().push(&bytes);
        }

        #[test]
        fn any_fields_are_read_without_a_panic(
            kind in "(RMC|ZDA)",
            fields in "[0-9.,AV\u{20ac}]{0,60}",
        ) {
            let _ = said(&format!("GP{kind},{fields}"));
        }

        #[test]
        fn every_time_of_a_day_is_read_back(seconds in 0u32..86_400, day in 1u8..=28) {
            let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            let body = format!("GPZDA,{hour:02}{minute:02}{second:02},{day:02},02,2027,00,00");
            let midnight = Timestamp::from_date(2027, 2, day).unwrap();
            let timestamp = midnight + Duration::from_secs(i64::from(seconds));
            let reading = UtcReading { timestamp, in_leap_second: false };
            prop_assert_eq!(said(&body), Ok(Some(Sentence::Zda(Some(reading)))));
        }
    }
}
