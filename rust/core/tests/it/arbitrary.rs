//! Values of any shape that the types allow.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use spillway_core::gate::GateState;
use spillway_core::load::{GateView, LoadView, OperatorWord, Spend, SpendOf};
use spillway_core::pattern::Patterns;
use spillway_core::policy::*;
use spillway_core::request::{Flavor, Image, Obstacle, Operation, ServerGroup};
use spillway_core::scope::Scope;
use spillway_core::units::Span;
use spillway_core::{Evidence, Load, Offer, Policy, Request, SnapshotFault, Timestamp, Usd};
use std::collections::BTreeMap;

/// Everything that `decide` takes.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) policy: Policy,
    pub(crate) load: Load,
    pub(crate) offers: Vec<Offer>,
    pub(crate) request: Request,
    pub(crate) evidence: Evidence,
    pub(crate) now: Timestamp,
}

pub(crate) fn cases() -> impl Strategy<Value = Case> {
    (
        policies(),
        loads(),
        vec(offers(), 0..6),
        requests(),
        evidence(),
        0..10_000_u64,
    )
        .prop_map(|(policy, load, offers, request, evidence, now)| Case {
            policy,
            load,
            offers,
            request,
            evidence,
            now: Timestamp(now),
        })
}

pub(crate) fn evidence() -> impl Strategy<Value = Evidence> {
    prop_oneof![
        Just(Evidence::NotAsked),
        Just(Evidence::Unavailable),
        (0..12_u32).prop_map(Evidence::Fits),
    ]
}

fn names(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(of).prop_map(str::to_owned)
}

const HOSTS: &[&str] = &["cloud1", "cloud2", "cloud3"];
const SIZES: &[&str] = &["small", "medium", "large"];
const ZONES: &[&str] = &["az1", "az2"];

fn usd() -> impl Strategy<Value = Usd> {
    (0..40_u32).prop_map(|tenths| Usd::from_dollars(f64::from(tenths) / 10.0).unwrap())
}

fn patterns(of: &'static [&'static str]) -> impl Strategy<Value = Patterns> {
    prop_oneof![3 => Just(Patterns::any()), 1 => names(of).prop_map(|name| Patterns::of([name]))]
}

fn levels() -> impl Strategy<Value = BurstLevel> {
    prop_oneof![
        1 => Just(BurstLevel::Never),
        2 => Just(BurstLevel::Overflow),
        4 => Just(BurstLevel::Load),
    ]
}

fn rules() -> impl Strategy<Value = Rule> {
    (
        patterns(&["p1", "p2"]),
        patterns(&["m1", "m2"]),
        patterns(ZONES),
        levels(),
        0..4_u32,
        any::<bool>(),
        option::of(names(&["ssd"])),
    )
        .prop_map(
            |(projects, flavors, availability_zones, burst, reserve, split, aggregate)| Rule {
                name: "rule".to_owned(),
                projects,
                flavors,
                availability_zones,
                burst,
                reserve,
                multi_create: if split {
                    MultiCreate::Split
                } else {
                    MultiCreate::Whole
                },
                aggregate,
                ..Rule::default()
            },
        )
}

fn limits() -> impl Strategy<Value = Limits> {
    let pair =
        || (option::of(usd()), option::of(usd())).prop_map(|(soft, hard)| SoftHard { soft, hard });
    (pair(), pair()).prop_map(|(hourly, monthly)| Limits { hourly, monthly })
}

fn burst_hosts() -> impl Strategy<Value = Vec<BurstHost>> {
    let size =
        (names(SIZES), 1..5_u32, option::of(usd())).prop_map(|(name, vcpus, price)| InstanceSize {
            name,
            vcpus,
            memory_mb: 4096,
            architecture: "x86_64".to_owned(),
            price,
        });
    let host = (vec(names(ZONES), 0..2), vec(size, 0..3), any::<bool>());
    vec(host, 0..=HOSTS.len()).prop_map(|hosts| {
        hosts
            .into_iter()
            .zip(HOSTS)
            .map(|((availability_zones, sizes, mapped), name)| BurstHost {
                name: (*name).to_owned(),
                availability_zones,
                sizes,
                images: if mapped {
                    vec![any_image()]
                } else {
                    Vec::new()
                },
                flavors: BTreeMap::new(),
            })
            .collect()
    })
}

fn any_image() -> ImageMapping {
    ImageMapping {
        image: Patterns::any(),
        os_distro: Patterns::any(),
        architecture: Patterns::any(),
        provider_image: "ami-1".to_owned(),
    }
}

fn policies() -> impl Strategy<Value = Policy> {
    (
        prop_oneof![1 => Just(Mode::Off), 1 => Just(Mode::Shadow), 6 => Just(Mode::Active)],
        vec(rules(), 0..4),
        option::of((limits(), limits(), any::<bool>())),
        burst_hosts(),
    )
        .prop_map(|(mode, rules, money, burst_hosts)| Policy {
            mode,
            gate: GatePolicy {
                open_after: Span(0),
                close_after: Span(0),
                forecast_lead: None,
            },
            signals: Vec::new(),
            rules,
            money: money.map_or_else(MoneyPolicy::default, |(total, project, never)| {
                MoneyPolicy {
                    total,
                    project,
                    when_unknown: if never {
                        WhenSpendUnknown::Never
                    } else {
                        WhenSpendUnknown::Overflow
                    },
                }
            }),
            burst_hosts,
        })
}

fn words() -> impl Strategy<Value = OperatorWord> {
    let mode = prop_oneof![Just(Mode::Off), Just(Mode::Shadow), Just(Mode::Active)];
    (proptest::bool::weighted(0.1), option::weighted(0.1, mode))
        .prop_map(|(paused, mode)| OperatorWord { paused, mode })
}

fn loads() -> impl Strategy<Value = Load> {
    let fault = prop_oneof![
        Just(SnapshotFault::Missing),
        words().prop_map(|word| SnapshotFault::Stale {
            age: Span(99),
            word
        }),
        Just(SnapshotFault::Unreadable {
            word: OperatorWord::default()
        }),
        Just(SnapshotFault::NewerFormat { format: 2 }),
    ];
    let state = || prop_oneof![Just(GateState::Open), Just(GateState::Closed)];
    let scope = prop_oneof![
        3 => Just(Scope::Cloud),
        1 => names(ZONES).prop_map(Scope::Zone),
        1 => Just(Scope::Aggregate("ssd".to_owned())),
    ];
    let gate =
        (scope, state(), option::weighted(0.2, state())).prop_map(|(scope, state, forced)| {
            GateView {
                scope,
                state,
                forced,
            }
        });
    let spend_of = || (usd(), usd()).prop_map(|(hourly, month)| SpendOf { hourly, month });
    let spend = (
        spend_of(),
        btree_map(names(&["p1", "p2"]), spend_of(), 0..3),
    )
        .prop_map(|(total, projects)| Spend { total, projects });
    let view = (vec(gate, 0..4), option::of(spend), words())
        .prop_map(|(gates, spend, word)| LoadView { gates, spend, word });
    prop_oneof![1 => fault.prop_map(Load::Unknown), 4 => view.prop_map(Load::Known)]
}

fn offers() -> impl Strategy<Value = Offer> {
    (
        names(HOSTS),
        names(SIZES),
        option::of(usd()),
        option::weighted(0.2, 0..20_000_u64),
        0..3_u32,
        option::of(0..12_u32),
    )
        .prop_map(
            |(burst_host, size, price, barred_until, recent_failures, room)| Offer {
                burst_host,
                size,
                price,
                barred_until: barred_until.map(Timestamp),
                recent_failures,
                room,
            },
        )
}

pub(crate) fn requests() -> impl Strategy<Value = Request> {
    let operation = prop_oneof![
        8 => Just(Operation::Boot),
        1 => proptest::sample::select(&Operation::ALL[..]),
    ];
    let level = || names(&["never", "overflow", "load", "sometimes"]);
    let group = (
        names(&["affinity", "anti-affinity", "soft-affinity"]),
        vec(names(&["cloud1", "priv1"]), 0..2),
    )
        .prop_map(|(policy, hosts)| ServerGroup { policy, hosts });
    (
        operation,
        1..12_u32,
        names(&["p1", "p2"]),
        names(&["m1", "m2"]),
        1..4_u32,
        option::weighted(0.2, level()),
        option::weighted(0.2, level()),
        option::weighted(0.3, names(ZONES)),
        option::weighted(0.2, group),
        option::weighted(0.1, proptest::sample::select(&Obstacle::ALL[..])),
    )
        .prop_map(
            |(operation, count, project_id, flavor, vcpus, spec, hint, zone, group, obstacle)| {
                Request {
                    operation,
                    count,
                    project_id,
                    flavor: Flavor {
                        name: flavor,
                        vcpus,
                        memory_mb: 1024,
                        extra_specs: spec
                            .map(|level| (Request::BURST_KEY.to_owned(), level))
                            .into_iter()
                            .collect(),
                        ..Flavor::default()
                    },
                    image: Image {
                        id: Some("image".to_owned()),
                        ..Image::default()
                    },
                    availability_zone: zone,
                    group,
                    hints: hint
                        .map(|level| (Request::BURST_KEY.to_owned(), vec![level]))
                        .into_iter()
                        .collect(),
                    obstacles: obstacle.into_iter().collect(),
                }
            },
        )
}
