//! What became of the sources' readings, and what the burst hosts last said of themselves.

use crate::config::Config;
use crate::sources::event::BurstHostReport;
use crate::sources::{Failure, ReadReport};
use crate::view::{BurstHostView, OfferView, ResourceView, SourceView, SpendView};
use spillway_core::load::Spend;
use spillway_core::units::Span;
use spillway_core::{Offer, Timestamp};
use std::collections::BTreeMap;

/// All sources and burst hosts of a policy.
#[derive(Debug, Default)]
pub(super) struct SourceStates {
    sources: Vec<SourceView>,
    burst_hosts: Vec<BurstHost>,
}

#[derive(Debug)]
struct BurstHost {
    name: String,
    provider: String,
    is_read: bool,
    report: Option<(Timestamp, BurstHostReport)>,
    failure: Option<Failure>,
}

impl SourceStates {
    /// The sources of a policy; one that was there before keeps its counts.
    pub(super) fn of(config: &Config, before: SourceStates) -> SourceStates {
        let mut old: BTreeMap<_, _> = before
            .sources
            .into_iter()
            .map(|source| ((source.kind.clone(), source.name.clone()), source))
            .collect();
        let sources = names(config).into_iter().map(|(kind, name)| {
            old.remove(&(kind.to_owned(), name.clone()))
                .unwrap_or_else(|| SourceView {
                    name,
                    kind: kind.to_owned(),
                    connected: (kind == "notifications").then_some(false),
                    ..SourceView::default()
                })
        });
        let mut reports: BTreeMap<_, _> = before
            .burst_hosts
            .into_iter()
            .map(|host| (host.name.clone(), host))
            .collect();
        SourceStates {
            sources: sources.collect(),
            burst_hosts: config
                .burst_hosts
                .iter()
                .map(|host| {
                    let old = reports.remove(&host.name);
                    BurstHost {
                        name: host.name.clone(),
                        provider: host.provider.name().to_owned(),
                        is_read: host.metrics_url.is_some(),
                        report: old.as_ref().and_then(|old| old.report.clone()),
                        failure: old.and_then(|old| old.failure),
                    }
                })
                .collect(),
        }
    }

    pub(super) fn read(&mut self, name: &str, report: &ReadReport, now: Timestamp) {
        let Some(source) = self.source(name) else {
            return;
        };
        source.reads += 1;
        source.took_ms = Some(report.took.0);
        source.bytes += report.bytes;
        source.targets_up = report.targets_up;
        source.targets_down = u32::try_from(report.failures.len()).unwrap_or(u32::MAX);
        source.error = report.failures.first().map(Failure::to_string);
        if report.targets_up > 0 {
            source.last_good_at_ms = Some(now.0);
        }
        for failure in &report.failures {
            let kind = failure.kind.name().to_owned();
            *source.failures.entry(kind).or_default() += 1;
        }
    }

    pub(super) fn broker(&mut self, connected: bool) {
        if let Some(source) = self.source("notifications") {
            // The first connection is not a reconnection.
            if connected && source.connected == Some(false) && source.last_good_at_ms.is_some() {
                source.reconnects += 1;
            }
            source.connected = Some(connected);
        }
    }

    pub(super) fn notified(
        &mut self,
        by_event: &BTreeMap<&'static str, u64>,
        poison: u64,
        now: Timestamp,
    ) {
        if let Some(source) = self.source("notifications") {
            source.last_good_at_ms = Some(now.0);
            source.poison += poison;
            for (event, count) in by_event {
                *source.notifications.entry((*event).to_owned()).or_default() += count;
            }
        }
    }

    pub(super) fn burst_host(
        &mut self,
        name: &str,
        report: Result<BurstHostReport, Failure>,
        now: Timestamp,
    ) {
        let host = self.burst_hosts.iter_mut().find(|host| host.name == name);
        if let Some(host) = host {
            match report {
                Ok(report) => {
                    host.report = Some((now, report));
                    host.failure = None;
                }
                Err(failure) => host.failure = Some(failure),
            }
        }
    }

    /// Reports that are not older than `stale_after`.
    fn fresh(
        &self,
        stale_after: Span,
        now: Timestamp,
    ) -> impl Iterator<Item = (&BurstHost, &BurstHostReport)> {
        self.burst_hosts.iter().filter_map(move |host| {
            let (at, report) = host.report.as_ref()?;
            // One from the future is of unknown age: the clock was set back.
            (*at <= now && now.since(*at) <= stale_after).then_some((host, report))
        })
    }

    /// What burst hosts report of their sizes; one that is silent leaves the policy's prices.
    pub(super) fn offers(&self, stale_after: Span, now: Timestamp) -> Vec<Offer> {
        let fresh = self.fresh(stale_after, now);
        fresh
            .flat_map(|(_, report)| report.offers.clone())
            .collect()
    }

    /// Spend of all burst hosts together; unknown while any of them is silent or does not know.
    pub(super) fn spend(&self, stale_after: Span, now: Timestamp) -> Option<Spend> {
        let known: Vec<_> = self
            .fresh(stale_after, now)
            .filter_map(|(_, report)| report.spend.as_ref())
            .collect();
        if known.is_empty() || known.len() != self.burst_hosts.len() {
            return None;
        }
        let mut sum = Spend::default();
        for spend in known {
            sum.total.hourly = sum.total.hourly.plus(spend.total.hourly);
            sum.total.month = sum.total.month.plus(spend.total.month);
            for (project, of) in &spend.projects {
                let total = sum.projects.entry(project.clone()).or_default();
                total.hourly = total.hourly.plus(of.hourly);
                total.month = total.month.plus(of.month);
            }
        }
        Some(sum)
    }

    /// The longest start time that a burst host measured: a forecast has to look that far.
    pub(super) fn start_time(&self, stale_after: Span, now: Timestamp) -> Option<Span> {
        let fresh = self.fresh(stale_after, now);
        fresh.filter_map(|(_, report)| report.start_time).max()
    }

    pub(super) fn views(&self) -> Vec<SourceView> {
        self.sources.clone()
    }

    pub(super) fn burst_host_views(&self) -> Vec<BurstHostView> {
        self.burst_hosts.iter().map(BurstHost::view).collect()
    }

    fn source(&mut self, name: &str) -> Option<&mut SourceView> {
        self.sources.iter_mut().find(|source| source.name == name)
    }
}

impl BurstHost {
    fn view(&self) -> BurstHostView {
        let report = self.report.as_ref().map(|(_, report)| report.clone());
        let report = report.unwrap_or_default();
        BurstHostView {
            name: self.name.clone(),
            provider: self.provider.clone(),
            up: self.report.is_some() && self.failure.is_none(),
            not_read: !self.is_read,
            seen_at_ms: self.report.as_ref().map(|(at, _)| at.0),
            error: self.failure.as_ref().map(Failure::to_string),
            servers: report.servers,
            spend: report.spend.as_ref().map(spend_view),
            start_time_ms: report.start_time.map(|span| span.0),
            launches: report.launches,
            limits: report
                .used_of_limit
                .into_iter()
                .map(|(resource, (used, limit))| ResourceView {
                    resource,
                    used,
                    limit,
                })
                .collect(),
            offers: report.offers.iter().map(offer_view).collect(),
        }
    }
}

pub(super) fn spend_view(spend: &Spend) -> SpendView {
    SpendView {
        hourly_usd: spend.total.hourly.dollars(),
        month_usd: spend.total.month.dollars(),
    }
}

fn offer_view(offer: &Offer) -> OfferView {
    OfferView {
        burst_host: offer.burst_host.clone(),
        size: offer.size.clone(),
        price_usd_per_hour: offer.price.map(spillway_core::Usd::dollars),
        room: offer.room,
        barred_until_ms: offer.barred_until.map(|until| until.0),
        recent_failures: offer.recent_failures,
    }
}

/// Kind and name of each source that a policy switches on.
fn names(config: &Config) -> Vec<(&'static str, String)> {
    let sources = &config.sources;
    let mut names: Vec<_> = sources
        .scrape
        .iter()
        .map(|source| ("scrape", source.name.clone()))
        .collect();
    names.extend(
        sources
            .promql
            .iter()
            .map(|source| ("promql", source.name.clone())),
    );
    for (kind, is_on) in [
        ("notifications", sources.notifications.is_some()),
        ("placement", sources.placement.is_some()),
        ("heat", sources.heat.is_some()),
        (
            "burst_hosts",
            config
                .burst_hosts
                .iter()
                .any(|host| host.metrics_url.is_some()),
        ),
    ] {
        if is_on {
            names.push((kind, kind.to_owned()));
        }
    }
    names
}
