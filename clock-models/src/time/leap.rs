use std::fmt::{self, Write as _};

use sha1::{Digest as _, Sha1};

use super::wire::NTP_TO_UNIX;
use super::{Duration, Tai, Timestamp, Utc};

/// TAI−UTC before the first leap second. Between 1961 and 1972 UTC ran at another
/// rate; a clock that starts at 1970 for want of a battery needs no better than this.
const TAI_MINUS_UTC_BEFORE_1972: i64 = 10;

/// A UTC reading, as unambiguous as POSIX seconds allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcReading {
    /// The POSIX count. During an inserted leap second it shows 23:59:59 a second
    /// time, as the Linux kernel and NTP do.
    pub timestamp: Timestamp<Utc>,
    /// True in an inserted leap second, 23:59:60.
    pub in_leap_second: bool,
}

impl fmt::Display for UtcReading {
    /// ISO 8601, to a nanosecond (rounded down); an inserted leap second is `23:59:60`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.timestamp.to_string();
        match self.in_leap_second {
            true => f.write_str(&text.replacen(":59.", ":60.", 1)),
            false => f.write_str(&text),
        }
    }
}

/// A leap second that is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeapEvent {
    /// The UTC midnight at whose eve it happens.
    pub midnight: Timestamp<Utc>,
    /// TAI−UTC after it, in seconds.
    pub tai_minus_utc: i64,
    /// True where a second is inserted, false where one is deleted.
    pub inserted: bool,
}

/// TAI−UTC over time, from a `leap-seconds.list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeapTable {
    /// (midnight from which it holds, TAI−UTC in seconds), ascending.
    entries: Vec<(Timestamp<Utc>, i64)>,
    /// How many of them are in the file; sources announced the others.
    listed: usize,
    updated: Timestamp<Utc>,
    expires: Timestamp<Utc>,
}

/// Why a `leap-seconds.list` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeapTableError {
    /// A line that is neither a comment nor an entry.
    #[error("line {line}: expected \"<NTP seconds> <TAI-UTC>\", found {found:?}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// The beginning of it.
        found: String,
    },
    /// Entries must ascend by date and change TAI−UTC by one second.
    #[error("line {line}: does not follow from the entry before it")]
    Order {
        /// Counted from 1.
        line: usize,
    },
    /// `#$`, `#@`, `#h` or every entry is missing.
    #[error("no {0} in the file: it is not a leap-seconds.list, or is cut short")]
    Missing(&'static str),
    /// The contents do not match the `#h` line.
    #[error(
        "the SHA-1 of the contents, {computed}, is not that of its #h line, {stated}: the file is damaged or was edited; fetch it again"
    )]
    Hash {
        /// Of the contents.
        computed: String,
        /// In the file.
        stated: String,
    },
}

impl LeapTable {
    /// The table that is part of the program.
    ///
    /// # Panics
    /// Never: a test parses the same text.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a constant of this crate, which a test parses")]
    pub fn built_in() -> Self {
        Self::parse(include_str!("../../data/leap-seconds.list")).expect("the table of this crate")
    }

    /// Reads a `leap-seconds.list` and checks its hash.
    ///
    /// An expired table parses: it degrades the claim, not the service.
    ///
    /// # Errors
    /// The first thing wrong with it.
    pub fn parse(text: &str) -> Result<Self, LeapTableError> {
        let mut file = Lines::default();
        for (index, line) in text.lines().enumerate() {
            file.take(index + 1, line)?;
        }
        file.finish()
    }

    /// When the table was last updated (`#$`).
    #[must_use]
    pub const fn updated(&self) -> Timestamp<Utc> {
        self.updated
    }

    /// When it stops to be known that no further leap second was announced (`#@`).
    #[must_use]
    pub const fn expires(&self) -> Timestamp<Utc> {
        self.expires
    }

    /// TAI−UTC in seconds at a UTC count; in a repeated second, that before it ends.
    #[must_use]
    pub fn tai_minus_utc(&self, utc: Timestamp<Utc>) -> i64 {
        let after = self.entries.partition_point(|&(from, _)| from <= utc);
        after.checked_sub(1).map_or(TAI_MINUS_UTC_BEFORE_1972, |last| self.entries[last].1)
    }

    /// UTC of a TAI instant.
    #[must_use]
    pub fn to_utc(&self, tai: Timestamp<Tai>) -> UtcReading {
        let count =
            |offset: i64| Timestamp::from_epoch(tai.since_epoch() - Duration::from_secs(offset));
        let passed = self.entries.partition_point(|&(midnight, offset)| count(offset) >= midnight);
        let (past, to_come) = self.entries.split_at(passed);
        let before = past.last().map_or(TAI_MINUS_UTC_BEFORE_1972, |&(_, offset)| offset);
        match to_come.first() {
            Some(&(midnight, offset)) if offset > before && count(before) >= midnight => {
                UtcReading { timestamp: count(offset), in_leap_second: true }
            }
            _ => UtcReading { timestamp: count(before), in_leap_second: false },
        }
    }

    /// TAI of a UTC reading.
    ///
    /// Exact for every reading that [`to_utc`](Self::to_utc) gives. A count that
    /// never was (in a deleted second) counts on from the second before.
    #[must_use]
    pub fn to_tai(&self, utc: UtcReading) -> Timestamp<Tai> {
        let count = utc.timestamp + Duration::from_secs(i64::from(utc.in_leap_second));
        let offset = self.tai_minus_utc(utc.timestamp);
        Timestamp::from_epoch(count.since_epoch() + Duration::from_secs(offset))
    }

    /// The next leap second after `utc`, if one is announced.
    #[must_use]
    pub fn next_event(&self, utc: Timestamp<Utc>) -> Option<LeapEvent> {
        let next = self.entries.partition_point(|&(from, _)| from <= utc);
        let &(midnight, tai_minus_utc) = self.entries.get(next)?;
        let inserted = tai_minus_utc > self.tai_minus_utc(utc);
        Some(LeapEvent { midnight, tai_minus_utc, inserted })
    }

    /// Takes in a leap second that is not in the file; nothing, unless it follows on
    /// every entry.
    pub fn announce(&mut self, event: LeapEvent) {
        if self.entries.last().is_none_or(|&(last, _)| last < event.midnight) {
            self.entries.push((event.midnight, event.tai_minus_utc));
        }
    }

    /// The leap seconds that were taken in beyond the file.
    pub fn announced(&self) -> impl Iterator<Item = LeapEvent> {
        let before = self.entries[self.listed.saturating_sub(1)..].iter();
        let after = &self.entries[self.listed..];
        after.iter().zip(before).map(|(&(midnight, tai_minus_utc), &(_, before))| LeapEvent {
            midnight,
            tai_minus_utc,
            inserted: tai_minus_utc > before,
        })
    }

    /// Takes in what `other` was announced, as far as the file of this one does not reach.
    pub fn keep_announced(&mut self, other: &Self) {
        let reached = self.expires;
        for event in other.announced().filter(|event| event.midnight > reached) {
            self.announce(event);
        }
    }
}

/// What has been read of the file so far.
#[derive(Default)]
struct Lines {
    entries: Vec<(Timestamp<Utc>, i64)>,
    updated: Option<String>,
    expires: Option<String>,
    data: String,
    hash: Option<String>,
}

impl Lines {
    fn take(&mut self, number: usize, line: &str) -> Result<(), LeapTableError> {
        if let Some(text) = line.strip_prefix("#$") {
            self.updated = Some(text.trim().to_owned());
        } else if let Some(text) = line.strip_prefix("#@") {
            self.expires = Some(text.trim().to_owned());
        } else if let Some(text) = line.strip_prefix("#h") {
            // Many published files have lost the leading zeros of a word.
            let words = text.split_whitespace();
            self.hash = Some(words.map(|word| format!("{word:0>8}")).collect());
        } else {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if !entry.is_empty() {
                self.entry(number, entry)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, line: usize, text: &str) -> Result<(), LeapTableError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let parsed = match fields[..] {
            [from, offset] => ntp_seconds(from).zip(offset.parse::<i64>().ok()),
            _ => None,
        };
        let Some((from, offset)) = parsed else {
            return Err(LeapTableError::Line { line, found: text.chars().take(40).collect() });
        };
        if let Some(&(last_from, last_offset)) = self.entries.last()
            && (from <= last_from || (offset - last_offset).abs() != 1)
        {
            return Err(LeapTableError::Order { line });
        }
        if !(-1000..1000).contains(&offset) {
            return Err(LeapTableError::Order { line });
        }
        self.entries.push((from, offset));
        self.data.extend(fields);
        Ok(())
    }

    fn finish(self) -> Result<LeapTable, LeapTableError> {
        let updated_text = self.updated.ok_or(LeapTableError::Missing("#$ (update) line"))?;
        let expires_text = self.expires.ok_or(LeapTableError::Missing("#@ (expiry) line"))?;
        let stated = self.hash.ok_or(LeapTableError::Missing("#h (hash) line"))?;
        if self.entries.is_empty() {
            return Err(LeapTableError::Missing("entry"));
        }
        let hash = Sha1::new()
            .chain_update(&updated_text)
            .chain_update(&expires_text)
            .chain_update(&self.data)
            .finalize();
        let computed = hash.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        if computed != stated {
            return Err(LeapTableError::Hash { computed, stated });
        }
        let updated =
            ntp_seconds(&updated_text).ok_or(LeapTableError::Missing("date in the #$ line"))?;
        let expires =
            ntp_seconds(&expires_text).ok_or(LeapTableError::Missing("date in the #@ line"))?;
        Ok(LeapTable { listed: self.entries.len(), entries: self.entries, updated, expires })
    }
}

fn ntp_seconds(text: &str) -> Option<Timestamp<Utc>> {
    // More than 12 digits is no date, and would overflow later arithmetic.
    let seconds: i64 = text.parse().ok().filter(|s| (0..1_000_000_000_000).contains(s))?;
    Some(Timestamp::from_secs(seconds - NTP_TO_UNIX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIDNIGHT_2017: i64 = 1_483_228_800;

    fn deleted_second() -> LeapTable {
        LeapTable {
            entries: vec![
                (Timestamp::from_secs(MIDNIGHT_2017), 37),
                (Timestamp::from_secs(MIDNIGHT_2017 + 86_400 * 365), 36),
            ],
            listed: 2,
            ..LeapTable::built_in()
        }
    }

    #[test]
    fn the_built_in_table_ends_with_37_s() {
        let table = LeapTable::built_in();
        assert_eq!(table.entries.len(), 28);
        assert_eq!(table.tai_minus_utc(Timestamp::from_secs(1_795_322_804)), 37);
        assert_eq!(table.expires().to_string(), "2027-06-28T00:00:00.000000000Z");
        assert_eq!(table.next_event(Timestamp::from_secs(1_795_322_804)), None);
    }

    #[test]
    fn an_inserted_second_is_shown_as_the_60th() {
        let timestamp = Timestamp::from_secs(MIDNIGHT_2017) - Duration::from_nanos(1);
        let shown = |in_leap_second| UtcReading { timestamp, in_leap_second }.to_string();
        assert_eq!(shown(false), "2016-12-31T23:59:59.999999999Z");
        assert_eq!(shown(true), "2016-12-31T23:59:60.999999999Z");
    }

    #[test]
    fn the_leap_second_of_2016_is_counted_twice_and_told_apart() {
        let table = LeapTable::built_in();
        let tai = |s| Timestamp::<Tai>::from_secs(MIDNIGHT_2017 + s);
        let utc = |s, in_leap_second| UtcReading {
            timestamp: Timestamp::from_secs(MIDNIGHT_2017 + s),
            in_leap_second,
        };
        assert_eq!(table.to_utc(tai(35)), utc(-1, false));
        assert_eq!(table.to_utc(tai(36)), utc(-1, true));
        assert_eq!(table.to_utc(tai(37)), utc(0, false));
        let next = table.next_event(Timestamp::from_secs(MIDNIGHT_2017 - 1)).unwrap();
        assert!(next.inserted && next.tai_minus_utc == 37);
    }

    #[test]
    fn a_deleted_second_is_jumped_over() {
        let table = deleted_second();
        let midnight = MIDNIGHT_2017 + 86_400 * 365;
        let before = table.to_utc(Timestamp::from_secs(midnight - 2 + 37));
        let after = table.to_utc(Timestamp::from_secs(midnight - 1 + 37));
        assert_eq!(before.timestamp, Timestamp::from_secs(midnight - 2));
        assert_eq!(after.timestamp, Timestamp::from_secs(midnight));
        assert!(!table.next_event(before.timestamp).unwrap().inserted);
    }

    #[test]
    fn hash_words_without_leading_zeros_are_padded() {
        let text = include_str!("../../data/leap-seconds.list");
        let (body, hash) = text.rsplit_once("#h\t").unwrap();
        let short: Vec<&str> = hash.split_whitespace().map(|w| w.trim_start_matches('0')).collect();
        let text = format!("{body}#h {}\n", short.join(" "));
        assert_eq!(LeapTable::parse(&text), Ok(LeapTable::built_in()));
    }

    #[test]
    fn a_damaged_file_is_refused_with_its_reason() {
        let good = include_str!("../../data/leap-seconds.list");
        let parse =
            |from: &str, to: &str| LeapTable::parse(&good.replacen(from, to, 1)).unwrap_err();
        assert!(matches!(parse("3692217600", "3692217601"), LeapTableError::Hash { .. }));
        assert!(matches!(parse("3692217600\t37", "3692217600\tx"), LeapTableError::Line { .. }));
        assert!(matches!(parse("3692217600\t37", "3692217600\t57"), LeapTableError::Order { .. }));
        assert_eq!(parse("#@", "#"), LeapTableError::Missing("#@ (expiry) line"));
        assert_eq!(LeapTable::parse(""), Err(LeapTableError::Missing("#$ (update) line")));
    }

    #[test]
    fn published_files_parse() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/leap");
        let Ok(files) = std::fs::read_dir(dir) else {
            println!("skipped: {dir} is not there");
            return;
        };
        for file in files {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            LeapTable::parse(&text).unwrap();
        }
    }

    proptest! {
        #[test]
        fn tai_to_utc_and_back_is_exact_leap_seconds_included(
            entry in 0usize..28, seconds in -3i64..43, fraction in 0..1i64 << 61
        ) {
            let table = LeapTable::built_in();
            let midnight = table.entries[entry].0.since_epoch();
            let tai = Timestamp::from_epoch(
                midnight + Duration::from_secs(seconds) + Duration::from_bits(i128::from(fraction)),
            );
            prop_assert_eq!(table.to_tai(table.to_utc(tai)), tai);
        }

        #[test]
        fn tai_to_utc_and_back_is_exact_at_any_time(
            seconds in -4_000_000_000i64..8_000_000_000, nanos in 0i64..1_000_000_000
        ) {
            let tai = Timestamp::from_secs(seconds) + Duration::from_nanos(nanos);
            for table in [LeapTable::built_in(), deleted_second()] {
                prop_assert_eq!(table.to_tai(table.to_utc(tai)), tai);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "(#[$@h]?[ 0-9a-f\t-]{0,24}\n){0,12}") {
            let _ = LeapTable::parse(&text);
        }
    }
}
