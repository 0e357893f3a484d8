//! What has changed of an interface, beside that it is there: its name, its speed, the PTP
//! hardware clock behind it.
//!
//! The news of the kernel tells the name alone. The rest is asked for at each piece of
//! news: a link that comes up at another speed was down in between.

use std::collections::BTreeMap;

use super::LinkEvent;

/// What is asked for of an interface; `None` of what the driver does not tell now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Facts {
    /// Mbit/s. Not told while there is no carrier.
    pub(super) speed: Option<u32>,
    /// Index of the PTP hardware clock, or that there is none.
    pub(super) phc: Option<Option<u32>>,
}

/// What was last known of each interface, by index.
#[derive(Debug, Default)]
pub(super) struct Changes {
    known: BTreeMap<u32, (String, Facts)>,
}

impl Changes {
    /// The state from which changes count.
    pub(super) fn from_now(all: impl Iterator<Item = (u32, String, Facts)>) -> Self {
        Self { known: all.map(|(index, name, facts)| (index, (name, facts))).collect() }
    }

    /// The events that `event` stands for: what has changed, and it itself at the end.
    pub(super) fn tell(
        &mut self,
        event: LinkEvent,
        look: impl FnOnce(&str) -> Facts,
    ) -> Vec<LinkEvent> {
        let mut events = Vec::new();
        match &event {
            LinkEvent::Present { name, index, .. } => {
                let now = look(name);
                let new = (name.clone(), now);
                let known = self.known.entry(*index).or_insert(new);
                if known.0 != *name {
                    let from = std::mem::replace(&mut known.0, name.clone());
                    events.push(LinkEvent::Renamed { index: *index, from, to: name.clone() });
                }
                events.extend(speed_change(*index, &mut known.1, now));
                events.extend(clock_change(*index, &mut known.1, now));
            }
            LinkEvent::Removed { index, .. } => {
                self.known.remove(index);
            }
            _ => {}
        }
        events.push(event);
        events
    }
}

/// A speed that is not told leaves the last one standing.
fn speed_change(index: u32, known: &mut Facts, now: Facts) -> Option<LinkEvent> {
    let to = now.speed?;
    let from = known.speed.replace(to)?;
    (from != to).then_some(LinkEvent::SpeedChanged { index, from, to })
}

fn clock_change(index: u32, known: &mut Facts, now: Facts) -> Option<LinkEvent> {
    let to = now.phc?;
    let from = known.phc.replace(to)?;
    (from != to).then_some(LinkEvent::ClockChanged { index, from, to })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn present(name: &str, index: u32) -> LinkEvent {
        LinkEvent::Present { name: name.to_owned(), index, running: true }
    }

    fn removed(name: &str, index: u32) -> LinkEvent {
        LinkEvent::Removed { name: name.to_owned(), index }
    }

    fn facts(speed: Option<u32>, phc: Option<u32>) -> Facts {
        Facts { speed, phc: Some(phc) }
    }

    fn changes() -> Changes {
        let eth0 = (7, "eth0".to_owned(), facts(Some(1000), Some(0)));
        Changes::from_now([eth0].into_iter())
    }

    #[test]
    fn another_name_of_the_same_index_is_a_rename() {
        let mut changes = changes();
        let events = changes.tell(present("lan", 7), |_| facts(Some(1000), Some(0)));
        let renamed = LinkEvent::Renamed { index: 7, from: "eth0".into(), to: "lan".into() };
        assert_eq!(events, [renamed, present("lan", 7)]);
        let again = changes.tell(present("lan", 7), |_| facts(Some(1000), Some(0)));
        assert_eq!(again, [present("lan", 7)], "told once");
    }

    #[test]
    fn a_speed_that_changed_while_the_link_was_down_is_told_when_it_is_up() {
        let mut changes = changes();
        let down = changes.tell(present("eth0", 7), |_| facts(None, Some(0)));
        assert_eq!(down, [present("eth0", 7)]);
        let up = changes.tell(present("eth0", 7), |_| facts(Some(100), Some(0)));
        let slower = LinkEvent::SpeedChanged { index: 7, from: 1000, to: 100 };
        assert_eq!(up, [slower, present("eth0", 7)]);
    }

    #[test]
    fn another_clock_is_told_and_a_driver_that_is_silent_is_not() {
        let mut changes = changes();
        let silent = changes.tell(present("eth0", 7), |_| Facts::default());
        assert_eq!(silent, [present("eth0", 7)]);
        for (from, to) in [(Some(0), Some(3)), (Some(3), None), (None, Some(4))] {
            let events = changes.tell(present("eth0", 7), |_| facts(None, to));
            let changed = LinkEvent::ClockChanged { index: 7, from, to };
            assert_eq!(events, [changed, present("eth0", 7)]);
        }
    }

    #[test]
    fn one_that_returns_under_another_index_is_new() {
        let mut changes = changes();
        let look = |_: &str| facts(Some(10), None);
        assert_eq!(changes.tell(removed("eth0", 7), look), [removed("eth0", 7)]);
        assert_eq!(changes.tell(present("eth0", 9), look), [present("eth0", 9)]);
        assert_eq!(changes.known.len(), 1);
    }

    proptest! {
        #[test]
        fn each_event_is_told_once_and_as_the_last(
            steps in prop::collection::vec((0u32..3, 0usize..3, any::<bool>(), 0u32..3), 0..60)
        ) {
            let mut changes = Changes::default();
            for (index, name, gone, fact) in steps {
                let name = ["a", "b", "c"][name];
                let event = if gone { removed(name, index) } else { present(name, index) };
                let events = changes.tell(event.clone(), |_| facts(Some(fact), Some(fact)));
                prop_assert_eq!(events.last(), Some(&event));
                prop_assert_eq!(events.iter().filter(|e| **e == event).count(), 1);
                prop_assert!(changes.known.len() <= 3);
            }
        }
    }
}
