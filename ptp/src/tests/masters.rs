//! Several masters, and the lack of one.

use clock_models::time::{Duration, Timestamp};

use super::pair::{MICROSECOND, MILLISECOND, Master, OFFSET, Pair, config, stamp};
use crate::{PortState, Rejection};

/// A master that is a second ahead of the truth per number.
fn master(number: u8, priority1: u8) -> Master {
    let mut master = Master::new(number);
    master.announce.grandmaster_priority1 = priority1;
    master.offset = OFFSET + Duration::from_secs(i64::from(number));
    master
}

/// Asserts that every comparison names the master whose time it shows.
fn assert_unmixed(pair: &Pair) {
    for made in &pair.compared {
        let number = i64::from(made.master.clock.0[0]);
        let offset = OFFSET + Duration::from_secs(number);
        let comparison = made.comparison;
        for reading in [comparison.from_reference, comparison.to_reference].into_iter().flatten() {
            assert!((reading.difference - offset).abs() < Duration::from_nanos(100_000));
        }
    }
}

#[test]
fn the_better_master_is_chosen_and_the_other_takes_over_when_it_dies() {
    let mut pair = Pair::new(config(), vec![master(1, 100), master(2, 90)]);
    let (first, second) = (pair.masters[0].identity, pair.masters[1].identity);
    pair.run(20.0);
    assert_eq!(pair.master(), Some(second));

    pair.masters[1].alive = false;
    let death = pair.now;
    pair.run(20.0);
    assert_eq!(pair.master(), Some(first));
    assert_eq!(pair.port.status().state, PortState::Slave);
    // Three announce intervals after the last Announce.
    let &(failed_over, to) = pair.changes.last().unwrap();
    assert_eq!(to, Some(first));
    assert!((2.0..3.001).contains(&(failed_over - death).seconds()));

    pair.masters[1].alive = true;
    pair.run(5.0);
    assert_eq!(pair.master(), Some(second));
    assert_unmixed(&pair);
    assert!(pair.compared.iter().any(|made| made.master == first));
}

#[test]
fn a_lone_master_is_followed_once_it_has_announced_itself_and_answered() {
    // An Announce at 0.037 s and at 2.037 s, eight Sync and Delay_Req a second.
    let slow = Master {
        log_announce_interval: 1,
        log_min_delay_req_interval: -3,
        sync_interval: Duration::SECOND / 8,
        ..master(1, 100)
    };
    let mut pair = Pair::new(config(), vec![slow]);
    pair.run(0.05);
    assert_eq!(pair.port.status().state, PortState::Uncalibrated);
    assert!(pair.compared.is_empty());
    pair.run(1.95);
    assert_eq!(pair.port.status().state, PortState::Slave);
    let both = |c: &&crate::PortComparison| c.comparison.two_way(0.0).is_some();
    assert!(pair.compared.iter().filter(both).count() > 4);
    // The Syncs from before it answered are not lost.
    let times: Vec<_> = pair.compared.iter().filter_map(|c| c.comparison.from_reference).collect();
    assert_eq!(times.len(), 16);
    assert!(times.is_sorted_by_key(|reading| reading.at));
    assert_eq!(pair.changes.len(), 1);
    assert_unmixed(&pair);
}

#[test]
fn the_last_sync_before_a_master_announces_itself_is_used_and_the_others_are_counted() {
    // Sync at 0.074 s and 1.074 s, an Announce at 2.037 s.
    let silent = Master { log_announce_interval: 1, alive: false, ..master(1, 100) };
    let mut pair = Pair::new(config(), vec![silent]);
    pair.run(0.05);
    pair.masters[0].alive = true;
    pair.run(10.0);
    let came = |c: &crate::PortComparison| c.comparison.from_reference.map(|reading| reading.at);
    let first = pair.compared.iter().find_map(came).unwrap();
    assert_eq!(first, Timestamp::EPOCH + MILLISECOND * 1074 + MICROSECOND * 50);
    assert_eq!(pair.port.rejections().iter().collect::<Vec<_>>(), [(Rejection::NotMaster, 1)]);
    assert_unmixed(&pair);
}

#[test]
fn a_sync_from_long_before_the_announce_and_one_of_another_port_are_refused() {
    for (silence, other) in [(Duration::SECOND * 3, false), (Duration::SECOND, true)] {
        let mut pair = Pair::new(config(), Vec::new());
        let (mut known, came) = (master(1, 100), Timestamp::from_secs(1));
        let mut sender = if other { master(2, 90) } else { known.clone() };
        let (sync, follow_up) = sender.sync(came);
        pair.port.handle_event(&sync.encode(), stamp(came), came).unwrap();
        pair.port.handle_general(&follow_up.unwrap().encode(), came).unwrap();
        let now = came + silence;
        pair.port.handle_general(&known.announce().encode(), now).unwrap();
        assert_eq!(pair.master(), Some(known.identity));
        assert_eq!(pair.port.rejections().count(Rejection::NotMaster), 1, "{silence:?} {other}");
    }
}

#[test]
fn a_master_that_announces_itself_once_and_never_answers_is_not_followed() {
    let once = Master { log_announce_interval: 4, answers: false, ..master(1, 100) };
    let mut pair = Pair::new(config(), vec![once]);
    pair.run(15.0);
    assert_eq!(pair.port.status().state, PortState::Uncalibrated);
    pair.masters[0].alive = false;
    pair.run(60.0);
    assert!(pair.compared.is_empty());
    assert_eq!(pair.port.status().state, PortState::Listening);
}

#[test]
fn a_lone_master_that_has_answered_gives_way_to_a_better_one() {
    let first = Master { log_announce_interval: 1, ..master(1, 100) };
    let mut pair = Pair::new(config(), vec![first, master(2, 90)]);
    pair.run(20.0);
    assert_eq!(pair.changes.len(), 2);
    assert_eq!(pair.master(), Some(pair.masters[1].identity));
    assert_unmixed(&pair);
}

#[test]
fn a_qualified_master_is_not_given_up_for_one_that_was_heard_once() {
    let mut pair = Pair::new(config(), vec![master(1, 100)]);
    pair.run(10.0);
    let first = pair.masters[0].identity;
    pair.add(Master { log_announce_interval: 2, ..master(2, 90) });
    pair.run(2.0);
    assert_eq!(pair.master(), Some(first));
    pair.run(3.0);
    assert_eq!(pair.master(), Some(pair.masters[1].identity));
    assert_unmixed(&pair);
}

#[test]
fn a_lone_master_that_dies_is_given_up_and_taken_again() {
    let mut pair = Pair::new(config(), vec![master(1, 100)]);
    for _ in 0..5 {
        pair.run(10.0);
        assert_eq!(pair.port.status().state, PortState::Slave);
        pair.masters[0].alive = false;
        pair.run(3.0);
        let status = pair.port.status();
        assert_eq!((status.state, status.parent), (PortState::Listening, None));
        assert_eq!(status.mean_path_delay, None);
        assert_eq!(pair.port.poll_timeout(), None);
        pair.run(7.0);
        pair.masters[0].alive = true;
    }
    assert_eq!(pair.changes.len(), 10);
    assert_unmixed(&pair);
}

#[test]
fn the_least_of_masters_is_still_better_than_none() {
    // statime alone would hold itself better than this one.
    let mut worst = master(1, 255);
    worst.announce.clock_class = 255;
    worst.announce.clock_accuracy = 0xff;
    worst.announce.offset_scaled_log_variance = 0xffff;
    worst.announce.grandmaster_priority2 = 255;
    worst.announce.grandmaster_identity.0 = [0xff; 8];
    let mut pair = Pair::new(config(), vec![worst]);
    pair.run(10.0);
    assert_eq!(pair.port.status().state, PortState::Slave);
    pair.masters[0].alive = false;
    pair.run(10.0);
    assert_eq!(pair.port.status().state, PortState::Listening);
}

#[test]
fn masters_come_and_go_in_any_order() {
    let mut pair = Pair::new(config(), (1..=5).map(|n| master(n, 100 + n)).collect());
    for round in 0..64u32 {
        for (index, master) in pair.masters.iter_mut().enumerate() {
            master.alive = round.wrapping_mul(2_654_435_761) >> index & 1 == 1;
        }
        pair.run(8.0);
        let best = pair.masters.iter().find(|master| master.alive).map(|m| m.identity);
        assert_eq!(pair.master(), best, "round {round}");
    }
    assert_unmixed(&pair);
}

#[test]
fn a_master_announces_itself_as_slowly_as_it_says() {
    let mut slow = master(1, 100);
    slow.log_announce_interval = 4;
    let mut pair = Pair::new(config(), vec![slow]);
    pair.run(100.0);
    assert_eq!(pair.port.status().state, PortState::Slave);
    assert_eq!(pair.changes.len(), 1);
}

#[test]
fn a_restarted_master_that_counts_anew_is_followed_again() {
    let mut pair = Pair::new(config(), vec![master(1, 100)]);
    pair.run(100.0);
    let offset = pair.masters[0].offset;
    pair.masters[0].alive = false;
    let restarted = Master { offset, ..master(1, 100) };
    pair.add(restarted);
    pair.run(8.0);
    assert_eq!(pair.port.status().state, PortState::Slave);
    let before = pair.compared.len();
    pair.run(10.0);
    assert!(pair.compared.len() >= before + 9);
}

#[test]
fn a_link_that_goes_and_comes_back_is_served_again_and_keeps_its_counters() {
    let mut pair = Pair::new(config(), vec![master(1, 100)]);
    for _ in 0..3 {
        pair.run(10.0);
        assert_eq!(pair.port.status().state, PortState::Slave);
        pair.port.link_down();
        assert_eq!(pair.port.status().state, PortState::Faulty);
        assert_eq!(pair.port.poll_timeout(), None);
        pair.plugged = false;
        pair.run(20.0);
        assert_eq!(pair.changes.last().unwrap().1, None);
        pair.port.link_up();
        pair.plugged = true;
        assert_eq!(pair.port.status().state, PortState::Listening);
    }
    pair.run(10.0);
    assert_eq!(pair.port.status().state, PortState::Slave);
    assert_eq!(pair.changes.len(), 7);
    assert_unmixed(&pair);

    pair.port.link_down();
    let refused = pair.port.handle_general(&[0; 64], Timestamp::EPOCH);
    assert_eq!(refused, Err(Rejection::LinkDown));
}

#[test]
fn a_link_that_is_declared_down_late_is_served_again_too() {
    let mut pair = Pair::new(config(), vec![master(1, 100)]);
    pair.run(10.0);
    pair.plugged = false;
    pair.run(1.0);
    pair.port.link_down();
    pair.port.link_up();
    pair.plugged = true;
    pair.run(5.0);
    assert_eq!(pair.port.status().state, PortState::Slave);
}
