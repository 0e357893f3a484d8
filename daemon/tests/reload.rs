//! SIGHUP: what changes, what stays, and what is refused.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod common;

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;

use common::ntp::{Server, ask};
use common::record::{Prior, frequencies, priors, record_in};
use common::{Daemon, Directory, VIRTUAL, free_address, source};
use utcd::status::{ClockState, SelectionState, Status};

/// 10 ms and 20 ppm off, so that a second step or a frequency lost would show.
fn off() -> String {
    VIRTUAL.to_owned() + "initial-offset = \"10 ms\"\ninitial-frequency = \"20 ppm\"\n"
}

/// An estimator began with a frequency that those before it had found. How well they had is
/// not the question.
#[track_caller]
fn assert_learned(prior: Prior, record: &Path) {
    let Some((known, deviation)) = prior else { panic!("it begins without a frequency") };
    let found = frequencies(record);
    assert!(found.iter().any(|found| (found - known).abs() < 1e-15), "{known} not in {found:?}");
    assert!(deviation > 0.0, "{deviation}");
}

fn serving(addresses: &[SocketAddr]) -> String {
    let listen: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
    format!("[serve.ntp]\nlisten = [{}]\n", listen.join(", "))
}

fn names(status: &Status) -> Vec<&str> {
    status.sources.iter().map(|source| source.name.as_str()).collect()
}

/// Waits until a configuration was written and read `count` times.
#[track_caller]
fn until_reloaded(daemon: &Daemon, count: usize) {
    daemon.until(&format!("not reloaded {count} times"), |_| {
        daemon.log.count("INFO reloaded") == count
    });
}

#[test]
fn sources_come_and_go_while_the_clock_keeps_its_state() {
    let (first, second, directory) = (Server::good(), Server::good(), Directory::new());
    let record = directory.join("record");
    let off = off() + &record_in(&record);
    let config = off.clone() + &source("first", first.address);
    let mut daemon = Daemon::start(&config);
    daemon.until_locked("virtual");
    assert_eq!(daemon.clock("virtual").steps, 1);

    daemon.reload(&(config.clone() + &source("second", second.address)));
    until_reloaded(&daemon, 1);
    daemon.until("the new source is not followed", |status| {
        names(status) == ["first", "second"]
            && status.sources.iter().all(|source| source.accepted > 0)
    });

    // Everything that the clock followed goes away, and others come.
    daemon.reload(&(off + &source("third", second.address)));
    until_reloaded(&daemon, 2);
    let status = daemon.until("sources stay", |status| names(status) == ["third"]);
    assert!(status.clocks[0].uncertainty.is_some(), "{:?}", status.clocks[0]);
    let status = daemon.until("the new leader is not followed", |status| {
        status.clocks[0].leader.as_deref() == Some("third")
            && status.clocks[0].state == ClockState::Locked
    });
    let clock = &status.clocks[0];
    assert_eq!((clock.steps, clock.interference), (1, 0));
    assert_learned(priors(&record, "third", 1)[0], &record);
    assert_eq!(daemon.log.count("stepped"), 1);
    daemon.assert_sound();
}

#[test]
fn a_source_that_is_asked_otherwise_begins_with_the_frequency_that_is_known() {
    let (server, directory) = (Server::good(), Directory::new());
    let record = directory.join("record");
    let config = off() + &record_in(&record) + &source("good", server.address);
    let daemon = Daemon::start(&config);
    daemon.until_locked("virtual");
    daemon.reload(&config.replace("max-poll = 0", "max-poll = 1"));
    until_reloaded(&daemon, 1);
    let begun = priors(&record, "good", 2);
    assert_eq!(begun[0], None);
    assert_learned(begun[1], &record);
    daemon.until("not followed again", |status| {
        status.clocks[0].state == ClockState::Locked && status.sources[0].accepted > 0
    });
}

#[test]
fn a_wrong_file_is_refused_with_its_place_and_the_old_one_stays_in_force() {
    let (good, other) = (Server::good(), free_address());
    let config = off() + &source("good", good.address);
    let mut daemon = Daemon::start(&config);
    daemon.until_locked("virtual");
    let wrong = config.replace("max-poll", "max-pol") + "[serve]\nntp = 3\n";
    daemon.reload(&wrong);
    let refusal = "reload refused, the old configuration stays in force";
    daemon.log.wait(refusal);
    let place = format!("{}:12:1: ", daemon.directory.join("utcd.toml").display());
    let said = daemon.log.wait(&place);
    assert!(said.contains("max-pol"), "{said}");
    let file = daemon.directory.join("utcd.toml");
    let check = || {
        let mut utcd = Command::new(env!("CARGO_BIN_EXE_utcd"));
        utcd.arg("--check-config").arg("--config").arg(&file).output().unwrap()
    };
    let checked = check();
    assert_eq!(checked.status.code(), Some(2));
    assert!(String::from_utf8(checked.stderr).unwrap().contains(&place));

    let mut refused = 1;
    let mut refuse = |text: &str, part: &str| {
        refused += 1;
        daemon.reload_text(text);
        daemon.until(part, |_| daemon.log.count(refusal) == refused);
        let log = daemon.log.all();
        let last = log.iter().rposition(|line| line.contains(refusal)).unwrap();
        assert!(log[last..].join("\n").contains(part), "{part} not in {log:?}");
    };
    refuse("\u{0}", "");
    refuse("", "");
    // What only a restart can change.
    let outputs = format!(
        "[metrics]\nlisten = \"{}\"\n[control]\nsocket = \"{}\"\n[leap-seconds]\nfile = \"none\"\n",
        daemon.metrics,
        daemon.directory.join("control.sock").display()
    );
    let restart = "restart utcd";
    refuse(&(config.clone() + &outputs.replace(&daemon.metrics.to_string(), "none")), restart);
    refuse(&(config.clone() + &outputs.replace("control.sock", "other.sock")), restart);
    refuse(
        &(config.replace("\"virtual\"\ndrift", "\"virtual\"\nmode = \"observe\"\ndrift")
            + &outputs),
        restart,
    );
    refuse(&(config.replace("name = \"virtual\"", "name = \"other\"") + &outputs), restart);
    refuse(
        &(config.clone() + &source("x", other) + &outputs + "[log]\nlevel = \"debug\"\n"),
        restart,
    );

    let status = daemon.until_locked("virtual");
    assert_eq!(names(&status), ["good"]);
    assert_eq!(daemon.log.count("INFO reloaded"), 0);
    daemon.reload(&config);
    until_reloaded(&daemon, 1);
    assert_eq!(check().status.code(), Some(0));
    daemon.assert_sound();
}

#[test]
fn the_ntp_server_moves_and_one_that_cannot_stays_where_it_is() {
    let good = Server::good();
    let config = VIRTUAL.to_owned() + &source("good", good.address);
    let (first, second, third) = (free_address(), free_address(), free_address());
    let mut daemon = Daemon::start(&(config.clone() + &serving(&[first])));
    daemon.until_locked("virtual");
    assert_eq!(ask(first).unwrap().stratum, 2);

    daemon.reload(&(config.clone() + &serving(&[first, second])));
    until_reloaded(&daemon, 1);
    assert!(ask(first).is_some() && ask(second).is_some());

    let taken = UdpSocket::bind(third).unwrap();
    daemon.reload(&(config.clone() + &source("more", good.address) + &serving(&[second, third])));
    let refusal = daemon.log.wait("reload refused");
    assert!(refusal.contains(&format!("{third} is taken")), "{refusal}");
    assert!(ask(first).is_some() && ask(second).is_some(), "a refused reload took the server away");
    assert_eq!(names(&daemon.until_locked("virtual")), ["good"]);
    drop(taken);

    // The wildcard address is in the way of the address, and the other way round.
    let everywhere = SocketAddr::from(([0, 0, 0, 0], second.port()));
    for (count, address) in [(2, everywhere), (3, second)] {
        daemon.reload(&(config.clone() + &serving(&[address])));
        until_reloaded(&daemon, count);
        assert!(ask(second).is_some(), "{address}");
        daemon.until("it does not show where it listens", |status| {
            let listen = status.ntp_server.as_ref().map(|server| &server.listen);
            listen == Some(&vec![address.to_string()])
        });
    }
    assert!(ask(first).is_none(), "still served where nobody listens any more");
    let wait = |answered| {
        daemon.until("the counter was lost", |status| {
            status.ntp_server.as_ref().is_some_and(|server| server.answered == answered)
        })
    };
    wait(7);

    daemon.reload(&config);
    until_reloaded(&daemon, 4);
    daemon.until("still shown", |status| status.ntp_server.is_none());
    assert!(ask(second).is_none());
    daemon.assert_sound();
}

#[test]
fn a_reload_that_is_asked_for_over_and_over_disturbs_nothing() {
    let good = Server::good();
    let config = VIRTUAL.to_owned() + &source("good", good.address) + &serving(&[free_address()]);
    let mut daemon = Daemon::start(&config);
    daemon.until_locked("virtual");
    let accepted = daemon.source("good").accepted;
    for _ in 0..50 {
        daemon.signal("HUP");
    }
    daemon.until("the exchanges go on", |status| status.sources[0].accepted > accepted + 2);
    let status = daemon.until_locked("virtual");
    assert_eq!(status.sources[0].state, SelectionState::Leader);
    assert!(daemon.log.count("INFO reloaded") >= 1);
    assert_eq!(daemon.threads(), 1);
    daemon.assert_sound();
}
