//! Prometheus' query API, as Prometheus, Thanos and Mimir have it: one instant query per signal.

pub mod answer;

use super::bearer::authorization;
use super::event::{Event, Events, ReadReport};
use super::failure::{Failure, FailureKind};
use super::fetch::{Fetched, Fetcher, shown, success};
use super::time::{duration, now, span};
use crate::config::{PromqlSignal, PromqlSource};
use answer::read_answer;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, Url};
use spillway_core::gate::Sample;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

/// Largest answer that is read. An answer with one number has a few hundred bytes; one this large
/// has thousands of series.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// Queries of one source under way at once; Prometheus itself runs 20 by default.
const MAX_AT_ONCE: usize = 16;

/// Longer queries go into the body of a POST: proxies limit addresses, often to 8 KiB.
const MAX_GET_BYTES: usize = 4 << 10;

/// Puts the source's queries for ever. `signals` are those of this source, each with its position
/// in the policy file.
pub async fn run(source: PromqlSource, signals: Vec<(usize, PromqlSignal)>, events: Events) {
    let interval = duration(source.interval);
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut fetcher = None;
    loop {
        ticks.tick().await;
        let begun = Instant::now();
        let report = match access(&source, &mut fetcher).await {
            Ok(access) => round(access, &signals, &events).await,
            Err(failure) => {
                for (signal, _) in &signals {
                    tell(&events, *signal, Err(failure.clone())).await;
                }
                ReadReport {
                    failures: vec![failure],
                    ..ReadReport::default()
                }
            }
        };
        let source = source.name.as_str().into();
        let report = ReadReport {
            took: span(begun.elapsed()),
            ..report
        };
        drop(events.send(Event::Read { source, report }).await);
    }
}

/// How the server is asked in one round.
struct Access {
    fetcher: Fetcher,
    url: Url,
    authorization: Option<HeaderValue>,
    tenant: Option<HeaderValue>,
    turns: Semaphore,
}

/// Reads the files that the source names. The token is read for every round.
async fn access(source: &PromqlSource, fetcher: &mut Option<Fetcher>) -> Result<Access, Failure> {
    let url = Url::parse(&format!("{}/api/v1/query", source.url)).map_err(|_| {
        let expected = "expected an address such as http://127.0.0.1:9090";
        Failure::new(FailureKind::Malformed, expected)
    })?;
    let tenant = source.tenant.as_deref().map(HeaderValue::from_str);
    let tenant = tenant.transpose().map_err(|_| {
        let expected = "expected a tenant of printable ASCII characters";
        Failure::new(FailureKind::Malformed, expected)
    })?;
    let authorization = match &source.token_file {
        Some(file) => Some(authorization(file).await?),
        None => None,
    };
    let fetcher = match fetcher {
        Some(fetcher) => fetcher,
        None => fetcher.insert(Fetcher::new(
            time_limit(source),
            MAX_ANSWER_BYTES,
            source.ca_file.as_deref(),
        )?),
    };
    Ok(Access {
        fetcher: fetcher.clone(),
        url,
        authorization,
        tenant,
        turns: Semaphore::new(MAX_AT_ONCE),
    })
}

/// A query may not outlast its round.
fn time_limit(source: &PromqlSource) -> Duration {
    duration(source.timeout.min(source.interval))
}

/// Puts every query once. Each signal is told as soon as its own answer is there. In the report
/// queries stand for targets.
async fn round(access: Access, signals: &[(usize, PromqlSignal)], events: &Events) -> ReadReport {
    let access = Arc::new(access);
    let mut running = JoinSet::new();
    for (signal, PromqlSignal { query, .. }) in signals {
        let (signal, query, access) = (*signal, query.clone(), Arc::clone(&access));
        running.spawn(async move { (signal, ask(&access, &query).await) });
    }
    let mut report = ReadReport::default();
    while let Some(ended) = running.join_next().await {
        // A task only breaks off when this one does, or by a fault of ours: then the signal ages.
        let Ok((signal, (answer, bytes))) = ended else {
            continue;
        };
        report.bytes += bytes;
        if let Err(failure) = &answer {
            report.failures.push(failure.clone());
        }
        tell(events, signal, answer).await;
    }
    let n_good = signals.len().saturating_sub(report.failures.len());
    report.targets_up = u32::try_from(n_good).unwrap_or(u32::MAX);
    report
}

/// Puts one query when it is its turn; returns its answer and how many bytes that had. The time
/// limit is for the query alone: waiting for slow ones is not its fault.
async fn ask(access: &Access, query: &str) -> (Result<Sample, Failure>, u64) {
    // The semaphore is never closed.
    let _turn = access.turns.acquire().await;
    let fetched = match access.fetcher.exchange(access.request(query)).await {
        Ok(fetched) => fetched,
        Err(failure) => return (Err(access.named(failure)), 0),
    };
    let bytes = fetched.body.len() as u64;
    (
        judge(&fetched).map_err(|failure| access.named(failure)),
        bytes,
    )
}

/// A server that refuses a query says why in the body, as JSON; a proxy in front of it does not.
fn judge(fetched: &Fetched) -> Result<Sample, Failure> {
    let answer = read_answer(&fetched.body, now());
    match (success(fetched.status), answer) {
        (Ok(()), answer) => answer,
        (Err(status), Err(answer)) if answer.kind == FailureKind::Status => Err(Failure::new(
            status.kind,
            format!("{}: {}", status.detail, answer.detail),
        )),
        (Err(status), _) => Err(status),
    }
}

impl Access {
    fn request(&self, query: &str) -> RequestBuilder {
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("query", query)
            // Thanos answers with what it has when some of its stores do not, and only warns. Half
            // of the hosts would pass for all of them; an error is told as what it is.
            .append_pair("partial_response", "false");
        let mut request = if query.len() <= MAX_GET_BYTES {
            self.fetcher.get(url)
        } else {
            let form = url.query().unwrap_or_default().to_owned();
            let post = self.fetcher.post(self.url.clone()).body(form);
            post.header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        };
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(tenant) = &self.tenant {
            request = request.header("X-Scope-OrgID", tenant.clone());
        }
        request
    }

    /// The failure with the server in front.
    fn named(&self, failure: Failure) -> Failure {
        let detail = format!("{}: {}", shown(&self.url), failure.detail);
        Failure::new(failure.kind, detail)
    }
}

async fn tell(events: &Events, signal: usize, answer: Result<Sample, Failure>) {
    let event = match answer {
        Ok(sample) => Event::Sampled { signal, sample },
        Err(failure) => Event::Unmeasured { signal, failure },
    };
    // Nobody listens any more when the process ends.
    drop(events.send(event).await);
}
