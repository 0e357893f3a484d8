//! What happens next: a heap ordered by (time, number).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use clock_models::time::{Tai, Timestamp};

/// Events to come. Those of one instant come in the order in which they were planned.
#[derive(Debug)]
pub struct Events<E> {
    heap: BinaryHeap<Reverse<Planned>>,
    planned: u64,
    /// The events themselves, which the heap would move about: some hold a packet.
    slots: Vec<Option<E>>,
    free: Vec<usize>,
}

/// Ordered by its fields from the first on; no two have the same number.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Planned {
    at: Timestamp<Tai>,
    number: u64,
    slot: usize,
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), planned: 0, slots: Vec::new(), free: Vec::new() }
    }
}

impl<E> Events<E> {
    /// Plans an event at a true time.
    pub fn plan(&mut self, at: Timestamp<Tai>, event: E) {
        self.planned += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(event);
        self.heap.push(Reverse(Planned { at, number: self.planned, slot }));
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
        let Reverse(Planned { at, slot, .. }) = self.heap.pop()?;
        self.free.push(slot);
        Some((at, self.slots[slot].take()?))
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
