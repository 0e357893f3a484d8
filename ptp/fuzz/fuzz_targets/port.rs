//! A script of messages, stamps and time against a port: no panic, and no reading that
//! leaves the port twice.
//!
//! A script is an octet that chooses the delay mechanism, and steps of an octet that says
//! what happens, one for the time that passes before, one for the length of a message, and
//! the message.
#![no_main]

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Duration, Free, LeapTable, Timestamp};
use libfuzzer_sys::fuzz_target;
use ptp::{Action, ArbitraryTimescale, ClockIdentity, DelayMechanism, Port, PortConfig, TransmitId};

fuzz_target!(|script: &[u8]| {
    let mut config = PortConfig::new(ClockIdentity([1; 8]), LeapTable::built_in());
    config.arbitrary_timescale = ArbitraryTimescale::Utc;
    let Some((&mechanism, script)) = script.split_first() else { return };
    if mechanism % 2 == 1 {
        config.delay_mechanism = DelayMechanism::P2p { log_min_pdelay_req_interval: 0 };
    }
    let Ok(mut port) = Port::new(config, 1) else { return };
    let (mut now, mut ids) = (Timestamp::<Free>::EPOCH, Vec::new());
    let mut readings = Vec::new();
    let mut rest = script;
    while let Some((&[kind, passed, length], after)) = rest.split_first_chunk() {
        let (message, after) = after.split_at(after.len().min(usize::from(length)));
        rest = after;
        // At least a nanosecond, so that no two stamps are the same.
        now += Duration::from_nanos(1 + i64::from(passed) * 20_000_000);
        let stamp = Stamp { at: now, uncertainty: 1e-6, by: StampedBy::Kernel };
        // What it refuses is its own affair.
        let _ = match (kind % 8, ids.pop()) {
            (0..=2, id) => {
                ids.extend(id);
                port.handle_event(message, stamp, now)
            }
            (3 | 4, id) => {
                ids.extend(id);
                port.handle_general(message, now)
            }
            (5, Some(id)) => port.handle_transmitted(id, stamp),
            (6, id) => {
                ids.extend(id);
                port.link_down();
                port.link_up();
                Ok(())
            }
            _ => Ok(()),
        };
        port.handle_timeout(now);
        take(&mut port, &mut ids, &mut readings);
    }
});

fn take(port: &mut Port, ids: &mut Vec<TransmitId>, readings: &mut Vec<(bool, Timestamp<Free>)>) {
    while let Some(action) = port.poll_action() {
        match action {
            Action::SendEvent { id, .. } => ids.push(id),
            Action::Compared(made) => {
                let comparison = made.comparison;
                let from = comparison.from_reference.map(|reading| (true, reading.at));
                let to = comparison.to_reference.map(|reading| (false, reading.at));
                for reading in from.into_iter().chain(to) {
                    assert!(!readings.contains(&reading), "{reading:?} twice");
                    readings.push(reading);
                }
            }
            Action::SendOneStep { .. }
            | Action::SendGeneral { .. }
            | Action::MasterChanged { .. } => {}
        }
    }
}
