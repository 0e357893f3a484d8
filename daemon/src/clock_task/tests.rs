use clock_models::time;
use utcd_linux::clock::Slept;

use super::*;
use crate::suspends::Suspends;

/// Of a virtual clock, on a board of its own.
fn owner() -> ClockTask {
    let leap = Rc::new(RefCell::new(LeapTable::built_in()));
    let clock = HostClock::virtual_clock(0.0, 0.0, Rc::clone(&leap));
    ClockTask::new(
        config::Clock { clock_type: config::ClockType::Virtual, ..config::Clock::default() },
        Rc::new(RefCell::new(clock)),
        leap,
        Board::new(),
        SharedAccount::new(Suspends::none_yet()),
        None,
        Rc::new(Cell::new(Instant::now())),
    )
}

#[test]
fn a_clock_that_was_not_tried_in_a_suspend_is_not_said_to_be_steered_again() {
    let mut owner = owner();
    owner.refused(Some(ClockError::Gone { what: "step it" }));
    let slept = Slept::now().most + time::Duration::from_secs(60);
    owner.board.suspends().notice(Slept { least: slept, most: slept });
    assert!(owner.notice_suspend());
    assert!(owner.refusal.is_some());
}
