//! Servers that lie, fail or die, beside honest ones.

use utcd::status::{ClockState, SelectionState};

use crate::daemon::{Utcd, clock, source};
use crate::network::on_network;
use crate::peers::{chronyd, ntp_source};
use crate::program::Scratch;
use crate::query::{ask, assert_on_time};
use crate::rogue::{Manner, Rogue};

#[test]
fn a_server_that_begins_to_lie_is_named_a_falseticker() {
    on_network::<4>(&["chronyd"], |network| {
        let [here, there, elsewhere, rogues] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let other_scratch = Scratch::new();
        let _one = chronyd(there, &scratch);
        let _other = chronyd(elsewhere, &other_scratch);
        let rogue = Rogue::start(rogues, Manner::Honest);
        let sources = [
            ntp_source("one", there.ipv4()),
            ntp_source("other", elsewhere.ipv4()),
            rogue.source("rogue", rogues.ipv4()),
        ];
        let utcd = Utcd::start(here, &scratch, &sources.concat());
        utcd.until_agreeing(&["one", "other", "rogue"]);
        for lie in [0.5, -1.0] {
            rogue.turn(Manner::Lie(lie));
            let status = utcd.until("the liar is not named", |status| {
                let rogue = source(status, "rogue");
                rogue.is_some_and(|rogue| {
                    let found = rogue.offset.is_some_and(|offset| (offset + lie).abs() < 0.1);
                    rogue.state == SelectionState::Falseticker && found
                })
            });
            let leader = clock(&status).leader.as_deref();
            assert!(matches!(leader, Some("one" | "other")), "{leader:?}");
            assert_on_time(there, here.ipv4());
        }
        rogue.turn(Manner::Honest);
        utcd.until_agreeing(&["one", "other", "rogue"]);
        assert_on_time(there, here.ipv4());
        assert!(utcd.log().contains("WARN source rogue: falseticker, its interval misses"));
    });
}

#[test]
fn what_is_refused_is_counted_by_name_and_misleads_nobody() {
    const FAULTS: [(&str, Manner, &str); 12] = [
        ("frozen", Manner::Frozen, "frozen-clock"),
        ("rate", Manner::Kiss(*b"RATE"), "kiss-rate"),
        ("deny", Manner::Kiss(*b"DENY"), "kiss-deny"),
        ("restrict", Manner::Kiss(*b"RSTR"), "kiss-rstr"),
        ("kiss", Manner::Kiss(*b"XYZW"), "kiss-unknown"),
        ("stratum-16", Manner::Stratum(16), "stratum"),
        ("unsynchronised", Manner::Unsynchronised, "unsynchronised"),
        ("spoofed", Manner::WrongOrigin, "origin-mismatch"),
        ("doubled", Manner::Doubled, "duplicate"),
        ("truncated", Manner::Truncated, "too-short"),
        ("backwards", Manner::Backwards, "server-times-out-of-order"),
        ("far", Manner::FarFromRoot, "root-distance"),
    ];
    on_network::<3>(&["chronyd"], |network| {
        let [here, there, rogues] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let _chronyd = chronyd(there, &scratch);
        let running = FAULTS.map(|(name, manner, _)| (name, Rogue::start(rogues, manner)));
        let mut sources = ntp_source("honest", there.ipv4()) + "prefer = true\n";
        for (name, rogue) in &running {
            sources += &rogue.source(name, rogues.ipv4());
        }
        let utcd = Utcd::start(here, &scratch, &sources);
        utcd.until("not everything is counted", |status| {
            FAULTS.iter().all(|(name, _, reason)| {
                source(status, name).is_some_and(|source| source.rejected.contains_key(*reason))
            })
        });
        utcd.until_locked_to("honest");
        assert_on_time(there, here.ipv4());
        let counted = utcd.metrics("utcd_source_rejected_total");
        for (name, _, reason) in FAULTS {
            let sample = format!("{{source=\"{name}\",reason=\"{reason}\"}} ");
            let sample = counted.iter().find_map(|line| line.strip_prefix(&sample));
            assert!(sample.is_some_and(|n| n.parse::<u64>().unwrap() > 0), "{name}: {counted:#?}");
        }
    });
}

#[test]
fn a_clock_without_sources_holds_over_with_growing_uncertainty_until_they_return() {
    on_network::<2>(&["chronyd"], |network| {
        let [here, there] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let server = chronyd(there, &scratch);
        let utcd = Utcd::start(here, &scratch, &ntp_source("server", there.ipv4()));
        utcd.until_locked_to("server");

        let before = utcd.log().len();
        server.stop();
        let lost = utcd.until("no holdover", |status| clock(status).state == ClockState::Holdover);
        let later = utcd.until("the holdover does not go on", |status| {
            clock(status).holdover > clock(&lost).holdover + 3.0
        });
        let (lost, later) = (clock(&lost), clock(&later));
        assert!(later.uncertainty > lost.uncertainty, "{lost:?} {later:?}");
        assert!(later.bound > lost.bound, "{lost:?} {later:?}");
        assert!(!later.traceable);
        let answer = ask(there, here.ipv4());
        assert_eq!((answer.leap_indicator, answer.stratum), (0, 4));
        assert_on_time(there, here.ipv4());

        let _back = chronyd(there, &scratch);
        utcd.until("the holdover does not end", |status| clock(status).holdover == 0.0);
        utcd.until_locked_to("server");
        let log = &utcd.log()[before..];
        for line in ["WARN source server: ", "INFO source server: works again"] {
            assert_eq!(log.matches(line).count(), 1, "{log}");
        }
        assert_on_time(there, here.ipv4());
    });
}
