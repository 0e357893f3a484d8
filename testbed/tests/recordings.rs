//! Recordings read, converted and replayed.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use clock_models::comparison::{Comparison, Reading, Upstream};
use clock_models::estimator::Estimator;
use clock_models::recording::{Believed, Compared, Event, Header, Row, csv};
use clock_models::time::{Duration, Free, Tai, Timestamp};
use testbed::random::Random;
use testbed::recording::replay::{Settings, replay};
use testbed::recording::{self, parquet};

/// Seconds that are simulated.
const SECONDS: u64 = 600;
/// TAI when the time base shows 0.
const EPOCH: Timestamp<Tai> = Timestamp::from_secs(1_795_305_637);

/// What an estimator makes of the comparisons with a source, as a writer records it.
struct Writer {
    source: &'static str,
    estimator: Estimator,
}

impl Writer {
    fn compare(&mut self, from: Option<Reading>, to: Option<Reading>) -> Event {
        let comparison = Comparison {
            from_reference: from,
            to_reference: to,
            stamp_uncertainty: 10e-9,
            upstream: Upstream { root_delay: 1e-5, root_dispersion: 2e-5, follows: false },
        };
        let restarted = self.estimator.update(&comparison).is_some_and(|fit| fit.restarted);
        let estimate = self.estimator.estimate();
        let source = self.source.to_owned();
        Event::Comparison(Compared { source, comparison, restarted, estimate })
    }
}

/// Ten minutes of an oscillator that is 10 ppm slow and a clock that is 5 µs fast, asked each
/// second by NTP, and hearing PTP one way at a time, over delays of 50 µs and more.
fn recorded() -> Vec<Row> {
    let mut random = Random::new(3, 1);
    let prior = Some((0.0, 50e-6));
    let mut ntp = Writer { source: "ntp", estimator: Estimator::new(None) };
    let mut ptp = Writer { source: "ptp", estimator: Estimator::new(prior) };
    let mut rows = Vec::new();
    let mut push = |at: Timestamp<Free>, event| {
        let number = rows.len() as u64;
        let shown = EPOCH + truth(at) + Duration::from_nanos(5_000);
        rows.push(Row { number, clock: "clock".into(), at, shown, event });
    };
    push(Timestamp::EPOCH, Event::Start { source: "ntp".into(), prior: None });
    push(Timestamp::EPOCH, Event::Start { source: "ptp".into(), prior });
    for second in 1..=SECONDS.cast_signed() {
        let at =
            |millis: i64| Timestamp::from_secs(second) + Duration::from_nanos(millis * 1_000_000);
        let mut delay = || 50e-6 + 10e-6 * random.exponential();
        push(at(0), ntp.compare(reading(at(0), -delay()), reading(at(-1), delay())));
        push(at(300), ptp.compare(reading(at(300), -delay()), None));
        push(at(600), ptp.compare(None, reading(at(600), delay())));
        let believed = Believed {
            offset: Some(5e-6),
            expanded: Some(1e-6),
            state: "locked".into(),
            leader: Some("ptp".into()),
            ..Believed::default()
        };
        push(at(900), Event::Round(believed));
    }
    rows
}

/// What has passed in truth at an instant of the time base.
fn truth(at: Timestamp<Free>) -> Duration {
    let elapsed = at.since_epoch();
    elapsed + elapsed / 100_000
}

/// A message that shows the reference too far ahead by `late`, s.
fn reading(at: Timestamp<Free>, late: f64) -> Option<Reading> {
    let difference = EPOCH.since_epoch() + truth(at) - at.since_epoch();
    Some(Reading { at, difference: difference + Duration::from_seconds(late)? })
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("testbed-{}-{name}", std::process::id()))
}

fn text(rows: &[Row]) -> String {
    rows.iter().fold(csv::head(&Header::new("testbed")), |text, row| text + &csv::line(row))
}

#[test]
fn a_simulated_recording_is_reproduced_bit_for_bit() {
    let rows = recorded();
    let summary = replay(&rows, &Settings::default());
    assert!(summary.is_reproduced());
    // The rounds here are of no keeper.
    let [remark] = &summary.remarks[..] else { panic!("{:?}", summary.remarks) };
    assert!(remark.contains("the start of the keeper of clock clock"), "{remark}");
    let [ntp, ptp] = &summary.sources[..] else { panic!("{}", summary.sources.len()) };
    assert_eq!((ntp.comparisons, ptp.comparisons), (SECONDS, 2 * SECONDS));
    for source in [ntp, ptp] {
        assert!(source.estimates > SECONDS - 10 && source.largest == 0.0);
        let last = source.last.unwrap();
        assert!((last.frequency - 10e-6).abs() < 1e-7, "{last:?}");
        assert!((80e-6..120e-6).contains(&last.delay_floor), "{last:?}");
    }
}

#[test]
fn other_settings_come_to_other_estimates_and_missing_rows_are_said() {
    let rows = recorded();
    let prior = Settings { prior: Some(Some((50e-6, 1e-6))), ..Settings::default() };
    let changed = replay(&rows, &prior);
    assert!(!changed.is_reproduced() && changed.sources[0].largest > 0.0);

    let late = Settings { from: Some(300.0), to: Some(400.0), ..Settings::default() };
    let part = replay(&rows, &late);
    let points = &part.sources[0].points;
    // By the clock, 4 ms have passed more than by the slow time base when it shows 400 s.
    assert_eq!(points.len(), 100);
    assert!(points.iter().all(|point| (300.0..=400.0).contains(&point.time)));

    let without = Settings { without: vec!["ntp".into()], ..Settings::default() };
    let names: Vec<_> = replay(&rows, &without).sources.into_iter().map(|s| s.source).collect();
    assert_eq!(names, ["ptp"]);

    let mut torn = rows.clone();
    torn.drain(10..12);
    let told = replay(&torn, &Settings::default()).remarks;
    assert_eq!(told[0], "after row 9 comes row 12: estimates differ from there on");
    let headless = replay(&rows[rows.len() / 2..], &Settings::default());
    let headless = headless.remarks;
    assert!(headless.iter().any(|it| it.contains("the start of the estimator of ntp")));
}

#[test]
fn both_formats_hold_the_same_rows() {
    let rows = recorded();
    let (table, lines) = (scratch("rows.parquet"), scratch("rows.csv"));
    let header = Header::new("testbed 1");
    parquet::write(File::create(&table).unwrap(), &header, &rows).unwrap();
    fs::write(&lines, text(&rows)).unwrap();
    let read = recording::read(&table).unwrap();
    assert_eq!(read.header, header);
    assert_eq!(text(&read.rows), text(&rows));
    assert_eq!(text(&recording::read(&lines).unwrap().rows), text(&rows));

    let all = recording::read_all(&[lines.clone(), table.clone()]).unwrap();
    assert_eq!((all.rows.len(), all.remarks.len()), (2 * rows.len(), 0));
    fs::write(&lines, &text(&rows)[..5000]).unwrap();
    let torn = recording::read_all(std::slice::from_ref(&lines)).unwrap();
    assert!(torn.remarks[0].contains("the last, was torn off"), "{:?}", torn.remarks);
    fs::remove_file(table).unwrap();
    fs::remove_file(lines).unwrap();
}

#[test]
fn a_file_that_is_no_recording_is_named_with_its_line_and_what_to_do() {
    let path = scratch("bad.csv");
    for (text, expected) in [
        ("# utcd recording 9, a, b\n", "bad.csv: line 1: format 9"),
        ("time,offset\n1,2\n", "give a file that utcd or testbed has recorded"),
        ("PAR1 and nothing else", "bad.csv"),
    ] {
        fs::write(&path, text).unwrap();
        let error = recording::read(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    fs::remove_file(&path).unwrap();
    assert!(recording::read(&path).unwrap_err().to_string().contains("bad.csv: No such file"));
}

#[test]
fn the_clock_and_each_source_are_a_series() {
    let series = recording::of_rows(&recorded());
    let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
    assert_eq!(names, ["ntp", "ptp", "clock clock"]);
    for series in &series {
        assert!(series.points.len() + 1 >= SECONDS as usize, "{}", series.name);
        assert!(series.points.windows(2).all(|pair| pair[0].time < pair[1].time));
        let count = series.points.len() as f64;
        let mean = series.points.iter().map(|point| point.offset).sum::<f64>() / count;
        // The clock is 5 µs fast; half a difference of two delays, and 10 ppm over 700 ms
        // before PTP's estimate knows of them, is what an exchange is off by.
        assert!((mean - 5e-6).abs() < 1e-6, "{}: {mean}", series.name);
    }
}

#[test]
fn damaged_parquet_is_refused_and_never_more() {
    let (good, bad) = (scratch("good.parquet"), scratch("damaged.parquet"));
    let header = Header::new("testbed 1");
    parquet::write(File::create(&good).unwrap(), &header, &recorded()[..20]).unwrap();
    let bytes = fs::read(&good).unwrap();
    let mut random = Random::new(1, 1);
    let mut refused = 0;
    for _ in 0..300 {
        let mut damaged = bytes.clone();
        // The magic stays: without it, it is read as text.
        let place = 4 + random.bits() as usize % (bytes.len() - 4);
        match random.bits() % 3 {
            0 => damaged.truncate(place),
            _ => damaged[place] = random.bits() as u8,
        }
        fs::write(&bad, damaged).unwrap();
        refused += u32::from(recording::read(&bad).is_err());
    }
    assert!(refused > 100, "{refused}");
    fs::remove_file(good).unwrap();
    fs::remove_file(bad).unwrap();
}

fn testbed(arguments: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_testbed")).args(arguments).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn a_replay_has_a_report_and_both_formats_can_be_compared() {
    let [csv, parquet, page] = ["report.csv", "report.parquet", "report.html"].map(scratch);
    let [csv, parquet, page] = [&csv, &parquet, &page].map(|path| path.to_str().unwrap());
    fs::write(csv, text(&recorded())).unwrap();
    testbed(&["convert", csv, "-o", parquet]);
    testbed(&["replay", parquet, "--report", page]);
    let html = fs::read_to_string(page).unwrap();
    for title in ["ntp", "ptp", "ntp replayed", "ptp replayed"] {
        assert!(html.contains(&format!(">{title}</h2>")), "{title}");
    }
    let [from_csv, from_parquet] =
        [csv, parquet].map(|file| testbed(&["compare", file, "--source", "ntp"]));
    assert_eq!(from_csv, from_parquet);
    [csv, parquet, page].into_iter().for_each(|path| fs::remove_file(path).unwrap());
}
