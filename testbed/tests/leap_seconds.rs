//! Servers announce leap seconds, and a clock keeps TAI and UTC through them.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use clock_models::time::{Duration, Timestamp};
use ntp::packet::LeapIndicator;
use testbed::scenario::Scenario;
use testbed::world::World;

/// What is announced to a host of both protocols: the leap indicator of NTP; leap61,
/// leap59 and currentUtcOffset of PTP.
fn announced(world: &World) -> (LeapIndicator, [bool; 2], Option<i16>) {
    let answer = world.ntp_sources().next().unwrap().client().last_answer().unwrap();
    let port = world.ptp_sources().next().unwrap().port().status();
    assert_eq!(port.utc_offset_mismatch, None);
    let parent = port.parent.unwrap();
    (answer.leap, [parent.leap61, parent.leap59], parent.current_utc_offset)
}

/// Runs a scenario in which the count of UTC leaves its way 600.5 s after the start, and
/// gives the UTC that the clock shows at 600 s, 601 s and 602 s.
fn through(scenario: &str, indicator: LeapIndicator, flags: [bool; 2], after: i16) -> Vec<String> {
    let setup = Scenario::parse(scenario).unwrap().setup();
    let mut world = World::new(&setup, 1).unwrap();
    let mut shown = Vec::new();
    let mut largest = 0.0f64;
    let mut run = |world: &mut World, until: f64| {
        world.run(until, |sample| {
            if sample.elapsed >= 100.0 {
                largest = largest.max(sample.clock_error.abs());
            }
            if (600.0..=602.0).contains(&sample.elapsed) {
                let truth: Timestamp<_> = Timestamp::from_epoch(sample.base.since_epoch());
                let error = Duration::from_seconds(sample.clock_error).unwrap();
                let utc = setup.leap.to_utc(truth + sample.offset + error);
                let text = utc.timestamp.to_string();
                let second = text.split('T').next_back().unwrap()[..8].to_owned();
                shown.push(if utc.in_leap_second { format!("{second} leap") } else { second });
            }
        });
    };
    run(&mut world, 594.0);
    assert_eq!(announced(&world), (indicator, flags, Some(37)));
    run(&mut world, 700.0);
    assert_eq!(announced(&world), (LeapIndicator::NoWarning, [false; 2], Some(after)));
    assert!(largest < 10e-6, "{largest} s");
    // Nothing is believed of NTP beside a leap second, whose count does not tell it.
    let ntp = world.ntp_sources().next().unwrap();
    let refused = ntp.client().rejected()["near-leap-second"];
    assert!((8..=12).contains(&refused), "{refused}");
    assert_eq!(world.restarts(), 0);
    shown
}

#[test]
fn an_inserted_second_is_announced_and_counted_and_moves_no_clock() {
    let scenario = include_str!("../scenarios/23-leap-second-inserted.toml");
    let shown = through(scenario, LeapIndicator::Insert, [true, false], 38);
    assert_eq!(shown, ["23:59:59", "23:59:59 leap", "00:00:00"]);
}

#[test]
fn a_deleted_second_is_announced_and_left_out_and_moves_no_clock() {
    let scenario = include_str!("../scenarios/24-leap-second-deleted.toml");
    let shown = through(scenario, LeapIndicator::Delete, [false, true], 36);
    assert_eq!(shown, ["23:59:58", "00:00:00", "00:00:01"]);
}
