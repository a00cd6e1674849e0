//! What no gate ever does, whatever the series of samples.

use proptest::prelude::*;
use spillway_core::Timestamp;
use spillway_core::gate::{Gate, GateState, Observation, Sample};
use spillway_core::policy::{GatePolicy, SignalPolicy, WhenMissing};
use spillway_core::scope::Scope;
use spillway_core::units::{Finite, Span};

const OPEN_AFTER: Span = Span::from_secs(30);
const CLOSE_AFTER: Span = Span::from_secs(120);
const STALE_AFTER: Span = Span::from_secs(20);

fn policy() -> GatePolicy {
    GatePolicy {
        open_after: OPEN_AFTER,
        close_after: CLOSE_AFTER,
        forecast_lead: None,
    }
}

fn signal(when_missing: WhenMissing) -> SignalPolicy {
    SignalPolicy {
        name: "cpu".to_owned(),
        scope: Scope::Cloud,
        open_at: Finite::new(0.85).unwrap(),
        close_at: Finite::new(0.70).unwrap(),
        stale_after: STALE_AFTER,
        when_missing,
    }
}

fn sample(value: f64, at: u64) -> Observation {
    Observation {
        newest: Some(Sample {
            value,
            at: Timestamp(at),
        }),
        crosses_in: None,
    }
}

const NONE: Observation = Observation {
    newest: None,
    crosses_in: None,
};

/// Steps a gate through `(now, value)` pairs with one signal; returns the state at each.
fn run(series: &[(u64, Option<f64>)]) -> Vec<GateState> {
    let signals = [signal(WhenMissing::Hold)];
    let mut gate = Gate::new(Timestamp(0));
    series
        .iter()
        .map(|&(now, value)| {
            let samples = [value.map_or(NONE, |value| sample(value, now))];
            gate = gate.step(&policy(), &signals, &samples, Timestamp(now));
            gate.state()
        })
        .collect()
}

/// A load of `value` sampled every 10 s from `from` to `to` seconds.
fn steady(value: f64, from: u64, to: u64) -> Vec<(u64, Option<f64>)> {
    (from..=to)
        .step_by(10)
        .map(|secs| (secs * 1_000, Some(value)))
        .collect()
}

#[test]
fn it_opens_after_standing_over_the_threshold_and_not_before() {
    let states = run(&steady(0.9, 0, 30));
    assert_eq!(
        states,
        [
            GateState::Closed,
            GateState::Closed,
            GateState::Closed,
            GateState::Open
        ]
    );
}

#[test]
fn it_closes_after_standing_under_the_threshold_and_not_before() {
    let mut series = steady(0.9, 0, 30);
    series.extend(steady(0.5, 40, 160));
    let states = run(&series);
    assert_eq!(states[states.len() - 2], GateState::Open);
    assert_eq!(states[states.len() - 1], GateState::Closed);
}

#[test]
fn between_the_thresholds_nothing_changes() {
    let mut series = steady(0.9, 0, 30);
    series.extend(steady(0.8, 40, 4_000));
    assert_eq!(run(&series).last(), Some(&GateState::Open));
    assert_eq!(run(&steady(0.8, 0, 4_000)).last(), Some(&GateState::Closed));
}

#[test]
fn a_gap_does_not_count_as_standing() {
    // Ten minutes pass between two samples over the threshold; nobody knows what was in between.
    assert_eq!(
        run(&[(0, Some(0.9)), (600_000, Some(0.9))]),
        [GateState::Closed, GateState::Closed]
    );
}

/// Steps a gate every 5 s up to `until`, with a signal that is fresh for 200 s after each of its
/// samples, given as seconds and value; returns when the gate changed, in seconds.
fn changes(samples: &[(u64, f64)], until: u64) -> Vec<(u64, GateState)> {
    let patient = SignalPolicy {
        stale_after: Span::from_secs(200),
        ..signal(WhenMissing::Hold)
    };
    let mut gate = Gate::new(Timestamp(0));
    let mut found = Vec::new();
    for secs in (0..=until).step_by(5) {
        let newest = samples.iter().rfind(|(at, _)| *at <= secs);
        let observation = newest.map_or(NONE, |&(at, value)| sample(value, at * 1_000));
        let signals = std::slice::from_ref(&patient);
        let next = gate.step(&policy(), signals, &[observation], Timestamp(secs * 1_000));
        if next.state() != gate.state() {
            found.push((secs, next.state()));
        }
        gate = next;
    }
    found
}

#[test]
fn one_spike_of_an_exporter_that_then_died_opens_nothing() {
    assert_eq!(changes(&[(10, 0.1), (60, 0.99)], 255), []);
    let opened = (90, GateState::Open);
    let last_words = [(60, 0.99), (90, 0.99), (100, 0.1)];
    assert_eq!(changes(&last_words, 295), [opened], "and closes nothing");
}

#[test]
fn a_signal_that_is_rarely_measured_opens_at_its_second_sample() {
    let samples = [(0, 0.9), (100, 0.9), (150, 0.1), (290, 0.1)];
    let expected = [(100, GateState::Open), (290, GateState::Closed)];
    assert_eq!(changes(&samples, 400), expected);
}

#[test]
fn samples_further_apart_than_they_are_trusted_do_not_stand_together() {
    // Nobody stepped in the 10 s in which the first one was stale.
    let signals = [signal(WhenMissing::Hold)];
    let step = |gate: Gate, now: u64, at: u64| {
        let at = sample(0.9, at * 1_000);
        gate.step(&policy(), &signals, &[at], Timestamp(now * 1_000))
    };
    let gate = step(Gate::new(Timestamp(0)), 100, 100);
    let gate = step(gate, 120, 100);
    let gate = step(gate, 130, 130);
    assert_eq!(gate.state(), GateState::Closed);
    assert!(
        gate.asking()
            .all(|asking| asking.since == Timestamp(130_000))
    );
}

#[test]
fn a_missing_signal_holds_an_open_gate_or_takes_no_part() {
    let open = |when_missing| {
        let signals = [signal(WhenMissing::Hold), signal(when_missing)];
        let mut gate = Gate::new(Timestamp(0));
        for secs in (0..=30).step_by(10) {
            let now = secs * 1_000;
            let samples = [sample(0.9, now), sample(0.9, now)];
            gate = gate.step(&policy(), &signals, &samples, Timestamp(now));
        }
        for secs in (40..=400).step_by(10) {
            let now = secs * 1_000;
            gate = gate.step(
                &policy(),
                &signals,
                &[sample(0.5, now), NONE],
                Timestamp(now),
            );
        }
        gate.state()
    };
    assert_eq!(open(WhenMissing::Hold), GateState::Open);
    assert_eq!(open(WhenMissing::Ignore), GateState::Closed);
}

#[test]
fn a_gate_stays_open_for_its_dwell_time_when_the_signal_that_opened_it_vanishes() {
    let signals = [signal(WhenMissing::Ignore), signal(WhenMissing::Hold)];
    let mut gate = Gate::new(Timestamp(0));
    for secs in (0..=600).step_by(10) {
        let now = secs * 1_000;
        // The first signal stands high from 500 s on; the second has stood low from the start.
        let first = sample(if secs < 500 { 0.1 } else { 0.9 }, now);
        gate = gate.step(
            &policy(),
            &signals,
            &[first, sample(0.1, now)],
            Timestamp(now),
        );
    }
    let opened_at = gate.since();
    assert_eq!(
        (gate.state(), opened_at),
        (GateState::Open, Timestamp(530_000))
    );
    for secs in (610..650).step_by(10) {
        let now = secs * 1_000;
        gate = gate.step(
            &policy(),
            &signals,
            &[NONE, sample(0.1, now)],
            Timestamp(now),
        );
        assert_eq!(gate.state(), GateState::Open, "{secs} s");
    }
    gate = gate.step(
        &policy(),
        &signals,
        &[NONE, sample(0.1, 650_000)],
        Timestamp(650_000),
    );
    assert_eq!(gate.state(), GateState::Closed);
}

/// A rise that will be over the threshold before a burst server could start opens early, but no
/// sooner than after the dwell time; a forecast that vanishes starts it anew.
#[test]
fn a_forecast_within_the_lead_counts_as_standing_over() {
    let forecast = GatePolicy {
        forecast_lead: Some(Span::from_secs(40)),
        ..policy()
    };
    let signals = [signal(WhenMissing::Hold)];
    let run = |crosses_in: &dyn Fn(u64) -> Option<Span>| {
        let mut gate = Gate::new(Timestamp(0));
        for secs in (0..=60).step_by(10) {
            let now = secs * 1_000;
            let observation = Observation {
                crosses_in: crosses_in(secs),
                ..sample(0.75, now)
            };
            gate = gate.step(&forecast, &signals, &[observation], Timestamp(now));
        }
        gate
    };
    let gate = run(&|_| Some(Span::from_secs(40)));
    assert_eq!(gate.state(), GateState::Open);
    assert_eq!(gate.since(), Timestamp(30_000));
    assert!(gate.asking().all(|asking| asking.by_forecast));
    let later_than_the_lead = run(&|_| Some(Span::from_secs(41)));
    assert_eq!(later_than_the_lead.state(), GateState::Closed);
    let vanished = run(&|secs| (secs != 40).then_some(Span(0)));
    assert_eq!(vanished.since(), Timestamp(30_000));
    let vanished_early = run(&|secs| (secs != 20).then_some(Span(0)));
    assert_eq!(vanished_early.since(), Timestamp(60_000));
}

/// One step: how far the clock moves (backwards too), and what the two signals say.
type Step = (i64, Option<f64>, Option<f64>);

/// Spells in which the signals stand where they are, and jumps between them.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let clock = prop_oneof![
        20 => 5_000..15_000_i64,
        1 => 15_000..1_000_000_i64,
        1 => -1_000_000..0_i64,
    ];
    let value = || {
        prop_oneof![
            6 => (0.0..1.0_f64).prop_map(Some),
            3 => Just(Some(0.95)),
            3 => Just(Some(0.1)),
            1 => Just(Some(f64::NAN)),
            1 => Just(Some(f64::INFINITY)),
            1 => Just(Some(f64::NEG_INFINITY)),
            1 => Just(None),
        ]
    };
    let spell = (clock, value(), value(), 1..30_usize)
        .prop_map(|(clock, first, second, n)| vec![(clock, first, second); n]);
    proptest::collection::vec(spell, 1..30).prop_map(|spells| spells.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Between two changes lies at least the dwell time of the second, on the clock as it ran
    /// forwards: jumps back are no time gone by.
    #[test]
    fn it_never_flaps_faster_than_its_dwell_times(
        steps in steps(),
        ignore in any::<bool>(),
        late in 0..15_000_u64,
    ) {
        let missing = if ignore { WhenMissing::Ignore } else { WhenMissing::Hold };
        let signals = [signal(missing), signal(WhenMissing::Hold)];
        let mut gate = Gate::new(Timestamp(0));
        let mut now = 100_000_000_u64;
        let mut elapsed = 0_u64;
        let mut changed_at: Option<u64> = None;
        for (moved, first, second) in steps {
            now = now.saturating_add_signed(moved);
            elapsed += u64::try_from(moved).unwrap_or(0);
            let at = |value: Option<f64>| value.map_or(NONE, |value| sample(value, now - late));
            let next = gate.step(&policy(), &signals, &[at(first), at(second)], Timestamp(now));
            if next.state() != gate.state() {
                let dwell = match next.state() {
                    GateState::Open => OPEN_AFTER,
                    GateState::Closed => CLOSE_AFTER,
                };
                if let Some(before) = changed_at {
                    prop_assert!(elapsed - before >= dwell.0, "{} ms", elapsed - before);
                }
                changed_at = Some(elapsed);
            }
            gate = next;
        }
    }

    /// It opens only between two samples over the threshold that are the dwell time apart, with
    /// none elsewhere in between, whenever they come and however often it is stepped.
    #[test]
    fn it_opens_by_samples_not_by_waiting(
        steps in proptest::collection::vec((1_000..8_000_u64, any::<bool>(), 0.8..1.0_f64), 1..200),
    ) {
        let signals = [signal(WhenMissing::Hold)];
        let mut gate = Gate::new(Timestamp(0));
        let mut now = 1_000_000_u64;
        let mut newest = (now, 0.0);
        let mut over_since = None;
        for (moved, measured, value) in steps {
            now += moved;
            if measured {
                newest = (now, value);
            }
            if newest.1 < 0.85 {
                over_since = None;
            } else {
                over_since = over_since.or(Some(newest.0));
            }
            gate = gate.step(&policy(), &signals, &[sample(newest.1, newest.0)], Timestamp(now));
            if gate.state() == GateState::Open {
                let stood = over_since.map_or(0, |since| newest.0 - since);
                prop_assert!(stood >= OPEN_AFTER.0, "{stood} ms");
                break;
            }
        }
    }

    /// A signal that is not a number changes nothing by itself, neither way.
    #[test]
    fn what_is_no_number_changes_no_state(
        bad in prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
        opened in any::<bool>(),
    ) {
        let signals = [signal(WhenMissing::Hold)];
        let mut gate = Gate::new(Timestamp(0));
        if opened {
            for secs in (0..=30).step_by(10) {
                let now = secs * 1_000;
                gate = gate.step(&policy(), &signals, &[sample(0.9, now)], Timestamp(now));
            }
        }
        let before = gate.state();
        for secs in (40..=4_000).step_by(10) {
            let now = secs * 1_000;
            gate = gate.step(&policy(), &signals, &[sample(bad, now)], Timestamp(now));
            prop_assert_eq!(gate.state(), before);
        }
    }

    /// Samples that are too old, or from the future, are as good as none.
    #[test]
    fn old_and_future_samples_open_nothing(offset in prop_oneof![
        20_001..10_000_000_u64, Just(u64::MAX),
    ], future in any::<bool>()) {
        let signals = [signal(WhenMissing::Hold)];
        let mut gate = Gate::new(Timestamp(0));
        for secs in (100_000..101_000_u64).step_by(10) {
            let now = secs * 1_000;
            let at = if future { now.saturating_add(offset) } else { now.saturating_sub(offset) };
            gate = gate.step(&policy(), &signals, &[sample(0.99, at)], Timestamp(now));
        }
        prop_assert_eq!(gate.state(), GateState::Closed);
    }
}
