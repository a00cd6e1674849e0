use crate::cloud::Cloud;
use crate::heard::Heard;
use axum::http::StatusCode;
use serde_json::json;
use spillway_core::gate::GateState;
use spillway_core::scope::Scope;
use spillway_core::units::Span;
use spillway_runtime::config::{HeatMeasure, HeatSignal, HeatSource, OnGate};
use spillway_runtime::sources::{Event, FailureKind, heat};
use std::collections::BTreeMap;
use tokio::sync::watch;

const ID: &str = "c6a1a9d0-0000-4000-8000-0123456789ab";

type Gates = BTreeMap<Scope, GateState>;

fn source() -> HeatSource {
    HeatSource {
        interval: Span(200),
        timeout: Span(5_000),
        on_gate: vec![OnGate {
            scope: Scope::Cloud,
            stack: "web".to_owned(),
            on_open: Some("scale_up".to_owned()),
            on_close: Some("scale_down".to_owned()),
        }],
    }
}

fn run(cloud: &Cloud, signals: Vec<HeatSignal>, gates: watch::Receiver<Gates>) -> Heard {
    let signals = signals.into_iter().enumerate().collect();
    let openstack = cloud.config();
    Heard::run(|events| heat::run(source(), openstack, signals, gates, events))
}

fn output(stack: &str, name: &str) -> HeatSignal {
    HeatSignal {
        stack: stack.to_owned(),
        measure: HeatMeasure::Output(name.to_owned()),
    }
}

fn gates(state: GateState) -> Gates {
    BTreeMap::from([(Scope::Cloud, state)])
}

/// Lets the source look at the gates for the first time: this runtime has one thread.
async fn begun() {
    tokio::task::yield_now().await;
}

#[tokio::test]
async fn outputs_and_groups_are_numbers_by_name_or_id() {
    let cloud = Cloud::start().await;
    cloud.tell(|told| {
        told.outputs = BTreeMap::from([("load", json!("0.75")), ("list", json!([1]))]);
        told.group = json!({"current_size": 3, "refs": null});
    });
    let group = HeatMeasure::ScalingGroup("group".to_owned());
    let signals = vec![
        output("web", "load"),
        output(ID, "load"),
        HeatSignal {
            stack: "web".to_owned(),
            measure: group,
        },
        output("web", "list"),
        output("web", "missing"),
        output("wep", "load"),
    ];
    let (_sender, gates) = watch::channel(Gates::new());
    let mut heard = run(&cloud, signals, gates);
    assert_eq!(heard.value(0).await, 0.75);
    assert_eq!(heard.value(1).await, 0.75);
    assert_eq!(heard.value(2).await, 3.0);
    assert_eq!(heard.failure(3).await.kind, FailureKind::Malformed);
    assert_eq!(heard.failure(4).await.kind, FailureKind::Absent);
    let no_stack = heard.failure(5).await;
    assert_eq!(no_stack.kind, FailureKind::Absent);
    assert!(no_stack.detail.contains("`wep`"), "{no_stack}");
    cloud.tell(|told| told.group = json!({"current_size": 4}));
    while heard.value(2).await != 4.0 {}
}

#[tokio::test]
async fn a_scaling_policy_is_told_once_of_each_change() {
    let cloud = Cloud::start().await;
    let (sender, receiver) = watch::channel(gates(GateState::Open));
    let mut heard = run(&cloud, Vec::new(), receiver);
    let told = |event| match event {
        Event::Read { report, .. } => Some(report.targets_up),
        _ => None,
    };
    begun().await;
    sender.send_replace(gates(GateState::Closed));
    assert_eq!(heard.next(told).await, 1);
    // Said again, it is no change.
    sender.send_replace(gates(GateState::Closed));
    sender.send_replace(gates(GateState::Open));
    assert_eq!(heard.next(told).await, 1);
    let signalled = |name: &str| {
        format!("POST /heat/v1/0123456789abcdef/stacks/web/{ID}/resources/{name}/signal")
    };
    assert_eq!(cloud.n_requests("POST"), 2);
    assert_eq!(cloud.n_requests(&signalled("scale_down")), 1);
    assert_eq!(cloud.n_requests(&signalled("scale_up")), 1);
}

#[tokio::test]
async fn a_signal_that_failed_is_sent_again() {
    let cloud = Cloud::start().await;
    cloud.tell(|told| {
        told.faults
            .push_back(("/signal", StatusCode::INTERNAL_SERVER_ERROR))
    });
    let (sender, receiver) = watch::channel(gates(GateState::Closed));
    let mut heard = run(&cloud, Vec::new(), receiver);
    begun().await;
    sender.send_replace(gates(GateState::Open));
    let mut ups = Vec::new();
    while ups != [0, 1] {
        ups.push(
            heard
                .next(|event| match event {
                    Event::Read { report, .. } => Some(report.targets_up),
                    _ => None,
                })
                .await,
        );
    }
    assert_eq!(cloud.n_requests("scale_up/signal"), 2);
}
