//! Which rounds of a keeper are recorded, and what it was told before them.

use super::{Believed, Event, Told};
use crate::discipline::ClockReading;
use crate::keeper::Keeper;
use crate::selection::SourceId;

/// What the owner of a clock has recorded of its keeper so far.
#[derive(Debug, Clone)]
pub struct Journal {
    /// How many sources must agree, until that is recorded.
    min_agreeing: Option<usize>,
    /// The sources as the keeper was told of them last.
    told: Vec<Told>,
    /// The second of the time base, the state and the leader of the last round.
    last: Option<(i128, String, Option<String>)>,
}

impl Journal {
    /// Of a keeper that begins, and follows nothing unless `min_agreeing` sources agree.
    #[must_use]
    pub const fn new(min_agreeing: usize) -> Self {
        Self { min_agreeing: Some(min_agreeing), told: Vec::new(), last: None }
    }

    /// The keeper goes on under the terms of a reloaded configuration.
    pub const fn set_min_agreeing(&mut self, min_agreeing: usize) {
        self.min_agreeing = Some(min_agreeing);
    }

    /// What is to be recorded of a round: each in which the keeper selected, after what it
    /// was told, each that came to another state or leader, and one in each second. `name`
    /// is what a source is called.
    pub fn round(
        &mut self,
        keeper: &Keeper,
        reading: ClockReading,
        believed: Believed,
        name: impl Fn(SourceId) -> String,
    ) -> Vec<Event> {
        let second = reading.base.since_epoch().floor_secs();
        let round = Some((second, believed.state.clone(), believed.leader.clone()));
        let selected = keeper.selected_at() == Some(reading.base);
        if !selected && self.last == round {
            return Vec::new();
        }
        self.last = round;
        let begun = self.min_agreeing.take().map(|min_agreeing| Event::Keeper { min_agreeing });
        let mut events: Vec<Event> = begun.into_iter().collect();
        events.extend(self.news(keeper, name));
        events.push(Event::Round(believed));
        events
    }

    /// How the sources of the keeper differ from what has been recorded of them.
    fn news(&mut self, keeper: &Keeper, name: impl Fn(SourceId) -> String) -> Vec<Event> {
        let now: Vec<Told> = keeper
            .edges()
            .iter()
            .map(|edge| Told { source: name(edge.id), edge: edge.clone() })
            .collect();
        let before = std::mem::replace(&mut self.told, now);
        let is_gone = |told: &&Told| !self.told.iter().any(|new| new.edge.id == told.edge.id);
        let gone = before
            .iter()
            .filter(is_gone)
            .map(|told| Event::Gone { source: told.source.clone(), id: told.edge.id });
        let told = self.told.iter().filter(|told| !before.contains(told));
        gone.chain(told.cloned().map(Event::Told)).collect()
    }
}
