//! Averaging factors.

/// Which averaging times are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taus {
    /// Powers of two of τ₀.
    Octave,
    /// 1, 2 and 4 times the powers of ten of τ₀.
    Decade,
    /// Every multiple of τ₀.
    All,
}

/// The averaging factors m = τ/τ₀ for a record of `points`: up to half of its length.
#[must_use]
pub fn factors(taus: Taus, points: usize) -> Vec<usize> {
    let most = points.saturating_sub(1) / 2;
    let powers = |base: usize| std::iter::successors(Some(1usize), move |m| m.checked_mul(base));
    let below = |m: &usize| *m <= most;
    match taus {
        Taus::Octave => powers(2).take_while(below).collect(),
        Taus::Decade => {
            powers(10).take_while(below).flat_map(|m| [m, 2 * m, 4 * m]).filter(below).collect()
        }
        Taus::All => (1..=most).collect(),
    }
}
