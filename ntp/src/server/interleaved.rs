//! Interleaved mode (RFC 9769 section 2): an answer tells when the answer before it left, as
//! the kernel or the NIC stamped it. A basic answer has to state that before it leaves.

use std::collections::BTreeMap;
use std::net::IpAddr;

use clock_models::time::{NtpTimestamp, Timestamp, Utc};

use super::{Dropped, Response, ServerState, parse, timed};

/// Answers that are remembered at most: some 600 kB.
const CAPACITY: usize = 4096;
/// Answers to one address that are remembered at most. Several clients may be behind it, and
/// a packet that is lost makes a client ask for the answer before.
const PER_CLIENT: usize = 8;
/// Requests of one instant get time stamps of their own, one unit (2⁻³² s) after the other.
const SAME_INSTANT: i64 = -64;

/// Answers clients, and remembers when its answers left, for those that ask for it.
///
/// A client shows that it may by an origin time stamp that is not zero, so those in basic mode
/// that tell nothing of themselves (draft-ietf-ntp-data-minimization) take no room, and the
/// third answer to a client is the first one in interleaved mode. What is remembered is kept
/// by address and not by port, which is another one for every request (RFC 9109). It is
/// bounded; a client whose answers were forgotten is answered in basic mode.
#[derive(Debug, Default)]
pub struct Interleaved {
    /// By the address of the client and the receive time stamp that it was told.
    answers: BTreeMap<Key, Remembered>,
    /// The same, by age.
    by_age: BTreeMap<u64, Key>,
    next: u64,
}

/// The client, and the bits of the receive time stamp.
type Key = (IpAddr, u64);

#[derive(Debug)]
struct Remembered {
    age: u64,
    /// When it left, once that is known.
    transmit: Option<NtpTimestamp>,
}

/// Names an answer whose true transmit time is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departing(Key);

impl Interleaved {
    /// Answers a request that came in from `client` at `receive`, in interleaved mode where it
    /// asks for that and its last answer is remembered. Otherwise as
    /// [`respond`](super::respond).
    ///
    /// # Errors
    /// Why the packet gets no answer.
    pub fn respond(
        &mut self,
        request: &[u8],
        client: IpAddr,
        receive: Timestamp<Utc>,
        state: &ServerState,
    ) -> Result<Response, Dropped> {
        let request = parse(request)?;
        let receive = self.distinct(client, NtpTimestamp::from_utc(receive));
        let mut response = timed(&request, receive, state);
        if request.origin == NtpTimestamp::ZERO {
            return Ok(response);
        }
        let asked = (client, request.origin.to_bits());
        let known = self.answers.get(&asked).and_then(|answer| answer.transmit);
        // Where two time stamps are equal, the modes could not be told apart.
        let is_plain =
            |transmit: &NtpTimestamp| request.receive != request.transmit && receive != *transmit;
        if let Some(transmit) = known.filter(is_plain) {
            self.forget(asked);
            response.header.origin = request.receive;
            response.left_before = Some(transmit);
        }
        response.departing = Some(self.remember((client, receive.to_bits())));
        Ok(response)
    }

    /// The answer left at `transmit`, by the clock whose time it told.
    pub fn left(&mut self, Departing(key): Departing, transmit: Timestamp<Utc>) {
        let transmit = NtpTimestamp::from_utc(transmit);
        if transmit.to_bits().wrapping_sub(key.1).cast_signed() <= 0 {
            // The clock was stepped in between.
            self.forget(key);
        } else if let Some(answer) = self.answers.get_mut(&key) {
            answer.transmit = Some(transmit);
        }
    }

    /// A receive time stamp that names one answer to this client only.
    fn distinct(&mut self, client: IpAddr, receive: NtpTimestamp) -> NtpTimestamp {
        let Some((&(_, newest), _)) = self.of(client).next_back() else { return receive };
        let ahead = receive.to_bits().wrapping_sub(newest).cast_signed();
        match ahead {
            1.. => receive,
            SAME_INSTANT..=0 => NtpTimestamp::from_bits(newest.wrapping_add(1)),
            _ => {
                // The clock was set back: it may show times that it has shown before.
                let old: Vec<Key> = self.of(client).map(|(key, _)| *key).collect();
                old.into_iter().for_each(|key| self.forget(key));
                receive
            }
        }
    }

    fn of(&self, client: IpAddr) -> impl DoubleEndedIterator<Item = (&Key, &Remembered)> {
        self.answers.range((client, 0)..=(client, u64::MAX))
    }

    fn remember(&mut self, key: Key) -> Departing {
        if self.of(key.0).count() >= PER_CLIENT {
            let oldest = self.of(key.0).min_by_key(|(_, answer)| answer.age).map(|(key, _)| *key);
            oldest.into_iter().for_each(|key| self.forget(key));
        } else if self.answers.len() >= CAPACITY {
            let oldest = self.by_age.first_key_value().map(|(_, key)| *key);
            oldest.into_iter().for_each(|key| self.forget(key));
        }
        let age = self.next;
        self.next += 1;
        self.answers.insert(key, Remembered { age, transmit: None });
        self.by_age.insert(age, key);
        Departing(key)
    }

    fn forget(&mut self, key: Key) {
        if let Some(answer) = self.answers.remove(&key) {
            self.by_age.remove(&answer.age);
        }
    }
}

#[cfg(test)]
#[path = "interleaved_tests.rs"]
mod tests;
