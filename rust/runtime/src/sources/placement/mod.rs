//! Placement's own books: what private hosts have and what is taken of it.
//!
//! Placement has no call that gives the use of every provider, so a reading costs three calls, one
//! per scope that is no whole cloud, and one per private host; another per host whose inventory may
//! have changed, which is any host that something was placed on since. Sixteen are under way at
//! once. Between two readings the ledger corrects them.

pub mod books;
mod reading;

use super::event::{Event, Events, ReadReport};
use super::failure::{Failure, FailureKind};
use super::ledger::Ledger;
use super::openstack::keystone::Keystone;
use super::time::{duration, now, span};
use crate::config::{OpenStackConfig, PlacementSignal, PlacementSource};
use books::Books;
use reading::Reader;
use spillway_core::gate::Sample;
use spillway_core::scope::Scope;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

/// Changes that come together are told together; a server's change reaches the gate this late.
const TOLD_TOGETHER: Duration = Duration::from_millis(200);

/// Reads Placement for ever. `signals` are those measured by it, each with its position in the
/// policy file and its scope.
pub async fn run(
    source: PlacementSource,
    openstack: OpenStackConfig,
    signals: Vec<(usize, Scope, PlacementSignal)>,
    ledger: Arc<Ledger>,
    events: Events,
) {
    let mut ticks = tokio::time::interval(duration(source.interval));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let scopes: BTreeSet<Scope> = signals.iter().map(|(_, scope, _)| scope.clone()).collect();
    let mut reader = None;
    let mut books: Option<Books> = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let begun = Instant::now();
                let read = round(&source, &openstack, &scopes, &mut reader).await;
                let report = report(&read, begun);
                match read {
                    Ok(newest) => {
                        let newest = books.insert(newest);
                        tell(&signals, newest, &ledger, &events).await;
                    }
                    Err(failure) => {
                        // What is not known any more is not corrected either; it grows stale.
                        books = None;
                        for (signal, _, _) in &signals {
                            let (signal, failure) = (*signal, failure.clone());
                            send(&events, Event::Unmeasured { signal, failure }).await;
                        }
                    }
                }
                let source = "placement".into();
                send(&events, Event::Read { source, report }).await;
            }
            () = ledger.changed() => {
                tokio::time::sleep(TOLD_TOGETHER).await;
                if let Some(books) = &books {
                    tell(&signals, books, &ledger, &events).await;
                }
            }
        }
    }
}

/// One reading, within the interval or, where that is shorter, the time of one request: a reading
/// that is late delays the next and is not lost. After a refusal the credentials are read anew the next time.
async fn round(
    source: &PlacementSource,
    openstack: &OpenStackConfig,
    scopes: &BTreeSet<Scope>,
    reader: &mut Option<Reader>,
) -> Result<Books, Failure> {
    let reading = async {
        let reader = match reader.as_mut() {
            Some(reader) => reader,
            None => {
                let keystone = Keystone::new(openstack, duration(source.timeout)).await?;
                reader.insert(Reader::new(keystone))
            }
        };
        reader.read(scopes).await
    };
    let limit = source.interval.max(source.timeout);
    let read = match tokio::time::timeout(duration(limit), reading).await {
        Ok(read) => read,
        Err(_) => Err(Failure::new(
            FailureKind::Timeout,
            format!(
                "Placement could not be read within {} s; many hosts need a longer `interval_secs`",
                limit.secs()
            ),
        )),
    };
    if matches!(&read, Err(failure) if failure.kind == FailureKind::Unauthorized) {
        *reader = None;
    }
    read
}

fn report(read: &Result<Books, Failure>, begun: Instant) -> ReadReport {
    let (targets_up, bytes, failures) = match read {
        Ok(books) => (books.n_providers(), books.bytes, Vec::new()),
        Err(failure) => (0, 0, vec![failure.clone()]),
    };
    ReadReport {
        targets_up,
        failures,
        took: span(begun.elapsed()),
        bytes,
    }
}

async fn tell(
    signals: &[(usize, Scope, PlacementSignal)],
    books: &Books,
    ledger: &Ledger,
    events: &Events,
) {
    let changes = ledger.since(books.begun);
    let at = now();
    for (signal, scope, measured) in signals {
        let signal = *signal;
        let event = match books.measure(scope, measured, &changes) {
            Ok(value) => Event::Sampled {
                signal,
                sample: Sample { value, at },
            },
            Err(failure) => Event::Unmeasured { signal, failure },
        };
        send(events, event).await;
    }
}

/// A loop that is gone ends this task, too, so nobody is left to tell.
async fn send(events: &Events, event: Event) {
    drop(events.send(event).await);
}
