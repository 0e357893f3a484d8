//! The transmit stamp of the last request of an NTP exchange, which comes late or never at times.

use clock_models::comparison::Stamp;
use clock_models::time::{Free, Timestamp};
use ntp::client::TransmitToken;
use utcd_linux::socket::{SendId, Sent};

use crate::missing::{STAMP_LATE, STAMP_MISSING};

/// What is awaited of the last request, and what did not come as it should.
#[derive(Debug, Default)]
pub(super) struct Departure {
    awaited: Option<Awaited>,
    missing: u64,
    late: u64,
}

/// A request whose transmit stamp is still to come.
#[derive(Debug)]
struct Awaited {
    id: Option<SendId>,
    token: TransmitToken,
    /// The best stamp so far: the program's, or the kernel's where that of the NIC is
    /// waited for.
    stamp: Stamp,
    /// Until when a stamp of the NIC is waited for, once the answer is there.
    until: Option<Timestamp<Free>>,
}

impl Departure {
    /// A request was sent. The stamp of the one before does not matter any more.
    pub(super) fn sent(&mut self, sent: Sent, token: TransmitToken) {
        let _ = self.give_up();
        self.awaited = Some(Awaited { id: sent.id, token, stamp: sent.stamp, until: None });
    }

    /// The stamp that is waited for has come.
    pub(super) fn stamped(&mut self, id: SendId) -> Option<TransmitToken> {
        let awaited = self.awaited.take_if(|awaited| awaited.id == Some(id));
        // The socket tells each stamp once: what is awaited no more was given up.
        self.late += u64::from(awaited.is_none());
        awaited.map(|awaited| awaited.token)
    }

    /// A stamp has come that will do if that of the NIC does not.
    pub(super) fn stamped_meanwhile(&mut self, id: SendId, stamp: Stamp) {
        let awaited = self.awaited.as_mut().filter(|awaited| awaited.id == Some(id));
        awaited.into_iter().for_each(|awaited| awaited.stamp = stamp);
    }

    /// The answer is there: the stamp is waited for until then.
    pub(super) fn wait_until(&mut self, until: Timestamp<Free>) {
        self.awaited.iter_mut().for_each(|awaited| awaited.until = Some(until));
    }

    /// Until when it is waited for, once that is limited.
    pub(super) fn patience(&self) -> Option<Timestamp<Free>> {
        self.awaited.as_ref()?.until
    }

    /// Waits no longer. Gives the best stamp that there is, which is worse and says so.
    pub(super) fn give_up(&mut self) -> Option<(TransmitToken, Stamp)> {
        let awaited = self.awaited.take()?;
        // Without a name there was none to come.
        self.missing += u64::from(awaited.id.is_some());
        Some((awaited.token, awaited.stamp))
    }

    /// What did not come as it should, by name.
    pub(super) fn faults(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = [(STAMP_MISSING, self.missing), (STAMP_LATE, self.late)];
        counts.into_iter().filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock_models::comparison::StampedBy;
    use ntp::client::{Client, ClientConfig};

    fn stamp(seconds: i64) -> Stamp {
        let at = Timestamp::from_secs(seconds);
        Stamp { at, uncertainty: 1e-6, by: StampedBy::UserSpace }
    }

    fn send(departure: &mut Departure, id: Option<u32>) {
        let now = Timestamp::from_secs(0);
        let mut client = Client::new(ClientConfig::default(), now).unwrap();
        let request = client.handle_timeout(now, [7, 7]).request.unwrap();
        departure.sent(Sent { id: id.map(SendId), stamp: stamp(1) }, request.token);
    }

    fn faults(departure: &Departure) -> Vec<(&'static str, u64)> {
        departure.faults().collect()
    }

    #[test]
    fn a_stamp_that_comes_in_time_is_no_fault() {
        let mut departure = Departure::default();
        for id in 0..3 {
            send(&mut departure, Some(id));
            departure.stamped_meanwhile(SendId(id), stamp(2));
            assert!(departure.stamped(SendId(id)).is_some());
            departure.stamped_meanwhile(SendId(id), stamp(2));
        }
        assert!(departure.give_up().is_none());
        assert_eq!(faults(&departure), []);
    }

    #[test]
    fn one_that_does_not_come_is_missing_and_late_if_it_comes_after_all() {
        let mut departure = Departure::default();
        send(&mut departure, Some(4));
        departure.stamped_meanwhile(SendId(4), stamp(2));
        let (_, best) = departure.give_up().unwrap();
        assert_eq!(best, stamp(2));
        assert_eq!(faults(&departure), [(STAMP_MISSING, 1)]);
        assert!(departure.stamped(SendId(4)).is_none());
        assert_eq!(faults(&departure), [(STAMP_MISSING, 1), (STAMP_LATE, 1)]);
    }

    #[test]
    fn one_that_is_still_awaited_at_the_next_request_is_missing() {
        let mut departure = Departure::default();
        send(&mut departure, Some(0));
        send(&mut departure, Some(0));
        assert_eq!(faults(&departure), [(STAMP_MISSING, 1)]);
        assert!(departure.stamped(SendId(0)).is_some());
    }

    #[test]
    fn where_none_was_to_come_none_is_missing() {
        let mut departure = Departure::default();
        send(&mut departure, None);
        send(&mut departure, None);
        let (_, best) = departure.give_up().unwrap();
        assert_eq!((best, faults(&departure)), (stamp(1), vec![]));
    }
}
