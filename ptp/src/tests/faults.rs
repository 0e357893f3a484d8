//! What goes wrong with messages, stamps and exchanges.

use clock_models::comparison::Stamp;
use clock_models::time::{Duration, Free, PtpTimestamp, Timestamp};

use super::pair::{CLOCK, MICROSECOND, MILLISECOND, Master, OFFSET, Pair, config, stamp};
use crate::wire::{Body, ClockIdentity, DelayResp, Flags, FollowUp, Message};
use crate::{Action, PortIdentity, PortState, Rejection};

/// A port that follows one master, the next Sync of which is not sent yet.
fn slave() -> Pair {
    let mut pair = Pair::new(config(), vec![Master::new(1)]);
    pair.run(10.5);
    assert_eq!(pair.port.status().state, PortState::Slave);
    pair
}

fn general(pair: &mut Pair, message: &Message) -> Result<(), Rejection> {
    pair.port.handle_general(&message.encode(), pair.now)
}

fn event(pair: &mut Pair, message: &Message) -> Result<(), Rejection> {
    pair.port.handle_event(&message.encode(), stamp(pair.now), pair.now)
}

#[test]
fn a_lost_transmit_stamp_costs_one_exchange_and_the_port_lives() {
    let mut pair = Pair::new(config(), vec![Master::new(1)]);
    pair.stamp_latency = |n| (n % 3 != 0).then_some(MICROSECOND * 20);
    pair.run(300.0);
    let lost = pair.requests.len().div_ceil(3) as u64;
    let missing = pair.port.rejections().count(Rejection::TransmitStampMissing);
    // The last may not be given up yet.
    assert!((lost - 1..=lost).contains(&missing), "{missing} of {lost}");
    let to = pair.compared.iter().filter(|made| made.comparison.to_reference.is_some()).count();
    let expected = pair.requests.len() - lost as usize;
    assert!((expected - 2..=expected).contains(&to), "{to} of {expected}");
    assert_eq!(pair.port.status().state, PortState::Slave);
}

#[test]
fn no_transmit_stamp_ever_leaves_the_port_hearing_its_master() {
    let mut pair = Pair::new(config(), vec![Master::new(1)]);
    pair.stamp_latency = |_| None;
    pair.run(100.0);
    assert_eq!(pair.port.status().state, PortState::Uncalibrated);
    let from = pair.compared.iter().filter(|made| made.comparison.from_reference.is_some());
    assert!(from.count() > 95);
    assert!(pair.requests.len() > 50);
}

#[test]
fn transmit_stamps_that_come_late_and_out_of_order_are_counted_and_do_no_harm() {
    let mut pair = Pair::new(config(), vec![Master::new(1)]);
    // Every other stamp comes after several later ones.
    pair.stamp_latency = |n| Some(if n % 2 == 0 { Duration::from_secs(5) } else { MICROSECOND });
    pair.run(200.0);
    let late = pair.port.rejections().count(Rejection::TransmitStampLate);
    let expected = pair.requests.len() as u64 / 2;
    assert!((expected - 6..=expected + 1).contains(&late), "{late} of {expected}");
    for made in &pair.compared {
        if let Some(reading) = made.comparison.to_reference {
            assert_eq!(reading.difference, OFFSET + MICROSECOND * 50);
        }
    }
    assert!(
        pair.compared.iter().filter(|made| made.comparison.to_reference.is_some()).count() > 60
    );
}

#[test]
fn a_transmit_stamp_may_come_after_the_answer() {
    let mut pair = Pair::new(config(), vec![Master::new(1)]);
    pair.stamp_latency = |_| Some(MILLISECOND * 2);
    pair.run(100.0);
    assert!(
        pair.compared.iter().filter(|made| made.comparison.to_reference.is_some()).count() > 50
    );
}

#[test]
fn unanswered_requests_are_counted() {
    let mut pair = slave();
    let before = pair.port.rejections().count(Rejection::DelayRespMissing);
    pair.masters[0].up = Duration::from_secs(1000);
    pair.run(30.0);
    let missing = pair.port.rejections().count(Rejection::DelayRespMissing) - before;
    assert!(missing > 15, "{missing}");
    assert_eq!(pair.port.status().state, PortState::Slave);
}

#[test]
fn messages_that_are_not_for_this_port_are_refused_by_name() {
    let mut pair = slave();
    let before = pair.port.rejections().clone();
    let mut master = Master::new(2);
    let announce = master.announce();
    let refused = |pair: &mut Pair, change: fn(&mut Message)| {
        let mut message = announce;
        change(&mut message);
        general(pair, &message).unwrap_err()
    };
    let p = &mut pair;
    assert_eq!(refused(p, |m| m.header.domain = 24), Rejection::Domain);
    assert_eq!(refused(p, |m| m.header.sdo_id = 0x100), Rejection::SdoId);
    assert_eq!(refused(p, |m| m.header.source.clock = CLOCK), Rejection::OwnMessage);
    let alternate = |m: &mut Message| m.header.flags = Flags::ALTERNATE_MASTER;
    assert_eq!(refused(p, alternate), Rejection::AlternateMaster);
    let far = |m: &mut Message| {
        let Body::Announce(announce) = &mut m.body else { return };
        announce.steps_removed = 0xffff;
    };
    assert_eq!(refused(p, far), Rejection::StepsRemoved);
    let looped = |m: &mut Message| {
        let Body::Announce(announce) = &mut m.body else { return };
        announce.grandmaster_identity = CLOCK;
    };
    assert_eq!(refused(p, looped), Rejection::OwnGrandmaster);

    let (sync, _) = master.sync(pair.now);
    assert_eq!(event(&mut pair, &sync), Err(Rejection::NotMaster));
    assert_eq!(pair.port.handle_general(&sync.encode(), pair.now), Err(Rejection::NoReceiveStamp));
    for reason in [
        Rejection::Domain,
        Rejection::SdoId,
        Rejection::OwnMessage,
        Rejection::AlternateMaster,
        Rejection::StepsRemoved,
        Rejection::OwnGrandmaster,
        Rejection::NotMaster,
        Rejection::NoReceiveStamp,
    ] {
        let counted = pair.port.rejections().count(reason) - before.count(reason);
        assert_eq!(counted, 1, "{reason}");
    }
}

#[test]
fn alternate_masters_and_other_domains_never_become_the_master() {
    let mut alternate = Master::new(1);
    alternate.flags = Flags::PTP_TIMESCALE | Flags::ALTERNATE_MASTER;
    let other_domain = Master { domain: 1, ..Master::new(2) };
    let mut pair = Pair::new(config(), vec![alternate, other_domain]);
    pair.run(30.0);
    assert_eq!(pair.port.status().state, PortState::Listening);
    assert!(pair.changes.is_empty() && pair.compared.is_empty());
    assert!(pair.port.rejections().count(Rejection::AlternateMaster) > 50);
    assert!(pair.port.rejections().count(Rejection::Domain) > 50);
}

#[test]
fn answers_to_others_and_to_nobody_are_refused() {
    let mut pair = slave();
    let mut message = pair.masters[0].announce();
    let response =
        |port| DelayResp { receive_timestamp: PtpTimestamp::default(), requesting_port: port };
    let other = PortIdentity { clock: ClockIdentity([9; 8]), port: 1 };
    message.body = Body::DelayResp(response(other));
    assert_eq!(general(&mut pair, &message), Err(Rejection::OtherPort));
    message.body = Body::DelayResp(response(pair.port.identity()));
    message.header.sequence_id = 0x7777;
    assert_eq!(general(&mut pair, &message), Err(Rejection::Unsolicited));
}

#[test]
fn duplicates_and_replays_are_refused() {
    let mut pair = slave();
    let now = pair.now;
    let (older, older_follow_up) = pair.masters[0].sync(now);
    let (sync, follow_up) = pair.masters[0].sync(now);
    let (older_follow_up, follow_up) = (older_follow_up.unwrap(), follow_up.unwrap());
    let before = pair.compared.len();
    event(&mut pair, &sync).unwrap();
    assert_eq!(event(&mut pair, &sync), Err(Rejection::Replayed));
    assert_eq!(event(&mut pair, &older), Err(Rejection::Replayed));
    assert_eq!(general(&mut pair, &older_follow_up), Err(Rejection::Replayed));
    general(&mut pair, &follow_up).unwrap();
    assert_eq!(general(&mut pair, &follow_up), Err(Rejection::Replayed));
    let comparisons = std::iter::from_fn(|| pair.port.poll_action()).count();
    assert_eq!(comparisons, 1, "{before}");

    let announce = pair.masters[0].announce();
    general(&mut pair, &announce).unwrap();
    assert_eq!(general(&mut pair, &announce), Err(Rejection::Replayed));
}

#[test]
fn a_follow_up_may_overtake_its_sync_and_a_missing_one_is_counted() {
    let mut pair = slave();
    let now = pair.now;
    let (sync, follow_up) = pair.masters[0].sync(now);
    general(&mut pair, &follow_up.unwrap()).unwrap();
    event(&mut pair, &sync).unwrap();
    let Some(Action::Compared(made)) = pair.port.poll_action() else { panic!("no comparison") };
    let reading = made.comparison.from_reference.unwrap();
    assert_eq!((reading.at, reading.difference), (now, OFFSET));

    let before = pair.port.rejections().count(Rejection::FollowUpMissing);
    for _ in 0..3 {
        let (sync, _) = pair.masters[0].sync(now);
        event(&mut pair, &sync).unwrap();
    }
    assert_eq!(pair.port.rejections().count(Rejection::FollowUpMissing), before + 2);
}

#[test]
fn corrections_that_lead_before_the_epoch_are_refused() {
    let mut pair = slave();
    let now = pair.now;
    let (sync, follow_up) = pair.masters[0].sync(now);
    let mut follow_up = follow_up.unwrap();
    event(&mut pair, &sync).unwrap();
    let sent = FollowUp { precise_origin_timestamp: PtpTimestamp::new(100, 0).unwrap() };
    follow_up.body = Body::FollowUp(sent);
    follow_up.header.correction_field = i64::MIN;
    assert_eq!(general(&mut pair, &follow_up), Err(Rejection::TimeStamp));

    let mut pair = slave();
    let mut response = pair.masters[0].announce();
    response.body = Body::DelayResp(DelayResp {
        receive_timestamp: PtpTimestamp::new(100, 0).unwrap(),
        requesting_port: pair.port.identity(),
    });
    response.header.correction_field = i64::MAX - 1;
    assert_eq!(general(&mut pair, &response), Err(Rejection::TimeStamp));
}

#[test]
fn the_greatest_corrections_and_time_stamps_do_no_harm() {
    let mut pair = slave();
    let now = pair.now;
    for correction_field in [i64::MIN, i64::MAX - 1] {
        for origin in [(0, 0), ((1 << 48) - 1, 999_999_999)] {
            pair.masters[0].two_step = false;
            let (mut sync, _) = pair.masters[0].sync(now);
            sync.header.correction_field = correction_field;
            let Body::Sync(body) = &mut sync.body else { panic!("no Sync") };
            body.origin_timestamp = PtpTimestamp::new(origin.0, origin.1).unwrap();
            let sent = body.origin_timestamp.to_tai() + sync.header.correction();
            event(&mut pair, &sync).unwrap();
            let Some(Action::Compared(made)) = pair.port.poll_action() else { panic!("none") };
            let reading = made.comparison.from_reference.unwrap();
            assert_eq!(reading.difference, sent.since_epoch() - now.since_epoch());
        }
    }
}

#[test]
fn a_stamp_centuries_away_is_refused() {
    let mut pair = slave();
    let now = pair.now;
    for years in [-100, 200, 1_000_000] {
        let at = Timestamp::<Free>::from_secs(years * 31_557_600);
        let (sync, _) = pair.masters[0].sync(now);
        let wild = Stamp { at, ..stamp(at) };
        let refused = pair.port.handle_event(&sync.encode(), wild, now);
        assert_eq!(refused, Err(Rejection::TimeStamp));
    }
}

#[test]
fn nine_masters_are_one_too_many() {
    let mut pair = Pair::new(config(), (1..=9).map(Master::new).collect());
    pair.run(5.0);
    assert!(pair.port.rejections().count(Rejection::TooManyMasters) > 2);
    assert_eq!(pair.master(), Some(pair.masters[0].identity));
}
