//! The peer delay mechanism (IEEE 1588-2019 11.4): a port and its neighbour on the link.
//!
//! The neighbour may be a transparent clock, whose stamps are of any time scale, so an
//! exchange with it shows how long the link is and nothing else. See
//! [`Slave`](crate::slave::Slave) for what a Sync makes of that, and
//! [`direct`](crate::direct) for a neighbour that is the master.

mod requester;
mod responder;

use clock_models::comparison::Stamp;
use clock_models::time::{Duration, Free, Timestamp};

use crate::config::{PortConfig, interval};
use crate::rejection::Rejection;
use crate::wire::{Body, Header, Message, PdelayReq, PortIdentity};
use requester::Requester;
use responder::{Responder, in_one_step};

pub(crate) use requester::{Exchanged, LinkDelay};

/// Before any time: the first request is due when the caller first looks.
const AT_ONCE: Timestamp<Free> = Timestamp::from_epoch(Duration::from_bits(i128::MIN / 4));
/// logMessageInterval of what is not sent at an interval of the sender (table 42).
const UNSTATED: i8 = 0x7f;

/// Both ends of the mechanism: asking the neighbour, and answering it (11.4.2).
pub(crate) struct Peer {
    header: Header,
    interval: Duration,
    due: Timestamp<Free>,
    sequence_id: u16,
    requester: Requester,
    responder: Responder,
}

impl Peer {
    pub(crate) fn new(config: &PortConfig, log_min_pdelay_req_interval: i8) -> Self {
        Self {
            header: Header {
                minor_version: 1,
                domain: config.domain,
                source: config.identity(),
                log_message_interval: UNSTATED,
                ..Header::default()
            },
            interval: interval(log_min_pdelay_req_interval),
            due: AT_ONCE,
            sequence_id: 0,
            requester: Requester::default(),
            responder: Responder::default(),
        }
    }

    /// Forgets the neighbour: the link is gone.
    pub(crate) fn reset(&mut self) {
        self.due = AT_ONCE;
        self.requester = Requester::default();
        self.responder = Responder::default();
    }

    pub(crate) const fn interval(&self) -> Duration {
        self.interval
    }

    /// When the next Pdelay_Req is due.
    pub(crate) const fn due(&self) -> Timestamp<Free> {
        self.due
    }

    /// The Pdelay_Req to send under the name `id`, and what was missing of the one before.
    pub(crate) fn request(
        &mut self,
        id: u64,
        now: Timestamp<Free>,
    ) -> (Message, Option<Rejection>) {
        self.due = now + self.interval;
        self.sequence_id = self.sequence_id.wrapping_add(1);
        let missing = self.requester.sent(id, self.sequence_id);
        let header = Header { sequence_id: self.sequence_id, ..self.header };
        (Message { header, body: Body::PdelayReq(PdelayReq::default()) }, missing)
    }

    /// The Pdelay_Resp to a Pdelay_Req where one step is enough, with what the stamps of
    /// whoever sends it do not see.
    pub(crate) fn respond_in_one_step(
        &self,
        request: &Header,
        latencies: Duration,
    ) -> Result<Message, Rejection> {
        in_one_step(request, latencies, self.header)
    }

    /// The Pdelay_Resp to send in two steps under the name `id` to a Pdelay_Req, and what was
    /// missing of an earlier one.
    pub(crate) fn respond(
        &mut self,
        id: u64,
        request: &Header,
        stamp: Stamp,
    ) -> (Message, Option<Rejection>) {
        self.responder.received(id, request, stamp, self.header)
    }

    /// Takes a message for the requester.
    pub(crate) fn answered(
        &mut self,
        message: &Message,
        stamp: Option<Stamp>,
    ) -> Result<(), Rejection> {
        let (header, own) = (&message.header, self.header.source);
        let addressed =
            |to: PortIdentity| if to == own { Ok(()) } else { Err(Rejection::OtherPort) };
        match message.body {
            Body::PdelayResp(response) => {
                addressed(response.requesting_port)?;
                let stamp = stamp.ok_or(Rejection::NoReceiveStamp)?;
                self.requester.response(header, response, stamp)
            }
            Body::PdelayRespFollowUp(follow_up) => {
                addressed(follow_up.requesting_port)?;
                self.requester.follow_up(header, follow_up)
            }
            _ => Err(Rejection::MessageType),
        }
    }

    /// Takes the transmit stamp of a message of this mechanism: the Pdelay_Resp_Follow_Up
    /// to send, if it calls for one. `None` where `id` is of no message that waits.
    pub(crate) fn transmitted(
        &mut self,
        id: u64,
        stamp: Stamp,
    ) -> Option<Result<Option<Message>, Rejection>> {
        let follow_up = self.responder.stamped(id, stamp, self.header);
        follow_up
            .map(|message| message.map(Some))
            .or_else(|| self.requester.stamped(id, stamp).map(|result| result.map(|()| None)))
    }

    /// meanLinkDelay (8.2.17.2), as last measured, unfiltered.
    pub(crate) const fn mean_link_delay(&self) -> Option<Duration> {
        self.requester.last()
    }

    /// More than one port answered the last request: this is no link between two ports.
    pub(crate) const fn has_several_responders(&self) -> bool {
        self.requester.has_several_responders()
    }

    /// The oldest exchange that was over at `at`, once.
    pub(crate) fn exchanged(&mut self, at: Timestamp<Free>) -> Option<Exchanged> {
        self.requester.exchanged(at)
    }

    /// Leaves an exchange that makes no readings to [`Self::take`].
    pub(crate) fn keep(&mut self, link: LinkDelay) {
        self.requester.keep(link);
    }

    /// The mean of the kept exchanges that no Sync has taken up yet.
    pub(crate) fn take(&mut self) -> Option<LinkDelay> {
        self.requester.take()
    }
}
