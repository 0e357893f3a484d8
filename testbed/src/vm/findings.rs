//! What a scenario finds: figures with limits, and checks.
//!
//! It prints them as lines that begin with `@`, their fields separated by tabs, which
//! `testbed/vm/guest/bench.sh` describes.

use serde::Serialize;

/// The program whose figures are compared with the best of the others.
const OURS: &str = "utcd";

/// What a scenario found so far.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Findings {
    /// In the order found.
    pub figures: Vec<Figure>,
    /// In the order made.
    pub checks: Vec<Check>,
    /// Whether it came to its end.
    #[serde(skip)]
    pub ended: bool,
}

/// A figure of a program in a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// The case of the scenario.
    pub case: String,
    /// The program.
    pub program: String,
    /// What it is, such as `rms`.
    pub quantity: String,
    /// s; infinite for never, which is null in JSON.
    pub value: f64,
    /// What it may be at most.
    pub most: Option<f64>,
}

impl Figure {
    /// Whether it is within its limit, or has none.
    pub fn holds(&self) -> bool {
        self.most.is_none_or(|most| self.value <= most)
    }
}

/// Something that must be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub label: String,
    /// Whether it is.
    pub holds: bool,
    /// What was seen.
    pub detail: String,
}

/// What a line was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// Taken in.
    Finding,
    /// How far the scenario is.
    Progress(&'a str),
    /// Said by a program, not by the scenario.
    Other,
}

impl Findings {
    /// Whether every figure is within its limit and every check holds.
    pub fn hold(&self) -> bool {
        self.figures.iter().all(Figure::holds) && self.checks.iter().all(|check| check.holds)
    }

    /// Takes a line of the output. One that begins with `@` and cannot be used becomes a
    /// check that failed, so that no finding is lost unnoticed.
    pub fn take<'a>(&mut self, line: &'a str) -> Line<'a> {
        let Some(fields) = line.strip_prefix('@') else { return Line::Other };
        let fields: Vec<&str> = fields.split('\t').collect();
        let taken = match fields[..] {
            ["progress", text] => return Line::Progress(text),
            ["end"] => {
                self.ended = true;
                Some(())
            }
            ["check", verdict, label, detail] => {
                self.check(label, verdict == "ok", detail);
                Some(())
            }
            ["figure", case, program, quantity, value] => {
                self.figure(case, program, quantity, value)
            }
            ["limit", case, program, quantity, most] => {
                time(most).and_then(|most| self.limit(case, program, quantity, most))
            }
            ["reach", case, quantity, ratio] => self.reach(case, quantity, ratio, 0.0),
            ["reach", case, quantity, ratio, known] => {
                time(known).and_then(|known| self.reach(case, quantity, ratio, known))
            }
            _ => None,
        };
        if taken.is_none() {
            self.check("a finding that can be used", false, line);
        }
        Line::Finding
    }

    fn check(&mut self, label: &str, holds: bool, detail: &str) {
        self.checks.push(Check { label: label.to_owned(), holds, detail: detail.to_owned() });
    }

    fn figure(&mut self, case: &str, program: &str, quantity: &str, value: &str) -> Option<()> {
        let value = time(value)?;
        let [case, program, quantity] = [case, program, quantity].map(str::to_owned);
        self.figures.push(Figure { case, program, quantity, value, most: None });
        Some(())
    }

    /// Of several limits the least one counts.
    fn limit(&mut self, case: &str, program: &str, quantity: &str, most: f64) -> Option<()> {
        let meant = |figure: &&mut Figure| {
            (figure.case.as_str(), figure.program.as_str(), figure.quantity.as_str())
                == (case, program, quantity)
        };
        let figure = self.figures.iter_mut().find(meant)?;
        figure.most = Some(figure.most.map_or(most, |before| before.min(most)));
        Some(())
    }

    /// A limit for ours: so much of the best of the others in the same case, or of what is `known`
    /// of it, s, where that is more.
    fn reach(&mut self, case: &str, quantity: &str, ratio: &str, known: f64) -> Option<()> {
        let ratio: f64 = ratio.parse().ok()?;
        let of_others = |figure: &&Figure| {
            figure.case == case && figure.quantity == quantity && figure.program != OURS
        };
        let others = self.figures.iter().filter(of_others).map(|figure| figure.value);
        let best = others.min_by(f64::total_cmp)?;
        self.limit(case, OURS, quantity, ratio * best.max(known))
    }
}

/// A time, s; `never` is infinite.
fn time(text: &str) -> Option<f64> {
    if text == "never" {
        return Some(f64::INFINITY);
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "these are tests")]

    use super::*;

    fn found(lines: &[&str]) -> Findings {
        let mut findings = Findings::default();
        for line in lines {
            assert_eq!(findings.take(line), Line::Finding);
        }
        findings
    }

    #[test]
    fn what_is_to_be_reached_is_a_part_of_the_best_peer_of_the_same_case() {
        let findings = found(&[
            "@figure\ta\tptp4l pi\trms\t4e-8",
            "@figure\ta\tptp4l linreg\trms\t2e-8",
            "@figure\tb\tptp4l linreg\trms\t1e-9",
            "@figure\ta\tutcd\trms\t1.5e-8",
            "@reach\ta\trms\t0.7",
        ]);
        assert_eq!(findings.figures[3].most, Some(0.7 * 2e-8));
        assert!(!findings.hold());
    }

    #[test]
    fn a_peer_that_was_lucky_this_time_is_taken_as_it_is_known() {
        for (known, most) in [("1e-8", 0.7 * 2e-8), ("3e-8", 0.7 * 3e-8)] {
            let findings = found(&[
                "@figure\ta\tptp4l\trms\t2e-8",
                "@figure\ta\tutcd\trms\t1.5e-8",
                &format!("@reach\ta\trms\t0.7\t{known}"),
            ]);
            assert_eq!(findings.figures[1].most, Some(most));
        }
    }

    #[test]
    fn of_several_limits_the_least_counts() {
        let mut findings = found(&["@figure\ta\tutcd\trms\t1.5e-8", "@limit\ta\tutcd\trms\t2e-8"]);
        assert!(findings.hold());
        for (most, holds) in [("1e-8", false), ("3e-8", false)] {
            findings.take(&format!("@limit\ta\tutcd\trms\t{most}"));
            assert_eq!(findings.hold(), holds, "{most}");
        }
    }

    #[test]
    fn a_figure_that_is_never_reached_exceeds_every_limit() {
        let findings =
            found(&["@figure\ta\tutcd\twithin 1 µs\tnever", "@limit\ta\tutcd\twithin 1 µs\t1e9"]);
        assert!(!findings.hold());
    }

    #[test]
    fn a_failed_check_fails_and_an_end_is_noticed() {
        let findings = found(&["@check\tok\ta\t", "@check\tFAIL\tb\t3 (limit 2)", "@end"]);
        assert!(findings.ended && !findings.hold());
        assert_eq!(findings.checks[1].detail, "3 (limit 2)");
    }

    #[test]
    fn what_cannot_be_used_is_a_failed_check() {
        for line in [
            "@figure\ta\tutcd\trms",
            "@figure\ta\tutcd\trms\tNaN",
            "@limit\ta\tutcd\trms\t1",
            "@reach\ta\trms\t1",
            "@reach\ta\trms\t1\tx",
            "@what",
        ] {
            let findings = found(&[line]);
            assert_eq!(findings.checks.last().map(|check| check.detail.as_str()), Some(line));
            assert!(!findings.hold(), "{line}");
        }
    }

    #[test]
    fn what_programs_say_is_no_finding() {
        let mut findings = Findings::default();
        assert_eq!(findings.take("ptp4l: rms 3"), Line::Other);
        assert_eq!(findings.take("@progress\thalf"), Line::Progress("half"));
        assert_eq!(findings, Findings::default());
    }
}
