use super::*;
use crate::packet::{Header, Mode, Version};
use clock_models::time::Duration;
use proptest::prelude::*;
use std::net::Ipv4Addr;

/// 2026-11-22T04:46:44Z.
const START: Timestamp<Utc> = Timestamp::from_secs(1_795_322_804);
const STATE: ServerState = ServerState { precision: -24, synchronised: None };
/// What a basic answer states too early.
const QUEUE: Duration = Duration::from_nanos(50_000);

fn client(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(0xc612_0000 + n).into()
}

fn request(origin: NtpTimestamp) -> Header {
    Header {
        origin,
        receive: NtpTimestamp::from_bits(11),
        transmit: NtpTimestamp::from_bits(22),
        ..Header::blank(Version::V4, Mode::Client)
    }
}

fn at(micros: i64) -> Timestamp<Utc> {
    START + Duration::from_nanos(micros * 1000)
}

/// Answers a request that comes in at `now`. The answer leaves `QUEUE` later than it says.
fn answer(server: &mut Interleaved, from: u32, request: &Header, now: Timestamp<Utc>) -> Header {
    let response = server.respond(&request.emit(), client(from), now, &STATE).unwrap();
    let departing = response.departing();
    let bytes = response.finish(now);
    departing.into_iter().for_each(|departing| server.left(departing, now + QUEUE));
    Header::parse(&bytes).unwrap()
}

fn is_interleaved(answer: &Header) -> bool {
    answer.origin == NtpTimestamp::from_bits(11)
}

#[test]
fn the_third_answer_is_the_first_to_tell_when_the_one_before_it_left() {
    let mut server = Interleaved::default();
    let first = answer(&mut server, 1, &request(NtpTimestamp::ZERO), at(0));
    let second = answer(&mut server, 1, &request(first.receive), at(1000));
    let third = answer(&mut server, 1, &request(second.receive), at(2000));
    assert_eq!([first, second, third].map(|a| is_interleaved(&a)), [false, false, true]);
    assert_eq!(third.transmit, NtpTimestamp::from_utc(at(1000) + QUEUE));
    assert_eq!(third.receive, NtpTimestamp::from_utc(at(2000)));
    // A time stamp names an answer once.
    let again = answer(&mut server, 1, &request(second.receive), at(3000));
    assert!(!is_interleaved(&again));
}

#[test]
fn other_addresses_and_requests_that_could_not_tell_are_answered_in_basic_mode() {
    let mut server = Interleaved::default();
    let known = answer(&mut server, 1, &request(NtpTimestamp::from_bits(5)), at(0));
    let of_other = answer(&mut server, 2, &request(known.receive), at(1000));
    assert!(!is_interleaved(&of_other));
    let equal = Header { transmit: NtpTimestamp::from_bits(11), ..request(known.receive) };
    let basic = answer(&mut server, 1, &equal, at(2000));
    assert_eq!(basic.transmit.to_bits(), basic.receive.to_bits() + 1, "told apart");
    assert!(is_interleaved(&answer(&mut server, 1, &request(known.receive), at(3000))));
}

#[test]
fn an_answer_whose_departure_is_not_known_is_not_told_of() {
    let mut server = Interleaved::default();
    let bytes = request(NtpTimestamp::from_bits(5)).emit();
    let departing = |server: &mut Interleaved, now| {
        server.respond(&bytes, client(1), now, &STATE).unwrap().departing().unwrap()
    };
    let _unknown = departing(&mut server, at(0));
    let before = departing(&mut server, at(1000));
    server.left(before, at(999));
    for micros in [0, 1000] {
        let asked = request(NtpTimestamp::from_utc(at(micros)));
        assert!(!is_interleaved(&answer(&mut server, 1, &asked, at(2000 + micros))), "{micros}");
    }
}

#[test]
fn two_requests_of_one_instant_get_time_stamps_of_their_own() {
    let mut server = Interleaved::default();
    let asked = request(NtpTimestamp::from_bits(5));
    let given = [(); 3].map(|()| answer(&mut server, 1, &asked, at(0)).receive.to_bits());
    assert_eq!(given, [0, 1, 2].map(|n| given[0] + n));
}

#[test]
fn a_clock_that_is_set_back_is_told_of_nothing_before() {
    let mut server = Interleaved::default();
    let before = answer(&mut server, 1, &request(NtpTimestamp::from_bits(5)), at(1000));
    answer(&mut server, 1, &request(NtpTimestamp::from_bits(5)), at(0));
    assert!(!is_interleaved(&answer(&mut server, 1, &request(before.receive), at(2000))));
}

#[test]
fn a_flood_costs_no_more_room_and_no_client_another_ones() {
    let mut server = Interleaved::default();
    let asked = request(NtpTimestamp::from_bits(5));
    let patient = answer(&mut server, 0, &asked, at(0));
    for n in 0..10_000 {
        answer(&mut server, 1, &asked, at(n));
    }
    assert_eq!(server.answers.len(), 1 + PER_CLIENT);
    assert!(is_interleaved(&answer(&mut server, 0, &request(patient.receive), at(20_000))));
    for n in 0..10_000 {
        answer(&mut server, n, &asked, at(30_000));
    }
    assert_eq!((server.answers.len(), server.by_age.len()), (CAPACITY, CAPACITY));
}

proptest! {
    #[test]
    fn whatever_is_asked_a_told_departure_is_that_of_the_named_answer(
        steps in prop::collection::vec((0u32..3, 0usize..40, 0i64..50), 1..200)
    ) {
        let mut server = Interleaved::default();
        let mut answers: Vec<(u32, Header, Timestamp<Utc>)> = Vec::new();
        let mut now = START;
        for (from, named, later) in steps {
            now += Duration::from_nanos(later * 1000);
            let origin = answers.get(named).map_or(NtpTimestamp::from_bits(5), |a| a.1.receive);
            let told = answer(&mut server, from, &request(origin), now);
            prop_assert!(told.receive != told.transmit);
            if is_interleaved(&told) {
                let of = answers.iter().any(|(to, answer, left)| {
                    *to == from
                        && answer.receive == origin
                        && told.transmit == NtpTimestamp::from_utc(*left + QUEUE)
                });
                prop_assert!(of);
            }
            answers.push((from, told, now));
        }
    }
}
