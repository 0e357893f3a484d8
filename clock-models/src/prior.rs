//! What is known of an oscillator before an estimator has seen it.

/// How far a frequency is to be believed by an estimator that did not see it come: three
/// times its standard uncertainty, and what a temperature may change meanwhile; ratios.
#[must_use]
pub fn doubted(uncertainty: f64) -> f64 {
    (3.0 * uncertainty).max(1e-8)
}
