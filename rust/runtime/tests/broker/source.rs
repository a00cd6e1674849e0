//! The source under test, running.

use crate::rabbitmq::RabbitMq;
use spillway_core::units::Span;
use spillway_runtime::config::{NotificationsMeasure, NotificationsSignal, NotificationsSource};
use spillway_runtime::sources::ledger::Ledger;
use spillway_runtime::sources::{Event, Failure, notifications};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a test waits for something that has to come: far more than it needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Positions of the signals.
pub(crate) const ARRIVALS: usize = 0;
pub(crate) const REFUSALS: usize = 1;
pub(crate) const BUILDING: usize = 2;

pub(crate) struct Source {
    pub(crate) ledger: Arc<Ledger>,
    events: mpsc::Receiver<Event>,
    task: JoinHandle<()>,
    pub(crate) by_event: BTreeMap<&'static str, u64>,
    pub(crate) poison: u64,
}

/// The configuration of the source for an exchange and a queue of the same name.
pub(crate) fn configured(broker: &RabbitMq, name: &str) -> NotificationsSource {
    NotificationsSource {
        broker: broker.url(),
        credentials_file: None,
        exchange: name.to_owned(),
        topics: vec![
            "versioned_notifications".to_owned(),
            "notifications".to_owned(),
        ],
        queue: format!("{name}-ours"),
        max_queue_length: 100_000,
        ca_file: None,
    }
}

impl Source {
    pub(crate) fn start(source: NotificationsSource) -> Self {
        let (sender, events) = mpsc::channel(64);
        let ledger = Arc::new(Ledger::default());
        let signal = |measure| NotificationsSignal {
            measure,
            window: Span::from_secs(2),
        };
        let signals = vec![
            (ARRIVALS, signal(NotificationsMeasure::ArrivalsPerMinute)),
            (REFUSALS, signal(NotificationsMeasure::NoValidHostPerMinute)),
            (BUILDING, signal(NotificationsMeasure::Building)),
        ];
        let burst_hosts = vec!["cloud1".to_owned()];
        let running = notifications::run(source, signals, Arc::clone(&ledger), burst_hosts, sender);
        Source {
            ledger,
            events,
            task: tokio::spawn(running),
            by_event: BTreeMap::new(),
            poison: 0,
        }
    }

    /// The next event that is looked for.
    pub(crate) async fn next<T>(&mut self, mut looked_for: impl FnMut(&Event) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the source runs");
                if let Event::Notified { by_event, poison } = &event {
                    for (name, n) in by_event {
                        *self.by_event.entry(name).or_default() += n;
                    }
                    self.poison += poison;
                }
                if let Some(found) = looked_for(&event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search).await.expect("an event in time")
    }

    pub(crate) async fn connected(&mut self) {
        self.next(|event| matches!(event, Event::Broker { connected: true }).then_some(()))
            .await;
    }

    pub(crate) async fn disconnected(&mut self) {
        self.next(|event| matches!(event, Event::Broker { connected: false }).then_some(()))
            .await;
    }

    pub(crate) async fn failure(&mut self) -> Failure {
        self.next(|event| match event {
            Event::Read { report, .. } => report.failures.first().cloned(),
            _ => None,
        })
        .await
    }

    /// Returns when a signal has a value that is wanted.
    pub(crate) async fn value(&mut self, wanted: usize, is_it: impl Fn(f64) -> bool) -> f64 {
        self.next(|event| match event {
            Event::Sampled { signal, sample } if *signal == wanted && is_it(sample.value) => {
                Some(sample.value)
            }
            _ => None,
        })
        .await
    }

    /// Returns when that many messages were taken, poison and all.
    pub(crate) async fn taken(&mut self, n: u64) {
        while self.by_event.values().sum::<u64>() + self.poison < n {
            self.next(|event| matches!(event, Event::Notified { .. }).then_some(()))
                .await;
        }
    }

    /// Ends the task, as a reload does, and returns when its connection is closed.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        let ended = timeout(PATIENCE, &mut self.task).await;
        assert!(
            ended
                .expect("an end")
                .is_err_and(|error| error.is_cancelled())
        );
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.task.abort();
    }
}
