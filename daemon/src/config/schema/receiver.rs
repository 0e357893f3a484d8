//! Receivers that tell the time, and programs that do so for them.

use std::path::PathBuf;

use super::SourceCommon;
use crate::config::kind::{Count, FilePath, host, time};
use crate::config::section::Absent::{Required, Text};
use crate::config::section::section;

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
