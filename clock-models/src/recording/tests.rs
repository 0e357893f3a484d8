use proptest::prelude::*;

use super::columns::MOST_SECONDS;
use super::csv::{head, line, parse};
use super::*;
use crate::comparison::{Reading, Upstream};
use crate::discipline::Discipline;
use crate::estimator::Estimator;
use crate::keeper::Terms;
use crate::selection::Unusable;
use crate::time::Duration;
use crate::uncertainty::Component;

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
    let figures = (proptest::array::uniform6(maybe()), float());
    let believed = (figures, NAME, proptest::option::of(NAME)).prop_map(
        |(
            ([offset, expanded, bound, path_expanded, path_bound, oscillator], commanded),
            state,
            leader,
        )| {
            Event::Round(Believed {
                offset,
                expanded,
                bound,
                path_expanded,
                path_bound,
                state,
                leader,
                oscillator,
                commanded,
            })
        },
    );
    let needed = (0..9usize).prop_map(|min_agreeing| Event::Keeper { min_agreeing });
    let told = (NAME, edge()).prop_map(|(source, edge)| Event::Told(Told { source, edge }));
    let gone =
        (NAME, any::<u32>()).prop_map(|(source, id)| Event::Gone { source, id: SourceId(id) });
    let slept = float().prop_map(|slept| Event::Suspend { slept });
    prop_oneof![start, compared, needed, slept, told, gone, believed, external()]
}

fn maybe() -> impl Strategy<Value = Option<f64>> {
    proptest::option::of(float())
}

fn edge() -> impl Strategy<Value = Edge> {
    let usable = proptest::option::of(prop::sample::select(Unusable::ALL.as_slice()));
    let numbers = (any::<u32>(), any::<u8>(), proptest::array::uniform3(float()));
    let upper = proptest::option::of(prop::collection::vec((0.0..1e-3, 0.0..1e-3), 0..4));
    let terms =
        (proptest::array::uniform4(any::<bool>()), maybe(), proptest::array::uniform3(float()));
    let calibration = proptest::option::of((float(), float()));
    (usable, numbers, maybe(), upper, (terms, calibration), proptest::option::of(estimate()))
        .prop_map(|(unusable, (id, stratum, numbers), clock_accuracy, upper, terms, estimate)| {
            let [stamp_uncertainty, root_delay, root_dispersion] = numbers;
            let ((flags, min_delay, parts), calibration) = terms;
            let [correction, asymmetry_uncertainty, latency_uncertainty] = parts;
            let [prefer, trust, require, watch_only] = flags;
            Edge {
                id: SourceId(id),
                terms: Terms {
                    prefer,
                    trust,
                    require,
                    watch_only,
                    min_delay,
                    correction,
                    asymmetry_uncertainty,
                    latency_uncertainty,
                    calibration,
                },
                estimate,
                usable: unusable.map_or(Ok(()), Err),
                upstream: Upstream { root_delay, root_dispersion, follows: false },
                clock_accuracy,
                stratum,
                stamp_uncertainty,
                upper: upper.map(|sizes| budget(&sizes)),
            }
        })
}

/// As it is read: of sizes and bounds alone.
fn budget(sizes: &[(f64, f64)]) -> Budget {
    let component = |&(u, bound): &(f64, f64)| Component {
        bound,
        ..Component::type_a("known above", u, f64::INFINITY)
    };
    Budget::new(sizes.iter().map(component)).unwrap()
}

fn external() -> impl Strategy<Value = Event> {
    let time = (duration(), NAME, float(), float()).prop_map(|(tai, utc, expanded, bound)| {
        EventTime { tai: Timestamp::from_epoch(tai), utc, expanded, bound }
    });
    (NAME, any::<u32>(), proptest::option::of(time), any::<bool>()).prop_map(
        |(input, number, time, traceable)| {
            Event::External(External { input, number: number.into(), time, traceable })
        },
    )
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

/// A recording of a row of each kind, by hand.
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
        row(2, Event::Keeper { min_agreeing: 1 }),
        row(3, Event::Told(Told { source: source(), edge: told(Some(estimate)) })),
        row(4, Event::Round(Believed { state: "locked".into(), ..Believed::default() })),
        row(5, Event::Gone { source: source(), id: SourceId(7) }),
        row(
            6,
            Event::External(External {
                input: "trigger".into(),
                number: 7,
                time: Some(EventTime {
                    tai: Timestamp::from_epoch(time(1_795_305_637, 1)),
                    utc: "2026-11-22T00:00:00.000000000Z".into(),
                    expanded: 1e-7,
                    bound: 1e-6,
                }),
                traceable: true,
            }),
        ),
        row(7, Event::Suspend { slept: 11_549.5 }),
    ];
    rows.iter().fold(head(&header()), |text, row| text + &line(row))
}

fn told(estimate: Option<Estimate>) -> Edge {
    Edge {
        id: SourceId(7),
        terms: Terms { prefer: true, min_delay: Some(2e-4), ..Terms::default() },
        estimate,
        usable: Ok(()),
        upstream: Upstream::default(),
        clock_accuracy: Some(25e-9),
        stratum: 1,
        stamp_uncertainty: 2e-9,
        upper: Some(budget(&[(1e-9, 6e-9), (2e-9, 3e-9)])),
    }
}

#[test]
fn lines_are_what_the_reference_says() {
    let text = sample();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("# utcd recording 3, test 1.2.3, {ESTIMATOR}"));
    assert!(lines[1].starts_with("row,kind,clock,source,at_s,at_frac,shown_s,shown_frac,prior_"));
    let start = "0,start,virtual,\"ntp,1\",100,0,1795305637,0,1e-6,5e-7,,,";
    assert!(lines[2].starts_with(start), "{}", lines[2]);
    let compared =
        ",,100,1,-1,4294967295,,,,,1e-9,0.0,0.0,false,false,100,0,1795305537,0,1e-6,-1.25e-5,";
    assert!(lines[3].contains(compared), "{}", lines[3]);
    assert!(lines[4].starts_with("2,keeper,virtual,,100,0,"), "{}", lines[4]);
    assert!(lines[4].ends_with(",,1,,,,,,,,,,,,,,,,,,"), "{}", lines[4]);
    let edge = ",7,,1,2.5e-8,1e-9 6e-9 2e-9 3e-9,true,false,false,false,0.0002,0.0,0.0,0.0,,,,";
    assert!(lines[5].starts_with("3,edge,virtual,\"ntp,1\",") && lines[5].contains(edge));
    assert!(lines[6].ends_with(",,,,,,locked,,,0.0,,,,,,,,"), "{}", lines[6]);
    assert!(lines[7].starts_with("5,gone,virtual,\"ntp,1\",") && lines[7].contains(",,7,,"));
    let event = ",,trigger,7,1795305637,1,2026-11-22T00:00:00.000000000Z,1e-7,1e-6,true";
    assert!(lines[8].starts_with("6,event,virtual,,100,0,"), "{}", lines[8]);
    assert!(lines[8].ends_with(event), "{}", lines[8]);
    assert!(lines[9].starts_with("7,suspend,virtual,,100,0,"), "{}", lines[9]);
    assert!(lines[9].ends_with(",,,11549.5,,,,,,,,,,,,,,,,,"), "{}", lines[9]);
}

#[test]
fn an_error_names_the_line_the_column_and_what_to_do() {
    let good = sample();
    for (from, to, line, word) in [
        ("# utcd recording 3", "# utcd recording 2", 1, "format 2"),
        ("# utcd recording 3", "row", 1, "# utcd recording 3, …"),
        ("row,kind", "kind,row", 2, "columns are not those"),
        ("0,start", "zero,start", 3, "column row: \"zero\" is no whole number"),
        ("0,start", "-1,start", 3, "column row: a row number below 0"),
        ("0,start", "0,stop", 3, "column kind: \"stop\" is none of start"),
        ("\"ntp,1\"", "", 3, "column source: start without a source"),
        ("\"ntp,1\"", "\"ntp,1", 3, "column source: the closing quote is missing"),
        ("\"ntp,1\"", "\"ntp\"1", 3, "column source: text after a closing quote"),
        ("100,0,1795305637", "100,,1795305637", 3, "column at_frac: seconds and their fraction"),
        ("100,0,1795305637", "100,-1,1795305637", 3, "column at_frac: should be from 0"),
        ("100,0,1795305637", "1125899906842625,0,17", 3, "column at_frac: no clock shows that"),
        ("100,1,-1,4294967295", "100,1,,", 4, "column from_difference_frac: the time of a"),
        ("0.0,false,false", "0.0,false,no", 4, "column restarted: \"no\" is no true"),
        ("1e-9,0.0,0.0,false", "1e-9,,0.0,false", 4, "column root_delay: is empty"),
        ("100,1,-1,4294967295", ",,,", 4, "column to_difference_frac: a comparison without"),
        (
            ",1,,,,,,,,,,,,,,,,,,\n",
            ",-1,,,,,,,,,,,,,,,,,,\n",
            5,
            "column min_sources: a number below 0",
        ),
        (",7,,1,", ",-7,,1,", 6, "column source_number: should be from 0 to"),
        (",7,,1,", ",7,tired,1,", 6, "column unusable: \"tired\" is no reason"),
        (",7,,1,", ",7,,256,", 6, "column stratum: should be from 0 to 255"),
        ("1e-9 6e-9 2e-9", "1e-9 6e-9", 6, "column upper: should be pairs"),
        ("1e-9 6e-9 2e-9", "1e-9 -6e-9 2e-9", 6, "column upper: should be pairs"),
        (",locked,", ",,", 7, "column state: is empty"),
        (",locked,,,0.0,,,,,,,,", ",locked,", 7, "column oscillator_frequency: is missing"),
        (",locked,", ",locked,,", 7, "more than 70 fields"),
        ("trigger,7", ",7", 9, "column event: is empty"),
        ("trigger,7", "trigger,-7", 9, "column event_number: an event number below 0"),
        ("1e-7,1e-6,true", ",1e-6,true", 9, "column event_expanded: is empty"),
        (",11549.5,", ",,", 10, "column slept: is empty"),
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
fn no_change_of_bytes_makes_the_reader_or_a_replay_panic() {
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
            Ok(recording) => {
                read += 1;
                let mut replay = Replay::default();
                recording.rows.iter().for_each(|row| drop(replay.take(row)));
            }
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
        Reestimated { restarted: false, estimate: Some(estimate) }
    };
    assert!(replayed(|_| {}).is_as_recorded(compared));
    assert!(!replayed(|e| e.jitter = e.jitter.next_up()).is_as_recorded(compared));
    assert!(!replayed(|e| e.offset += Duration::from_bits(1)).is_as_recorded(compared));
    assert!(!Reestimated { restarted: true, ..replayed(|_| {}) }.is_as_recorded(compared));
    assert!(!Reestimated { restarted: false, estimate: None }.is_as_recorded(compared));
}

/// Twenty exchanges with a source, a second apart, and the rounds of a keeper that hears of
/// each estimate when there are some newer ones.
fn kept() -> Vec<Row> {
    const BEHIND: usize = 3;
    let mut estimator = Estimator::new(None);
    let mut estimates = Vec::new();
    let mut keeper = Keeper::new(Discipline::observer(), 1);
    let mut journal = Journal::new(1);
    let mut rows = Vec::new();
    for second in 0..20 {
        let at = Timestamp::from_secs(100 + second);
        let difference =
            |late: i64| Duration::from_secs(1_795_305_537) + Duration::from_nanos(late);
        let reading = |late| Some(Reading { at, difference: difference(late) });
        let comparison = Comparison {
            from_reference: reading(-100_000 - 700 * (second * second % 7)),
            to_reference: reading(100_000 + 900 * (second % 3)),
            stamp_uncertainty: 1e-9,
            upstream: Upstream::default(),
        };
        let restarted = estimator.update(&comparison).is_some_and(|fit| fit.restarted);
        let estimate = estimator.estimate();
        estimates.push(estimate);
        let source = "s".to_owned();
        let compared = Event::Comparison(Compared { source, comparison, restarted, estimate });

        let shown = Timestamp::from_epoch(at.since_epoch() + difference(5_000));
        let now = ClockReading { base: at, time: shown };
        let old = estimates.len().checked_sub(BEHIND).and_then(|index| estimates[index]);
        let tick = keeper.round(now, 0.0, &[told(old)]);
        let believed = Believed {
            state: keeper.discipline().state().name().to_owned(),
            leader: keeper.leader().map(|_| "s".to_owned()),
            ..Believed::of(&keeper, now, &tick)
        };
        let events = journal.round(&keeper, now, believed, |_| "s".to_owned());
        let start = Event::Start { source: "s".to_owned(), prior: None };
        let before = [(second == 0).then_some(start), Some(compared)];
        for event in before.into_iter().flatten().chain(events) {
            let number = rows.len() as u64;
            rows.push(Row { number, clock: "c".into(), at, shown, event });
        }
    }
    rows
}

/// How many rounds there are, and how many of them are not as they were recorded.
fn rounds(rows: &[Row]) -> (usize, usize) {
    let mut replay = Replay::default();
    let replayed = rows.iter().filter_map(|row| Some((replay.take(row)?, &row.event)));
    let rounds = replayed.filter(|(replayed, _)| matches!(replayed, Replayed::Round(_)));
    let same: Vec<bool> = rounds.map(|(round, event)| round.is_as_recorded(event)).collect();
    (same.len(), same.iter().filter(|is_same| !**is_same).count())
}

#[test]
fn a_keeper_that_was_behind_is_behind_again() {
    let rows = kept();
    let last = rows.last().map(|row| &row.event);
    let Some(Event::Round(believed)) = last else { panic!("{last:?}") };
    assert!((believed.offset.unwrap() - 5e-6).abs() < 2e-6, "{believed:?}");
    assert!(believed.path_expanded.unwrap() > 0.0 && believed.leader.is_some());
    assert_eq!(rounds(&rows), (20, 0));
    // A writer that starts again does so with a keeper that knows nothing.
    assert_eq!(rounds(&[rows.clone(), rows.clone()].concat()), (40, 0));
    // Without the row in which it begins, there is no keeper.
    let headless: Vec<Row> =
        rows.into_iter().filter(|row| !matches!(row.event, Event::Keeper { .. })).collect();
    assert_eq!(rounds(&headless), (0, 0));
}

#[test]
fn a_keeper_begins_anew_after_a_suspend() {
    let before = kept();
    let mut rows = before.clone();
    rows.push(Row { event: Event::Suspend { slept: 3600.0 }, ..before[0].clone() });
    rows.extend(before);
    (0..).zip(&mut rows).for_each(|(number, row)| row.number = number);
    assert_eq!(rounds(&rows), (40, 0));
    // One that went on would still follow what it knew before.
    rows.retain(|row| !matches!(row.event, Event::Suspend { .. }));
    assert_ne!(rounds(&rows), (40, 0));
}

#[test]
fn a_round_is_another_where_one_bit_of_it_is() {
    let rows = kept();
    let changes: [fn(&mut Believed); 5] = [
        |believed| believed.offset = believed.offset.map(f64::next_up),
        |believed| believed.path_expanded = believed.path_expanded.map(f64::next_up),
        |believed| believed.path_bound = None,
        |believed| believed.oscillator = believed.oscillator.map(f64::next_down),
        |believed| believed.leader = Some("another".into()),
    ];
    for change in changes {
        let mut changed = rows.clone();
        let Some(Event::Round(believed)) = changed.last_mut().map(|row| &mut row.event) else {
            panic!("no round")
        };
        change(believed);
        assert_eq!(rounds(&changed), (20, 1));
    }
}
