//! Limits of wander, from the Recommendations of ITU-T.

use super::{Deviation, Statistic};

/// What a Recommendation allows a clock or a network.
#[derive(Debug, Clone, Copy)]
pub struct Mask {
    /// What it is asked for by: `g.8272-a`.
    pub name: &'static str,
    /// Of what it is.
    pub subject: &'static str,
    /// What must be known to apply it; may be empty.
    pub condition: &'static str,
    /// Its limits, each of one statistic.
    pub curves: &'static [Curve],
}

/// The limit of one statistic as it depends on τ.
#[derive(Debug, Clone, Copy)]
pub struct Curve {
    /// Of which statistic: [`Statistic::Mtie`] or [`Statistic::Tdev`].
    pub statistic: Statistic,
    /// Where it is written.
    pub clause: &'static str,
    /// The shortest τ to which it applies, s; the limit begins above it or there.
    from: f64,
    /// Rising in τ: each piece goes from where the one before ends.
    pieces: &'static [Piece],
}

/// The sum of coefficient·τ^power, ns, up to and with τ = `to` s.
#[derive(Debug, Clone, Copy)]
struct Piece {
    to: f64,
    terms: &'static [(f64, f64)],
}

impl Mask {
    /// The mask of this name, in any case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        MASKS.iter().find(|mask| mask.name.eq_ignore_ascii_case(name))
    }

    /// Its curve of `statistic`.
    #[must_use]
    pub fn curve(&self, statistic: Statistic) -> Option<&'static Curve> {
        self.curves.iter().find(|curve| curve.statistic == statistic)
    }
}

impl Curve {
    /// The limit at τ = `tau` s, in s; `None` where the Recommendation has none.
    #[must_use]
    pub fn limit(&self, tau: f64) -> Option<f64> {
        // τ is a multiple of a sampling interval, both rounded.
        let rounding = 1e-9 * tau;
        if tau < self.from - rounding {
            return None;
        }
        let piece = self.pieces.iter().find(|piece| tau <= piece.to + rounding)?;
        Some(
            1e-9 * piece.terms.iter().map(|(factor, power)| factor * tau.powf(*power)).sum::<f64>(),
        )
    }

    /// The deviations that are above the limit.
    pub fn exceeded<'a>(
        &self,
        deviations: &'a [Deviation],
    ) -> impl Iterator<Item = (&'a Deviation, f64)> {
        let with_limit = |deviation: &'a Deviation| Some((deviation, self.limit(deviation.tau)?));
        deviations
            .iter()
            .filter_map(with_limit)
            .filter(|(deviation, limit)| deviation.value > *limit)
    }
}

const fn mtie(clause: &'static str, from: f64, pieces: &'static [Piece]) -> Curve {
    Curve { statistic: Statistic::Mtie, clause, from, pieces }
}

const fn tdev(clause: &'static str, from: f64, pieces: &'static [Piece]) -> Curve {
    Curve { statistic: Statistic::Tdev, clause, from, pieces }
}

const fn to(to: f64, terms: &'static [(f64, f64)]) -> Piece {
    Piece { to, terms }
}

const EVER: f64 = f64::INFINITY;

const LOCKED: &str = "locked, at constant temperature";
const FILTERED: &str = "locked, at constant temperature; the limit is for the time error after a low-pass of 0.1 Hz, \
     so an unfiltered record may exceed it and still conform";

/// TDEV of the primary reference clocks of G.811 and, class A, of G.8272.
const PRIMARY_TDEV: &[Piece] =
    &[to(100.0, &[(3.0, 0.0)]), to(1000.0, &[(0.03, 1.0)]), to(10_000.0, &[(30.0, 0.0)])];
/// Wander of the equipment clocks of option 1: SDH and synchronous Ethernet alike.
const OPTION_1_MTIE: &[Piece] =
    &[to(1.0, &[(40.0, 0.0)]), to(100.0, &[(40.0, 0.1)]), to(1000.0, &[(25.25, 0.2)])];
const OPTION_1_TDEV: &[Piece] =
    &[to(25.0, &[(3.2, 0.0)]), to(100.0, &[(0.64, 0.5)]), to(1000.0, &[(6.4, 0.0)])];

/// All masks.
pub const MASKS: &[Mask] = &[
    Mask {
        name: "g.811",
        subject: "primary reference clock (PRC)",
        condition: "",
        curves: &[
            mtie(
                "G.811 (09/97) table 1",
                0.1,
                &[to(1000.0, &[(0.275, 1.0), (25.0, 0.0)]), to(EVER, &[(0.01, 1.0), (290.0, 0.0)])],
            ),
            tdev("G.811 (09/97) table 2", 0.1, PRIMARY_TDEV),
        ],
    },
    Mask {
        name: "g.812-1",
        subject: "node clock (SSU), type I",
        condition: LOCKED,
        curves: &[
            mtie(
                "G.812 (06/2004) table 1",
                0.1,
                &[to(9.0, &[(24.0, 0.0)]), to(400.0, &[(8.0, 0.5)]), to(10_000.0, &[(160.0, 0.0)])],
            ),
            tdev(
                "G.812 (06/2004) table 2",
                0.1,
                &[to(25.0, &[(3.0, 0.0)]), to(100.0, &[(0.12, 1.0)]), to(10_000.0, &[(12.0, 0.0)])],
            ),
        ],
    },
    Mask {
        name: "g.813-1",
        subject: "SDH equipment clock (SEC), option 1",
        condition: LOCKED,
        curves: &[
            mtie("G.813 (03/2003) table 1", 0.1, OPTION_1_MTIE),
            tdev("G.813 (03/2003) table 3", 0.1, OPTION_1_TDEV),
        ],
    },
    Mask {
        name: "g.8261-1",
        subject: "network limit of synchronous Ethernet at the output of an EEC, option 1",
        condition: "",
        curves: &[
            mtie(
                "G.8261 (08/2013) table 4",
                0.1,
                &[
                    to(2.5, &[(250.0, 0.0)]),
                    to(20.0, &[(100.0, 1.0)]),
                    to(2000.0, &[(2000.0, 0.0)]),
                    to(EVER, &[(433.0, 0.2), (0.01, 1.0)]),
                ],
            ),
            tdev(
                "G.8261 (08/2013) table 5",
                0.1,
                &[
                    to(17.14, &[(12.0, 0.0)]),
                    to(100.0, &[(0.7, 1.0)]),
                    to(1e6, &[(58.0, 0.0), (1.2, 0.5), (3e-4, 1.0)]),
                ],
            ),
        ],
    },
    Mask {
        name: "g.8261-2",
        subject: "network limit of synchronous Ethernet at the output of an EEC, option 2",
        condition: "",
        curves: &[tdev(
            "G.8261 (08/2013) table 6",
            0.05,
            &[to(10.0, &[(10.0, 0.0)]), to(1000.0, &[(3.1623, 0.5)])],
        )],
    },
    Mask {
        name: "g.8262-1",
        subject: "synchronous Ethernet equipment clock (EEC), option 1",
        condition: LOCKED,
        curves: &[
            mtie("G.8262 (07/2010) table 1", 0.1, OPTION_1_MTIE),
            tdev("G.8262 (07/2010) table 3", 0.1, OPTION_1_TDEV),
        ],
    },
    Mask {
        name: "g.8262-2",
        subject: "synchronous Ethernet equipment clock (EEC), option 2",
        condition: LOCKED,
        curves: &[
            mtie(
                "G.8262 (07/2010) table 4",
                0.1,
                &[to(1.0, &[(20.0, 0.0)]), to(10.0, &[(20.0, 0.48)]), to(1000.0, &[(60.0, 0.0)])],
            ),
            tdev(
                "G.8262 (07/2010) table 5",
                0.1,
                &[
                    to(2.5, &[(3.2, -0.5)]),
                    to(40.0, &[(2.0, 0.0)]),
                    to(1000.0, &[(0.32, 0.5)]),
                    to(10_000.0, &[(10.0, 0.0)]),
                ],
            ),
        ],
    },
    Mask {
        name: "g.8271.1-c",
        subject: "network limit of time at reference point C",
        condition: "the limit is for the time error after a low-pass of 0.1 Hz, so an unfiltered \
                    record may exceed it and still conform",
        curves: &[mtie(
            "G.8271.1 (2022) table 7-1",
            1.3,
            &[
                to(2.4, &[(75.0, 1.0), (100.0, 0.0)]),
                to(275.0, &[(1.1, 1.0), (277.0, 0.0)]),
                to(10_000.0, &[(580.0, 0.0)]),
            ],
        )],
    },
    Mask {
        name: "g.8272-a",
        subject: "primary reference time clock (PRTC), class A",
        condition: "",
        curves: &[
            mtie(
                "G.8272 (11/2018) table 1",
                0.1,
                &[to(273.0, &[(0.275, 1.0), (25.0, 0.0)]), to(EVER, &[(100.0, 0.0)])],
            ),
            tdev("G.8272 (11/2018) table 3", 0.1, PRIMARY_TDEV),
        ],
    },
    Mask {
        name: "g.8272-b",
        subject: "primary reference time clock (PRTC), class B",
        condition: "",
        curves: &[
            mtie(
                "G.8272 (11/2018) table 2",
                0.1,
                &[to(54.5, &[(0.275, 1.0), (25.0, 0.0)]), to(EVER, &[(40.0, 0.0)])],
            ),
            tdev(
                "G.8272 (11/2018) table 4",
                0.1,
                &[
                    to(100.0, &[(1.0, 0.0)]),
                    to(500.0, &[(0.01, 1.0)]),
                    to(100_000.0, &[(5.0, 0.0)]),
                ],
            ),
        ],
    },
    Mask {
        name: "g.8272.1",
        subject: "enhanced primary reference time clock (ePRTC)",
        condition: "locked",
        curves: &[
            mtie(
                "G.8272.1 (2016) Amd. 1 table 1",
                0.1,
                &[
                    to(1.0, &[(4.0, 0.0)]),
                    to(100.0, &[(0.11114, 1.0), (3.89, 0.0)]),
                    to(400_000.0, &[(0.0375e-3, 1.0), (15.0, 0.0)]),
                    to(EVER, &[(30.0, 0.0)]),
                ],
            ),
            tdev(
                "G.8272.1 (2016) Amd. 1 table 2",
                0.1,
                &[
                    to(30_000.0, &[(1.0, 0.0)]),
                    to(300_000.0, &[(3.333_33e-5, 1.0)]),
                    to(1e6, &[(10.0, 0.0)]),
                ],
            ),
        ],
    },
    Mask {
        name: "g.8273.2-ab",
        subject: "telecom boundary and time slave clock, class A or B (dTE_L)",
        condition: FILTERED,
        curves: &[
            mtie("G.8273.2 table 7-4", 1.0, &[to(1000.0, &[(40.0, 0.0)])]),
            tdev("G.8273.2 table 7-5", 1.0, &[to(1000.0, &[(4.0, 0.0)])]),
        ],
    },
    Mask {
        name: "g.8273.2-c",
        subject: "telecom boundary and time slave clock, class C (dTE_L)",
        condition: FILTERED,
        curves: &[
            mtie("G.8273.2 table 7-4", 1.0, &[to(1000.0, &[(10.0, 0.0)])]),
            tdev("G.8273.2 table 7-5", 1.0, &[to(1000.0, &[(2.0, 0.0)])]),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(name: &str, statistic: Statistic, tau: f64) -> Option<f64> {
        Mask::by_name(name)?.curve(statistic)?.limit(tau)
    }

    #[test]
    fn the_limits_are_those_that_the_figures_print() {
        // Numbers on the figures of the Recommendations; to half of their last digit.
        for (name, statistic, tau, nanoseconds, digit) in [
            ("g.8272-b", Statistic::Mtie, 54.5, 40.0, 0.5),
            ("g.8272-a", Statistic::Mtie, 273.0, 100.0, 0.5),
            ("g.8272-a", Statistic::Tdev, 1000.0, 30.0, 0.5),
            ("g.8272-b", Statistic::Tdev, 500.0, 5.0, 0.5),
            ("g.8271.1-c", Statistic::Mtie, 2.4, 280.0, 0.5),
            ("g.8271.1-c", Statistic::Mtie, 275.0, 580.0, 0.501),
            ("g.811", Statistic::Mtie, 1000.0, 300.0, 0.5),
        ] {
            let found = 1e9 * limit(name, statistic, tau).unwrap();
            assert!((found - nanoseconds).abs() <= digit, "{name} at {tau} s: {found} ns");
        }
    }

    #[test]
    fn the_pieces_of_each_limit_meet() {
        for mask in MASKS {
            for curve in mask.curves {
                for pair in curve.pieces.windows(2) {
                    let [below, above] = [1.0 - 1e-6, 1.0 + 1e-6]
                        .map(|near| curve.limit(pair[0].to * near).unwrap());
                    // Rounded constants in the tables: at the worst 20 to 19 ns at 100 s (G.8272.1).
                    assert!((above / below - 1.0).abs() < 0.26, "{} {}", mask.name, curve.clause);
                }
            }
        }
    }

    #[test]
    fn where_a_mask_has_no_limit_nothing_exceeds_it() {
        assert_eq!(limit("G.813-1", Statistic::Mtie, 0.05), None);
        assert_eq!(limit("G.813-1", Statistic::Mtie, 1001.0), None);
        assert_eq!(limit("g.8261-2", Statistic::Mtie, 10.0), None);
        assert!(Mask::by_name("g.813").is_none());
    }

    #[test]
    fn a_value_above_the_limit_exceeds_it() {
        let curve = Mask::by_name("g.8262-1").unwrap().curve(Statistic::Mtie).unwrap();
        let deviation =
            |tau: f64, value: f64| Deviation { factor: 1, tau, value, terms: 9, interval: None };
        let deviations = [deviation(1.0, 40e-9), deviation(10.0, 51e-9), deviation(2000.0, 1.0)];
        let exceeded: Vec<f64> = curve.exceeded(&deviations).map(|(d, _)| d.tau).collect();
        // 40·10^0.1 = 50.4 ns; beyond 1000 s there is no limit.
        assert_eq!(exceeded, [10.0]);
    }
}
