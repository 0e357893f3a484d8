//! How late the time stamps of a NIC are, as far as that is known.

use clock_models::comparison::Stamp;
use clock_models::time::Duration;
use utcd_linux::interface::speed_of;
use utcd_linux::socket::Received;

use crate::config;
use crate::interfaces::MEGABIT;
use crate::status::LatencyStatus;

/// The latencies in force (IEEE 1588-2019 7.3.4.2): they take a stamp to the instant at
/// which the message passed the connector, the reference plane.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Latency {
    /// ingressLatency: what a receive stamp is late.
    ingress: Duration,
    /// egressLatency: what a transmit stamp is early.
    egress: Duration,
    /// Expanded uncertainty (k = 2) of each, s.
    uncertainty: f64,
}

/// The link of a NIC, and what is known of its stamps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Link {
    nic: String,
    /// Mbit/s, where there is a link with a speed.
    speed: Option<u32>,
    /// `Err` says that latencies are declared, but none for this speed.
    latency: Result<Option<Latency>, String>,
}

impl Link {
    /// As it is now.
    pub(crate) fn of(nic: &str, interfaces: &[config::Interface]) -> Self {
        let speed = speed_of(nic);
        let known = interfaces.iter().find(|interface| interface.name == nic);
        let latency = known.map_or(Ok(None), |known| at_speed(known, speed));
        Self { nic: nic.to_owned(), speed, latency }
    }

    /// The NIC.
    pub(crate) fn nic(&self) -> &str {
        &self.nic
    }

    /// Why its stamps are not corrected, where latencies are declared.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.latency.as_ref().err().map(String::as_str)
    }

    /// When a message came to the connector.
    pub(crate) fn came(&self, stamp: Stamp) -> Stamp {
        self.known().map_or(stamp, |known| known.came(stamp))
    }

    /// When a message left the connector.
    pub(crate) fn left(&self, stamp: Stamp) -> Stamp {
        self.known().map_or(stamp, |known| known.left(stamp))
    }

    /// ingressLatency and egressLatency together.
    pub(crate) fn latencies(&self) -> Duration {
        self.known().map_or(Duration::ZERO, |known| known.ingress + known.egress)
    }

    /// What the end of a frame comes after its start; nothing where the link has no speed.
    pub(crate) fn frame_duration(&self, received: &Received) -> Duration {
        self.speed.map_or(Duration::ZERO, |speed| received.frame_duration(speed))
    }

    /// Expanded uncertainty (k = 2) of an offset from a stamp of what came and one of what
    /// left, s: of half of the difference of two latencies that are not known together.
    pub(crate) fn offset_uncertainty(&self) -> f64 {
        self.known().map_or(0.0, |known| known.uncertainty / 2_f64.sqrt())
    }

    /// The latencies in force.
    fn known(&self) -> Option<&Latency> {
        self.latency.as_ref().ok()?.as_ref()
    }

    /// What is to be shown of it.
    pub(crate) fn status(&self) -> Option<LatencyStatus> {
        let latency = self.known()?;
        Some(LatencyStatus {
            nic: self.nic.clone(),
            speed: self.speed.map(|speed| u64::from(speed) * MEGABIT),
            ingress: latency.ingress.seconds(),
            egress: latency.egress.seconds(),
            uncertainty: latency.uncertainty,
        })
    }

    /// It goes at another speed now.
    pub(crate) fn has_changed(&self) -> bool {
        speed_of(&self.nic) != self.speed
    }
}

fn at_speed(interface: &config::Interface, speed: Option<u32>) -> Result<Option<Latency>, String> {
    let declared = &interface.latency;
    let own = declared.iter().find(|latency| speed.is_some() && latency.speed == speed);
    let other = || declared.iter().find(|latency| latency.speed.is_none());
    match own.or_else(other) {
        Some(latency) => Ok(Some(Latency::new(latency))),
        None if declared.is_empty() => Ok(None),
        None => {
            let name = &interface.name;
            let now =
                speed.map_or_else(|| "an unknown speed".to_owned(), |s| format!("{s} Mbit/s"));
            Err(format!(
                "no latency of {name} is declared for {now}: its time stamps are not corrected; \
                 write an [[interface.latency]] for it, or one without speed"
            ))
        }
    }
}

impl Latency {
    fn new(declared: &config::Latency) -> Self {
        // The configuration has been checked: both are within a millisecond.
        let exact = |seconds| Duration::from_seconds(seconds).unwrap_or(Duration::ZERO);
        Self {
            ingress: exact(declared.ingress),
            egress: exact(declared.egress),
            uncertainty: declared.uncertainty,
        }
    }

    fn came(&self, stamp: Stamp) -> Stamp {
        Stamp { at: stamp.at - self.ingress, ..stamp }
    }

    fn left(&self, stamp: Stamp) -> Stamp {
        Stamp { at: stamp.at + self.egress, ..stamp }
    }
}

#[cfg(test)]
mod tests {
    use clock_models::comparison::StampedBy;
    use clock_models::time::Timestamp;

    use super::*;

    fn declared(latencies: &[(Option<u32>, f64)]) -> config::Interface {
        let latency = |&(speed, ingress)| config::Latency {
            speed,
            ingress,
            egress: 100e-9,
            uncertainty: 20e-9,
        };
        let latency = latencies.iter().map(latency).collect();
        config::Interface { name: "eth0".to_owned(), latency }
    }

    fn link(latency: Result<Option<Latency>, String>) -> Link {
        Link { nic: "eth0".to_owned(), speed: Some(1000), latency }
    }

    #[test]
    fn stamps_are_taken_to_the_connector() {
        let link = link(at_speed(&declared(&[(None, 300e-9)]), None));
        let at = Timestamp::from_secs(5);
        let stamp = Stamp { at, uncertainty: 4e-9, by: StampedBy::Hardware };
        // It came before it was stamped, and left after.
        assert!(((at - link.came(stamp).at).seconds() - 300e-9).abs() < 1e-15);
        assert!(((link.left(stamp).at - at).seconds() - 100e-9).abs() < 1e-15);
        assert!((link.offset_uncertainty() - 14.142e-9).abs() < 1e-12);
        // What came and is answered was here from the one to the other.
        assert_eq!(link.latencies(), link.left(stamp).at - link.came(stamp).at);
    }

    #[test]
    fn the_speed_of_the_link_chooses_and_one_without_speed_stands_for_the_others() {
        let both = declared(&[(Some(1000), 300e-9), (None, 500e-9), (Some(100), 2e-6)]);
        let ingress = |interface: &config::Interface, speed| {
            at_speed(interface, speed).map(|latency| latency.unwrap().ingress.seconds())
        };
        for (speed, expected) in
            [(Some(1000), 300e-9), (Some(100), 2e-6), (Some(2500), 500e-9), (None, 500e-9)]
        {
            let ingress = ingress(&both, speed).unwrap();
            assert!((ingress - expected).abs() < 1e-15, "{speed:?} {ingress:e}");
        }
        let one = declared(&[(Some(1000), 300e-9)]);
        assert!(ingress(&one, Some(1000)).is_ok());
        let missing = ingress(&one, Some(100)).unwrap_err();
        assert!(missing.starts_with("no latency of eth0 is declared for 100 Mbit/s"), "{missing}");
        let unknown = ingress(&one, None).unwrap_err();
        assert!(unknown.contains("an unknown speed"), "{unknown}");
        assert_eq!(at_speed(&declared(&[]), Some(1000)), Ok(None));
    }

    #[test]
    fn without_a_latency_for_the_speed_stamps_stay_as_they_are() {
        let link = link(at_speed(&declared(&[(Some(100), 300e-9)]), Some(1000)));
        let at = Timestamp::from_secs(5);
        let stamp = Stamp { at, uncertainty: 4e-9, by: StampedBy::Hardware };
        assert_eq!((link.came(stamp), link.left(stamp)), (stamp, stamp));
        assert_eq!((link.offset_uncertainty(), link.status()), (0.0, None));
        assert!(link.trouble().is_some());
    }

    #[test]
    fn an_interface_of_which_nothing_is_declared_is_not_corrected() {
        let link = Link::of("lo", &[declared(&[(None, 300e-9)])]);
        assert_eq!((&link.latency, link.status()), (&Ok(None), None));
        assert!(!link.has_changed());
    }
}
