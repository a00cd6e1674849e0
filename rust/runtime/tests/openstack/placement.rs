use crate::cloud::{Cloud, Provider};
use crate::heard::Heard;
use axum::http::StatusCode;
use spillway_core::scope::Scope;
use spillway_core::units::Span;
use spillway_runtime::config::{PlacementMeasure, PlacementSignal, PlacementSource};
use spillway_runtime::sources::ledger::{Change, Ledger};
use spillway_runtime::sources::{FailureKind, placement};
use std::sync::Arc;
use std::time::Instant;

/// Of a test that needs one reading.
const AN_HOUR: Span = Span::from_secs(3600);
/// Of a test that waits for the next one. The whole reading has to fit in, on a busy machine.
const SOON: Span = Span::from_secs(3);

const USED: usize = 0;
const RATIO: usize = 1;
const SCOPED: usize = 2;

fn signal(class: &str, measure: PlacementMeasure) -> PlacementSignal {
    PlacementSignal {
        resource_class: class.to_owned(),
        measure,
    }
}

fn run_every(interval: Span, cloud: &Cloud, scope: Scope, ledger: Arc<Ledger>) -> Heard {
    let source = PlacementSource {
        interval,
        timeout: Span(5_000),
    };
    let signals = vec![
        (USED, Scope::Cloud, signal("VCPU", PlacementMeasure::Used)),
        (
            RATIO,
            Scope::Cloud,
            signal("VCPU", PlacementMeasure::UsedRatio),
        ),
        (SCOPED, scope, signal("VCPU", PlacementMeasure::Used)),
    ];
    let openstack = cloud.config();
    Heard::run(|events| placement::run(source, openstack, signals, ledger, events))
}

fn run(cloud: &Cloud, scope: Scope) -> Heard {
    run_every(AN_HOUR, cloud, scope, Arc::new(Ledger::default()))
}

/// Two private hosts, one disabled, a burst host, and a NUMA node in each of two.
async fn whole_cloud() -> Cloud {
    let cloud = Cloud::start().await;
    cloud.tell(|told| {
        told.traits = vec!["CUSTOM_SPILLWAY_BURST", "COMPUTE_STATUS_DISABLED"];
        let nested = |uuid, root, used| Provider {
            root,
            ..Provider::host(uuid, 4, used)
        };
        told.providers = vec![
            Provider {
                aggregates: vec!["agg-1"],
                ..Provider::host("one", 10, 3)
            },
            nested("one-numa0", "one", 1),
            Provider {
                aggregates: vec!["agg-2"],
                ..Provider::host("two", 10, 2)
            },
            Provider {
                traits: vec!["COMPUTE_STATUS_DISABLED"],
                ..Provider::host("three", 10, 9)
            },
            Provider {
                traits: vec!["CUSTOM_SPILLWAY_BURST"],
                ..Provider::host("cloud1", 99, 50)
            },
            nested("cloud1-numa0", "cloud1", 50),
        ];
        told.aggregates = vec![("ssd", "agg-1", Some("east")), ("hdd", "agg-2", None)];
        told.zones = vec!["east", "nova"];
    });
    cloud
}

#[tokio::test]
async fn only_private_hosts_that_take_servers_count() {
    let cloud = whole_cloud().await;
    let mut heard = run(&cloud, Scope::Cloud);
    assert_eq!(heard.value(USED).await, 6.0);
    // (10 - 2) * 1.5 twice and (4 - 2) * 1.5.
    assert_eq!(heard.value(RATIO).await, 6.0 / 27.0);
}

#[tokio::test]
async fn a_placement_that_never_saw_a_burst_host_is_asked_without_its_trait() {
    let cloud = whole_cloud().await;
    cloud.tell(|told| {
        told.traits.clear();
        told.providers.truncate(3);
    });
    assert_eq!(run(&cloud, Scope::Cloud).value(USED).await, 6.0);
}

#[tokio::test]
async fn aggregates_and_zones_are_known_by_nova() {
    let cloud = whole_cloud().await;
    for (scope, used) in [
        (Scope::Aggregate("ssd".to_owned()), 4.0),
        (Scope::Aggregate("hdd".to_owned()), 2.0),
        (Scope::Zone("east".to_owned()), 4.0),
        // The zone of whoever is in no other.
        (Scope::Zone("nova".to_owned()), 2.0),
    ] {
        assert_eq!(
            run(&cloud, scope.clone()).value(SCOPED).await,
            used,
            "{scope}"
        );
    }
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_absent_with_one_that_is_alike() {
    let cloud = whole_cloud().await;
    for (scope, alike) in [
        (Scope::Aggregate("sdd".to_owned()), "`ssd`"),
        (Scope::Zone("easst".to_owned()), "`east`"),
    ] {
        let mut heard = run(&cloud, scope);
        // The other signals of the same reading have their values.
        assert_eq!(heard.value(USED).await, 6.0);
        let failure = heard.failure(SCOPED).await;
        assert_eq!(failure.kind, FailureKind::Absent);
        assert!(failure.detail.contains(alike), "{failure}");
    }
}

#[tokio::test]
async fn a_steady_reading_asks_each_host_once() {
    let cloud = whole_cloud().await;
    let mut heard = run_every(SOON, &cloud, Scope::Cloud, Arc::new(Ledger::default()));
    heard.read().await;
    assert_eq!(cloud.n_requests("/inventories"), 3);
    cloud.tell(|told| {
        told.requests.clear();
        told.providers[2].used = 7;
    });
    while heard.value(USED).await != 11.0 {}
    assert_eq!(cloud.n_requests("/inventories"), 0);
    // A host whose generation changed is asked for both.
    cloud.tell(|told| {
        told.providers[2].generation += 1;
        told.providers[2].total = 12;
    });
    while heard.value(RATIO).await != 11.0 / 30.0 {}
    assert_eq!(cloud.n_requests("/inventories"), 1);
}

#[tokio::test]
async fn a_host_that_is_deleted_meanwhile_is_left_out() {
    let cloud = whole_cloud().await;
    cloud.tell(|told| {
        told.faults
            .push_back(("/two/usages", StatusCode::NOT_FOUND))
    });
    assert_eq!(run(&cloud, Scope::Cloud).value(USED).await, 4.0);
}

#[tokio::test]
async fn a_busy_placement_is_asked_again_and_a_broken_one_fails_the_reading() {
    let cloud = whole_cloud().await;
    cloud.tell(|told| {
        told.faults
            .push_back(("/traits", StatusCode::SERVICE_UNAVAILABLE));
        told.faults
            .push_back(("/one/usages", StatusCode::TOO_MANY_REQUESTS));
    });
    let mut heard = run(&cloud, Scope::Cloud);
    assert_eq!(heard.value(USED).await, 6.0);
    cloud.tell(|told| {
        told.faults
            .push_back(("/two/usages", StatusCode::INTERNAL_SERVER_ERROR))
    });
    let failure = run(&cloud, Scope::Cloud).failure(USED).await;
    assert_eq!(failure.kind, FailureKind::Status);
    assert!(failure.detail.contains("two/usages"), "{failure}");
}

#[tokio::test]
async fn a_reading_that_takes_longer_than_its_interval_fails() {
    let cloud = whole_cloud().await;
    cloud.tell(|told| told.hangs = Some("/two/usages"));
    let mut heard = run_every(SOON, &cloud, Scope::Cloud, Arc::new(Ledger::default()));
    let failure = heard.failure(USED).await;
    assert_eq!(failure.kind, FailureKind::Timeout);
    assert!(failure.detail.contains("interval_secs"), "{failure}");
    cloud.tell(|told| told.hangs = None);
    while heard.of(USED).await.is_err() {}
}

#[tokio::test]
async fn an_old_placement_is_refused_with_a_sentence() {
    let cloud = whole_cloud().await;
    cloud.tell(|told| told.placement_max = "1.10");
    let failure = run(&cloud, Scope::Cloud).failure(USED).await;
    assert!(
        failure.detail.contains("up to 1.10; 1.22 is needed"),
        "{failure}"
    );
}

#[tokio::test]
async fn between_two_readings_the_ledger_corrects() {
    let cloud = whole_cloud().await;
    let ledger = Arc::new(Ledger::default());
    let scope = Scope::Aggregate("ssd".to_owned());
    let mut heard = run_every(AN_HOUR, &cloud, scope, Arc::clone(&ledger));
    heard.read().await;
    for (host, vcpus) in [("one", 4), ("two", -1), ("elsewhere", 100)] {
        ledger.record(Change {
            at: Instant::now(),
            host: host.to_owned(),
            vcpus,
            memory_mb: 0,
            disk_gb: 0,
        });
    }
    while heard.value(USED).await != 9.0 {}
    assert_eq!(heard.value(SCOPED).await, 8.0);
    assert_eq!(cloud.n_requests("/one/usages"), 1);
}
