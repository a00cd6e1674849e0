//! Sources that run, and what they say.

use spillway_core::units::Span;
use spillway_runtime::config::{PromqlSignal, PromqlSource, Reduce, ScrapeSignal, ScrapeSource};
use spillway_runtime::selector::Selector;
use spillway_runtime::sources::{Event, Failure, promql, scrape};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a test waits for something that has to come: far more than it needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The signal that is measured by what is attacked.
pub(crate) const ATTACKED: usize = 0;
/// The signal of a source that is well.
pub(crate) const WELL: usize = 1;

/// Sources that run until this is dropped, and their events.
pub(crate) struct Heard {
    events: mpsc::Receiver<Event>,
    sender: mpsc::Sender<Event>,
    running: JoinSet<()>,
}

impl Heard {
    pub(crate) fn nothing_yet() -> Self {
        let (sender, events) = mpsc::channel(64);
        Heard {
            events,
            sender,
            running: JoinSet::new(),
        }
    }

    pub(crate) fn run<S>(&mut self, source: impl FnOnce(mpsc::Sender<Event>) -> S)
    where
        S: Future<Output = ()> + Send + 'static,
    {
        self.running.spawn(source(self.sender.clone()));
    }

    pub(crate) fn scrape(&mut self, source: ScrapeSource, signals: Vec<(usize, ScrapeSignal)>) {
        self.run(|events| scrape::run(source, signals, events));
    }

    pub(crate) fn promql(&mut self, source: PromqlSource, signals: Vec<(usize, PromqlSignal)>) {
        self.run(|events| promql::run(source, signals, events));
    }

    /// The next event that is looked for.
    pub(crate) async fn next<T>(&mut self, mut looked_for: impl FnMut(Event) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("we hold a sender");
                if let Some(found) = looked_for(event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search).await.expect("an event in time")
    }

    /// What the signal's next event says.
    pub(crate) async fn of(
        &mut self,
        wanted: usize,
    ) -> Result<spillway_core::gate::Sample, Failure> {
        self.next(|event| match event {
            Event::Sampled { signal, sample } if signal == wanted => Some(Ok(sample)),
            Event::Unmeasured { signal, failure } if signal == wanted => Some(Err(failure)),
            _ => None,
        })
        .await
    }

    /// The value of the signal's next event, which has to be a sample.
    pub(crate) async fn value(&mut self, wanted: usize) -> f64 {
        self.of(wanted).await.expect("a sample").value
    }

    /// The failure of the signal's next event, which has to be one.
    pub(crate) async fn failure(&mut self, wanted: usize) -> Failure {
        self.of(wanted).await.expect_err("a failure")
    }
}

/// A source with those targets that is read twice a second.
pub(crate) fn scrape_source(targets: Vec<String>) -> ScrapeSource {
    ScrapeSource {
        name: "nodes".to_owned(),
        targets,
        interval: Span(500),
        timeout: Span(500),
        max_bytes: 1 << 20,
        min_targets_ratio: 0.5,
        token_file: None,
        ca_file: None,
    }
}

/// The mean of a series over targets.
pub(crate) fn mean_of(series: &str) -> ScrapeSignal {
    ScrapeSignal {
        source: "nodes".to_owned(),
        series: Selector::parse(series).expect("a selector"),
        divide_by: None,
        rate: false,
        reduce: Reduce::Mean,
        complement: false,
    }
}

pub(crate) fn promql_source(url: String) -> PromqlSource {
    PromqlSource {
        name: "prometheus".to_owned(),
        url,
        interval: Span(500),
        timeout: Span(500),
        token_file: None,
        tenant: None,
        ca_file: None,
    }
}

pub(crate) fn query(text: &str) -> PromqlSignal {
    PromqlSignal {
        source: "prometheus".to_owned(),
        query: text.to_owned(),
    }
}
