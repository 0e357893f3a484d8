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
