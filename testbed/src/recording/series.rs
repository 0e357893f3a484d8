//! The series of offsets that a recording shows.
//!
//! Their times are those of the reference (TAI), which go on where a clock is stepped or a
//! host starts anew.

use clock_models::comparison::{Comparison, TwoWay};
use clock_models::recording::{Believed, Compared, Event, Row};
use clock_models::time::Duration;

use crate::series::{Point, Series};

/// A series that is being made, with the last reading of each way where a protocol gives
/// them one at a time.
struct Line {
    series: Series,
    pending: Option<Comparison>,
}

/// See [`super::of_rows`].
pub(super) fn of_rows(rows: &[Row]) -> Vec<Series> {
    let mut lines: Vec<Line> = Vec::new();
    // All series have one origin.
    let Some(origin) = rows.first().map(|row| row.shown.since_epoch()) else { return Vec::new() };
    for row in rows {
        let name = match row.event.source() {
            Some(source) => source.to_owned(),
            None => format!("clock {}", row.clock),
        };
        let index = lines.iter().position(|line| line.series.name == name).unwrap_or(lines.len());
        if index == lines.len() {
            lines.push(Line { series: Series { name, points: Vec::new() }, pending: None });
        }
        lines[index].take(row, origin);
    }
    lines.into_iter().map(|line| line.series).filter(|series| !series.points.is_empty()).collect()
}

impl Line {
    fn take(&mut self, row: &Row, origin: Duration) {
        let point = match &row.event {
            Event::Start { .. } => {
                self.pending = None;
                None
            }
            Event::Comparison(compared) => self.exchange(compared).map(|exchange| {
                let reference = exchange.at.since_epoch() + exchange.difference;
                // The row is of the newer reading: the clock and its base at one instant.
                let correction = row.shown.since_epoch() - row.at.since_epoch();
                Point {
                    time: (reference - origin).seconds(),
                    offset: (correction - exchange.difference).seconds(),
                    expanded: None,
                    frequency: None,
                    delay: Some(exchange.delay),
                }
            }),
            Event::Round(believed) => believed_point(row, believed, origin),
            Event::Keeper { .. }
            | Event::Suspend { .. }
            | Event::Told(_)
            | Event::Gone { .. }
            | Event::External(_) => None,
        };
        let last = self.series.points.last().map_or(f64::NEG_INFINITY, |point| point.time);
        self.series.points.extend(point.filter(|point| point.time > last));
    }

    /// Both directions: of this comparison, or the last there was of the way to the
    /// reference.
    fn exchange(&mut self, compared: &Compared) -> Option<TwoWay> {
        let new = compared.comparison;
        let before = self.pending.and_then(|before| before.to_reference);
        let pending = Comparison { to_reference: new.to_reference.or(before), ..new };
        self.pending = Some(pending);
        pending.two_way(compared.estimate.map_or(0.0, |estimate| estimate.frequency))
    }
}

fn believed_point(row: &Row, believed: &Believed, origin: Duration) -> Option<Point> {
    let offset = believed.offset?;
    let reference = row.shown.since_epoch() - Duration::from_seconds(offset)?;
    Some(Point {
        time: (reference - origin).seconds(),
        offset,
        expanded: believed.expanded,
        frequency: believed.oscillator.map(|own| (1.0 + own) * (1.0 + believed.commanded) - 1.0),
        delay: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock_models::comparison::{Reading, Upstream};
    use clock_models::time::{Free, Tai, Timestamp};

    /// The clock is 5 µs fast of the source; base 0 is TAI 1 000 000.
    fn row(base: i64, event: Event) -> Row {
        let at = Timestamp::<Free>::from_secs(base);
        let shown = Timestamp::<Tai>::from_secs(1_000_000 + base) + Duration::from_nanos(5_000);
        Row { number: 0, clock: "c".into(), at, shown, event }
    }

    /// A message that was `delay_ns` late, at this second and nanosecond.
    fn reading(base: i64, nanos: i64, delay_ns: i64) -> Option<Reading> {
        let at = Timestamp::from_secs(base) + Duration::from_nanos(nanos);
        Some(Reading {
            at,
            difference: Duration::from_secs(1_000_000) + Duration::from_nanos(delay_ns),
        })
    }

    fn compared(base: i64, from: Option<Reading>, to: Option<Reading>) -> Row {
        let comparison = Comparison {
            from_reference: from,
            to_reference: to,
            stamp_uncertainty: 1e-9,
            upstream: Upstream::default(),
        };
        let source = "s".to_owned();
        row(
            base,
            Event::Comparison(Compared { source, comparison, restarted: false, estimate: None }),
        )
    }

    #[test]
    fn a_source_shows_the_clock_less_it_where_both_ways_are_known() {
        let believed = Believed { offset: Some(4e-6), expanded: Some(2e-6), ..Believed::default() };
        let rows = [
            row(0, Event::Start { source: "s".into(), prior: None }),
            // As by PTP: one way at a time.
            compared(1, reading(1, 0, -100_000), None),
            compared(2, None, reading(2, 0, 300_000)),
            compared(3, reading(3, 0, -100_000), None),
            // As by NTP.
            compared(4, reading(4, 0, -50_000), reading(3, 999_000_000, 50_000)),
            row(5, Event::Round(believed)),
        ];
        let found = of_rows(&rows);
        let names: Vec<&str> = found.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["s", "clock c"]);
        // Half of the asymmetry, 200 µs / 2, shows as an offset of the other sign.
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        let points = &found[0].points;
        assert_eq!(points.len(), 2);
        assert!(near(points[0].offset, 5e-6 - 100e-6) && near(points[1].offset, 5e-6));
        assert!(points[0].delay.is_some_and(|d| near(d, 400e-6)));
        assert!(points[1].delay.is_some_and(|d| near(d, 100e-6)));
        assert!(near(points[1].time, 4.0 - 5e-6));
        let clock = &found[1].points[0];
        assert_eq!((clock.offset, clock.expanded, clock.delay), (4e-6, Some(2e-6), None));
    }
}
