//! Seeded randomness, the same on every machine and for ever: results name their seed.

/// xoshiro256++ (Blackman and Vigna), seeded by SplitMix64 as its authors advise.
#[derive(Debug, Clone)]
pub struct Random {
    state: [u64; 4],
    /// The second of a pair of normal deviates, which come together.
    spare: Option<f64>,
}

impl Random {
    /// The generator of one part of a simulation: every `stream` of a seed is its own
    /// sequence, so that a change in one part leaves the noise of the others alone.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut x = seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95);
        let mut next = || {
            x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Self { state: [next(), next(), next(), next()], spare: None }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let [mut a, mut b, mut c, mut d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let shifted = b << 17;
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= shifted;
        self.state = [a, b, c, d.rotate_left(45)];
        result
    }

    /// Uniform in 0..1, 1 excluded.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.uniform()).ln()
    }

    /// Normal with mean 0 and variance 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (2.0 * self.exponential()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        self.spare = Some(radius * sin);
        radius * cos
    }

    /// Gamma with mean `shape` and scale 1, `shape` > 0 (Marsaglia and Tsang 2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        // A shape below 1 is a power of a uniform deviate away from one above.
        let boost = if shape < 1.0 { (1.0 - self.uniform()).powf(1.0 / shape) } else { 1.0 };
        let d = if shape < 1.0 { shape + 1.0 } else { shape } - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && (1.0 - self.uniform()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return boost * d * v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of a million deviates.
    fn moments(mut draw: impl FnMut(&mut Random) -> f64) -> (f64, f64) {
        let mut random = Random::new(1, 0);
        let n = 1_000_000;
        let (mut sum, mut square) = (0.0, 0.0);
        for _ in 0..n {
            let x = draw(&mut random);
            sum += x;
            square += x * x;
        }
        let mean = sum / f64::from(n);
        (mean, square / f64::from(n) - mean * mean)
    }

    fn assert_moments(draw: impl FnMut(&mut Random) -> f64, mean: f64, variance: f64) {
        let (m, v) = moments(draw);
        assert!((m - mean).abs() < 5e-3, "{m}, not {mean}");
        assert!((v - variance).abs() < 0.02 * variance, "{v}, not {variance}");
    }

    #[test]
    fn deviates_have_the_mean_and_the_variance_of_their_distribution() {
        assert_moments(Random::uniform, 0.5, 1.0 / 12.0);
        assert_moments(Random::exponential, 1.0, 1.0);
        assert_moments(Random::normal, 0.0, 1.0);
        assert_moments(|r| r.gamma(2.5), 2.5, 2.5);
        assert_moments(|r| r.gamma(0.5), 0.5, 0.5);
    }

    #[test]
    fn the_generator_is_xoshiro256_plus_plus() {
        // First outputs of the authors' C code from the state 1, 2, 3, 4.
        let mut random = Random { state: [1, 2, 3, 4], spare: None };
        let first: Vec<u64> = (0..4).map(|_| random.bits()).collect();
        assert_eq!(first, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
    }

    #[test]
    fn streams_of_a_seed_differ() {
        assert_ne!(Random::new(1, 0).bits(), Random::new(1, 1).bits());
        assert_ne!(Random::new(1, 0).bits(), Random::new(2, 0).bits());
    }
}
