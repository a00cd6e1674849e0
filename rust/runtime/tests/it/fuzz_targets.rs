//! What is done with bytes from outside, one function for each kind. They return, whatever the
//! bytes are, and what they return holds together; anything else is a panic.

#![allow(
    unreachable_pub,
    reason = "rust/fuzz has this file too, as a public module"
)]

use spillway_core::units::Span;
use spillway_core::{Load, Timestamp};
use spillway_runtime::config::Config;
use spillway_runtime::page::{MAX_FAULTS_PER_SELECTOR, PageLimits, labels_of, pick};
use spillway_runtime::selector::Selector;
use spillway_runtime::sources::{notifications, promql};
use spillway_runtime::wire::{JournalLine, SnapshotFile};
use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;

/// A function that is fuzzed.
pub type Target = fn(&[u8]);

/// All of them by name; the corpus of each is in `tests/data/fuzz/<name>`.
pub const ALL: [(&str, Target); 7] = [
    ("journal_line", journal_line),
    ("notification", notification),
    ("page", page),
    ("promql_answer", promql_answer),
    ("selector", selector),
    ("snapshot", snapshot),
    ("toml", toml),
];

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// A page of an exporter, from which a few metrics are picked.
pub fn page(input: &[u8]) {
    let selectors = [
        "a",
        r#"a{x="1"}"#,
        r#"a{x!="1",y=""}"#,
        "node_load1",
        "b_total",
    ]
    .map(|text| Selector::parse(text).expect("a selector"));
    let limits = PageLimits {
        labels: 4,
        label_value_bytes: 64,
        samples: 100,
        line_bytes: 1_000,
    };
    let found = pick(input, &selectors, &limits);
    assert!(found.samples.len() <= limits.samples);
    assert!(found.faults.len() <= selectors.len() * MAX_FAULTS_PER_SELECTOR);
    let n_lines = input.split(|byte| *byte == b'\n').count();
    for fault in &found.faults {
        assert!((1..=n_lines).contains(&fault.line));
    }
    for sample in &found.samples {
        let labels = labels_of(input, sample);
        assert!(labels.len() <= limits.labels);
        assert!(selectors[sample.selector].matches(&labels));
    }
}

/// A selector of the configuration. What is shown of it means the same.
pub fn selector(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(read) = Selector::parse(&text) {
        assert_eq!(Selector::parse(&read.to_string()), Ok(read));
    }
}

/// An answer of Prometheus' query API.
pub fn promql_answer(input: &[u8]) {
    if let Err(failure) = promql::answer::read_answer(input, NOW) {
        assert!(failure.to_string().len() < 2_000, "bounded");
    }
}

/// The body of one of Nova's notifications.
pub fn notification(input: &[u8]) {
    let _either = notifications::body::read(input);
}

/// The snapshot file, as nova-scheduler reads it.
pub fn snapshot(input: &[u8]) {
    thread_local! {
        static FOLDER: RefCell<Option<tempfile::TempDir>> = const { RefCell::new(None) };
    }
    let path: PathBuf = FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| tempfile::tempdir().expect("a folder"));
        folder.path().join("snapshot.json")
    });
    fs::write(&path, input).expect("a file");
    let observed = SnapshotFile::new(path, Span::from_secs(30)).read(NOW);
    let is_known = matches!(observed.load, Load::Known(_));
    assert!(
        is_known || observed.offers.is_empty(),
        "no offers of an unknown load"
    );
}

/// A line of the journal, as the sidecar reads it.
pub fn journal_line(input: &[u8]) {
    let _either = JournalLine::read(input);
}

/// The policy file.
pub fn toml(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Err(diagnostics) = Config::from_toml(&text, "policy") {
        assert!(diagnostics.iter().count() > 0);
        assert!(
            diagnostics
                .iter()
                .all(|one| !one.to_string().contains('\n'))
        );
    }
}
