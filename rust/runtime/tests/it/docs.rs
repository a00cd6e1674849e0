//! The example file and the reference in `docs/` are what the code makes, and the two files are
//! what `docs/files.md` says.

use serde_json::Value;
use spillway_core::units::Span;
use spillway_core::{Load, Reason, Timestamp};
use spillway_runtime::config::{self, Config};
use spillway_runtime::wire::{Journal, OutcomeRecord, SnapshotFile, decide_recorded};
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;

fn check(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, made).expect("a file in docs/ that can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let line = made
        .lines()
        .zip(kept.lines())
        .position(|(made, kept)| made != kept);
    assert!(
        made == kept,
        "docs/{name} differs from the code, first in line {:?}; \
         `UPDATE_DOCS=1 cargo test -p spillway-runtime` writes it anew",
        line.map(|at| at + 1)
    );
}

#[test]
fn the_example_file_is_made_from_the_code() {
    check("spillway.example.toml", &config::example());
}

#[test]
fn the_reference_is_made_from_the_code() {
    check("configuration.md", &config::reference());
}

#[test]
fn the_example_passes_the_check_with_and_without_what_is_commented_out() {
    let example = config::example();
    Config::from_toml(&example, "example").unwrap_or_else(|e| panic!("{e}"));
    // A comment's text begins with a space, a commented key does not.
    let whole: Vec<_> = example
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest,
            _ => line,
        })
        .collect();
    assert_ne!(whole.join("\n"), example);
    Config::from_toml(&whole.join("\n"), "whole").unwrap_or_else(|e| panic!("{e}"));
}

/// The JSON blocks of `docs/files.md`, in their order.
fn documented_json() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/files.md");
    let page = fs::read_to_string(path).expect("docs/files.md");
    let blocks = page.split("```json\n").skip(1);
    blocks
        .filter_map(|rest| rest.split("```").next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_documented_snapshot_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("snapshot.json");
    fs::write(&path, &documented_json()[0]).expect("a file");
    let observed = SnapshotFile::new(path, Span::from_secs(30)).read(Timestamp(1_800_000_000_000));
    let Load::Known(view) = &observed.load else {
        panic!("{:?}", observed.load);
    };
    assert_eq!((view.gates.len(), observed.offers.len()), (2, 1));
    assert!(view.spend.is_some());
}

#[test]
fn the_documented_decision_is_decided_as_documented() {
    let line: Value = serde_json::from_str(&documented_json()[2]).expect("a line");
    let toml = "mode = \"active\"\n";
    let again = decide_recorded(toml, &line["inputs"].to_string()).expect("a decision");
    let again: Value = serde_json::from_str(&again).expect("JSON");
    assert_eq!(again, line["decision"]);
}

#[test]
fn the_documented_lines_have_the_keys_of_the_written_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let mut journal = Journal::new(path.clone());
    let now = Timestamp(0);
    journal.append_policy("d", "", now).expect("written");
    let hosts = BTreeMap::new();
    let outcome = OutcomeRecord {
        decision: "d",
        result: "error",
        path: None,
        hosts: &hosts,
        elapsed_ms: 0.0,
        detail: "",
    };
    journal.append_outcome(&outcome, now).expect("written");
    let text = fs::read_to_string(&path).expect("a journal");
    let documented = documented_json();
    for (documented, written) in [&documented[1], &documented[3]].iter().zip(text.lines()) {
        let keys = |text: &str| -> Vec<String> {
            let line: Value = serde_json::from_str(text).expect("a line");
            line.as_object()
                .expect("an object")
                .keys()
                .cloned()
                .collect()
        };
        assert_eq!(keys(documented), keys(written));
    }
}

#[test]
fn every_reason_code_is_explained() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reasons.md");
    let page = fs::read_to_string(path).expect("docs/reasons.md");
    let explained: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let known: BTreeSet<_> = Reason::CODES.iter().copied().collect();
    assert_eq!(explained, known);
}
