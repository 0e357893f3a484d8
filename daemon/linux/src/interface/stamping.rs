//! Which NIC stamps behind an interface, what it can, and making it do so.

use std::fmt;
use std::io;

use nix::errno::Errno;

use super::Interface;
use super::driver::{self, Abilities, InForce};
use super::filter::{Purpose, RxFilter, TxType};
use super::lower;

/// The time stamps that a NIC takes, as its driver granted them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HardwareStamping {
    /// The interface that stamps: the one that was asked for, or the NIC below a VLAN,
    /// bond or macvlan.
    pub nic: String,
    /// Index of its PTP hardware clock, N of `/dev/ptpN`.
    pub phc: Option<u32>,
    /// What the stamps were asked for.
    pub purpose: Purpose,
    /// How it stamps what goes.
    pub transmit: TxType,
    /// What it stamps of all that comes.
    pub receive: RxFilter,
    /// Why it is so.
    pub cause: Cause,
    /// It says itself, in the Pdelay_Resp that leave, how long the request was kept; or why
    /// not.
    pub one_step: Result<(), TwoStep>,
}

/// Why a NIC stamps as it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It was found so, and it is enough.
    Found,
    /// This program has set it.
    Set,
    /// It was found so, and may not be changed without CAP_NET_ADMIN.
    NotPermitted,
}

/// Why a NIC hands over stamps of Pdelay_Resp, for answers in two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TwoStep {
    /// Nobody has asked for less.
    #[error("one step was not asked for")]
    Unasked,
    /// The NIC or its driver cannot do otherwise.
    #[error("the NIC does not offer one step")]
    NotOffered,
    /// Other interfaces may need the stamps.
    #[error("the NIC below may serve other interfaces too")]
    Below,
    /// It is not known whether another program needs the stamps.
    #[error("the driver does not tell what is in force")]
    Untold,
    /// Another program may need the stamps.
    #[error("the NIC was found stamping what goes, which another program may need")]
    InUse,
    /// The driver offers one step, and does not grant it.
    #[error("the driver refuses one step")]
    Refused,
    /// One step was granted, and is in force no more.
    #[error("another program has set the NIC otherwise, or it was reset")]
    Taken,
}

impl HardwareStamping {
    /// What goes gets a stamp of the NIC.
    #[must_use]
    pub fn transmits(&self) -> bool {
        self.transmit != TxType::OFF
    }

    /// What comes gets a stamp of the NIC, as far as the purpose needs one.
    #[must_use]
    pub fn receives(&self) -> bool {
        self.purpose.served_by(self.receive)
    }

    /// Whether the NIC says itself, in the Pdelay_Resp that leave, how long the request was
    /// kept, as it is set at this moment.
    ///
    /// # Errors
    /// [`TwoStep`]: why not.
    pub fn one_step_now(&self) -> Result<(), TwoStep> {
        match driver::in_force(&self.nic) {
            Ok(InForce { transmit: TxType::ONE_STEP_P2P, .. }) => Ok(()),
            _ => self.one_step.and(Err(TwoStep::Taken)),
        }
    }

    /// Whether the frames of an interface still take the NIC that was asked, and its clock is
    /// still the one that it had. Otherwise another bond member is active, or the driver has
    /// begun anew.
    #[must_use]
    pub fn is_of(&self, interface: &Interface) -> bool {
        let clock = || driver::abilities(&self.nic).ok().and_then(|abilities| abilities.phc);
        interface.nic() == self.nic && clock() == self.phc
    }

    /// Has the NIC stamp as it was granted, whatever it says that it does: one that was reset
    /// may have forgotten it, and its driver not know. If another program has it stamp what
    /// goes in another way since, or more of what comes, it goes on so. Needs CAP_NET_ADMIN.
    ///
    /// # Errors
    /// [`NoHardware`]: it does not grant that any more.
    pub fn renew(&self) -> Result<(), NoHardware> {
        let now = driver::in_force(&self.nic).ok();
        let transmit = now.map(|now| now.transmit).filter(|now| *now != TxType::OFF);
        let receive = now.map(|now| now.receive).filter(|now| self.purpose.served_by(*now));
        let wanted = InForce {
            transmit: transmit.unwrap_or(self.transmit),
            receive: receive.unwrap_or(self.receive),
        };
        let granted = driver::set(&self.nic, wanted).map_err(|error| refusal(&error))?;
        let InForce { transmit, receive } = understood(granted, wanted);
        judge(Self { transmit, receive, cause: Cause::Set, ..self.clone() }).map(drop)
    }
}

impl fmt::Display for HardwareStamping {
    /// In one line, for people: what is in force, why, and what it does not serve.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nic, transmit, receive, .. } = self;
        write!(f, "{nic} stamps transmit {transmit}, receive {receive}")?;
        f.write_str(match self.cause {
            Cause::Found => " (found so)",
            Cause::Set => " (set by utcd)",
            Cause::NotPermitted => " (found so; to change it needs CAP_NET_ADMIN)",
        })?;
        match self.receives() {
            true => Ok(()),
            false => f.write_str("; what comes is stamped by the kernel"),
        }
    }
}

/// Why a NIC does not stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoHardware {
    /// The NIC or its driver cannot, or the interface has none.
    #[error("the interface has no hardware time stamps")]
    Unable,
    /// It is not set up, and may not be without a privilege.
    #[error(
        "to turn hardware time stamps on needs CAP_NET_ADMIN \
         (systemd: AmbientCapabilities= and CapabilityBoundingSet=, as in utcd.service)"
    )]
    NotPermitted,
    /// It serves another program, and cannot serve both.
    #[error(
        "the NIC stamps {0} for another program and cannot stamp more; if none runs any more, \
         turn it off (`hwstamp_ctl -i IFACE -r 0`)"
    )]
    InUse(RxFilter),
    /// The driver refused, or the interface is gone.
    #[error("the driver refuses hardware time stamps: {0}")]
    Refused(Errno),
    /// The virtual clock cannot be had: it is none of this interface, or the socket is not
    /// bound to one.
    #[error("the kernel refuses to stamp with ptp{0}: is it a virtual clock of this interface?")]
    NotItsClock(u32),
}

/// Makes the NIC behind `interface` stamp for `purpose`, and reads back what the driver
/// granted. What other programs have it stamp it goes on stamping.
///
/// A NIC that stamps PTP messages only is granted for NTP too: it stamps what goes
/// ([`HardwareStamping::receives`] is false then).
///
/// # Errors
/// [`NoHardware`]: go on with the kernel's stamps.
pub fn prepare(interface: &str, purpose: Purpose) -> Result<HardwareStamping, NoHardware> {
    grant(interface, purpose, Err(TwoStep::Unasked))
}

/// The same, and has the NIC say in the Pdelay_Resp that leave how long the request was kept
/// ([`HardwareStamping::one_step`]), where it offers that and has handed over no stamps of
/// what goes so far: they would be missed by whoever needs them.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_one_step(interface: &str, purpose: Purpose) -> Result<HardwareStamping, NoHardware> {
    match grant(interface, purpose, Ok(())) {
        Err(NoHardware::Unable | NoHardware::Refused(_)) => {
            grant(interface, purpose, Err(TwoStep::Refused))
        }
        granted => granted,
    }
}

fn grant(
    interface: &str,
    purpose: Purpose,
    one_step: Result<(), TwoStep>,
) -> Result<HardwareStamping, NoHardware> {
    let nic = lower::nic(interface);
    let abilities = driver::abilities(&nic).map_err(|error| refusal(&error))?;
    if !abilities.hardware_transmit || !abilities.hardware_receive {
        return Err(NoHardware::Unable);
    }
    let present = driver::in_force(&nic).ok();
    let one_step = one_step.and_then(|()| free_for_one_step(nic == interface, present, &abilities));
    let wanted = wanted(purpose, one_step, present, &abilities);
    let (in_force, cause) = if present == Some(wanted) {
        (wanted, Cause::Found)
    } else {
        match driver::set(&nic, wanted) {
            Ok(granted) => (understood(granted, wanted), Cause::Set),
            Err(error) => {
                let errno = errno(&error);
                // A NIC that does half of it, found so, is better than none.
                let useful = present.filter(|now| now.transmit != TxType::OFF);
                match (errno, useful) {
                    (Errno::EPERM | Errno::EACCES, Some(now)) => (now, Cause::NotPermitted),
                    _ => return Err(refusal(&error)),
                }
            }
        }
    };
    let InForce { transmit, receive } = in_force;
    let one_step = granted_one_step(transmit, one_step);
    let phc = abilities.phc;
    judge(HardwareStamping { nic, phc, purpose, transmit, receive, cause, one_step })
}

/// Whether a NIC may be asked to answer in one step.
fn free_for_one_step(
    own: bool,
    present: Option<InForce>,
    abilities: &Abilities,
) -> Result<(), TwoStep> {
    match present.map(|now| now.transmit) {
        Some(TxType::ONE_STEP_P2P) => Ok(()),
        _ if !abilities.transmit.contains(TxType::ONE_STEP_P2P) => Err(TwoStep::NotOffered),
        _ if !own => Err(TwoStep::Below),
        None => Err(TwoStep::Untold),
        Some(TxType::OFF) => Ok(()),
        Some(_) => Err(TwoStep::InUse),
    }
}

/// Whether it does, of what was asked for and what is in force.
fn granted_one_step(transmit: TxType, asked: Result<(), TwoStep>) -> Result<(), TwoStep> {
    match transmit {
        TxType::ONE_STEP_P2P => Ok(()),
        _ => asked.and(Err(TwoStep::Refused)),
    }
}

/// What is to be in force: what serves, and what is there already for others.
fn wanted(
    purpose: Purpose,
    one_step: Result<(), TwoStep>,
    present: Option<InForce>,
    abilities: &Abilities,
) -> InForce {
    let now = present.unwrap_or(InForce { transmit: TxType::OFF, receive: RxFilter::NONE });
    let transmit = match now.transmit {
        TxType::OFF if one_step.is_ok() => TxType::ONE_STEP_P2P,
        TxType::OFF => TxType::ON,
        on => on,
    };
    InForce { transmit, receive: purpose.choose(now.receive, abilities.receive) }
}

/// A driver that says "some" stamps what was asked for, and some more.
fn understood(granted: InForce, wanted: InForce) -> InForce {
    const SOME: RxFilter = RxFilter::from_number(2);
    match granted.receive {
        SOME => InForce { receive: wanted.receive, ..granted },
        _ => granted,
    }
}

/// PTP needs stamps of what comes; NTP can live with half of them.
fn judge(stamping: HardwareStamping) -> Result<HardwareStamping, NoHardware> {
    if stamping.receives() || (stamping.purpose == Purpose::Ntp && stamping.transmits()) {
        return Ok(stamping);
    }
    Err(match (stamping.cause, stamping.receive) {
        (Cause::NotPermitted, _) => NoHardware::NotPermitted,
        (_, RxFilter::NONE) => NoHardware::Unable,
        (_, filter) => NoHardware::InUse(filter),
    })
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}

fn refusal(error: &io::Error) -> NoHardware {
    match errno(error) {
        Errno::EPERM | Errno::EACCES => NoHardware::NotPermitted,
        Errno::EOPNOTSUPP | Errno::ERANGE | Errno::ENOTTY => NoHardware::Unable,
        errno => NoHardware::Refused(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::super::filter::{FilterSet, TxSet};
    use super::*;

    const TWO_STEP: Result<(), TwoStep> = Err(TwoStep::Unasked);

    fn stamping(purpose: Purpose, receive: RxFilter, cause: Cause) -> HardwareStamping {
        let nic = "eth0".to_owned();
        let (transmit, one_step) = (TxType::ON, TWO_STEP);
        HardwareStamping { nic, phc: Some(0), purpose, transmit, receive, cause, one_step }
    }

    fn all() -> Abilities {
        Abilities { receive: FilterSet::from_bits(0xffff), ..Abilities::default() }
    }

    #[test]
    fn loopback_has_no_hardware() {
        assert_eq!(prepare("lo", Purpose::Ntp), Err(NoHardware::Unable));
        assert_eq!(prepare("utcd-none", Purpose::Ntp), Err(NoHardware::Refused(Errno::ENODEV)));
    }

    #[test]
    fn what_is_enough_is_left_as_it_is() {
        let present = InForce { transmit: TxType::ONE_STEP_SYNC, receive: RxFilter::ALL };
        assert_eq!(wanted(Purpose::PtpUdp, Ok(()), Some(present), &all()), present);
    }

    #[test]
    fn one_step_is_asked_of_a_nic_of_ones_own_that_hands_over_no_stamps_yet() {
        let able = Abilities { transmit: TxSet::from_bits(0b1111), ..all() };
        let sync_only = Abilities { transmit: TxSet::from_bits(0b111), ..all() };
        let at = |transmit| Some(InForce { transmit, receive: RxFilter::NONE });
        for (own, present, abilities, expected) in [
            (true, at(TxType::OFF), able, Ok(())),
            (true, at(TxType::ON), able, Err(TwoStep::InUse)),
            (true, at(TxType::ONE_STEP_SYNC), able, Err(TwoStep::InUse)),
            (true, None, able, Err(TwoStep::Untold)),
            (false, at(TxType::OFF), able, Err(TwoStep::Below)),
            (true, at(TxType::OFF), sync_only, Err(TwoStep::NotOffered)),
            // Found so, it stamps no Pdelay_Resp in any case.
            (false, at(TxType::ONE_STEP_P2P), able, Ok(())),
        ] {
            let found = free_for_one_step(own, present, &abilities);
            assert_eq!(found, expected, "{own} {present:?}");
        }
        let asked = wanted(Purpose::PtpUdp, Ok(()), at(TxType::OFF), &able);
        assert_eq!(asked.transmit, TxType::ONE_STEP_P2P);
        let not = wanted(Purpose::PtpUdp, TWO_STEP, at(TxType::OFF), &able);
        assert_eq!(not.transmit, TxType::ON);
    }

    #[test]
    fn a_driver_that_grants_less_has_refused() {
        assert_eq!(granted_one_step(TxType::ONE_STEP_P2P, TWO_STEP), Ok(()));
        assert_eq!(granted_one_step(TxType::ON, Ok(())), Err(TwoStep::Refused));
        assert_eq!(granted_one_step(TxType::ON, TWO_STEP), TWO_STEP);
    }

    #[test]
    fn a_driver_that_does_not_tell_is_asked_for_what_is_needed() {
        let expected = InForce { transmit: TxType::ON, receive: RxFilter::PTP_V2_L2_EVENT };
        assert_eq!(wanted(Purpose::PtpEthernet, TWO_STEP, None, &all()), expected);
    }

    #[test]
    fn some_frames_are_those_that_were_asked_for() {
        let asked = InForce { transmit: TxType::ON, receive: RxFilter::PTP_V2_EVENT };
        let some = InForce { receive: RxFilter::from_number(2), ..asked };
        assert_eq!(understood(some, asked), asked);
        let more = InForce { receive: RxFilter::ALL, ..asked };
        assert_eq!(understood(more, asked), more);
    }

    #[test]
    fn ptp_needs_what_comes_to_be_stamped_and_ntp_says_what_is_not() {
        let ptp = stamping(Purpose::PtpUdp, RxFilter::PTP_V2_L2_EVENT, Cause::Found);
        assert_eq!(judge(ptp), Err(NoHardware::InUse(RxFilter::PTP_V2_L2_EVENT)));
        let barred = stamping(Purpose::PtpUdp, RxFilter::NONE, Cause::NotPermitted);
        assert_eq!(judge(barred), Err(NoHardware::NotPermitted));
        let ntp = judge(stamping(Purpose::Ntp, RxFilter::PTP_V2_EVENT, Cause::Set)).unwrap();
        assert_eq!(
            ntp.to_string(),
            "eth0 stamps transmit on, receive ptpv2-event (set by utcd); \
             what comes is stamped by the kernel"
        );
    }
}
