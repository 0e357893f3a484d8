//! Interleaved mode (RFC 9769 section 2): an exchange waits until the next answer tells when
//! its own had really left.

use clock_models::comparison::Stamp;
use clock_models::time::NtpTimestamp;

use super::Rejection;
use super::check::{Form, Reply, Scale};

/// Basic answers in a row after which a server that knew the mode is taken not to know it
/// any more. One or two are due to packets that were lost.
const PATIENCE: u8 = 4;

/// An exchange of which only T3 may be missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Complete {
    pub(super) reply: Reply,
    /// T1.
    pub(super) transmit: Stamp,
    /// It was believed with the T3 that the server foretold.
    pub(super) believed: bool,
}

/// The last exchange, and what the server makes of the mode.
#[derive(Debug, Default)]
pub(super) struct Interleaving {
    held: Option<Complete>,
    /// Basic answers that are passed over. None before the first interleaved one: the time
    /// is known early, and better later.
    patience: u8,
}

/// What becomes of exchanges when one is held.
#[derive(Debug)]
pub(super) struct Holding {
    /// That one, where it is believed as it is.
    pub(super) now: Option<Complete>,
    /// Of the one before nothing will be told any more, and it was not believed.
    pub(super) lost: bool,
}

impl Interleaving {
    /// The name under which the server may remember its last answer.
    pub(super) fn named(&self) -> Option<NtpTimestamp> {
        self.held.as_ref().map(|held| held.reply.receive_time())
    }

    /// The server tells when the answer that is held had left. One that was believed before
    /// is not made again.
    pub(super) fn told(
        &mut self,
        transmit: NtpTimestamp,
        scale: &Scale<'_>,
    ) -> Option<Result<Complete, Rejection>> {
        self.patience = PATIENCE;
        let held = self.held.take().filter(|held| !held.believed)?;
        let reply = held.reply.left_at(transmit, Form::Interleaved, scale);
        Some(reply.map(|reply| Complete { reply, ..held }))
    }

    /// Keeps an exchange until the server tells more.
    pub(super) fn hold(&mut self, exchange: Complete) -> Holding {
        let is_basic = exchange.reply.is_told();
        let believed = is_basic && self.patience == 0;
        if is_basic {
            self.patience = self.patience.saturating_sub(1);
        }
        let before = self.held.replace(Complete { believed, ..exchange });
        Holding {
            now: believed.then_some(exchange),
            lost: before.is_some_and(|before| !before.believed),
        }
    }
}
