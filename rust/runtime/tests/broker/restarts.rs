use crate::nova::{Nova, versioned};
use crate::rabbitmq::broker_to_stop;
use crate::source::{BUILDING, Source, configured};
use spillway_runtime::sources::FailureKind;
use std::time::{Duration, Instant};

/// What is promised to operators.
const CONSUMING_AGAIN_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_was_killed_is_consumed_from_within_ten_seconds_of_its_return() {
    let mut broker = broker_to_stop().await;
    let nova = Nova::new(broker.connect().await, "restarts").await;
    let mut source = Source::start(configured(&broker, "restarts"));
    source.connected().await;
    nova.send("notifications", &versioned("create.start", 1, "compute-0"))
        .await;
    source.value(BUILDING, |n| n == 1.0).await;
    for server in 2..4 {
        broker.kill();
        source.disconnected().await;
        // Several tries go by, and each is told.
        for _ in 0..3 {
            source.failure().await;
        }
        broker.start();
        broker.wait_until_ready().await;
        // Nova comes back, too, and makes its exchange anew; before, there is nothing to consume.
        let nova = Nova::new(broker.connect().await, "restarts").await;
        let back = Instant::now();
        source.connected().await;
        assert!(
            back.elapsed() < CONSUMING_AGAIN_WITHIN,
            "{:?}",
            back.elapsed()
        );
        nova.send(
            "notifications",
            &versioned("create.start", server, "compute-0"),
        )
        .await;
        // What was being built before still is.
        source.value(BUILDING, |n| n == f64::from(server)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hangs_is_given_up_and_taken_again() {
    let broker = broker_to_stop().await;
    let nova = Nova::new(broker.connect().await, "hangs").await;
    let mut source = Source::start(configured(&broker, "hangs"));
    source.connected().await;
    broker.signal("STOP");
    // Nothing closes the connection: only its silence tells.
    let failure = source.failure().await;
    broker.signal("CONT");
    assert_eq!(failure.kind, FailureKind::Timeout, "{failure}");
    let back = Instant::now();
    source.connected().await;
    assert!(
        back.elapsed() < CONSUMING_AGAIN_WITHIN,
        "{:?}",
        back.elapsed()
    );
    nova.send("notifications", &versioned("create.start", 1, "compute-0"))
        .await;
    source.value(BUILDING, |n| n == 1.0).await;
}
