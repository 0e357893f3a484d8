/// Correlated input estimates (JCGM 100 5.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlated<const N: usize> {
    covariance: [[f64; N]; N],
}

impl<const N: usize> Correlated<N> {
    /// From the standard uncertainties of the inputs and their correlation
    /// coefficients, of which the diagonal is 1.
    #[must_use]
    pub fn new(standard_uncertainties: [f64; N], correlations: [[f64; N]; N]) -> Self {
        let mut covariance = correlations;
        for (row, u_i) in covariance.iter_mut().zip(standard_uncertainties) {
            for (entry, u_j) in row.iter_mut().zip(standard_uncertainties) {
                *entry *= u_i * u_j;
            }
        }
        Self { covariance }
    }

    /// The means of simultaneous observations, and their covariance (5.2.3).
    ///
    /// `None` for fewer than two.
    #[must_use]
    pub fn from_observations(observations: &[[f64; N]]) -> Option<([f64; N], Self)> {
        if observations.len() < 2 {
            return None;
        }
        let n = observations.len() as f64;
        let means: [f64; N] =
            std::array::from_fn(|i| observations.iter().map(|o| o[i]).sum::<f64>() / n);
        let entry = |i: usize, j: usize| {
            let products = observations.iter().map(|o| (o[i] - means[i]) * (o[j] - means[j]));
            products.sum::<f64>() / (n * (n - 1.0))
        };
        let covariance = std::array::from_fn(|i| std::array::from_fn(|j| entry(i, j)));
        Some((means, Self { covariance }))
    }

    /// Combined standard uncertainty of a result with these sensitivity coefficients
    /// ∂f/∂xᵢ (equation 13).
    #[must_use]
    pub fn standard_uncertainty(&self, sensitivity: &[f64; N]) -> f64 {
        // Rounding can leave a fully correlated difference just below nothing.
        self.covariance(sensitivity, sensitivity).max(0.0).sqrt()
    }

    /// Covariance of two results of the same inputs (equation H.9).
    #[must_use]
    pub fn covariance(&self, one: &[f64; N], other: &[f64; N]) -> f64 {
        let rows = self.covariance.iter().zip(one);
        rows.map(|(row, a)| a * row.iter().zip(other).map(|(c, b)| c * b).sum::<f64>()).sum()
    }

    /// Correlation coefficient of two results (equation 14).
    ///
    /// `None` if one of them is not uncertain at all.
    #[must_use]
    pub fn correlation(&self, one: &[f64; N], other: &[f64; N]) -> Option<f64> {
        let product = self.standard_uncertainty(one) * self.standard_uncertainty(other);
        (product > 0.0).then(|| self.covariance(one, other) / product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// JCGM 100 table H.2: V in volts, I in amperes, φ in radians.
    const OBSERVATIONS: [[f64; 3]; 5] = [
        [5.007, 19.663e-3, 1.0456],
        [4.994, 19.639e-3, 1.0438],
        [5.005, 19.640e-3, 1.0468],
        [4.990, 19.685e-3, 1.0428],
        [4.999, 19.678e-3, 1.0433],
    ];

    #[test]
    fn means_uncertainties_and_correlations_are_those_of_table_h2() {
        let (means, inputs) = Correlated::from_observations(&OBSERVATIONS).unwrap();
        let [v, i, phi] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        for (found, published, digits) in [
            (means[0], 4.9990, 1e-4),
            (means[1], 19.6610e-3, 1e-7),
            (means[2], 1.04446, 1e-5),
            (inputs.standard_uncertainty(&v), 0.0032, 1e-4),
            (inputs.standard_uncertainty(&i), 0.0095e-3, 1e-7),
            (inputs.standard_uncertainty(&phi), 0.00075, 1e-5),
            (inputs.correlation(&v, &i).unwrap(), -0.36, 0.01),
            (inputs.correlation(&v, &phi).unwrap(), 0.86, 0.01),
            (inputs.correlation(&i, &phi).unwrap(), -0.65, 0.01),
        ] {
            assert!((found - published).abs() <= 0.51 * digits, "{found} for {published}");
        }
    }

    #[test]
    fn resistance_reactance_and_impedance_of_the_gum_come_out() {
        let ([v, i, phi], inputs) = Correlated::from_observations(&OBSERVATIONS).unwrap();
        let (sin, cos) = phi.sin_cos();
        // R = V·cos φ / I, X = V·sin φ / I, Z = V / I, and their derivatives by V, I, φ.
        let (r, x, z) = (v * cos / i, v * sin / i, v / i);
        let [dr, dx, dz] = [[r / v, -r / i, -x], [x / v, -x / i, r], [z / v, -z / i, 0.0]];
        for (found, published, digits) in [
            (r, 127.732, 1e-3),
            (x, 219.847, 1e-3),
            (z, 254.260, 1e-3),
            (inputs.standard_uncertainty(&dr), 0.0711, 1e-4),
            (inputs.standard_uncertainty(&dx), 0.2956, 1e-4),
            (inputs.standard_uncertainty(&dz), 0.2363, 1e-4),
            (inputs.correlation(&dr, &dx).unwrap(), -0.588, 1e-3),
            (inputs.correlation(&dr, &dz).unwrap(), -0.485, 1e-3),
            (inputs.correlation(&dx, &dz).unwrap(), 0.993, 1e-3),
        ] {
            assert!((found - published).abs() <= 0.51 * digits, "{found} for {published}");
        }
    }

    #[test]
    fn full_correlation_adds_or_cancels() {
        let inputs = Correlated::new([3.0, 3.0], [[1.0, 1.0], [1.0, 1.0]]);
        assert_eq!(inputs.standard_uncertainty(&[1.0, 1.0]), 6.0);
        assert_eq!(inputs.standard_uncertainty(&[1.0, -1.0]), 0.0);
        assert_eq!(inputs.correlation(&[1.0, -1.0], &[1.0, 1.0]), None);
    }

    #[test]
    fn one_observation_says_nothing_of_its_scatter() {
        assert_eq!(Correlated::from_observations(&OBSERVATIONS[..1]), None);
    }
}
