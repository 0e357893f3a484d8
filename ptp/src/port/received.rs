//! What a port does with the messages that it receives (9.5).

use clock_models::comparison::Stamp;
use clock_models::time::{Free, Timestamp};

use super::{Action, Port, next};
use crate::config::PdelayAnswer;
use crate::engine;
use crate::rejection::Rejection;
use crate::transport::Group;
use crate::wire::{Announce, Body, DelayResp, Flags, FollowUp, Header, Message};

impl Port {
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        stamp: Option<Stamp>,
        now: Timestamp<Free>,
    ) -> Result<(), Rejection> {
        if !self.link_up {
            return Err(Rejection::LinkDown);
        }
        let message = Message::decode(bytes)?;
        self.check_header(&message.header)?;
        match &message.body {
            Body::Announce(announce) => self.announce(message.header, *announce, now),
            Body::Sync(_) => {
                let stamp = stamp.ok_or(Rejection::NoReceiveStamp)?;
                if self.master.is_none() {
                    self.keep_early(message, stamp, now);
                    return Ok(());
                }
                self.sync(&message, stamp)
            }
            Body::FollowUp(follow_up) if self.follows_early(&message, *follow_up) => Ok(()),
            Body::FollowUp(follow_up) => self.follow_up(&message, *follow_up),
            Body::PdelayReq(_) => self.pdelay_req(&message.header, stamp),
            Body::PdelayResp(_) | Body::PdelayRespFollowUp(_) => self.pdelay_resp(&message, stamp),
            Body::DelayReq(_) | Body::DelayResp(_) if self.peer.is_some() => {
                Err(Rejection::MessageType)
            }
            Body::DelayResp(response) => self.delay_resp(&message, *response, now),
            Body::DelayReq(_) => Err(Rejection::OtherPort),
        }
    }

    fn check_header(&self, header: &Header) -> Result<(), Rejection> {
        if header.sdo_id != 0 {
            Err(Rejection::SdoId)
        } else if header.domain != self.config.domain {
            Err(Rejection::Domain)
        } else if header.source.clock == self.config.clock_identity {
            Err(Rejection::OwnMessage)
        } else if header.flags.contains(Flags::ALTERNATE_MASTER) {
            Err(Rejection::AlternateMaster)
        } else {
            Ok(())
        }
    }

    fn check_master(&self, header: &Header) -> Result<(), Rejection> {
        if Some(header.source) == self.master { Ok(()) } else { Err(Rejection::NotMaster) }
    }

    fn announce(
        &mut self,
        header: Header,
        announce: Announce,
        now: Timestamp<Free>,
    ) -> Result<(), Rejection> {
        if announce.steps_removed >= 255 {
            return Err(Rejection::StepsRemoved);
        }
        if announce.grandmaster_identity == self.config.clock_identity {
            return Err(Rejection::OwnGrandmaster);
        }
        if self.foreign_masters.hear(header, announce, now)? {
            self.decide(now);
        }
        Ok(())
    }

    pub(super) fn sync(&mut self, message: &Message, stamp: Stamp) -> Result<(), Rejection> {
        self.check_master(&message.header)?;
        let time = engine::time(stamp.at).ok_or(Rejection::TimeStamp)?;
        let memory = self.config.announce_receipt_timeout_interval();
        let header = (message.header.sequence_id, message.header.flags);
        let unfollowed = self.slave.sync_received(header, stamp, memory)?;
        self.note(unfollowed);
        self.engine.event(message, time);
        self.measure()
    }

    pub(super) fn follow_up(
        &mut self,
        message: &Message,
        follow_up: FollowUp,
    ) -> Result<(), Rejection> {
        self.check_master(&message.header)?;
        let sent = follow_up.precise_origin_timestamp.to_tai() + message.header.correction();
        if sent < Timestamp::EPOCH {
            return Err(Rejection::TimeStamp);
        }
        self.slave.follow_up_received(message.header.sequence_id)?;
        self.engine.general(message);
        self.measure()
    }

    fn delay_resp(
        &mut self,
        message: &Message,
        response: DelayResp,
        now: Timestamp<Free>,
    ) -> Result<(), Rejection> {
        if response.requesting_port != self.identity() {
            return Err(Rejection::OtherPort);
        }
        self.check_master(&message.header)?;
        let received = response.receive_timestamp.to_tai() - message.header.correction();
        if received < Timestamp::EPOCH {
            return Err(Rejection::TimeStamp);
        }
        self.slave.request_answered(message.header.sequence_id)?;
        self.take_delay_req_interval(message.header.log_message_interval, now);
        self.engine.general(message);
        self.measure()
    }

    fn pdelay_req(&mut self, request: &Header, stamp: Option<Stamp>) -> Result<(), Rejection> {
        let peer = self.peer.as_mut().ok_or(Rejection::MessageType)?;
        // Where the answer takes one step, who sends it has no stamp either of what has none.
        let stamp = stamp.ok_or(Rejection::NoReceiveStamp)?;
        match self.pdelay_answer {
            PdelayAnswer::OneStep { latencies } => {
                let bytes = peer.respond_in_one_step(request, latencies)?.encode();
                self.actions.push_back(Action::SendOneStep { to: Group::Pdelay, bytes });
            }
            PdelayAnswer::TwoStep => {
                let id = next(&mut self.transmitted);
                let (response, missing) = peer.respond(id, request, stamp);
                self.note(missing);
                self.send(id, Group::Pdelay, &response);
            }
        }
        Ok(())
    }

    fn pdelay_resp(&mut self, message: &Message, stamp: Option<Stamp>) -> Result<(), Rejection> {
        self.peer.as_mut().ok_or(Rejection::MessageType)?.answered(message, stamp)
    }
}
