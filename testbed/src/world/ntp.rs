//! NTP exchanges, driven as the daemon's source task drives them.

use clock_models::time::{Tai, Timestamp};
use ntp::source::News;

use super::link::{Association, LinkId};
use super::{Packet, Way, World};
use crate::server::{Served, TURNAROUND};

impl World {
    pub(super) fn wake_ntp(&mut self, id: LinkId, now: Timestamp<Tai>) {
        let host = &mut self.hosts[id.hop];
        let (base, random) = (host.base(), [host.random.bits(), host.random.bits()]);
        let Association::Ntp(source) = &mut host.links[id.source].association else { return };
        if let Some(request) = source.handle_timeout(base, random).request {
            self.carry(id, Way::ToServer, Packet::new(&request.bytes, false), now, now);
            let stamp = self.hosts[id.hop].stamp();
            let Association::Ntp(source) = &mut self.link(id).association else { return };
            let news = source.handle_transmitted(request.token, stamp);
            self.note(id, news.ok().flatten());
        }
        self.report_ntp(id, now);
    }

    /// A request that is dropped, like a dead server, shows as no answer.
    pub(super) fn serve_ntp(
        &mut self,
        id: LinkId,
        request: &Packet,
        served: &Served,
        now: Timestamp<Tai>,
    ) {
        if let Ok(answer) = served.answer(request.bytes(), &self.leap) {
            self.carry(id, Way::ToHost, Packet::new(&answer, false), now, now + TURNAROUND);
        }
    }

    pub(super) fn receive_ntp(&mut self, id: LinkId, answer: &Packet, now: Timestamp<Tai>) {
        let host = &mut self.hosts[id.hop];
        let stamp = host.stamp();
        let near = self.leap.to_utc(host.clock(stamp.at)).timestamp;
        let Association::Ntp(source) = &mut host.links[id.source].association else { return };
        let news = source.handle_response(answer.bytes(), stamp, near, &self.leap);
        self.note(id, news.ok().flatten());
        self.report_ntp(id, now);
    }

    fn note(&mut self, id: LinkId, news: Option<News>) {
        let Some(news) = news else { return };
        let host = &mut self.hosts[id.hop];
        if news.begun_anew
            && let Association::Ntp(source) = &host.links[id.source].association
        {
            let prior = source.prior();
            host.record_start(id.source, prior);
        }
        self.note_comparison(id, news.restarted);
    }

    /// What the source task does after each event.
    fn report_ntp(&mut self, id: LinkId, now: Timestamp<Tai>) {
        self.set_timer(id, now);
        self.report(id, now);
    }
}
