//! Quantities written so that reading them gives the very same number.
//!
//! `clock_models::units` shows three or four digits, for tables. A configuration that is
//! shown and read again must not change by rounding.

use clock_models::units;

const TIMES: [&str; 8] = ["d", "h", "min", "s", "ms", "µs", "ns", "ps"];
const RATIOS: [&str; 3] = ["ppm", "ppb", "ppt"];

/// A time in seconds, in the unit that needs the fewest characters: `100 ms`.
pub(super) fn time_text(seconds: f64) -> String {
    if seconds == 0.0 {
        return "0 s".to_owned();
    }
    // A second is exactly 1, so that this one always reads back.
    exact(seconds, &TIMES, units::parse_time).unwrap_or_else(|| format!("{seconds:e} s"))
}

/// A ratio, likewise: `20 ppm`.
pub(super) fn ratio_text(ratio: f64) -> String {
    let rounded = || format!("{:e} ppm", ratio * 1e6);
    exact(ratio, &RATIOS, units::parse_ratio).unwrap_or_else(rounded)
}

fn exact(
    value: f64,
    names: &[&str],
    parse: fn(&str) -> Result<f64, units::QuantityError>,
) -> Option<String> {
    let in_unit = |name: &&str| {
        let number = value / parse(&format!("1 {name}")).ok()?;
        // Twelve digits first, or 100 µs would come out as 99.99999999999999 µs.
        let short: f64 = format!("{number:.11e}").parse().ok()?;
        let neighbours = [short, number, number.next_up(), number.next_down()];
        let text = neighbours.map(|n| format!("{n} {name}"));
        text.into_iter()
            .find(|text| parse(text) == Ok(value))
            .map(|text| (number.abs() < 1.0, text))
    };
    let texts = names.iter().filter_map(in_unit);
    texts.min_by_key(|(below_one, text)| (*below_one, text.chars().count())).map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_shown_in_the_unit_that_fits() {
        for text in ["1 ms", "100 ms", "1000 s", "1 d", "-25 µs", "0 s", "1.5 ns", "90 s", "2 h"] {
            assert_eq!(time_text(units::parse_time(text).unwrap()), text);
        }
        for text in ["20 ppm", "500 ppm", "-12.5 ppb", "0 ppm", "1 ppt"] {
            assert_eq!(ratio_text(units::parse_ratio(text).unwrap()), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn every_quantity_that_can_be_read_reads_back_the_same(
            number in -1e6..1e6, small in -1.0..1.0, unit in 0..TIMES.len(), ratio in 0..RATIOS.len()
        ) {
            for n in [number, small] {
                let time = units::parse_time(&format!("{n} {}", TIMES[unit])).unwrap();
                assert_eq!(units::parse_time(&time_text(time)), Ok(time));
                let value = units::parse_ratio(&format!("{n} {}", RATIOS[ratio])).unwrap();
                assert_eq!(units::parse_ratio(&ratio_text(value)), Ok(value));
            }
        }
    }
}
