use std::borrow::Cow;
use std::fmt;

/// What a component without a sharp edge adds to the bound, in standard uncertainties.
///
/// A normal distribution has no largest value, so a hard bound must cut it somewhere,
/// and leaving it out would make the bound of a quiet, well-calibrated path a lie. Two
/// normal values in 10⁹ lie beyond 6u: one second in sixteen years. The room above the
/// usual 3u or 4u pays for tails heavier than normal, which network noise has.
pub const UNBOUNDED_MULTIPLE: f64 = 6.0;

/// How a standard uncertainty was found (JCGM 100 0.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evaluation {
    /// By statistics of repeated observations (4.2).
    A,
    /// By any other knowledge: certificates, data sheets, physical limits (4.3).
    B,
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}

/// The distribution that is assumed for the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// No sharp edge.
    Normal,
    /// Equally likely between two edges, impossible outside (JCGM 100 4.3.7).
    Rectangular,
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Normal => "normal",
            Self::Rectangular => "rectangular",
        })
    }
}

/// One line of an uncertainty budget, already in seconds of offset: its sensitivity
/// coefficient is in it.
///
/// The constructors compute; [`Budget::new`](super::Budget::new) is where a number that
/// cannot be is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// What it is, in words: `path asymmetry`.
    pub name: Cow<'static, str>,
    /// How it was found.
    pub evaluation: Evaluation,
    /// Its assumed shape.
    pub distribution: Distribution,
    /// Standard uncertainty u, s, ≥ 0.
    pub standard_uncertainty: f64,
    /// Degrees of freedom of u, > 0; infinite where u is taken as exact (G.4.3).
    pub degrees_of_freedom: f64,
    /// What it adds to the hard maximum error, s, ≥ 0.
    pub bound: f64,
}

impl Component {
    /// Known only to lie within ±`half_width` (s): u = a/√3, bound a (4.3.7).
    #[must_use]
    pub fn rectangular(name: impl Into<Cow<'static, str>>, half_width: f64) -> Self {
        Self {
            name: name.into(),
            evaluation: Evaluation::B,
            distribution: Distribution::Rectangular,
            standard_uncertainty: half_width / 3f64.sqrt(),
            degrees_of_freedom: f64::INFINITY,
            bound: half_width,
        }
    }

    /// Rounded to steps of `step` (s): u = q/√12, bound q/2 (F.2.2.1).
    #[must_use]
    pub fn resolution(name: impl Into<Cow<'static, str>>, step: f64) -> Self {
        Self::rectangular(name, step / 2.0)
    }

    /// From a certificate that states the expanded uncertainty `expanded` (s) and its
    /// coverage factor: u = U/k (4.3.3), bound [`UNBOUNDED_MULTIPLE`]·u.
    #[must_use]
    pub fn certificate(
        name: impl Into<Cow<'static, str>>,
        expanded: f64,
        coverage_factor: f64,
    ) -> Self {
        Self::normal(name, Evaluation::B, expanded / coverage_factor, f64::INFINITY)
    }

    /// From statistics: the standard uncertainty (s) and its degrees of freedom. Bound
    /// [`UNBOUNDED_MULTIPLE`]·u.
    #[must_use]
    pub fn type_a(
        name: impl Into<Cow<'static, str>>,
        standard_uncertainty: f64,
        degrees_of_freedom: f64,
    ) -> Self {
        Self::normal(name, Evaluation::A, standard_uncertainty, degrees_of_freedom)
    }

    pub(super) fn normal(
        name: impl Into<Cow<'static, str>>,
        evaluation: Evaluation,
        standard_uncertainty: f64,
        degrees_of_freedom: f64,
    ) -> Self {
        Self {
            name: name.into(),
            evaluation,
            distribution: Distribution::Normal,
            standard_uncertainty,
            degrees_of_freedom,
            bound: UNBOUNDED_MULTIPLE * standard_uncertainty,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_knowledge_gives_its_standard_uncertainty_and_bound() {
        let rectangular = Component::rectangular("a", 3e-6);
        assert_eq!(rectangular.standard_uncertainty, 3e-6 / 3f64.sqrt());
        assert_eq!(rectangular.bound, 3e-6);
        assert_eq!(rectangular.degrees_of_freedom, f64::INFINITY);

        let resolution = Component::resolution("q", 8e-9);
        assert!((resolution.standard_uncertainty - 8e-9 / 12f64.sqrt()).abs() < 1e-20);
        assert_eq!(resolution.bound, 4e-9);

        let certificate = Component::certificate("c", 100e-9, 2.0);
        assert_eq!(certificate.evaluation, Evaluation::B);
        assert_eq!(certificate.standard_uncertainty, 50e-9);
        assert_eq!(certificate.bound, 300e-9);

        let noise = Component::type_a("n", 1e-6, 7.0);
        assert_eq!(noise.evaluation, Evaluation::A);
        assert_eq!((noise.degrees_of_freedom, noise.bound), (7.0, 6e-6));
    }
}
