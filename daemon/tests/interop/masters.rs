//! More than one master, and more than one protocol.

use std::collections::BTreeSet;

use utcd::status::SelectionState;

use crate::daemon::{Utcd, source};
use crate::network::on_network;
use crate::peers::{Master, chronyd, ntp_source, ptp_source};
use crate::program::Scratch;
use crate::query::assert_on_time;

#[test]
fn the_next_best_ptp4l_is_followed_while_the_best_is_dead() {
    on_network::<3>(&["ptp4l"], |network| {
        let [here, there, elsewhere] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let best = Master { identity: 1, priority1: 100, ..Master::of("L2", 0) };
        let next = Master { identity: 2, priority1: 200, ..Master::of("L2", 0) };
        let running = best.run(there, &scratch);
        let _next = next.run(elsewhere, &scratch);
        let utcd = Utcd::start(here, &scratch, &ptp_source("gm", "ethernet", 0));
        let until_following = |master: &Master| {
            let identity = master.clock_identity();
            utcd.until(&format!("{identity} is not followed"), |status| {
                let gm = source(status, "gm");
                gm.is_some_and(|gm| {
                    gm.state == SelectionState::Leader && gm.reference.as_ref() == Some(&identity)
                })
            });
            utcd.until_locked_to("gm");
            assert_on_time(elsewhere, here.ipv4());
        };
        until_following(&best);
        running.stop();
        until_following(&next);
        let _back = best.run(there, &scratch);
        until_following(&best);
    });
}

#[test]
fn ntp_and_ptp_sources_are_in_one_selection() {
    on_network::<3>(&["chronyd", "ptp4l"], |network| {
        let [here, there, elsewhere] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let master = Master::of("UDPv4", 0).run(there, &scratch);
        let _chronyd = chronyd(elsewhere, &scratch);
        let ptp = ptp_source("ptp", "udp-ipv4", 0) + "prefer = true\n";
        let utcd = Utcd::start(here, &scratch, &(ptp + &ntp_source("ntp", elsewhere.ipv4())));
        let status = utcd.until_agreeing(&["ptp", "ntp"]);
        let protocols: BTreeSet<_> = status.sources.iter().map(|s| s.protocol.as_str()).collect();
        assert_eq!(protocols, BTreeSet::from(["ntp", "ptp"]));
        utcd.until_locked_to("ptp");
        master.stop();
        utcd.until_locked_to("ntp");
        assert_on_time(there, here.ipv4());
    });
}
