//! JSON, YAML and CSV of every command that has them say the same.

use crate::sidecar::{Sidecar, view};
use crate::spillway::{command, finished, run};
use serde_json::Value;
use std::fs;

const JOURNAL: &str = "tests/data/journal/journal.jsonl";

/// A call of each command that takes `--output`, but for `check`, whose rows are what is wrong.
const CALLS: &[&[&str]] = &[
    &["status"],
    &["explain", "1a3-7f-2", "--journal", JOURNAL],
    &["decisions"],
    &["decisions", "--journal", JOURNAL],
    &["gate"],
    &["gate", "closed"],
    &["pause"],
    &["resume"],
    &["mode"],
    &["mode", "off"],
    &["signals"],
    &["offers"],
];

fn printed(sidecar: &Sidecar, call: &[&str], format: &str) -> String {
    let mut command = command(call);
    command.args(["--output", format]);
    command.env("SPILLWAY_URL", &sidecar.url);
    let found = finished(command.output().expect("the command runs"));
    let code = if call[0] == "check" { 4 } else { 0 };
    assert_eq!(found.code, code, "{call:?} {format}: {}", found.err);
    found.out
}

/// The rows of an answer: the elements of its only list, else itself.
fn rows(value: &Value) -> Vec<Value> {
    let only = value.as_object().filter(|map| map.len() == 1);
    let list = only.and_then(|map| map.values().next()?.as_array());
    list.cloned().unwrap_or_else(|| vec![value.clone()])
}

/// A value as a cell of a table has it.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Holds the CSV of a call to these rows of its JSON: as many, and each with every key and value.
fn compare(csv: &str, expected: &[Value], call: &[&str]) {
    assert!(!expected.is_empty(), "{call:?} prints nothing");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().expect("a head").clone();
    let found: Vec<_> = reader
        .records()
        .map(|record| record.unwrap_or_else(|error| panic!("{call:?}: {error}")))
        .collect();
    assert_eq!(found.len(), expected.len(), "{call:?}: {csv}");
    for (record, row) in found.iter().zip(expected) {
        let row = row.as_object().expect("a row");
        for key in row.keys() {
            assert!(
                header.iter().any(|name| name == key),
                "{call:?} lacks {key}"
            );
        }
        for (name, shown) in header.iter().zip(record) {
            let value = row.get(name).unwrap_or(&Value::Null);
            assert_eq!(shown, cell(value), "{call:?}: {name}");
        }
    }
}

/// The JSON of a call, which its YAML says too.
fn json_and_yaml(sidecar: &Sidecar, call: &[&str]) -> Value {
    let json = printed(sidecar, call, "json");
    let json: Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{call:?}: {e}"));
    let yaml = printed(sidecar, call, "yaml");
    let yaml: Value = serde_saphyr::from_str(&yaml).unwrap_or_else(|e| panic!("{call:?}: {e}"));
    assert_eq!(yaml, json, "{call:?}");
    json
}

#[test]
fn json_yaml_and_csv_have_the_same_rows() {
    let sidecar = Sidecar::with(view());
    for call in CALLS {
        let json = json_and_yaml(&sidecar, call);
        compare(&printed(&sidecar, call, "csv"), &rows(&json), call);
    }
}

#[test]
fn what_is_wrong_with_a_policy_file_has_the_same_rows_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spillway.toml");
    fs::write(&path, "mode = \"activ\"\n[gate]\nopen_afer_secs = 5\n").expect("a file");
    let sidecar = Sidecar::with(view());
    let call = &["check", path.to_str().expect("a path")];
    let json = json_and_yaml(&sidecar, call);
    let wrong = json["diagnostics"].as_array().expect("a list");
    assert_eq!(wrong.len(), 2);
    compare(&printed(&sidecar, call, "csv"), wrong, call);
}

#[test]
fn every_command_with_formats_is_among_those_that_are_compared() {
    let help = run(&["--help"]).out;
    let commands = help.split("Commands:").nth(1).expect("commands");
    let commands = commands.lines().skip(1).take_while(|line| !line.is_empty());
    let mut with_formats = 0;
    for line in commands {
        let name = line.split_whitespace().next().expect("a name");
        let takes_output = name != "help" && run(&[name, "--help"]).out.contains("--output");
        let compared = name == "check" || CALLS.iter().any(|call| call[0] == name);
        assert_eq!(takes_output, compared, "{name}");
        with_formats += usize::from(takes_output);
    }
    assert_eq!(with_formats, 10);
}
