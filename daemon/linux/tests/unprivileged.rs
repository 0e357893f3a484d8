//! What a program without privileges is told. Each test runs in a child that has given
//! them away: this machine's clock must never be written to, not even with its own value.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::os::unix::process::CommandExt;
use std::process::Command;

use utcd_linux::clock::{ClockError, SystemClock};
use utcd_linux::ethernet;
use utcd_linux::interface::Interface;
use utcd_linux::socket::{Hardware, NtpOver, OpenError, server};

const NOBODY: u32 = 65_534;
const CHILD: &str = "UTCD_TEST_UNPRIVILEGED";

/// Runs `test`, which is called `name`, in a child of no privilege.
fn unprivileged(name: &str, test: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        assert_no_capabilities();
        return test();
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture"]).env(CHILD, "1");
    match child.uid(NOBODY).gid(NOBODY).current_dir("/").output() {
        Ok(output) => {
            let out = String::from_utf8_lossy(&output.stdout);
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && out.contains("1 passed"), "{out}{error}");
        }
        Err(error) => println!("skipped: cannot become another user here ({error})"),
    }
}

fn assert_no_capabilities() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    assert_eq!(u64::from_str_radix(effective.trim(), 16), Ok(0), "privileged: nothing tried");
}

#[test]
fn the_clock_is_not_steered_and_the_capability_is_named() {
    unprivileged("the_clock_is_not_steered_and_the_capability_is_named", || {
        let error = SystemClock::new().set_frequency(0.0).unwrap_err();
        let what = "set the frequency of the system clock";
        assert_eq!(error, ClockError::NotPermitted { what });
        assert!(error.to_string().contains("grant CAP_SYS_TIME"));
    });
}

#[test]
fn the_clock_can_be_read() {
    unprivileged("the_clock_can_be_read", || {
        SystemClock::new().status().unwrap();
    });
}

#[test]
fn ethernet_needs_a_capability_that_is_named() {
    unprivileged("ethernet_needs_a_capability_that_is_named", || {
        let interfaces = Interface::all().unwrap();
        let Some(interface) = interfaces.iter().find(|interface| interface.mac.is_some()) else {
            return println!("skipped: there is no Ethernet interface");
        };
        let error = ethernet::open(&interface.name, Hardware::Unwanted).unwrap_err();
        assert!(matches!(error, OpenError::RawEthernet), "{error}");
    });
}

#[test]
fn the_port_of_ntp_needs_a_capability_that_is_named() {
    unprivileged("the_port_of_ntp_needs_a_capability_that_is_named", || {
        let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
        if first.is_ok_and(|port| port.trim().parse::<u16>().is_ok_and(|port| port <= 123)) {
            return println!("skipped: the port needs no privilege on this host");
        }
        let error =
            server("127.0.0.1:123".parse().unwrap(), NtpOver::Udp, Hardware::Unwanted).unwrap_err();
        assert!(matches!(error, OpenError::PrivilegedPort(123)), "{error}");
    });
}
