use std::collections::VecDeque;

use clock_models::comparison::{Comparison, Reading, Stamp, Upstream};
use clock_models::time::Duration;
use statime::port::TimestampContext;

use crate::accuracy;
use crate::direct::Direct;
use crate::foreign_masters::{ForeignMaster, is_newer};
use crate::peer::LinkDelay;
use crate::port::PortComparison;
use crate::rejection::Rejection;
use crate::timescale::UtcOffsetMismatch;
use crate::wire::Flags;

/// Comparisons that are kept until the master may be followed: two seconds of Sync and
/// Delay_Req at the highest rate.
const KEPT: usize = 512;

/// What belongs to the selected master, and ends with it.
#[derive(Default)]
pub(crate) struct Slave {
    sync: Option<SyncReceived>,
    request: Option<DelayRequest>,
    /// The last reading to the master that has not left the port yet.
    waiting: Option<Stamped>,
    /// The last Sync made a reading to the master.
    was_returned: bool,
    /// With the peer delay mechanism: what the master's answers are worth, as neighbour.
    pub(crate) direct: Direct,
    /// The master's logMinDelayReqInterval.
    pub(crate) log_min_delay_req_interval: Option<i8>,
    pub(crate) mean_path_delay: Option<Duration>,
    pub(crate) utc_offset_mismatch: Option<UtcOffsetMismatch>,
    /// A comparison of both directions was made.
    pub(crate) calibrated: bool,
    /// Comparisons that have not left the port yet.
    pub(crate) made: VecDeque<PortComparison>,
}

/// The last Sync.
struct SyncReceived {
    sequence_id: u16,
    two_step: bool,
    stamp: Stamp,
    /// A reading was made of it.
    done: bool,
}

/// The last Delay_Req.
struct DelayRequest {
    id: u64,
    sequence_id: u16,
    /// Until the stamp comes.
    context: Option<TimestampContext>,
    stamp: Option<Stamp>,
    answered: bool,
}

/// A reading and the stamp of this clock that is in it.
#[derive(Clone, Copy)]
pub(crate) struct Stamped {
    pub(crate) reading: Reading,
    pub(crate) stamp: Stamp,
}

impl Slave {
    /// Notes a Sync. A two-step one before it that was never followed up is reported.
    ///
    /// Sequence numbers are compared only within `memory`, so that a master that counts
    /// anew is heard again.
    pub(crate) fn sync_received(
        &mut self,
        (sequence_id, flags): (u16, Flags),
        stamp: Stamp,
        memory: Duration,
    ) -> Result<Option<Rejection>, Rejection> {
        let before = self.sync.as_ref();
        let fresh = |last: &&SyncReceived| stamp.at - last.stamp.at < memory;
        if before.filter(fresh).is_some_and(|last| !is_newer(sequence_id, last.sequence_id)) {
            return Err(Rejection::Replayed);
        }
        let unfollowed = before.is_some_and(|last| last.two_step && !last.done);
        let two_step = flags.contains(Flags::TWO_STEP);
        self.sync = Some(SyncReceived { sequence_id, two_step, stamp, done: false });
        Ok(unfollowed.then_some(Rejection::FollowUpMissing))
    }

    /// Checks that a Follow_Up belongs to the last Sync, or to one still to come.
    pub(crate) fn follow_up_received(&self, sequence_id: u16) -> Result<(), Rejection> {
        let replayed = self.sync.as_ref().is_some_and(|sync| {
            let of_last = sequence_id == sync.sequence_id;
            if of_last { sync.done } else { !is_newer(sequence_id, sync.sequence_id) }
        });
        if replayed { Err(Rejection::Replayed) } else { Ok(()) }
    }

    /// The stamp of the Sync that is now complete.
    pub(crate) fn sync_completed(&mut self) -> Option<Stamp> {
        let sync = self.sync.as_mut()?;
        sync.done = true;
        Some(sync.stamp)
    }

    /// Notes a Delay_Req; what was missing of the one before it is reported.
    pub(crate) fn request_sent(
        &mut self,
        id: u64,
        sequence_id: u16,
        context: TimestampContext,
    ) -> Option<Rejection> {
        let context = Some(context);
        let request = DelayRequest { id, sequence_id, context, stamp: None, answered: false };
        let before = self.request.replace(request)?;
        match (before.stamp, before.answered) {
            (None, _) => Some(Rejection::TransmitStampMissing),
            (Some(_), false) => Some(Rejection::DelayRespMissing),
            (Some(_), true) => None,
        }
    }

    /// Notes the transmit stamp of the last request; gives the context it belongs to.
    pub(crate) fn request_stamped(
        &mut self,
        id: u64,
        stamp: Stamp,
    ) -> Result<TimestampContext, Rejection> {
        let request = self.request.as_mut().filter(|request| request.id == id);
        let request = request.ok_or(Rejection::TransmitStampLate)?;
        let context = request.context.take().ok_or(Rejection::TransmitStampLate)?;
        request.stamp = Some(stamp);
        Ok(context)
    }

    /// Notes the answer to the last request.
    pub(crate) fn request_answered(&mut self, sequence_id: u16) -> Result<(), Rejection> {
        let open =
            |request: &&mut DelayRequest| request.sequence_id == sequence_id && !request.answered;
        let request = self.request.as_mut().filter(open).ok_or(Rejection::Unsolicited)?;
        request.answered = true;
        Ok(())
    }

    /// The stamp of the request that is now complete.
    pub(crate) fn request_completed(&self) -> Option<Stamp> {
        self.request.as_ref()?.stamp
    }

    /// What leaves the port at a new reading from the master: it and the reading to the
    /// master that waited, together if they are less than `apart` from each other.
    pub(crate) fn pair(
        &mut self,
        from: Stamped,
        apart: Duration,
    ) -> impl Iterator<Item = (Option<Stamped>, Option<Stamped>)> + use<> {
        let to = self.waiting.take();
        let near = |to: &Stamped| (from.reading.at - to.reading.at).abs() < apart;
        let (paired, alone) = if to.as_ref().is_some_and(near) { (to, None) } else { (None, to) };
        self.calibrated |= paired.is_some();
        let alone = alone.map(|to| (None, Some(to)));
        alone.into_iter().chain([(Some(from), paired)])
    }

    /// With the peer delay mechanism: the reading to the master that a Sync makes, which
    /// then makes none from it. It is what the Sync showed and twice the link delay. Every
    /// second Sync does, where the link was measured since.
    ///
    /// Two readings of one Sync would share its noise, and the estimator, which takes the
    /// noise of each for its own, would claim too little.
    pub(crate) fn returned(
        &mut self,
        from: Stamped,
        link: impl FnOnce() -> Option<LinkDelay>,
    ) -> Option<Stamped> {
        let link = if self.was_returned { None } else { link() };
        self.was_returned = link.is_some();
        let link = link?;
        let difference = from.reading.difference + link.delay * 2;
        Some(Stamped {
            reading: Reading { difference, ..from.reading },
            stamp: Stamp {
                uncertainty: from.stamp.uncertainty.hypot(2.0 * link.uncertainty),
                by: from.stamp.by.min(link.by),
                ..from.stamp
            },
        })
    }

    /// Lets a new reading to the master wait for the next one from it. The one that
    /// waited in vain leaves the port alone.
    pub(crate) fn wait(&mut self, to: Stamped) -> Option<(Option<Stamped>, Option<Stamped>)> {
        self.waiting.replace(to).map(|before| (None, Some(before)))
    }

    /// Keeps a comparison until it leaves the port; the last ones if there are many.
    pub(crate) fn keep(&mut self, comparison: PortComparison) {
        if self.made.len() == KEPT {
            self.made.pop_front();
        }
        self.made.push_back(comparison);
    }
}

/// Makes a comparison of one or two readings.
pub(crate) fn comparison(
    (from, to): (Option<Stamped>, Option<Stamped>),
    master: &ForeignMaster,
) -> Option<PortComparison> {
    let stamps = || from.iter().chain(&to).map(|stamped| stamped.stamp);
    let clock_accuracy = accuracy::bound(master.announce.clock_accuracy);
    Some(PortComparison {
        comparison: Comparison {
            from_reference: from.map(|stamped| stamped.reading),
            to_reference: to.map(|stamped| stamped.reading),
            stamp_uncertainty: stamps().map(|stamp| stamp.uncertainty.powi(2)).sum::<f64>().sqrt(),
            upstream: Upstream {
                root_delay: 0.0,
                root_dispersion: clock_accuracy.unwrap_or(0.0),
                follows: master.announce.steps_removed > 0,
            },
        },
        master: master.header.source,
        clock_accuracy,
        stamped_by: stamps().map(|stamp| stamp.by).min()?,
    })
}
