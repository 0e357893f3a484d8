//! What a terminal shows while the daemon runs in it.

use std::io::{self, Write as _};
use std::time::Duration;

use tokio::time::sleep;

use crate::board;
use crate::logging::Tail;
use crate::render::{self, Colours};
use crate::status::ClockState;

/// The screen is renewed at most so often.
const FRAME: Duration = Duration::from_millis(500);
/// A plain line comes every so often.
const LINE: Duration = Duration::from_secs(10);
/// Alternate screen on and off, cursor off and on (xterm's DECSET 1049, DECTCEM).
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// How the status is shown.
#[derive(Debug, Clone)]
pub enum View {
    /// A screen that renews itself, with the last lines of the log.
    Live(Tail),
    /// A line for each clock now and then.
    Lines,
    /// Nothing: a service has its log.
    Quiet,
}

/// Puts the terminal right again when it goes.
struct Screen;

impl Screen {
    fn enter() -> io::Result<Self> {
        write(ENTER).map(|()| Self)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The terminal may be gone: then there is nothing to put right.
        let _ = write(LEAVE);
    }
}

/// Shows the status until the terminal is gone, or the future is dropped.
pub async fn show(view: View, status: board::View) {
    // A terminal that is gone is no reason to stop keeping time.
    let _ = match view {
        View::Live(tail) => live(&tail, status).await,
        View::Lines => lines(status).await,
        View::Quiet => Ok(()),
    };
    std::future::pending::<()>().await;
}

async fn live(tail: &Tail, mut status: board::View) -> io::Result<()> {
    let _screen = Screen::enter()?;
    loop {
        let now = status.take();
        let log = tail.lines().join("\n");
        let text = format!("{}\n{log}\nCtrl-C ends it.\n", render::screen(&now, Colours::On));
        write(&render::frame(&text))?;
        sleep(FRAME).await;
        if !status.changed().await {
            return Ok(());
        }
    }
}

async fn lines(status: board::View) -> io::Result<()> {
    loop {
        sleep(LINE).await;
        let now = status.current();
        for clock in now.clocks.iter().filter(|clock| clock.state != ClockState::FreeRunning) {
            write(&format!("{}\n", render::line(&now, clock)))?;
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
