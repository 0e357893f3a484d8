//! What the port makes of good messages.

use clock_models::comparison::{Reading, StampedBy};
use clock_models::time::{Duration, LeapTable, PtpTimestamp, Timestamp};
use proptest::prelude::*;

use super::pair::{CLOCK, MICROSECOND, MILLISECOND, Master, OFFSET, Pair, config, stamp};
use crate::wire::{Body, DelayResp, Flags, Header, Message, Sync};
use crate::{
    Action, ArbitraryTimescale, Port, PortConfig, PortState, Rejection, UtcOffsetMismatch,
};

/// Runs one master; gives the pair after `seconds`.
fn follow(config: PortConfig, master: Master, seconds: f64) -> Pair {
    let mut pair = Pair::new(config, vec![master]);
    pair.run(seconds);
    pair
}

/// Asserts that every comparison shows what the master's path must make it show.
fn assert_true(pair: &Pair, offset: Duration, down: Duration, up: Duration) {
    assert!(pair.compared.len() > 5, "{}", pair.compared.len());
    let mut both = 0;
    for made in &pair.compared {
        let comparison = made.comparison;
        if let Some(reading) = comparison.from_reference {
            assert_eq!(reading.difference, offset - down);
        }
        if let Some(reading) = comparison.to_reference {
            assert_eq!(reading.difference, offset + up);
        }
        if let Some(two_way) = comparison.two_way(0.0) {
            assert_eq!(two_way.difference, offset + (up - down) / 2);
            both += 1;
        }
    }
    assert!(both > 2, "{both}");
    assert_eq!(pair.port.status().mean_path_delay, Some((up + down) / 2));
}

#[test]
fn known_time_stamps_t1_to_t4_give_differences_of_the_right_sign() {
    // The master is 100 s ahead; 3 ms to here, 1 ms back.
    let mut master = Master::new(1);
    let mut port = Port::new(config(), 1).unwrap();
    for second in [0, 1] {
        let now = Timestamp::from_secs(second);
        port.handle_general(&master.announce().encode(), now).unwrap();
    }
    port.handle_timeout(Timestamp::from_secs(1));
    let mut request = None;
    while let Some(action) = port.poll_action() {
        if let Action::SendEvent { id, bytes, .. } = action {
            request = Some((id, Message::decode(&bytes).unwrap().header));
        }
    }
    let (id, request) = request.unwrap();

    let t3 = Timestamp::from_secs(1);
    let t4 = PtpTimestamp::new(101, 1_000_000).unwrap();
    let header = Header { source: master.identity, ..request };
    let body =
        Body::DelayResp(DelayResp { receive_timestamp: t4, requesting_port: port.identity() });
    port.handle_transmitted(id, stamp(t3)).unwrap();
    port.handle_general(&Message { header, body }.encode(), t3 + MILLISECOND * 4).unwrap();

    let t1 = PtpTimestamp::new(102, 0).unwrap();
    let t2 = Timestamp::from_secs(2) + MILLISECOND * 3;
    let header = Header { source: master.identity, ..Header::default() };
    let sync = Message { header, body: Body::Sync(Sync { origin_timestamp: t1 }) };
    port.handle_event(&sync.encode(), stamp(t2), t2).unwrap();

    let Some(Action::Compared(made)) = port.poll_action() else { panic!("no comparison") };
    let hundred = Duration::from_secs(100);
    let comparison = made.comparison;
    let down = Reading { at: t2, difference: hundred - MILLISECOND * 3 };
    let up = Reading { at: t3, difference: hundred + MILLISECOND };
    assert_eq!(comparison.from_reference, Some(down));
    assert_eq!(comparison.to_reference, Some(up));
    let two_way = comparison.two_way(0.0).unwrap();
    assert_eq!(two_way.difference, hundred - MILLISECOND);
    assert!((two_way.delay - 4e-3).abs() < 1e-15);
    assert!((comparison.stamp_uncertainty - 2f64.sqrt() * 1e-6).abs() < 1e-18);
    assert_eq!(made.stamped_by, StampedBy::Kernel);
    assert_eq!(port.poll_action(), None);
}

#[test]
fn two_step_and_one_step_masters_give_the_truth_to_the_last_bit() {
    for two_step in [true, false] {
        let master = Master { two_step, ..Master::new(1) };
        let pair = follow(config(), master, 60.0);
        assert_true(&pair, OFFSET, MICROSECOND * 50, MICROSECOND * 50);
        assert_eq!(pair.port.status().state, PortState::Slave);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_offset_path_and_correction_gives_the_truth(
        offset_ns in 0..4_000_000_000_000_000_000i64,
        fraction in 0..1i128 << 16,
        down_ns in 0..200_000_000i64,
        up_ns in 0..200_000_000i64,
        residence in (0..1i64 << 42, 0..1i64 << 42),
        two_step in any::<bool>(),
    ) {
        let offset = Duration::from_nanos(offset_ns) + Duration::from_bits(fraction << 16);
        let (down, up) = (Duration::from_nanos(down_ns), Duration::from_nanos(up_ns));
        let master = Master { offset, down, up, residence, two_step, ..Master::new(1) };
        assert_true(&follow(config(), master, 60.0), offset, down, up);
    }
}

#[test]
fn an_asymmetric_path_shifts_by_half_until_it_is_declared() {
    let (down, up) = (MICROSECOND * 90, MICROSECOND * 30);
    let master = Master { down, up, ..Master::new(1) };
    assert_true(&follow(config(), master.clone(), 30.0), OFFSET, down, up);

    // From the master 30 µs longer than the mean (7.4.2).
    let declared = PortConfig { delay_asymmetry: MICROSECOND * 30, ..config() };
    let pair = follow(declared, master, 30.0);
    assert_true(&pair, OFFSET, MICROSECOND * 60, MICROSECOND * 60);
}

#[test]
fn every_reading_leaves_the_port_exactly_once_whatever_the_rates() {
    for (sync_interval, log_min_delay_req_interval) in
        [(MILLISECOND * 125, 1), (Duration::SECOND, -2), (Duration::from_secs(4), 0)]
    {
        let master = Master { sync_interval, log_min_delay_req_interval, ..Master::new(1) };
        let pair = follow(config(), master, 100.0);
        let readings = |of: fn(&crate::PortComparison) -> Option<Reading>| -> Vec<_> {
            pair.compared.iter().filter_map(of).map(|reading| reading.at).collect()
        };
        for (name, times) in [
            ("from", readings(|made| made.comparison.from_reference)),
            ("to", readings(|made| made.comparison.to_reference)),
        ] {
            assert!(times.len() > 20, "{name}");
            assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{name}");
        }
        let answered = pair.requests.len() as u64
            - [Rejection::DelayRespMissing, Rejection::TransmitStampMissing]
                .map(|reason| pair.port.rejections().count(reason))
                .iter()
                .sum::<u64>();
        let to = readings(|made| made.comparison.to_reference).len() as u64;
        // One may still wait for its Sync, and one for its answer.
        assert!((answered - 2..=answered).contains(&to), "{to} of {answered}");
    }
}

#[test]
fn readings_far_apart_are_not_paired() {
    // No Sync for 20 s, while a Delay_Req is answered each 10 s at most.
    let sync_interval = Duration::from_secs(20);
    let master = Master { sync_interval, log_min_delay_req_interval: 4, ..Master::new(1) };
    let pair = follow(config(), master, 400.0);
    let mut alone = 0;
    for made in &pair.compared {
        let comparison = made.comparison;
        match (comparison.from_reference, comparison.to_reference) {
            (Some(from), Some(to)) => assert!((from.at - to.at).seconds() < 3.0),
            (None, Some(_)) => alone += 1,
            _ => {}
        }
    }
    assert!(alone > 5, "{alone}");
}

#[test]
fn a_software_stamping_ptp4l_comes_out_as_tai_if_it_is_declared_to_be_utc() {
    // As ptp4l 3.1.1 does it: UTC, no ptpTimescale, an offset it does not vouch for.
    let mut master = Master::new(1);
    master.flags = Flags::default();
    master.offset = OFFSET - Duration::from_secs(37);

    let pair = follow(config(), master.clone(), 20.0);
    assert!(pair.compared.is_empty());
    assert!(pair.port.rejections().count(Rejection::ArbitraryTimescale) > 10);
    assert_eq!(pair.port.status().state, PortState::Uncalibrated);

    let utc = PortConfig { arbitrary_timescale: ArbitraryTimescale::Utc, ..config() };
    let pair = follow(utc, master.clone(), 20.0);
    assert_true(&pair, OFFSET, MICROSECOND * 50, MICROSECOND * 50);
    assert_eq!(pair.port.status().utc_offset_mismatch, None);

    let tai = PortConfig { arbitrary_timescale: ArbitraryTimescale::Tai, ..config() };
    let pair = follow(tai, master, 20.0);
    let slow = OFFSET - Duration::from_secs(37);
    assert_true(&pair, slow, MICROSECOND * 50, MICROSECOND * 50);
}

#[test]
fn a_utc_offset_that_the_leap_table_denies_is_shown_and_changes_no_comparison() {
    let mut master = Master::new(1);
    master.announce.current_utc_offset = 36;
    let mut pair = follow(config(), master, 20.0);
    assert_true(&pair, OFFSET, MICROSECOND * 50, MICROSECOND * 50);
    let mismatch = UtcOffsetMismatch { announced: 36, table: 37 };
    assert_eq!(pair.port.status().utc_offset_mismatch, Some(mismatch));

    pair.masters[0].announce.current_utc_offset = 37;
    pair.run(3.0);
    assert_eq!(pair.port.status().utc_offset_mismatch, None);
}

#[test]
fn clock_accuracy_becomes_root_dispersion_and_unknown_accuracy_is_no_claim() {
    for (value, bound, dispersion) in [(0x21, Some(100e-9), 100e-9), (0xfe, None, 0.0)] {
        let mut master = Master::new(1);
        master.announce.clock_accuracy = value;
        let pair = follow(config(), master, 10.0);
        let made = pair.compared.last().unwrap();
        assert_eq!(made.clock_accuracy, bound);
        assert_eq!(made.comparison.upstream.root_dispersion, dispersion);
        assert_eq!(made.comparison.upstream.root_delay, 0.0);
    }
}

#[test]
fn status_shows_what_the_master_announces() {
    let mut master = Master::new(7);
    master.flags = Flags::PTP_TIMESCALE | Flags::TIME_TRACEABLE | Flags::LEAP_61;
    master.announce.steps_removed = 2;
    let identity = master.identity;
    let pair = follow(config(), master, 10.0);
    let status = pair.port.status();
    assert_eq!(status.state.to_string(), "SLAVE");
    assert_eq!(status.delay_req_interval, Duration::SECOND);
    let parent = status.parent.unwrap();
    assert_eq!(parent.port_identity, identity);
    assert_eq!(parent.grandmaster_identity, identity.clock);
    assert_eq!((parent.clock_class, parent.clock_accuracy), (6, Some(100e-9)));
    assert_eq!((parent.grandmaster_priority1, parent.grandmaster_priority2), (128, 7));
    assert_eq!(parent.steps_removed, 3);
    assert_eq!((parent.leap61, parent.leap59), (true, false));
    assert_eq!((parent.ptp_timescale, parent.synchronization_uncertain), (true, false));
    assert_eq!((parent.time_traceable, parent.frequency_traceable), (true, false));
    assert_eq!((parent.current_utc_offset, parent.time_source), (None, 0x20));
    assert!((pair.now - parent.announced).seconds() < 1.0);
}

#[test]
fn the_master_sets_the_mean_interval_between_requests() {
    for (own, master_log, in_force) in [(-1, 1, 2.0), (1, -3, 0.125), (0, 0x7f, 1.0)] {
        let master = Master { log_min_delay_req_interval: master_log, ..Master::new(1) };
        let config = PortConfig { log_min_delay_req_interval: own, ..config() };
        let pair = follow(config, master, 2000.0);
        // Uniform from 0 to twice the interval (9.5.11.2): the mean of n has a standard
        // deviation of interval/√(3n), here 2 % at most.
        let mean = 2000.0 / pair.requests.len() as f64;
        assert!((mean / in_force - 1.0).abs() < 0.08, "{mean} s instead of {in_force} s");
    }
}

#[test]
fn a_master_that_allows_more_requests_gets_them_from_its_first_answer_on() {
    // The second is not waited for as the port's own interval of a second would have it.
    let master = Master { log_min_delay_req_interval: -3, ..Master::new(1) };
    for seed in 0..20 {
        let mut pair = Pair::new(config(), vec![master.clone()]);
        pair.port = Port::new(config(), seed).unwrap();
        pair.run(3.0);
        let first = pair.requests[0];
        assert!((pair.requests[1] - first).seconds() < 0.251, "{seed}");
    }
}

#[test]
fn another_port_number_is_kept_on_the_wire() {
    let config = PortConfig { port_number: 0x1234, ..config() };
    let pair = follow(config, Master::new(1), 20.0);
    assert_true(&pair, OFFSET, MICROSECOND * 50, MICROSECOND * 50);
}

#[test]
fn the_epoch_of_the_time_base_may_lie_anywhere_within_a_lifetime() {
    for years in [-70, 0, 140] {
        let start = Timestamp::from_secs(years * 31_557_600);
        let master = Master { offset: OFFSET - start.since_epoch(), ..Master::new(1) };
        let offset = master.offset;
        let mut pair = Pair::new(config(), Vec::new());
        pair.now = start;
        pair.add(master);
        pair.run(20.0);
        assert_true(&pair, offset, MICROSECOND * 50, MICROSECOND * 50);
    }
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_one_another() {
    let requests = |seed| {
        let mut pair = Pair::new(config(), vec![Master::new(1)]);
        pair.port = Port::new(config(), seed).unwrap();
        pair.run(50.0);
        pair.requests
    };
    assert_eq!(requests(1), requests(1));
    assert_ne!(requests(1), requests(2));
}

/// A table from before the first leap second, when TAI−UTC was 10 s.
const OTHER_TABLE: &str = "#$ 3676924800\n#@ 3928521600\n2272060800  10\n#h a7a7aebc 230cb8a8 0e7e6ab8 b69d8a10 984e795e\n";

#[test]
fn a_newer_leap_table_is_obeyed_from_the_next_comparison_on() {
    let mut master = Master::new(1);
    master.flags = Flags::default();
    let config = PortConfig { arbitrary_timescale: ArbitraryTimescale::Utc, ..config() };
    let mut pair = follow(config, master, 10.0);
    pair.port.set_leap_table(LeapTable::parse(OTHER_TABLE).unwrap());
    let difference = |pair: &Pair| {
        let mut readings = pair.compared.iter().filter_map(|made| made.comparison.from_reference);
        readings.next_back().unwrap().difference - OFFSET + MICROSECOND * 50
    };
    assert_eq!(difference(&pair), Duration::from_secs(37));
    pair.run(2.0);
    assert_eq!(difference(&pair), Duration::from_secs(10));
}

#[test]
fn a_port_can_be_handed_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Port>();
    is_send::<Action>();
}

#[test]
fn a_configuration_out_of_range_makes_no_port() {
    let config = PortConfig { domain: 200, ..PortConfig::new(CLOCK, LeapTable::built_in()) };
    assert!(Port::new(config, 1).is_err());
}
