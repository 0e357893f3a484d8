//! PTP: the master at the far end of a link, and the port here, driven as the daemon's
//! source task drives it.

use clock_models::time::{Duration, Tai, Timestamp};
use ptp::Action;
use ptp::source::LOOK_INTERVAL;
use ptp::wire::{Announce, Message};

use super::link::{self, Association, FarEnd, LinkId, PtpAssociation};
use super::{Event, Packet, Way, World};
use crate::master::{Intervals, interval};
use crate::server::{Served, TURNAROUND};

impl World {
    /// Plans what repeats itself, at any moment of its interval.
    pub(super) fn begin_ptp(&mut self, id: LinkId, now: Timestamp<Tai>) {
        let Some(Intervals { announce, sync, .. }) = self.intervals(id) else { return };
        let look = Duration::from_secs(LOOK_INTERVAL.into());
        for (interval, event) in [
            (look, Event::Look(id)),
            (interval(announce), Event::Announce(id)),
            (interval(sync), Event::Sync(id)),
        ] {
            let phase = (self.hosts[id.hop].random.bits() % 1000).cast_signed();
            self.events.plan(now + interval * phase / 1000, event);
        }
    }

    fn ptp(&mut self, id: LinkId) -> Option<&mut PtpAssociation> {
        match &mut self.link(id).association {
            Association::Ntp(_) => None,
            Association::Ptp(ptp) => Some(ptp),
        }
    }

    fn intervals(&mut self, id: LinkId) -> Option<Intervals> {
        self.ptp(id).map(|ptp| ptp.master.intervals())
    }

    /// The master announces itself, if it has a time to give.
    pub(super) fn announce(&mut self, id: LinkId, now: Timestamp<Tai>) {
        let Some(intervals) = self.intervals(id) else { return };
        self.events.plan(now + interval(intervals.announce), Event::Announce(id));
        let Some((served, announce)) = self.served(id, now).zip(self.grandmaster(id)) else {
            return;
        };
        let (announce, flags) = link::dated(announce, &served, &self.leap);
        let Some(ptp) = self.ptp(id) else { return };
        let message = ptp.master.announce(announce, flags);
        self.send(id, &message, now, now);
    }

    /// What the master of a link says of its grandmaster.
    fn grandmaster(&mut self, id: LinkId) -> Option<Announce> {
        match self.link(id).far_end {
            FarEnd::Server(_) => self.ptp(id).map(|ptp| link::grandmaster(ptp.master.identity())),
            FarEnd::Hop => self.hosts[id.hop - 1].links.first()?.passed_on(),
        }
    }

    /// The master sends a Sync, and then its time stamp.
    pub(super) fn sync(&mut self, id: LinkId, now: Timestamp<Tai>) {
        let Some(intervals) = self.intervals(id) else { return };
        self.events.plan(now + interval(intervals.sync), Event::Sync(id));
        let Some(served) = self.served(id, now) else { return };
        let Some([sync, follow_up]) = self.ptp(id).and_then(|ptp| ptp.master.sync(served.now))
        else {
            return;
        };
        self.carry(id, Way::ToHost, Packet::new(&sync.encode(), true), now, now);
        self.send(id, &follow_up, now, now + TURNAROUND);
    }

    /// The master answers a Delay_Req.
    pub(super) fn serve_ptp(
        &mut self,
        id: LinkId,
        request: &Packet,
        served: &Served,
        now: Timestamp<Tai>,
    ) {
        let Ok(request) = Message::decode(request.bytes()) else { return };
        let answer = self.ptp(id).and_then(|ptp| ptp.master.answer(&request, served.now));
        if let Some(answer) = answer {
            self.send(id, &answer, now, now + TURNAROUND);
        }
    }

    /// Sends a general message to the host.
    fn send(&mut self, id: LinkId, message: &Message, now: Timestamp<Tai>, at: Timestamp<Tai>) {
        self.carry(id, Way::ToHost, Packet::new(&message.encode(), false), now, at);
    }

    pub(super) fn wake_ptp(&mut self, id: LinkId, now: Timestamp<Tai>) {
        let base = self.hosts[id.hop].base();
        let Some(ptp) = self.ptp(id) else { return };
        ptp.source.handle_timeout(base);
        self.act(id, now);
    }

    pub(super) fn receive_ptp(&mut self, id: LinkId, packet: &Packet, now: Timestamp<Tai>) {
        let host = &mut self.hosts[id.hop];
        let base = host.base();
        let stamp = packet.event.then(|| host.stamp());
        let Association::Ptp(ptp) = &mut host.links[id.source].association else { return };
        // What is refused has been counted.
        let _ = match stamp {
            Some(stamp) => ptp.source.handle_event(packet.bytes(), stamp, base),
            None => ptp.source.handle_general(packet.bytes(), base),
        };
        self.act(id, now);
    }

    /// The reach register moves, and a silent source is reported.
    pub(super) fn look(&mut self, id: LinkId, now: Timestamp<Tai>) {
        self.hosts[id.hop].advance(now);
        let Some(ptp) = self.ptp(id) else { return };
        ptp.source.look();
        self.report(id, now);
        let again = now + Duration::from_secs(LOOK_INTERVAL.into());
        self.events.plan(again, Event::Look(id));
    }

    /// Does what the port wants done.
    fn act(&mut self, id: LinkId, now: Timestamp<Tai>) {
        while let Some(action) = self.ptp(id).and_then(|ptp| ptp.source.poll_action()) {
            match action {
                Action::SendEvent { id: transmit, bytes, .. } => {
                    self.carry(id, Way::ToServer, Packet::new(&bytes, true), now, now);
                    let stamp = self.hosts[id.hop].stamp();
                    let Some(ptp) = self.ptp(id) else { return };
                    // What is refused has been counted.
                    let _ = ptp.source.handle_transmitted(transmit, stamp);
                }
                Action::SendOneStep { bytes, .. } => {
                    self.carry(id, Way::ToServer, Packet::new(&bytes, true), now, now);
                }
                Action::SendGeneral { bytes, .. } => {
                    self.carry(id, Way::ToServer, Packet::new(&bytes, false), now, now);
                }
                Action::Compared(_) => {
                    let restarted = self.ptp(id).is_some_and(|ptp| ptp.source.restarted());
                    self.note_comparison(id, restarted);
                    self.report(id, now);
                }
                Action::MasterChanged { .. } => {
                    let prior = self.ptp(id).and_then(|ptp| ptp.source.prior());
                    self.hosts[id.hop].record_start(id.source, prior);
                    self.report(id, now);
                }
            }
        }
        self.set_timer(id, now);
    }
}
