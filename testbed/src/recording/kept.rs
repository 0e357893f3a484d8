//! The rounds of a clock, replayed, against what was recorded.

use clock_models::recording::{Believed, Event, Replayed};

use crate::series::{Point, Series};

/// What became of a clock: its sources selected and combined.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kept {
    /// Its name.
    pub clock: String,
    /// Rounds of its keeper.
    pub rounds: u64,
    /// Of those, where offset, uncertainty, bound, frequency or leader differ from the
    /// recorded ones in any bit.
    pub different: u64,
    /// Of those, where another source leads.
    pub other_leader: u64,
    /// All of them.
    pub points: Vec<Round>,
}

/// A round and the recorded one.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// Since the first row, by the clock, s.
    pub time: f64,
    /// The replayed one.
    pub replayed: Believed,
    /// The recorded one.
    pub recorded: Believed,
}

impl Kept {
    /// What both rounds have of a figure, the replayed one less the recorded one.
    fn differences(&self, figure: fn(&Believed) -> Option<f64>) -> impl Iterator<Item = f64> {
        self.points
            .iter()
            .filter_map(move |round| Some(figure(&round.replayed)? - figure(&round.recorded)?))
    }

    /// Rms and largest difference of the offset, s; not a number, and 0, without any.
    #[must_use]
    pub fn offset_difference(&self) -> [f64; 2] {
        let count = self.differences(|believed| believed.offset).count() as f64;
        let squares: f64 = self.differences(|believed| believed.offset).map(|d| d * d).sum();
        let largest = self.differences(|believed| believed.offset).map(f64::abs);
        [(squares / count).sqrt(), largest.fold(0.0, f64::max)]
    }

    /// Largest difference of the expanded uncertainty against the leader, s; 0 without any.
    #[must_use]
    pub fn largest_expanded(&self) -> f64 {
        self.differences(|believed| believed.path_expanded).map(f64::abs).fold(0.0, f64::max)
    }

    /// The clock less UTC by the replayed rounds, with its uncertainty against the leader.
    /// The times rise strictly.
    #[must_use]
    pub fn series(&self) -> Series {
        let mut points: Vec<Point> = Vec::with_capacity(self.points.len());
        for Round { time, replayed, .. } in &self.points {
            let Some(offset) = replayed.offset else { continue };
            if points.last().is_none_or(|last| *time > last.time) {
                let expanded = replayed.path_expanded;
                points.push(Point { time: *time, offset, expanded, frequency: None, delay: None });
            }
        }
        Series { name: format!("clock {} replayed", self.clock), points }
    }

    pub(super) fn take(&mut self, time: f64, event: &Event, replayed: Replayed) {
        self.rounds += 1;
        self.different += u64::from(!replayed.is_as_recorded(event));
        let (Event::Round(recorded), Replayed::Round(replayed)) = (event, replayed) else { return };
        self.other_leader += u64::from(recorded.leader != replayed.leader);
        self.points.push(Round { time, replayed, recorded: recorded.clone() });
    }
}
