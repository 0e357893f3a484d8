//! A host that follows PTP masters.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use ptp::{PortState, Rejection};
use testbed::master::Intervals;
use testbed::matrix::{self, Rate};
use testbed::measure::Measurement;
use testbed::quantity::Seconds;
use testbed::server::Fault;
use testbed::world::{Protocol, Setup, SetupError, World};

/// J = 1e-5 s, W = 1e-9 per √s, from a master with these intervals.
fn setup(intervals: Intervals) -> Setup {
    let cell = matrix::cells().into_iter().find(|cell| cell.rate == Rate::Ptp && cell.number > 28);
    let mut setup = cell.unwrap().setup();
    setup.sites[0].protocol = Protocol::Ptp(intervals);
    setup
}

fn every(log: i8) -> Intervals {
    Intervals { announce: log, sync: log, delay_req: log }
}

#[test]
fn a_port_follows_a_master_at_every_interval() {
    for (log, seconds, largest) in [(-4, 40.0, 5e-6), (0, 400.0, 5e-6), (4, 6000.0, 100e-6)] {
        let mut world = World::new(&setup(every(log)), 1).unwrap();
        let mut measurement = Measurement::new(seconds / 2.0);
        world.run(seconds, |sample| measurement.take(sample));
        let figures = measurement.figures();
        assert!(figures.max < largest, "2^{log} s: {figures:?}");
        let source = world.ptp_sources().next().unwrap();
        assert_eq!(source.port().status().state, PortState::Slave);
        // Never given up: with the Announce every 16 s, the timeout is 48 s.
        assert_eq!(world.restarts(), 0, "2^{log} s");
        // One for each Sync after the second Announce, and one for a Delay_Req that is too
        // far from any.
        let syncs = seconds / f64::from(log).exp2();
        let part = source.accepted() as f64 / syncs;
        assert!((0.9..2.0).contains(&part), "2^{log} s: {part}");
        assert_eq!(source.port().rejections().count(Rejection::FollowUpMissing), 0);
    }
}

#[test]
fn a_master_that_dies_is_given_up_and_the_clock_holds_over() {
    let mut setup = setup(every(0));
    setup.sites[0].faults = vec![Fault::Die { at: Seconds(300.0) }];
    let mut world = World::new(&setup, 1).unwrap();
    let state = |world: &World| world.ptp_sources().next().unwrap().port().status().state;
    world.run(302.0, |_| ());
    assert_eq!(state(&world), PortState::Slave);
    // Three seconds of silence (announceReceiptTimeout 3, an Announce a second).
    world.run(305.0, |_| ());
    assert_eq!(state(&world), PortState::Listening);
    let mut largest = 0.0f64;
    world.run(400.0, |sample| largest = largest.max(sample.clock_error.abs()));
    assert!(world.discipline().unwrap().steps() <= 1);
    assert!(largest < 20e-6, "{largest} s");
}

#[test]
fn a_seed_gives_the_same_run_to_the_last_bit() {
    let run = |seed| {
        let mut world = World::new(&setup(every(0)), seed).unwrap();
        let mut samples = Vec::new();
        world.run(100.0, |sample| samples.push(*sample));
        samples
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn a_run_in_pieces_is_the_run() {
    let mut whole = Vec::new();
    World::new(&setup(every(0)), 1).unwrap().run(50.0, |sample| whole.push(*sample));
    let mut pieces = Vec::new();
    let mut world = World::new(&setup(every(0)), 1).unwrap();
    for tenths in 1..=500 {
        world.run(f64::from(tenths) / 10.0, |sample| pieces.push(*sample));
    }
    assert_eq!(whole, pieces);
}

#[test]
fn an_interval_that_no_master_has_is_refused() {
    let refused = |log| World::new(&setup(every(log)), 1).unwrap_err();
    assert_eq!(refused(-5), SetupError::Interval(0, -5));
    assert_eq!(refused(5), SetupError::Interval(0, 5));
}
