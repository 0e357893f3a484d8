//! Kiss-o'-Death packets (RFC 5905 7.4).

use super::*;

fn kiss(code: &str) -> impl FnOnce(&mut Header) {
    let code = ReferenceId::from_code(code).unwrap();
    move |header| {
        *header = Header {
            leap: LeapIndicator::Unsynchronised,
            stratum: 0,
            reference_id: code,
            // As some servers send it.
            receive: NtpTimestamp::ZERO,
            ..*header
        }
    }
}

#[test]
fn rate_ends_the_burst_and_doubles_the_interval_each_time() {
    let mut bench = Bench::new();
    for (times, wait) in [32.0, 64.0, 128.0].into_iter().enumerate() {
        assert_eq!(bench.refused(kiss("RATE")), Rejection::KissRate);
        assert!(about(bench.interval(), wait), "{times}: {} not {wait}", bench.interval());
    }
    bench.exchange();
    assert!(about(bench.interval(), 128.0), "no burst, and no way back");
    for _ in 0..20 {
        bench.client.handle_fit(1e9, 1.0);
    }
    assert_eq!(bench.client.poll(), 7);
}

#[test]
fn rate_is_obeyed_beyond_the_longest_interval_that_was_set() {
    let mut bench = Bench::new();
    for _ in 0..30 {
        let _ = bench.refused(kiss("RATE"));
    }
    assert_eq!(bench.client.poll(), 17);
}

#[test]
fn deny_and_rstr_end_the_association() {
    for (code, reason) in [("DENY", Rejection::KissDeny), ("RSTR", Rejection::KissRestricted)] {
        let mut bench = Bench::new();
        assert_eq!(bench.refused(kiss(code)), reason);
        assert_eq!(bench.client.stopped(), Some(reason));
        assert_eq!(bench.client.poll_timeout(), None);
        let later = bench.now + Duration::from_secs(1_000_000);
        let wake = bench.client.handle_timeout(later, [1, 1]);
        assert!(wake.request.is_none() && wake.failed.is_none());
    }
}

#[test]
fn a_forged_kiss_is_not_obeyed() {
    for code in ["RATE", "DENY", "RSTR"] {
        let mut bench = Bench::new();
        let refused = bench.refused(|header| {
            kiss(code)(header);
            header.origin = NtpTimestamp::from_bits(1);
        });
        assert_eq!(refused, Rejection::OriginMismatch);
        assert_eq!((bench.client.stopped(), bench.client.poll()), (None, 4));
        assert!(bench.client.poll_timeout().is_some());
    }
}

#[test]
fn an_unknown_kiss_is_named_with_its_code_and_a_starting_server_is_unsynchronised() {
    let mut bench = Bench::new();
    let refused = bench.refused(kiss("NTSN"));
    assert_eq!(refused.to_string(), "the server sends the kiss code \"NTSN\"");
    assert_eq!(refused.name(), "kiss-unknown");
    assert_eq!(bench.refused(kiss("INIT")), Rejection::Unsynchronised);
    assert!(bench.client.poll_timeout().is_some());
}
