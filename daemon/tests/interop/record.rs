//! What utcd records of `ptp4l`, and that a replay comes to the same.

use std::path::Path;

use clock_models::recording::{Event, Row};
use utcd::status::SelectionState;

use crate::daemon::{Utcd, source};
use crate::network::on_network;
use crate::peers::{Master, chronyd, ntp_source, ptp_source};
use crate::program::Scratch;
use crate::recordings::{assert_reproduced, rows};

/// The best master dies, so that the port goes over to the next one, and starts another
/// estimator with what it knows of the frequency; an NTP server is combined with them.
#[test]
fn a_replay_of_masters_and_a_server_is_the_same_bit_for_bit() {
    on_network::<3>(&["chronyd", "ptp4l"], |network| {
        let [here, there, elsewhere] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let best = Master { identity: 1, priority1: 100, ..Master::of("UDPv4", 0) };
        let next = Master { identity: 2, priority1: 200, ..Master::of("UDPv4", 0) };
        let dies = best.run(there, &scratch);
        let _next = next.run(elsewhere, &scratch);
        let _chronyd = chronyd(elsewhere, &scratch);
        let folder = scratch.file("record");
        let sources = ptp_source("gm", "udp-ipv4", 0) + &ntp_source("ntp", elsewhere.ipv4());
        let record = format!("[record]\ndirectory = \"{folder}\"\n");
        let utcd = Utcd::start(here, &scratch, &(sources + &record));
        let until_following = |master: &Master| {
            let identity = master.clock_identity();
            utcd.until(&format!("{identity} is not followed"), |status| {
                let gm = source(status, "gm");
                gm.is_some_and(|gm| {
                    let is_followed =
                        matches!(gm.state, SelectionState::Leader | SelectionState::Combined);
                    is_followed && gm.reference.as_ref() == Some(&identity)
                })
            });
        };
        until_following(&best);
        dies.stop();
        until_following(&next);
        utcd.until_agreeing(&["gm", "ntp"]);
        utcd.stop();

        let rows = rows(Path::new(&folder));
        assert_reproduced(&rows);
        let priors: Vec<bool> = rows
            .iter()
            .filter_map(|row| match &row.event {
                Event::Start { source, prior } if source == "gm" => Some(prior.is_some()),
                _ => None,
            })
            .collect();
        assert!(priors.len() > 2 && priors.last() == Some(&true), "{priors:?}");
        let is_of_master = |row: &&Row| match &row.event {
            Event::Comparison(compared) => compared.source == "gm",
            _ => false,
        };
        assert!(rows.iter().filter(is_of_master).count() > 10);
    });
}
