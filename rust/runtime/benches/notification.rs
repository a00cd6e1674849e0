//! What a notification costs: reading its body, and consuming it from a broker.
//!
//! `cargo bench --bench notification` measures reading. `python -m tests.benchmarks notifications`
//! runs the same program beside a broker, with a word that says what to do:
//!
//! * `fill URL N` declares the exchange and the queues, and sends N notifications;
//! * `typed URL N` consumes them as the sidecar does;
//! * `dropped URL N` consumes them with the same client and looks into none.
//!
//! The last two print the CPU time of the whole process as JSON.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use criterion::Criterion;
use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use spillway_runtime::config::NotificationsSource;
use spillway_runtime::sources::ledger::Ledger;
use spillway_runtime::sources::{Event, notifications};
use std::hint::black_box;
use std::sync::Arc;
use tokio::sync::mpsc;

const EXCHANGE: &str = "nova";
const TOPIC: &str = "versioned_notifications";
const ROUTING_KEY: &str = "versioned_notifications.info";

/// Queues: the sidecar's, one that is dropped, and the one that an oslo.messaging listener has with
/// `pool = "oslo"`.
const TYPED: &str = "typed";
const DROPPED: &str = "dropped";
const OSLO: &str = "oslo";

/// As the sidecar has it.
const PREFETCH: u16 = 500;
const ACKNOWLEDGED_TOGETHER: u64 = 100;

/// As Nova 34 sent it, with the keys of its context.
const MESSAGE: &str = include_str!("../../../tests/data/notifications/instance.create.end.json");

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["fill", url, n] => run(fill(url, n.parse().unwrap())),
        ["typed", url, n] => run(typed(url, n.parse().unwrap())),
        ["dropped", url, n] => run(dropped(url, n.parse().unwrap())),
        _ => measure_reading(),
    }
}

fn measure_reading() {
    let mut criterion = Criterion::default().configure_from_args();
    let body = body(1);
    criterion.bench_function("body, typed", |bencher| {
        bencher.iter(|| notifications::body::read(black_box(&body)).unwrap());
    });
    criterion.bench_function("body, as values", |bencher| {
        bencher.iter(|| {
            let envelope: Value = serde_json::from_slice(black_box(&body)).unwrap();
            let message = envelope["oslo.message"].as_str().unwrap();
            serde_json::from_str::<Value>(message).unwrap()
        });
    });
    criterion.final_summary();
}

/// A notification of a server of its own.
fn body(server: u64) -> Vec<u8> {
    let mut message: Value = serde_json::from_str(MESSAGE).unwrap();
    let uuid = format!("234d727e-f0c8-4bc3-932c-{server:012x}");
    message["payload"]["nova_object.data"]["uuid"] = json!(uuid);
    // oslo.messaging skips what it has seen.
    message["_unique_id"] = json!(format!("{server:032x}"));
    let envelope = json!({"oslo.version": "2.0", "oslo.message": message.to_string()});
    envelope.to_string().into_bytes()
}

fn run(doing: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(doing);
}

async fn channel(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

async fn fill(url: &str, n: u64) {
    let (_connection, channel) = channel(url).await;
    let options = ExchangeDeclareOptions::default();
    let none = FieldTable::default;
    let topic = ExchangeKind::Topic;
    channel
        .exchange_declare(EXCHANGE.into(), topic, options, none())
        .await
        .unwrap();
    for queue in [DROPPED, OSLO] {
        let options = QueueDeclareOptions::default();
        channel
            .queue_declare(queue.into(), options, none())
            .await
            .unwrap();
        let options = QueueBindOptions::default();
        let (exchange, key) = (EXCHANGE.into(), ROUTING_KEY.into());
        channel
            .queue_bind(queue.into(), exchange, key, options, none())
            .await
            .unwrap();
    }
    // The sidecar declares its own.
    let (task, mut events) = source(url);
    while !matches!(
        events.recv().await.unwrap(),
        Event::Broker { connected: true }
    ) {}
    task.abort();
    drop(task.await);
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .unwrap();
    let mut unconfirmed = Vec::new();
    for server in 0..n {
        let body = body(server);
        let options = BasicPublishOptions::default();
        let (exchange, key) = (EXCHANGE.into(), ROUTING_KEY.into());
        let json = BasicProperties::default().with_content_type("application/json".into());
        let sent = channel.basic_publish(exchange, key, options, &body, json);
        unconfirmed.push(sent.await.unwrap());
    }
    for sent in unconfirmed {
        sent.await.unwrap();
    }
}

fn source(url: &str) -> (tokio::task::JoinHandle<()>, mpsc::Receiver<Event>) {
    let (sender, events) = mpsc::channel(64);
    let source = NotificationsSource {
        broker: url.to_owned(),
        credentials_file: None,
        exchange: EXCHANGE.to_owned(),
        topics: vec![TOPIC.to_owned()],
        queue: TYPED.to_owned(),
        max_queue_length: 1_000_000,
        ca_file: None,
    };
    let running = notifications::run(source, vec![], Arc::new(Ledger::default()), vec![], sender);
    (tokio::spawn(running), events)
}

async fn typed(url: &str, n: u64) {
    let begun = cpu_micros();
    let (_task, mut events) = source(url);
    let mut taken = 0;
    while taken < n {
        if let Event::Notified { by_event, poison } = events.recv().await.unwrap() {
            assert_eq!(poison, 0);
            taken += by_event.values().sum::<u64>();
        }
    }
    report(begun, n);
}

async fn dropped(url: &str, n: u64) {
    let begun = cpu_micros();
    let (_connection, channel) = channel(url).await;
    channel
        .basic_qos(PREFETCH, BasicQosOptions::default())
        .await
        .unwrap();
    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume(DROPPED.into(), "".into(), options, FieldTable::default());
    let mut deliveries = consumer.await.unwrap();
    for taken in 1..=n {
        let delivery = deliveries.next().await.unwrap().unwrap();
        if taken % ACKNOWLEDGED_TOGETHER == 0 || taken == n {
            let multiple = BasicAckOptions { multiple: true };
            channel
                .basic_ack(delivery.delivery_tag, multiple)
                .await
                .unwrap();
        }
    }
    report(begun, n);
}

fn cpu_micros() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

fn report(begun: f64, n: u64) {
    let micros = (cpu_micros() - begun) / n as f64;
    println!("{}", json!({ "micros": micros }));
}
