//! Worlds with a leap second in them.

use clock_models::time::{Duration, LeapTable, Tai, Timestamp};
use serde::Deserialize;

use crate::quantity::Seconds;

/// 2026-12-31T23:59:60Z where a second is inserted, else 2027-01-01T00:00:00Z, as TAI.
const AFTER_23_59_59: Timestamp<Tai> = Timestamp::from_secs(1_798_761_600 + 37);

/// A leap second at the end of 2026.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeapSecond {
    /// Which way.
    pub kind: Kind,
    /// When UTC leaves its even count, since the start of the simulation: at the beginning
    /// of 23:59:60, or at the end of 23:59:58.
    pub at: Seconds,
}

/// What happens to 23:59:59.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// 23:59:60 comes after it.
    Inserted,
    /// It is left out.
    Deleted,
}

impl LeapSecond {
    /// TAI−UTC with this leap second.
    ///
    /// # Panics
    /// Never: a test parses the same texts.
    #[must_use]
    #[expect(clippy::expect_used, reason = "constants of this crate, which a test parses")]
    pub fn table(&self) -> LeapTable {
        let text = match self.kind {
            Kind::Inserted => include_str!("../data/leap-second-inserted.list"),
            Kind::Deleted => include_str!("../data/leap-second-deleted.list"),
        };
        LeapTable::parse(text).expect("a table of this crate")
    }

    /// When a simulation begins that has the leap second at its time.
    #[must_use]
    pub fn start(&self) -> Timestamp<Tai> {
        let at = Duration::from_seconds(self.at.0).unwrap_or(Duration::ZERO);
        match self.kind {
            Kind::Inserted => AFTER_23_59_59 - at,
            Kind::Deleted => AFTER_23_59_59 - Duration::SECOND - at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_of_utc_leaves_its_way_at_the_stated_time() {
        for (kind, before, then, in_leap_second) in [
            (Kind::Inserted, "2026-12-31T23:59:59.5", "2026-12-31T23:59:59.5", true),
            (Kind::Deleted, "2026-12-31T23:59:58.5", "2027-01-01T00:00:00.5", false),
        ] {
            let leap = LeapSecond { kind, at: Seconds(100.0) };
            let after = |tenths: i64| {
                let at = leap.start() + Duration::SECOND * tenths / 10;
                leap.table().to_utc(at)
            };
            assert!(after(995).timestamp.to_string().starts_with(before), "{kind:?}");
            assert!(!after(995).in_leap_second);
            assert!(after(1005).timestamp.to_string().starts_with(then), "{kind:?}");
            assert_eq!(after(1005).in_leap_second, in_leap_second);
        }
    }
}
