//! Burst hosts: the pages that the driver in nova-compute serves, each read on its own.

pub mod report;

use super::event::BurstHostReport;
use super::event::{Event, Events, ReadReport};
use super::failure::{Failure, FailureKind};
use super::fetch::{Fetcher, shown};
use super::time::{duration, now, span};
use crate::config::BurstHostConfig;
use report::read_report;
use reqwest::Url;
use spillway_core::units::Span;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

/// Largest page that is read; one with 10,000 projects has about 3 MiB.
const MAX_PAGE_BYTES: u64 = 8 << 20;

/// Longest time that one page may take; the driver answers from memory.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the pages of those hosts that have a `metrics_url` for ever.
pub async fn run(hosts: Vec<BurstHostConfig>, interval: Span, events: Events) {
    let hosts: Vec<Host> = hosts.iter().filter_map(Host::new).collect();
    let interval = duration(interval).max(Duration::from_millis(1));
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let fetcher = Fetcher::new(TIMEOUT.min(interval), MAX_PAGE_BYTES, None);
    loop {
        ticks.tick().await;
        let begun = Instant::now();
        let mut report = round(&hosts, &fetcher, &events).await;
        report.took = span(begun.elapsed());
        let source = "burst_hosts".into();
        drop(events.send(Event::Read { source, report }).await);
    }
}

#[derive(Debug, Clone)]
struct Host {
    name: Arc<str>,
    /// None when the text of the policy file is no address.
    url: Option<Url>,
}

/// Reads every page once. Each host is told as soon as its own page was read.
async fn round(hosts: &[Host], fetcher: &Result<Fetcher, Failure>, events: &Events) -> ReadReport {
    let mut running = JoinSet::new();
    for host in hosts {
        let (host, fetcher) = (host.clone(), fetcher.clone());
        running.spawn(async move {
            let read = host.read(fetcher).await;
            (host.name, read)
        });
    }
    let mut round = ReadReport::default();
    while let Some(ended) = running.join_next().await {
        // A task only breaks off when this one does, or by a fault of ours: then the report ages.
        let Ok((name, read)) = ended else { continue };
        let report = read.map(|(report, bytes)| {
            round.bytes += bytes;
            round.targets_up += 1;
            report
        });
        if let Err(failure) = &report {
            round.failures.push(failure.clone());
        }
        drop(events.send(Event::BurstHost { name, report }).await);
    }
    round
}

impl Host {
    fn new(config: &BurstHostConfig) -> Option<Self> {
        let url = config.metrics_url.as_ref()?;
        Some(Host {
            name: config.name.as_str().into(),
            url: Url::parse(url).ok(),
        })
    }

    async fn read(
        &self,
        fetcher: Result<Fetcher, Failure>,
    ) -> Result<(BurstHostReport, u64), Failure> {
        let url = self.url.clone().ok_or_else(|| {
            let expected = "expected an address such as http://10.0.0.21:9660/metrics";
            Failure::new(FailureKind::Malformed, format!("{}: {expected}", self.name))
        })?;
        let address = shown(&url);
        let named = |failure: Failure| {
            let detail = format!("{}: {address}: {}", self.name, failure.detail);
            Failure::new(failure.kind, detail)
        };
        let fetcher = fetcher.map_err(named)?;
        let fetched = fetcher.send(fetcher.get(url)).await.map_err(named)?;
        let report = read_report(&fetched.body, &self.name, now()).map_err(named)?;
        Ok((report, fetched.body.len() as u64))
    }
}
