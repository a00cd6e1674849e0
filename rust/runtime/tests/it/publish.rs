//! What the sidecar publishes is what the scheduler reads, and a file is whole or not replaced.

use spillway_core::gate::GateState;
use spillway_core::load::{GateView, LoadView, OperatorWord, Spend, SpendOf};
use spillway_core::policy::Mode;
use spillway_core::scope::Scope;
use spillway_core::units::Span;
use spillway_core::{Load, Offer, SnapshotFault, Timestamp, Usd};
use spillway_runtime::wire::{
    GateOrigin, JournalLine, Origin, Publication, PublishedGate, SnapshotFile,
};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const STALE_AFTER: Span = Span::from_secs(30);

fn usd(dollars: f64) -> Usd {
    Usd::from_dollars(dollars).expect("an amount")
}

fn spend() -> Spend {
    let of = |hourly, month| SpendOf {
        hourly: usd(hourly),
        month: usd(month),
    };
    Spend {
        total: of(0.3, 12.5),
        projects: BTreeMap::from([
            ("p1".to_owned(), of(0.1, 2.5)),
            ("p2".to_owned(), of(0.2, 10.0)),
        ]),
    }
}

fn gate() -> GateView {
    GateView {
        scope: Scope::Zone("nova".to_owned()),
        state: GateState::Closed,
        forced: Some(GateState::Open),
    }
}

fn offer() -> Offer {
    Offer {
        burst_host: "cloud1".to_owned(),
        size: "t3.small".to_owned(),
        price: Some(usd(0.0104)),
        barred_until: Some(NOW),
        recent_failures: 2,
        room: Some(7),
    }
}

const WORD: OperatorWord = OperatorWord {
    paused: true,
    mode: Some(Mode::Shadow),
};

fn publish(path: &Path, spend: Option<&Spend>) -> std::io::Result<()> {
    Publication {
        written_at: NOW,
        owner: "host:1",
        word: WORD,
        gates: &[PublishedGate {
            view: gate(),
            since: Timestamp(5),
            asking: vec!["cpu".to_owned()],
        }],
        offers: &[offer()],
        spend,
    }
    .write(path)
}

#[test]
fn what_is_published_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("snapshot.json");
    publish(&path, Some(&spend())).expect("written");
    let observed = SnapshotFile::new(path.clone(), STALE_AFTER).read(NOW);
    let expected = LoadView {
        gates: vec![gate()],
        spend: Some(spend()),
        word: WORD,
    };
    assert_eq!(observed.load, Load::Known(expected));
    assert_eq!(observed.offers, [offer()]);
    let origin = Origin {
        written_at: Some(NOW),
        gates: vec![GateOrigin {
            since: Some(Timestamp(5)),
            asking: vec!["cpu".to_owned()],
        }],
    };
    assert_eq!(observed.origin, origin, "for people");
    let mode = fs::metadata(&path).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

/// A sidecar that died must not take a pause with it.
#[test]
fn an_operators_word_is_read_from_an_old_snapshot_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("snapshot.json");
    publish(&path, None).expect("written");
    let later = Timestamp(NOW.0 + 3_600_000);
    let observed = SnapshotFile::new(path, STALE_AFTER).read(later);
    let fault = SnapshotFault::Stale {
        age: Span::from_secs(3_600),
        word: WORD,
    };
    assert_eq!(observed.load, Load::Unknown(fault));
    assert_eq!(observed.load.word(), WORD);
}

#[test]
fn a_snapshot_that_cannot_be_replaced_stays_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    // A folder in the snapshot's place: the rename fails after the new file was written.
    let path = folder.path().join("snapshot.json");
    fs::create_dir(&path).expect("a folder");
    publish(&path, None).expect_err("a folder is not replaced");
    let left: Vec<_> = fs::read_dir(folder.path())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(left, ["snapshot.json"]);
    publish(&folder.path().join("none/snapshot.json"), None).expect_err("no such folder");
}

/// The lines of `docs/files.md`, read as the sidecar reads them.
#[test]
fn the_documented_lines_of_the_journal_are_read() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/files.md");
    let page = fs::read_to_string(page).expect("docs/files.md");
    let blocks = page.split("```json\n").skip(2);
    let kinds: Vec<_> = blocks
        .filter_map(|rest| rest.split("```").next())
        .map(|block| match JournalLine::read(block.as_bytes()) {
            Ok(JournalLine::Policy(policy)) => policy.digest,
            Ok(JournalLine::Decision(decision)) => decision.attempt,
            Ok(JournalLine::Outcome(outcome)) => outcome.decision,
            Err(error) => panic!("{error}: {block}"),
        })
        .collect();
    assert_eq!(kinds, ["5c1f0a9b27d3e846", "filter", "1a3-7f-1"]);
}
