//! What the network interfaces of this host can stamp, and do: for `utcctl interfaces`,
//! which asks the kernel itself.

use serde::Serialize;
use utcd_linux::interface::{
    Abilities, FilterSet, InForce, Interface, InterfaceError, Purpose, RxFilter, TxType,
};

use crate::status::{LatencyStatus, PdelayRespStatus, Status};

/// bit/s in the kernel's unit of speed.
pub(crate) const MEGABIT: u64 = 1_000_000;

/// A network interface.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InterfaceStatus {
    /// Its name.
    pub name: String,
    /// The NIC that stamps, where that is another one: below a VLAN, bond or macvlan.
    pub nic: Option<String>,
    /// The driver of the NIC.
    pub driver: Option<String>,
    /// Index of the PTP hardware clock, N of `/dev/ptpN`.
    pub phc: Option<u32>,
    /// The administrator wants it up.
    pub up: bool,
    /// It is up and has a carrier.
    pub running: bool,
    /// bit/s, where there is a link with a speed.
    pub speed: Option<u64>,
    /// How the NIC can stamp what goes, in the words of `ethtool -T`.
    pub transmit: Vec<String>,
    /// What the NIC can stamp of all that comes, in the words of `ethtool -T`.
    pub receive: Vec<String>,
    /// The NIC can write the time into Sync messages as they leave.
    pub one_step: bool,
    /// What it stamps now.
    pub in_force: Option<StampsInForce>,
    /// Who stamps NTP.
    pub ntp: StampsOf,
    /// Who stamps PTP over UDP.
    pub ptp_udp: StampsOf,
    /// Who stamps PTP over Ethernet.
    pub ptp_ethernet: StampsOf,
    /// Why it is so, in words.
    pub reason: String,
    /// The latencies that the daemon corrects its stamps by; `None` where none are declared
    /// for its speed, or no daemon has told.
    pub latency: Option<LatencyStatus>,
}

/// What a NIC stamps now, in the words of `ethtool -T`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StampsInForce {
    /// Of what goes.
    pub transmit: String,
    /// Of what comes.
    pub receive: String,
}

/// Who stamps the messages of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StampsOf {
    /// The NIC, as it is set up now.
    Hardware,
    /// The NIC, once a program asks for it.
    HardwareOnRequest,
    /// The kernel, as packets pass the driver.
    Kernel,
    /// The program: the driver does not let the kernel stamp what goes.
    Program,
}

impl StampsOf {
    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::HardwareOnRequest => "on request",
            Self::Kernel => "kernel",
            Self::Program => "program",
        }
    }
}

/// All interfaces, in the order of their index. What cannot be learnt is left out.
///
/// # Errors
/// The kernel does not say what interfaces there are.
pub fn interfaces() -> Result<Vec<InterfaceStatus>, InterfaceError> {
    Ok(Interface::all()?.iter().map(look).collect())
}

fn look(interface: &Interface) -> InterfaceStatus {
    let abilities = interface.abilities().unwrap_or_default();
    let in_force = interface.in_force().ok();
    let stamps = |purpose| stamps_of(purpose, &abilities, in_force);
    let speed = interface.speed().ok().flatten().filter(|_| interface.running);
    InterfaceStatus {
        name: interface.name.clone(),
        nic: Some(interface.nic()).filter(|nic| *nic != interface.name),
        driver: interface.driver().ok().filter(|driver| !driver.is_empty()),
        phc: abilities.phc,
        up: interface.up,
        running: interface.running,
        speed: speed.map(|speed| u64::from(speed) * MEGABIT),
        transmit: abilities.transmit.iter().map(|transmit| transmit.to_string()).collect(),
        receive: abilities.receive.iter().map(|filter| filter.to_string()).collect(),
        one_step: abilities.transmit.contains(TxType::ONE_STEP_SYNC),
        in_force: in_force.map(|now| StampsInForce {
            transmit: now.transmit.to_string(),
            receive: now.receive.to_string(),
        }),
        ntp: stamps(Purpose::Ntp),
        ptp_udp: stamps(Purpose::PtpUdp),
        ptp_ethernet: stamps(Purpose::PtpEthernet),
        reason: reason(&abilities, in_force),
        latency: None,
    }
}

/// Adds what the daemon says of the interfaces whose stamps its sources and its NTP server use.
pub fn add_told(interfaces: &mut [InterfaceStatus], status: &Status) {
    let of_sources = || status.sources.iter().filter_map(|source| source.latency.as_ref());
    let of_server = || status.ntp_server.iter().flat_map(|server| &server.latencies);
    for interface in interfaces {
        let nic = interface.nic.as_ref().unwrap_or(&interface.name);
        interface.latency =
            of_sources().chain(of_server()).find(|latency| latency.nic == *nic).cloned();
        let mut answers = status.sources.iter().filter_map(|source| source.pdelay_resp.as_ref());
        if let Some(answer) = answers.find(|answer| answer.nic == *nic) {
            interface.reason += &steps(answer);
        }
    }
}

/// How Pdelay_Resp leave, in words that follow others.
fn steps(answer: &PdelayRespStatus) -> String {
    match &answer.two_step_because {
        None => "; Pdelay_Resp in one step".to_owned(),
        Some(reason) => format!("; Pdelay_Resp in two steps: {reason}"),
    }
}

fn has_hardware(abilities: &Abilities) -> bool {
    abilities.hardware_transmit && abilities.hardware_receive
}

fn serves(purpose: Purpose, offered: FilterSet) -> bool {
    offered.iter().any(|filter| purpose.served_by(filter))
}

fn stamps_of(purpose: Purpose, abilities: &Abilities, in_force: Option<InForce>) -> StampsOf {
    let now = in_force.filter(|now| now.transmit != TxType::OFF);
    if has_hardware(abilities) && now.is_some_and(|now| purpose.served_by(now.receive)) {
        StampsOf::Hardware
    } else if has_hardware(abilities) && serves(purpose, abilities.receive) {
        StampsOf::HardwareOnRequest
    } else if abilities.software_transmit {
        StampsOf::Kernel
    } else {
        StampsOf::Program
    }
}

/// What stands behind it all, in words.
fn reason(abilities: &Abilities, in_force: Option<InForce>) -> String {
    if !has_hardware(abilities) {
        return match abilities.software_transmit {
            true => "the driver has no hardware stamps",
            false => "the driver has no transmit stamps",
        }
        .to_owned();
    }
    let ntp = serves(Purpose::Ntp, abilities.receive);
    match in_force {
        None => "the driver does not tell what is in force".to_owned(),
        Some(InForce { transmit: TxType::OFF, receive: RxFilter::NONE }) if ntp => {
            "off until a program asks for stamps".to_owned()
        }
        Some(InForce { transmit: TxType::OFF, receive: RxFilter::NONE }) => {
            "off until a program asks for stamps; the NIC stamps no NTP".to_owned()
        }
        Some(_) if !ntp => "the NIC stamps no NTP that comes".to_owned(),
        Some(now) if Purpose::Ntp.served_by(now.receive) => "set for all frames".to_owned(),
        Some(_) => "set for PTP; widened when NTP asks for stamps".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{NtpServerStatus, SourceStatus};
    use utcd_linux::interface::TxSet;

    fn nic(filters: &[RxFilter]) -> Abilities {
        Abilities {
            software_transmit: true,
            software_receive: true,
            hardware_transmit: true,
            hardware_receive: true,
            phc: Some(0),
            transmit: TxSet::from_bits(0b11),
            receive: FilterSet::from_bits(filters.iter().map(|f| 1 << f.number()).sum()),
        }
    }

    fn now(transmit: TxType, receive: RxFilter) -> Option<InForce> {
        Some(InForce { transmit, receive })
    }

    #[test]
    fn a_nic_for_ptp_alone_leaves_ntp_to_the_kernel_and_says_why() {
        let nic = nic(&[RxFilter::NONE, RxFilter::PTP_V2_EVENT]);
        let set = now(TxType::ON, RxFilter::PTP_V2_EVENT);
        assert_eq!(stamps_of(Purpose::Ntp, &nic, set), StampsOf::Kernel);
        assert_eq!(stamps_of(Purpose::PtpUdp, &nic, set), StampsOf::Hardware);
        assert_eq!(reason(&nic, set), "the NIC stamps no NTP that comes");
    }

    #[test]
    fn what_is_off_comes_on_request_and_what_is_on_is_in_force() {
        let nic = nic(&[RxFilter::NONE, RxFilter::ALL, RxFilter::PTP_V2_L2_EVENT]);
        for (in_force, ntp, ethernet) in [
            (
                now(TxType::OFF, RxFilter::NONE),
                StampsOf::HardwareOnRequest,
                StampsOf::HardwareOnRequest,
            ),
            (
                now(TxType::ON, RxFilter::PTP_V2_L2_EVENT),
                StampsOf::HardwareOnRequest,
                StampsOf::Hardware,
            ),
            (now(TxType::ON, RxFilter::ALL), StampsOf::Hardware, StampsOf::Hardware),
            (None, StampsOf::HardwareOnRequest, StampsOf::HardwareOnRequest),
        ] {
            assert_eq!(stamps_of(Purpose::Ntp, &nic, in_force), ntp, "{in_force:?}");
            assert_eq!(stamps_of(Purpose::PtpEthernet, &nic, in_force), ethernet, "{in_force:?}");
        }
    }

    #[test]
    fn without_hardware_the_kernel_stamps_or_the_program() {
        let mut plain = Abilities { software_transmit: true, ..Abilities::default() };
        assert_eq!(stamps_of(Purpose::Ntp, &plain, None), StampsOf::Kernel);
        plain.software_transmit = false;
        assert_eq!(stamps_of(Purpose::Ntp, &plain, None), StampsOf::Program);
    }

    #[test]
    fn what_a_source_says_of_its_answers_stands_behind_the_reason() {
        let source = |nic: &str, why: Option<&str>| SourceStatus {
            pdelay_resp: Some(PdelayRespStatus {
                nic: nic.to_owned(),
                two_step_because: why.map(str::to_owned),
            }),
            ..SourceStatus::default()
        };
        let sources = vec![source("eth0", None), source("eth1", Some("no luck"))];
        let status = Status { sources, ..Status::default() };
        let lo = interfaces().unwrap().swap_remove(0);
        let named = |name: &str| InterfaceStatus {
            name: name.to_owned(),
            reason: "set for PTP".to_owned(),
            ..lo.clone()
        };
        let mut all = ["eth0", "eth1", "eth2"].map(named);
        add_told(&mut all, &status);
        let reasons = all.map(|interface| interface.reason);
        assert_eq!(
            reasons,
            [
                "set for PTP; Pdelay_Resp in one step",
                "set for PTP; Pdelay_Resp in two steps: no luck",
                "set for PTP"
            ]
        );
    }

    #[test]
    fn latencies_are_told_of_what_sources_and_the_server_use() {
        let told = |nic: &str, ingress| LatencyStatus {
            nic: nic.to_owned(),
            ingress,
            ..LatencyStatus::default()
        };
        let source = SourceStatus { latency: Some(told("eth0", 3e-7)), ..SourceStatus::default() };
        let latencies = vec![told("eth1", 2e-6)];
        let server = NtpServerStatus { latencies, ..NtpServerStatus::default() };
        let status =
            Status { sources: vec![source], ntp_server: Some(server), ..Status::default() };
        let lo = interfaces().unwrap().swap_remove(0);
        let named = |name: &str, nic: Option<&str>| InterfaceStatus {
            name: name.to_owned(),
            nic: nic.map(str::to_owned),
            ..lo.clone()
        };
        let mut all = [named("eth0", None), named("vlan7", Some("eth1")), named("eth2", None)];
        add_told(&mut all, &status);
        let ingress = all.map(|interface| interface.latency.map(|latency| latency.ingress));
        assert_eq!(ingress, [Some(3e-7), Some(2e-6), None]);
    }

    #[test]
    fn loopback_is_among_them_and_stamps_by_the_kernel() {
        let all = interfaces().unwrap();
        let lo = all.iter().find(|interface| interface.name == "lo").unwrap();
        assert_eq!((lo.ntp, lo.phc, lo.nic.as_deref()), (StampsOf::Kernel, None, None));
    }
}
