//! What the driver of a network interface says of it (netdevice(7), linux/ethtool.h).
//!
//! Only the calls and the layout of what they answer; [`super::stamping`] decides.

use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;

use nix::libc::{self, c_int, c_ulong};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::filter::{FilterSet, RxFilter, TxSet, TxType};
use crate::bytes::field;

const SIOCETHTOOL: c_ulong = 0x8946;
const ETHTOOL_GSET: u32 = 0x01;
const ETHTOOL_GDRVINFO: u32 = 0x03;
const ETHTOOL_GET_TS_INFO: u32 = 0x41;

/// IFNAMSIZ, with the zero at the end.
const NAME: usize = 16;
/// struct ethtool_drvinfo, the largest of the structures that are handed over here.
const DATA: usize = 196;
/// SPEED_UNKNOWN in struct ethtool_cmd.
const SPEED_UNKNOWN: u32 = u32::MAX;

/// The structure behind a request: written here, read and written by the kernel.
type Data = [u8; DATA];

/// struct ifreq with its pointer in use.
#[repr(C)]
struct Request {
    name: [u8; NAME],
    data: *mut Data,
    unused: [u8; 16],
}

/// What a network interface can stamp (struct ethtool_ts_info).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Abilities {
    /// The kernel stamps what goes as it passes the driver.
    pub software_transmit: bool,
    /// The kernel stamps what comes.
    pub software_receive: bool,
    /// The NIC stamps what goes, and the stamps can be had as they are.
    pub hardware_transmit: bool,
    /// The NIC stamps what comes, and the stamps can be had as they are.
    pub hardware_receive: bool,
    /// Index of the PTP hardware clock: N of `/dev/ptpN`.
    pub phc: Option<u32>,
    /// Ways to stamp what goes.
    pub transmit: TxSet,
    /// Choices of what is stamped of all that comes.
    pub receive: FilterSet,
}

/// What a NIC stamps now (struct hwtstamp_config).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InForce {
    /// Of what goes.
    pub transmit: TxType,
    /// Of what comes.
    pub receive: RxFilter,
}

/// Asks for the abilities. VLANs, bonds and macvlans answer for the NIC below.
pub(super) fn abilities(interface: &str) -> io::Result<Abilities> {
    let mut data = command(ETHTOOL_GET_TS_INFO);
    call(interface, SIOCETHTOOL, &mut data)?;
    parse_abilities(&data).ok_or_else(too_short)
}

/// The name of the driver, such as `igb`.
pub(super) fn name(interface: &str) -> io::Result<String> {
    let mut data = command(ETHTOOL_GDRVINFO);
    call(interface, SIOCETHTOOL, &mut data)?;
    Ok(parse_name(&data))
}

/// Mbit/s; `None` where there is no link or no such thing as speed.
pub(super) fn speed(interface: &str) -> io::Result<Option<u32>> {
    let mut data = command(ETHTOOL_GSET);
    call(interface, SIOCETHTOOL, &mut data)?;
    Ok(parse_speed(&data))
}

/// What the driver stamps now. Needs no privilege; drivers before Linux 3.14 do not tell.
pub(super) fn in_force(interface: &str) -> io::Result<InForce> {
    let mut data = [0; DATA];
    call(interface, libc::SIOCGHWTSTAMP, &mut data)?;
    parse_in_force(&data).ok_or_else(too_short)
}

/// Makes the driver stamp, and says what it granted: it may stamp more than was asked for.
/// Needs CAP_NET_ADMIN.
pub(super) fn set(interface: &str, wanted: InForce) -> io::Result<InForce> {
    let mut data = [0; DATA];
    // struct hwtstamp_config: flags, tx_type, rx_filter.
    data[4..8].copy_from_slice(&wanted.transmit.number().to_ne_bytes());
    data[8..12].copy_from_slice(&wanted.receive.number().to_ne_bytes());
    call(interface, libc::SIOCSHWTSTAMP, &mut data)?;
    parse_in_force(&data).ok_or_else(too_short)
}

fn command(number: u32) -> Data {
    let mut data = [0; DATA];
    data[..4].copy_from_slice(&number.to_ne_bytes());
    data
}

fn call(interface: &str, request: c_ulong, data: &mut Data) -> io::Result<()> {
    let mut ifreq = Request { name: [0; NAME], data, unused: [0; 16] };
    let name = interface.as_bytes();
    let place = ifreq.name.get_mut(..name.len()).filter(|place| place.len() < NAME);
    place.ok_or(io::ErrorKind::InvalidInput)?.copy_from_slice(name);
    // Any socket will do; this family needs neither a protocol nor a permission.
    let socket = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: all requests made here take a struct ifreq, which `Request` is laid out as,
    // and read and write behind its pointer a structure no longer than `Data`. Both live
    // beyond the call, and nothing else refers to them.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), request, &raw mut ifreq) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

const _: () = assert!(size_of::<Request>() == 40, "struct ifreq of 64-bit Linux");

/// struct ethtool_ts_info: command, so_timestamping, phc_index, tx_types, 3 reserved,
/// rx_filters, 3 reserved.
fn parse_abilities(data: &[u8]) -> Option<Abilities> {
    let flags = u32::from_ne_bytes(field(data, 4)?);
    let has = |wanted: u32| flags & wanted == wanted;
    let raw = libc::SOF_TIMESTAMPING_RAW_HARDWARE;
    Some(Abilities {
        software_transmit: has(libc::SOF_TIMESTAMPING_TX_SOFTWARE),
        software_receive: has(libc::SOF_TIMESTAMPING_RX_SOFTWARE),
        hardware_transmit: has(libc::SOF_TIMESTAMPING_TX_HARDWARE | raw),
        hardware_receive: has(libc::SOF_TIMESTAMPING_RX_HARDWARE | raw),
        phc: u32::try_from(c_int::from_ne_bytes(field(data, 8)?)).ok(),
        transmit: TxSet::from_bits(u32::from_ne_bytes(field(data, 12)?)),
        receive: FilterSet::from_bits(u32::from_ne_bytes(field(data, 28)?)),
    })
}

/// struct ethtool_drvinfo: command, 32 bytes of name.
fn parse_name(data: &[u8]) -> String {
    let name = data.get(4..36).unwrap_or_default();
    let text = name.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// struct ethtool_cmd: the lower half of the speed at 12, the upper at 28.
fn parse_speed(data: &[u8]) -> Option<u32> {
    let lower = u16::from_ne_bytes(field(data, 12)?);
    let upper = u16::from_ne_bytes(field(data, 28)?);
    let speed = u32::from(upper) << 16 | u32::from(lower);
    // Old drivers say 65535 for what they do not know.
    (![0, u32::from(u16::MAX), SPEED_UNKNOWN].contains(&speed)).then_some(speed)
}

fn parse_in_force(data: &[u8]) -> Option<InForce> {
    Some(InForce {
        transmit: TxType::from_number(u32::from_ne_bytes(field(data, 4)?)),
        receive: RxFilter::from_number(u32::from_ne_bytes(field(data, 8)?)),
    })
}

/// Cannot be: the structure has a constant length.
fn too_short() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn data(words: &[(usize, u32)]) -> Data {
        let mut data = [0; DATA];
        for (at, value) in words {
            data[*at..at + 4].copy_from_slice(&value.to_ne_bytes());
        }
        data
    }

    #[test]
    fn abilities_are_read_as_the_kernel_lays_them_out() {
        let found = parse_abilities(&data(&[(4, 0x5f), (8, 3), (12, 0b111), (28, 0x1002)]));
        let expected = Abilities {
            software_transmit: true,
            software_receive: true,
            hardware_transmit: true,
            hardware_receive: true,
            phc: Some(3),
            transmit: TxSet::from_bits(0b111),
            receive: FilterSet::from_bits(0x1002),
        };
        assert_eq!(found, Some(expected));
    }

    #[test]
    fn hardware_stamps_that_cannot_be_had_raw_do_not_count() {
        let found = parse_abilities(&data(&[(4, 0x1f), (8, u32::MAX)])).unwrap();
        assert!(!found.hardware_transmit && !found.hardware_receive);
        assert_eq!(found.phc, None);
    }

    #[test]
    fn speeds_beyond_64_gbit_take_the_upper_half_and_the_unknown_is_none() {
        for (words, speed) in [
            (&[(12, 1000)][..], Some(1000)),
            (&[(12, 0x86a0), (28, 1)], Some(100_000)),
            (&[(12, 0)], None),
            (&[(12, 0xffff)], None),
            (&[(12, 0xffff), (28, 0xffff)], None),
        ] {
            assert_eq!(parse_speed(&data(words)), speed, "{words:?}");
        }
    }

    #[test]
    fn loopback_tells_of_software_stamps_and_of_no_clock() {
        let found = abilities("lo").unwrap();
        assert!(found.software_receive && !found.hardware_receive);
        assert_eq!(found.phc, None);
    }

    #[test]
    fn an_interface_that_is_not_there_or_cannot_be_named_so_is_an_error() {
        assert_eq!(abilities("utcd-none").unwrap_err().raw_os_error(), Some(libc::ENODEV));
        let long = "a-name-of-16-chr";
        assert_eq!(abilities(long).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (parse_abilities(&bytes), parse_name(&bytes), parse_speed(&bytes));
            let _ = parse_in_force(&bytes);
        }
    }
}
