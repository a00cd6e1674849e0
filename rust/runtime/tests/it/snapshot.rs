//! The snapshot file on good and on bad days.

use serde_json::{Value, json};
use spillway_core::gate::GateState;
use spillway_core::load::GateView;
use spillway_core::load::OperatorWord;
use spillway_core::scope::Scope;
use spillway_core::units::Span;
use spillway_core::{Load, Offer, SnapshotFault, Timestamp, Usd};
use spillway_runtime::wire::{MAX_AHEAD, MAX_BYTES, SnapshotFile};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

const WRITTEN: u64 = 1_800_000_000_000;
const UNREADABLE: SnapshotFault = SnapshotFault::Unreadable {
    word: OperatorWord {
        paused: false,
        mode: None,
    },
};
const NOW: Timestamp = Timestamp(WRITTEN + 1_000);

/// Format 1 with everything that it has.
fn complete() -> Value {
    json!({
        "format": 1, "writer": "spillway 0.1.0", "written_at_ms": WRITTEN, "mode": null,
        "paused": false,
        "gates": [
            {"scope": "cloud", "state": "open", "since_ms": 5, "forced": null, "signals": ["cpu"]},
            {"scope": "zone:nova", "state": "closed", "since_ms": 5, "forced": "open",
             "signals": []},
        ],
        "offers": [
            {"burst_host": "cloud1", "size": "t3.micro", "price_usd_per_hour": 0.01,
             "barred_until_ms": null, "recent_failures": 2, "room": 10},
            {"burst_host": "cloud1", "size": "t3.small", "barred_until_ms": 7},
        ],
        "spend": {"hourly_usd": 1.5, "month_usd": 20,
                  "projects": {"p1": {"hourly_usd": 0.5, "month_usd": 2.25}}},
    })
}

struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Folder { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("snapshot.json")
    }

    /// Replaces the snapshot as the sidecar does.
    fn publish(&self, content: &str) {
        let fresh = self.folder.path().join("fresh");
        fs::write(&fresh, content).expect("a file");
        fs::rename(&fresh, self.path()).expect("a rename");
    }

    fn file(&self) -> SnapshotFile {
        SnapshotFile::new(self.path(), Span::from_secs(30))
    }
}

/// What one look at a file with that content says.
fn fault(content: &str) -> Option<SnapshotFault> {
    let folder = Folder::new();
    folder.publish(content);
    fault_of(&folder.path())
}

fn fault_of(path: &Path) -> Option<SnapshotFault> {
    let observed = SnapshotFile::new(path.to_owned(), Span::from_secs(30)).read(NOW);
    match &observed.load {
        Load::Known(_) => None,
        Load::Unknown(fault) => {
            assert!(
                observed.offers.is_empty(),
                "offers of a snapshot that is not trusted"
            );
            Some(*fault)
        }
    }
}

#[test]
fn a_complete_snapshot_is_read_and_what_it_says_besides_is_passed_over() {
    let folder = Folder::new();
    let mut content = complete();
    content["later"] = json!({"anything": [1, 2]});
    content["gates"][0]["later"] = json!(true);
    folder.publish(&content.to_string());
    let observed = folder.file().read(NOW);
    let Load::Known(view) = &observed.load else {
        panic!("{:?}", observed.load);
    };
    assert!(!view.word.paused);
    assert_eq!(
        view.gates,
        [
            GateView {
                scope: Scope::Cloud,
                state: GateState::Open,
                forced: None
            },
            GateView {
                scope: Scope::Zone("nova".to_owned()),
                state: GateState::Closed,
                forced: Some(GateState::Open)
            },
        ]
    );
    let usd = |dollars| Usd::from_dollars(dollars).expect("an amount");
    let spend = view.spend.as_ref().expect("a spend");
    assert_eq!(
        (spend.total.hourly, spend.total.month),
        (usd(1.5), usd(20.0))
    );
    assert_eq!(spend.projects["p1"].month, usd(2.25));
    assert_eq!(
        observed.offers,
        [
            Offer {
                burst_host: "cloud1".to_owned(),
                size: "t3.micro".to_owned(),
                price: Some(usd(0.01)),
                barred_until: None,
                recent_failures: 2,
                room: Some(10)
            },
            Offer {
                burst_host: "cloud1".to_owned(),
                size: "t3.small".to_owned(),
                price: None,
                barred_until: Some(Timestamp(7)),
                recent_failures: 0,
                room: None
            },
        ]
    );
}

#[test]
fn gates_offers_and_spend_may_be_absent() {
    let content = json!({"format": 1, "written_at_ms": WRITTEN});
    assert_eq!(fault(&content.to_string()), None);
}

#[test]
fn a_snapshot_that_is_cut_off_anywhere_is_unreadable() {
    let whole = complete().to_string();
    for end in 0..whole.len() {
        assert_eq!(fault(&whole[..end]), Some(UNREADABLE), "{end}");
    }
}

#[test]
fn a_number_that_is_none_makes_the_snapshot_unreadable() {
    let whole = complete().to_string();
    for number in ["0.01", "1.5", "2.25", "10", "1800000000000"] {
        assert!(whole.contains(number), "{number}");
        for bad in [
            "NaN",
            "Infinity",
            "-Infinity",
            "1e999",
            "-1",
            "\"1\"",
            "[]",
            "true",
        ] {
            let broken = whole.replacen(number, bad, 1);
            assert_eq!(fault(&broken), Some(UNREADABLE), "{number} as {bad}");
        }
    }
}

#[test]
fn what_has_another_meaning_is_unreadable() {
    for (pointer, bad) in [
        ("/gates/0/scope", json!("cluster")),
        ("/gates/0/scope", json!("zone:")),
        ("/gates/0/state", json!("ajar")),
        ("/gates/1/forced", json!("on")),
        ("/gates", json!({})),
        ("/offers/0/room", json!(-1)),
        ("/offers/0/room", json!(1.5)),
        ("/offers/0/size", json!(7)),
        ("/spend/hourly_usd", json!(null)),
        ("/spend/hourly_usd", json!(1e13)),
        ("/paused", json!("no")),
        ("/written_at_ms", json!(1.5)),
        ("/format", json!(0)),
        ("/format", json!("1")),
        ("/format", json!(1.5)),
    ] {
        let mut content = complete();
        *content.pointer_mut(pointer).expect(pointer) = bad.clone();
        assert_eq!(
            fault(&content.to_string()),
            Some(UNREADABLE),
            "{pointer} as {bad}"
        );
    }
    for bad in ["", "null", "[]", "7", "\u{0}", "{\"format\":1}", "{}"] {
        assert_eq!(fault(bad), Some(UNREADABLE), "{bad:?}");
    }
}

#[test]
fn a_newer_format_is_named_whatever_else_it_holds() {
    let content = json!({"format": 2, "written_at_ms": "tomorrow"});
    let expected = SnapshotFault::NewerFormat { format: 2 };
    assert_eq!(fault(&content.to_string()), Some(expected));
}

#[test]
fn the_age_is_judged_each_time_though_the_file_is_the_same() {
    let folder = Folder::new();
    folder.publish(&complete().to_string());
    let mut file = folder.file();
    let read = |file: &mut SnapshotFile, at: u64| file.read(Timestamp(at)).load.clone();
    assert!(matches!(read(&mut file, WRITTEN + 30_000), Load::Known(_)));
    let age = Span(30_001);
    let word = OperatorWord::default();
    assert_eq!(
        read(&mut file, WRITTEN + 30_001),
        Load::Unknown(SnapshotFault::Stale { age, word })
    );
    assert!(matches!(read(&mut file, WRITTEN), Load::Known(_)));
    assert!(matches!(
        read(&mut file, WRITTEN - MAX_AHEAD.0),
        Load::Known(_)
    ));
    // A clock was set back: the file's age is unknown, and what an operator said holds all the same.
    assert_eq!(
        read(&mut file, WRITTEN - MAX_AHEAD.0 - 1),
        Load::Unknown(SnapshotFault::Unreadable { word })
    );
}

#[test]
fn the_file_is_read_again_only_when_it_changed() {
    let folder = Folder::new();
    let mut file = folder.file();
    let missing = Load::Unknown(SnapshotFault::Missing);
    assert_eq!(file.read(NOW).load, missing);

    folder.publish(&complete().to_string());
    let first = file.read(NOW);
    assert!(Arc::ptr_eq(&first, &file.read(NOW)));

    let mut content = complete();
    content["paused"] = json!(true);
    folder.publish(&content.to_string());
    let second = file.read(NOW);
    assert!(matches!(&second.load, Load::Known(view) if view.word.paused));

    folder.publish("{");
    assert_eq!(file.read(NOW).load, Load::Unknown(UNREADABLE));
    fs::remove_file(folder.path()).expect("removed");
    assert_eq!(file.read(NOW).load, missing);
    folder.publish(&complete().to_string());
    assert!(matches!(file.read(NOW).load, Load::Known(_)));
}

#[test]
fn what_is_no_file_of_that_size_does_no_harm() {
    let folder = Folder::new();
    assert_eq!(fault_of(folder.folder.path()), Some(UNREADABLE));

    let huge = folder.folder.path().join("huge");
    let sparse = File::create(&huge).expect("a file");
    sparse.set_len(MAX_BYTES + 1).expect("a sparse file");
    assert_eq!(fault_of(&huge), Some(UNREADABLE));

    // Opening a pipe without a writer would wait for ever.
    let pipe = folder.folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    assert_eq!(fault_of(&pipe), Some(UNREADABLE));

    let below_a_file = huge.join("snapshot.json");
    assert_eq!(fault_of(&below_a_file), Some(UNREADABLE));
}
