//! What happens next: a heap ordered by (time, number).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use clock_models::time::{Tai, Timestamp};

/// Events to come. Those of one instant come in the order in which they were planned.
#[derive(Debug)]
pub struct Events<E> {
    heap: BinaryHeap<Reverse<Planned<E>>>,
    planned: u64,
}

#[derive(Debug)]
struct Planned<E> {
    at: Timestamp<Tai>,
    number: u64,
    event: E,
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), planned: 0 }
    }
}

impl<E> Events<E> {
    /// Plans an event at a true time.
    pub fn plan(&mut self, at: Timestamp<Tai>, event: E) {
        self.planned += 1;
        self.heap.push(Reverse(Planned { at, number: self.planned, event }));
    }

    /// The next event, if its time is `due`.
    pub fn pop_if(
        &mut self,
        due: impl FnOnce(Timestamp<Tai>) -> bool,
    ) -> Option<(Timestamp<Tai>, E)> {
        let Reverse(next) = self.heap.peek()?;
        if !due(next.at) {
            return None;
        }
        self.heap.pop().map(|Reverse(planned)| (planned.at, planned.event))
    }
}

impl<E> Planned<E> {
    fn key(&self) -> (Timestamp<Tai>, u64) {
        (self.at, self.number)
    }
}

impl<E> PartialEq for Planned<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl<E> Eq for Planned<E> {}

impl<E> PartialOrd for Planned<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Planned<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_those_of_one_instant_as_they_were_planned() {
        let mut events = Events::default();
        for (second, name) in [(2, 'c'), (1, 'a'), (2, 'd'), (1, 'b'), (3, 'e')] {
            events.plan(Timestamp::from_secs(second), name);
        }
        let mut until = |second| -> String {
            let due = |at| at <= Timestamp::from_secs(second);
            std::iter::from_fn(|| events.pop_if(due)).map(|(_, name)| name).collect()
        };
        assert_eq!(until(0), "");
        assert_eq!(until(2), "abcd");
        assert_eq!(until(9), "e");
    }
}
