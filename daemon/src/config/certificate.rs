//! Certificates, and the days on which they hold.

use clock_models::time::{Timestamp, Utc};
use toml::value::Date;

use super::schema::{Config, Origin};

impl Config {
    /// What an operator should know, though nothing is wrong with the file: certificates
    /// that do not hold on the day `today` (in UTC, see [`utc_date`]).
    #[must_use]
    pub fn warnings(&self, today: Date) -> Vec<String> {
        let origins = self.every_source().filter_map(|s| Some((&s.name, s.origin.as_ref()?)));
        origins
            .filter_map(|(name, origin)| origin.lapse(today).map(|l| format!("{name}: {l}")))
            .collect()
    }
}

impl Origin {
    /// Why this statement does not hold on the day `today`, if it does not.
    fn lapse(&self, today: Date) -> Option<String> {
        let statement = match &self.certificate {
            Some(number) => format!("certificate {number}"),
            None => format!("the statement about {}", self.clock),
        };
        let expired = self.expires.filter(|day| *day < today);
        let early = self.issued.filter(|day| *day > today);
        expired
            .map(|day| format!("{statement} expired on {day}"))
            .or_else(|| early.map(|day| format!("{statement} is valid only from {day}")))
    }
}

/// The day in UTC on which a POSIX time falls.
///
/// # Errors
/// `None` outside the years 0 to 9999, which TOML can write.
#[must_use]
pub fn utc_date(unix_seconds: i64) -> Option<Date> {
    let (year, month, day) = Timestamp::<Utc>::from_secs(unix_seconds).date();
    let year = u16::try_from(year).ok().filter(|year| *year <= 9999)?;
    Some(Date { year, month, day })
}
