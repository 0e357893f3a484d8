//! utcd as a server: of `chronyd` and of ntpd-rs.

use std::net::IpAddr;

use crate::daemon::Utcd;
use crate::network::{Host, on_network};
use crate::peers::{chronyd, ntp_source};
use crate::program::{Scratch, find, run, text};
use crate::query::{GROSS, ask};

/// What `chronyd -Q` makes of a server: it sets no clock, and prints what it would do.
fn chronyd_asks(from: &Host, scratch: &Scratch, server: IpAddr, options: &str) -> (bool, String) {
    chronyd_asks_with(from, scratch, server, options, &[])
}

/// The same, with more directives.
pub(crate) fn chronyd_asks_with(
    from: &Host,
    scratch: &Scratch,
    server: IpAddr,
    options: &str,
    directives: &[&str],
) -> (bool, String) {
    let server = format!("server {server} iburst maxsamples 4 {options}");
    let pid_file = format!("pidfile {}", scratch.file("chronyd-client.pid"));
    let arguments = ["-Q", "-t", "20", "-f", "/dev/null", &server, &pid_file];
    let more = ["cmdport 0", "bindcmdaddress /", "user root"];
    let more = more.iter().chain(directives).copied();
    let arguments: Vec<&str> = arguments.into_iter().chain(more).collect();
    let output = from.on(|| run("chronyd", &arguments));
    (output.status.success(), text(&output))
}

/// The correction that `chronyd -Q` found, s.
pub(crate) fn correction(said: &str) -> f64 {
    let number = said.split("System clock wrong by ").nth(1).unwrap();
    number.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn chronyd_accepts_the_time_of_utcd() {
    on_network::<2>(&["chronyd"], |network| {
        let [here, there] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let _chronyd = chronyd(there, &scratch);
        let utcd = Utcd::start(here, &scratch, &ntp_source("server", there.ipv4()));
        utcd.until_locked_to("server");
        for (server, options) in [
            (here.ipv4(), "version 4"),
            (here.ipv4(), "version 3"),
            (here.ipv6(), "version 4"),
            (here.ipv4(), "xleave"),
        ] {
            let (accepted, said) = chronyd_asks(there, &scratch, server, options);
            assert!(accepted, "{options}: {said}");
            assert!(correction(&said).abs() < GROSS, "{options}: {said}");
        }
        // The last one asked for interleaved mode.
        let served = utcd.status().unwrap().ntp_server.unwrap();
        assert!(served.interleaved > 0, "{served:?}");
    });
}

#[test]
fn chronyd_refuses_a_utcd_that_has_no_source() {
    on_network::<2>(&["chronyd"], |network| {
        let [here, there] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let _utcd = Utcd::start(here, &scratch, &ntp_source("nobody", there.ipv4()));
        let answer = ask(there, here.ipv4());
        assert_eq!((answer.leap_indicator, answer.stratum), (3, 0));
        let (accepted, said) = chronyd_asks(there, &scratch, here.ipv4(), "");
        assert!(!accepted && said.contains("No suitable source"), "{said}");
    });
}

/// `ntp-daemon` does not start without the right to set the clock. `ntp-ctl force-sync` takes
/// the time by the very same code; it asks before it would set the clock, and only where it
/// is wrong by a second. To ask, it wants a terminal, which `script` makes.
#[test]
fn ntpd_rs_accepts_the_time_of_utcd() {
    on_network::<2>(&["chronyd", "ntp-ctl", "script"], |network| {
        let [here, there] = &network.hosts[..] else { panic!() };
        let scratch = Scratch::new();
        let _chronyd = chronyd(there, &scratch);
        let utcd = Utcd::start(here, &scratch, &ntp_source("server", there.ipv4()));
        utcd.until_locked_to("server");
        for server in [here.ipv4(), here.ipv6()] {
            let config = format!(
                "[[source]]\nmode = \"server\"\naddress = \"{}\"\n\
                 [synchronization]\nminimum-agreeing-sources = 1\n",
                std::net::SocketAddr::new(server, 123)
            );
            let file = scratch.write("ntp.toml", &config);
            let ntp_ctl = find("ntp-ctl").unwrap();
            let command = format!("timeout 60 {} force-sync -c {file}", ntp_ctl.display());
            let output = there.on(|| run("script", &["-qec", &command, "/dev/null"]));
            let said = text(&output);
            assert!(output.status.success(), "{said}");
            assert!(said.contains("already within 1s of the correct time"), "{said}");
        }
    });
}
