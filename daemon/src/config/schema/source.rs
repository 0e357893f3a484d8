//! The sources of time: what there is of them, and what every one has.

use super::{
    ClockSource, DAY, Date, GpsdSource, NmeaSource, NtpSource, PpsSource, PtpSource, ShmSource,
    SockSource,
};
use crate::config::kind::{Day, Factor, Flag, Maybe, name, text, time, words};
use crate::config::section::Absent::{Otherwise, Required, Text};
use crate::config::section::{maybe_table, section, tables};

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
