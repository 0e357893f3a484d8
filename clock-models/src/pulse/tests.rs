use super::*;
use proptest::prelude::*;

/// The time base shows 1000 s less than TAI.
const APART: i64 = 1000;

fn at(seconds: f64) -> Timestamp<Free> {
    Timestamp::from_epoch(Duration::from_seconds(seconds).unwrap())
}

fn believed(at: Timestamp<Free>, error: f64, bound: f64) -> Option<Believed> {
    let error = Duration::from_seconds(error).unwrap();
    let time = Timestamp::from_epoch(at.since_epoch() + Duration::from_secs(APART) + error);
    Some(Believed { time, bound })
}

fn second(number: i64) -> Result<Timestamp<Tai>, Refused> {
    Ok(Timestamp::from_secs(number + APART))
}

/// One that knows the second of the pulse at 7 s.
fn begun() -> Numbering {
    let mut numbering = Numbering::default();
    assert_eq!(numbering.take(at(7.0), None, believed(at(7.0), 0.3, 0.35)), second(7));
    numbering
}

#[test]
fn a_pulse_waits_until_the_others_are_sure_of_its_second() {
    let mut numbering = Numbering::default();
    assert_eq!(numbering.take(at(5.0), None, None), Err(Refused::Unnamed));
    let unsure = believed(at(6.0), 0.0, 0.41);
    assert_eq!(numbering.take(at(6.0), None, unsure), Err(Refused::Unnamed));
    let sure = believed(at(7.0), -0.39, 0.4);
    assert_eq!(numbering.take(at(7.0), None, sure), second(7));
}

#[test]
fn it_then_goes_on_without_the_others_and_over_gaps() {
    let mut numbering = begun();
    assert_eq!(numbering.take(at(8.0003), None, None), second(8));
    assert_eq!(numbering.take(at(70.02), None, None), second(70));
    // 1000 s at 500 ppm make half a second.
    assert_eq!(numbering.take(at(1070.0), None, None), Err(Refused::Unnamed));
}

#[test]
fn a_known_frequency_carries_the_count_further() {
    let mut numbering = begun();
    // The time base is slow by 200 ppm, so that TAI gains a second in 5000.
    let known = Some((200e-6, 1e-7));
    assert_eq!(numbering.take(at(5006.5), known, None), Err(Refused::NotASecond));
    let (elapsed, whole) = (5000.0 / (1.0 + 200e-6), 5007);
    assert_eq!(numbering.take(at(7.0 + elapsed), known, None), second(whole));
}

#[test]
fn what_comes_between_the_seconds_is_refused_and_does_not_disturb() {
    let mut numbering = begun();
    for between in [7.000_02, 7.1, 7.5, 7.99, 8.01] {
        assert_eq!(numbering.take(at(between), None, None), Err(Refused::NotASecond));
        assert_eq!(numbering.clone().take(at(8.0), None, None), second(8), "{between}");
        numbering = begun();
    }
    let wrong_edge = believed(at(7.1), 0.0, 0.05);
    let first = Numbering::default().take(at(7.1), None, wrong_edge);
    assert_eq!(first, Err(Refused::NotASecond));
}

#[test]
fn a_count_that_began_with_a_disturbance_is_given_up() {
    let mut numbering = Numbering::default();
    assert_eq!(numbering.take(at(6.8), None, believed(at(6.8), 0.0, 0.3)), second(7));
    for number in 7..11 {
        let at = at(f64::from(number));
        assert_eq!(numbering.take(at, None, None), Err(Refused::NotASecond));
    }
    assert_eq!(numbering.take(at(11.0), None, believed(at(11.0), 0.0, 0.3)), second(11));
}

#[test]
fn a_count_that_others_are_sure_is_a_second_off_is_named_anew() {
    let mut numbering = Numbering::default();
    let wrong = believed(at(7.0), 1.0, 0.1);
    assert_eq!(numbering.take(at(7.0), None, wrong), second(8));
    assert_eq!(numbering.take(at(8.0), None, believed(at(8.0), 0.0, 0.1)), second(8));
    assert_eq!(numbering.take(at(9.0), None, None), second(9));
}

#[test]
fn a_belief_is_carried_to_the_pulse_and_grows_on_the_way() {
    let estimate = Estimate {
        at: at(0.0),
        offset: Duration::from_secs(APART),
        offset_deviation: 0.0,
        frequency: 1e-4,
        frequency_deviation: 1e-5,
        covariance: 0.0,
        wander: 0.0,
        bound: 1e-3,
        delay_floor: 0.0,
        delay_floor_deviation: 0.0,
        jitter: 0.0,
    };
    let believed = Believed::by(&estimate, 2e-3, at(100.0));
    let time = believed.time.since_epoch().seconds();
    assert!((time - 1100.01).abs() < 1e-9, "{time}");
    assert!(believed.bound > 3e-3, "{}", believed.bound);
}

/// A line of pulses, one a second, that brings both edges of each.
struct Line {
    width: f64,
    /// The first edge of the line is the end of a pulse.
    begins_with_end: bool,
    /// So many seconds are heard.
    seconds: u16,
}

impl Line {
    /// Its edges: when they come, s, and whether they begin the second.
    fn edges(&self) -> Vec<(f64, bool)> {
        let pulses = (10..10 + self.seconds).map(f64::from);
        let edges = pulses.flat_map(|begin| [(begin, true), (begin + self.width, false)]);
        edges.skip(usize::from(self.begins_with_end)).collect()
    }
}

/// What became of the edges of a line: of each that was given a second, how late it is, s,
/// and of each that was not, why.
fn heard(
    numbering: &mut Numbering,
    edges: &[(f64, bool)],
    mut others: impl FnMut(Timestamp<Free>) -> Option<Believed>,
) -> Vec<Result<f64, Refused>> {
    let late = |(when, _): &(f64, bool)| {
        let pulse = at(*when);
        let second = numbering.take(pulse, None, others(pulse))?;
        Ok(when - (second - Timestamp::from_secs(APART)).seconds())
    };
    edges.iter().map(late).collect()
}

/// For a line whose driver may stamp both edges.
fn of_both_edges(width: Option<f64>) -> Numbering {
    let mut numbering = Numbering::new(width.and_then(Width::new));
    numbering.listen(true);
    numbering
}

#[test]
fn both_edges_are_refused_where_the_others_cannot_tell_them_apart() {
    for begins_with_end in [false, true] {
        let edges = Line { width: 0.1, begins_with_end, seconds: 30 }.edges();
        let sentences = |pulse| believed(pulse, 0.05, 0.3);
        let heard = heard(&mut of_both_edges(None), &edges, sentences);
        assert!(heard.iter().all(Result::is_err), "{heard:?}");
        assert_eq!(heard[6..].iter().find(|h| **h != Err(Refused::Ambiguous)), None);
    }
}

#[test]
fn the_edge_that_fits_is_taken_where_the_others_know_better() {
    for begins_with_end in [false, true] {
        let edges = Line { width: 0.1, begins_with_end, seconds: 30 }.edges();
        let exact = |pulse| believed(pulse, 1e-3, 2e-3);
        let heard = heard(&mut of_both_edges(None), &edges, exact);
        for (heard, (when, begins)) in heard.iter().zip(&edges).skip(6) {
            let expected = if *begins { Ok(0.0) } else { Err(Refused::NotASecond) };
            assert_eq!(*heard, expected, "{when}");
        }
    }
}

#[test]
fn by_the_width_the_ends_of_pulses_are_known_from_the_first_on() {
    for (begins_with_end, width) in [(false, 0.1), (true, 0.1), (true, 0.8), (false, 1e-5)] {
        let edges = Line { width, begins_with_end, seconds: 30 }.edges();
        let mut numbering = Numbering::new(Width::new(width));
        let heard = heard(&mut numbering, &edges, |pulse| believed(pulse, -0.1, 0.35));
        for (heard, (when, begins)) in heard.iter().zip(&edges).skip(8) {
            let expected = if *begins { Ok(0.0) } else { Err(Refused::TrailingEdge) };
            assert_eq!(*heard, expected, "{when} of {width}");
        }
    }
}

#[test]
fn a_line_of_one_edge_that_might_bring_both_is_named_by_its_third_pulse() {
    let sentences = |pulse| believed(pulse, 0.05, 0.3);
    for every in [1.0, 2.0] {
        let pulses: Vec<_> = (0..5).map(|n| (10.0 + every * f64::from(n), true)).collect();
        let heard = heard(&mut of_both_edges(None), &pulses, sentences);
        assert_eq!(heard[..2], [Err(Refused::Unnamed); 2]);
        assert_eq!(heard[2..], [Ok(0.0); 3]);
    }
}

#[test]
fn of_the_edges_of_a_narrow_pulse_the_first_one_is_counted() {
    for (width, begins_with_end) in [(1e-5, false), (1e-5, true), (1.2e-3, false), (1.2e-3, true)] {
        let edges = Line { width, begins_with_end, seconds: 30 }.edges();
        let sentences = |pulse| believed(pulse, 0.05, 0.3);
        let heard = heard(&mut of_both_edges(None), &edges, sentences);
        for (heard, (when, begins)) in heard.iter().zip(&edges).skip(6) {
            let expected = if *begins { Ok(0.0) } else { Err(Refused::NotASecond) };
            assert_eq!(*heard, expected, "{when} of {width}");
        }
    }
}

/// A driver that brings both edges although it granted one of them.
#[test]
fn a_count_of_the_wrong_edge_is_given_up_when_a_rhythm_shows_beside_it() {
    let edges = Line { width: 0.1, begins_with_end: true, seconds: 30 }.edges();
    let sentences = |pulse| believed(pulse, 0.05, 0.3);
    let mut numbering = Numbering::default();
    let heard = heard(&mut numbering, &edges, sentences);
    assert!(heard[0].is_ok(), "{heard:?}");
    // The third of the other edges.
    assert_eq!(heard[5], Err(Refused::Ambiguous));
    assert!(heard[6..].iter().all(Result::is_err), "{heard:?}");
    // What knows better then names it.
    let begin = at(50.0);
    for (when, begins) in [(48.0, true), (48.1, false), (49.0, true), (49.1, false)] {
        let named = numbering.take(at(when), None, believed(at(when), 0.0, 0.01));
        assert!(begins || named.is_err(), "{when}");
    }
    assert_eq!(numbering.take(begin, None, believed(begin, 0.0, 0.01)), second(50));
}

#[test]
fn a_count_that_others_disprove_is_given_up_for_the_edge_that_fits() {
    let mut numbering = Numbering::default();
    let edges = Line { width: 0.1, begins_with_end: true, seconds: 5 }.edges();
    // As if that edge had been meant when the count began.
    let wrong = |pulse| believed(pulse, -0.1, 0.01);
    heard(&mut numbering, &edges, wrong);
    let edges: Vec<_> =
        [(15.0, true), (15.1, false), (16.0, true), (16.1, false), (17.0, true)].into();
    let heard = heard(&mut numbering, &edges, |pulse| believed(pulse, 0.0, 0.01));
    assert_eq!(heard[1], Err(Refused::NotASecond));
    assert_eq!((heard[2], heard[3], heard[4]), (Ok(0.0), Err(Refused::NotASecond), Ok(0.0)));
}

#[test]
fn single_edges_beside_the_count_do_not_end_it() {
    let mut numbering = Numbering::default();
    let sentences = |pulse| believed(pulse, 0.05, 0.3);
    let between = [0.1, 0.25, 0.17, 0.05, 0.22, 0.13];
    let seconds = (10..).map(f64::from);
    let edges: Vec<_> =
        seconds.zip(between).flat_map(|(s, b)| [(s, true), (s + b, false)]).collect();
    for (heard, (when, begins)) in heard(&mut numbering, &edges, sentences).iter().zip(&edges) {
        assert_eq!(*heard, if *begins { Ok(0.0) } else { Err(Refused::NotASecond) }, "{when}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_a_second_is_a_whole_one_and_never_one_of_before(
        pulses in prop::collection::vec((0.0..3.0f64, -2.0..2.0f64, 0.0..1.0f64), 0..50),
    ) {
        let (mut numbering, mut now) = (Numbering::default(), 0.0);
        for (wait, error, bound) in pulses {
            now += wait;
            let pulse = at(now);
            if let Ok(named) = numbering.take(pulse, None, believed(pulse, error, bound)) {
                let since = named.since_epoch();
                prop_assert_eq!(nearest_second(since), since);
                let off = (named - Timestamp::from_secs(APART)).seconds() - now;
                prop_assert!(off.abs() <= 2.5 + SLACK, "{off}");
            }
        }
    }

    #[test]
    fn sentences_never_name_the_end_of_a_pulse(
        width in prop_oneof![0.003..0.47f64, 0.53..0.99f64],
        is_stated: bool,
        begins_with_end: bool,
        lost in 0..8_usize,
        errors in prop::collection::vec(-1.0..1.0f64, 60),
        bound in 0.001..0.4f64,
    ) {
        let mut edges = Line { width, begins_with_end, seconds: 30 }.edges();
        edges.remove(lost);
        let mut errors = errors.into_iter();
        let mut numbering = of_both_edges(is_stated.then_some(width));
        let heard = heard(&mut numbering, &edges, |pulse| {
            believed(pulse, bound * errors.next().unwrap_or_default(), bound)
        });
        for (heard, (when, begins)) in heard.iter().zip(&edges) {
            prop_assert!(heard.is_err() || (*begins && *heard == Ok(0.0)), "{when}: {heard:?}");
        }
        // Where the width says which is which, all are used in the end.
        let used = heard.iter().skip(20).zip(edges.iter().skip(20));
        for (heard, (when, begins)) in used.filter(|_| is_stated) {
            prop_assert_eq!(heard.is_ok(), *begins, "{}", when);
        }
    }

    #[test]
    fn a_line_of_one_edge_is_named_by_its_first_pulse_and_counted(
        begin in 0.0..1.0f64,
        error in -1.0..1.0f64,
        bound in 0.0..0.4f64,
        lost in prop::collection::vec(any::<bool>(), 30),
    ) {
        let pulses = (10..).map(f64::from).zip(lost).filter(|(_, lost)| !lost);
        let pulses: Vec<_> = pulses.map(|(n, _)| (n + 1e-4 * begin, true)).collect();
        let heard = heard(&mut Numbering::default(), &pulses, |pulse| {
            believed(pulse, bound * error, bound)
        });
        prop_assert!(heard.iter().all(|h| h.is_ok_and(|late| late < 1e-3)), "{heard:?}");
    }
}
