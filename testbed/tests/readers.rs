//! Files of other programs, as they write them.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use testbed::random::Random;
use testbed::readers::{ContentError, Format, Options, Quantity, Reading, parse};
use testbed::series::Series;

/// chronyd 4.3, by its printf formats; the first line of data is the example of
/// chrony.conf(5).
const MEASUREMENTS: &str = "\
============================================================================================================================
   Date (UTC) Time     IP Address   L St 123 567 ABCD  LP RP Score    Offset  Peer del. Peer disp.  Root del. Root disp. Refid     MTxRx
============================================================================================================================
2016-11-09 05:40:50 203.0.113.15    N  2 111 111 1111  10 10 1.00  -4.966e-03  2.296e-01  1.577e-05  1.615e-01  7.446e-03 CB00717B 4B D K
2016-11-09 05:40:52 2001:db8::1     N  1 111 111 1101   6  6 0.00   1.250e-06  1.100e-04  2.000e-07  0.000e+00  1.000e-05 47505300 4I K H
2016-11-09 05:41:54 2001:db8::1     N  1 111 111 1111   6  6 0.00  -2.500e-06  1.200e-04  2.000e-07  0.000e+00  1.000e-05 47505300 4I K H
2016-11-09 05:42:10 2001:db8::1     ?  0 111 001 1111   6  6 0.00   9.000e-01  1.200e-04  2.000e-07  0.000e+00  1.000e-05 00000000 4B D K
2016-11-09 05:41:00 2001:db8::1     N  1 111 111 1111   6  6 0.00  -2.500e-06  1.200e-04  2.000e-07  0.000e+00  1.000e-05 47505300 4I K H
";

const STATISTICS: &str = "\
====================================================================================================================
   Date (UTC) Time     IP Address    Std dev'n Est offset  Offset sd  Diff freq   Est skew  Stress  Ns  Bs  Nr  Asym
====================================================================================================================
2016-08-10 05:40:50 203.0.113.15     6.261e-03 -3.247e-03  2.220e-03  1.874e-06  1.080e-06 7.8e-02  16   0   8  0.00
2016-08-10 05:58:01 203.0.113.15     6.261e-03 -3.100e-03  2.220e-03  1.800e-06  1.080e-06 7.8e-02  17   0   8  0.00
";

const TRACKING: &str = "\
=======================================================================================================================================
   Date (UTC) Time     IP Address   St   Freq ppm   Skew ppm     Offset L Co  Offset sd Rem. corr. Root delay Root disp. Max. error
=======================================================================================================================================
2017-08-22 13:22:00 0.0.0.0          0      0.000      0.000  0.000e+00 ?  0  0.000e+00  0.000e+00  1.000e+00  1.000e+00  1.000e+00
2017-08-22 13:22:36 203.0.113.15     2     -3.541      0.075 -8.621e-06 N  2  2.940e-03 -2.084e-04  1.534e-02  3.472e-04  8.304e-03
2017-08-22 13:23:40 198.51.100.3     2     -3.540      0.070  7.500e-06 N  2  2.940e-03 -2.084e-04  1.534e-02  3.472e-04  8.304e-03
";

/// Lines of ptp4l and phc2sys 3.1.1, with the prefixes that `-m`, syslog and the journal give.
const LINUXPTP: &str = "\
ptp4l[5374017.100]: port 1: LISTENING to UNCALIBRATED on RS_SLAVE
ptp4l[5374017.735]: master offset   36999999 s0 freq   -1879 path delay        90
ptp4l[5374018.735]: master offset         -6 s2 freq   -1879 path delay        88
Nov 22 18:57:25 host phc2sys[42767]: [5374018.800] CLOCK_REALTIME phc offset       -42 s2 freq   +1257 delay   1450
ptp4l[5374019.735]: [ptp4l.0.config:6] master offset          4 s3 freq   -1870 path delay        87

Nov 22 18:57:26 host phc2sys[42767]: [5374019.800] CLOCK_REALTIME phc offset        58 s2 freq   +1260 delay   1440
ptp4l[5374020.735]: master offset          7 s2 freq   -1869 path delay        87
";

const SUMMARY: &str = "\
ptp4l[367.712]: selected best master clock 824f12.fffe.110022
ptp4l[368.712]: rms    9 max   17 freq  -1234 +/-  12 delay    88 +/-   1
ptp4l[369.712]: rms    4 max    8 freq  -1230 +/-   5
phc2sys[369.800]: CLOCK_REALTIME rms   12 max   20 freq   +800 +/-  15 delay   950 +/-   3
";

const PHASE: &str = "\
File: PHASE.DAT
Date: 11/22/26
# Sampling Interval = 1
53399.00000  1.5e-9
53399.50000  2.5e-9 \r
53400.50000; nan
53401.00000, -3.5e-9
";

const SAMPLES: [&str; 6] = [MEASUREMENTS, STATISTICS, TRACKING, LINUXPTP, SUMMARY, PHASE];

fn read(content: &str) -> Reading {
    parse(content, &Options::default()).unwrap()
}

fn names(reading: &Reading) -> Vec<&str> {
    reading.series.iter().map(|series| series.name.as_str()).collect()
}

fn offsets(series: &Series) -> Vec<(f64, f64)> {
    series.points.iter().map(|point| (point.time, point.offset)).collect()
}

#[test]
fn measurements_of_chrony_have_a_series_for_each_source() {
    let reading = read(MEASUREMENTS);
    assert_eq!(reading.format, Format::ChronyMeasurements);
    assert_eq!(names(&reading), ["203.0.113.15", "2001:db8::1"]);
    // chronyd logs a positive offset for a slow clock.
    assert_eq!(offsets(&reading.series[0]), [(0.0, 4.966e-3)]);
    assert_eq!(reading.series[0].points[0].delay, Some(0.2296));
    assert_eq!(offsets(&reading.series[1]), [(2.0, -1.25e-6), (64.0, 2.5e-6)]);
    let skipped = reading.skipped;
    assert_eq!((skipped.comments, skipped.failed, skipped.not_later), (3, 1, 1));
    assert_eq!(
        skipped.to_string(),
        "3 comments and headings, 1 measurements that failed a test of RFC 5905, \
         1 points no later than the one before"
    );
}

#[test]
fn statistics_of_chrony_give_offset_and_frequency() {
    let reading = read(STATISTICS);
    assert_eq!(reading.format, Format::ChronyStatistics);
    let points = &reading.series[0].points;
    assert_eq!(offsets(&reading.series[0]), [(0.0, -3.247e-3), (1031.0, -3.1e-3)]);
    assert_eq!(points[0].frequency, Some(1.874e-6));
}

#[test]
fn tracking_of_chrony_is_one_clock_whatever_it_follows() {
    let reading = read(TRACKING);
    assert_eq!(reading.format, Format::ChronyTracking);
    assert_eq!(names(&reading), ["tracking"]);
    assert_eq!(offsets(&reading.series[0]), [(0.0, -8.621e-6), (64.0, 7.5e-6)]);
    assert_eq!(reading.series[0].points[0].frequency, Some(-3.541 * 1e-6));
    assert_eq!(reading.skipped.unlocked, 1);
}

#[test]
fn logs_of_linuxptp_have_a_series_for_each_clock() {
    let reading = read(LINUXPTP);
    assert_eq!(reading.format, Format::Linuxptp);
    assert_eq!(names(&reading), ["master", "CLOCK_REALTIME phc", "[ptp4l.0.config:6] master"]);
    let master = &reading.series[0].points;
    assert_eq!(master.len(), 2);
    assert_eq!((master[0].time, master[1].time), (0.0, 2.0));
    assert!((master[1].offset - 7e-9).abs() < 1e-20);
    assert!((master[0].frequency.unwrap() + 1.879e-6).abs() < 1e-18);
    assert!((master[0].delay.unwrap() - 88e-9).abs() < 1e-20);
    let system = &reading.series[1].points;
    assert_eq!(system.len(), 2);
    assert!((system[0].offset + 42e-9).abs() < 1e-20);
    assert!((system[0].time - 0.065).abs() < 1e-6);
    let skipped = reading.skipped;
    assert_eq!((skipped.unlocked, skipped.other, skipped.comments), (1, 1, 1));
}

#[test]
fn summaries_of_linuxptp_give_the_rms() {
    let reading = read(SUMMARY);
    assert_eq!(reading.format, Format::LinuxptpSummary);
    assert_eq!(names(&reading), ["master", "CLOCK_REALTIME"]);
    let points = &reading.series[0].points;
    assert!((points[0].offset - 9e-9).abs() < 1e-20);
    assert!((points[0].frequency.unwrap() + 1.234e-6).abs() < 1e-18);
    assert_eq!(points[1].delay, None);
    assert_eq!(reading.skipped.other, 1);
}

#[test]
fn text_of_two_columns_has_headings_comments_and_gaps() {
    let days = Options { time_scale: 86_400.0, ..Options::default() };
    let reading = parse(PHASE, &days).unwrap();
    assert_eq!(reading.format, Format::Text);
    let expected = [(0.0, 1.5e-9), (43_200.0, 2.5e-9), (172_800.0, -3.5e-9)];
    assert_eq!(offsets(&reading.series[0]), expected);
    assert_eq!((reading.skipped.comments, reading.skipped.missing), (3, 1));
}

#[test]
fn text_of_one_column_needs_the_interval() {
    let content = "! ns\n10\n\n20\n*\n40\n";
    let error = parse(content, &Options::default()).unwrap_err();
    assert!(error.to_string().starts_with("line 2: \"10\": "), "{error}");
    assert!(error.to_string().contains("--tau0"), "{error}");
    let options = Options { interval: Some(0.5), scale: 0.25, ..Options::default() };
    let reading = parse(content, &options).unwrap();
    assert_eq!(offsets(&reading.series[0]), [(0.0, 2.5), (0.5, 5.0), (1.5, 10.0)]);
}

#[test]
fn frequencies_are_kept_and_integrated() {
    let options = Options { quantity: Quantity::Frequency, ..Options::default() };
    let reading = parse("0 1\n1 2\n3 4\n", &options).unwrap();
    assert_eq!(offsets(&reading.series[0]), [(0.0, 0.0), (1.0, 1.0), (3.0, 5.0)]);
    assert_eq!(reading.series[0].points[2].frequency, Some(4.0));
}

#[test]
fn errors_name_the_line_and_what_was_expected() {
    for (content, line, expected) in [
        ("0 1\n1 2\nnews\n", 3, "expected one number"),
        ("0 1\n1 2 3\n", 2, "expected one number"),
        ("0 1\n1 inf\n", 2, "expected one number"),
        ("0 1\n5\n", 2, "as many columns"),
        ("1 1\n1 2\n", 2, "a time later"),
        (
            "2016-11-09 05:40:50 203.0.113.15 N 2 111 111 1111 10 10 1.0 -4.9e-03 2.2e-01 1e-05 \
             1e-01 7e-03 CB00717B\n2016-11-09 05:40:52 203.0.113.15 N 2 111\n",
            2,
            "measurements.log has",
        ),
        (
            "ptp4l[1.5]: master offset 4 s2 freq +7 path delay 8\nptp4l[2.5]: master offset 4 s2 freq ",
            2,
            "s<state> freq <ppb>",
        ),
    ] {
        let error = parse(content, &Options::default()).unwrap_err();
        let ContentError::Line { line: found, expected: told, .. } = &error else {
            panic!("{content:?}: {error}");
        };
        assert_eq!(*found, line, "{content:?}: {error}");
        assert!(told.contains(expected), "{content:?}: {error}");
    }
}

#[test]
fn what_has_no_format_or_no_points_is_refused() {
    let no_format = parse("hello\nworld\n", &Options::default()).unwrap_err();
    assert_eq!(no_format, ContentError::UnknownFormat);
    let forced = Options { format: Some(Format::Linuxptp), ..Options::default() };
    let error = parse("hello\nworld\n", &forced).unwrap_err();
    assert_eq!(error.to_string(), "no point in it (2 lines about something else)");
}

#[test]
fn one_of_several_sources_is_chosen_by_name() {
    let chosen = read(MEASUREMENTS).into_single(Some("2001:db8::1")).unwrap();
    assert_eq!(chosen.points.len(), 2);
    let error = read(MEASUREMENTS).into_single(None).unwrap_err().to_string();
    assert!(error.contains("203.0.113.15, 2001:db8::1"), "{error}");
    let error = read(MEASUREMENTS).into_single(Some("x")).unwrap_err().to_string();
    assert!(error.contains("203.0.113.15, 2001:db8::1"), "{error}");
}

#[test]
fn any_format_can_be_named() {
    for (name, format) in Format::ALL {
        assert_eq!(format.name(), name);
    }
}

/// Bytes that files have, and some that they must not have.
const ALPHABET: &[u8] = b"0123456789+-.eE:[] \t\n\r,;#*nNaAsf?/\0\xff\xc3\x28";

fn mutated(sample: &str, random: &mut Random) -> String {
    let mut bytes = sample.as_bytes().to_vec();
    for _ in 0..1 + random.bits() % 8 {
        let at = (random.bits() as usize) % bytes.len().max(1);
        let byte = ALPHABET[(random.bits() as usize) % ALPHABET.len()];
        match random.bits() % 4 {
            0 => bytes.insert(at, byte),
            1 => drop(bytes.drain(at..bytes.len().min(at + 1))),
            2 => drop(bytes.splice(at..bytes.len().min(at + 1), [byte])),
            _ => bytes.truncate(at.max(bytes.len() / 2)),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn damaged_files_are_read_or_refused_and_never_break_the_order() {
    let mut random = Random::new(1, 0);
    let (mut read, mut refused) = (0, 0);
    for round in 0..6000 {
        let content = mutated(SAMPLES[round % SAMPLES.len()], &mut random);
        let format = match random.bits() % 4 {
            0 => Some(Format::ALL[(random.bits() as usize) % Format::ALL.len()].1),
            _ => None,
        };
        match parse(&content, &Options { format, ..Options::default() }) {
            Ok(reading) => {
                read += 1;
                for series in &reading.series {
                    assert!(!series.points.is_empty());
                    assert!(series.points.windows(2).all(|p| p[0].time < p[1].time));
                    assert!(
                        series.points.iter().all(|p| p.time.is_finite() && p.offset.is_finite())
                    );
                }
            }
            Err(_) => refused += 1,
        }
    }
    assert!(read > 1000 && refused > 1000, "{read} read, {refused} refused");
}
