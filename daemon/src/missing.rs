//! Time stamps that a NIC was to take, and did not.
//!
//! One or two are lost on a busy NIC. Where none comes any more it was reset, most often, and
//! has forgotten what it was to stamp; nothing else tells.

/// The names that transmit stamps are counted under which did not come as they should: never,
/// or not before they were given up,
pub(crate) const STAMP_MISSING: &str = "transmit-stamp-missing";
/// after they were given up,
pub(crate) const STAMP_LATE: &str = "transmit-stamp-late";
/// or of no message that was awaited: twice, after many others, or after a message that could
/// not be sent.
pub(crate) const STAMP_UNMATCHED: &str = "transmit-stamp-unmatched";

/// How many are missed in a row before the NIC is asked for them anew. Doubled each time, since
/// some drivers take the link down for a moment when they are asked.
const PATIENCE: u32 = 4;

/// What has been missed since the last stamp, each way.
#[derive(Debug)]
pub(crate) struct Missing {
    received: u32,
    sent: u32,
    patience: u32,
}

impl Missing {
    pub(crate) const fn none() -> Self {
        Self { received: 0, sent: 0, patience: PATIENCE }
    }

    /// A message came with its stamp, or without one that it should have.
    pub(crate) const fn received(&mut self, stamped: bool) {
        self.received = if stamped { 0 } else { self.received.saturating_add(1) };
    }

    /// A message was sent: its stamp is missed until one comes.
    pub(crate) const fn sent(&mut self) {
        self.sent = self.sent.saturating_add(1);
    }

    /// A stamp of a message that was sent.
    pub(crate) const fn transmitted(&mut self) {
        self.sent = 0;
    }

    /// True if the NIC is to be asked now. To be called now and then.
    pub(crate) fn is_to_be_asked(&mut self) -> bool {
        let missed = self.received.max(self.sent);
        if missed == 0 {
            self.patience = PATIENCE;
        }
        let asked = missed >= self.patience;
        if asked {
            self.patience = missed.saturating_mul(2);
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(missed: u32) -> Missing {
        let mut missing = Missing::none();
        (0..missed).for_each(|_| missing.received(false));
        missing
    }

    #[test]
    fn a_few_that_are_lost_are_nothing() {
        assert!(!after(PATIENCE - 1).is_to_be_asked());
        let mut missing = after(PATIENCE);
        missing.received(true);
        assert!(!missing.is_to_be_asked());
    }

    #[test]
    fn the_nic_is_asked_ever_more_patiently_until_a_stamp_comes() {
        let mut missing = Missing::none();
        let asked = |missing: &mut Missing| {
            missing.sent();
            missing.is_to_be_asked()
        };
        let times: Vec<u32> = (1..=100).filter(|_| asked(&mut missing)).collect();
        assert_eq!(times, [4, 8, 16, 32, 64]);
        missing.transmitted();
        assert!(!missing.is_to_be_asked());
        let times: Vec<u32> = (1..=10).filter(|_| asked(&mut missing)).collect();
        assert_eq!(times, [4, 8], "it begins anew");
    }

    #[test]
    fn stamps_of_what_goes_do_not_hide_that_those_of_what_comes_are_missing() {
        let mut missing = after(PATIENCE);
        missing.sent();
        missing.transmitted();
        assert!(missing.is_to_be_asked());
    }
}
