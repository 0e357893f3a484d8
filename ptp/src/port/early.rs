//! The last Sync before a master announces itself.
//!
//! Announce often takes two seconds to come, and Sync one. Who waits for the Sync after the
//! first Announce waits for longer than need be.

use clock_models::comparison::Stamp;
use clock_models::time::{Free, Timestamp};

use super::Port;
use crate::rejection::Rejection;
use crate::wire::{FollowUp, Message};

/// A Sync that came while there was no master, of which nothing was used yet.
pub(super) struct EarlySync {
    sync: Message,
    stamp: Stamp,
    follow_up: Option<(Message, FollowUp)>,
    came: Timestamp<Free>,
}

impl Port {
    /// Keeps a Sync in place of the one before, which is refused now.
    pub(super) fn keep_early(&mut self, sync: Message, stamp: Stamp, came: Timestamp<Free>) {
        let before = self.early.replace(EarlySync { sync, stamp, follow_up: None, came });
        self.note(before.map(|_| Rejection::NotMaster));
    }

    /// Keeps a Follow_Up that belongs to the Sync that is kept; true if it does.
    pub(super) fn follows_early(&mut self, message: &Message, follow_up: FollowUp) -> bool {
        let belongs = |early: &&mut EarlySync| {
            let [sync, own] = [&early.sync.header, &message.header];
            (sync.source, sync.sequence_id) == (own.source, own.sequence_id)
        };
        let early = self.early.as_mut().filter(belongs);
        early.map(|early| early.follow_up = Some((*message, follow_up))).is_some()
    }

    /// Takes the Sync that is kept, once there is a master: it may be from that one.
    pub(super) fn take_early(&mut self, now: Timestamp<Free>) {
        let Some(early) = self.early.take_if(|_| self.master.is_some()) else { return };
        let result = if now - early.came < self.config.announce_receipt_timeout_interval() {
            self.sync_and_follow_up(&early)
        } else {
            Err(Rejection::NotMaster)
        };
        // It was not refused when it came; what refuses it now counts.
        self.note(result.err());
    }

    fn sync_and_follow_up(&mut self, early: &EarlySync) -> Result<(), Rejection> {
        self.sync(&early.sync, early.stamp)?;
        match &early.follow_up {
            Some((message, follow_up)) => self.follow_up(message, *follow_up),
            None => Ok(()),
        }
    }
}
