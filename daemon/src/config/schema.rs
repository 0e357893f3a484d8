//! The schema: every section, key, default and meaning of the configuration.
//!
//! Here times are in seconds and frequencies are ratios (1e-6 is 1 ppm). The doc
//! comments are also the text of the reference page, so they speak to operators.

use std::net::SocketAddr;
use std::path::PathBuf;

pub use toml::value::Date;

use super::kind::{
    Address, Count, Day, Factor, FilePath, Flag, List, Maybe, OrNone, Permissions, SocketPath,
    host, interface, name, ratio, size, text, time, word, words,
};
use super::section::Absent::{Otherwise, Required, Text};
use super::section::{maybe_table, section, table, tables};

/// Seconds of a day.
const DAY: f64 = 86_400.0;

section! {
    /// Everything utcd is told.
    Config {
        /// The clocks of this host, at least one.
        "clock" => clocks: Vec<Clock> = tables::<Clock>(), Otherwise("one, of type system");
        /// Where time comes from.
        "source" => sources: Sources = table::<Sources>(), Otherwise("");
        /// Inputs of external events.
        "event" => events: Vec<EventInput> = tables::<EventInput>(), Otherwise("none");
        /// Outputs of pulses.
        "output" => outputs: Vec<Output> = tables::<Output>(), Otherwise("none");
        /// Network interfaces whose time stamps are known to be late.
        "interface" => interfaces: Vec<Interface> = tables::<Interface>(), Otherwise("none");
        /// To whom time is given.
        "serve" => serve: Serve = table::<Serve>(), Otherwise("");
        /// The Prometheus metrics.
        "metrics" => metrics: Metrics = table::<Metrics>(), Otherwise("");
        /// The control socket.
        "control" => control: Control = table::<Control>(), Otherwise("");
        /// The leap-second table.
        "leap-seconds" => leap_seconds: LeapSeconds = table::<LeapSeconds>(), Otherwise("");
        /// Recording.
        "record" => record: Option<Record> = maybe_table::<Record>(), Otherwise("none");
        /// The log.
        "log" => log: Log = table::<Log>(), Otherwise("");
    }
}

words! {
    /// What kind of clock a clock is.
    ClockType {
        /// the clock of the operating system, `CLOCK_REALTIME`
        System = "system",
        /// a PTP hardware clock, that of a network interface for one
        Phc = "phc",
        /// a clock in software over `CLOCK_MONOTONIC_RAW`, which needs no privilege and
        /// disturbs nothing
        Virtual = "virtual",
    }
}

words! {
    /// What utcd may do with a clock.
    ClockMode {
        /// it is kept on time; only one program may do that with a clock
        Discipline = "discipline",
        /// it is measured and never touched
        Observe = "observe",
    }
}

words! {
    /// What a PTP hardware clock counts.
    PhcTimescale {
        /// TAI, as PTP has it; utcd keeps such a clock on TAI
        Tai = "tai",
        /// UTC, as the clock that a hypervisor shows to its guests (`/dev/ptp_kvm`) does;
        /// to be observed only
        Utc = "utc",
    }
}

section! {
    /// A clock of this host. Sources are compared with it, and it is disciplined to them
    /// or observed. A file without any clock means one of type system, disciplined.
    Clock {
        /// What the clock is called in sources, metrics, records and `utcctl`.
        "name" => name: String = name(),
            Otherwise("the interface, the last part of the device, or the type");
        /// What kind of clock it is.
        "type" => clock_type: ClockType = word::<ClockType>(), Text("'system'");
        /// The network interface whose PTP hardware clock it is; of type phc, which needs
        /// either this or `device`.
        "interface" => interface: Option<String> = Maybe(interface()), Otherwise("none");
        /// The device of the PTP hardware clock, such as `/dev/ptp0`, or of a virtual clock of
        /// one; of type phc.
        "device" => device: Option<PathBuf> = Maybe(FilePath), Otherwise("none");
        /// What the PTP hardware clock counts; of type phc.
        "timescale" => timescale: PhcTimescale = word::<PhcTimescale>(), Text("'tai'");
        /// What utcd may do with it.
        "mode" => mode: ClockMode = word::<ClockMode>(), Text("'discipline'");
        /// A larger offset is stepped, while steps are left; a smaller one is slewed.
        "step-threshold" => step_threshold: Option<f64> =
            Maybe(time().above(0.0).at_most(DAY)), Otherwise("1 ms, or 20 µs for type phc");
        /// How many steps are made at most until the clock is locked for the first time,
        /// and again after another program has moved it. Afterwards every offset is
        /// slewed: programs on the host see no jump. 0 never steps.
        "max-steps" => max_steps: u32 = Count(0..=1_000_000), Text("3");
        /// A correction larger than this is refused, and the clock left alone until an
        /// operator has looked. It holds from the first correction on: a host without a
        /// battery-backed clock starts in 1970 and needs "none", and so do the clocks of
        /// many network interfaces. What another program moved the clock by is taken back
        /// all the same.
        "panic-threshold" => panic_threshold: Option<Option<f64>> =
            Maybe(OrNone(time().above(0.0).at_most(1e5 * DAY))),
            Otherwise("1000 s, or none for type phc");
        /// How fast an offset is slewed out at most, besides the correction of the
        /// clock's own frequency.
        "max-slew-rate" => max_slew_rate: f64 =
            ratio().at_least(1e-9).at_most(500e-6), Text("'500 ppm'");
        /// Where the frequency is kept over a restart; `<name>` stands for the name of
        /// the clock. An observed clock writes none.
        "drift-file" => drift_file: Option<PathBuf> =
            OrNone(FilePath), Text("'/var/lib/utcd/<name>.drift'");
        /// How many sources must agree before the clock follows them. From 3 on, one that
        /// lies is outvoted.
        "min-sources" => min_sources: u32 = Count(1..=100), Text("1");
        /// Offset from the system clock at the start, positive if fast; of a virtual clock
        /// only.
        "initial-offset" => initial_offset: f64 = time().at_least(-DAY).at_most(DAY), Text("'0 s'");
        /// Frequency error at the start, positive if fast; of a virtual clock only.
        "initial-frequency" => initial_frequency: f64 =
            ratio().at_least(-0.01).at_most(0.01), Text("'0 ppm'");
    }
}

section! {
    /// The sources of time. Any mix of them may be compared with one clock.
    Sources {
        /// NTP servers and pools.
        "ntp" => ntp: Vec<NtpSource> = tables::<NtpSource>(), Otherwise("none");
        /// PTP domains.
        "ptp" => ptp: Vec<PtpSource> = tables::<PtpSource>(), Otherwise("none");
        /// Other clocks of this host.
        "clock" => clock: Vec<ClockSource> = tables::<ClockSource>(), Otherwise("none");
        /// Pulses that mark the seconds.
        "pps" => pps: Vec<PpsSource> = tables::<PpsSource>(), Otherwise("none");
        /// Receivers that tell the time by NMEA 0183.
        "nmea" => nmea: Vec<NmeaSource> = tables::<NmeaSource>(), Otherwise("none");
        /// Receivers that gpsd looks after.
        "gpsd" => gpsd: Vec<GpsdSource> = tables::<GpsdSource>(), Otherwise("none");
        /// Programs that tell the time by a socket.
        "sock" => sock: Vec<SockSource> = tables::<SockSource>(), Otherwise("none");
        /// Programs that tell the time by shared memory.
        "shm" => shm: Vec<ShmSource> = tables::<ShmSource>(), Otherwise("none");
    }
}

section! {
    /// An NTP server, or a pool of them.
    NtpSource {
        with common: SourceCommon;
        /// Host name or IP address of one server. Give either this or `pool`.
        "server" => server: Option<String> = Maybe(host()), Otherwise("none");
        /// A name that stands for many servers, of which `count` are used. One that stops
        /// answering is replaced.
        "pool" => pool: Option<String> = Maybe(host()), Otherwise("none");
        /// How many servers of the pool are used.
        "count" => count: Option<u32> = Maybe(Count(1..=16)), Otherwise("4, with a pool");
        /// How the messages travel. The server must do the same.
        "transport" => transport: NtpTransport = word::<NtpTransport>(), Text("'udp'");
        /// UDP port of the server.
        "port" => port: Option<u16> = Maybe(Count(1..=u16::MAX)), Otherwise("123, or 319 over PTP");
        /// Shortest interval between polls, as a power of two in seconds: 6 is 64 s, -3
        /// is 125 ms. Public servers ask for 6 or more.
        "min-poll" => min_poll: i8 = Count(-3..=17), Text("6");
        /// Longest interval between polls, as a power of two in seconds: 10 is 1024 s.
        "max-poll" => max_poll: i8 = Count(-3..=17), Text("10");
        /// Begin with a few polls in quick succession, to be on time sooner.
        "burst" => burst: bool = Flag, Text("true");
        /// Whose time stamps are used.
        "time-stamps" => time_stamps: TimeStamps = word::<TimeStamps>(), Text("'auto'");
        /// Ask the server to tell, by its next answer, when one really left (interleaved mode,
        /// RFC 9769). Each answer is of use one poll later. For servers of your own network
        /// that know the mode, as utcd and chronyd do; another one is followed as it is.
        "interleaved" => interleaved: bool = Flag, Text("false");
        /// An exchange with a longer round trip is refused.
        "max-delay" => max_delay: f64 = time().above(0.0).at_most(60.0), Text("'3 s'");
    }
}

words! {
    /// How NTP messages travel.
    NtpTransport {
        /// in datagrams of their own (RFC 5905)
        Udp = "udp",
        /// in PTP event messages (RFC 10030), which network interfaces stamp that stamp
        /// nothing else
        Ptp = "ptp",
        /// the same as chronyd from version 4.2 to 4.8 has it
        PtpExperimental = "ptp-experimental",
    }
}

words! {
    /// Whose time stamps a source uses.
    TimeStamps {
        /// the network interface's where it grants them, else the kernel's
        Auto = "auto",
        /// the network interface's, or the source is not used
        Hardware = "hardware",
        /// the kernel's
        Software = "software",
    }
}

words! {
    /// How PTP messages travel.
    PtpTransport {
        /// UDP over IPv4 (IEEE 1588-2019 annex C)
        UdpIpv4 = "udp-ipv4",
        /// UDP over IPv6 (annex D)
        UdpIpv6 = "udp-ipv6",
        /// Ethernet frames (annex E)
        Ethernet = "ethernet",
    }
}

words! {
    /// How the path to the master is measured, in the words of IEEE 1588-2019.
    DelayMechanism {
        /// from end to end, by Delay_Req and Delay_Resp (11.3)
        E2e = "e2e",
        /// link by link, by Pdelay_Req and Pdelay_Resp (11.4): every device on the way must
        /// do so, and the answer comes from the neighbour
        P2p = "p2p",
    }
}

words! {
    /// How a grandmaster is taken that does not claim the PTP timescale (TAI).
    ArbitraryTimescale {
        /// it is not used
        Refuse = "refuse",
        /// its time stamps are taken as UTC
        Utc = "utc",
        /// its time stamps are taken as TAI
        Tai = "tai",
    }
}

section! {
    /// A PTP domain on a network interface, whose best master is followed. utcd never
    /// becomes master of it.
    PtpSource {
        with common: SourceCommon;
        /// The network interface.
        "interface" => interface: String = interface(), Required;
        /// How the messages travel.
        "transport" => transport: PtpTransport = word::<PtpTransport>(), Text("'udp-ipv4'");
        /// How the path is measured. The master and every device between must do the same.
        "delay-mechanism" => delay_mechanism: DelayMechanism =
            word::<DelayMechanism>(), Text("'e2e'");
        /// How often the link to the neighbour is measured, as a power of two in seconds:
        /// 0 is every second, -3 eight times a second; with `delay-mechanism = "p2p"`. From
        /// end to end, the master says how often.
        "log-min-pdelay-req-interval" => log_min_pdelay_req_interval: i8 =
            Count(-7..=7), Text("0");
        /// Whose time stamps are used. Where the clock is the PTP hardware clock of the
        /// interface, or a virtual clock of that one, only its stamps are.
        "time-stamps" => time_stamps: TimeStamps = word::<TimeStamps>(), Text("'auto'");
        /// The domainNumber (IEEE 1588-2019, 7.1).
        "domain" => domain: u8 = Count(0..=127), Text("0");
        /// What to make of a grandmaster whose ptpTimescale flag is not set. Its time may
        /// be anything, and only who runs it can know.
        "arbitrary-timescale" => arbitrary_timescale: ArbitraryTimescale =
            word::<ArbitraryTimescale>(), Text("'refuse'");
    }
}

section! {
    /// Another clock of this host, which the clock follows: the system clock its network
    /// interface's, or the other way round. Both are read together at a fixed interval. It
    /// is followed only while it is itself locked or in holdover, unless an origin is
    /// declared for it, and its uncertainty and its traceability chain come with it.
    ClockSource {
        with common: SourceCommon;
        /// The name of the clock that is followed.
        "of" => of: String = name(), Required;
        /// How often they are compared.
        "interval" => interval: f64 = time().at_least(0.0625).at_most(64.0), Text("'1 s'");
    }
}

words! {
    /// Which edge of a pulse counts.
    PulseEdge {
        /// low to high; of a serial line, the one that the driver calls assert
        Rising = "rising",
        /// high to low; of a serial line, clear
        Falling = "falling",
    }
}

section! {
    /// Pulses that mark the seconds (1PPS), of a GNSS receiver for one. A pulse does not
    /// tell which second it marks: another source of the clock names the first one, as
    /// soon as it proves the clock to be known within 0.4 s; from there on they are
    /// counted, with or without that source.
    PpsSource {
        with common: SourceCommon;
        /// The device by which the kernel stamps the pulses, such as `/dev/pps0`. Give
        /// either this or `channel`.
        "device" => device: Option<PathBuf> = Maybe(FilePath), Otherwise("none");
        /// The channel by which a PTP hardware clock stamps the pulses itself: `clock` is
        /// that clock.
        "channel" => channel: Option<u32> = Maybe(Count(0..=1023)), Otherwise("none");
        /// The pin by which the pulses reach that channel, where the function of the pin
        /// can be chosen.
        "pin" => pin: Option<u32> = Maybe(Count(0..=1023)), Otherwise("as it is set");
        /// Which edge marks the second.
        "edge" => edge: PulseEdge = word::<PulseEdge>(), Text("'rising'");
        /// How late the pulses arrive: some 5 ns per metre of cable.
        "cable-delay" => cable_delay: f64 = time().at_least(0.0).at_most(1e-3), Text("'0 s'");
        /// Expanded uncertainty (k = 2) of a pulse as it is stamped: receiver, cable, and
        /// with a device how long the interrupt takes.
        "uncertainty" => uncertainty: Option<f64> = Maybe(time().above(0.0).at_most(0.1)),
            Otherwise("20 us with a device, 100 ns with a channel");
    }
}

section! {
    /// A receiver that tells the time by sentences of NMEA 0183 (RMC, or else ZDA). That
    /// is coarse: it names the second for `[[source.pps]]`.
    NmeaSource {
        with common: SourceCommon;
        /// The serial line, such as `/dev/ttyS0`, or a FIFO.
        "device" => device: PathBuf = FilePath, Required;
        /// Speed of a serial line, bit/s; 8 data bits, no parity.
        "speed" => speed: u32 = Count(4800..=921_600), Text("9600");
        /// From the second to the end of the sentence that tells it.
        "delay" => delay: f64 = time().at_least(0.0).at_most(1.0), Text("'100 ms'");
        /// Within this the delay is right, to either side.
        "delay-uncertainty" => delay_uncertainty: f64 =
            time().above(0.0).at_most(1.0), Text("'100 ms'");
    }
}

section! {
    /// A receiver that gpsd looks after. Its pulses are used while gpsd tells of any: gpsd
    /// names their seconds. Otherwise its time is, which is coarse.
    GpsdSource {
        with common: SourceCommon;
        /// Host name or IP address of the gpsd.
        "host" => host: String = host(), Text("'127.0.0.1'");
        /// Its TCP port.
        "port" => port: u16 = Count(1..=u16::MAX), Text("2947");
        /// Expanded uncertainty (k = 2) of a pulse as it is stamped: receiver, cable, and
        /// how long the interrupt takes.
        "uncertainty" => uncertainty: f64 = time().above(0.0).at_most(0.1), Text("'20 us'");
        /// From the second to when gpsd tells its time.
        "delay" => delay: f64 = time().at_least(0.0).at_most(1.0), Text("'100 ms'");
        /// Within this the delay is right, to either side.
        "delay-uncertainty" => delay_uncertainty: f64 =
            time().above(0.0).at_most(1.0), Text("'100 ms'");
    }
}

section! {
    /// A program that tells the time by datagrams to a socket, as gpsd does for the
    /// reference clock SOCK of chrony.
    SockSource {
        with common: SourceCommon;
        /// The socket, which utcd makes; the program must be able to write there.
        "path" => path: PathBuf = FilePath, Required;
        /// Expanded uncertainty (k = 2) of what is told: for pulses receiver, cable, and
        /// how long the interrupt takes; for the time of sentences much more.
        "uncertainty" => uncertainty: f64 = time().above(0.0).at_most(1.0), Text("'20 us'");
        /// How late it is told, beyond what the program has taken off.
        "delay" => delay: f64 = time().at_least(0.0).at_most(1.0), Text("'0 s'");
        /// Within this the delay is right, to either side.
        "delay-uncertainty" => delay_uncertainty: f64 =
            time().at_least(0.0).at_most(1.0), Text("'0 s'");
    }
}

section! {
    /// A program that tells the time by a segment of shared memory, as gpsd does for the
    /// shared-memory driver of ntpd. It is looked at 50 times a second, and a stamp loses
    /// some 6 us (k = 2) by that: a socket is better.
    ShmSource {
        with common: SourceCommon;
        /// The unit: the segment has the key `NTP0` + this. gpsd writes the time of
        /// sentences to an even unit and that of pulses to the odd one after it.
        "unit" => unit: u32 = Count(0..=255), Required;
        /// Expanded uncertainty (k = 2) of what is told: for pulses receiver, cable, and
        /// how long the interrupt takes; for the time of sentences much more.
        "uncertainty" => uncertainty: f64 = time().above(0.0).at_most(1.0), Text("'20 us'");
        /// How late it is told, beyond what the program has taken off.
        "delay" => delay: f64 = time().at_least(0.0).at_most(1.0), Text("'0 s'");
        /// Within this the delay is right, to either side.
        "delay-uncertainty" => delay_uncertainty: f64 =
            time().at_least(0.0).at_most(1.0), Text("'0 s'");
    }
}

section! {
    /// An input of external events, of a sensor for one: every edge is stamped by the
    /// clock, and told in UTC with its uncertainty by `utcctl events` and in the
    /// recording.
    EventInput {
        /// What the input is called in events, metrics and records.
        "name" => name: String = name(),
            Otherwise("the last part of the device, or `<clock>-channel-<number>`");
        /// The clock that stamps.
        "clock" => clock: String = name(), Otherwise("the first clock");
        /// The device by which the kernel stamps the edges, such as `/dev/pps1`. Give
        /// either this or `channel`.
        "device" => device: Option<PathBuf> = Maybe(FilePath), Otherwise("none");
        /// The channel by which a PTP hardware clock stamps the edges itself: `clock` is
        /// that clock.
        "channel" => channel: Option<u32> = Maybe(Count(0..=1023)), Otherwise("none");
        /// The pin by which the edges reach that channel, where the function of the pin
        /// can be chosen.
        "pin" => pin: Option<u32> = Maybe(Count(0..=1023)), Otherwise("as it is set");
        /// Which edge is the event.
        "edge" => edge: PulseEdge = word::<PulseEdge>(), Text("'rising'");
        /// How late the edges arrive: some 5 ns per metre of cable, and the sensor's own
        /// delay. It is taken off.
        "cable-delay" => cable_delay: f64 = time().at_least(0.0).at_most(1.0), Text("'0 s'");
        /// Expanded uncertainty (k = 2) of an edge as it is stamped: cable delay, input,
        /// and with a device how long the interrupt takes.
        "uncertainty" => uncertainty: Option<f64> = Maybe(time().above(0.0).at_most(1.0)),
            Otherwise("20 us with a device, 100 ns with a channel");
    }
}

section! {
    /// One pulse a second (1PPS) from a PTP hardware clock that utcd keeps, at the
    /// beginning of each second of it, to measure the clock by. There are pulses only while
    /// the clock is locked, or in holdover and not known to be off.
    Output {
        /// What the output is called in `utcctl status` and metrics.
        "name" => name: String = name(), Otherwise("`<clock>-output-<channel>`");
        /// The clock, of type phc.
        "clock" => clock: String = name(), Otherwise("the first clock");
        /// The channel of the clock that puts the pulses out.
        "channel" => channel: u32 = Count(0..=1023), Text("0");
        /// The pin by which they leave, where the function of the pin can be chosen.
        "pin" => pin: Option<u32> = Maybe(Count(0..=1023)), Otherwise("as it is set");
        /// How much before the second they leave, so that they are on time where they
        /// arrive: some 5 ns per metre of cable, and the delay of the output. Negative:
        /// after the second.
        "advance" => advance: f64 = time().at_least(-0.5).at_most(0.5), Text("'0 s'");
        /// From rising to falling edge. A driver that cannot be told takes its own.
        "width" => width: Option<f64> = Maybe(time().above(0.0).at_most(0.999)),
            Otherwise("as the driver has it");
    }
}

section! {
    /// What every source has.
    SourceCommon {
        /// What the source is called in metrics, records and `utcctl`.
        "name" => name: String = name(),
            Otherwise("the address, `<interface>-domain-<number>`, `<of>-for-<clock>`, the last part of the \
                device or path, `<clock>-channel-<number>`, `gpsd`, or `shm-<unit>`");
        /// The clock that is compared with it.
        "clock" => clock: String = name(), Otherwise("the first clock");
        /// Follow this source rather than others that agree with it.
        "prefer" => prefer: bool = Flag, Text("false");
        /// Take this source as right: others that disagree with it are falsetickers, even
        /// where they are more.
        "trust" => trust: bool = Flag, Text("false");
        /// The clock follows nothing unless this source agrees.
        "require" => require: bool = Flag, Text("false");
        /// May be followed. If false, the source is only measured and shown.
        "select" => select: bool = Flag, Text("true");
        /// The shortest possible round trip, as calibrated or computed from the cable.
        /// What exceeds it may be asymmetric; without it the whole delay may. State it
        /// only if `asymmetry` is known of this part.
        "min-delay" => min_delay: f64 = time().at_least(0.0).at_most(60.0), Text("'0 s'");
        /// Known asymmetry of the path, as delayAsymmetry of IEEE 1588-2019, 7.4.2:
        /// half of what the way from the source takes longer than the way to it. Positive
        /// where the way from the source is the longer one. It is taken off the measured
        /// offset.
        "asymmetry" => asymmetry: f64 = time().at_least(-1.0).at_most(1.0), Text("'0 s'");
        /// Expanded uncertainty (k = 2) of `asymmetry`.
        "asymmetry-uncertainty" => asymmetry_uncertainty: f64 =
            time().at_least(0.0).at_most(1.0), Text("'0 s'");
        /// Where the time of the source comes from.
        "origin" => origin: Option<Origin> = maybe_table::<Origin>(), Otherwise("none");
    }
}

section! {
    /// Where the time of the source comes from: the link of the traceability chain beyond
    /// the source. Without it, a clock that follows the source is not traceable. The same
    /// section belongs to `[[source.ptp]]`, as `[source.ptp.origin]`, and to
    /// `[[source.clock]]`, as `[source.clock.origin]`: there it is for a clock that is on
    /// time without utcd.
    Origin {
        /// The clock at the end of the chain.
        "clock" => clock: String = text("\"UTC(NIM)\""), Required;
        /// The source less that clock, as certified. It is corrected for.
        "deviation" => deviation: f64 = time().at_least(-1.0).at_most(1.0), Text("'0 s'");
        /// Expanded uncertainty of the source against that clock.
        "uncertainty" => uncertainty: Option<f64> = Maybe(time().above(0.0).at_most(DAY)), Otherwise("unknown");
        /// The coverage factor of that uncertainty.
        "coverage-factor" => coverage_factor: f64 = Factor, Text("2");
        /// Number of the certificate that says so. Without one the statement is declared by
        /// the operator.
        "certificate" => certificate: Option<String> = Maybe(text("\"2026-0817\"")),
            Otherwise("none");
        /// Who issued the certificate.
        "laboratory" => laboratory: Option<String> = Maybe(text("\"NIM\"")), Otherwise("unknown");
        /// First day of validity, in UTC.
        "issued" => issued: Option<Date> = Maybe(Day), Otherwise("unknown");
        /// Last day of validity, in UTC. Past it the claim of traceability is withdrawn.
        "expires" => expires: Option<Date> = Maybe(Day), Otherwise("never");
    }
}

section! {
    /// What is known of a network interface that stamps. NTP and PTP sources that use its
    /// stamps are corrected by it; stamps of the kernel are not.
    Interface {
        /// The interface that stamps: the NIC below a VLAN, bond or macvlan.
        "name" => name: String = interface(), Required;
        /// How late its time stamps are, for each speed of the link.
        "latency" => latency: Vec<Latency> = tables::<Latency>(), Otherwise("none");
    }
}

section! {
    /// ingressLatency and egressLatency (IEEE 1588-2019, 7.3.4.2): from where a message
    /// passes the connector of the interface to where it is stamped. A data sheet or a
    /// calibration gives them.
    Latency {
        /// For this speed of the link, Mbit/s. One without a speed is for all that have none
        /// of their own.
        "speed" => speed: Option<u32> = Maybe(Count(1..=10_000_000)), Otherwise("every other");
        /// How much later than at the connector a message that comes is stamped.
        "ingress" => ingress: f64 = time().at_least(-1e-3).at_most(1e-3), Text("'0 s'");
        /// How much earlier than at the connector a message that goes is stamped.
        "egress" => egress: f64 = time().at_least(-1e-3).at_most(1e-3), Text("'0 s'");
        /// Expanded uncertainty (k = 2) of each.
        "uncertainty" => uncertainty: f64 = time().at_least(0.0).at_most(1e-3), Text("'0 s'");
    }
}

section! {
    /// To whom time is given.
    Serve {
        /// The NTP server.
        "ntp" => ntp: Option<NtpServer> = maybe_table::<NtpServer>(), Otherwise("none");
    }
}

words! {
    /// Whose time stamps the NTP server uses.
    ServerTimeStamps {
        /// the network interface's where it grants them, else the kernel's
        Auto = "auto",
        /// the kernel's
        Software = "software",
    }
}

section! {
    /// The NTP server. Without this section utcd serves nobody. Clients that ask for
    /// interleaved mode (RFC 9769) are told when answers really left.
    NtpServer {
        /// Addresses and ports to listen on.
        "listen" => listen: Vec<SocketAddr> =
            List(Address), Text("['0.0.0.0:123', '[::]:123']");
        /// Addresses and ports to listen on for NTP in PTP event messages (RFC 10030), such
        /// as "192.0.2.1:319": network interfaces that stamp nothing else stamp those. Each
        /// request is answered in its own form.
        "ptp-listen" => ptp_listen: Option<Vec<SocketAddr>> = OrNone(List(Address)), Text("'none'");
        /// Which clock is given.
        "clock" => clock: String = name(), Otherwise("the first clock");
        /// The stratum to serve while the clock follows no source. For a clock that is
        /// itself the reference of an isolated network; with "none" it is then served as
        /// unsynchronised.
        "local-stratum" => local_stratum: Option<u8> = OrNone(Count(1..=15)), Text("'none'");
        /// Whose time stamps are used. Every network interface that can stamp and has an
        /// address to listen on is made to.
        "time-stamps" => time_stamps: ServerTimeStamps = word::<ServerTimeStamps>(), Text("'auto'");
    }
}

section! {
    /// Metrics for Prometheus, over HTTP.
    Metrics {
        /// Where to listen.
        "listen" => listen: Option<SocketAddr> = OrNone(Address), Text("'127.0.0.1:9319'");
    }
}

/// Where the control socket is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ControlSocket {
    /// In the runtime directory of the user who runs utcd.
    #[default]
    PerUser,
    /// There.
    Path(PathBuf),
}

section! {
    /// The socket over which `utcctl` asks.
    Control {
        /// Where it is.
        "socket" => socket: ControlSocket = SocketPath, Text("'/run/utcd/control.sock'");
        /// Who may ask. Nothing can be changed over the socket.
        "mode" => mode: u32 = Permissions, Text("'0666'");
    }
}

section! {
    /// The table of leap seconds.
    LeapSeconds {
        /// A file in the format of leap-seconds.list. Where it is missing, wrong or older
        /// than the table built into utcd, the built-in one is used, and the log says so.
        "file" => file: Option<PathBuf> =
            OrNone(FilePath), Text("'/usr/share/zoneinfo/leap-seconds.list'");
    }
}

section! {
    /// Recordings of every comparison, for `testbed replay`. Without this section nothing
    /// is recorded.
    Record {
        /// Where the files go. The directory is made if need be.
        "directory" => directory: PathBuf = FilePath, Text("'/var/lib/utcd/record'");
        /// A file that would be larger is closed, and another begun.
        "max-file-size" => max_file_size: u64 = size().at_least(10_000), Text("'16 MB'");
        /// So is a file that has been written to for so long.
        "max-file-age" => max_file_age: f64 = time().at_least(1.0).at_most(1000.0 * DAY), Text("'1 d'");
        /// What all files may take together: the oldest are removed for new ones. At least
        /// twice `max-file-size`.
        "max-total-size" => max_total_size: u64 = size().at_least(20_000), Text("'1 GB'");
    }
}

words! {
    /// How much is logged.
    LogLevel {
        /// what stops utcd from doing its work
        Error = "error",
        /// and what an operator should look at
        Warn = "warn",
        /// and changes of state
        Info = "info",
        /// and decisions
        Debug = "debug",
        /// and every packet
        Trace = "trace",
    }
}

section! {
    /// The log, on standard error.
    Log {
        /// How much is logged.
        "level" => level: LogLevel = word::<LogLevel>(), Text("'info'");
    }
}
