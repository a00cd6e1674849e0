//! What a request costs at the edges: the look at an unchanged snapshot and the decision's line in
//! the journal. The goals are in `docs/benchmarks.md`.
#![allow(missing_docs)]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use spillway_core::gate::GateState;
use spillway_core::load::{GateView, LoadView, OperatorWord, Spend, SpendOf};
use spillway_core::request::{Flavor, Image, Operation};
use spillway_core::scope::Scope;
use spillway_core::units::Span;
use spillway_core::{Evidence, Load, Offer, Request, Timestamp, Usd, decide};
use spillway_runtime::config::{self, Config};
use spillway_runtime::wire::{DecisionRecord, GateOrigin, Journal, Origin, SnapshotFile};
use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
/// A large cloud: its projects have spent, and ten burst hosts offer five sizes each.
const PROJECTS: usize = 1_000;
const HOSTS: usize = 10;
const SIZES: usize = 5;

fn snapshot_text() -> String {
    let projects: Vec<_> = (0..PROJECTS)
        .map(|id| format!("\"project-{id:032}\":{{\"hourly_usd\":0.1,\"month_usd\":1.5}}"))
        .collect();
    let offers: Vec<_> = offers()
        .iter()
        .map(|offer| {
            format!(
                "{{\"burst_host\":\"{}\",\"size\":\"{}\",\"price_usd_per_hour\":0.01,\"room\":9}}",
                offer.burst_host, offer.size
            )
        })
        .collect();
    format!(
        "{{\"format\":1,\"written_at_ms\":{},\"gates\":[{{\"scope\":\"cloud\",\"state\":\"open\"}}],\
         \"offers\":[{}],\"spend\":{{\"hourly_usd\":1.0,\"month_usd\":2.0,\"projects\":{{{}}}}}}}",
        NOW.0,
        offers.join(","),
        projects.join(",")
    )
}

fn offers() -> Vec<Offer> {
    (0..HOSTS * SIZES)
        .map(|index| Offer {
            burst_host: format!("cloud{}", index / SIZES),
            size: format!("t3.size{}", index % SIZES),
            price: Usd::from_dollars(0.01).ok(),
            barred_until: None,
            recent_failures: 0,
            room: Some(9),
        })
        .collect()
}

fn load() -> Load {
    let of = SpendOf {
        hourly: Usd::from_dollars(1.0).unwrap_or_default(),
        month: Usd::from_dollars(2.0).unwrap_or_default(),
    };
    Load::Known(LoadView {
        gates: vec![GateView {
            scope: Scope::Cloud,
            state: GateState::Open,
            forced: None,
        }],
        spend: Some(Spend {
            total: of,
            projects: (0..PROJECTS)
                .map(|id| (format!("project-{id:032}"), of))
                .collect(),
        }),
        word: OperatorWord::default(),
    })
}

fn request() -> Request {
    Request {
        operation: Operation::Boot,
        count: 1,
        project_id: format!("project-{:032}", 7),
        flavor: Flavor {
            name: "m1.small".to_owned(),
            vcpus: 1,
            memory_mb: 2_048,
            root_gb: 20,
            extra_specs: BTreeMap::from([("hw_rng:allowed".to_owned(), "true".to_owned())]),
            ..Flavor::default()
        },
        image: Image {
            id: Some("6f1d7c0e-0000-4000-8000-000000000001".to_owned()),
            name: Some("debian-12".to_owned()),
            os_distro: Some("debian".to_owned()),
            architecture: Some("x86_64".to_owned()),
        },
        availability_zone: None,
        group: None,
        hints: BTreeMap::new(),
        obstacles: Vec::new(),
    }
}

fn snapshot(bench: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("snapshot.json");
    fs::write(&path, snapshot_text()).expect("a file");
    let mut file = SnapshotFile::new(path.clone(), Span::from_secs(30));
    assert!(matches!(file.read(NOW).load, Load::Known(_)));
    bench.bench_function("snapshot_unchanged", |bench| {
        bench.iter(|| black_box(file.read(black_box(NOW))));
    });
    let absent = folder.path().join("absent.json");
    let mut missing = SnapshotFile::new(absent, Span::from_secs(30));
    bench.bench_function("snapshot_missing", |bench| {
        bench.iter(|| black_box(missing.read(black_box(NOW))));
    });
    bench.bench_function("snapshot_changed_1000_projects_50_offers", |bench| {
        bench.iter_batched(
            || SnapshotFile::new(path.clone(), Span::from_secs(30)),
            |mut file| black_box(file.read(NOW)),
            BatchSize::SmallInput,
        );
    });
}

fn journal(bench: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::from_toml(&config::example(), "example").expect("the example");
    let (request, load) = (request(), load());
    let origin = Origin {
        written_at: Some(Timestamp(NOW.0 - 400)),
        gates: vec![GateOrigin {
            since: Some(Timestamp(NOW.0 - 69_000)),
            asking: vec!["vcpus_taken".to_owned()],
        }],
    };
    let all_offers = offers();
    let uuids = ["6f1d7c0e-0000-4000-8000-000000000002".to_owned()];
    for (name, offers) in [
        ("journal_decision_line", &all_offers[..2]),
        ("journal_decision_line_50_offers", &all_offers[..]),
    ] {
        let decision = decide(
            &config.policy,
            &load,
            offers,
            &request,
            Evidence::NotAsked,
            NOW,
        );
        let record = DecisionRecord {
            id: "18e0a5a2000-3039-1",
            request_id: Some("req-6f1d7c0e-0000-4000-8000-000000000003"),
            policy: &config.digest,
            decided_at: NOW,
            instance_uuids: &uuids,
            request: &request,
            load: &load,
            origin: &origin,
            offers,
            evidence: Evidence::NotAsked,
            decision: &decision,
        };
        let mut to_null = Journal::new("/dev/null".into());
        bench.bench_function(&format!("{name}_to_null"), |bench| {
            bench.iter(|| to_null.append_decision(&record, NOW).expect("written"));
        });
        let mut journal = Journal::new(folder.path().join("journal.jsonl"));
        bench.bench_function(name, |bench| {
            bench.iter(|| journal.append_decision(&record, NOW).expect("written"));
        });
    }
}

fn policy(bench: &mut Criterion) {
    let example = config::example();
    bench.bench_function("policy_load_example", |bench| {
        bench.iter(|| Config::from_toml(black_box(&example), "example").expect("the example"));
    });
}

criterion_group!(benches, snapshot, journal, policy);
criterion_main!(benches);
