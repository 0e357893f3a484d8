//! The same keeper over the same sources.

use std::collections::BTreeMap;

use super::{Believed, Row};
use crate::discipline::{ClockReading, Discipline};
use crate::keeper::{Edge, Keeper};
use crate::selection::SourceId;

/// A keeper that selects and combines as the recorded one did, but commands nothing: the
/// clock shows what it showed.
#[derive(Debug, Clone)]
pub(super) struct Rekept {
    keeper: Keeper,
    edges: BTreeMap<SourceId, Edge>,
    /// What the sources are called, also those that are gone.
    names: BTreeMap<SourceId, String>,
}

impl Rekept {
    pub(super) fn new(min_agreeing: usize) -> Self {
        Self {
            keeper: Keeper::new(Discipline::observer(), min_agreeing),
            edges: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// See [`Keeper::set_min_agreeing`].
    pub(super) fn set_min_agreeing(&mut self, min_agreeing: usize) {
        self.keeper.set_min_agreeing(min_agreeing);
    }

    /// A source stands otherwise.
    pub(super) fn tell(&mut self, source: &str, edge: Edge) {
        self.names.entry(edge.id).or_insert_with(|| source.to_owned());
        self.edges.insert(edge.id, edge);
    }

    /// A source is no longer there.
    pub(super) fn forget(&mut self, id: SourceId) {
        self.edges.remove(&id);
    }

    /// A round, when the clock was read as the row says.
    pub(super) fn round(&mut self, row: &Row, recorded: &Believed) -> Believed {
        let reading = ClockReading { base: row.at, time: row.shown };
        let edges: Vec<Edge> = self.edges.values().cloned().collect();
        let tick = self.keeper.round(reading, recorded.commanded, &edges);
        let leader = self.keeper.leader().and_then(|leader| self.names.get(&leader.id).cloned());
        Believed { leader, ..Believed::of(&self.keeper, reading, &tick) }
    }
}
