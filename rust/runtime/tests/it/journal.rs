//! The journal file: what its lines hold, and what happens when they cannot be written.

use serde_json::Value;
use spillway_core::gate::GateState;
use spillway_core::load::{GateView, LoadView, OperatorWord, Spend, SpendOf};
use spillway_core::request::{Flavor, Image, Operation, ServerGroup};
use spillway_core::scope::Scope;
use spillway_core::{Evidence, Load, Offer, Request, Timestamp, Usd, decide};
use spillway_runtime::config::{self, Config};
use spillway_runtime::wire::{
    DecisionRecord, GateOrigin, Journal, Origin, OutcomeRecord, decide_recorded,
};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("a journal");
    assert!(text.ends_with('\n'), "the last line is whole");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// A request with every part that a request can have.
fn request() -> Request {
    Request {
        operation: Operation::Boot,
        count: 2,
        project_id: "p1".to_owned(),
        flavor: Flavor {
            name: "m1.small".to_owned(),
            vcpus: 1,
            memory_mb: 1_024,
            root_gb: 10,
            ephemeral_gb: 1,
            swap_mb: 512,
            extra_specs: BTreeMap::from([("tier".to_owned(), "b\"ulk".to_owned())]),
        },
        image: Image {
            id: Some("6f1d7c0e".to_owned()),
            name: Some("debian-12".to_owned()),
            os_distro: Some("debian".to_owned()),
            architecture: Some("x86_64".to_owned()),
        },
        availability_zone: Some("nova".to_owned()),
        group: Some(ServerGroup {
            policy: "soft-affinity".to_owned(),
            hosts: vec!["private1".to_owned()],
        }),
        hints: BTreeMap::from([("purpose".to_owned(), vec!["a\nb".to_owned()])]),
        obstacles: Vec::new(),
    }
}

fn load() -> Load {
    let usd = |dollars| Usd::from_dollars(dollars).expect("an amount");
    let of = |hourly, month| SpendOf {
        hourly: usd(hourly),
        month: usd(month),
    };
    Load::Known(LoadView {
        gates: vec![GateView {
            scope: Scope::Zone("nova".to_owned()),
            state: GateState::Closed,
            forced: Some(GateState::Open),
        }],
        spend: Some(Spend {
            total: of(0.000_001, 123.456_789),
            projects: BTreeMap::from([
                ("p1".to_owned(), of(0.1, 0.2)),
                ("p2".to_owned(), of(3.0, 4.0)),
            ]),
        }),
        word: OperatorWord::default(),
    })
}

fn offers() -> Vec<Offer> {
    vec![Offer {
        burst_host: "cloud1".to_owned(),
        size: "t3.small".to_owned(),
        price: Usd::from_dollars(0.010_4).ok(),
        barred_until: Some(Timestamp(NOW.0 - 1)),
        recent_failures: 1,
        room: Some(2),
    }]
}

#[test]
fn the_journal_alone_explains_a_decision_and_gives_it_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let config = Config::from_toml(&config::example(), "example").expect("the example");
    let (request, load, offers) = (request(), load(), offers());
    let decision = decide(
        &config.policy,
        &load,
        &offers,
        &request,
        Evidence::Fits(7),
        NOW,
    );
    let uuids = ["u1".to_owned(), "u2".to_owned()];
    let origin = Origin {
        written_at: Some(Timestamp(NOW.0 - 400)),
        gates: vec![GateOrigin {
            since: Some(Timestamp(NOW.0 - 69_000)),
            asking: vec!["cpu".to_owned()],
        }],
    };
    let hosts = BTreeMap::from([("u1".to_owned(), "cloud1".to_owned())]);
    let mut journal = Journal::new(path.clone());
    assert!(!path.exists(), "nothing is opened before the first line");
    journal
        .append_policy(&config.digest, &config.effective_toml, NOW)
        .expect("a policy line");
    let record = DecisionRecord {
        id: "d1",
        request_id: Some("req-1"),
        policy: &config.digest,
        decided_at: NOW,
        instance_uuids: &uuids,
        request: &request,
        load: &load,
        origin: &origin,
        offers: &offers,
        evidence: Evidence::Fits(7),
        decision: &decision,
    };
    let later = Timestamp(NOW.0 + 3);
    journal
        .append_decision(&record, later)
        .expect("a decision line");
    let outcome = OutcomeRecord {
        decision: "d1",
        result: "placed",
        path: Some("hybrid"),
        hosts: &hosts,
        elapsed_ms: f64::NAN,
        detail: "two\nlines",
    };
    journal
        .append_outcome(&outcome, later)
        .expect("an outcome line");

    let [policy, decided, became] = lines(&path).try_into().expect("three lines");
    for (line, kind) in [
        (&policy, "policy"),
        (&decided, "decision"),
        (&became, "outcome"),
    ] {
        assert_eq!((&line["format"], &line["kind"]), (&1.into(), &kind.into()));
    }
    assert_eq!(decided["policy"], policy["digest"]);
    assert_eq!(decided["at_ms"], later.0);
    assert_eq!(decided["inputs"]["now_ms"], NOW.0);
    assert_eq!(decided["inputs"]["request"]["instance_uuids"][1], "u2");
    assert_eq!(decided["request_id"], "req-1");
    let known = &decided["inputs"]["load"];
    assert_eq!(known["written_at_ms"], NOW.0 - 400);
    let gate = &known["gates"][0];
    assert_eq!(gate["since_ms"], NOW.0 - 69_000);
    assert_eq!(gate["signals"][0], "cpu");
    let projects = &decided["inputs"]["load"]["spend"]["projects"];
    assert!(projects.get("p1").is_some() && projects.get("p2").is_none());
    assert_eq!(became["decision"], decided["id"]);
    assert_eq!(became["elapsed_ms"], Value::Null);
    assert_eq!(became["hosts"]["u1"], "cloud1");
    assert_eq!(became["detail"], "two\nlines");

    let toml = policy["toml"].as_str().expect("a text");
    let again = decide_recorded(toml, &decided["inputs"].to_string()).expect("a decision");
    let again: Value = serde_json::from_str(&again).expect("JSON");
    assert_eq!(again, decided["decision"]);
}

#[test]
fn a_journal_that_cannot_be_written_is_counted_and_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let below = folder.path().join("below");
    let path = below.join("journal.jsonl");
    let mut journal = Journal::new(path.clone());
    for failures in 1..=2 {
        journal
            .append_policy("d", "", NOW)
            .expect_err("no such folder");
        assert_eq!(journal.failures(), failures);
        let error = journal.last_error().expect("a reason");
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }
    fs::create_dir(&below).expect("a folder");
    journal.append_policy("d", "", NOW).expect("written");
    assert_eq!((journal.failures(), journal.last_error()), (2, None));
    assert_eq!(lines(&path).len(), 1);
}

#[test]
fn a_full_disk_is_an_error_and_no_more() {
    let mut journal = Journal::new("/dev/full".into());
    journal.append_policy("d", "", NOW).expect_err("no space");
    assert_eq!(journal.failures(), 1);
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    for path in [pipe, folder.path().to_owned()] {
        let mut journal = Journal::new(path);
        journal.append_policy("d", "", NOW).expect_err("no file");
    }
}

#[test]
fn a_journal_that_was_moved_away_is_begun_anew_with_its_policy() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let old = folder.path().join("journal.jsonl.1");
    let hosts = BTreeMap::new();
    let outcome = OutcomeRecord {
        decision: "d1",
        result: "error",
        path: None,
        hosts: &hosts,
        elapsed_ms: 1.0,
        detail: "",
    };
    let kinds = |path: &Path| {
        let kinds = lines(path)
            .into_iter()
            .map(|line| line["kind"].as_str().map(str::to_owned));
        kinds.map(Option::unwrap_or_default).collect::<Vec<_>>()
    };
    let mut journal = Journal::new(path.clone());
    journal.append_policy("one", "", NOW).expect("written");
    journal.append_outcome(&outcome, NOW).expect("written");
    journal.append_outcome(&outcome, NOW).expect("written");
    fs::rename(&path, &old).expect("moved");
    journal.append_outcome(&outcome, NOW).expect("written");
    assert_eq!(kinds(&old), ["policy", "outcome", "outcome"]);
    assert_eq!(kinds(&path), ["policy", "outcome"]);
    fs::remove_file(&path).expect("removed");
    journal.append_policy("two", "", NOW).expect("written");
    journal.append_outcome(&outcome, NOW).expect("written");
    assert_eq!(kinds(&path), ["policy", "outcome"]);
    assert_eq!(lines(&path)[0]["digest"], "two");
}

#[test]
fn the_journal_is_not_for_everyone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    Journal::new(path.clone())
        .append_policy("d", "", NOW)
        .expect("written");
    let mode = fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o137, 0, "{mode:o}");
}

#[test]
fn lines_of_several_workers_never_mix() {
    const LINES: usize = 300;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    thread::scope(|scope| {
        for worker in 0..4 {
            let mut journal = Journal::new(path.clone());
            scope.spawn(move || {
                let toml = worker.to_string().repeat(20_000);
                for _ in 0..LINES {
                    journal.append_policy("d", &toml, NOW).expect("written");
                }
            });
        }
    });
    assert_eq!(lines(&path).len(), 4 * LINES);
}
