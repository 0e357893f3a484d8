//! How a row becomes cells.

use super::Cell;
use super::upper::upper_text;
use crate::comparison::{Reading, Upstream};
use crate::estimator::Estimate;
use crate::keeper::Edge;
use crate::recording::{Believed, Event, External};
use crate::selection::Unusable;
use crate::time::Duration;

/// Cells, written in the order of the columns.
pub(super) struct Cells(pub(super) Vec<Option<Cell>>);

impl Cells {
    pub(super) fn integer(&mut self, value: Option<i64>) {
        self.0.push(value.map(Cell::Integer));
    }

    fn float(&mut self, value: Option<f64>) {
        self.0.push(value.map(Cell::Float));
    }

    fn flag(&mut self, value: Option<bool>) {
        self.0.push(value.map(Cell::Flag));
    }

    pub(super) fn text(&mut self, value: Option<&str>) {
        self.0.push(value.map(|text| Cell::Text(text.to_owned())));
    }

    pub(super) fn time(&mut self, value: Option<Duration>) {
        // See MOST_SECONDS: it fits.
        self.integer(value.map(|time| time.floor_secs() as i64));
        self.integer(value.map(|time| time.subsec().to_bits() as i64));
    }

    fn reading(&mut self, reading: Option<Reading>) {
        self.time(reading.map(|reading| reading.at.since_epoch()));
        self.time(reading.map(|reading| reading.difference));
    }

    /// Every column of an event, whichever it is: those of others stay empty.
    pub(super) fn event(&mut self, event: &Event) {
        let (mut prior, mut compared, mut told, mut believed) = (None, None, None, None);
        let (mut gone, mut needed, mut asleep, mut external) = (None, None, None, None);
        match event {
            Event::Start { prior: known, .. } => prior = *known,
            Event::Comparison(event) => compared = Some(event),
            Event::Keeper { min_agreeing } => needed = Some(*min_agreeing),
            Event::Suspend { slept } => asleep = Some(*slept),
            Event::Told(event) => told = Some(&event.edge),
            Event::Gone { id, .. } => gone = Some(*id),
            Event::Round(event) => believed = Some(event),
            Event::External(event) => external = Some(event),
        }
        self.float(prior.map(|(frequency, _)| frequency));
        self.float(prior.map(|(_, deviation)| deviation));
        let comparison = compared.map(|compared| compared.comparison);
        self.reading(comparison.and_then(|c| c.from_reference));
        self.reading(comparison.and_then(|c| c.to_reference));
        let stamps = comparison.map(|c| c.stamp_uncertainty);
        self.float(stamps.or(told.map(|edge| edge.stamp_uncertainty)));
        self.upstream(comparison.map(|c| c.upstream).or(told.map(|edge| edge.upstream)));
        self.flag(compared.map(|compared| compared.restarted));
        let own = compared.and_then(|compared| compared.estimate.as_ref());
        self.estimate(own.or(told.and_then(|edge| edge.estimate.as_ref())));
        self.integer(told.map(|edge| edge.id).or(gone).map(|id| id.0.into()));
        self.edge(told);
        // Nobody configures 2⁶³ sources.
        self.integer(needed.map(|needed| needed as i64));
        self.float(asleep);
        self.believed(believed);
        self.external(external);
    }

    fn upstream(&mut self, upstream: Option<Upstream>) {
        self.float(upstream.map(|upstream| upstream.root_delay));
        self.float(upstream.map(|upstream| upstream.root_dispersion));
        self.flag(upstream.map(|upstream| upstream.follows));
    }

    pub(super) fn estimate(&mut self, estimate: Option<&Estimate>) {
        self.time(estimate.map(|e| e.at.since_epoch()));
        self.time(estimate.map(|e| e.offset));
        self.float(estimate.map(|e| e.offset_deviation));
        self.float(estimate.map(|e| e.frequency));
        self.float(estimate.map(|e| e.frequency_deviation));
        self.float(estimate.map(|e| e.covariance));
        self.float(estimate.map(|e| e.wander));
        self.float(estimate.map(|e| e.bound));
        self.float(estimate.map(|e| e.delay_floor));
        self.float(estimate.map(|e| e.delay_floor_deviation));
        self.float(estimate.map(|e| e.jitter));
    }

    fn edge(&mut self, edge: Option<&Edge>) {
        self.text(edge.and_then(|edge| edge.usable.err()).map(Unusable::name));
        self.integer(edge.map(|edge| edge.stratum.into()));
        self.float(edge.and_then(|edge| edge.clock_accuracy));
        let upper = edge.and_then(|edge| edge.upper.as_ref()).map(upper_text);
        self.text(upper.as_deref());
        let terms = edge.map(|edge| edge.terms);
        self.flag(terms.map(|terms| terms.prefer));
        self.flag(terms.map(|terms| terms.trust));
        self.flag(terms.map(|terms| terms.require));
        self.flag(terms.map(|terms| terms.watch_only));
        self.float(terms.and_then(|terms| terms.min_delay));
        self.float(terms.map(|terms| terms.correction));
        self.float(terms.map(|terms| terms.asymmetry_uncertainty));
        self.float(terms.map(|terms| terms.latency_uncertainty));
        let calibration = terms.and_then(|terms| terms.calibration);
        self.float(calibration.map(|(expanded, _)| expanded));
        self.float(calibration.map(|(_, factor)| factor));
    }

    fn believed(&mut self, believed: Option<&Believed>) {
        self.float(believed.and_then(|b| b.offset));
        self.float(believed.and_then(|b| b.expanded));
        self.float(believed.and_then(|b| b.bound));
        self.float(believed.and_then(|b| b.path_expanded));
        self.float(believed.and_then(|b| b.path_bound));
        self.text(believed.map(|b| b.state.as_str()));
        self.text(believed.and_then(|b| b.leader.as_deref()));
        self.float(believed.and_then(|b| b.oscillator));
        self.float(believed.map(|b| b.commanded));
    }

    /// What a keeper makes of its sources.
    pub(super) fn kept(&mut self, believed: &Believed) {
        self.float(believed.offset);
        self.float(believed.path_expanded);
        self.float(believed.path_bound);
        self.text(believed.leader.as_deref());
        self.float(believed.oscillator);
    }

    fn external(&mut self, external: Option<&External>) {
        let time = external.and_then(|e| e.time.as_ref());
        self.text(external.map(|e| e.input.as_str()));
        self.integer(external.map(|e| e.number.cast_signed()));
        self.time(time.map(|time| time.tai.since_epoch()));
        self.text(time.map(|time| time.utc.as_str()));
        self.float(time.map(|time| time.expanded));
        self.float(time.map(|time| time.bound));
        self.flag(external.map(|e| e.traceable));
    }
}
