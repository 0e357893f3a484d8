//! Network interfaces, and the ports on which servers listen.

use super::Checker;
use crate::config::defaults::PTP_EVENT_PORT;
use crate::config::schema::{Interface, NtpServer, PtpTransport};

impl Checker<'_, '_> {
    pub(super) fn interfaces(&mut self) {
        let interfaces = &self.config.interfaces;
        for (i, interface) in interfaces.iter().enumerate() {
            let at = format!("interface.{i}");
            let before = interfaces.get(..i).unwrap_or_default();
            if before.iter().any(|other| other.name == interface.name) {
                let what = format!("the interface {:?} is described twice", interface.name);
                self.refuse(&at, "name", what, "put its latencies into one section");
            }
            self.latencies(interface, &at);
        }
    }

    fn latencies(&mut self, interface: &Interface, at: &str) {
        for (i, latency) in interface.latency.iter().enumerate() {
            let before = interface.latency.get(..i).unwrap_or_default();
            if before.iter().any(|other| other.speed == latency.speed) {
                let what = "there are two latencies for this speed";
                self.refuse(&format!("{at}.latency.{i}"), "speed", what, "keep one of them");
            }
        }
    }

    /// A PTP source hears its interface, which the kernel holds for nearer than a server of
    /// all addresses.
    pub(super) fn ptp_port(&mut self, server: &NtpServer) {
        let all =
            server.ptp_listen.iter().flatten().filter(|address| {
                address.ip().is_unspecified() && address.port() == PTP_EVENT_PORT
            });
        for address in all {
            let transport = match address.is_ipv4() {
                true => PtpTransport::UdpIpv4,
                false => PtpTransport::UdpIpv6,
            };
            let ptp = self.config.sources.ptp.iter().find(|ptp| ptp.transport == transport);
            if let Some(ptp) = ptp {
                let what = format!(
                    "requests that come by {} would go to the PTP source {:?}, on the same port",
                    ptp.interface, ptp.common.name
                );
                let help = format!("name the address of {} to listen on", ptp.interface);
                self.refuse("serve.ntp", "ptp-listen", what, help);
            }
        }
    }
}
