//! What a source makes of its masters.

use clock_models::keeper::Terms;
use clock_models::selection::{SourceId, Unusable};
use clock_models::time::{Free, Timestamp};

use super::pair::{MICROSECOND, Master, OFFSET, config, stamp};
use crate::Action;
use crate::source::Source;
use crate::wire::{Flags, Message};

fn at(second: i64) -> Timestamp<Free> {
    Timestamp::from_secs(second)
}

fn source() -> Source {
    Source::new(config(), None, 1).unwrap()
}

fn usable(source: &Source, second: i64) -> Result<(), Unusable> {
    source.edge(SourceId(0), Terms::default(), at(second)).usable
}

/// A second of a master 50 µs away: an Announce and, if it gives time, a Sync and answers.
fn pass(source: &mut Source, master: &mut Master, second: i64, gives_time: bool) {
    let (now, later) = (at(second), at(second) + MICROSECOND * 50);
    source.handle_timeout(now);
    source.handle_general(&master.announce().encode(), now).unwrap();
    if gives_time {
        // Refused until the master is selected.
        let (sync, follow_up) = master.sync(now);
        let _ = source.handle_event(&sync.encode(), stamp(later), later);
        let _ = source.handle_general(&follow_up.unwrap().encode(), later);
    }
    while let Some(action) = source.poll_action() {
        if let Action::SendEvent { id, bytes, .. } = action {
            let request = Message::decode(&bytes).unwrap().header;
            source.handle_transmitted(id, stamp(now)).unwrap();
            let answer = master.delay_resp(&request, later);
            if gives_time {
                let _ = source.handle_general(&answer.encode(), later);
            }
        }
    }
}

#[test]
fn a_source_is_unheard_then_warms_up_then_gives_its_edge() {
    let (mut source, mut master) = (source(), Master::new(1));
    assert_eq!(usable(&source, 0), Err(Unusable::NeverHeard));
    (0..3).for_each(|second| pass(&mut source, &mut master, second, true));
    assert_eq!(usable(&source, 3), Err(Unusable::Warming));
    for second in 3..40 {
        pass(&mut source, &mut master, second, true);
        if second % 2 == 0 {
            source.look();
        }
    }
    let edge = source.edge(SourceId(7), Terms::default(), at(40));
    assert_eq!((edge.id, edge.usable, edge.stratum), (SourceId(7), Ok(()), 1));
    assert_eq!(edge.clock_accuracy, Some(100e-9));
    let error = (edge.estimate.unwrap().offset - OFFSET).seconds();
    assert!(error.abs() < 1e-6, "{error}");
    assert_eq!((source.reach(), source.heard()), (0xff, Some(at(39) + MICROSECOND * 50)));
    assert!((source.pace() - 1.0).abs() < 0.1, "{}", source.pace());
}

#[test]
fn a_master_without_time_is_stale_and_one_without_announce_unreachable() {
    let (mut source, mut master) = (source(), Master::new(1));
    (0..30).for_each(|second| pass(&mut source, &mut master, second, true));
    (30..42).for_each(|second| pass(&mut source, &mut master, second, false));
    assert_eq!(usable(&source, 38), Ok(()));
    assert_eq!(usable(&source, 42), Err(Unusable::Stale));
    // Three seconds after the last Announce.
    source.handle_timeout(at(44));
    while source.poll_action().is_some() {}
    assert_eq!(usable(&source, 44), Err(Unusable::Unreachable));
    // The first still sees what came before.
    (0..9).for_each(|_| source.look());
    assert_eq!(source.reach(), 0);
}

#[test]
fn a_master_that_doubts_itself_or_has_no_time_scale_is_said_to_be_so() {
    for (flags, reason) in [
        (Flags::PTP_TIMESCALE | Flags::SYNCHRONIZATION_UNCERTAIN, Unusable::Unsynchronised),
        (Flags::default(), Unusable::ArbitraryTimescale),
    ] {
        let (mut source, mut master) = (source(), Master { flags, ..Master::new(1) });
        (0..5).for_each(|second| pass(&mut source, &mut master, second, false));
        assert_eq!(usable(&source, 5), Err(reason));
    }
}

#[test]
fn what_was_learnt_of_a_master_ends_with_it() {
    let (mut source, mut master) = (source(), Master::new(1));
    (0..30).for_each(|second| pass(&mut source, &mut master, second, true));
    let accepted = source.accepted();
    source.link_down();
    while source.poll_action().is_some() {}
    assert_eq!(usable(&source, 30), Err(Unusable::Unreachable));
    assert!(source.last().is_none() && source.estimator().estimate().is_none());
    source.link_up();
    let mut other = Master { offset: OFFSET + MICROSECOND * 700, ..Master::new(2) };
    (31..60).for_each(|second| pass(&mut source, &mut other, second, true));
    let edge = source.edge(SourceId(0), Terms::default(), at(60));
    let error = (edge.estimate.unwrap().offset - other.offset).seconds();
    assert!(error.abs() < 1e-6, "{error}");
    assert!(source.accepted() > accepted + 20);
}
