//! Times that another program has stamped by the system clock.

use clock_models::comparison::StampedBy;
use clock_models::time::{Duration, Timestamp, Utc, UtcReading};
use utcd_linux::clock::{ATTEMPTS, Conversion, cross_read};

use super::marks::{Mark, Marks};
use super::{Context, stamps};

/// The samples of one program, and what came of them.
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) context: Context,
    pub(super) marks: Marks,
    terms: Terms,
    conversion: Conversion,
}

/// What the operator says of the samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// Expanded uncertainty (k = 2), s.
    pub(super) uncertainty: f64,
    /// How late they are, s.
    pub(super) delay: f64,
    /// Within this the delay is right, to either side, s.
    pub(super) delay_uncertainty: f64,
}

impl Samples {
    pub(super) fn new(context: Context, terms: Terms) -> Self {
        let marks = Marks::new(&context);
        let conversion = Conversion::new(cross_read(ATTEMPTS));
        Self { context, marks, terms, conversion }
    }

    /// Takes in that it was `time` when the system clock showed `stamp`, which is not long
    /// ago.
    pub(super) fn take(&mut self, stamp: Timestamp<Utc>, time: Timestamp<Utc>) {
        let Some(stamp) = self.conversion.convert(stamp, &cross_read(ATTEMPTS)) else {
            return self.marks.refuse("no-stamp", 1);
        };
        let stamp = self.context.stamp(stamp);
        let utc = UtcReading { timestamp: time, in_leap_second: false };
        let time = self.context.leap.borrow().to_tai(utc);
        let delay = Duration::from_seconds(self.terms.delay).unwrap_or(Duration::ZERO);
        let uncertainty = stamp.uncertainty.hypot(self.terms.uncertainty / 2.0);
        let half_width = self.terms.delay_uncertainty;
        let mark = Mark { at: stamp.at - delay, time, uncertainty, half_width };
        self.marks.take(&mut self.context, mark);
        self.marks.trouble.over(&self.context.name);
    }

    /// Counts and says what went wrong.
    pub(super) fn note(&mut self, name: &str, text: String) {
        self.marks.trouble.note(&self.context.name, name, text);
    }

    pub(super) fn report(&self, protocol: &str, place: &str) {
        let stamped_by = stamps(StampedBy::UserSpace);
        let words = [protocol, place, stamped_by.as_str()];
        self.context.report(self.marks.report(&self.context, words, None));
    }
}
