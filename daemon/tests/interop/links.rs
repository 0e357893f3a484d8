//! An interface that goes and comes back.

use utcd::status::{ClockState, SelectionState};

use crate::daemon::{Utcd, clock, source};
use crate::network::{Host, Network, on_network};
use crate::peers::{Master, TRANSPORTS, chronyd, ntp_source, ptp_source};
use crate::program::Scratch;
use crate::query::assert_on_time;

/// Every protocol and transport is served, is lost by what `goes` does, and is served again
/// after what `comes` does.
fn served_again(goes: fn(&Host), comes: fn(&Network, &Host)) {
    on_network::<2>(&["chronyd", "ptp4l"], move |network| {
        let [here, there] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let _chronyd = chronyd(there, &scratch);
        let masters = [0, 1, 2].map(|n| Master::of(TRANSPORTS[usize::from(n)].0, n));
        let _masters = masters.map(|master| master.run(there, &scratch));
        let mut sources = ntp_source("ntp", there.ipv4());
        for (domain, (name, transport)) in (0..).zip(TRANSPORTS) {
            sources += &ptp_source(name, transport, domain);
        }
        let utcd = Utcd::start(here, &scratch, &sources);
        let names = ["ntp", "UDPv4", "UDPv6", "L2"];
        utcd.until_agreeing(&names);

        goes(here);
        utcd.until("the sources are not missed", |status| {
            let lost = [SelectionState::Unreachable, SelectionState::Unusable];
            names.iter().all(|name| source(status, name).is_some_and(|s| lost.contains(&s.state)))
        });
        utcd.until("no holdover", |status| clock(status).state == ClockState::Holdover);
        comes(network, here);
        utcd.until_agreeing(&names);
        utcd.until("not locked again", |status| clock(status).state == ClockState::Locked);
        assert_on_time(there, here.ipv4());
    });
}

#[test]
fn an_interface_that_goes_down_and_up_is_served_again() {
    served_again(Host::take_down, |_, host| host.bring_up());
}

#[test]
fn an_interface_that_is_removed_and_made_anew_is_served_again() {
    served_again(Host::unplug, Network::plug);
}
