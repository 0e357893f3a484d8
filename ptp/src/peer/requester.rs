//! The Delay Requester of the peer delay mechanism (IEEE 1588-2019 11.4.2).

use std::collections::VecDeque;

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Duration, Free, PtpTimestamp, Tai, Timestamp};

use crate::rejection::Rejection;
use crate::wire::{Flags, Header, PdelayResp, PdelayRespFollowUp, PortIdentity};

/// Exchanges, and link delays of exchanges, that are kept for the next Sync; the last ones,
/// if there are more.
const FRESH: usize = 8;
/// What a stamp of the neighbour can hold.
const NANOSECOND: Duration = Duration::from_nanos(1);
/// How far below zero the noise of stamps may take a link or the time a request was kept.
const SLACK: Duration = Duration::from_nanos(1_000_000);
/// Beyond this rate between two exchanges (ratio) a clock was stepped.
const STEPPED: f64 = 1e-3;
/// Within this the frequency of a neighbour is that of the time base, ratio, where nothing
/// shows it: a PTP clock and an oscillator keep within 100 ppm each.
const UNKNOWN_RATE: f64 = 200e-6;

/// What exchanges with the neighbour showed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LinkDelay {
    /// meanLinkDelay.
    pub(crate) delay: Duration,
    /// Standard uncertainty of it from the stamps of this host, s.
    pub(crate) uncertainty: f64,
    /// Who took them, the least able.
    pub(crate) by: StampedBy,
}

/// One exchange with the neighbour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchanged {
    pub(crate) responder: PortIdentity,
    pub(crate) link: LinkDelay,
    /// t1 and t4.
    pub(crate) sent: Stamp,
    pub(crate) came: Stamp,
    /// t2 and t3 of the neighbour's clock, if both are told by themselves.
    pub(crate) times: Option<[Timestamp<Tai>; 2]>,
}

/// Asks, and makes link delays of the answers.
#[derive(Debug, Default)]
pub(super) struct Requester {
    exchange: Option<Exchange>,
    before: Option<Before>,
    exchanged: VecDeque<Exchanged>,
    fresh: VecDeque<LinkDelay>,
    last: Option<Duration>,
    several_responders: bool,
}

/// The last Pdelay_Req and what has come of it. Its parts may come in any order.
#[derive(Debug)]
struct Exchange {
    id: u64,
    sequence_id: u16,
    sent: Option<Stamp>,
    response: Option<Response>,
    follow_up: Option<FollowUp>,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Progress {
    Open,
    Complete,
    /// A second port has answered.
    Disputed,
}

#[derive(Debug, Clone, Copy)]
struct Response {
    responder: PortIdentity,
    came: Stamp,
    receipt: PtpTimestamp,
    correction: Duration,
    two_step: bool,
}

#[derive(Debug, Clone, Copy)]
struct FollowUp {
    responder: PortIdentity,
    origin: PtpTimestamp,
    correction: Duration,
}

/// A complete exchange, before the neighbour's rate is known.
#[derive(Debug, Clone, Copy)]
struct Shown {
    responder: PortIdentity,
    /// t1 and t4.
    sent: Stamp,
    came: Stamp,
    /// t2 of the neighbour's clock, if it tells.
    received: Option<Timestamp<Tai>>,
    /// How long it kept the request, t3 − t2, by its clock.
    kept: Duration,
    /// t2 and t3, if both are told by themselves.
    times: Option<[Timestamp<Tai>; 2]>,
}

/// Of the exchange before: what tells the neighbour's rate.
#[derive(Debug, Clone, Copy)]
struct Before {
    responder: PortIdentity,
    sent: Timestamp<Free>,
    received: Timestamp<Tai>,
}

impl Requester {
    /// Notes a Pdelay_Req; what was missing of the one before it is reported.
    pub(super) fn sent(&mut self, id: u64, sequence_id: u16) -> Option<Rejection> {
        let before = self.exchange.replace(Exchange {
            id,
            sequence_id,
            sent: None,
            response: None,
            follow_up: None,
            progress: Progress::Open,
        })?;
        match (before.progress, before.sent) {
            (Progress::Open, None) => Some(Rejection::TransmitStampMissing),
            (Progress::Open, Some(_)) => Some(Rejection::PdelayRespMissing),
            (Progress::Complete, _) => {
                self.several_responders = false;
                None
            }
            (Progress::Disputed, _) => None,
        }
    }

    /// Notes the transmit stamp of the last request; `None` for that of another message.
    pub(super) fn stamped(&mut self, id: u64, stamp: Stamp) -> Option<Result<(), Rejection>> {
        let open = |exchange: &&mut Exchange| exchange.id == id && exchange.sent.is_none();
        self.exchange.as_mut().filter(open)?.sent = Some(stamp);
        Some(self.complete())
    }

    pub(super) fn response(
        &mut self,
        header: &Header,
        response: PdelayResp,
        came: Stamp,
    ) -> Result<(), Rejection> {
        let exchange = asked(&mut self.exchange, header)?;
        match exchange.response {
            Some(first) if first.responder == header.source => return Err(Rejection::Replayed),
            Some(_) => {
                exchange.progress = Progress::Disputed;
                self.several_responders = true;
                self.forget();
                return Err(Rejection::MultipleResponders);
            }
            None => {}
        }
        exchange.response = Some(Response {
            responder: header.source,
            came,
            receipt: response.request_receipt_timestamp,
            correction: header.correction(),
            two_step: header.flags.contains(Flags::TWO_STEP),
        });
        self.complete()
    }

    pub(super) fn follow_up(
        &mut self,
        header: &Header,
        follow_up: PdelayRespFollowUp,
    ) -> Result<(), Rejection> {
        let exchange = asked(&mut self.exchange, header)?;
        let answered = exchange.response.map(|response| response.responder);
        if answered.is_some_and(|responder| responder != header.source) {
            return Err(Rejection::OtherPort);
        }
        if exchange.follow_up.is_some_and(|first| first.responder == header.source) {
            return Err(Rejection::Replayed);
        }
        exchange.follow_up = Some(FollowUp {
            responder: header.source,
            origin: follow_up.response_origin_timestamp,
            correction: header.correction(),
        });
        self.complete()
    }

    pub(super) const fn last(&self) -> Option<Duration> {
        self.last
    }

    pub(super) const fn has_several_responders(&self) -> bool {
        self.several_responders
    }

    /// The oldest exchange whose answer came until `at`, once.
    pub(super) fn exchanged(&mut self, at: Timestamp<Free>) -> Option<Exchanged> {
        self.exchanged.front().filter(|exchanged| exchanged.came.at <= at)?;
        self.exchanged.pop_front()
    }

    /// Keeps a link delay for [`Self::take`].
    pub(super) fn keep(&mut self, link: LinkDelay) {
        push(&mut self.fresh, link);
    }

    /// The mean of the link delays that were not taken yet.
    pub(super) fn take(&mut self) -> Option<LinkDelay> {
        let by = self.fresh.iter().map(|link| link.by).min()?;
        let count = self.fresh.len() as i64;
        let variance: f64 = self.fresh.iter().map(|link| link.uncertainty.powi(2)).sum();
        let delay = self.fresh.drain(..).map(|link| link.delay).sum::<Duration>() / count;
        Some(LinkDelay { delay, uncertainty: variance.sqrt() / count as f64, by })
    }

    fn forget(&mut self) {
        self.exchanged.clear();
        self.fresh.clear();
        (self.before, self.last) = (None, None);
    }

    /// Makes a link delay of the last exchange once all of it is there.
    fn complete(&mut self) -> Result<(), Rejection> {
        let Some(shown) = self.exchange.as_mut().and_then(Exchange::complete) else {
            return Ok(());
        };
        let before = self.before.take();
        let same = before.filter(|before| before.responder == shown.responder);
        if before.is_some() && same.is_none() {
            self.forget();
        }
        self.before = shown.received.map(|received| Before {
            responder: shown.responder,
            sent: shown.sent.at,
            received,
        });
        let Some((rate, doubt)) = shown.rate(same) else { return Ok(()) };
        let link = shown.link_delay(rate, doubt)?;
        self.last = Some(link.delay);
        // After a dispute one exchange must show that there is one neighbour again.
        if !self.several_responders {
            let Shown { responder, sent, came, times, .. } = shown;
            push(&mut self.exchanged, Exchanged { responder, link, sent, came, times });
        }
        Ok(())
    }
}

/// Keeps the last [`FRESH`].
fn push<T>(kept: &mut VecDeque<T>, new: T) {
    if kept.len() == FRESH {
        kept.pop_front();
    }
    kept.push_back(new);
}

/// The last request, if the message is an answer to it.
fn asked<'a>(
    exchange: &'a mut Option<Exchange>,
    header: &Header,
) -> Result<&'a mut Exchange, Rejection> {
    let asked = |exchange: &&mut Exchange| exchange.sequence_id == header.sequence_id;
    exchange.as_mut().filter(asked).ok_or(Rejection::Unsolicited)
}

impl Exchange {
    fn complete(&mut self) -> Option<Shown> {
        let (Progress::Open, Some(sent), Some(response)) =
            (self.progress, self.sent, self.response)
        else {
            return None;
        };
        let follow_up =
            self.follow_up.filter(|follow_up| follow_up.responder == response.responder);
        // What a one-step answer has to tell is in its correctionField.
        let (origin, correction) = match follow_up {
            Some(follow_up) => (follow_up.origin, follow_up.correction),
            None if response.two_step => return None,
            None => (response.receipt, Duration::ZERO),
        };
        self.progress = Progress::Complete;
        let tells = response.receipt != PtpTimestamp::default();
        Some(Shown {
            responder: response.responder,
            sent,
            came: response.came,
            received: tells.then(|| response.receipt.to_tai() - response.correction),
            kept: origin.to_tai() - response.receipt.to_tai() + response.correction + correction,
            times: follow_up.and_then(|follow_up| times(&response, &follow_up)),
        })
    }
}

/// t2 and t3 where the correctionFields have no more than what the stamps cannot hold
/// (11.4.2): whole nanoseconds may be the turnaround, or what another device kept either
/// message for, and nothing tells which.
fn times(response: &Response, follow_up: &FollowUp) -> Option<[Timestamp<Tai>; 2]> {
    let told = [response.receipt, follow_up.origin].iter().all(|&t| t != PtpTimestamp::default());
    let rest = [response.correction, follow_up.correction].iter().all(|c| c.abs() < NANOSECOND);
    let [t2, t3] = [response.receipt, follow_up.origin].map(PtpTimestamp::to_tai);
    (told && rest).then(|| [t2 - response.correction, t3 + follow_up.correction])
}

impl Shown {
    /// The rate of the neighbour against the time base (neighborRateRatio − 1) and its
    /// standard uncertainty. `None` where the next exchange will tell, or a step is in it.
    fn rate(&self, before: Option<Before>) -> Option<(f64, f64)> {
        let Some(received) = self.received else {
            return Some((0.0, UNKNOWN_RATE / 3_f64.sqrt()));
        };
        let before = before?;
        let elapsed = self.sent.at - before.sent;
        let rate = (received - before.received - elapsed).seconds() / elapsed.seconds();
        (rate.abs() < STEPPED).then_some((rate, 0.0))
    }

    /// Half of the round trip without the time that the neighbour kept it.
    fn link_delay(&self, rate: f64, doubt: f64) -> Result<LinkDelay, Rejection> {
        let kept = self.kept.seconds();
        let fast = Duration::from_seconds(kept * rate / (1.0 + rate));
        let fast = fast.ok_or(Rejection::LinkDelay)?;
        let delay = (self.came.at - self.sent.at - self.kept + fast) / 2;
        if self.kept < -SLACK || delay < -SLACK {
            return Err(Rejection::LinkDelay);
        }
        let stamps = self.sent.uncertainty.hypot(self.came.uncertainty);
        Ok(LinkDelay {
            delay,
            uncertainty: stamps.hypot(kept * doubt) / 2.0,
            by: self.sent.by.min(self.came.by),
        })
    }
}
