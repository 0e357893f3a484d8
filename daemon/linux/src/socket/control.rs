//! Control messages (cmsg(3)) that come and go with a datagram. Pure: bytes in, values out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use clock_models::time::{Duration, Phc, Scale, Timestamp, Utc};
use nix::libc::{self, c_int};

use crate::bytes::field;

/// struct cmsghdr: length (with itself), level, type.
const HEADER: usize = 16;
/// Control messages begin at multiples of the size of a long.
const ALIGNMENT: usize = 8;
/// Where the hardware stamp is in struct scm_timestamping.
const HARDWARE: usize = 32;
/// struct in6_pktinfo: address, interface. The one for IPv4 is shorter.
const LARGEST_SOURCE: usize = HEADER + 24;

/// Where on this host a datagram came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// The address it was sent to, or for IPv4 multicast and broadcast the one of this
    /// host that belongs to it.
    pub address: IpAddr,
    /// Index of the interface it came in by.
    pub interface: u32,
}

/// Where a message on the error queue comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It carries the transmit stamp of the datagram with this number.
    Stamp(u32),
    /// It tells, with an errno, why a datagram did not arrive; and which host says so.
    Undelivered(c_int, Option<IpAddr>),
}

/// What came along with a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Control {
    /// The kernel's stamp, on `CLOCK_REALTIME`.
    pub(crate) stamp: Option<Timestamp<Utc>>,
    /// The NIC's own stamp, on its clock.
    pub(crate) hardware: Option<Timestamp<Phc>>,
    /// Index of the interface that stamped what came.
    pub(crate) stamped_on: Option<u32>,
    /// Bytes of the frame that came, from its Ethernet header on, where the NIC stamped it.
    pub(crate) frame_length: Option<u32>,
    /// Where it came to.
    pub(crate) local: Option<Local>,
    /// On the error queue: what the message is.
    pub(crate) origin: Option<Origin>,
}

impl Control {
    /// Reads what is known out of `bytes`; the rest, and what is malformed, is passed over.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut control = Self::default();
        let mut rest = bytes;
        while let Some((level, kind, data, next)) = first(rest) {
            control.take(level, kind, data);
            rest = next;
        }
        control
    }

    fn take(&mut self, level: c_int, kind: c_int, data: &[u8]) {
        match (level, kind) {
            // struct scm_timestamping: by software, one that is no longer used, by hardware.
            (libc::SOL_SOCKET, libc::SO_TIMESTAMPING) => {
                self.stamp = timespec(data, 0).or(self.stamp);
                self.hardware = timespec(data, HARDWARE).or(self.hardware);
            }
            (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS) => {
                self.stamp = timespec(data, 0).or(self.stamp);
            }
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING_PKTINFO) => {
                self.stamped_on = stamped_on(data).or(self.stamped_on);
                self.frame_length = frame_length(data).or(self.frame_length);
            }
            (libc::SOL_IP, libc::IP_PKTINFO) => self.local = pktinfo_v4(data).or(self.local),
            (libc::SOL_IPV6, libc::IPV6_PKTINFO) => self.local = pktinfo_v6(data).or(self.local),
            (libc::SOL_IP, libc::IP_RECVERR)
            | (libc::SOL_IPV6, libc::IPV6_RECVERR)
            | (libc::SOL_PACKET, libc::PACKET_TX_TIMESTAMP) => {
                self.origin = extended_error(data).or(self.origin);
            }
            _ => {}
        }
    }
}

/// The first control message as level, type and data, and what follows it.
fn first(bytes: &[u8]) -> Option<(c_int, c_int, &[u8], &[u8])> {
    let length = usize::try_from(u64::from_ne_bytes(field(bytes, 0)?)).ok()?;
    let level = c_int::from_ne_bytes(field(bytes, 8)?);
    let kind = c_int::from_ne_bytes(field(bytes, 12)?);
    let data = bytes.get(HEADER..length)?;
    let next = bytes.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
    Some((level, kind, data, next))
}

/// Zero means that there is no stamp.
fn timespec<S: Scale>(data: &[u8], offset: usize) -> Option<Timestamp<S>> {
    let seconds = i64::from_ne_bytes(field(data, offset)?);
    let nanos = i64::from_ne_bytes(field(data, offset + 8)?);
    if (seconds, nanos) == (0, 0) || !(0..1_000_000_000).contains(&nanos) {
        return None;
    }
    Some(Timestamp::from_secs(seconds) + Duration::from_nanos(nanos))
}

/// struct scm_ts_pktinfo: interface, length, two reserved. Zero where the driver does not
/// let the kernel know.
fn stamped_on(data: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(field(data, 0)?)).filter(|interface| *interface != 0)
}

/// Of the same; without the frame check sequence.
fn frame_length(data: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(field(data, 4)?)).filter(|length| *length != 0)
}

/// struct in_pktinfo: interface, local address, address in the header.
fn pktinfo_v4(data: &[u8]) -> Option<Local> {
    let interface = u32::from_ne_bytes(field(data, 0)?);
    Some(Local { address: Ipv4Addr::from(field::<4>(data, 4)?).into(), interface })
}

/// struct in6_pktinfo: address in the header, interface.
fn pktinfo_v6(data: &[u8]) -> Option<Local> {
    let interface = u32::from_ne_bytes(field(data, 16)?);
    Some(Local { address: Ipv6Addr::from(field::<16>(data, 0)?).into(), interface })
}

/// struct sock_extended_err: errno, origin, type, code, padding, info, data; then the
/// address of the host that reports.
fn extended_error(data: &[u8]) -> Option<Origin> {
    let errno = c_int::from_ne_bytes(field(data, 0)?);
    let [origin] = field(data, 4)?;
    let id = u32::from_ne_bytes(field(data, 12)?);
    match origin {
        libc::SO_EE_ORIGIN_TIMESTAMPING => Some(Origin::Stamp(id)),
        // SO_EE_ORIGIN_LOCAL repeats what the call that sent has returned.
        libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6 => {
            Some(Origin::Undelivered(errno, data.get(16..).and_then(address)))
        }
        _ => None,
    }
}

/// The address in a struct sockaddr_in or sockaddr_in6.
fn address(sockaddr: &[u8]) -> Option<IpAddr> {
    match c_int::from(u16::from_ne_bytes(field(sockaddr, 0)?)) {
        libc::AF_INET => Some(Ipv4Addr::from(field::<4>(sockaddr, 4)?).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(field::<16>(sockaddr, 8)?).into()),
        _ => None,
    }
}

/// The control message that makes a datagram leave from a given address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    bytes: [u8; LARGEST_SOURCE],
    used: usize,
}

impl Source {
    /// For the address `from`; the interface is left to the routing table. `None` for a
    /// multicast address, which nothing can be sent from.
    pub(crate) fn new(from: IpAddr) -> Option<Self> {
        let mut source = Self { bytes: [0; LARGEST_SOURCE], used: 0 };
        match from {
            from if from.is_multicast() => return None,
            IpAddr::V4(v4) => {
                source.put(&12_usize.saturating_add(HEADER).to_ne_bytes());
                source.put(&libc::SOL_IP.to_ne_bytes());
                source.put(&libc::IP_PKTINFO.to_ne_bytes());
                source.put(&[0; 4]);
                source.put(&v4.octets());
                source.put(&[0; 8]);
            }
            IpAddr::V6(v6) => {
                source.put(&20_usize.saturating_add(HEADER).to_ne_bytes());
                source.put(&libc::SOL_IPV6.to_ne_bytes());
                source.put(&libc::IPV6_PKTINFO.to_ne_bytes());
                source.put(&v6.octets());
                source.put(&[0; 8]);
            }
        }
        Some(source)
    }

    fn put(&mut self, part: &[u8]) {
        let end = self.used + part.len();
        if let Some(place) = self.bytes.get_mut(self.used..end) {
            place.copy_from_slice(part);
            self.used = end;
        }
    }

    /// As sendmsg(2) takes it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A control message as the kernel writes it, with its padding.
    fn message(level: c_int, kind: c_int, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend((HEADER + data.len()).to_ne_bytes());
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        bytes
    }

    fn stamps(software: (i64, i64)) -> Vec<u8> {
        three(software, (0, 0), (0, 0))
    }

    fn three(software: (i64, i64), unused: (i64, i64), hardware: (i64, i64)) -> Vec<u8> {
        let mut data = Vec::new();
        for (seconds, nanos) in [software, unused, hardware] {
            data.extend(seconds.to_ne_bytes());
            data.extend(nanos.to_ne_bytes());
        }
        message(libc::SOL_SOCKET, libc::SO_TIMESTAMPING, &data)
    }

    fn seconds<S: Scale>(seconds: i64) -> Option<Timestamp<S>> {
        Some(Timestamp::from_secs(seconds))
    }

    #[test]
    fn the_first_stamp_is_the_kernels_and_the_third_the_nics() {
        for (bytes, software, hardware) in [
            (three((5, 0), (6, 0), (7, 0)), seconds(5), seconds(7)),
            (three((0, 0), (6, 0), (7, 0)), None, seconds(7)),
            (three((5, 0), (6, 0), (0, 0)), seconds(5), None),
        ] {
            let control = Control::parse(&bytes);
            assert_eq!((control.stamp, control.hardware), (software, hardware));
        }
    }

    #[test]
    fn the_interface_that_stamped_and_its_frame_are_told_or_not_known() {
        for (interface, length, told) in
            [(7_u32, 90_u32, (Some(7), Some(90))), (0, 90, (None, Some(90))), (0, 0, (None, None))]
        {
            let data = [interface, length, 0, 0].map(u32::to_ne_bytes).concat();
            let bytes = message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPING_PKTINFO, &data);
            let control = Control::parse(&bytes);
            assert_eq!((control.stamped_on, control.frame_length), told);
        }
    }

    fn error(level: c_int, kind: c_int, errno: u32, origin: u8, id: u32, host: &[u8]) -> Vec<u8> {
        let mut data = Vec::new();
        data.extend(errno.to_ne_bytes());
        data.extend([origin, 3, 3, 0]);
        data.extend([0; 4]);
        data.extend(id.to_ne_bytes());
        data.extend(host);
        message(level, kind, &data)
    }

    #[test]
    fn a_transmit_stamp_comes_with_the_number_of_its_datagram() {
        let at = Timestamp::from_secs(1_795_322_804) + Duration::from_nanos(999_999_999);
        for (level, kind) in [
            (libc::SOL_IP, libc::IP_RECVERR),
            (libc::SOL_IPV6, libc::IPV6_RECVERR),
            (libc::SOL_PACKET, libc::PACKET_TX_TIMESTAMP),
        ] {
            let mut bytes = stamps((1_795_322_804, 999_999_999));
            bytes.extend(error(level, kind, libc::ENOMSG as u32, 4, 4_000_000_000, &[]));
            let control = Control::parse(&bytes);
            assert_eq!(control.stamp, Some(at));
            assert_eq!(control.origin, Some(Origin::Stamp(4_000_000_000)));
        }
    }

    #[test]
    fn an_icmp_error_names_its_cause_and_the_host_that_reports_it() {
        let host = [2, 0, 0, 0, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let bytes = error(libc::SOL_IP, libc::IP_RECVERR, libc::EHOSTUNREACH as u32, 2, 0, &host);
        let router = Some(Ipv4Addr::new(192, 0, 2, 1).into());
        let origin = Control::parse(&bytes).origin;
        assert_eq!(origin, Some(Origin::Undelivered(libc::EHOSTUNREACH, router)));
    }

    #[test]
    fn an_error_that_the_sender_was_told_at_once_is_not_told_again() {
        let bytes = error(libc::SOL_IP, libc::IP_RECVERR, libc::EMSGSIZE as u32, 1, 0, &[]);
        assert_eq!(Control::parse(&bytes), Control::default());
    }

    #[test]
    fn a_stamp_of_zero_is_no_stamp() {
        assert_eq!(Control::parse(&stamps((0, 0))).stamp, None);
        assert_eq!(Control::parse(&stamps((5, 1_000_000_000))).stamp, None);
        assert_eq!(Control::parse(&stamps((5, -1))).stamp, None);
    }

    #[test]
    fn the_place_a_datagram_came_to_is_the_place_its_answer_leaves_from() {
        for address in ["192.0.2.7", "2001:db8::7"] {
            let address: IpAddr = address.parse().unwrap();
            let source = Source::new(address).unwrap();
            let local = Control::parse(source.as_bytes()).local.unwrap();
            assert_eq!(local, Local { address, interface: 0 });
        }
    }

    #[test]
    fn nothing_leaves_from_a_multicast_address() {
        assert!(Source::new("224.0.1.129".parse().unwrap()).is_none());
        assert!(Source::new("ff0e::181".parse().unwrap()).is_none());
    }

    #[test]
    fn a_length_that_cannot_be_ends_the_reading() {
        for length in [0_u64, 15, 1000, u64::MAX] {
            let mut bytes = stamps((1, 0));
            bytes[..8].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(Control::parse(&bytes), Control::default(), "length {length}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Control::parse(&bytes);
        }

        #[test]
        fn a_damaged_or_cut_message_is_read_without_panic(
            damage in prop::collection::vec((0usize..128, any::<u8>()), 0..4),
            keep in 0usize..=128,
        ) {
            let mut bytes = stamps((1_795_322_804, 5));
            bytes.extend(error(libc::SOL_IP, libc::IP_RECVERR, 42, 4, 7, &[2, 0, 0, 0, 1, 2]));
            for (at, value) in damage {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            bytes.truncate(keep);
            let _ = Control::parse(&bytes);
        }
    }
}
