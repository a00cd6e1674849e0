//! What a decision costs, and a step of a gate.
#![allow(missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use spillway_core::gate::{Gate, GateState, Observation, Sample};
use spillway_core::load::{GateView, LoadView};
use spillway_core::pattern::Patterns;
use spillway_core::policy::{
    BurstHost, GatePolicy, ImageMapping, InstanceSize, Mode, MoneyPolicy, Policy, Rule,
    SignalPolicy, WhenMissing,
};
use spillway_core::request::{Flavor, Image, Operation};
use spillway_core::scope::Scope;
use spillway_core::units::{Finite, Span};
use spillway_core::{Evidence, Load, Request, Timestamp, Usd, decide};
use std::collections::BTreeMap;
use std::hint::black_box;

fn policy(rules: usize, hosts: usize) -> Policy {
    let mut all = vec![
        Rule {
            projects: Patterns::of(["someone-else-*"]),
            ..Rule::default()
        };
        rules.saturating_sub(1)
    ];
    all.push(Rule::default());
    let host = |number: usize| BurstHost {
        name: format!("cloud{number}"),
        availability_zones: Vec::new(),
        sizes: (1..=8_u32)
            .map(|n| InstanceSize {
                name: format!("size{n}"),
                vcpus: n,
                memory_mb: u64::from(n) * 4096,
                architecture: "x86_64".to_owned(),
                price: Usd::from_dollars(f64::from(n) / 10.0).ok(),
            })
            .collect(),
        images: vec![ImageMapping {
            image: Patterns::of(["*"]),
            os_distro: Patterns::any(),
            architecture: Patterns::any(),
            provider_image: "ami-1".to_owned(),
        }],
        flavors: BTreeMap::new(),
    };
    Policy {
        mode: Mode::Active,
        gate: GatePolicy {
            open_after: Span::from_secs(60),
            close_after: Span::from_secs(600),
            forecast_lead: None,
        },
        signals: Vec::new(),
        rules: all,
        money: MoneyPolicy::default(),
        burst_hosts: (0..hosts).map(host).collect(),
    }
}

fn request() -> Request {
    Request {
        operation: Operation::Boot,
        count: 1,
        project_id: "9".repeat(32),
        flavor: Flavor {
            name: "m1.large".to_owned(),
            vcpus: 4,
            memory_mb: 8192,
            root_gb: 80,
            ..Flavor::default()
        },
        image: Image {
            id: Some("image".to_owned()),
            ..Image::default()
        },
        availability_zone: None,
        group: None,
        hints: BTreeMap::new(),
        obstacles: Vec::new(),
    }
}

fn decisions(criterion: &mut Criterion) {
    let gate = GateView {
        scope: Scope::Cloud,
        state: GateState::Open,
        forced: None,
    };
    let load = Load::Known(LoadView {
        gates: vec![gate],
        ..LoadView::default()
    });
    let request = request();
    for (rules, hosts) in [(1, 1), (10, 1), (10, 10)] {
        let policy = policy(rules, hosts);
        criterion.bench_function(
            &format!("decide, {rules} rules, {hosts} burst hosts"),
            |b| {
                b.iter(|| {
                    let request = black_box(&request);
                    decide(
                        &policy,
                        &load,
                        &[],
                        request,
                        Evidence::NotAsked,
                        Timestamp(1),
                    )
                });
            },
        );
    }
}

fn gates(criterion: &mut Criterion) {
    let dwell = GatePolicy {
        open_after: Span::from_secs(60),
        close_after: Span::from_secs(600),
        forecast_lead: None,
    };
    let signals: Vec<_> = (0..10)
        .map(|n| SignalPolicy {
            name: format!("signal{n}"),
            scope: Scope::Cloud,
            open_at: Finite::new(0.85).expect("finite"),
            close_at: Finite::new(0.70).expect("finite"),
            stale_after: Span::from_secs(60),
            when_missing: WhenMissing::Hold,
        })
        .collect();
    let samples = vec![
        Observation {
            newest: Some(Sample {
                value: 0.8,
                at: Timestamp(1)
            }),
            crosses_in: None,
        };
        signals.len()
    ];
    let gate = Gate::new(Timestamp(0));
    criterion.bench_function("a gate's step, 10 signals", |b| {
        b.iter(|| gate.step(&dwell, &signals, black_box(&samples), Timestamp(2)));
    });
}

criterion_group!(benches, decisions, gates);
criterion_main!(benches);
