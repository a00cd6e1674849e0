//! `tests/data/journal`: a journal in three files for the tests and the manual of `explain`, as the
//! scheduler writes it. Made anew with `UPDATE_DOCS=1`.

use crate::data;
use spillway_core::gate::GateState;
use spillway_core::load::{GateView, LoadView, OperatorWord, Spend, SpendOf};
use spillway_core::request::{Flavor, Image, Operation};
use spillway_core::scope::Scope;
use spillway_core::{Evidence, Load, Offer, Request, Timestamp, Usd, decide};
use spillway_runtime::config::Config;
use spillway_runtime::wire::{DecisionRecord, GateOrigin, Journal, Origin, OutcomeRecord};
use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

const POLICY: &str = r#"
mode = "active"
deployment = "demo"

[money]
hourly_hard_usd = 10.0

[[rules]]
name = "small servers of every project"
flavors = ["m1.*"]

[[burst_hosts]]
name = "cloud1"
provider = "ec2"
ec2 = { region = "us-east-1", subnet_id = "subnet-1" }
sizes = [
  { name = "t3.small", vcpus = 2, memory_mb = 2048, price_usd_per_hour = 0.0208 },
  { name = "t3.medium", vcpus = 2, memory_mb = 4096, price_usd_per_hour = 0.0416 },
]
images = [{ image = "debian-*", provider_image = "ami-0123456789abcdef0" }]

[[burst_hosts]]
name = "cloud2"
provider = "ec2"
ec2 = { region = "eu-west-1", subnet_id = "subnet-2" }
sizes = [{ name = "t3.small", vcpus = 2, memory_mb = 2048, price_usd_per_hour = 0.0228 }]
images = [{ image = "debian-*", provider_image = "ami-0fedcba9876543210" }]
"#;

const SECOND: u64 = 1_000;
const START: u64 = 1_800_000_000_000;

/// What differs between the decisions.
struct Told {
    id: &'static str,
    uuid: &'static str,
    flavor: &'static str,
    gate: GateState,
    at: Timestamp,
}

const FIRST: Told = Told {
    id: "1a3-7f-1",
    uuid: "0d6a3f0e-6a53-4d6b-9d0f-6f0c2f1f5a01",
    flavor: "m1.small",
    gate: GateState::Closed,
    at: Timestamp(START),
};

const SECOND_ONE: Told = Told {
    id: "1a3-7f-2",
    uuid: "8d3e5a52-2f5c-4f0e-9d57-0c9a5f1b7f11",
    gate: GateState::Open,
    at: Timestamp(START + 3_600 * SECOND),
    ..FIRST
};

const THIRD: Told = Told {
    id: "1a3-80-1",
    uuid: "5b8c2f7a-90b1-4a0e-8f59-1f7a1e0d9c33",
    flavor: "gpu.large",
    at: Timestamp(START + 7_200 * SECOND),
    ..SECOND_ONE
};

#[test]
fn the_journal_of_the_examples_is_as_the_scheduler_writes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let names = ["journal.jsonl.2", "journal.jsonl.1", "journal.jsonl"];
    let config = Config::from_toml(POLICY, "policy").expect("a policy");
    let mut journal = Journal::new(path.clone());
    journal
        .append_policy(&config.digest, &config.effective_toml, FIRST.at)
        .expect("a line");
    append_decision(&mut journal, &config, &FIRST);
    append_outcome(&mut journal, &FIRST, "filter", "private1");
    fs::rename(&path, folder.path().join(names[0])).expect("rotated");
    append_decision(&mut journal, &config, &SECOND_ONE);
    fs::rename(&path, folder.path().join(names[1])).expect("rotated");
    append_outcome(&mut journal, &SECOND_ONE, "hybrid", "cloud1");
    append_decision(&mut journal, &config, &THIRD);
    for name in names {
        let written = fs::read_to_string(folder.path().join(name)).expect("a file");
        let kept = data::folder().join("journal").join(name);
        compare(&kept, &written);
    }
}

fn compare(kept: &Path, written: &str) {
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(kept.parent().expect("a folder")).expect("a folder");
        fs::write(kept, written).expect("written");
    }
    let found = fs::read_to_string(kept).unwrap_or_default();
    assert_eq!(
        found,
        written,
        "{}: make it anew with UPDATE_DOCS=1",
        kept.display()
    );
}

fn append_decision(journal: &mut Journal, config: &Config, told: &Told) {
    let request = Request {
        operation: Operation::Boot,
        count: 1,
        project_id: "3f1c5a0e9b7d4c2f8a6e1d3b5c7f9a20".to_owned(),
        flavor: Flavor {
            name: told.flavor.to_owned(),
            vcpus: 1,
            memory_mb: 1_024,
            root_gb: 10,
            ..Flavor::default()
        },
        image: Image {
            id: Some("6f1d7c0e-0000-4000-8000-000000000001".to_owned()),
            name: Some("debian-12".to_owned()),
            ..Image::default()
        },
        availability_zone: None,
        group: None,
        hints: BTreeMap::new(),
        obstacles: Vec::new(),
    };
    let usd = |dollars| Usd::from_dollars(dollars).expect("an amount");
    let load = Load::Known(LoadView {
        gates: vec![GateView {
            scope: Scope::Cloud,
            state: told.gate,
            forced: None,
        }],
        spend: Some(Spend {
            total: SpendOf {
                hourly: usd(0.0416),
                month: usd(12.5),
            },
            projects: BTreeMap::new(),
        }),
        word: OperatorWord::default(),
    });
    let (lasting, asking) = match told.gate {
        GateState::Open => (69 * SECOND, vec!["vcpus_taken".to_owned()]),
        GateState::Closed => (7_200 * SECOND, Vec::new()),
    };
    let origin = Origin {
        written_at: Some(Timestamp(told.at.0 - 400)),
        gates: vec![GateOrigin {
            since: Some(Timestamp(told.at.0 - lasting)),
            asking,
        }],
    };
    let offer = |host: &str, size: &str, room| Offer {
        burst_host: host.to_owned(),
        size: size.to_owned(),
        price: None,
        barred_until: None,
        recent_failures: 0,
        room: Some(room),
    };
    let offers = [
        offer("cloud1", "t3.small", 18),
        offer("cloud2", "t3.small", 20),
    ];
    let evidence = Evidence::NotAsked;
    let decision = decide(&config.policy, &load, &offers, &request, evidence, told.at);
    let record = DecisionRecord {
        id: told.id,
        request_id: Some(&format!("req-{}", told.uuid)),
        policy: &config.digest,
        decided_at: told.at,
        instance_uuids: &[told.uuid.to_owned()],
        request: &request,
        load: &load,
        origin: &origin,
        offers: &offers,
        evidence,
        decision: &decision,
    };
    journal.append_decision(&record, told.at).expect("a line");
}

fn append_outcome(journal: &mut Journal, told: &Told, path: &str, host: &str) {
    let hosts = BTreeMap::from([(told.uuid.to_owned(), host.to_owned())]);
    let outcome = OutcomeRecord {
        decision: told.id,
        result: "placed",
        path: Some(path),
        hosts: &hosts,
        elapsed_ms: 41.5,
        detail: "",
    };
    let at = Timestamp(told.at.0 + 42);
    journal.append_outcome(&outcome, at).expect("a line");
}
