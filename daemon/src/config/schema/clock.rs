//! The clocks of this host, and one of them as the source of another.

use std::path::PathBuf;

use super::{DAY, SourceCommon};
use crate::config::kind::{
    Count, FilePath, Maybe, OrNone, interface, name, ratio, time, word, words,
};
use crate::config::section::Absent::{Otherwise, Required, Text};
use crate::config::section::section;

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
        /// How many steps are made at most until the clock is locked and known to the
        /// step-threshold, and again after another program has moved it. Afterwards every
        /// offset is slewed: programs on the host see no jump. 0 never steps.
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
