//! Explanations: what they say of the golden cases, and that each of their counterfactuals holds.

use crate::data;
use proptest::prelude::*;
use serde_json::{Value, json};
use spillway_runtime::config::Config;
use spillway_runtime::explain::{self, Counterfactual, Document, Edit, ExplainError, Explanation};
use spillway_runtime::wire::decide_recorded;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

struct Case {
    name: String,
    policy: String,
    inputs: Value,
    decision: Value,
}

fn cases() -> Vec<Case> {
    let read = |(name, text): (String, String)| {
        let content: Value = serde_json::from_str(&text).expect("JSON");
        let lines = content["policy"].as_array().expect("policy lines");
        let lines: Vec<_> = lines.iter().filter_map(Value::as_str).collect();
        Case {
            name: name.trim_end_matches(".json").to_owned(),
            policy: lines.join("\n"),
            inputs: content["inputs"].clone(),
            decision: content["decision"].clone(),
        }
    };
    let files = data::files("decisions", "json", 90);
    files.into_iter().map(read).collect()
}

fn policy_line(digest: &str, toml: &str) -> String {
    json!({"format": 1, "kind": "policy", "at_ms": 1, "digest": digest, "toml": toml}).to_string()
}

fn decision_line(id: &str, digest: &str, inputs: &Value, decision: &Value) -> String {
    json!({
        "format": 1, "kind": "decision", "at_ms": 1_800_000_000_000_u64, "id": id,
        "request_id": format!("req-{id}"), "policy": digest,
        "inputs": inputs, "decision": decision,
    })
    .to_string()
}

fn outcome_line(decision: &str, host: &str) -> String {
    json!({
        "format": 1, "kind": "outcome", "at_ms": 1_800_000_000_250_u64, "decision": decision,
        "result": "placed", "path": "hybrid", "hosts": {"u": host}, "elapsed_ms": 250.0,
        "detail": "",
    })
    .to_string()
}

/// A journal of these lines in a folder of its own.
fn journal(lines: &[String]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    fs::write(&path, lines.join("\n") + "\n").expect("a journal");
    (folder, path)
}

fn explained(journal: &Path, id: &str) -> Explanation {
    let found = explain::find(journal, id);
    found
        .unwrap_or_else(|error| panic!("{id}: {error}"))
        .unwrap_or_else(|| panic!("{id} is not there"))
}

/// The first attempt of a decision's JSON, and the one in active mode, without their prices.
fn first_attempts(decision: &Value) -> [Value; 2] {
    let first = &decision["attempts"][0];
    let active = decision["shadow_attempts"].get(0).unwrap_or(first);
    [first, active].map(|attempt| {
        let mut attempt = attempt.clone();
        if let Some(map) = attempt.as_object_mut() {
            map.remove("price_usd_per_hour");
        }
        attempt
    })
}

/// An edit of the whole load is of the measurements: what an operator said stays.
fn keeps_the_operators_word(counterfactual: &Counterfactual, inputs: &Value) {
    let whole = |edit: &&Edit| edit.document == Document::Inputs && edit.path == "/load";
    for edit in counterfactual.edits.iter().filter(whole) {
        for said in ["paused", "mode"] {
            assert_eq!(edit.value[said], inputs["load"][said], "{edit:?}");
        }
    }
}

/// Does what the edits of each counterfactual say to the recorded documents, decides again, and
/// compares.
fn counterfactuals_hold(explanation: &Explanation, policy: &str, inputs: &Value) {
    let decided = |policy: &str, inputs: &Value| -> Value {
        let decision = decide_recorded(policy, &inputs.to_string()).expect("a decision");
        serde_json::from_str(&decision).expect("JSON")
    };
    let config = Config::from_toml(policy, "policy").expect("a policy");
    let before = first_attempts(&decided(policy, inputs));
    for counterfactual in &explanation.counterfactuals {
        keeps_the_operators_word(counterfactual, inputs);
        let mut document: Value = toml::from_str(&config.effective_toml).expect("TOML");
        let mut changed = inputs.clone();
        for edit in &counterfactual.edits {
            let applied = match edit.document {
                Document::Policy => edit.apply(&mut document),
                Document::Inputs => edit.apply(&mut changed),
            };
            assert!(applied, "{edit:?}");
        }
        let policy = toml::to_string(&document).expect("TOML");
        let decision = decided(&policy, &changed);
        let after = first_attempts(&decision);
        assert_ne!(after, before, "{}", counterfactual.change);
        let shown = serde_json::to_value(counterfactual).expect("JSON");
        assert_eq!(shown["attempt"]["kind"], after[0]["kind"]);
        if !shown["shadow_attempt"].is_null() {
            assert_eq!(shown["shadow_attempt"]["kind"], after[1]["kind"]);
        }
        assert_eq!(shown["reason"]["code"], decision["reasons"][0]["code"]);
    }
}

#[test]
fn every_golden_case_is_explained_as_decided_and_what_would_change_it_does() {
    let cases = cases();
    let mut lines = Vec::new();
    for case in &cases {
        lines.push(policy_line(&format!("digest-{}", case.name), &case.policy));
        let digest = format!("digest-{}", case.name);
        lines.push(decision_line(
            &case.name,
            &digest,
            &case.inputs,
            &case.decision,
        ));
    }
    let (_folder, path) = journal(&lines);
    let mut without = Vec::new();
    for case in &cases {
        let explanation = explained(&path, &format!("req-{}", case.name));
        assert!(
            explanation.again.same,
            "{}: {:?}",
            case.name, explanation.again
        );
        assert_eq!(explanation.decision.id, case.name);
        let attempts = case.decision["attempts"].as_array().expect("attempts");
        assert_eq!(explanation.attempts.len(), attempts.len());
        assert!(
            explanation
                .to_string()
                .contains(&explanation.decision.reasons[0].sentence)
        );
        counterfactuals_hold(&explanation, &case.policy, &case.inputs);
        if explanation.counterfactuals.is_empty() {
            without.push(case.name.as_str());
        }
    }
    // Nothing but another kind of call, another image or a burst host changes these.
    let expected = [
        "move_of_a_burst_server",
        "move_of_a_burst_server_in_mode_off",
        "move_of_a_private_server",
        "no_burst_host",
        "obstacle_volume",
        "rebuild",
    ];
    assert_eq!(without, expected);
}

/// The sentences of what would change a golden case.
fn changes(name: &str) -> Vec<String> {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == name).expect("a case");
    changes_under(name, case.inputs["load"].clone())
}

/// The same of a golden case under another load.
fn changes_under(name: &str, load: Value) -> Vec<String> {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == name).expect("a case");
    let mut inputs = case.inputs.clone();
    inputs["load"] = load;
    let decision = decide_recorded(&case.policy, &inputs.to_string()).expect("a decision");
    let decision: Value = serde_json::from_str(&decision).expect("JSON");
    let lines = [
        policy_line("d", &case.policy),
        decision_line("id", "d", &inputs, &decision),
    ];
    let (_folder, path) = journal(&lines);
    let found = explained(&path, "id").counterfactuals;
    found.into_iter().map(|found| found.change).collect()
}

/// A pause outlives the measurements, so a fresh snapshot alone would have changed nothing.
#[test]
fn a_fresh_snapshot_would_not_have_lifted_a_pause() {
    let stale = |paused: bool| json!({"snapshot": "stale", "age_ms": 45_000, "paused": paused});
    let fresh = "there had been a fresh snapshot with an open cloud gate";
    let without = changes_under("gate_closed_room_left", stale(false));
    assert!(without.iter().any(|change| change == fresh), "{without:#?}");
    let paused = changes_under("gate_closed_room_left", stale(true));
    assert!(paused.iter().all(|change| change != fresh), "{paused:#?}");
    let both = format!("{fresh} and launches had not been paused");
    assert!(paused.contains(&both), "{paused:#?}");
}

/// The snapshot's age, how long the gate had been open, and which signals asked for it; a line of
/// an older release says none of it.
#[test]
fn inputs_are_shown_with_their_age() {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == "gate_open_cloud");
    let case = case.expect("a case");
    let text = |load: Value| {
        let mut inputs = case.inputs.clone();
        inputs["load"] = load;
        let lines = [
            policy_line("d", &case.policy),
            decision_line("id", "d", &inputs, &case.decision),
        ];
        let (_folder, path) = journal(&lines);
        let explanation = explained(&path, "id");
        assert!(explanation.again.same, "a decision looks at none of it");
        explanation.to_string()
    };
    let now = case.inputs["now_ms"].as_u64().expect("a time");
    let gate = json!({
        "scope": "cloud", "state": "open", "since_ms": now - 69_000,
        "signals": ["vcpus_taken", "cpu"],
    });
    let told = text(json!({
        "snapshot": "known", "written_at_ms": now - 400, "gates": [gate],
    }));
    for line in [
        "snapshot        known: 0.4 s old, trusted for 30.0 s\n",
        "gate            cloud open for 69.0 s, asked for by vcpus_taken, cpu\n",
    ] {
        assert!(told.contains(line), "{told}");
    }
    let old = text(json!({"snapshot": "known", "gates": [{"scope": "cloud", "state": "open"}]}));
    for line in ["known, at most 30.0 s old\n", "cloud open\n"] {
        assert!(old.contains(line), "{old}");
    }
}

#[test]
fn a_gate_that_was_forced_closed_is_said_to_be_so_once() {
    let forced = |state: &str| {
        let gate = json!({"scope": "cloud", "state": state, "forced": "closed"});
        changes_under(
            "gate_closed_room_left",
            json!({"snapshot": "known", "gates": [gate]}),
        )
    };
    let of_gates = |changes: Vec<String>| {
        let mut changes = changes;
        changes.retain(|change| change.contains("cloud gate"));
        changes
    };
    assert_eq!(
        of_gates(forced("open")),
        ["no operator had forced the cloud gate closed"]
    );
    assert_eq!(
        of_gates(forced("closed")),
        ["the cloud gate had not been forced and had been open"]
    );
}

#[test]
fn the_smallest_change_comes_first_and_is_the_one_an_operator_would_think_of() {
    let expected = [
        ("gate_closed_room_left", "the cloud gate had been open"),
        (
            "gate_forced_closed",
            "no operator had forced the cloud gate closed",
        ),
        ("paused", "launches had not been paused"),
        ("mode_off", "the policy's mode had been active"),
        ("offers_by_price", "cloud1"),
        ("offer_barred_all", "barred"),
        ("offer_without_room", "room"),
        ("money_hard_gate_open", "the hard hourly limit had been"),
        ("no_rule_for_the_project", "a rule had let project"),
        ("hint_never", "the user had not given the hint"),
        ("snapshot_missing", "a fresh snapshot"),
    ];
    let mut wrong = String::new();
    for (name, part) in expected {
        let changes = changes(name);
        if !changes.iter().any(|change| change.contains(part)) {
            writeln!(wrong, "{name}: {part:?} is not in {changes:#?}").expect("a text");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn load() -> impl Strategy<Value = Value> {
    let state = || prop::sample::select(vec!["open", "closed"]);
    let gate = (
        prop::sample::select(vec!["cloud", "zone:nova", "zone:other", "aggregate:ssd"]),
        state(),
        prop::option::of(state()),
    )
        .prop_map(|(scope, state, forced)| match forced {
            Some(forced) => json!({"scope": scope, "state": state, "forced": forced}),
            None => json!({"scope": scope, "state": state}),
        });
    let known = (
        prop::collection::vec(gate, 0..3),
        prop::option::of((0.0..9.0, 0.0..900.0)),
        word(),
    )
        .prop_map(|(gates, spend, word)| {
            let mut load = json!({"snapshot": "known", "gates": gates});
            if let Some((hourly, month)) = spend {
                load["spend"] = json!({"hourly_usd": hourly, "month_usd": month});
            }
            with_word(load, word)
        });
    prop_oneof![
        4 => known,
        1 => Just(json!({"snapshot": "missing"})),
        1 => word().prop_map(|word| with_word(json!({"snapshot": "stale", "age_ms": 45_000}), word)),
    ]
}

/// What an operator said: paused, and a mode.
fn word() -> impl Strategy<Value = (bool, Option<&'static str>)> {
    (
        prop::bool::weighted(0.2),
        prop::option::of(prop::sample::select(vec!["off", "shadow", "active"])),
    )
}

fn with_word(mut load: Value, (paused, mode): (bool, Option<&str>)) -> Value {
    if paused {
        load["paused"] = json!(true);
    }
    if let Some(mode) = mode {
        load["mode"] = json!(mode);
    }
    load
}

fn evidence() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("not_asked")),
        Just(json!("unavailable")),
        (0_u32..12).prop_map(|fits| json!({"fits": fits})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any policy of the golden cases on any of their requests, under any load.
    #[test]
    fn what_would_change_a_decision_does(
        policy: prop::sample::Index,
        request: prop::sample::Index,
        load in load(),
        evidence in evidence(),
    ) {
        let cases = cases();
        let policy = &policy.get(&cases).policy;
        let mut inputs = request.get(&cases).inputs.clone();
        inputs["load"] = load;
        inputs["evidence"] = evidence;
        let decision = decide_recorded(policy, &inputs.to_string()).expect("a decision");
        let decision: Value = serde_json::from_str(&decision).expect("JSON");
        let lines = [policy_line("d", policy), decision_line("id", "d", &inputs, &decision)];
        let (_folder, path) = journal(&lines);
        let explanation = explained(&path, "id");
        prop_assert!(explanation.again.same);
        counterfactuals_hold(&explanation, policy, &inputs);
        prop_assert!(!explanation.to_string().is_empty());
    }

    /// Whatever a line holds, it is explained as far as it goes.
    #[test]
    fn nothing_in_a_journal_makes_it_panic(
        junk in "\\PC{0,40}",
        key in prop::sample::select(vec!["toml", "inputs", "decision", "request_id", "policy"]),
    ) {
        let case = cases().into_iter().next().expect("a case");
        let mut policy: Value =
            serde_json::from_str(&policy_line("d", &case.policy)).expect("JSON");
        let line = decision_line("id", "d", &case.inputs, &case.decision);
        let mut decision: Value = serde_json::from_str(&line).expect("JSON");
        if key == "toml" {
            policy[key] = json!(junk);
        } else {
            decision[key] = json!(junk);
        }
        let lines = [policy.to_string(), decision.to_string(), junk];
        let (_folder, path) = journal(&lines);
        if let Ok(Some(explanation)) = explain::find(&path, "id") {
            prop_assert!(!explanation.to_string().is_empty());
        }
    }
}

/// A journal in three files; the outcome of a decision is in a newer file than the decision.
fn rotated() -> (tempfile::TempDir, PathBuf) {
    let cases = cases();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let case = &cases[0];
    let decided = |id: &str, uuid: &str| {
        let mut inputs = case.inputs.clone();
        inputs["request"]["instance_uuids"] = json!([uuid]);
        decision_line(id, "digest", &inputs, &case.decision)
    };
    let policy = policy_line("digest", &case.policy);
    let files = [
        (
            ".2",
            vec![
                policy.clone(),
                decided("d1", "u1"),
                outcome_line("d1", "h1"),
            ],
        ),
        (
            ".1",
            vec![policy.clone(), decided("d2", "u2"), decided("d3", "u1")],
        ),
        (
            "",
            vec![
                policy,
                outcome_line("d2", "h2"),
                decided("d4", "u4"),
                "{\"cut".to_owned(),
            ],
        ),
    ];
    for (ending, lines) in files {
        let path = folder.path().join(format!("journal.jsonl{ending}"));
        fs::write(path, lines.join("\n") + "\n").expect("a file");
    }
    fs::write(folder.path().join("journal.jsonl.3.gz"), "packed").expect("a file");
    (folder, path)
}

#[test]
fn a_decision_is_found_in_any_file_with_its_outcome() {
    let (_folder, path) = rotated();
    let hosts = |id: &str| {
        let outcome = explained(&path, id).decision.outcome;
        outcome.map(|outcome| outcome.hosts["u"].clone())
    };
    assert_eq!(hosts("d1").as_deref(), Some("h1"));
    assert_eq!(hosts("d2").as_deref(), Some("h2"));
    assert_eq!(hosts("d4"), None);
    let newest = explained(&path, "u1").decision.id;
    assert_eq!(newest, "d3", "the newest decision about a server");
    assert_eq!(explained(&path, "req-d2").decision.id, "d2");
    assert!(explain::find(&path, "d5").expect("read").is_none());
    let files = explain::JournalFiles::beside(&path).expect("files");
    assert!(files.unread[0].ends_with("journal.jsonl.3.gz"));
}

#[test]
fn the_newest_decisions_are_listed_page_by_page() {
    let (_folder, path) = rotated();
    let ids = |limit, before| {
        let decisions = explain::recent(&path, limit, before).expect("decisions");
        let ids = decisions.iter().map(|decision| decision.id.clone());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids(10, None), ["d4", "d3", "d2", "d1"]);
    assert_eq!(ids(2, None), ["d4", "d3"]);
    assert_eq!(ids(2, Some("d3")), ["d2", "d1"]);
    assert!(ids(2, Some("d1")).is_empty());
    let second = explain::recent(&path, 1, Some("d3")).expect("decisions");
    let outcome = second[0].outcome.as_ref().expect("an outcome");
    assert_eq!(outcome.hosts["u"], "h2");
    let unknown = explain::recent(&path, 2, Some("d9"));
    assert!(matches!(unknown, Err(ExplainError::NoSuchDecision { .. })));
}

#[test]
fn what_is_no_id_is_said_and_no_journal_is_an_empty_one() {
    let (folder, path) = rotated();
    for bad in ["", "a b", "a\"b", "a\nb", &"x".repeat(300)] {
        let error = explain::find(&path, bad).expect_err("no id");
        assert!(
            error.to_string().contains("expected a server's uuid"),
            "{error}"
        );
        assert!(!error.to_string().contains('\n'));
    }
    let other = folder.path().join("other");
    assert!(explain::find(&other, "d1").expect("no journal").is_none());
    assert!(
        explain::recent(&other, 5, None)
            .expect("no journal")
            .is_empty()
    );
    let error = explain::find(&path.join("within"), "d1").expect_err("a file is no folder");
    assert!(matches!(error, ExplainError::Unreadable { .. }), "{error}");
}

#[test]
fn a_line_of_a_newer_release_is_said_to_be_one() {
    let line = decision_line("id", "d", &json!({}), &json!({}));
    let (_folder, path) = journal(&[line.replace("\"format\":1", "\"format\":2")]);
    let error = explain::find(&path, "id").expect_err("another format");
    assert!(matches!(error, ExplainError::NewerFormat { format: 2 }));
}

#[test]
fn another_decision_than_recorded_is_said() {
    let case = &cases()[0];
    let mut decision = case.decision.clone();
    decision["reasons"][0]["code"] = json!("of_old");
    let lines = [
        policy_line("d", &case.policy),
        decision_line("id", "d", &case.inputs, &decision),
    ];
    let (_folder, path) = journal(&lines);
    let again = explained(&path, "id").again;
    assert!(!again.same);
    assert!(
        again
            .problem
            .expect("a problem")
            .contains("another release")
    );
    let (_folder, path) = journal(&lines[1..]);
    let explanation = explained(&path, "id");
    assert!(explanation.policy.problem.is_some() && explanation.counterfactuals.is_empty());
    assert!(explanation.inputs.is_some(), "what can be read is shown");
}
