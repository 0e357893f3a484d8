use proptest::prelude::*;

use super::*;

/// A good source: 1 ms bound, 100 µs uncertainty.
fn source(id: u32, offset: f64) -> Candidate {
    Candidate {
        id: SourceId(id),
        offset,
        standard_uncertainty: 1e-4,
        bound: 1e-3,
        jitter: 5e-5,
        stratum: 2,
        usable: Ok(()),
        prefer: false,
        trust: false,
        require: false,
    }
}

fn select(candidates: &[Candidate]) -> Selection {
    Selector::new(1).select(candidates)
}

fn verdict(selection: &Selection, id: u32) -> Verdict {
    selection.verdicts.iter().find(|(i, _)| *i == SourceId(id)).unwrap().1
}

fn is_false(selection: &Selection, id: u32) -> bool {
    matches!(verdict(selection, id), Verdict::Falseticker { .. })
}

fn ids(selection: &Selection) -> Vec<u32> {
    let mut ids: Vec<u32> = selection.weights.iter().map(|(id, _)| id.0).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn four_of_seven_outvote_three_liars_in_every_arrangement() {
    // Alone, together on one side, on both sides, and next to the honest.
    let lies = [[0.1, 0.2, 0.3], [0.1, 0.1, 0.1], [-0.1, 0.1, 0.1], [-2.5e-3, 2.5e-3, 2.6e-3]];
    for arrangement in (0u32..128).filter(|bits| bits.count_ones() == 3) {
        for lie in lies {
            let mut lie = lie.into_iter();
            let candidates: Vec<Candidate> = (0..7)
                .map(|id| match arrangement >> id & 1 {
                    1 => source(id, lie.next().unwrap()),
                    _ => source(id, f64::from(id) * 1e-5),
                })
                .collect();
            let selection = select(&candidates);
            let honest: Vec<u32> = (0..7).filter(|id| arrangement >> id & 1 == 0).collect();
            assert_eq!(ids(&selection), honest, "{arrangement:07b} {selection:?}");
            assert!((0..7).all(|id| is_false(&selection, id) != honest.contains(&id)));
            assert!(honest.contains(&selection.leader.unwrap().0));
        }
    }
}

#[test]
fn two_against_two_select_nothing_and_say_why() {
    let selection = select(&[source(0, 0.0), source(1, 0.0), source(2, 0.1), source(3, 0.1)]);
    assert_eq!((selection.leader, selection.weights.len()), (None, 0));
    assert_eq!(selection.agreed, None);
    assert_eq!(selection.why_none, Some(Reason::NoMajority { agree: 2, of: 4 }));
    let why = selection.why_none.unwrap().to_string();
    assert_eq!(why, "no majority: at most 2 of 4 usable sources agree");
    assert_eq!(verdict(&selection, 0), Verdict::Candidate(Aside::NothingSelected));
}

#[test]
fn a_source_alone_leads_with_all_the_weight() {
    let selection = select(&[source(7, 3.0)]);
    assert_eq!(selection.weights, [(SourceId(7), 1.0)]);
    assert_eq!(verdict(&selection, 7), Verdict::Leader);
    assert_eq!(selection.agreed, Some(Interval { lower: 2.999, upper: 3.001 }));
    assert_eq!(selection.why_none, None);
}

#[test]
fn no_source_is_a_reason() {
    assert_eq!(select(&[]).why_none, Some(Reason::NoneUsable));
    let warming = Candidate { usable: Err(Unusable::Warming), ..source(0, 0.0) };
    let selection = select(&[warming]);
    assert_eq!(selection.why_none, Some(Reason::NoneUsable));
    assert_eq!(verdict(&selection, 0), Verdict::Unusable(Unusable::Warming));
}

#[test]
fn a_leader_that_jumps_is_outvoted_at_once_and_named() {
    let mut selector = Selector::new(1);
    let mut candidates = [source(0, 0.0), source(1, 1e-5), source(2, -1e-5)];
    candidates[0].standard_uncertainty = 2e-5;
    assert_eq!(selector.select(&candidates).leader, Some(SourceId(0)));

    candidates[0].offset = 5e-3;
    let selection = selector.select(&candidates);
    assert_eq!(ids(&selection), [1, 2]);
    let said = verdict(&selection, 0).to_string();
    assert_eq!(said, "its interval misses that of the majority by 3.01 ms");
}

#[test]
fn a_frozen_source_that_the_caller_calls_stale_has_no_vote() {
    let stale = Candidate { usable: Err(Unusable::Stale), ..source(0, 0.0) };
    // With its vote, two would stand against two.
    let selection = select(&[stale, source(1, 0.0), source(2, 0.1), source(3, 0.1)]);
    assert_eq!(ids(&selection), [2, 3]);
    assert_eq!(verdict(&selection, 0), Verdict::Unusable(Unusable::Stale));
}

#[test]
fn a_dead_leader_is_replaced_at_once_and_not_fetched_back_by_equal_quality() {
    let mut selector = Selector::new(1);
    let mut candidates = [source(0, 0.0), source(1, 0.0)];
    assert_eq!(selector.select(&candidates).leader, Some(SourceId(0)));
    candidates[0].usable = Err(Unusable::Unreachable);
    assert_eq!(selector.select(&candidates).leader, Some(SourceId(1)));
    candidates[0].usable = Ok(());
    assert_eq!(selector.select(&candidates).leader, Some(SourceId(1)));
}

#[test]
fn a_round_without_selection_does_not_forget_the_leader() {
    let mut selector = Selector::new(1);
    let mut candidates = [source(0, 0.0), source(1, 0.0)];
    candidates[1].standard_uncertainty = 0.9e-4;
    assert_eq!(selector.select(&candidates).leader, Some(SourceId(1)));
    candidates[1].offset = 1.0;
    assert_eq!(selector.select(&candidates).leader, None);
    candidates[1].offset = 0.0;
    candidates[0].standard_uncertainty = 0.8e-4;
    assert_eq!(selector.select(&candidates).leader, Some(SourceId(1)));
}

#[test]
fn of_two_that_contradict_each_other_only_who_agrees_with_both_is_used() {
    // A wide interval holds both narrow ones: two against two among three.
    let wide = Candidate { bound: 20e-3, standard_uncertainty: 5e-3, ..source(2, 0.0) };
    let selection = select(&[source(0, -5e-3), source(1, 5e-3), wide]);
    assert_eq!(selection.weights, [(SourceId(2), 1.0)]);
    for id in [0, 1] {
        assert_eq!(verdict(&selection, id), Verdict::Candidate(Aside::Outvoted));
    }
}

#[test]
fn intervals_that_touch_agree() {
    let half = |id, offset| Candidate { bound: 0.5, ..source(id, offset) };
    let selection = select(&[half(0, 0.0), half(1, 1.0)]);
    assert_eq!(selection.agreed, Some(Interval { lower: 0.5, upper: 0.5 }));
}

#[test]
fn one_trusted_source_outvotes_three_others() {
    let trusted = Candidate { trust: true, ..source(0, 0.1) };
    let selection = select(&[trusted, source(1, 0.0), source(2, 0.0), source(3, 0.0)]);
    assert_eq!(ids(&selection), [0]);
    assert!((1..4).all(|id| is_false(&selection, id)));
}

#[test]
fn within_the_room_that_a_trusted_source_leaves_the_others_vote() {
    let trusted = Candidate { trust: true, bound: 1.0, jitter: 0.5, ..source(0, 0.0) };
    let selection = select(&[trusted, source(1, 0.1), source(2, 0.1), source(3, 0.4)]);
    assert_eq!(ids(&selection), [0, 1, 2]);
    assert!(is_false(&selection, 3));
}

#[test]
fn only_another_trusted_source_outvotes_a_trusted_one() {
    let trusted = |id, offset| Candidate { trust: true, ..source(id, offset) };
    let others = [source(3, 0.1), source(4, 0.1), source(5, 0.1)];

    let two = [&[trusted(0, 0.0), trusted(1, 0.1)], &others[..]].concat();
    let why = select(&two).why_none;
    assert_eq!(why, Some(Reason::TrustedDisagree { agree: 1, of: 2 }));

    let three = [&[trusted(0, 0.0), trusted(1, 0.0), trusted(2, 0.1)], &others[..]].concat();
    let selection = select(&three);
    assert_eq!(ids(&selection), [0, 1]);
    assert!((2..6).all(|id| is_false(&selection, id)));
}

#[test]
fn an_unusable_trusted_source_leaves_the_vote_to_the_others() {
    let trusted = Candidate { trust: true, usable: Err(Unusable::Unreachable), ..source(0, 0.1) };
    assert_eq!(ids(&select(&[trusted, source(1, 0.0), source(2, 0.0)])), [1, 2]);
}

#[test]
fn only_preferred_sources_are_used_while_one_agrees() {
    let preferred =
        |offset| Candidate { prefer: true, standard_uncertainty: 3e-4, ..source(0, offset) };
    let selection = select(&[preferred(0.0), source(1, 0.0), source(2, 0.0)]);
    assert_eq!(selection.weights, [(SourceId(0), 1.0)]);
    assert_eq!(verdict(&selection, 1), Verdict::Candidate(Aside::NotPreferred));

    let selection = select(&[preferred(0.1), source(1, 0.0), source(2, 0.0)]);
    assert_eq!(ids(&selection), [1, 2]);
}

#[test]
fn without_a_required_source_among_those_that_agree_nothing_is_selected() {
    let required = |offset, usable| Candidate { require: true, usable, ..source(0, offset) };
    let others = [source(1, 0.0), source(2, 0.0)];
    let with = |first| select(&[first, others[0], others[1]]);
    assert_eq!(ids(&with(required(0.0, Ok(())))), [0, 1, 2]);

    let lies = with(required(0.1, Ok(())));
    assert_eq!((lies.leader, lies.why_none), (None, Some(Reason::RequiredMissing)));
    assert!(is_false(&lies, 0), "it is named all the same");
    assert_eq!(verdict(&lies, 1), Verdict::Candidate(Aside::NothingSelected));

    let dead = with(required(0.0, Err(Unusable::Unreachable)));
    assert_eq!(dead.why_none, Some(Reason::RequiredMissing));
}

#[test]
fn fewer_than_the_minimum_that_agree_select_nothing() {
    let mut selector = Selector::new(3);
    let selection = selector.select(&[source(0, 0.0), source(1, 0.0), source(2, 0.1)]);
    assert_eq!(selection.why_none, Some(Reason::TooFewAgree { agree: 2, needed: 3 }));
    let selection = selector.select(&[source(0, 0.0), source(1, 0.0), source(2, 0.0)]);
    assert_eq!(ids(&selection), [0, 1, 2]);
}

#[test]
fn an_outlier_within_the_bounds_is_clustered_out_by_two_others() {
    // 0.9 ms apart: eight times the standard uncertainties, but no contradiction.
    let selection = select(&[source(0, 0.0), source(1, 1e-5), source(2, 9e-4)]);
    assert_eq!(ids(&selection), [0, 1]);
    assert_eq!(verdict(&selection, 2), Verdict::Candidate(Aside::Outlier));
}

#[test]
fn a_source_that_only_a_minority_contradicts_is_no_outlier() {
    // Each contradicts the one at the other end, and nobody else.
    let offsets = [0.0, 2e-4, 4e-4];
    let candidates = [0, 1, 2].map(|id| source(id, offsets[id as usize]));
    let selection = select(&candidates);
    assert_eq!(ids(&selection), [0, 1]);
    assert_eq!(verdict(&selection, 2), Verdict::Candidate(Aside::Inconsistent));
}

#[test]
fn when_all_contradict_each_other_the_leader_stays() {
    let mut selector = Selector::new(1);
    let _ = selector.select(&[source(0, 0.0)]);
    let leader = Candidate { standard_uncertainty: 1.1e-4, ..source(0, -4e-4) };
    let selection = selector.select(&[leader, source(1, 0.0), source(2, 4e-4)]);
    assert_eq!(selection.leader, Some(SourceId(0)));
}

#[test]
fn of_two_only_those_consistent_with_the_leader_are_combined() {
    let better = Candidate { standard_uncertainty: 0.9e-4, ..source(1, 9e-4) };
    let selection = select(&[source(0, 0.0), better]);
    assert_eq!(selection.weights, [(SourceId(1), 1.0)]);
    assert_eq!(verdict(&selection, 0), Verdict::Candidate(Aside::Inconsistent));
}

#[test]
fn a_very_quiet_source_neither_expels_the_noisy_nor_is_expelled() {
    let ntp =
        |id, offset| Candidate { standard_uncertainty: 1e-3, bound: 5e-3, ..source(id, offset) };
    let ptp = Candidate { standard_uncertainty: 1e-7, jitter: 1e-7, ..source(9, 0.0) };
    let selection = select(&[ntp(0, 5e-4), ntp(1, 6e-4), ntp(2, 4e-4), ntp(3, 5e-4), ptp]);
    assert_eq!(ids(&selection), [0, 1, 2, 3, 9]);
    assert_eq!(selection.leader, Some(SourceId(9)));
    let of_ptp = selection.weights.iter().find(|(id, _)| id.0 == 9).unwrap().1;
    assert!(of_ptp > 0.999_999);
}

#[test]
fn a_trusted_source_is_not_clustered_out_by_the_others() {
    let trusted = Candidate { trust: true, ..source(0, 9e-4) };
    let selection = select(&[trusted, source(1, 0.0), source(2, 0.0), source(3, 0.0)]);
    assert_eq!(ids(&selection), [0]);
    assert_eq!(verdict(&selection, 1), Verdict::Candidate(Aside::Outlier));
}

#[test]
fn weights_are_the_inverse_squares_of_the_uncertainties() {
    let twice = Candidate { standard_uncertainty: 2e-4, ..source(1, 0.0) };
    let selection = select(&[source(0, 0.0), twice]);
    assert!((selection.weights[0].1 - 0.8).abs() < 1e-12);
    assert!((selection.weights[1].1 - 0.2).abs() < 1e-12);
}

#[test]
fn the_stratum_decides_between_equal_uncertainties() {
    let nearer = Candidate { stratum: 1, ..source(5, 0.0) };
    assert_eq!(select(&[source(0, 0.0), nearer]).leader, Some(SourceId(5)));
}

#[test]
fn numbers_that_cannot_be_are_unusable_and_poison_nothing() {
    let good = source(9, 0.0);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0] {
        for spoilt in [
            Candidate { standard_uncertainty: bad, ..source(0, 0.0) },
            Candidate { bound: bad, ..source(0, 0.0) },
            Candidate { jitter: if bad == 0.0 { -0.1 } else { bad }, ..source(0, 0.0) },
            Candidate { offset: if bad > -0.5 { f64::NAN } else { bad / 0.0 }, ..good },
        ] {
            let spoilt = Candidate { id: SourceId(0), ..spoilt };
            let selection = select(&[spoilt, good]);
            assert_eq!(verdict(&selection, 0), Verdict::Unusable(Unusable::Invalid), "{spoilt:?}");
            assert_eq!(selection.weights, [(SourceId(9), 1.0)]);
        }
    }
}

#[test]
fn a_challenger_that_is_clearly_better_leads_after_eight_rounds() {
    let mut selector = Selector::new(1);
    let mut candidates = [source(0, 0.0), source(1, 0.0)];
    assert_eq!(selector.select(&candidates).leader, Some(SourceId(0)));
    candidates[1].standard_uncertainty = 0.6e-4;
    for _ in 1..CHALLENGE_ROUNDS {
        assert_eq!(selector.select(&candidates).leader, Some(SourceId(0)));
    }
    assert_eq!(selector.select(&candidates).leader, Some(SourceId(1)));
}

#[test]
fn a_round_without_selection_ends_a_challenge() {
    let mut selector = Selector::new(1);
    let _ = selector.select(&[source(0, 0.0), source(1, 0.0)]);
    let better = Candidate { standard_uncertainty: 0.5e-4, ..source(1, 0.0) };
    for _ in 1..CHALLENGE_ROUNDS {
        let _ = selector.select(&[source(0, 0.0), better]);
    }
    assert_eq!(selector.select(&[]).leader, None);
    assert_eq!(selector.select(&[source(0, 0.0), better]).leader, Some(SourceId(0)));
}

#[test]
fn a_challenger_that_is_a_little_better_never_leads() {
    let mut selector = Selector::new(1);
    let mut candidates = [source(0, 0.0), source(1, 0.0)];
    let _ = selector.select(&candidates);
    candidates[1].standard_uncertainty = 0.7e-4;
    assert!((0..100).all(|_| selector.select(&candidates).leader == Some(SourceId(0))));
}

/// Numbers in 0..1 that look random, the same every time (Knuth's MMIX generator).
fn noise() -> impl FnMut() -> f64 {
    let mut state = 42u64;
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[test]
fn between_two_equal_sources_of_noisy_uncertainty_the_leader_does_not_hop() {
    let mut noise = noise();
    let mut selector = Selector::new(1);
    let mut last = None;
    let (mut changes, mut would_change) = (0, 0);
    let mut best_before = 0;
    for _ in 0..10_000 {
        let mut candidates = [source(0, 0.0), source(1, 0.0)];
        for candidate in &mut candidates {
            // Between half and double, log-uniform.
            candidate.standard_uncertainty *= 2f64.powf(2.0 * noise() - 1.0);
            candidate.offset = 1e-4 * (noise() - 0.5);
        }
        let best =
            u32::from(candidates[1].standard_uncertainty < candidates[0].standard_uncertainty);
        would_change += u32::from(best != best_before);
        best_before = best;
        let leader = selector.select(&candidates).leader;
        changes += u32::from(last.is_some() && leader != last);
        last = leader;
    }
    assert!(would_change > 4000, "the noise is real: {would_change}");
    assert!(changes <= 1, "{changes} changes");
}

fn any_candidate(id: u32) -> impl Strategy<Value = Candidate> {
    // Few distinct values, so that ends coincide and ties happen.
    (
        -4i32..=4,
        1i32..=4,
        1i32..=3,
        0i32..=2,
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    )
        .prop_map(move |(offset, bound, u, jitter, dead, prefer, trust, require)| Candidate {
            offset: f64::from(offset),
            bound: f64::from(bound),
            standard_uncertainty: f64::from(u) / 4.0,
            jitter: f64::from(jitter) / 4.0,
            usable: if dead { Err(Unusable::Unreachable) } else { Ok(()) },
            prefer,
            trust,
            require,
            ..source(id, 0.0)
        })
}

fn any_candidates() -> impl Strategy<Value = Vec<Candidate>> {
    (1u32..9).prop_flat_map(|n| (0..n).map(any_candidate).collect::<Vec<_>>())
}

/// Sources of which more than half hold the truth, which is 0.
fn honest_majority() -> impl Strategy<Value = Vec<Candidate>> {
    let honest = (0.01f64..5.0, -1.0f64..1.0).prop_map(|(bound, part)| (bound * part, bound));
    let liar = (0.01f64..5.0, 1.001f64..4.0, any::<bool>())
        .prop_map(|(bound, times, up)| (if up { bound * times } else { -bound * times }, bound));
    (1usize..6)
        .prop_flat_map(move |n| {
            let honest = prop::collection::vec(honest.clone(), n);
            (honest, prop::collection::vec(liar.clone(), 0..n))
        })
        .prop_map(|(honest, liars)| {
            let all = honest.into_iter().chain(liars);
            (0..)
                .zip(all)
                .map(|(id, (offset, bound))| Candidate { bound, ..source(id, offset) })
                .collect()
        })
}

fn sorted(selection: Selection) -> Selection {
    let Selection { mut verdicts, mut weights, .. } = selection.clone();
    verdicts.sort_by_key(|(id, _)| *id);
    weights.sort_by_key(|(id, _)| *id);
    Selection { verdicts, weights, ..selection }
}

proptest! {
    #[test]
    fn the_order_of_the_candidates_has_no_influence(
        (candidates, shuffled) in any_candidates()
            .prop_flat_map(|c| (Just(c.clone()), Just(c).prop_shuffle())),
        leader in prop::option::of(0u32..4),
    ) {
        let selector =
            Selector { min_agreeing: 1, leader: leader.map(SourceId), challenged: 0 };
        let one = sorted(selector.clone().select(&candidates));
        let other = sorted(selector.clone().select(&shuffled));
        prop_assert_eq!(one.verdicts, other.verdicts);
        prop_assert_eq!((one.leader, one.agreed), (other.leader, other.agreed));
        prop_assert_eq!(one.why_none, other.why_none);
        for ((id, a), (same, b)) in one.weights.iter().zip(&other.weights) {
            prop_assert!(id == same && (a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn if_a_majority_is_right_the_truth_is_agreed_and_nobody_honest_is_called_false(
        candidates in honest_majority(),
    ) {
        let selection = select(&candidates);
        let agreed = selection.agreed.unwrap();
        prop_assert!(agreed.lower <= 0.0 && 0.0 <= agreed.upper, "{selection:?}");
        prop_assert!(selection.leader.is_some());
        for candidate in &candidates {
            let is_honest = candidate.offset.abs() <= candidate.bound;
            prop_assert!(!is_honest || !is_false(&selection, candidate.id.0), "{selection:?}");
        }
    }

    #[test]
    fn another_source_like_one_in_use_never_makes_a_selection_fail(
        candidates in any_candidates(),
        pick in any::<prop::sample::Index>(),
        min_agreeing in 0usize..4,
    ) {
        let before = Selector::new(min_agreeing).select(&candidates);
        if before.leader.is_none() {
            return Ok(());
        }
        let good = pick.get(&before.weights).0;
        let twin = candidates.iter().find(|c| c.id == good).unwrap();
        let with = [&candidates[..], &[Candidate { id: SourceId(100), ..*twin }]].concat();
        let after = Selector::new(min_agreeing).select(&with);
        prop_assert!(after.leader.is_some(), "{before:?} {after:?}");
        let is_outvoted = verdict(&after, 100) == Verdict::Candidate(Aside::Outvoted);
        prop_assert!(!is_outvoted && !is_false(&after, 100), "{after:?}");
    }

    #[test]
    fn leader_weights_verdicts_and_reason_fit_together(
        candidates in any_candidates(),
        min_agreeing in 0usize..4,
    ) {
        let selection = Selector::new(min_agreeing).select(&candidates);
        prop_assert_eq!(selection.leader.is_none(), selection.why_none.is_some());
        prop_assert_eq!(selection.leader.is_none(), selection.weights.is_empty());
        let sum: f64 = selection.weights.iter().map(|(_, weight)| weight).sum();
        prop_assert!(selection.weights.is_empty() || (sum - 1.0).abs() < 1e-12);
        for (candidate, (id, verdict)) in candidates.iter().zip(&selection.verdicts) {
            prop_assert_eq!(candidate.id, *id);
            prop_assert_eq!(*verdict == Verdict::Leader, selection.leader == Some(*id));
            let is_used = matches!(verdict, Verdict::Leader | Verdict::Combined);
            prop_assert_eq!(is_used, selection.weights.iter().any(|(used, _)| used == id));
        }
        // Whoever is used overlaps every other that is used.
        let used = || candidates.iter().filter(|c| selection.weights.iter().any(|w| w.0 == c.id));
        prop_assert!(used().all(|a| used().all(|b| a.interval().distance(&b.interval()) == 0.0)));
    }
}
