//! Nothing that a file, a variable or a journal holds makes a reader panic.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use spillway_core::Timestamp;
use spillway_core::units::Span;
use spillway_runtime::config::{self, Config};
use spillway_runtime::wire::{SnapshotFile, decide_recorded};
use std::ffi::OsString;
use std::fs;

const SNAPSHOT: &str = r#"{"format":1,"written_at_ms":1800000000000,"paused":false,
 "gates":[{"scope":"cloud","state":"open","since_ms":0,"forced":null}],
 "offers":[{"burst_host":"cloud1","size":"t3.micro","price_usd_per_hour":0.01,"room":10}],
 "spend":{"hourly_usd":0.5,"month_usd":1.5,"projects":{"p1":{"hourly_usd":0.5,"month_usd":1}}}}"#;

const INPUTS: &str = r#"{"now_ms":1,"request":{"operation":"boot","count":1,"project_id":"p",
 "flavor":{"name":"f","vcpus":1,"memory_mb":1}},"load":{"snapshot":"known","gates":[]},
 "offers":[],"evidence":{"fits":3}}"#;

/// `text` with some bytes replaced, and cut off or not.
fn damaged(text: String) -> impl Strategy<Value = Vec<u8>> {
    let edits = vec((any::<Index>(), any::<u8>()), 0..6);
    (edits, proptest::option::of(any::<Index>())).prop_map(move |(edits, end)| {
        let mut bytes = text.clone().into_bytes();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(end) = end {
            bytes.truncate(end.index(bytes.len()));
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_damaged_policy_is_taken_or_refused_with_a_reason(bytes in damaged(config::example())) {
        let text = String::from_utf8_lossy(&bytes);
        if let Err(diagnostics) = Config::from_toml(&text, "policy") {
            prop_assert!(diagnostics.iter().count() > 0);
            prop_assert!(diagnostics.iter().all(|one| !one.to_string().contains('\n')));
        }
    }

    #[test]
    fn any_text_as_a_policy_is_taken_or_refused(text in "\\PC{0,80}") {
        prop_assert!(Config::from_toml(&text, "policy").is_ok_and(|config| config.digest.len() == 16)
            || Config::from_toml(&text, "policy").is_err());
    }

    #[test]
    fn a_damaged_snapshot_is_known_or_unknown(bytes in damaged(SNAPSHOT.to_owned())) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("snapshot.json");
        fs::write(&path, bytes).expect("a file");
        let _either = SnapshotFile::new(path, Span::from_secs(30)).read(Timestamp(1_800_000_000_000));
    }

    #[test]
    fn damaged_inputs_are_decided_or_refused(bytes in damaged(INPUTS.to_owned())) {
        let _either = decide_recorded("mode = \"active\"", &String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_variable_is_taken_or_refused(
        name in "SPILLWAY__[A-Z_]{0,20}|SPILLWAY__(GATE|RULES|MONEY|MODE|SNAPSHOT)(__[A-Z_]{0,20})?",
        value in "\\PC{0,40}",
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("spillway.toml");
        fs::write(&path, "").expect("a file");
        let variables = [(OsString::from(&name), OsString::from(value))];
        if let Err(diagnostics) = Config::load_under(&path, variables) {
            prop_assert!(diagnostics.to_string().contains(&name), "{diagnostics}");
        }
    }
}

#[test]
fn text_that_nests_without_end_is_refused() {
    for open in ["[", "{a=", "[[", "a.", "a=[", "a={b="] {
        let text = format!("x = {}", open.repeat(100_000));
        Config::from_toml(&text, "policy").expect_err("refused");
    }
    let inputs = "[".repeat(1_000_000);
    decide_recorded("", &inputs).expect_err("refused");
}
