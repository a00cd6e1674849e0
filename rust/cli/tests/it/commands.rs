//! What the commands print, what they ask for, and their exit codes.

use crate::sidecar::{Sidecar, now_ms, view};
use crate::spillway::{Run, command, finished, run};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

fn asked(sidecar: &Sidecar, arguments: &[&str]) -> Run {
    let output = command(arguments)
        .env("SPILLWAY_URL", &sidecar.url)
        .output();
    finished(output.expect("the command runs"))
}

#[test]
fn a_good_policy_file_is_good() {
    let found = run(&["check", "docs/spillway.example.toml"]);
    assert_eq!((found.code, found.err.as_str()), (0, ""));
    assert_eq!(found.out, "docs/spillway.example.toml: good\n");
}

#[test]
fn a_bad_policy_file_is_explained_with_its_place_and_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spillway.toml");
    fs::write(&path, "mode = \"activ\"\n[gate]\nopen_afer_secs = 5\n").unwrap();
    let path = path.to_str().unwrap();
    let found = run(&["check", path]);
    assert_eq!((found.code, found.out.as_str()), (4, ""));
    let lines: Vec<_> = found.err.lines().collect();
    assert!(lines[0].starts_with(&format!("{path}:1:8: ")), "{lines:?}");
    assert!(lines[0].contains("did you mean \"active\"?"), "{lines:?}");
    assert!(lines[1].starts_with(&format!("{path}:3:1: ")), "{lines:?}");
    assert!(lines[1].contains("open_after_secs"), "{lines:?}");

    let found = run(&["check", "--output", "json", path]);
    assert_eq!(found.code, 4);
    let value: Value = serde_json::from_str(&found.out).unwrap();
    assert_eq!(value["good"], false);
    let first = &value["diagnostics"][0];
    assert_eq!((&first["line"], &first["column"]), (&json!(1), &json!(8)));
    assert_eq!(value["diagnostics"].as_array().unwrap().len(), 2);
}

#[test]
fn the_example_that_is_printed_is_good() {
    let example = run(&["check", "--print-example"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spillway.toml");
    fs::write(&path, example.out).unwrap();
    assert_eq!(run(&["check", path.to_str().unwrap()]).code, 0);
    let reference = run(&["check", "--print-reference"]);
    assert!(reference.out.starts_with('#'), "{}", reference.out);
}

#[test]
fn a_command_line_that_is_wrong_has_its_own_exit_code() {
    for wrong in [
        &["check"][..],
        &["statu"],
        &["gate", "ajar"],
        &["gate", "open", "--for", "2 parsecs"],
        &["gate", "--for", "2h"],
        &["mode", "on"],
        &["decisions", "--limit", "0"],
        &["explain"],
    ] {
        let found = run(wrong);
        assert_eq!(found.code, 2, "{wrong:?}: {}", found.err);
    }
}

#[test]
fn no_sidecar_is_a_failure_that_says_where_it_was_looked_for() {
    let found = run(&["status", "--url", "http://127.0.0.1:9"]);
    assert_eq!(found.code, 1);
    assert!(found.err.contains("http://127.0.0.1:9"), "{}", found.err);
    assert!(found.err.contains("--url"), "{}", found.err);
}

#[test]
fn status_is_degraded_when_something_is() {
    let found = asked(&Sidecar::with(view()), &["status"]);
    assert_eq!((found.code, found.err.as_str()), (0, ""));
    assert!(!found.out.contains("degraded"), "{}", found.out);

    let mut degraded = view();
    degraded.gates[0].forced = Some("closed".to_owned());
    degraded.gates[0].forced_until_ms = Some(now_ms() + 3_600_000 + 30_000);
    degraded.config.refusal = Some("line 3".to_owned());
    let sidecar = Sidecar::with(degraded);
    let found = asked(&sidecar, &["status"]);
    assert_eq!(found.code, 3);
    assert!(
        found
            .out
            .contains("an operator forced the cloud gate closed for 1 h"),
        "{}",
        found.out
    );
    assert!(
        found.out.contains("the policy file was refused: line 3"),
        "{}",
        found.out
    );
    assert_eq!(asked(&sidecar, &["status", "-o", "json"]).code, 3);
}

#[test]
fn json_and_yaml_are_the_answer_of_the_api_and_csv_has_its_keys() {
    let view = view();
    let expected = json!(view);
    let sidecar = Sidecar::with(view);
    let json = |arguments: &[&str]| -> Value {
        let found = asked(&sidecar, arguments);
        serde_json::from_str(&found.out).unwrap_or_else(|error| panic!("{error}: {}", found.out))
    };
    assert_eq!(json(&["status", "--output", "json"]), expected);
    assert_eq!(
        json(&["gate", "--output", "json"])["gates"],
        expected["gates"]
    );
    assert_eq!(
        json(&["signals", "--output", "json"])["signals"],
        expected["signals"]
    );
    let decisions = json(&["decisions", "--output", "json"]);
    assert_eq!(decisions["decisions"], expected["decisions"]);
    let yaml = asked(&sidecar, &["status", "--output", "yaml"]).out;
    let yaml: Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(yaml, expected);
    let csv = asked(&sidecar, &["offers", "--output", "csv"]).out;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().unwrap().get(1), Some("size"));
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!((rows.len(), &rows[0][1]), (2, "t3.small"));
}

#[test]
fn what_an_operator_says_reaches_the_sidecar_as_the_api_has_it() {
    let sidecar = Sidecar::with(view());
    let said = |arguments: &[&str]| {
        let found = asked(&sidecar, arguments);
        assert_eq!(found.code, 0, "{}", found.err);
        let last = sidecar.requests().pop().unwrap();
        assert_eq!(last.method, "POST");
        assert_eq!(last.headers["content-type"], "application/json");
        let body: Value = serde_json::from_str(&last.body).unwrap();
        (last.path, body)
    };
    let gate = |scope: Value, state: &str, secs: Value| {
        let body = json!({"scope": scope, "state": state, "for_secs": secs});
        ("/api/v1/gate".to_owned(), body)
    };
    assert_eq!(
        said(&["gate", "closed", "--for", "2h"]),
        gate(Value::Null, "closed", json!(7_200))
    );
    assert_eq!(
        said(&["gate", "open", "--scope", "zone:nova"]),
        gate(json!("zone:nova"), "open", Value::Null)
    );
    assert_eq!(
        said(&["gate", "auto"]),
        gate(Value::Null, "auto", Value::Null)
    );
    assert_eq!(said(&["pause"]), ("/api/v1/pause".to_owned(), json!({})));
    assert_eq!(said(&["resume"]), ("/api/v1/resume".to_owned(), json!({})));
    let shadow = ("/api/v1/mode".to_owned(), json!({"mode": "shadow"}));
    assert_eq!(said(&["mode", "shadow"]), shadow);
}

#[test]
fn what_the_sidecar_refuses_fails_with_its_sentence() {
    let mut shadow = view();
    shadow.mode.policy = "shadow".to_owned();
    let found = asked(&Sidecar::with(shadow), &["mode", "active"]);
    assert_eq!((found.code, found.out.as_str()), (1, ""));
    assert!(
        found.err.contains("goes beyond it: change the file"),
        "{}",
        found.err
    );
    let found = asked(&Sidecar::with(view()), &["explain", "no/such id"]);
    assert_eq!(found.code, 1);
    assert!(
        found.err.contains("/api/v1/explain/no%2Fsuch%20id"),
        "{}",
        found.err
    );
}

#[test]
fn what_comes_from_the_sidecar_cannot_drive_the_terminal() {
    let evil = "x\u{1b}]0;title\u{7}\u{1b}[2J";
    let mut view = view();
    view.gates[0].why = evil.to_owned();
    view.decisions[0].flavor = evil.to_owned();
    view.mode.operator = Some(evil.to_owned());
    view.config.refusal = Some(evil.to_owned());
    let sidecar = Sidecar::with(view);
    for arguments in [
        &["status"][..],
        &["gate"],
        &["decisions"],
        &["mode"],
        &["top", "--once"],
    ] {
        let found = asked(&sidecar, arguments);
        let controls = found.out.chars().filter(|c| c.is_control() && *c != '\n');
        assert_eq!(controls.count(), 0, "{arguments:?}: {:?}", found.out);
    }
    let sidecar = Sidecar::answering(move |_| (500, json!({"error": evil})));
    let found = asked(&sidecar, &["status"]);
    assert!(!found.err.contains('\u{1b}'), "{:?}", found.err);
}

#[test]
fn a_token_is_sent_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "s3cret\n").unwrap();
    let sidecar = Sidecar::answering(|_| (401, json!({"error": "no token that is known"})));
    let found = asked(
        &sidecar,
        &["status", "--token-file", path.to_str().unwrap()],
    );
    assert_eq!(found.code, 1);
    assert!(
        found.err.contains("--token-file") && !found.err.contains("s3cret"),
        "{}",
        found.err
    );
    let authorization = &sidecar.requests()[0].headers["authorization"];
    assert_eq!(authorization, "Bearer s3cret");
}

#[test]
fn the_policy_file_says_where_the_sidecar_is() {
    let sidecar = Sidecar::with(view());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spillway.toml");
    let listen = sidecar.url.strip_prefix("http://").unwrap();
    fs::write(&path, format!("[sidecar]\nlisten = \"{listen}\"\n")).unwrap();
    let found = run(&["mode", "--config", path.to_str().unwrap()]);
    assert_eq!(found.code, 0, "{}", found.err);
    fs::write(&path, "[sidecar]\nlisten = 5\n").unwrap();
    assert_eq!(run(&["mode", "--config", path.to_str().unwrap()]).code, 4);
}

/// New decisions come oldest first and each once, as one JSON object a line.
#[test]
fn decisions_are_followed() {
    let all = view().decisions;
    let sidecar = Sidecar::answering(move |request| {
        let found = match request.path.split_once("after=") {
            None => vec![&all[1]],
            Some((_, id)) if *id == all[1].id => vec![&all[0]],
            Some(_) => Vec::new(),
        };
        (200, json!({"decisions": found}))
    });
    let mut child = command(&["decisions", "--follow", "--limit", "1", "--output", "json"])
        .env("SPILLWAY_URL", &sidecar.url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ids: Vec<_> = lines
        .take(2)
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()["id"].clone())
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(ids, ["1a3-7f-1", "1a3-7f-2"]);
}

#[test]
fn a_journal_is_read_without_a_sidecar() {
    let journal = "tests/data/journal/journal.jsonl";
    let found = run(&["decisions", "--journal", journal, "-o", "json"]);
    assert_eq!(found.code, 0, "{}", found.err);
    let value: Value = serde_json::from_str(&found.out).unwrap();
    let newest = value["decisions"][0]["id"].as_str().unwrap();
    let found = run(&["explain", newest, "--journal", journal, "-o", "json"]);
    let value: Value = serde_json::from_str(&found.out).unwrap();
    assert_eq!(value["decision"]["id"], newest);
    assert_eq!(value["again"]["same"], true);
    let found = run(&["explain", "no-such-id", "--journal", journal]);
    assert_eq!(found.code, 1);
    assert!(found.err.contains("journal.jsonl.3.gz"), "{}", found.err);
    for arguments in [&["decisions"][..], &["explain", "x"]] {
        let mut all = arguments.to_vec();
        all.extend(["--journal", "no/such/file"]);
        let found = run(&all);
        assert_eq!(found.code, 1);
        assert!(found.err.contains("no/such/file"), "{}", found.err);
    }
}

#[test]
fn top_needs_a_terminal_and_says_what_does_not() {
    let sidecar = Sidecar::with(view());
    let found = asked(&sidecar, &["top"]);
    assert_eq!(found.code, 2);
    assert!(found.err.contains("top --once"), "{}", found.err);
    let found = asked(&sidecar, &["top", "--once"]);
    assert_eq!(found.code, 0);
    assert!(found.out.lines().count() <= 24);
    assert!(
        found.out.lines().all(|line| line.chars().count() <= 80),
        "{}",
        found.out
    );
    assert!(
        found.out.contains("cpu") && found.out.contains("m1.small"),
        "{}",
        found.out
    );
}

/// On a terminal of its own, which `script` makes: another screen until q, then the old one.
#[test]
fn top_gives_the_terminal_back_when_it_ends() {
    let sidecar = Sidecar::with(view());
    let typed = format!(
        "{} top --url {}",
        env!("CARGO_BIN_EXE_spillway"),
        sidecar.url
    );
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &typed, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keys = child.stdin.take().unwrap();
    let mut screen = child.stdout.take().unwrap();
    let mut seen = Vec::new();
    let mut block = [0; 4_096];
    while !String::from_utf8_lossy(&seen).contains("m1.small") {
        let n_read = screen.read(&mut block).unwrap();
        assert!(
            n_read > 0,
            "ended early: {:?}",
            String::from_utf8_lossy(&seen)
        );
        seen.extend_from_slice(&block[..n_read]);
    }
    keys.write_all(b"q").unwrap();
    screen.read_to_end(&mut seen).unwrap();
    assert!(child.wait().unwrap().success());
    let seen = String::from_utf8_lossy(&seen);
    assert!(seen.starts_with("\u{1b}[?1049h"), "{seen:?}");
    assert!(seen.ends_with("\u{1b}[?1049l"), "{seen:?}");
}
