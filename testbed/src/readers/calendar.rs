//! Dates of the Gregorian calendar.

/// Seconds from 1970-01-01 to a date and time such as `2016-11-09` `05:40:50.25`, with days
/// of 86 400 s. `None` if it is no date and time.
pub(super) fn seconds(date: &str, time: &str) -> Option<f64> {
    let [year, month, day] = fields(date, '-')?;
    let [hour, minute, second] = fields(time, ':')?;
    let (year, month, day) = (whole(year)?, whole(month)?, whole(day)?);
    let (hour, minute, second) = (whole(hour)?, whole(minute)?, super::number(second)?);
    let is_possible = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        // 60: a leap second.
        && (0.0..61.0).contains(&second);
    let days = days_from_1970(year, month, day);
    is_possible.then(|| (days * 86_400 + hour * 3600 + minute * 60) as f64 + second)
}

fn fields(text: &str, separator: char) -> Option<[&str; 3]> {
    let mut parts = text.split(separator);
    let fields = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(fields)
}

fn whole(digits: &str) -> Option<i64> {
    let all = !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_digit());
    if all { digits.parse().ok() } else { None }
}

/// Years are taken to begin in March, so that the leap day comes last.
fn days_from_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    // 719 468 days lie between 0000-03-01 and 1970-01-01.
    365 * year + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn dates_count_from_1970() {
        for (date, time, expected) in [
            ("1970-01-01", "00:00:00", 0.0),
            ("2000-02-29", "12:00:00", 951_825_600.0),
            ("2000-03-01", "00:00:00", 951_868_800.0),
            ("2016-11-09", "05:40:50.25", 1_478_670_050.25),
            ("2016-12-31", "23:59:60", 1_483_228_800.0),
        ] {
            assert_eq!(seconds(date, time), Some(expected), "{date} {time}");
        }
    }

    #[test]
    fn what_is_no_date_gives_nothing() {
        for (date, time) in [
            ("2016-13-09", "05:40:50"),
            ("2016-11", "05:40:50"),
            ("2016-11-09-1", "05:40:50"),
            ("+016-11-09", "05:40:50"),
            ("99999-11-09", "05:40:50"),
            ("2016-11-09", "24:00:00"),
            ("2016-11-09", "05:40"),
            ("2016-11-09", "05:40:nan"),
        ] {
            assert_eq!(seconds(date, time), None, "{date} {time}");
        }
    }
}
