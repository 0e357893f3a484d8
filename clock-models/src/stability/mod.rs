//! How stable a clock is: deviations of frequency and time over averaging times τ.
//!
//! Statistics of a record of phase (time error, s), sampled every τ₀: those of NIST
//! SP 1065 and IEEE Std 1139 for frequency stability, and those of ITU-T G.810 for
//! telecommunications. A missing point of the record is a NaN; whatever needs it is left
//! out, and [`Deviation::terms`] says how much was there.
//!
//! Each statistic costs O(N) per τ: sums and extremes over long windows are those over
//! shorter ones put together, which also keeps their rounding errors as small as those of
//! the record itself. (Differences of running totals of the whole record, the usual way,
//! lose the digits that the totals grow by.)

mod chi_squared;
mod differences;
mod extremes;
mod factors;
mod freedom;
mod mask;
mod noise;
mod outliers;
mod windows;

#[cfg(test)]
mod tests;

pub use factors::{Taus, factors};
pub use mask::{Curve, MASKS, Mask};
pub use noise::Noise;
pub use outliers::{Outliers, outliers};

use freedom::Filter;
use noise::Identification;

/// A statistic of stability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    /// Allan deviation, from frequencies that do not overlap (SP 1065 5.2.1), ratio.
    Adev,
    /// Overlapping Allan deviation (SP 1065 5.2.4), ratio.
    Oadev,
    /// Modified Allan deviation (SP 1065 5.2.5), ratio.
    Mdev,
    /// Time deviation, τ·MDEV/√3 (SP 1065 5.2.6, G.810 II.3), s.
    Tdev,
    /// Hadamard deviation, from frequencies that do not overlap (SP 1065 5.2.8), ratio.
    Hdev,
    /// Overlapping Hadamard deviation (SP 1065 5.2.9), ratio.
    Ohdev,
    /// Total deviation, without correction of its bias (SP 1065 5.2.11), ratio.
    Totdev,
    /// Maximum time interval error (G.810 II.5), s.
    Mtie,
    /// Root mean square of the time interval error (G.810 II.4), s.
    TieRms,
}

/// One value of a statistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deviation {
    /// The averaging factor m = τ/τ₀.
    pub factor: usize,
    /// The averaging time τ = m·τ₀, s.
    pub tau: f64,
    /// The statistic: a ratio, or s (see [`Statistic`]).
    pub value: f64,
    /// Of how many terms (differences, windows) it was made.
    pub terms: usize,
    /// Where the true value lies. `None` if it was not asked for, for MTIE and TIErms, and
    /// where a record is too short for its noise to be told.
    pub interval: Option<Interval>,
}

/// A confidence interval, and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end, in the unit of the value.
    pub low: f64,
    /// Upper end, in the unit of the value.
    pub high: f64,
    /// Equivalent degrees of freedom of the estimate.
    pub degrees_of_freedom: f64,
    /// The noise that was found to dominate at this τ.
    pub noise: Noise,
}

impl Statistic {
    /// All of them, in the order of their usual lists.
    pub const ALL: [Self; 9] = [
        Self::Adev,
        Self::Oadev,
        Self::Mdev,
        Self::Tdev,
        Self::Hdev,
        Self::Ohdev,
        Self::Totdev,
        Self::Mtie,
        Self::TieRms,
    ];

    /// What it is called: `OADEV`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Adev => "ADEV",
            Self::Oadev => "OADEV",
            Self::Mdev => "MDEV",
            Self::Tdev => "TDEV",
            Self::Hdev => "HDEV",
            Self::Ohdev => "OHDEV",
            Self::Totdev => "TOTDEV",
            Self::Mtie => "MTIE",
            Self::TieRms => "TIErms",
        }
    }

    /// True if its values are times, s; false if they are ratios of frequency.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(self, Self::Tdev | Self::Mtie | Self::TieRms)
    }

    /// The filter that its degrees of freedom depend on; `None` without an interval.
    fn filter(self) -> Option<Filter> {
        let (differences, overlapping, modified) = match self {
            Self::Adev => (2, false, false),
            Self::Oadev | Self::Totdev => (2, true, false),
            Self::Mdev | Self::Tdev => (2, true, true),
            Self::Hdev => (3, false, false),
            Self::Ohdev => (3, true, false),
            Self::Mtie | Self::TieRms => return None,
        };
        Some(Filter { differences, overlapping, modified })
    }
}

/// The values of a statistic at the averaging `factors`, which are put in rising order.
///
/// `phase` is the time error of the clock, s, every `tau0` s; NaN where a point is missing.
/// With a `confidence` between 0 and 1 (0.683 for one standard deviation), the values come
/// with intervals. Factors for which the record has no term are left out.
#[must_use]
pub fn deviations(
    statistic: Statistic,
    phase: &[f64],
    tau0: f64,
    factors: &[usize],
    confidence: Option<f64>,
) -> Vec<Deviation> {
    let mut factors: Vec<usize> = factors.iter().copied().filter(|&m| m > 0).collect();
    factors.sort_unstable();
    factors.dedup();
    let values = match statistic {
        Statistic::Mdev | Statistic::Tdev => windows::modified_allan(phase, &factors),
        Statistic::Mtie => extremes::peak_to_peak(phase, &factors),
        _ => differences::root_mean_squares(statistic, phase, &factors),
    };
    let mut found: Vec<Deviation> = factors
        .iter()
        .zip(values)
        .filter(|(_, (_, terms))| *terms > 0)
        .map(|(&factor, (difference, terms))| {
            let tau = factor as f64 * tau0;
            let value = difference * scale(statistic, factor, tau);
            Deviation { factor, tau, value, terms, interval: None }
        })
        .collect();
    if let (Some(confidence), Some(filter)) = (confidence, statistic.filter()) {
        add_intervals(&mut found, statistic, filter, phase, confidence);
    }
    found
}

/// From the root mean square of differences of phase, s, to the statistic.
fn scale(statistic: Statistic, factor: usize, tau: f64) -> f64 {
    match statistic {
        Statistic::Adev | Statistic::Oadev | Statistic::Totdev => 1.0 / (2f64.sqrt() * tau),
        Statistic::Hdev | Statistic::Ohdev => 1.0 / (6f64.sqrt() * tau),
        // The differences are of sums of m points, not of their averages.
        Statistic::Mdev => 1.0 / (2f64.sqrt() * tau * factor as f64),
        Statistic::Tdev => 1.0 / (6f64.sqrt() * factor as f64),
        Statistic::Mtie | Statistic::TieRms => 1.0,
    }
}

fn add_intervals(
    found: &mut [Deviation],
    statistic: Statistic,
    filter: Filter,
    phase: &[f64],
    confidence: f64,
) {
    // Where a record is too short for its noise to be told, it is taken to go on as before.
    let mut noise = None;
    for deviation in found {
        let m = deviation.factor;
        noise =
            Identification { phase, factor: m, differences: filter.differences }.noise().or(noise);
        let Some(noise) = noise else { continue };
        let freedom = match statistic {
            Statistic::Totdev => freedom::total(phase.len(), m, noise),
            _ => None,
        };
        let Some(freedom) = freedom.or_else(|| filter.degrees_of_freedom(phase.len(), m, noise))
        else {
            continue;
        };
        // Fewer terms tell less, as much as they are fewer.
        let complete = differences::complete_terms(statistic, phase.len(), m);
        let freedom = freedom * deviation.terms as f64 / complete as f64;
        let Some([least, most]) = chi_squared::central_interval(freedom, confidence) else {
            continue;
        };
        deviation.interval = Some(Interval {
            low: deviation.value * (freedom / most).sqrt(),
            high: deviation.value * (freedom / least).sqrt(),
            degrees_of_freedom: freedom,
            noise,
        });
    }
}

/// Phase, s, from the frequencies (ratios) of successive intervals of `tau0` s: one point
/// more, from 0 on.
///
/// A missing frequency, NaN, is bridged by a straight line between its neighbours, and the
/// points inside the gap are missing: what spans the gap rests on that line.
#[must_use]
pub fn phase_from_frequency(frequency: &[f64], tau0: f64) -> Vec<f64> {
    let bridged = windows::bridged(frequency);
    let mut sum = 0.0;
    let mut phase = vec![sum];
    for (at, y) in bridged.iter().enumerate() {
        sum += y * tau0;
        let is_inside = frequency[at].is_nan() && frequency.get(at + 1).is_some_and(|y| y.is_nan());
        phase.push(if is_inside { f64::NAN } else { sum });
    }
    phase
}
