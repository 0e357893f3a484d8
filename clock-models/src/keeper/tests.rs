use super::*;
use crate::discipline::Command;
use crate::discipline::State;
use crate::selection::Reason;
use crate::virtual_clock::VirtualClock;

const LIMITS: Limits = Limits {
    step_threshold: 1e-3,
    max_steps: 3,
    panic_threshold: None,
    max_slew_rate: 500e-6,
    max_frequency: None,
};

fn seconds(s: f64) -> Duration {
    Duration::from_seconds(s).unwrap()
}

/// A source that shows TAI − time base as `offset`, s, within 1 µs (u) and 10 µs (bound).
fn edge(id: u32, at: Timestamp<Free>, offset: f64) -> Edge {
    Edge {
        id: SourceId(id),
        terms: Terms::default(),
        estimate: Some(Estimate {
            at,
            offset: seconds(offset),
            offset_deviation: 1e-6,
            frequency: 0.0,
            frequency_deviation: 1e-9,
            covariance: 0.0,
            wander: 1e-9,
            bound: 60e-6,
            delay_floor: 100e-6,
            delay_floor_deviation: 0.0,
            jitter: 1e-6,
        }),
        usable: Ok(()),
        upstream: Upstream { root_delay: 20e-6, root_dispersion: 5e-6, follows: false },
        clock_accuracy: None,
        stratum: 1,
        stamp_uncertainty: 1e-7,
        upper: None,
    }
}

fn start() -> (Keeper, VirtualClock, Timestamp<Free>) {
    let now = Timestamp::from_secs(100);
    let clock = VirtualClock::new(now, Timestamp::from_secs(1100));
    (Keeper::new(Discipline::new(LIMITS), 1), clock, now)
}

fn round(
    keeper: &mut Keeper,
    clock: &mut VirtualClock,
    now: Timestamp<Free>,
    edges: &[Edge],
) -> Tick {
    let reading = ClockReading { base: now, time: clock.at(now) };
    let tick = keeper.round(reading, clock.frequency(), edges);
    match tick.command {
        Some(Command::Step(step)) => clock.step(step),
        Some(Command::Frequency(f)) => clock.set_frequency(now, f),
        None => {}
    }
    tick
}

#[test]
fn the_budget_of_the_path_adds_up_to_what_the_packets_allow() {
    let (mut keeper, mut clock, now) = start();
    round(&mut keeper, &mut clock, now, &[edge(1, now, 1000.0)]);
    let path = keeper.path(now).unwrap();
    let named = |name: &str| path.components().iter().find(|c| c.name == name).unwrap();
    let asymmetry = named("path asymmetry");
    assert!((asymmetry.standard_uncertainty - 50e-6 / 3f64.sqrt()).abs() < 1e-12);
    // 50 µs for half of the floor and 10 µs above it, then the time stamps.
    assert!((path.bound() - 60e-6 - named("time stamps").bound).abs() < 1e-12);
}

#[test]
fn a_liar_is_outvoted_and_the_honest_are_combined() {
    let (mut keeper, mut clock, now) = start();
    let edges = [edge(1, now, 1000.0), edge(2, now, 1_000.000_01), edge(3, now, 1000.5)];
    let tick = round(&mut keeper, &mut clock, now, &edges);
    assert!(matches!(keeper.selection().verdicts[2], (_, Verdict::Falseticker { .. })));
    let error = tick.error.unwrap();
    assert!((error + 5e-6).abs() < 1e-9, "half way between the two honest: {error}");
}

#[test]
fn the_first_to_answer_does_not_set_the_clock_alone_while_others_are_being_heard() {
    let (mut keeper, mut clock, now) = start();
    let silent =
        |id| Edge { estimate: None, usable: Err(Unusable::NeverHeard), ..edge(id, now, 0.0) };
    let early = round(&mut keeper, &mut clock, now, &[edge(1, now, 1000.5), silent(2), silent(3)]);
    assert_eq!((keeper.selection().leader, early.command), (None, None));
    // All are heard: the liar is outvoted before it could do anything.
    let all = [edge(1, now, 1000.5), edge(2, now, 1000.0), edge(3, now, 1000.0)];
    let heard = round(&mut keeper, &mut clock, now, &all);
    assert!(heard.error.unwrap().abs() < 1e-9);
    // A source that stays silent is not waited for longer than a burst.
    let (mut keeper, mut clock, now) = start();
    let edges = [edge(1, now, 1000.0), silent(2)];
    let waiting = round(&mut keeper, &mut clock, now, &edges);
    assert_eq!(keeper.selection().leader, None);
    let later = now + FIRST_PATIENCE;
    assert_eq!(waiting.next, Some(later));
    round(&mut keeper, &mut clock, later, &edges);
    assert_eq!(keeper.selection().leader, Some(SourceId(1)));
}

#[test]
fn a_source_that_is_only_watched_is_never_followed() {
    let (mut keeper, mut clock, now) = start();
    let mut watched = edge(1, now, 1000.0);
    watched.terms.watch_only = true;
    round(&mut keeper, &mut clock, now, &[watched]);
    assert_eq!(keeper.selection().why_none, Some(Reason::NoneUsable));
    assert!(matches!(keeper.selection().verdicts[0], (SourceId(1), Verdict::Candidate(_))));
}

#[test]
fn a_known_asymmetry_is_corrected_and_its_uncertainty_kept() {
    let (mut keeper, mut clock, now) = start();
    let mut edge = edge(1, now, 1000.0);
    edge.terms.correction = 20e-6;
    edge.terms.min_delay = Some(100e-6);
    edge.terms.asymmetry_uncertainty = 2e-6;
    edge.terms.latency_uncertainty = 1e-6;
    let tick = round(&mut keeper, &mut clock, now, &[edge]);
    assert!((tick.error.unwrap() + 20e-6).abs() < 1e-12);
    let path = keeper.path(now).unwrap();
    assert!(path.standard_uncertainty() < 2e-6, "the floor is declared to be symmetrical");
    for (name, standard) in [("asymmetry calibration", 1e-6), ("interface latency", 0.5e-6)] {
        let found = path.components().iter().find(|component| component.name == name);
        assert!((found.unwrap().standard_uncertainty - standard).abs() < 1e-15, "{name}");
    }
}

#[test]
fn losing_every_source_keeps_the_last_leader_and_grows_its_uncertainty() {
    let (mut keeper, mut clock, mut now) = start();
    round(&mut keeper, &mut clock, now, &[edge(1, now, 1000.0)]);
    let mut lost = edge(1, now, 1000.0);
    lost.usable = Err(Unusable::Unreachable);
    let mut last = 0.0;
    for _ in 0..100 {
        now += seconds(100.0);
        round(&mut keeper, &mut clock, now, std::slice::from_ref(&lost));
        assert_eq!(keeper.leader().map(|edge| edge.id), Some(SourceId(1)));
        let u = keeper.path(now).unwrap().standard_uncertainty();
        assert!(u > last);
        last = u;
    }
    assert_eq!(keeper.discipline().state(), State::Holdover);
    round(&mut keeper, &mut clock, now, &[edge(1, now, 1000.0)]);
    assert!(keeper.path(now).unwrap().standard_uncertainty() < last);
    assert_eq!(keeper.discipline().state(), State::Locked);
}

#[test]
fn without_news_the_claim_grows_and_the_selection_stays() {
    let (mut keeper, mut clock, now) = start();
    let edges = [edge(1, now, 1000.0), edge(2, now, 1_000.000_01)];
    round(&mut keeper, &mut clock, now, &edges);
    let (selection, fresh) = (keeper.selection().clone(), keeper.path(now).unwrap());
    let later = now + seconds(1000.0);
    let tick = round(&mut keeper, &mut clock, later, &edges);
    assert_eq!(keeper.selection(), &selection);
    // The frequency to 1e-9/√2 and 1e-9/√s of wander, over 1000 s.
    let path = keeper.path(later).unwrap();
    let noise = |path: &Budget| path.components()[2].standard_uncertainty;
    let grown = (noise(&path).powi(2) - noise(&fresh).powi(2)).sqrt();
    assert!((grown - (1e-12f64 / 2.0 + 1e-18 * 1e9 / 3.0).sqrt()).abs() < 1e-8, "{grown}");
    assert!(path.bound() > fresh.bound());
    assert!((tick.estimate.unwrap().offset_deviation - noise(&path)).abs() < 1e-15);
}

#[test]
fn the_keeper_wants_nothing_once_the_clock_is_on_its_estimate() {
    let (mut keeper, mut clock, mut now) = start();
    let edges = [edge(1, now, 1_000.000_002)];
    let mut rounds = 0;
    while let Some(next) = round(&mut keeper, &mut clock, now, &edges).next {
        now = next;
        rounds += 1;
        assert!(rounds < 4);
    }
    assert!((clock.at(now) - Timestamp::from_secs(1100)).seconds() > 0.0);
    assert_eq!(keeper.discipline().state(), State::Locked);
    // A source that goes is news.
    let tick = round(&mut keeper, &mut clock, now, &[]);
    assert_eq!((keeper.discipline().state(), tick.next), (State::Holdover, None));
}
