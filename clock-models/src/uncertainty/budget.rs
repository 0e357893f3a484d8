use std::borrow::Cow;

use super::{Component, coverage_factor};

/// Lines that most budgets do not exceed.
const USUAL_LINES: usize = 8;

/// A component that cannot be: something before it was not a number, or negative.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "the component {name:?} cannot be: u = {standard_uncertainty} s, \
     {degrees_of_freedom} degrees of freedom, bound {bound} s"
)]
pub struct InvalidComponent {
    /// Name of the component.
    pub name: String,
    /// Its standard uncertainty, s.
    pub standard_uncertainty: f64,
    /// Its degrees of freedom.
    pub degrees_of_freedom: f64,
    /// Its bound, s.
    pub bound: f64,
}

/// Uncorrelated components that add up to the uncertainty of one offset.
///
/// Every component is finite and not negative, and so is everything computed here.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Budget {
    components: Vec<Component>,
}

/// What components come to, where nobody asks for the lines.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Total {
    /// See [`Budget::standard_uncertainty`].
    pub standard_uncertainty: f64,
    /// See [`Budget::bound`].
    pub bound: f64,
}

impl Total {
    /// `None` where [`Budget::new`] has an error.
    pub fn new(components: impl IntoIterator<Item = Component>) -> Option<Self> {
        let valid = |total: Self, c: Component| is_valid(&c).then(|| total.plus(&c));
        components.into_iter().try_fold(Self::default(), valid)
    }

    fn plus(self, component: &Component) -> Self {
        Self {
            standard_uncertainty: self.standard_uncertainty.hypot(component.standard_uncertainty),
            bound: self.bound + component.bound,
        }
    }
}

impl Budget {
    /// # Errors
    /// The first component whose standard uncertainty or bound is negative or not
    /// finite, or whose degrees of freedom are not positive.
    pub fn new(components: impl IntoIterator<Item = Component>) -> Result<Self, InvalidComponent> {
        let mut lines = Vec::with_capacity(USUAL_LINES);
        // Chains of iterators run through their links faster than they are asked for each.
        components.into_iter().for_each(|component| lines.push(component));
        match lines.iter().find(|c| !is_valid(c)) {
            None => Ok(Self { components: lines }),
            Some(bad) => Err(InvalidComponent {
                name: bad.name.to_string(),
                standard_uncertainty: bad.standard_uncertainty,
                degrees_of_freedom: bad.degrees_of_freedom,
                bound: bad.bound,
            }),
        }
    }

    /// The lines of the budget.
    #[must_use]
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// Combined standard uncertainty u_c, s: the root of the sum of squares
    /// (JCGM 100 5.1.2, every sensitivity coefficient 1).
    #[must_use]
    pub fn standard_uncertainty(&self) -> f64 {
        self.total().standard_uncertainty
    }

    /// Effective degrees of freedom after Welch and Satterthwaite (G.4.1), infinite if
    /// every component is exact or nothing is uncertain.
    #[must_use]
    pub fn degrees_of_freedom(&self) -> f64 {
        let combined = self.standard_uncertainty();
        if combined == 0.0 {
            return f64::INFINITY;
        }
        // Relative to u_c, so that fourth powers of picoseconds stay representable.
        let share =
            |c: &Component| (c.standard_uncertainty / combined).powi(4) / c.degrees_of_freedom;
        1.0 / self.components.iter().map(share).sum::<f64>()
    }

    /// Expanded uncertainty U = k·u_c, s (6.2.1).
    #[must_use]
    pub fn expanded(&self, coverage_factor: f64) -> f64 {
        coverage_factor * self.standard_uncertainty()
    }

    /// The coverage factor k for an interval that holds the offset with `probability`,
    /// from Student's t with the effective degrees of freedom, truncated (G.4.1).
    ///
    /// `None` unless the probability lies between 0 and 1, both excluded.
    #[must_use]
    pub fn coverage_factor(&self, probability: f64) -> Option<f64> {
        coverage_factor(probability, self.degrees_of_freedom())
    }

    /// Hard maximum error, s: the bounds of all components added.
    #[must_use]
    pub fn bound(&self) -> f64 {
        self.total().bound
    }

    fn total(&self) -> Total {
        self.components.iter().fold(Total::default(), Total::plus)
    }

    /// The components with the name of their link put before their own.
    pub(crate) fn labelled(&self, link: &str) -> impl Iterator<Item = Component> {
        self.components.iter().map(move |c| Component {
            name: Cow::Owned(format!("{link}: {}", c.name)),
            ..c.clone()
        })
    }

    /// Several budgets along one way, as one.
    pub(crate) fn sum(components: impl Iterator<Item = Component>) -> Self {
        Self { components: components.collect() }
    }
}

fn is_valid(c: &Component) -> bool {
    let is_size = |x: f64| x.is_finite() && x >= 0.0;
    is_size(c.standard_uncertainty) && is_size(c.bound) && c.degrees_of_freedom > 0.0
}

#[cfg(test)]
mod tests {
    use super::super::Evaluation;
    use super::*;
    use proptest::prelude::*;

    const NM: f64 = 1e-9;

    /// JCGM 100 H.1, table H.1 and H.1.6: the end gauge.
    fn end_gauge() -> Budget {
        Budget::new([
            Component::normal("standard", Evaluation::B, 25.0 * NM, 18.0),
            Component::type_a("difference", 9.7 * NM, 25.6),
            Component::normal("expansion", Evaluation::B, 2.9 * NM, 50.0),
            Component::normal("temperature", Evaluation::B, 16.6 * NM, 2.0),
        ])
        .unwrap()
    }

    #[test]
    fn the_end_gauge_of_the_gum_comes_out() {
        let budget = end_gauge();
        assert!((budget.standard_uncertainty() / NM - 31.67).abs() < 0.005);
        assert!((budget.degrees_of_freedom() - 16.76).abs() < 0.005);
        let k99 = budget.coverage_factor(0.99).unwrap();
        assert!((k99 - 2.92).abs() < 0.005, "{k99}");
        assert!((budget.expanded(k99) / NM).ceil() == 93.0);
    }

    #[test]
    fn the_bound_is_the_plain_sum() {
        let budget =
            Budget::new([Component::rectangular("a", 3e-6), Component::type_a("b", 1e-6, 9.0)])
                .unwrap();
        assert!((budget.bound() - 9e-6).abs() < 1e-18);
        assert!((budget.standard_uncertainty() - 2e-6).abs() < 1e-18);
    }

    #[test]
    fn a_budget_of_nothing_is_exact() {
        let nothing = Budget::default();
        assert_eq!((nothing.standard_uncertainty(), nothing.bound()), (0.0, 0.0));
        assert!(nothing.bound().is_sign_positive());
        assert_eq!(nothing.degrees_of_freedom(), f64::INFINITY);
    }

    #[test]
    fn a_component_that_cannot_be_is_refused_by_name() {
        for bad in [
            Component::rectangular("path asymmetry", f64::NAN),
            Component::rectangular("path asymmetry", -1e-9),
            Component::certificate("path asymmetry", 1e-9, 0.0),
            Component::type_a("path asymmetry", 1e-9, 0.0),
            Component::type_a("path asymmetry", 1e-9, f64::NAN),
        ] {
            let error = Budget::new([Component::resolution("fine", 1e-9), bad]).unwrap_err();
            assert!(error.to_string().contains("path asymmetry"), "{error}");
        }
    }

    proptest! {
        /// JCGM 100 G.4.1, note 2.
        #[test]
        fn effective_degrees_of_freedom_lie_between_the_least_and_the_sum(
            parts in prop::collection::vec((1e-12f64..1e-3, 1.0f64..100.0), 1..8),
        ) {
            let budget =
                Budget::new(parts.iter().map(|&(u, v)| Component::type_a("n", u, v))).unwrap();
            let least = parts.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
            let sum: f64 = parts.iter().map(|p| p.1).sum();
            let effective = budget.degrees_of_freedom();
            prop_assert!(effective >= least * (1.0 - 1e-9) && effective <= sum * (1.0 + 1e-9));
        }
    }
}
