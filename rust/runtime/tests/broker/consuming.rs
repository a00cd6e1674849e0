use crate::nova::{Nova, no_valid_host, unversioned, versioned};
use crate::rabbitmq::broker;
use crate::source::{ARRIVALS, BUILDING, REFUSALS, Source, configured};
use spillway_runtime::sources::FailureKind;
use std::time::Instant;

const VERSIONED: &str = "versioned_notifications";
const UNVERSIONED: &str = "notifications";

#[tokio::test(flavor = "multi_thread")]
async fn both_formats_are_read_and_an_event_counts_once() {
    let broker = broker().await;
    let began = Instant::now();
    let nova = Nova::new(broker.connect().await, "formats").await;
    let mut source = Source::start(configured(&broker, "formats"));
    source.connected().await;
    for server in 0..20 {
        nova.send(VERSIONED, &versioned("create.start", server, "compute-0"))
            .await;
        nova.send(
            UNVERSIONED,
            &unversioned("create.start", server, "compute-0"),
        )
        .await;
    }
    // On a burst host: counted, and no use of private room.
    nova.send(VERSIONED, &versioned("create.start", 99, "cloud1"))
        .await;
    source.value(BUILDING, |n| n == 21.0).await;
    source.taken(41).await;
    assert_eq!(source.by_event["instance.create.start"], 41);
    let changes = source.ledger.since(began);
    assert_eq!(changes.len(), 20);
    assert_eq!(changes.iter().map(|change| change.vcpus).sum::<i64>(), 40);
    for server in 0..20 {
        nova.send(UNVERSIONED, &unversioned("create.end", server, "compute-0"))
            .await;
    }
    source.value(BUILDING, |n| n == 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_rise_and_fall_again_when_nothing_comes() {
    let broker = broker().await;
    let nova = Nova::new(broker.connect().await, "rates").await;
    let mut source = Source::start(configured(&broker, "rates"));
    let early = source.next(|event| match event {
        spillway_runtime::sources::Event::Unmeasured {
            signal: ARRIVALS,
            failure,
        } => Some(failure.clone()),
        _ => None,
    });
    assert_eq!(early.await.kind, FailureKind::Absent);
    assert_eq!(source.value(ARRIVALS, |_| true).await, 0.0);
    for server in 0..10 {
        nova.send(VERSIONED, &versioned("create.start", server, "compute-0"))
            .await;
        nova.send(VERSIONED, &no_valid_host(100 + server)).await;
    }
    source.value(ARRIVALS, |rate| rate > 0.0).await;
    source.value(REFUSALS, |rate| rate > 0.0).await;
    source.value(ARRIVALS, |rate| rate == 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_else_listens_gets_everything() {
    let broker = broker().await;
    let nova = Nova::new(broker.connect().await, "foreign").await;
    // The senders' own default queue is named as the routing key.
    let default = "foreign.versioned_notifications.info";
    nova.foreign_queue(default, "versioned_notifications.info")
        .await;
    nova.foreign_queue("ceilometer", "*.info").await;
    let mut source = Source::start(configured(&broker, "foreign"));
    source.connected().await;
    for server in 0..200 {
        nova.send(VERSIONED, &versioned("create.end", server, "compute-0"))
            .await;
    }
    source.taken(200).await;
    assert_eq!(nova.n_waiting(default).await, 200);
    assert_eq!(nova.n_waiting("ceilometer").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_in_a_flood_is_dropped_and_counted() {
    const N: u32 = 5_000;
    let broker = broker().await;
    let nova = Nova::new(broker.connect().await, "poison").await;
    let config = configured(&broker, "poison");
    let queue = config.queue.clone();
    let mut source = Source::start(config);
    source.connected().await;
    let huge = vec![b'{'; 50 << 20];
    let poisons: [&[u8]; 5] = [
        b"gAAAAA-secret",
        b"{\"oslo.version\": \"2.0\", \"oslo.message\": \"[[[[\"}",
        b"{\"oslo.version\": \"9.0\", \"oslo.message\": \"{}\"}",
        &b"[".repeat(100_000),
        b"",
    ];
    let mut sent = Vec::new();
    for n in 0..N {
        sent.push(if n == 50 {
            nova.send_unconfirmed(VERSIONED, &huge).await
        } else if n % 10 == 0 {
            let poison = poisons[n as usize / 10 % poisons.len()];
            nova.send_unconfirmed(VERSIONED, poison).await
        } else {
            let good = versioned("create.end", n, "compute-0");
            nova.send_unconfirmed(VERSIONED, &good).await
        });
    }
    for confirm in sent {
        confirm.await.expect("confirmed");
    }
    source.taken(u64::from(N)).await;
    assert_eq!(source.poison, u64::from(N / 10));
    assert_eq!(
        source.by_event["instance.create.end"],
        u64::from(N - N / 10)
    );
    // All of it is acknowledged: nothing comes back when we go.
    source.stop().await;
    assert_eq!(nova.n_waiting(&queue).await, 0);
}
