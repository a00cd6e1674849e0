use crate::nova::{Nova, versioned};
use crate::rabbitmq::broker;
use crate::source::{BUILDING, Source, configured};
use spillway_runtime::sources::FailureKind;

const VERSIONED: &str = "versioned_notifications";

#[tokio::test(flavor = "multi_thread")]
async fn while_we_are_away_the_queue_keeps_its_limit() {
    let broker = broker().await;
    let nova = Nova::new(broker.connect().await, "limits").await;
    let mut config = configured(&broker, "limits");
    config.max_queue_length = 100;
    let queue = config.queue.clone();
    let mut source = Source::start(config.clone());
    source.connected().await;
    source.stop().await;
    for server in 0..300 {
        nova.send(VERSIONED, &versioned("create.start", server, "compute-0"))
            .await;
    }
    assert_eq!(nova.n_waiting(&queue).await, 100);
    // What waited is followed, though it counts for no rate.
    let mut source = Source::start(config);
    source.value(BUILDING, |n| n == 100.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_with_other_arguments_is_refused_by_the_arguments_name() {
    let broker = broker().await;
    let nova = Nova::new(broker.connect().await, "arguments").await;
    for (argument, name) in [
        ("x-max-length", "with-length"),
        ("x-expires", "with-expiry"),
    ] {
        let mut config = configured(&broker, "arguments");
        config.queue = name.to_owned();
        nova.declare_queue(name, argument, 600_000).await;
        config.max_queue_length = 1_000;
        let failure = Source::start(config).failure().await;
        assert_eq!(failure.kind, FailureKind::Refused, "{failure}");
        assert!(failure.detail.contains(name), "{failure}");
        assert!(failure.detail.contains("`x-"), "{failure}");
    }
    let mut config = configured(&broker, "arguments");
    config.queue = "not-durable".to_owned();
    nova.foreign_queue(&config.queue, "notifications.*").await;
    let failure = Source::start(config).failure().await;
    assert!(failure.detail.contains("`durable`"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_someone_else_reads_is_refused() {
    let broker = broker().await;
    let nova = Nova::new(broker.connect().await, "shared").await;
    let mut first = Source::start(configured(&broker, "shared"));
    first.connected().await;
    let failure = Source::start(configured(&broker, "shared")).failure().await;
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(failure.detail.contains("read by someone else"), "{failure}");
    // The first one did not notice.
    nova.send(VERSIONED, &versioned("create.start", 1, "compute-0"))
        .await;
    first.value(BUILDING, |n| n == 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_is_missing_is_waited_for_and_never_made() {
    let broker = broker().await;
    let nova = Nova::silent(broker.connect().await, "later").await;
    let mut source = Source::start(configured(&broker, "later"));
    for _ in 0..2 {
        let failure = source.failure().await;
        assert_eq!(failure.kind, FailureKind::Absent);
        assert!(failure.detail.contains("`later`"), "{failure}");
        assert!(failure.detail.contains("messagingv2"), "{failure}");
    }
    nova.declare_exchange().await;
    source.connected().await;
    nova.send(VERSIONED, &versioned("create.start", 1, "compute-0"))
        .await;
    source.value(BUILDING, |n| n == 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_their_file_and_are_never_said() {
    let broker = broker().await;
    let _nova = Nova::new(broker.connect().await, "credentials").await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = configured(&broker, "credentials");
    let file = folder.path().join("credentials");
    config.credentials_file = Some(file.clone());
    let failure = Source::start(config.clone()).failure().await;
    assert_eq!(failure.kind, FailureKind::Unauthorized, "{failure}");
    std::fs::write(&file, "guest:wr0ng-secret\n").expect("written");
    let failure = Source::start(config.clone()).failure().await;
    assert_eq!(failure.kind, FailureKind::Unauthorized, "{failure}");
    assert!(!failure.to_string().contains("wr0ng"), "{failure}");
    std::fs::write(&file, "guest:guest\n").expect("written");
    Source::start(config).connected().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_deleted_is_made_anew() {
    let broker = broker().await;
    let nova = Nova::new(broker.connect().await, "deleted").await;
    let config = configured(&broker, "deleted");
    let queue = config.queue.clone();
    let mut source = Source::start(config);
    source.connected().await;
    nova.delete_queue(&queue).await;
    source.disconnected().await;
    source.connected().await;
    nova.send(VERSIONED, &versioned("create.start", 1, "compute-0"))
        .await;
    source.value(BUILDING, |n| n == 1.0).await;
}
