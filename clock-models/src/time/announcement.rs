//! Leap seconds that sources announce, where the table does not reach so far.

use super::{Duration, LeapEvent, LeapTable, Timestamp, Utc};

const DAY: Duration = Duration::from_secs(86_400);

/// What a source says of the end of the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeapNotice {
    /// What happens then, if anything.
    pub leap: Option<Leap>,
    /// How long before the end of the month the source is heard.
    pub within: Duration,
}

/// Which way a leap second goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leap {
    /// The last minute has 61 s.
    Inserted,
    /// The last minute has 59 s.
    Deleted,
}

/// What becomes of what the sources say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It is no news.
    Nothing,
    /// The table does not reach to this leap second: it is to be taken in.
    Believed(LeapEvent),
    /// The table reaches to its date, and says otherwise.
    Denied(LeapEvent),
}

impl LeapNotice {
    /// Of the leap indicator of NTP. By RFC 5905 section 7.3 it speaks of the last minute of
    /// the month; it is heard on the last day, by which servers differ less.
    #[must_use]
    pub const fn by_ntp(leap: Option<Leap>) -> Self {
        Self { leap, within: DAY }
    }

    /// Of leap61 and leap59 of PTP, which speak of the last minute of the UTC day
    /// (IEEE 1588-2019 8.2.4.3, 8.2.4.4); they are heard in its last 12 h.
    #[must_use]
    pub const fn by_ptp(leap: Option<Leap>) -> Self {
        Self { leap, within: Duration::from_secs(43_200) }
    }
}

/// What becomes of what sources that are believed say at `now`: a leap second needs more
/// than half of those that are heard then.
#[must_use]
pub fn hear(table: &LeapTable, now: Timestamp<Utc>, notices: &[LeapNotice]) -> Heard {
    let Some(midnight) = end_of_month(now) else { return Heard::Nothing };
    let heard: Vec<_> = notices.iter().filter(|notice| midnight - now <= notice.within).collect();
    let most = |leap| {
        let votes = heard.iter().filter(|notice| notice.leap == Some(leap)).count();
        2 * votes > heard.len()
    };
    let Some(leap) = [Leap::Inserted, Leap::Deleted].into_iter().find(|leap| most(*leap)) else {
        return Heard::Nothing;
    };
    let inserted = leap == Leap::Inserted;
    let change = if inserted { 1 } else { -1 };
    let tai_minus_utc = table.tai_minus_utc(now) + change;
    let event = LeapEvent { midnight, tai_minus_utc, inserted };
    match table.next_event(now) {
        Some(known) if known == event => Heard::Nothing,
        Some(_) => Heard::Denied(event),
        None if table.expires() >= midnight => Heard::Denied(event),
        None => Heard::Believed(event),
    }
}

/// The midnight at the end of this UTC day, if the month ends then too.
fn end_of_month(now: Timestamp<Utc>) -> Option<Timestamp<Utc>> {
    let (year, month, day) = (now + DAY).date();
    let midnight = Timestamp::from_date(i64::try_from(year).ok()?, month, day)?;
    (day == 1).then_some(midnight)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2027-07-01, three days after the built-in table expires.
    const BEYOND: i64 = 1_814_400_000;
    /// 2027-01-01, which it reaches.
    const REACHED: i64 = 1_798_761_600;
    const INSERTED: LeapNotice = LeapNotice::by_ntp(Some(Leap::Inserted));
    const DELETED: LeapNotice = LeapNotice::by_ntp(Some(Leap::Deleted));
    const NONE: LeapNotice = LeapNotice::by_ntp(None);

    fn inserted(midnight: i64) -> LeapEvent {
        let midnight = Timestamp::from_secs(midnight);
        LeapEvent { midnight, tai_minus_utc: 38, inserted: true }
    }

    fn at(seconds: i64, notices: &[LeapNotice]) -> Heard {
        hear(&LeapTable::built_in(), Timestamp::from_secs(seconds), notices)
    }

    #[test]
    fn a_single_source_is_believed_beyond_the_table() {
        assert_eq!(at(BEYOND - 100, &[INSERTED]), Heard::Believed(inserted(BEYOND)));
        let event = LeapEvent { tai_minus_utc: 36, inserted: false, ..inserted(BEYOND) };
        assert_eq!(at(BEYOND - 100, &[DELETED]), Heard::Believed(event));
        assert_eq!(at(BEYOND - 100, &[]), Heard::Nothing);
    }

    #[test]
    fn a_table_that_reaches_the_date_denies() {
        assert_eq!(at(REACHED - 100, &[INSERTED]), Heard::Denied(inserted(REACHED)));
    }

    #[test]
    fn more_than_half_must_say_the_same() {
        let believed = Heard::Believed(inserted(BEYOND));
        for (notices, expected) in [
            (&[INSERTED, NONE][..], Heard::Nothing),
            (&[INSERTED, DELETED], Heard::Nothing),
            (&[INSERTED, INSERTED, DELETED], believed),
            (&[INSERTED, INSERTED, NONE], believed),
            (&[INSERTED, INSERTED, NONE, NONE], Heard::Nothing),
        ] {
            assert_eq!(at(BEYOND - 100, notices), expected, "{notices:?}");
        }
    }

    #[test]
    fn ntp_is_heard_on_the_last_day_of_a_month_and_ptp_in_its_last_12_h() {
        let by_ptp = LeapNotice::by_ptp(Some(Leap::Inserted));
        let believed = Heard::Believed(inserted(BEYOND));
        assert_eq!(at(BEYOND - 86_400, &[INSERTED]), believed);
        assert_eq!(at(BEYOND - 86_401, &[INSERTED]), Heard::Nothing);
        assert_eq!(at(BEYOND - 43_200, &[by_ptp]), believed);
        assert_eq!(at(BEYOND - 43_201, &[by_ptp]), Heard::Nothing);
        // A flag of before midnight that is still there after it.
        assert_eq!(at(BEYOND, &[INSERTED, by_ptp]), Heard::Nothing);
        // One that speaks too early does not outvote those that are heard.
        assert_eq!(at(BEYOND - 50_000, &[INSERTED, LeapNotice::by_ptp(None)]), believed);
    }

    #[test]
    fn what_was_taken_in_is_no_news_and_not_to_be_contradicted() {
        let mut table = LeapTable::built_in();
        let now = Timestamp::from_secs(BEYOND - 100);
        table.announce(inserted(BEYOND));
        assert_eq!(hear(&table, now, &[INSERTED]), Heard::Nothing);
        assert!(matches!(hear(&table, now, &[DELETED]), Heard::Denied(_)));
        assert_eq!(table.tai_minus_utc(Timestamp::from_secs(BEYOND)), 38);
        assert_eq!(table.announced().collect::<Vec<_>>(), [inserted(BEYOND)]);
    }

    #[test]
    fn a_newer_table_goes_before_what_was_announced() {
        let mut known = LeapTable::built_in();
        known.announce(inserted(BEYOND));
        let mut renewed = LeapTable::built_in();
        renewed.keep_announced(&known);
        assert_eq!(renewed, known);
        // This one reaches the date and has no leap second then.
        let mut denies = LeapTable::built_in();
        let mut early = LeapTable::built_in();
        early.announce(inserted(REACHED));
        denies.keep_announced(&early);
        assert_eq!(denies, LeapTable::built_in());
    }
}
