//! Chains of clocks, each of which serves the next from its own.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use testbed::matrix;
use testbed::scenario::Scenario;
use testbed::world::{Sample, Setup, SetupError, World};

fn boundary_clocks(hops: usize) -> Setup {
    let text = include_str!("../scenarios/22-ten-boundary-clocks.toml");
    Setup { hops, ..Scenario::parse(text).unwrap().setup() }
}

/// A chain of NTP servers that are asked every second.
fn ntp_servers(hops: usize) -> Setup {
    Setup { hops, ..matrix::cells()[8].setup() }
}

/// The rms error of each clock of a chain between two times, s.
fn rms_of_hops(setup: &Setup, from: f64, until: f64) -> Vec<f64> {
    let mut world = World::new(setup, 1).unwrap();
    let mut squares = vec![0.0; setup.hops];
    world.run_hops(until, |hop, sample| {
        if sample.elapsed > from {
            squares[hop] += sample.clock_error.powi(2);
        }
    });
    squares.into_iter().map(|square| (square / (until - from)).sqrt()).collect()
}

#[test]
fn errors_do_not_multiply_along_a_chain() {
    for setup in [boundary_clocks(16), ntp_servers(6)] {
        let rms = rms_of_hops(&setup, 800.0, 1600.0);
        assert!(rms[0] < 50e-9, "{rms:?}");
        // Twenty filters that peak by a third would make three hundred of one.
        for (hops, rms_of_hop) in (1u8..).zip(&rms) {
            assert!(*rms_of_hop <= 3.0 * f64::from(hops) * rms[0], "{rms:?}");
        }
        assert!(rms[5] > 1.5 * rms[0], "{rms:?}");
    }
}

#[test]
fn each_clock_of_a_chain_is_one_step_further_from_the_first() {
    let mut world = World::new(&boundary_clocks(6), 1).unwrap();
    world.run(120.0, |_| ());
    let source = world.ptp_sources().next().unwrap();
    let parent = source.port().status().parent.unwrap();
    // Five boundary clocks before this one, and itself.
    assert_eq!(parent.steps_removed, 6);
    assert_ne!(parent.port_identity.clock, parent.grandmaster_identity);
    assert_eq!(parent.clock_accuracy, Some(25e-9));

    let mut world = World::new(&ntp_servers(6), 1).unwrap();
    world.run(120.0, |_| ());
    let client = world.ntp_sources().next().unwrap().client();
    let answer = client.last_answer().unwrap();
    assert_eq!(answer.stratum, 6);
    // Five round trips of 2 µs and more are behind the one to it.
    let upstream = answer.comparison.upstream;
    assert!((10e-6..100e-6).contains(&upstream.root_delay), "{upstream:?}");
    assert!(upstream.root_dispersion > 0.0);
}

#[test]
fn a_hundred_boundary_clocks_begin_one_after_the_other_and_repeat_themselves() {
    let run = || {
        let mut world = World::new(&boundary_clocks(100), 1).unwrap();
        let mut last: Vec<Sample> = Vec::new();
        world.run_hops(60.0, |hop, sample| {
            if hop == 0 {
                last.clear();
            }
            last.push(*sample);
        });
        last
    };
    let last = run();
    assert_eq!(last.len(), 100);
    let following = last.iter().take_while(|sample| sample.belief.is_some()).count();
    assert!((16..40).contains(&following), "{following}");
    assert!(last[following..].iter().all(|sample| sample.belief.is_none()));
    assert_eq!(last, run());
}

#[test]
fn a_chain_that_its_protocol_cannot_count_is_refused() {
    let refused = |setup: &Setup| World::new(setup, 1).unwrap_err();
    assert_eq!(refused(&ntp_servers(16)), SetupError::Hops { hops: 16, most: 15 });
    assert_eq!(refused(&boundary_clocks(255)), SetupError::Hops { hops: 255, most: 254 });
    assert_eq!(refused(&boundary_clocks(0)), SetupError::Hops { hops: 0, most: 254 });
    let mut branched = ntp_servers(2);
    branched.sites.push(branched.sites[0].clone());
    assert_eq!(refused(&branched), SetupError::Branched(2));
}
