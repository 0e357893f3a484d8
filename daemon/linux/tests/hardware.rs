//! Time stamps of NICs whose truth is known: hwtsim's, in the bench's virtual machine.
//!
//! Runs where `UTCD_VM=1` is set and the module is there, as in scenario 52:
//!
//! ```sh
//! cargo test -p utcd-linux --no-run
//! cargo run -p testbed -- vm run 52
//! ```
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

#[expect(dead_code, reason = "other tests take more of it")]
mod common;

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use clock_models::comparison::StampedBy;
use clock_models::time::Duration;
use common::{notice, patiently, receive, until_stamped};
use nix::sched::{CloneFlags, setns};
use utcd_linux::ethernet;
use utcd_linux::interface::{
    Cause, Interface, NoHardware, Purpose, RxFilter, TwoStep, TxType, prepare,
};
use utcd_linux::link::{LinkEvent, Monitor};
use utcd_linux::phc::Phc;
use utcd_linux::socket::{
    Hardware, HardwareStamp, IpVersion, Notice, NtpOver, PtpPort, Received, SendId, TimeSocket,
    client, ptp, server,
};

const SIM: &str = "/sys/kernel/debug/hwtsim";
/// The wire between the two ports, and what a frame takes to it.
const DELAY_NS: i64 = 5000;
const EGRESS_NS: i64 = 1000;
/// A PTPv2 Sync message over its header, which is all that a NIC looks at.
const SYNC: [u8; 44] = {
    let mut message = [0; 44];
    message[1] = 2;
    message[3] = 44;
    message
};

/// The tests share the two NICs.
static BENCH: Mutex<()> = Mutex::new(());

/// Runs `test` on two NICs that were just loaded, or says why it cannot.
fn on_the_bench(test: impl FnOnce()) {
    on_wires("0-1", 2, test);
}

/// The same on these wires between so many NICs.
fn on_wires(topology: &str, nics: u32, test: impl FnOnce()) {
    if std::env::var_os("UTCD_VM").is_none() || !Path::new(SIM).exists() {
        return println!("skipped: needs hwtsim in the bench's virtual machine (UTCD_VM=1)");
    }
    let _bench = BENCH.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    run("modprobe -r hwtsim");
    run(&format!("modprobe hwtsim topo={topology}"));
    for port in 0..nics {
        knob(port, "delay_ns", DELAY_NS);
        knob(port, "egress_ns", EGRESS_NS);
        run(&format!("ip link set hts{port} addrgenmode none"));
        run(&format!("ip link set hts{port} up"));
    }
    (0..nics).for_each(|port| running(&format!("hts{port}")));
    test();
}

fn run(command: &str) {
    assert!(try_run(command), "{command}");
}

fn try_run(command: &str) -> bool {
    let mut words = command.split(' ');
    Command::new(words.next().unwrap()).args(words).status().is_ok_and(|status| status.success())
}

fn running(name: &str) {
    patiently("no carrier", || Interface::by_name(name).unwrap().running.then_some(()));
}

fn knob(port: u32, name: &str, value: i64) {
    fs::write(format!("{SIM}/port{port}/{name}"), value.to_string()).unwrap();
}

fn clock(number: u32, name: &str) -> i64 {
    let text = fs::read_to_string(format!("{SIM}/clock{number}/{name}")).unwrap();
    text.trim().parse().unwrap()
}

/// Index of the PHC of a simulated clock.
fn phc(number: u32) -> u32 {
    clock(number, "ptp").try_into().unwrap()
}

fn on_ethernet(hardware: Hardware) -> (TimeSocket, TimeSocket) {
    (ethernet::open("hts0", hardware).unwrap(), ethernet::open("hts1", hardware).unwrap())
}

/// The kernel's and the NIC's stamp of one datagram.
fn both_stamps(socket: &mut TimeSocket, id: SendId) -> HardwareStamp {
    let (mut software, mut hardware) = (None, None);
    while software.is_none() || hardware.is_none() {
        match notice(socket) {
            Notice::Transmitted { id: of, stamp } if of == id => {
                assert!(software.replace(stamp).is_none(), "twice");
                assert_eq!(stamp.by, StampedBy::Kernel);
            }
            Notice::TransmittedByHardware { id: of, stamp } if of == id => {
                assert!(hardware.replace(stamp).is_none(), "twice");
            }
            other => panic!("{other:?}"),
        }
    }
    hardware.unwrap()
}

/// What comes and goes until the stamps of the kernel come, which it starts late.
fn warm_up(from: &mut TimeSocket, to: &mut TimeSocket) {
    until_stamped(|| {
        let id = from.send(&SYNC).unwrap().id;
        let stamped = both_stamps(from, id.unwrap());
        let received = receive(to).0;
        (received.stamp.by == StampedBy::Kernel).then_some(stamped)
    });
}

/// Both stamps both ways, and the NICs' as far apart as the wire is long on clocks that
/// show the same.
fn exchange(from: &mut TimeSocket, to: &mut TimeSocket) -> (HardwareStamp, Received) {
    let id = from.send(&SYNC).unwrap().id.unwrap();
    let sent = both_stamps(from, id);
    let received = receive(to).0;
    assert_eq!(received.stamp.by, StampedBy::Kernel);
    let arrived = received.hardware.unwrap();
    let truth = Duration::from_nanos(clock(1, "vs_clock0_ns") + DELAY_NS);
    let error = arrived.at - sent.at - truth;
    assert!(error.abs() <= Duration::from_nanos(1), "off by {error:?}");
    assert_eq!((sent.phc, arrived.phc), (Some(phc(0)), Some(phc(1))));
    (sent, received)
}

#[test]
fn over_ethernet_both_stamps_come_and_the_nics_are_true() {
    on_the_bench(|| {
        let (mut one, mut other) = on_ethernet(Hardware::Wanted);
        warm_up(&mut one, &mut other);
        for _ in 0..20 {
            exchange(&mut one, &mut other);
        }
        let granted = one.stamping().hardware.as_ref().unwrap();
        assert_eq!((granted.phc, granted.cause), (Some(phc(0)), Cause::Set));
        assert_eq!((granted.transmit, granted.receive), (TxType::ON, RxFilter::PTP_V2_EVENT));
        assert_eq!(one.stamp_faults(), Default::default());
    });
}

/// The second NIC in a host of its own, which ends with this.
struct Far;

impl Far {
    fn new() -> Self {
        run("ip netns add far");
        run("ip link set hts1 netns far");
        for (host, prefix) in [(1, ""), (2, "ip netns exec far ")] {
            let nic = format!("hts{}", host - 1);
            run(&format!("{prefix}ip address add 198.18.0.{host}/24 dev {nic}"));
            run(&format!("{prefix}ip address add fe80::{host}/64 dev {nic} nodad"));
            run(&format!("{prefix}ip link set {nic} up"));
        }
        running("hts0");
        Self
    }

    fn open(open: impl FnOnce() -> TimeSocket + Send + 'static) -> TimeSocket {
        let thread = std::thread::spawn(move || {
            let namespace = fs::File::open("/run/netns/far").unwrap();
            setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            running("hts1");
            open()
        });
        thread.join().unwrap()
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        try_run("ip netns delete far");
    }
}

#[test]
fn over_udp_both_stamps_come_and_tell_their_clock() {
    on_the_bench(|| {
        let _far = Far::new();
        for version in [IpVersion::V4, IpVersion::V6] {
            let open = move |name| ptp(name, version, PtpPort::Event, Hardware::Wanted).unwrap();
            let (mut one, mut other) = (open("hts0"), Far::open(move || open("hts1")));
            warm_up(&mut one, &mut other);
            for _ in 0..5 {
                exchange(&mut one, &mut other);
            }
        }
    });
}

#[test]
fn a_lost_stamp_shifts_no_other_and_a_late_one_finds_its_datagram() {
    on_the_bench(|| {
        let (mut one, mut other) = on_ethernet(Hardware::Wanted);
        warm_up(&mut one, &mut other);
        knob(0, "tx_drop", 3);
        for _ in 0..3 {
            let id = one.send(&SYNC).unwrap().id.unwrap();
            let Notice::Transmitted { id: stamped, .. } = notice(&mut one) else { panic!() };
            assert_eq!(stamped, id);
            receive(&mut other);
        }
        assert!(one.notice().unwrap().is_none());
        exchange(&mut one, &mut other);

        knob(0, "tx_late_us", 20_000);
        let mut awaited = BTreeSet::new();
        for _ in 0..5 {
            awaited.insert(one.send(&SYNC).unwrap().id.unwrap());
        }
        // Sending never waited: all are on their way before the first late stamp comes.
        let mut late = awaited.clone();
        while !late.is_empty() || !awaited.is_empty() {
            let news = match notice(&mut one) {
                Notice::Transmitted { id, .. } => awaited.remove(&id),
                Notice::TransmittedByHardware { id, .. } => late.remove(&id),
                other => panic!("{other:?}"),
            };
            assert!(news);
        }
    });
}

#[test]
fn what_comes_without_a_stamp_of_the_nic_has_the_kernels() {
    on_the_bench(|| {
        let (mut one, mut other) = on_ethernet(Hardware::Wanted);
        warm_up(&mut one, &mut other);
        knob(1, "rx_drop", 1);
        one.send(&SYNC).unwrap();
        let bare = receive(&mut other).0;
        assert_eq!((bare.hardware, bare.stamp.by), (None, StampedBy::Kernel));
        while one.notice().unwrap().is_some() {}
        exchange(&mut one, &mut other);
    });
}

#[test]
fn a_datagram_that_fails_does_not_shift_the_stamps_of_the_nic() {
    on_the_bench(|| {
        let (mut one, mut other) = on_ethernet(Hardware::Wanted);
        warm_up(&mut one, &mut other);
        for _ in 0..5 {
            one.send(&[0; 9000]).unwrap_err();
            exchange(&mut one, &mut other);
        }
    });
}

#[test]
fn the_filter_is_widened_for_all_and_narrowed_for_none() {
    on_the_bench(|| {
        let granted = |purpose| prepare("hts0", purpose).unwrap();
        let ptp = granted(Purpose::PtpEthernet);
        assert_eq!((ptp.receive, ptp.cause), (RxFilter::PTP_V2_EVENT, Cause::Set));
        let ntp = granted(Purpose::Ntp);
        assert_eq!((ntp.receive, ntp.cause), (RxFilter::ALL, Cause::Set));
        for purpose in [Purpose::PtpUdp, Purpose::PtpEthernet, Purpose::Ntp] {
            let again = granted(purpose);
            assert_eq!((again.receive, again.cause), (RxFilter::ALL, Cause::Found));
        }
        let shown = Interface::by_name("hts0").unwrap().in_force().unwrap();
        assert_eq!((shown.transmit, shown.receive), (TxType::ON, RxFilter::ALL));
    });
}

#[test]
fn one_step_is_granted_refused_or_left_to_who_needs_the_stamps() {
    on_the_bench(|| {
        let granted = || {
            let socket = ethernet::open("hts0", Hardware::OneStep).unwrap();
            let granted = socket.stamping().hardware.clone().unwrap();
            (granted.transmit, granted.one_step)
        };
        let turn_off = || run("hwstamp_ctl -i hts0 -t 0 -r 0");
        let two_steps = |why| (TxType::ON, Err(why));
        assert_eq!(granted(), two_steps(TwoStep::NotOffered));
        knob(0, "one_step_p2p", 1);
        assert_eq!(granted(), two_steps(TwoStep::InUse));
        for refusal in [2, 3] {
            turn_off();
            knob(0, "one_step_p2p", refusal);
            assert_eq!(granted(), two_steps(TwoStep::Refused));
        }
        turn_off();
        knob(0, "one_step_p2p", 1);
        assert_eq!(granted(), (TxType::ONE_STEP_P2P, Ok(())));
        let found = prepare("hts0", Purpose::PtpEthernet).unwrap();
        assert_eq!((found.cause, found.one_step_now()), (Cause::Found, Ok(())));
        run("hwstamp_ctl -i hts0 -t 1 -r 12");
        assert_eq!(found.one_step_now(), Err(TwoStep::Taken));
    });
}

#[test]
fn no_stamp_is_waited_for_of_an_answer_in_one_step() {
    on_the_bench(|| {
        knob(0, "one_step_p2p", 1);
        let (mut one, mut other) = on_ethernet(Hardware::OneStep);
        warm_up(&mut other, &mut one);
        let [pdelay_req, pdelay_resp] = [2, 3].map(|kind| {
            let mut message = [0; 54];
            message[..4].copy_from_slice(&[kind, 2, 0, 54]);
            message
        });
        for _ in 0..100 {
            one.send_to_neighbour_in_one_step(&pdelay_resp).unwrap();
            receive(&mut other);
            // The kernel's.
            assert!(matches!(notice(&mut one), Notice::Transmitted { .. }));
        }
        let id = one.send_to_neighbour(&pdelay_req).unwrap().id.unwrap();
        both_stamps(&mut one, id);
        assert_eq!(one.stamp_faults(), Default::default());
    });
}

#[test]
fn a_nic_for_ptp_alone_serves_ptp_and_says_that_ntp_is_stamped_by_the_kernel() {
    on_the_bench(|| {
        knob(0, "ptp_only", 1);
        let abilities = Interface::by_name("hts0").unwrap().abilities().unwrap();
        assert!(!abilities.receive.contains(RxFilter::ALL));
        let ntp = prepare("hts0", Purpose::Ntp).unwrap();
        assert!(ntp.transmits() && !ntp.receives());
        assert!(ntp.to_string().ends_with("what comes is stamped by the kernel"), "{ntp}");
        assert!(prepare("hts0", Purpose::PtpUdp).unwrap().receives());
    });
}

#[test]
fn ntp_is_stamped_by_the_nics_at_both_ends() {
    on_the_bench(|| {
        let _far = Far::new();
        let address = (Ipv4Addr::new(198, 18, 0, 2), 12_300).into();
        let mut server =
            Far::open(move || server(address, NtpOver::Udp, Hardware::Wanted).unwrap());
        let mut client = client(address, NtpOver::Udp, Hardware::Wanted).unwrap();
        let granted = client.stamping().hardware.clone().unwrap();
        assert!(granted.receives() && granted.transmits(), "{granted}");
        warm_up(&mut client, &mut server);

        let (sent, request) = exchange(&mut client, &mut server);
        server.reply(&SYNC, &request).unwrap();
        let answer = receive(&mut client).0;
        assert!(answer.hardware.unwrap().at > sent.at);
    });
}

#[test]
fn of_a_vlan_the_nic_below_stamps() {
    on_the_bench(|| {
        for port in [0, 1] {
            run(&format!("ip link add link hts{port} name vlan{port} type vlan id 7"));
            run(&format!("ip link set vlan{port} up"));
            running(&format!("vlan{port}"));
        }
        let open = |name| ethernet::open(name, Hardware::Wanted).unwrap();
        let (mut one, mut other) = (open("vlan0"), open("vlan1"));
        assert_eq!(one.stamping().hardware.as_ref().unwrap().nic, "hts0");
        warm_up(&mut one, &mut other);
        exchange(&mut one, &mut other);
    });
}

#[test]
fn a_bond_follows_its_active_nic() {
    on_wires("0-1,2-3", 4, || {
        run("ip link add bond7 type bond mode active-backup miimon 10");
        for nic in ["hts0", "hts2"] {
            run(&format!("ip link set {nic} down"));
            run(&format!("ip link set {nic} master bond7"));
        }
        run("ip address add 198.18.0.1/24 dev bond7");
        run("ip link set bond7 up");
        run("ip link set bond7 type bond active_slave hts0");
        running("bond7");
        let mut monitor = Monitor::open().unwrap();
        let mut socket = ptp("bond7", IpVersion::V4, PtpPort::Event, Hardware::Wanted).unwrap();
        assert_eq!(transmitted_by(&mut socket), Some(phc(0)));

        run("ip link set bond7 type bond active_slave hts2");
        let index = Interface::by_name("bond7").unwrap().index;
        let (from, to) = (Some(phc(0)), Some(phc(2)));
        let failover = LinkEvent::ClockChanged { index, from, to };
        patiently("no news of another clock", || {
            (monitor.next_event().unwrap()? == failover).then_some(())
        });
        let granted = prepare("bond7", Purpose::PtpUdp).unwrap();
        assert_eq!((granted.nic.as_str(), granted.phc), ("hts2", to));
        // The stamp itself tells, before the socket is opened anew.
        assert_eq!(transmitted_by(&mut socket), to);
        run("ip link delete bond7");
    });
}

/// The clock of the next transmit stamp of the NIC.
fn transmitted_by(socket: &mut TimeSocket) -> Option<u32> {
    patiently("no stamp of the NIC", || {
        socket.send(&SYNC).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1));
        while let Some(notice) = socket.notice().unwrap() {
            if let Notice::TransmittedByHardware { stamp, .. } = notice {
                return Some(stamp.phc);
            }
        }
        None
    })
}

#[test]
fn a_virtual_clock_stamps_where_it_is_asked_for() {
    on_the_bench(|| {
        let _far = Far::new();
        let folder = format!("/sys/class/ptp/ptp{}", phc(0));
        fs::write(format!("{folder}/n_vclocks"), "1").unwrap();
        let own = format!("ptp{}", phc(0));
        let physical =
            ethernet::open("hts0", Hardware::Virtual { clock: phc(1), of: phc(0) }).unwrap();
        assert_eq!(physical.stamping().refused, Some(NoHardware::NotItsClock(phc(1))));
        let mut virtuals = fs::read_dir(&folder).unwrap().flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            name.strip_prefix("ptp").filter(|_| name != own)?.parse::<u32>().ok()
        });
        let clock = virtuals.next().unwrap();
        assert_eq!(Phc::open(clock).unwrap().physical(), Some(phc(0)));
        assert_eq!(Phc::open(phc(0)).unwrap().physical(), None);
        let (own, other) =
            (Hardware::Virtual { clock, of: phc(0) }, Hardware::Virtual { clock, of: phc(1) });
        let server = (Ipv4Addr::new(198, 18, 0, 2), 12_300).into();
        for (asked, stamps) in [(own, clock), (other, phc(0))] {
            let over_ethernet = ethernet::open("hts0", asked).unwrap();
            let over_udp = ptp("hts0", IpVersion::V4, PtpPort::Event, asked).unwrap();
            let by_ntp = client(server, NtpOver::Udp, asked).unwrap();
            for mut socket in [over_ethernet, over_udp, by_ntp] {
                assert_eq!(socket.stamping().refused, None);
                let granted = socket.stamping().hardware.as_ref().unwrap();
                assert_eq!(granted.phc, Some(stamps));
                assert_eq!(transmitted_by(&mut socket), Some(stamps));
            }
        }
        drop(physical);
        fs::write(format!("{folder}/n_vclocks"), "0").unwrap();
    });
}

const NOBODY: u32 = 65_534;
const CHILD: &str = "UTCD_TEST_FOUND";

#[test]
fn without_the_privilege_what_is_found_is_used_if_it_is_enough() {
    if let Ok(found) = std::env::var(CHILD) {
        return as_nobody(&found);
    }
    on_the_bench(|| {
        for found in ["nothing", "ptp"] {
            if found == "ptp" {
                prepare("hts0", Purpose::PtpUdp).unwrap();
            }
            let name = "without_the_privilege_what_is_found_is_used_if_it_is_enough";
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", name]).env(CHILD, found).uid(NOBODY).gid(NOBODY);
            assert!(child.current_dir("/").status().unwrap().success(), "found {found}");
        }
    });
}

fn as_nobody(found: &str) {
    let granted = |purpose| prepare("hts0", purpose);
    if found == "nothing" {
        assert_eq!(granted(Purpose::PtpUdp), Err(NoHardware::NotPermitted));
        assert_eq!(granted(Purpose::Ntp), Err(NoHardware::NotPermitted));
        return;
    }
    let ptp = granted(Purpose::PtpUdp).unwrap();
    assert_eq!((ptp.cause, ptp.receives()), (Cause::Found, true));
    let ntp = granted(Purpose::Ntp).unwrap();
    assert_eq!((ntp.cause, ntp.transmits(), ntp.receives()), (Cause::NotPermitted, true, false));
}
