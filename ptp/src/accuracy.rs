/// clockAccuracy 0x17 to 0x30, in seconds (IEEE 1588-2019 table 5).
const BOUNDS: [f64; 26] = [
    1e-12, 2.5e-12, 10e-12, 25e-12, 100e-12, 250e-12, // to 0x1C
    1e-9, 2.5e-9, 10e-9, 25e-9, 100e-9, 250e-9, // to 0x22
    1e-6, 2.5e-6, 10e-6, 25e-6, 100e-6, 250e-6, // to 0x28
    1e-3, 2.5e-3, 10e-3, 25e-3, 100e-3, 250e-3, // to 0x2E
    1.0, 10.0,
];
const FIRST: u8 = 0x17;
const UNKNOWN: u8 = 0xfe;

/// The bound of the error that a clockAccuracy claims, s.
///
/// `None` where it claims nothing: "more than 10 s" (0x31), unknown (0xFE), and what is
/// reserved or left to profiles.
pub(crate) fn bound(clock_accuracy: u8) -> Option<f64> {
    BOUNDS.get(usize::from(clock_accuracy.checked_sub(FIRST)?)).copied()
}

/// The clockAccuracy that claims a bound of the error, s, or the next larger one;
/// unknown (0xFE) for none.
#[must_use]
pub fn clock_accuracy(bound: Option<f64>) -> u8 {
    let Some(bound) = bound else { return UNKNOWN };
    let place = BOUNDS.iter().position(|&claim| bound <= claim).unwrap_or(BOUNDS.len());
    FIRST + place as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_accuracy_is_read_as_in_table_5() {
        for (value, seconds) in [
            (0x17, Some(1e-12)),
            (0x1d, Some(1e-9)),
            (0x20, Some(25e-9)),
            (0x21, Some(100e-9)),
            (0x23, Some(1e-6)),
            (0x29, Some(1e-3)),
            (0x2f, Some(1.0)),
            (0x30, Some(10.0)),
            (0x00, None),
            (0x16, None),
            (0x31, None),
            (0x80, None),
            (0xfe, None),
            (0xff, None),
        ] {
            assert_eq!(bound(value), seconds, "{value:#x}");
        }
    }

    #[test]
    fn a_bound_is_claimed_by_the_least_accuracy_that_holds_it() {
        for value in 0x17..=0x30 {
            let claim = bound(value).unwrap();
            assert_eq!(clock_accuracy(Some(claim)), value);
            assert_eq!(clock_accuracy(Some(claim * 1.01)), value + 1);
        }
        let nan = Some(f64::NAN);
        assert_eq!(
            [None, Some(0.0), Some(11.0), nan].map(clock_accuracy),
            [0xfe, 0x17, 0x31, 0x31]
        );
    }
}
