//! What a source says.

use spillway_core::gate::Sample;
use spillway_runtime::sources::{Event, Failure};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a test waits for something that has to come: far more than it needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A source that runs until this is dropped, and its events.
pub(crate) struct Heard {
    events: mpsc::Receiver<Event>,
    task: JoinHandle<()>,
}

impl Heard {
    pub(crate) fn run<S>(source: impl FnOnce(mpsc::Sender<Event>) -> S) -> Self
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let (sender, events) = mpsc::channel(64);
        let task = tokio::spawn(source(sender));
        Heard { events, task }
    }

    /// The next event that is looked for.
    pub(crate) async fn next<T>(&mut self, mut looked_for: impl FnMut(Event) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the source runs");
                if let Some(found) = looked_for(event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search).await.expect("an event in time")
    }

    /// What the signal's next event says.
    pub(crate) async fn of(&mut self, wanted: usize) -> Result<Sample, Failure> {
        self.next(|event| match event {
            Event::Sampled { signal, sample } if signal == wanted => Some(Ok(sample)),
            Event::Unmeasured { signal, failure } if signal == wanted => Some(Err(failure)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn value(&mut self, wanted: usize) -> f64 {
        self.of(wanted).await.expect("a sample").value
    }

    pub(crate) async fn failure(&mut self, wanted: usize) -> Failure {
        self.of(wanted).await.expect_err("a failure")
    }

    /// Returns when the reading that is under way, or the next one, has ended.
    pub(crate) async fn read(&mut self) {
        self.next(|event| matches!(event, Event::Read { .. }).then_some(()))
            .await;
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.task.abort();
    }
}
