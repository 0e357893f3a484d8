use super::{Candidate, SourceId};

/// True if the difference of the two is explained by their uncertainties: |E_n| ≤ 1
/// (ISO/IEC 17043), with U = 2·√(u² + jitter²), because the uncertainty of a young
/// estimate is itself uncertain.
pub(super) fn consistent(a: &Candidate, b: &Candidate) -> bool {
    let spread = |c: &Candidate| c.standard_uncertainty.hypot(c.jitter);
    (a.offset - b.offset).abs() <= 2.0 * spread(a).hypot(spread(b))
}

/// The outlier among those that are left, after RFC 5905 section 11.2.2: the source that the
/// most others contradict, if that is more than half of them. To be asked again without it,
/// until none is left or no majority can name one.
///
/// RFC 5905 compares every offset with the smallest jitter of all, so that one very
/// quiet source makes outliers of all others, or of itself. Here two sources are held
/// against their own uncertainties.
///
/// Only trusted sources are heard if there are any. Of equals, the leader stays, so that
/// noise does not change it, and the smaller uncertainty stays.
pub(super) fn worst_outlier(
    survivors: &[&Candidate],
    leader: Option<SourceId>,
) -> Option<SourceId> {
    let only_trusted = survivors.iter().any(|c| c.trust);
    let contradictions = |c: &Candidate| {
        let is_heard = |w: &&&Candidate| w.id != c.id && (w.trust || !only_trusted);
        let heard = || survivors.iter().filter(is_heard);
        let (all, against) = (heard().count(), heard().filter(|w| !consistent(c, w)).count());
        // Of two equals that contradict each other, neither is the outlier.
        let is_decided = all >= 2 || (only_trusted && !c.trust);
        (is_decided && 2 * against > all).then_some(against)
    };
    survivors
        .iter()
        .filter_map(|c| Some((contradictions(c)?, c)))
        .max_by(|(n, a), (m, b)| {
            let is_other = |c: &Candidate| Some(c.id) != leader;
            n.cmp(m)
                .then(is_other(a).cmp(&is_other(b)))
                .then(a.standard_uncertainty.total_cmp(&b.standard_uncertainty))
                .then(a.id.cmp(&b.id))
        })
        .map(|(_, outlier)| outlier.id)
}
