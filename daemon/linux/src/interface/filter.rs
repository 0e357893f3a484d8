//! What NICs can stamp, in the kernel's terms (linux/net_tstamp.h). Pure.

use std::fmt;

/// How a NIC stamps what goes (enum hwtstamp_tx_types).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxType(u32);

impl TxType {
    /// Not at all.
    pub const OFF: Self = Self(0);
    /// It hands over a stamp of every frame that is asked for.
    pub const ON: Self = Self(1);
    /// It writes the stamp into Sync messages as they leave, and hands over the others.
    pub const ONE_STEP_SYNC: Self = Self(2);
    /// The same with Pdelay_Resp messages too.
    pub const ONE_STEP_P2P: Self = Self(3);

    /// From the kernel's number, which may be one that came after this program.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The kernel's number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for TxType {
    /// As `ethtool -T` writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 4] = ["off", "on", "onestep-sync", "onestep-p2p"];
        named(f, &NAMES, self.0)
    }
}

/// Which of the frames that come a NIC stamps (enum hwtstamp_rx_filters).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RxFilter(u32);

/// Kinds of frames: what the filters differ in, one bit each.
type Frames = u16;
const V1_SYNC: Frames = 1;
const V1_DELAY_REQ: Frames = 1 << 1;
const L4_SYNC: Frames = 1 << 2;
const L4_DELAY_REQ: Frames = 1 << 3;
const L4_PDELAY: Frames = 1 << 4;
const L2_SYNC: Frames = 1 << 5;
const L2_DELAY_REQ: Frames = 1 << 6;
const L2_PDELAY: Frames = 1 << 7;
const NTP: Frames = 1 << 8;
const V1: Frames = V1_SYNC | V1_DELAY_REQ;
const L4: Frames = L4_SYNC | L4_DELAY_REQ | L4_PDELAY;
const L2: Frames = L2_SYNC | L2_DELAY_REQ | L2_PDELAY;
const EVERY: Frames = Frames::MAX;

impl RxFilter {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Every frame.
    pub const ALL: Self = Self(1);
    /// PTP event messages over UDP (IEEE 1588-2019 7.3.3.1).
    pub const PTP_V2_L4_EVENT: Self = Self(6);
    /// PTP event messages over Ethernet.
    pub const PTP_V2_L2_EVENT: Self = Self(9);
    /// PTP event messages over both.
    pub const PTP_V2_EVENT: Self = Self(12);
    /// NTP messages.
    pub const NTP_ALL: Self = Self(15);

    /// From the kernel's number, which may be one that came after this program.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The kernel's number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// It stamps whatever `other` stamps. Of a filter that is not known it is known that
    /// it covers itself and nothing.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self == other || other.frames().is_some_and(|wanted| self.stamps(wanted))
    }

    fn stamps(self, wanted: Frames) -> bool {
        self.frames().unwrap_or(0) & wanted == wanted
    }

    /// `None` for "some", which says nothing of which, and for what came after this program.
    const fn frames(self) -> Option<Frames> {
        Some(match self.0 {
            0 => 0,
            1 => EVERY,
            3 => V1,
            4 => V1_SYNC,
            5 => V1_DELAY_REQ,
            6 => L4,
            7 => L4_SYNC,
            8 => L4_DELAY_REQ,
            9 => L2,
            10 => L2_SYNC,
            11 => L2_DELAY_REQ,
            12 => L4 | L2,
            13 => L4_SYNC | L2_SYNC,
            14 => L4_DELAY_REQ | L2_DELAY_REQ,
            15 => NTP,
            _ => return None,
        })
    }
}

impl fmt::Display for RxFilter {
    /// As `ethtool -T` writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 16] = [
            "none",
            "all",
            "some",
            "ptpv1-l4-event",
            "ptpv1-l4-sync",
            "ptpv1-l4-delay-req",
            "ptpv2-l4-event",
            "ptpv2-l4-sync",
            "ptpv2-l4-delay-req",
            "ptpv2-l2-event",
            "ptpv2-l2-sync",
            "ptpv2-l2-delay-req",
            "ptpv2-event",
            "ptpv2-sync",
            "ptpv2-delay-req",
            "ntp-all",
        ];
        named(f, &NAMES, self.0)
    }
}

fn named(f: &mut fmt::Formatter<'_>, names: &[&str], number: u32) -> fmt::Result {
    match usize::try_from(number).ok().and_then(|number| names.get(number)) {
        Some(name) => f.write_str(name),
        None => write!(f, "number {number}"),
    }
}

/// The ways to stamp what goes that a NIC offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TxSet(u32);

impl TxSet {
    /// From the kernel's bits.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// It is among them.
    #[must_use]
    pub fn contains(self, transmit: TxType) -> bool {
        holds(self.0, transmit.0)
    }

    /// All of them, in the kernel's order.
    pub fn iter(self) -> impl Iterator<Item = TxType> {
        (0..u32::BITS).map(TxType).filter(move |transmit| self.contains(*transmit))
    }
}

/// The receive filters that a NIC offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FilterSet(u32);

impl FilterSet {
    /// From the kernel's bits.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// It is among them.
    #[must_use]
    pub fn contains(self, filter: RxFilter) -> bool {
        holds(self.0, filter.0)
    }

    /// All of them, in the kernel's order.
    pub fn iter(self) -> impl Iterator<Item = RxFilter> {
        (0..u32::BITS).map(RxFilter).filter(move |filter| self.contains(*filter))
    }
}

fn holds(bits: u32, number: u32) -> bool {
    1_u32.checked_shl(number).is_some_and(|bit| bits & bit != 0)
}

/// What time stamps are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// NTP.
    Ntp,
    /// PTP over UDP.
    PtpUdp,
    /// PTP over Ethernet.
    PtpEthernet,
}

impl Purpose {
    /// A NIC with this filter stamps all messages of this purpose that need a stamp.
    #[must_use]
    pub fn served_by(self, filter: RxFilter) -> bool {
        filter.stamps(match self {
            Self::Ntp => NTP,
            Self::PtpUdp => L4,
            Self::PtpEthernet => L2,
        })
    }

    /// The filters that serve, the one to be preferred first: for PTP the narrowest, which
    /// costs the NIC the least; for NTP all frames, which most NICs that can stamp NTP at
    /// all call it. PTP events are for those that cannot: there NTP is stamped when it
    /// goes, and by the kernel when it comes.
    const fn candidates(self) -> [RxFilter; 3] {
        match self {
            Self::Ntp => [RxFilter::ALL, RxFilter::NTP_ALL, RxFilter::PTP_V2_EVENT],
            Self::PtpUdp => [RxFilter::PTP_V2_L4_EVENT, RxFilter::PTP_V2_EVENT, RxFilter::ALL],
            Self::PtpEthernet => [RxFilter::PTP_V2_L2_EVENT, RxFilter::PTP_V2_EVENT, RxFilter::ALL],
        }
    }

    /// The filter to have instead of the `present` one: what others may need of that is
    /// kept. The present one where nothing better is offered.
    pub(super) fn choose(self, present: RxFilter, offered: FilterSet) -> RxFilter {
        if self.served_by(present) {
            return present;
        }
        self.candidates()
            .into_iter()
            .find(|candidate| offered.contains(*candidate) && candidate.covers(present))
            .unwrap_or(present)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL_FILTERS: FilterSet = FilterSet::from_bits(0xffff);

    fn offered(filters: &[RxFilter]) -> FilterSet {
        FilterSet::from_bits(filters.iter().map(|filter| 1 << filter.number()).sum())
    }

    #[test]
    fn ptp_gets_the_narrowest_filter_that_serves_and_ntp_the_widest() {
        for (purpose, chosen) in [
            (Purpose::PtpUdp, RxFilter::PTP_V2_L4_EVENT),
            (Purpose::PtpEthernet, RxFilter::PTP_V2_L2_EVENT),
            (Purpose::Ntp, RxFilter::ALL),
        ] {
            assert_eq!(purpose.choose(RxFilter::NONE, ALL_FILTERS), chosen);
        }
        let coarse = offered(&[RxFilter::NONE, RxFilter::ALL]);
        assert_eq!(Purpose::PtpUdp.choose(RxFilter::NONE, coarse), RxFilter::ALL);
    }

    #[test]
    fn a_filter_is_widened_and_never_narrowed() {
        for purpose in [Purpose::Ntp, Purpose::PtpUdp, Purpose::PtpEthernet] {
            for present in (0..16).map(RxFilter::from_number) {
                let chosen = purpose.choose(present, ALL_FILTERS);
                assert!(chosen.covers(present), "{purpose:?}: {present} became {chosen}");
            }
        }
        let both = Purpose::PtpUdp.choose(RxFilter::PTP_V2_L2_EVENT, ALL_FILTERS);
        assert_eq!(both, RxFilter::PTP_V2_EVENT);
    }

    #[test]
    fn all_frames_stay_all_frames() {
        for purpose in [Purpose::Ntp, Purpose::PtpUdp, Purpose::PtpEthernet] {
            assert_eq!(purpose.choose(RxFilter::ALL, ALL_FILTERS), RxFilter::ALL);
        }
    }

    #[test]
    fn what_another_program_needs_is_kept_even_if_it_does_not_serve() {
        let narrow = offered(&[RxFilter::PTP_V2_L2_EVENT, RxFilter::PTP_V2_L4_EVENT]);
        let present = RxFilter::PTP_V2_L2_EVENT;
        assert_eq!(Purpose::PtpUdp.choose(present, narrow), present);
    }

    #[test]
    fn a_nic_for_ptp_alone_does_not_serve_ntp() {
        let ptp_only = offered(&[RxFilter::NONE, RxFilter::PTP_V2_EVENT]);
        let chosen = Purpose::Ntp.choose(RxFilter::NONE, ptp_only);
        assert_eq!(chosen, RxFilter::PTP_V2_EVENT);
        assert!(!Purpose::Ntp.served_by(chosen) && Purpose::PtpUdp.served_by(chosen));
    }

    #[test]
    fn all_covers_all_and_nothing_else_covers_it() {
        for filter in [0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15].map(RxFilter::from_number) {
            assert!(RxFilter::ALL.covers(filter) && !filter.covers(RxFilter::ALL), "{filter}");
            assert!(filter.covers(filter) && filter.covers(RxFilter::NONE));
        }
    }

    #[test]
    fn sets_and_names_follow_the_numbers_of_the_kernel() {
        let names: Vec<_> = FilterSet::from_bits(0x9003).iter().map(|f| f.to_string()).collect();
        assert_eq!(names, ["none", "all", "ptpv2-event", "ntp-all"]);
        let names: Vec<_> = TxSet::from_bits(0b1111).iter().map(|t| t.to_string()).collect();
        assert_eq!(names, ["off", "on", "onestep-sync", "onestep-p2p"]);
        assert_eq!(RxFilter::from_number(77).to_string(), "number 77");
        assert!(!FilterSet::from_bits(u32::MAX).contains(RxFilter::from_number(32)));
    }
}
