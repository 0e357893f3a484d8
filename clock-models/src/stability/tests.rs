use super::*;

/// W. Riley's NBS data: nine frequencies (NIST SP 1065 section 12.1).
const NBS14: [f64; 9] = [892.0, 809.0, 823.0, 798.0, 671.0, 644.0, 883.0, 903.0, 677.0];

/// The 1000 frequencies of NIST SP 1065 section 12.4, by its generator.
fn thousand() -> Vec<f64> {
    let next = |n: &u64| Some(16_807 * n % 2_147_483_647);
    let numbers = std::iter::successors(Some(1_234_567_890u64), next);
    let phase = phase_from_frequency(
        &numbers.take(1000).map(|n| n as f64 / 2_147_483_647.0).collect::<Vec<_>>(),
        1.0,
    );
    assert_eq!(phase.len(), 1001);
    assert!((phase[2] - phase[1] - 395_529_916.0 / 2_147_483_647.0).abs() < 1e-15);
    phase
}

fn values(statistic: Statistic, phase: &[f64], factors: &[usize]) -> Vec<f64> {
    deviations(statistic, phase, 1.0, factors, None).iter().map(|d| d.value).collect()
}

fn assert_near(found: &[f64], expected: &[f64], relative: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found / expected - 1.0).abs() < relative, "{found} for {expected}");
    }
}

#[test]
fn nbs14_comes_out_as_published() {
    let phase = phase_from_frequency(&NBS14, 1.0);
    for (statistic, expected) in [
        (Statistic::Adev, [91.22945, 115.8082]),
        (Statistic::Oadev, [91.22945, 85.95287]),
        (Statistic::Mdev, [91.22945, 74.78849]),
        (Statistic::Tdev, [52.67135, 86.35831]),
        (Statistic::Hdev, [70.80607, 116.7980]),
        (Statistic::Ohdev, [70.80607, 85.61487]),
        (Statistic::Totdev, [91.22945, 93.90379]),
    ] {
        // Seven digits are published.
        assert_near(&values(statistic, &phase, &[1, 2]), &expected, 5e-7);
    }
}

#[test]
fn the_thousand_points_of_sp_1065_come_out_to_all_digits() {
    let phase = thousand();
    for (statistic, expected, relative) in [
        (Statistic::Adev, [0.29223187811, 0.099657360632, 0.038978043308], 2e-11),
        (Statistic::Oadev, [0.29223187811, 0.091599534201, 0.032413430261], 2e-11),
        (Statistic::Mdev, [0.29223187811, 0.061723763825, 0.021709209137], 3e-11),
        (Statistic::Tdev, [0.16872015349, 0.35636231659, 1.2533817739], 4e-11),
        (Statistic::Hdev, [0.29438832912, 0.10527541940, 0.039108605597], 5e-11),
        (Statistic::Ohdev, [0.29438832912, 0.095810831733, 0.032376382528], 2e-11),
        (Statistic::Mtie, [0.99574529426, 7.5965597250, 55.381773341], 1e-11),
        (Statistic::TieRms, [0.56833850406, 4.9750036154, 49.424065781], 2e-11),
        // Seven digits are published.
        (Statistic::Totdev, [0.2922319, 0.09134743, 0.03406530], 2e-7),
    ] {
        assert_near(&values(statistic, &phase, &[1, 10, 100]), &expected, relative);
    }
}

/// Normal numbers, nearly, by the generator of SP 1065: sums of twelve uniform ones.
fn normal(count: usize) -> Vec<f64> {
    let next = |n: &u64| Some(16_807 * n % 2_147_483_647);
    let numbers: Vec<f64> = std::iter::successors(Some(1_234_567_890u64), next)
        .take(12 * count)
        .map(|n| n as f64 / 2_147_483_647.0)
        .collect();
    numbers.chunks(12).map(|twelve| twelve.iter().sum::<f64>() - 6.0).collect()
}

fn summed(series: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    series
        .iter()
        .map(|x| {
            sum += x;
            sum
        })
        .collect()
}

#[test]
fn noises_are_told_apart() {
    let white = normal(4000);
    let walk = summed(&white);
    for (phase, noise) in [
        (white, Noise::WhitePhase),
        (walk.clone(), Noise::WhiteFrequency),
        (summed(&walk), Noise::RandomWalkFrequency),
    ] {
        // 256: sixteen averages, where the ratios decide.
        for deviation in deviations(Statistic::Oadev, &phase, 1.0, &[1, 4, 16, 256], Some(0.683)) {
            let interval = deviation.interval.unwrap();
            assert_eq!(interval.noise, noise, "m = {}", deviation.factor);
            assert!(interval.low < deviation.value && deviation.value < interval.high);
        }
    }
}

#[test]
fn intervals_hold_as_often_as_they_say() {
    // White phase noise of variance 1: ADEV² = 3/τ². 100 records, 68.3 %.
    let noise = normal(20_000);
    for (statistic, factor) in [(Statistic::Oadev, 4), (Statistic::Adev, 2), (Statistic::Totdev, 8)]
    {
        let holds = |record: &&[f64]| {
            let found = deviations(statistic, record, 1.0, &[factor], Some(0.683))[0];
            let (truth, interval) = (3f64.sqrt() / found.tau, found.interval.unwrap());
            interval.low < truth && truth < interval.high
        };
        let held = noise.chunks(200).filter(holds).count();
        // ±3 standard deviations of a binomial number.
        assert!((54..=82).contains(&held), "{}: {held} of 100", statistic.name());
    }
}

#[test]
fn a_gap_leaves_out_the_terms_that_need_it_and_little_else_changes() {
    let whole = summed(&normal(4000));
    let mut gappy = whole.clone();
    for x in gappy.iter_mut().skip(7).step_by(9) {
        *x = f64::NAN;
    }
    for statistic in Statistic::ALL {
        let [complete, found] =
            [&whole, &gappy].map(|phase| deviations(statistic, phase, 1.0, &[1, 16], None)[1]);
        let ratio = found.value / complete.value;
        assert!((ratio - 1.0).abs() < 0.2, "{}: {ratio}", statistic.name());
        let windows = matches!(statistic, Statistic::Mdev | Statistic::Tdev | Statistic::Mtie);
        assert_eq!(found.terms < complete.terms, !windows, "{}", statistic.name());
    }
}

#[test]
fn a_long_gap_counts_in_no_window() {
    let mut phase = normal(400);
    phase[100..300].fill(f64::NAN);
    let found = deviations(Statistic::Mdev, &phase, 1.0, &[16], None)[0];
    // 353 terms, less those with a window of which more than half is in the gap.
    assert!(found.terms < 353 - 200, "{}", found.terms);
    let none = deviations(Statistic::Oadev, &[f64::NAN; 50], 1.0, &[1], Some(0.9));
    assert_eq!(none, []);
}

#[test]
fn an_offset_and_a_frequency_change_no_modified_deviation() {
    let phase = summed(&normal(3000));
    let shifted: Vec<f64> =
        phase.iter().enumerate().map(|(at, x)| x + 1e6 + 37.0 * at as f64).collect();
    let factors = [1, 3, 10, 100, 999];
    // The digits that 10⁶ leaves of the phase, and no fewer.
    assert_near(
        &values(Statistic::Mdev, &shifted, &factors),
        &values(Statistic::Mdev, &phase, &factors),
        1e-9,
    );
}

#[test]
fn windows_of_any_length_are_put_together() {
    let phase = normal(100);
    let factors: Vec<usize> = (1..=33).collect();
    let naive = |m: usize| {
        let terms: Vec<f64> = (0..=100 - 3 * m)
            .map(|i| {
                (i..i + m).map(|k| phase[k + 2 * m] - 2.0 * phase[k + m] + phase[k]).sum::<f64>()
            })
            .collect();
        let square = terms.iter().map(|x| x * x).sum::<f64>() / terms.len() as f64;
        (square / 2.0).sqrt() / (m * m) as f64
    };
    let expected: Vec<f64> = factors.iter().map(|m| naive(*m)).collect();
    assert_near(&values(Statistic::Mdev, &phase, &factors), &expected, 1e-12);
    let peak = |m: usize| {
        let of = |window: &[f64]| {
            window.iter().copied().fold(f64::MIN, f64::max)
                - window.iter().copied().fold(f64::MAX, f64::min)
        };
        phase.windows(m + 1).map(of).fold(0.0, f64::max)
    };
    let expected: Vec<f64> = factors.iter().map(|m| peak(*m)).collect();
    assert_eq!(values(Statistic::Mtie, &phase, &factors), expected);
}

#[test]
fn octaves_that_pass_together_come_to_what_each_does_alone() {
    for points in [100, 4096, 4097, 10_000] {
        let phase = summed(&normal(points));
        let octaves: Vec<usize> = (0..14).map(|power| 1 << power).collect();
        let together = deviations(Statistic::Mdev, &phase, 1.0, &octaves, None);
        let alone = |m: &usize| deviations(Statistic::Mdev, &phase, 1.0, &[*m], None);
        let alone: Vec<_> = octaves.iter().flat_map(alone).collect();
        let values = |found: &[Deviation]| found.iter().map(|d| d.value).collect::<Vec<_>>();
        assert_near(&values(&together), &values(&alone), 1e-12);
        let terms = |found: &[Deviation]| found.iter().map(|d| d.terms).collect::<Vec<_>>();
        assert_eq!(terms(&together), terms(&alone));
    }
}

#[test]
fn averaging_times_are_those_of_the_usual_lists() {
    assert_eq!(factors(Taus::Octave, 100), [1, 2, 4, 8, 16, 32]);
    assert_eq!(factors(Taus::Decade, 100), [1, 2, 4, 10, 20, 40]);
    assert_eq!(factors(Taus::All, 9), [1, 2, 3, 4]);
    assert_eq!(factors(Taus::All, 0), [] as [usize; 0]);
}

#[test]
fn a_missing_frequency_is_bridged_and_its_inside_is_missing() {
    let phase = phase_from_frequency(&[1.0, f64::NAN, f64::NAN, 4.0], 2.0);
    assert_eq!(phase[..2], [0.0, 2.0]);
    assert!(phase[2].is_nan());
    assert_eq!(phase[3..], [12.0, 20.0]);
}
