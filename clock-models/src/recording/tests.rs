use proptest::prelude::*;

use super::columns::MOST_SECONDS;
use super::csv::{head, line, parse};
use super::*;
use crate::comparison::{Reading, Upstream};
use crate::time::Duration;

fn header() -> Header {
    Header::new("test 1.2.3")
}

fn duration() -> impl Strategy<Value = Duration> {
    (-MOST_SECONDS..=MOST_SECONDS, 0..Duration::SECOND.to_bits())
        .prop_map(|(s, fraction)| Duration::from_secs(s) + Duration::from_bits(fraction))
}

fn reading() -> impl Strategy<Value = Reading> {
    (duration(), duration())
        .prop_map(|(at, difference)| Reading { at: Timestamp::from_epoch(at), difference })
}

/// Every float but NaN, which is not equal to itself.
fn float() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits).prop_filter("a number", |f| !f.is_nan())
}

fn estimate() -> impl Strategy<Value = Estimate> {
    (duration(), duration(), proptest::array::uniform9(float())).prop_map(|(at, offset, f)| {
        Estimate {
            at: Timestamp::from_epoch(at),
            offset,
            offset_deviation: f[0],
            frequency: f[1],
            frequency_deviation: f[2],
            covariance: f[3],
            wander: f[4],
            bound: f[5],
            delay_floor: f[6],
            delay_floor_deviation: f[7],
            jitter: f[8],
        }
    })
}

/// As in the configuration: no spaces and no control characters.
const NAME: &str = "[!-~µ台]{1,12}";

fn event() -> impl Strategy<Value = Event> {
    let start = (NAME, proptest::option::of((float(), float())))
        .prop_map(|(source, prior)| Event::Start { source, prior });
    let readings = prop_oneof![
        (reading(), reading()).prop_map(|(a, b)| (Some(a), Some(b))),
        reading().prop_map(|a| (Some(a), None)),
        reading().prop_map(|b| (None, Some(b))),
    ];
    let numbers = (float(), float(), float());
    let compared = (NAME, readings, numbers, any::<bool>(), proptest::option::of(estimate()));
    let compared = compared.prop_map(|(source, (from, to), numbers, restarted, estimate)| {
        let (stamp_uncertainty, root_delay, root_dispersion) = numbers;
        let comparison = Comparison {
            from_reference: from,
            to_reference: to,
            stamp_uncertainty,
            upstream: Upstream { root_delay, root_dispersion, follows: true },
        };
        Event::Comparison(Compared { source, comparison, restarted, estimate })
    });
    let maybe = || proptest::option::of(float());
    let figures = (maybe(), maybe(), maybe(), maybe(), float());
    let believed = (figures, NAME, proptest::option::of(NAME)).prop_map(
        |((offset, expanded, bound, oscillator, commanded), state, leader)| {
            Event::Round(Believed { offset, expanded, bound, state, leader, oscillator, commanded })
        },
    );
    prop_oneof![start, compared, believed]
}

fn row() -> impl Strategy<Value = Row> {
    (any::<u32>(), NAME, duration(), duration(), event()).prop_map(
        |(number, clock, at, shown, event)| Row {
            number: number.into(),
            clock,
            at: Timestamp::from_epoch(at),
            shown: Timestamp::from_epoch(shown),
            event,
        },
    )
}

proptest! {
    #[test]
    fn rows_come_back_from_their_lines_to_the_last_bit(rows in prop::collection::vec(row(), 0..4)) {
        let lines: String = rows.iter().map(line).collect();
        let content = parse((head(&header()) + &lines).as_bytes()).unwrap();
        prop_assert_eq!(&content.header, &header());
        prop_assert_eq!(&content.rows, &rows);
        // Equality takes -0.0 for 0.0; text does not.
        prop_assert_eq!(content.rows.iter().map(line).collect::<String>(), lines);
        prop_assert_eq!(content.torn, None);
    }

    #[test]
    fn a_file_torn_anywhere_after_its_head_gives_the_rows_before(
        rows in prop::collection::vec(row(), 1..4), cut in any::<prop::sample::Index>()
    ) {
        let head = head(&header());
        let text: String = rows.iter().fold(head.clone(), |text, row| text + &line(row));
        let cut = head.len() + cut.index(text.len() - head.len());
        let content = parse(&text.as_bytes()[..cut]).unwrap();
        let whole = text.as_bytes()[head.len()..cut].iter().filter(|b| **b == b'\n').count();
        prop_assert_eq!(&content.rows[..], &rows[..whole]);
        let ends = text.as_bytes()[cut - 1] == b'\n';
        prop_assert_eq!(content.torn, (!ends).then_some(whole + 3));
    }
}

/// A recording of one comparison, one start and one round, by hand.
fn sample() -> String {
    let time = |seconds, bits| Duration::from_secs(seconds) + Duration::from_bits(bits);
    let reading = |at, difference| Reading { at: Timestamp::from_epoch(at), difference };
    let row = |number, event| Row {
        number,
        clock: "virtual".into(),
        at: Timestamp::from_secs(100),
        shown: Timestamp::from_secs(1_795_305_637),
        event,
    };
    let estimate = Estimate {
        at: Timestamp::from_secs(100),
        offset: Duration::from_secs(1_795_305_537),
        offset_deviation: 1e-6,
        frequency: -1.25e-5,
        frequency_deviation: 1e-9,
        covariance: 1e-15,
        wander: 1e-9,
        bound: 1e-3,
        delay_floor: 2e-4,
        delay_floor_deviation: 0.0,
        jitter: 1e-5,
    };
    let comparison = Comparison {
        from_reference: Some(reading(time(100, 1), time(-1, 4_294_967_295))),
        to_reference: None,
        stamp_uncertainty: 1e-9,
        upstream: Upstream::default(),
    };
    let source = || "ntp,1".to_owned();
    let rows = [
        row(0, Event::Start { source: source(), prior: Some((1e-6, 5e-7)) }),
        row(
            1,
            Event::Comparison(Compared {
                source: source(),
                comparison,
                restarted: false,
                estimate: Some(estimate),
            }),
        ),
        row(2, Event::Round(Believed { state: "locked".into(), ..Believed::default() })),
    ];
    rows.iter().fold(head(&header()), |text, row| text + &line(row))
}

#[test]
fn lines_are_what_the_reference_says() {
    let text = sample();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("# utcd recording 1, test 1.2.3, {ESTIMATOR}"));
    assert!(lines[1].starts_with("row,kind,clock,source,at_s,at_frac,shown_s,shown_frac,prior_"));
    let start = "0,start,virtual,\"ntp,1\",100,0,1795305637,0,1e-6,5e-7,,,";
    assert!(lines[2].starts_with(start), "{}", lines[2]);
    let compared =
        ",,100,1,-1,4294967295,,,,,1e-9,0.0,0.0,false,false,100,0,1795305537,0,1e-6,-1.25e-5,";
    assert!(lines[3].contains(compared), "{}", lines[3]);
    assert!(lines[4].ends_with(",,,,locked,,,0.0"), "{}", lines[4]);
}

#[test]
fn an_error_names_the_line_the_column_and_what_to_do() {
    let good = sample();
    for (from, to, line, word) in [
        ("# utcd recording 1", "# utcd recording 2", 1, "format 2"),
        ("# utcd recording 1", "row", 1, "# utcd recording 1, …"),
        ("row,kind", "kind,row", 2, "columns are not those"),
        ("0,start", "zero,start", 3, "column row: \"zero\" is no whole number"),
        ("0,start", "-1,start", 3, "column row: a row number below 0"),
        ("0,start", "0,stop", 3, "column kind: \"stop\" is none of start"),
        ("\"ntp,1\"", "", 3, "column source: a start without a source"),
        ("\"ntp,1\"", "\"ntp,1", 3, "column source: the closing quote is missing"),
        ("\"ntp,1\"", "\"ntp\"1", 3, "column source: text after a closing quote"),
        ("100,0,1795305637", "100,,1795305637", 3, "column at_frac: seconds and their fraction"),
        ("100,0,1795305637", "100,-1,1795305637", 3, "column at_frac: should be from 0"),
        ("100,0,1795305637", "1125899906842625,0,17", 3, "column at_frac: no clock shows that"),
        ("100,1,-1,4294967295", "100,1,,", 4, "column from_difference_frac: the time of a"),
        ("0.0,false,false", "0.0,false,no", 4, "column restarted: \"no\" is no true"),
        ("1e-9,0.0,0.0,false", "1e-9,,0.0,false", 4, "column root_delay: is empty"),
        ("100,1,-1,4294967295", ",,,", 4, "column to_difference_frac: a comparison without"),
        (",locked,", ",,", 5, "column state: is empty"),
        (",locked,,,0.0", ",locked,", 5, "column oscillator_frequency: is missing"),
        (",locked,", ",locked,,", 5, "more than 43 fields"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        let error = parse(bad.as_bytes()).unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.to_string().contains(word) && !error.help.is_empty(), "{error}");
    }
    assert_eq!(parse(b"").unwrap_err().line, 1);
    assert!(parse(b"\xff\n").unwrap_err().to_string().contains("UTF-8"));
}

/// Numbers that look random and are the same on every run (Knuth's MMIX generator).
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 1u64;
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

#[test]
fn no_change_of_bytes_makes_the_reader_panic() {
    let good = sample().into_bytes();
    let mut number = numbers();
    let (mut read, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut bad = good.clone();
        for _ in 0..=number(3) {
            let place = number(bad.len());
            match number(4) {
                0 => bad[place] = number(256) as u8,
                1 => bad[place] = b",\"\n-.eE09"[number(9)],
                2 if bad.len() > 1 => drop(bad.remove(place)),
                _ => bad.truncate(place + 1),
            }
        }
        match parse(&bad) {
            Ok(_) => read += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
}

#[test]
fn a_replay_says_so_where_one_bit_is_another() {
    let recording = parse(sample().as_bytes()).unwrap();
    let Event::Comparison(compared) = &recording.rows[1].event else { panic!("{recording:?}") };
    let replayed = |change: fn(&mut Estimate)| {
        let mut estimate = compared.estimate.unwrap();
        change(&mut estimate);
        Replayed { restarted: false, estimate: Some(estimate) }
    };
    assert!(replayed(|_| {}).is_as_recorded(compared));
    assert!(!replayed(|e| e.jitter = e.jitter.next_up()).is_as_recorded(compared));
    assert!(!replayed(|e| e.offset += Duration::from_bits(1)).is_as_recorded(compared));
    assert!(!Replayed { restarted: true, ..replayed(|_| {}) }.is_as_recorded(compared));
    assert!(!Replayed { restarted: false, estimate: None }.is_as_recorded(compared));
}
