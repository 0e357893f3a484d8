//! The one place where what the daemon knows is put together and shown.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use crate::status::{
    ClockStatus, EventStatus, LeapStatus, NtpServerStatus, OutputStatus, RecorderStatus,
    SourceStatus, Status, SuspendStatus,
};
use crate::suspends::Suspends;

/// Where the owners of clocks and servers put their part of the [`Status`], each only
/// its own, and from where every output takes the whole.
#[derive(Debug, Clone)]
pub struct Board {
    started: Instant,
    draft: Rc<RefCell<Status>>,
    published: watch::Sender<Arc<Status>>,
    suspends: Suspends,
}

/// A view of the board that is renewed with every publication. What was claimed before the
/// host was suspended is not seen in it any more, whether or not anybody has noticed yet.
#[derive(Debug, Clone)]
pub struct View {
    published: watch::Receiver<Arc<Status>>,
    suspends: Suspends,
}

impl View {
    /// Of what somebody publishes on a host that is suspended now and then.
    #[must_use]
    pub const fn new(published: watch::Receiver<Arc<Status>>, suspends: Suspends) -> Self {
        Self { published, suspends }
    }

    /// What is published now.
    #[must_use]
    pub fn current(&self) -> Arc<Status> {
        still_true(&self.published.borrow(), &self.suspends)
    }

    /// The same; only another publication is news then.
    #[must_use]
    pub fn take(&mut self) -> Arc<Status> {
        still_true(&self.published.borrow_and_update(), &self.suspends)
    }

    /// Waits for news. False: nobody publishes any more.
    pub async fn changed(&mut self) -> bool {
        self.published.changed().await.is_ok()
    }

    /// Nobody keeps the clocks any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.published.has_changed().is_err()
    }
}

/// A status, or what is left of it since the host was suspended.
fn still_true(status: &Arc<Status>, suspends: &Suspends) -> Arc<Status> {
    if status.suspends.count >= suspends.count() {
        return Arc::clone(status);
    }
    let mut status = Status::clone(status);
    status.withdraw(suspends.status());
    Arc::new(status)
}

impl Board {
    /// A board with nothing on it, for a daemon that starts now.
    #[must_use]
    pub fn new() -> Self {
        let status = Status { version: env!("CARGO_PKG_VERSION").to_owned(), ..Status::default() };
        let published = watch::Sender::new(Arc::new(status.clone()));
        Self {
            started: Instant::now(),
            draft: Rc::new(RefCell::new(status)),
            published,
            suspends: Suspends::none_yet(),
        }
    }

    /// A view of it.
    #[must_use]
    pub fn subscribe(&self) -> View {
        View::new(self.published.subscribe(), self.suspends.clone())
    }

    /// What is published now; see [`View`].
    #[must_use]
    pub fn current(&self) -> Arc<Status> {
        still_true(&self.published.borrow(), &self.suspends)
    }

    /// The suspends of the host, which make void what was put here before.
    #[must_use]
    pub const fn suspends(&self) -> &Suspends {
        &self.suspends
    }

    /// Puts a clock and all its sources on the board, as they were seen after so many
    /// `suspends` of the host, and publishes.
    pub fn put_clock(
        &self,
        clock: ClockStatus,
        sources: Vec<SourceStatus>,
        suspends: SuspendStatus,
    ) {
        {
            let mut draft = self.draft.borrow_mut();
            if draft.suspends.count < suspends.count {
                // The other clocks, too, are not known any more.
                draft.withdraw(suspends);
            }
            let name = clock.name.clone();
            replace(&mut draft.clocks, clock, |c| c.name.clone());
            let is_left = |old: &SourceStatus| sources.iter().any(|new| new.name == old.name);
            draft.sources.retain(|old| old.clock != name || is_left(old));
            for source in sources {
                replace(&mut draft.sources, source, |s| s.name.clone());
            }
        }
        self.publish();
    }

    /// Puts the NTP server on the board, if there is one; shown with the next publication.
    pub fn put_ntp_server(&self, server: Option<NtpServerStatus>) {
        self.draft.borrow_mut().ntp_server = server;
    }

    /// Puts an input of events on the board; shown with the next publication.
    pub fn put_event(&self, event: EventStatus) {
        replace(&mut self.draft.borrow_mut().events, event, |e| e.name.clone());
    }

    /// Takes an input of events down that is no longer configured.
    pub fn remove_event(&self, name: &str) {
        self.draft.borrow_mut().events.retain(|event| event.name != name);
    }

    /// Puts an output of pulses on the board; shown with the next publication.
    pub fn put_output(&self, output: OutputStatus) {
        replace(&mut self.draft.borrow_mut().outputs, output, |o| o.name.clone());
    }

    /// Takes an output down that is no longer configured.
    pub fn remove_output(&self, name: &str) {
        self.draft.borrow_mut().outputs.retain(|output| output.name != name);
    }

    /// Puts the recorder on the board, if there is one; shown with the next publication.
    pub fn put_recorder(&self, recorder: Option<RecorderStatus>) {
        self.draft.borrow_mut().recorder = recorder;
    }

    /// Puts the leap table on the board; shown with the next publication.
    pub fn put_leap(&self, leap: LeapStatus) {
        self.draft.borrow_mut().leap = leap;
    }

    fn publish(&self) {
        let mut draft = self.draft.borrow_mut();
        draft.uptime = self.started.elapsed().as_secs_f64();
        self.published.send_replace(Arc::new(draft.clone()));
    }
}

impl Default for Board {
    fn default() -> Self {
        Self::new()
    }
}

/// Puts an item in the place of that of its name, or at the end.
fn replace<T>(items: &mut Vec<T>, item: T, name: impl Fn(&T) -> String) {
    let wanted = name(&item);
    match items.iter_mut().find(|old| name(old) == wanted) {
        Some(old) => *old = item,
        None => items.push(item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock_models::time::Duration;
    use utcd_linux::clock::Slept;

    fn clock(name: &str, steps: u64) -> ClockStatus {
        ClockStatus { name: name.into(), steps, ..ClockStatus::default() }
    }

    #[test]
    fn clocks_keep_their_place_and_only_the_newest_is_shown() {
        let board = Board::new();
        let view = board.subscribe();
        put(&board, clock("a", 0), vec![]);
        put(&board, clock("b", 0), vec![]);
        put(&board, clock("a", 1), vec![]);
        let status = view.current();
        assert_eq!(status.clocks, [clock("a", 1), clock("b", 0)]);
    }

    /// By an owner that knows of every suspend.
    fn put(board: &Board, clock: ClockStatus, sources: Vec<SourceStatus>) {
        board.put_clock(clock, sources, board.suspends().status());
    }

    fn suspend(board: &Board) {
        let slept = Slept::now().most + Duration::from_secs(60);
        board.suspends().notice(Slept { least: slept, most: slept });
    }

    #[test]
    fn what_was_put_before_a_suspend_is_withdrawn_whoever_looks_first() {
        let board = Board::new();
        let view = board.subscribe();
        let claim = |name: &str| ClockStatus { bound: Some(1e-6), ..clock(name, 3) };
        put(&board, claim("a"), vec![]);
        put(&board, claim("b"), vec![SourceStatus::default()]);
        suspend(&board);
        for status in [view.current(), board.current()] {
            assert!(status.clocks.iter().all(|clock| clock.bound.is_none() && clock.steps == 3));
            assert!(status.sources.is_empty() && status.suspends.count == 1);
        }
        // One clock is known again, the other not yet.
        put(&board, claim("b"), vec![]);
        let bounds: Vec<_> = view.current().clocks.iter().map(|clock| clock.bound).collect();
        assert_eq!(bounds, [None, Some(1e-6)]);
    }

    #[test]
    fn what_is_put_after_a_suspend_that_its_owner_has_not_noticed_is_withdrawn_too() {
        let board = Board::new();
        let seen = board.suspends().status();
        suspend(&board);
        board.put_clock(ClockStatus { bound: Some(1e-6), ..clock("a", 0) }, vec![], seen);
        assert_eq!(board.current().clocks[0].bound, None);
    }

    #[test]
    fn sources_that_a_clock_no_longer_has_are_taken_down() {
        let source = |name: &str, clock: &str| SourceStatus {
            name: name.into(),
            clock: clock.into(),
            ..SourceStatus::default()
        };
        let names = |board: &Board| -> Vec<String> {
            board.current().sources.iter().map(|source| source.name.clone()).collect()
        };
        let board = Board::new();
        put(&board, clock("a", 0), vec![source("1", "a"), source("2", "a")]);
        put(&board, clock("b", 0), vec![source("3", "b")]);
        put(&board, clock("a", 0), vec![source("2", "a"), source("4", "a")]);
        assert_eq!(names(&board), ["2", "3", "4"]);
        // One that has moved to another clock.
        put(&board, clock("b", 0), vec![source("2", "b"), source("3", "b")]);
        put(&board, clock("a", 0), vec![]);
        assert_eq!(names(&board), ["2", "3"]);
    }
}
