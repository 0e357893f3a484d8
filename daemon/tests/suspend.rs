//! A suspend of the host, which is told to a daemon in this very process: the clocks of the
//! kernel cannot be made to say that they slept.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod common;

use std::time::{Duration as Wait, Instant};

use clock_models::recording::{Event, Row};
use clock_models::time::Duration;
use common::ntp::{Server, ask};
use common::record::record_in;
use common::recordings::{assert_reproduced, rows};
use common::{Directory, PATIENCE, VIRTUAL, free_address, patiently, source};
use ntp::packet::LeapIndicator;
use tokio::runtime;
use tokio::task::{LocalSet, spawn_blocking, spawn_local};
use tokio::time::sleep;
use utcd::board::Board;
use utcd::config::Config;
use utcd::daemon::Daemon;
use utcd::status::{ClockState, ClockStatus, Status};
use utcd_linux::clock::Slept;

/// How long the host is told to have slept, s.
const SLEPT: f64 = 90.0;

/// Waits until what is published is as wanted.
async fn until(board: &Board, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
    let start = Instant::now();
    loop {
        let status = board.current();
        if wanted(&status) {
            return Status::clone(&status);
        }
        assert!(start.elapsed() < PATIENCE, "{what}: {status:#?}");
        sleep(Wait::from_millis(50)).await;
    }
}

fn is_locked(status: &Status) -> bool {
    status.clocks.iter().all(|clock| clock.state == ClockState::Locked)
}

/// The clocks of the kernel say that it slept.
fn suspend(board: &Board) {
    let slept = Slept::now().most + Duration::from_seconds(SLEPT).unwrap();
    board.suspends().notice(Slept { least: slept, most: slept });
}

fn assert_claims_nothing(clock: &ClockStatus) {
    assert_eq!(clock.state, ClockState::Unsynchronised);
    assert_eq!((clock.offset, clock.uncertainty, clock.bound), (None, None, None));
    assert!(!clock.traceable && clock.chain.is_empty() && clock.stratum == 16, "{clock:?}");
}

#[test]
fn nothing_of_before_is_claimed_and_everything_begins_anew() {
    let (server, directory) = (Server::good(), Directory::new());
    let (place, serves) = (directory.join("record"), free_address());
    let text = format!(
        "{VIRTUAL}{}{}[serve.ntp]\nlisten = [\"{serves}\"]\n[metrics]\nlisten = \"none\"\n\
         [leap-seconds]\nfile = \"none\"\n",
        source("ntp", server.address),
        record_in(&place)
    );
    let file = directory.join("utcd.toml");
    std::fs::write(&file, text).unwrap();
    let config = Config::load(&file).unwrap();
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let daemon = Daemon::start(config, None, directory.join("control.sock")).await.unwrap();
        let board = daemon.board().clone();
        let mut view = board.subscribe();
        let running = spawn_local(daemon.run());
        until(&board, "it is not locked", is_locked).await;
        // The frequency is remembered every second.
        sleep(Wait::from_secs(2)).await;

        suspend(&board);
        // Nobody has run since, and so nobody can have noticed.
        for status in [board.current(), view.current(), view.take()] {
            assert_claims_nothing(&status.clocks[0]);
            assert_eq!((status.sources.len(), status.suspends.count), (0, 1));
        }
        let answer = spawn_blocking(move || ask(serves)).await.unwrap().unwrap();
        assert_eq!(answer.leap, LeapIndicator::Unsynchronised);
        assert_claims_nothing(&board.current().clocks[0]);

        let status = until(&board, "it is not locked again", is_locked).await;
        let clock = &status.clocks[0];
        assert_eq!(clock.leader.as_deref(), Some("ntp"));
        // A virtual clock goes on by what the host says that it slept, which it did not.
        assert_eq!((clock.steps, clock.interference), (1, 0));
        assert!((status.suspends.seconds - SLEPT).abs() < 1.0, "{:?}", status.suspends);
        running.abort();
    });

    let is_whole = || {
        let rows = rows(&place);
        rows.iter().any(|row| is_locked_again(&rows, row)).then_some(rows)
    };
    let rows = patiently("the recording does not go on", is_whole, String::new);
    assert_reproduced(&rows);
    let slept: Vec<f64> = rows.iter().filter_map(slept).collect();
    assert!(slept.len() == 1 && (slept[0] - SLEPT).abs() < 1.0, "{slept:?}");
    let priors: Vec<_> = rows.iter().filter_map(prior).collect();
    assert!(priors[0].is_none() && priors.last().unwrap().is_some(), "{priors:?}");
}

fn slept(row: &Row) -> Option<f64> {
    if let Event::Suspend { slept } = row.event { Some(slept) } else { None }
}

fn prior(row: &Row) -> Option<Option<(f64, f64)>> {
    if let Event::Start { prior, .. } = row.event { Some(prior) } else { None }
}

/// A round after the suspend that came to be locked.
fn is_locked_again(rows: &[Row], row: &Row) -> bool {
    let suspend = rows.iter().find(|row| slept(row).is_some());
    let is_after = suspend.is_some_and(|suspend| row.number > suspend.number);
    is_after && matches!(&row.event, Event::Round(round) if round.state == "locked")
}
