//! Receivers and pulses as sources, without their hardware.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod common;

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clock_models::time::{Timestamp, Utc};
use common::ntp::Server;
use common::{Daemon, Directory, VIRTUAL, has, source, succeeds};
use utcd::status::{ClockState, ClockStatus, SelectionState};

/// A receiver that tells each second 100 ms after it began, for as long as somebody reads.
fn receiver(line: &Path, sentence: fn(u64) -> String) {
    assert!(succeeds("mkfifo", &[line.to_str().unwrap()]));
    // Both ways, so that neither side waits for the other.
    let mut line = OpenOptions::new().read(true).write(true).open(line).unwrap();
    thread::spawn(move || {
        loop {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let next = now.as_secs() + 1;
            thread::sleep(Duration::from_secs(next) + Duration::from_millis(100) - now);
            if line.write_all(sentence(next).as_bytes()).is_err() {
                break;
            }
        }
    });
}

fn with_checksum(body: &str) -> String {
    format!("${body}*{:02X}\r\n", body.bytes().fold(0, |sum, byte| sum ^ byte))
}

/// RMC of this second, and a damaged sentence.
fn rmc(status: char, second: u64) -> String {
    let second = i64::try_from(second).unwrap();
    let (year, month, day) = Timestamp::<Utc>::from_secs(second).date();
    let (hour, minute) = (second / 3600 % 24, second / 60 % 60);
    let date = format!("{day:02}{month:02}{:02}", year % 100);
    let time = format!("{hour:02}{minute:02}{:02}.00", second % 60);
    with_checksum(&format!("GNRMC,{time},{status},,,,,,,{date},,,A")) + "$GNZDA,*00\r\n"
}

fn nmea(line: &Path) -> String {
    format!("[[source.nmea]]\nname = \"gnss\"\ndevice = \"{}\"\n", line.display())
}

#[test]
fn a_clock_follows_the_sentences_of_a_receiver() {
    let directory = Directory::new();
    let line = directory.join("receiver");
    receiver(&line, |second| rmc('A', second));
    let clock = VIRTUAL.to_owned() + "initial-offset = \"-7 s\"\n";
    let origin = "[source.nmea.origin]\nclock = \"UTC\"\nuncertainty = \"1 us\"\n";
    let mut daemon = Daemon::start(&(clock + &nmea(&line) + origin));
    // On a busy host the sentences of this test itself come late at first.
    let status = daemon.until("the clock is not known to 0.4 s", |status| {
        let is_known = |clock: &ClockStatus| clock.bound.is_some_and(|bound| bound < 0.4);
        status.clocks.iter().any(|c| c.state == ClockState::Locked && is_known(c))
    });
    let [clock] = status.clocks.as_slice() else { unreachable!("{:?}", status.clocks) };
    assert_eq!((clock.leader.as_deref(), clock.stratum), (Some("gnss"), 1));
    assert!(clock.traceable, "{:?}", clock.not_traceable_because);
    // It is known no better than the delay of the sentences.
    assert!(clock.bound.unwrap() >= 0.1, "{:?}", clock.bound);
    assert!(clock.steps >= 1);
    let gnss = daemon.source("gnss");
    assert_eq!((gnss.protocol.as_str(), gnss.state), ("nmea", SelectionState::Leader));
    assert!(daemon.rejected("gnss", "checksum") > 0.0);
    daemon.assert_sound();
}

#[test]
fn a_receiver_without_a_fix_is_not_followed() {
    let directory = Directory::new();
    let line = directory.join("receiver");
    receiver(&line, |second| rmc('V', second));
    let mut daemon = Daemon::start(&(VIRTUAL.to_owned() + &nmea(&line)));
    let status = daemon.until("no sentence is refused", |status| {
        status.sources.iter().any(|s| s.rejected.get("no-fix").is_some_and(|count| *count > 3))
    });
    assert_eq!(status.clocks[0].state, ClockState::Unsynchronised);
    assert_eq!(status.sources[0].state, SelectionState::Unusable);
    assert_eq!(status.sources[0].accepted, 0);
    daemon.assert_sound();
}

#[test]
fn pulses_whose_device_is_missing_leave_the_others_alone_and_say_what_to_do() {
    let server = Server::good();
    let pps = "[[source.pps]]\ndevice = \"/dev/pps4000000\"\n";
    let config = VIRTUAL.to_owned() + &source("ntp1", server.address) + pps;
    let mut daemon = Daemon::start(&config);
    daemon.until_locked("virtual");
    let pps = daemon.source("pps4000000");
    assert_eq!((pps.protocol.as_str(), pps.accepted), ("pps", 0));
    assert!(pps.reason.unwrap().contains("pps-ldisc"));
    daemon.assert_sound();
}

#[test]
fn an_event_whose_device_is_missing_is_said_until_it_is_taken_away() {
    let server = Server::good();
    let base = VIRTUAL.to_owned() + &source("ntp1", server.address);
    let event = "[[event]]\nname = \"trigger\"\ndevice = \"/dev/pps4000000\"\n";
    let mut daemon = Daemon::start(&(base.clone() + event));
    let status = daemon.until("no event is shown", |status| !status.events.is_empty());
    let [trigger] = status.events.as_slice() else { unreachable!("{:?}", status.events) };
    assert_eq!((&*trigger.name, &*trigger.clock, trigger.stamped), ("trigger", "virtual", 0));
    assert!(trigger.fault.as_ref().is_some_and(|fault| fault.contains("pps-ldisc")));
    assert_eq!(daemon.metric("utcd_event_input_up{event=\"trigger\"}"), Some(0.0));
    daemon.reload(&base);
    daemon.until("the event is still shown", |status| status.events.is_empty());
    daemon.until_locked("virtual");
    daemon.assert_sound();
}

/// A gpsd that tells the time of each second, and that its pulse came just when the system
/// clock showed it. It hangs up on its first client.
fn gpsd() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        drop(listener.accept());
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut asked).unwrap();
            assert!(asked.starts_with("?WATCH={") && asked.contains("\"pps\":true"), "{asked}");
            let _ = stream.write_all(b"{\"class\":\"VERSION\",\"release\":\"3\"}\r\n");
            loop {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                let next = now.as_secs() + 1;
                thread::sleep(Duration::from_secs(next) - now);
                if stream.write_all(told_of(next).as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    address
}

fn told_of(second: u64) -> String {
    let (year, month, day) = Timestamp::<Utc>::from_secs(i64::try_from(second).unwrap()).date();
    let (hour, minute) = (second / 3600 % 24, second / 60 % 60);
    let time = format!("{hour:02}:{minute:02}:{:02}.000Z", second % 60);
    format!(
        "{{\"class\":\"PPS\",\"real_sec\":{second},\"real_nsec\":0,\"clock_sec\":{second},\
         \"clock_nsec\":0}}\r\n\
         {{\"class\":\"TPV\",\"mode\":3,\"time\":\"{year}-{month:02}-{day:02}T{time}\"}}\r\n"
    )
}

#[test]
fn a_clock_follows_the_pulses_of_a_gpsd_that_it_calls_again() {
    let gpsd = format!("[[source.gpsd]]\nport = {}\n", gpsd().port());
    let clock = VIRTUAL.to_owned() + "initial-offset = \"3 s\"\n";
    let mut daemon = Daemon::start(&(clock + &gpsd));
    let status = daemon.until_locked("virtual");
    let source = daemon.source("gpsd");
    assert_eq!((source.protocol.as_str(), source.state), ("gpsd", SelectionState::Leader));
    assert_eq!(source.time_stamps, "kernel");
    assert!(source.rejected["no-connection"] > 0);
    // As sure as pulses are, and not as the time that comes with them.
    assert!(status.clocks[0].bound.unwrap() < 10e-3, "{:?}", status.clocks[0].bound);
    daemon.assert_sound();
}

/// A gpsd that tells by a socket, once it is there, that each second began just when the
/// system clock showed it, and something else between.
fn sock_writer(path: PathBuf) {
    thread::spawn(move || {
        let socket = UnixDatagram::unbound().unwrap();
        loop {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let next = now.as_secs() + 1;
            thread::sleep(Duration::from_secs(next) - now);
            let mut sample = [0; 40];
            sample[..8].copy_from_slice(&next.to_ne_bytes());
            sample[36..].copy_from_slice(&0x534f_434b_u32.to_ne_bytes());
            // Nobody may listen yet.
            let _ = socket.send_to(&sample, &path);
            let _ = socket.send_to(b"no sample", &path);
        }
    });
}

#[test]
fn a_clock_follows_what_a_program_writes_to_a_socket() {
    let directory = Directory::new();
    let path = directory.join("gnss.sock");
    sock_writer(path.clone());
    // One that a dead daemon left behind.
    drop(UnixDatagram::bind(&path).unwrap());
    let sock = format!("[[source.sock]]\npath = \"{}\"\n", path.display());
    let clock = VIRTUAL.to_owned() + "initial-offset = \"-3 s\"\n";
    let mut daemon = Daemon::start(&(clock + &sock));
    let status = daemon.until_locked("virtual");
    let source = daemon.source("gnss.sock");
    assert_eq!((source.protocol.as_str(), source.state), ("sock", SelectionState::Leader));
    assert!(daemon.rejected("gnss.sock", "malformed") > 0.0);
    assert!(status.clocks[0].bound.unwrap() < 10e-3, "{:?}", status.clocks[0].bound);
    daemon.assert_sound();
    daemon.stop();
    assert!(!path.exists());
}

#[test]
fn a_file_in_the_place_of_a_socket_is_left_alone() {
    let directory = Directory::new();
    let path = directory.join("notes");
    std::fs::write(&path, "mine").unwrap();
    let sock = format!("[[source.sock]]\npath = \"{}\"\n", path.display());
    let mut daemon = Daemon::start(&(VIRTUAL.to_owned() + &sock));
    daemon.log.wait("it is no socket and is left alone");
    daemon.assert_sound();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}

/// A program that tells by shared memory, as [`sock_writer`] does; it removes the segment
/// at the end.
struct ShmWriter {
    unit: u32,
    child: Child,
}

/// Attaches the segment that its argument names, and writes a `struct shmTime` (mode 1)
/// whenever a second begins.
const WRITE: &str = r#"
    $id = shmget($ARGV[0], 96, 0600 | 01000) // die "shmget: $!";
    for ($count = 0; ; select undef, undef, undef, 0.002) {
        next if $last == time;
        $last = time;
        shmwrite($id, pack("llqlx4qllllLLx36",
            1, $count, $last, 0, $last, 0, 0, -20, 0, 1, 0, 0), 0, 96) || die "shmwrite: $!";
    }"#;
const REMOVE: &str = "$id = shmget($ARGV[0], 96, 0); shmctl($id, 0, 0) if defined $id";

impl ShmWriter {
    fn perl(program: &str, unit: u32) -> Child {
        let mut perl = Command::new("perl");
        perl.args(["-e", program]).arg((0x4e54_5030 + unit).to_string());
        perl.stdin(Stdio::null()).spawn().unwrap()
    }

    /// The `number` is another one for each test.
    fn start(number: u32) -> Self {
        // Far from those that programs of the host have.
        let unit = 128 + 2 * (std::process::id() % 64) + number;
        Self { unit, child: Self::perl(WRITE, unit) }
    }
}

impl Drop for ShmWriter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = Self::perl(REMOVE, self.unit).wait();
    }
}

#[test]
fn a_clock_follows_what_a_program_writes_to_shared_memory() {
    if !has("perl") {
        return;
    }
    let writer = ShmWriter::start(0);
    let shm = format!("[[source.shm]]\nname = \"gnss\"\nunit = {}\n", writer.unit);
    let clock = VIRTUAL.to_owned() + "initial-offset = \"5 s\"\n";
    let mut daemon = Daemon::start(&(clock + &shm));
    let status = daemon.until_locked("virtual");
    let gnss = daemon.source("gnss");
    assert_eq!((gnss.protocol.as_str(), gnss.state), ("shm", SelectionState::Leader));
    assert!(status.clocks[0].bound.unwrap() < 0.1, "{:?}", status.clocks[0].bound);
    daemon.assert_sound();
}

#[test]
fn shared_memory_that_is_removed_and_made_anew_needs_no_restart() {
    if !has("perl") {
        return;
    }
    let mut writer = ShmWriter::start(1);
    let shm = format!("[[source.shm]]\nname = \"gnss\"\nunit = {}\n", writer.unit);
    let daemon = Daemon::start(&(VIRTUAL.to_owned() + &shm));
    daemon.until_locked("virtual");
    assert!(ShmWriter::perl(REMOVE, writer.unit).wait().unwrap().success());
    daemon.until("it is noticed", |_| daemon.rejected("gnss", "segment-removed") >= 1.0);
    let more = |why: &str| {
        let accepted = daemon.source("gnss").accepted;
        daemon.until(why, |_| daemon.source("gnss").accepted > accepted + 2);
    };
    more("the writer has the removed one still");
    writer.child.kill().unwrap();
    writer.child.wait().unwrap();
    writer.child = ShmWriter::perl(WRITE, writer.unit);
    more("another writer has the new one");
}
