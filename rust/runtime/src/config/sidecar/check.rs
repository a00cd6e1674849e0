//! The check of the sidecar's tables, and their translation into what they mean.

use super::checked::{
    HeatMeasure, HeatSignal, HeatSource, NotificationsMeasure, NotificationsSignal,
    NotificationsSource, OnGate, OpenStackConfig, PlacementMeasure, PlacementSignal,
    PlacementSource, PromqlSignal, PromqlSource, Reduce, ScrapeSignal, ScrapeSource, SidecarConfig,
    SignalSource, SourcesConfig, TlsFiles,
};
use super::raw::{
    RawHeatSignal, RawNotificationsMeasure, RawOpenStack, RawPlacementMeasure, RawReduce,
    RawScrapeSignal, RawSidecar, RawSources,
};
use crate::config::check::{Check, millis};
use crate::config::diagnostics::{Step, nearest, quoted, steps};
use crate::config::document::dotted;
use crate::config::raw::RawSignal;
use crate::selector::Selector;
use spillway_core::units::Span;
use std::net::SocketAddr;
use std::path::PathBuf;

impl Check<'_> {
    pub(in crate::config) fn sidecar(
        &mut self,
        raw: &RawSidecar,
        snapshot_stale_after_secs: u64,
    ) -> Option<SidecarConfig> {
        self.absolute(&steps!["sidecar", "state_path"], &raw.state_path);
        #[allow(clippy::cast_precision_loss)]
        let longest = snapshot_stale_after_secs as f64 / 2.0;
        if raw.interval_secs > longest {
            let found = format!(
                "sidecar.interval_secs is {}, more than half of snapshot.stale_after_secs \
                 {snapshot_stale_after_secs}",
                raw.interval_secs
            );
            let at = steps!["sidecar", "interval_secs"];
            self.wrong(&at, found, &format!("at most {longest}"));
        }
        let listen = self.address(&steps!["sidecar", "listen"], &raw.listen);
        let tls = match (&raw.tls_certificate_file, &raw.tls_key_file) {
            (Some(certificate), Some(key)) => Some(TlsFiles {
                certificate: certificate.into(),
                key: key.into(),
            }),
            (None, None) => None,
            (certificate, _) => {
                let (there, missing) = match certificate {
                    Some(_) => ("tls_certificate_file", "tls_key_file"),
                    None => ("tls_key_file", "tls_certificate_file"),
                };
                let found = format!("sidecar.{there} is there without {missing}");
                self.wrong(&steps!["sidecar", there], found, "both or none");
                None
            }
        };
        let is_open = |address: SocketAddr| !address.ip().is_loopback();
        if listen.is_some_and(is_open) && (raw.token_file.is_none() || tls.is_none()) {
            let found = format!(
                "sidecar.listen is \"{}\", which others can reach",
                raw.listen
            );
            let expected =
                "a loopback address, or token_file, tls_certificate_file and tls_key_file";
            self.wrong(&steps!["sidecar", "listen"], found, expected);
        }
        Some(SidecarConfig {
            listen: listen?,
            interval: millis(raw.interval_secs),
            state_path: raw.state_path.clone().into(),
            token_file: raw.token_file.clone().map(PathBuf::from),
            tls,
        })
    }

    /// An IP address with a port.
    pub(in crate::config) fn address(&mut self, at: &[Step], text: &str) -> Option<SocketAddr> {
        let address = text.parse().ok();
        if address.is_none() {
            let found = format!("{} is \"{text}\"", dotted(at));
            self.wrong(
                at,
                found,
                "an IP address and a port, such as \"127.0.0.1:9650\"",
            );
        }
        address
    }

    fn absolute(&mut self, at: &[Step], text: &str) {
        if !std::path::Path::new(text).is_absolute() {
            let found = format!("{} is \"{text}\"", dotted(at));
            self.wrong(at, found, "an absolute path");
        }
    }

    /// An address without user or password. What stands before an `@` is perhaps a password, so
    /// the address is not shown.
    pub(in crate::config) fn url(&mut self, at: &[Step], url: &str, schemes: [&str; 2]) {
        let rest = schemes
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme)?.strip_prefix("://"));
        let host = rest.and_then(|rest| rest.split('/').next());
        if host.is_none_or(str::is_empty) || url.contains('@') {
            let found = format!("{} is no usable address", dotted(at));
            let [plain, secure] = schemes;
            let expected = format!("{plain}:// or {secure}://, a host, and no user or password");
            self.wrong(at, found, &expected);
        }
    }

    pub(in crate::config) fn sources(&mut self, raw: &RawSources) -> SourcesConfig {
        const HTTP: [&str; 2] = ["http", "https"];
        self.source_names(raw);
        for (index, source) in raw.scrape.iter().enumerate() {
            for (position, target) in source.targets.iter().enumerate() {
                let at = steps!["sources", "scrape", index, "targets", position];
                self.url(&at, target, HTTP);
            }
        }
        for (index, source) in raw.promql.iter().enumerate() {
            self.url(
                &steps!["sources", "promql", index, "url"],
                &source.url,
                HTTP,
            );
        }
        if let Some(source) = &raw.notifications {
            let at = steps!["sources", "notifications", "broker"];
            self.url(&at, &source.broker, ["amqp", "amqps"]);
            if source.topics.is_empty() {
                let at = steps!["sources", "notifications", "topics"];
                let found = "sources.notifications.topics is an empty list".to_owned();
                self.wrong(&at, found, "at least one of Nova's topics");
            }
        }
        SourcesConfig {
            scrape: raw.scrape.iter().map(ScrapeSource::from).collect(),
            promql: raw.promql.iter().map(PromqlSource::from).collect(),
            notifications: raw.notifications.as_ref().map(NotificationsSource::from),
            placement: raw.placement.as_ref().map(|source| PlacementSource {
                interval: millis(source.interval_secs),
                timeout: millis(source.timeout_secs),
            }),
            heat: raw.heat.as_ref().map(|source| HeatSource {
                interval: millis(source.interval_secs),
                timeout: millis(source.timeout_secs),
                on_gate: self.on_gate(&source.on_gate),
            }),
        }
    }

    /// Names are unique among all sources, and those of the nameless ones are taken.
    fn source_names(&mut self, raw: &RawSources) {
        let mut seen = vec!["notifications", "placement", "heat", "burst_hosts"];
        let scrape = raw.scrape.iter().map(|source| ("scrape", &source.name));
        let promql = raw.promql.iter().map(|source| ("promql", &source.name));
        let numbered = scrape.enumerate().chain(promql.enumerate());
        for (index, (kind, name)) in numbered {
            if seen.contains(&name.as_str()) {
                let at = steps!["sources", kind, index, "name"];
                let found = format!("{} is \"{name}\" again", dotted(&at));
                self.wrong(&at, found, "a name that no other source has");
            }
            seen.push(name);
        }
    }

    fn on_gate(&mut self, raw: &[super::raw::RawOnGate]) -> Vec<OnGate> {
        let mut checked = Vec::new();
        for (index, entry) in raw.iter().enumerate() {
            let at = steps!["sources", "heat", "on_gate", index, "scope"];
            let scope = self.scope(&at, &entry.scope);
            if entry.on_open.is_none() && entry.on_close.is_none() {
                let at = steps!["sources", "heat", "on_gate", index];
                let found = format!("{} signals nothing", dotted(&at));
                self.wrong(&at, found, "on_open, on_close or both");
            }
            if let Some(scope) = scope {
                checked.push(OnGate {
                    scope,
                    stack: entry.stack.clone(),
                    on_open: entry.on_open.clone(),
                    on_close: entry.on_close.clone(),
                });
            }
        }
        checked
    }

    /// What the signal is measured by: exactly one thing.
    pub(in crate::config) fn signal_source(
        &mut self,
        index: usize,
        raw: &RawSignal,
        sources: &RawSources,
    ) -> Option<SignalSource> {
        let there = [
            raw.scrape.is_some(),
            raw.promql.is_some(),
            raw.notifications.is_some(),
            raw.placement.is_some(),
            raw.heat.is_some(),
        ];
        let count = there.iter().filter(|there| **there).count();
        if count != 1 {
            let found = format!("signals[{index}] is measured by {count} sources");
            let expected =
                "exactly one of the tables scrape, promql, notifications, placement, heat";
            self.wrong(&steps!["signals", index], found, expected);
            return None;
        }
        if let Some(signal) = &raw.scrape {
            let names = sources.scrape.iter().map(|source| source.name.as_str());
            self.known_source(index, "scrape", &signal.source, names.collect());
            return self.scrape_signal(index, signal).map(SignalSource::Scrape);
        }
        if let Some(signal) = &raw.promql {
            let names = sources.promql.iter().map(|source| source.name.as_str());
            self.known_source(index, "promql", &signal.source, names.collect());
            return Some(SignalSource::Promql(PromqlSignal {
                source: signal.source.clone(),
                query: signal.query.clone(),
            }));
        }
        if let Some(signal) = &raw.notifications {
            self.switched_on(index, "notifications", sources.notifications.is_some());
            return Some(SignalSource::Notifications(NotificationsSignal {
                measure: match signal.measure {
                    RawNotificationsMeasure::ArrivalsPerMinute => {
                        NotificationsMeasure::ArrivalsPerMinute
                    }
                    RawNotificationsMeasure::NoValidHostPerMinute => {
                        NotificationsMeasure::NoValidHostPerMinute
                    }
                    RawNotificationsMeasure::BuildSecs => NotificationsMeasure::BuildSecs,
                    RawNotificationsMeasure::Building => NotificationsMeasure::Building,
                },
                window: Span::from_secs(signal.window_secs),
            }));
        }
        if let Some(signal) = &raw.placement {
            self.switched_on(index, "placement", sources.placement.is_some());
            return Some(SignalSource::Placement(PlacementSignal {
                resource_class: signal.resource_class.clone(),
                measure: match signal.measure {
                    RawPlacementMeasure::UsedRatio => PlacementMeasure::UsedRatio,
                    RawPlacementMeasure::Used => PlacementMeasure::Used,
                    RawPlacementMeasure::Free => PlacementMeasure::Free,
                },
            }));
        }
        let signal = raw.heat.as_ref()?;
        self.switched_on(index, "heat", sources.heat.is_some());
        self.heat_signal(index, signal).map(SignalSource::Heat)
    }

    fn known_source(&mut self, index: usize, kind: &str, name: &str, known: Vec<&str>) {
        if !known.contains(&name) {
            let at = steps!["signals", index, kind, "source"];
            let found = format!("{} is \"{name}\"", dotted(&at));
            let expected = match known.as_slice() {
                [] => format!("an entry [[sources.{kind}]] of that name"),
                known => format!("one of the sources: {}", known.join(", ")),
            };
            self.wrong_near(&at, found, &expected, nearest(name, known).map(quoted));
        }
    }

    fn switched_on(&mut self, index: usize, kind: &str, is_on: bool) {
        if !is_on {
            let found = format!("signals[{index}] is measured by {kind}, which is not a source");
            let at = steps!["signals", index, kind];
            self.wrong(&at, found, &format!("a table [sources.{kind}]"));
        }
    }

    fn scrape_signal(&mut self, index: usize, raw: &RawScrapeSignal) -> Option<ScrapeSignal> {
        let series = self.selector(index, "series", &raw.series);
        let divide_by = match &raw.divide_by {
            None => None,
            Some(text) => Some(self.selector(index, "divide_by", text)?),
        };
        let reduce = match (raw.reduce, raw.quantile) {
            (RawReduce::Mean, _) => Reduce::Mean,
            (RawReduce::Max, _) => Reduce::Max,
            (RawReduce::Min, _) => Reduce::Min,
            (RawReduce::Sum, _) => Reduce::Sum,
            (RawReduce::Quantile, Some(quantile)) => Reduce::Quantile(quantile),
            (RawReduce::Quantile, None) => {
                let at = steps!["signals", index, "scrape", "reduce"];
                let found = format!("{} is \"quantile\" without a quantile", dotted(&at));
                self.wrong(&at, found, "a key quantile from 0 to 1 beside it");
                return None;
            }
        };
        Some(ScrapeSignal {
            source: raw.source.clone(),
            series: series?,
            divide_by,
            rate: raw.rate,
            reduce,
            complement: raw.complement,
        })
    }

    fn selector(&mut self, index: usize, key: &str, text: &str) -> Option<Selector> {
        match Selector::parse(text) {
            Ok(selector) => Some(selector),
            Err(error) => {
                let at = steps!["signals", index, "scrape", key];
                let found = format!("{}: {error}", dotted(&at));
                let expected =
                    "a series such as node_load1 or node_cpu_seconds_total{mode=\"idle\"}";
                self.wrong(&at, found, expected);
                None
            }
        }
    }

    fn heat_signal(&mut self, index: usize, raw: &RawHeatSignal) -> Option<HeatSignal> {
        let measure = match (&raw.output, &raw.scaling_group) {
            (Some(output), None) => HeatMeasure::Output(output.clone()),
            (None, Some(group)) => HeatMeasure::ScalingGroup(group.clone()),
            _ => {
                let at = steps!["signals", index, "heat"];
                let found = format!("{} names no number of the stack, or two", dotted(&at));
                self.wrong(&at, found, "either output or scaling_group");
                return None;
            }
        };
        Some(HeatSignal {
            stack: raw.stack.clone(),
            measure,
        })
    }
}

impl From<&RawOpenStack> for OpenStackConfig {
    fn from(raw: &RawOpenStack) -> Self {
        OpenStackConfig {
            clouds_file: raw.clouds_file.clone().into(),
            cloud: raw.cloud.clone(),
        }
    }
}

impl From<&super::raw::RawScrape> for ScrapeSource {
    fn from(raw: &super::raw::RawScrape) -> Self {
        ScrapeSource {
            name: raw.name.clone(),
            targets: raw.targets.clone(),
            interval: millis(raw.interval_secs),
            timeout: millis(raw.timeout_secs),
            max_bytes: raw.max_bytes,
            min_targets_ratio: raw.min_targets_ratio,
            token_file: raw.token_file.clone().map(PathBuf::from),
            ca_file: raw.ca_file.clone().map(PathBuf::from),
        }
    }
}

impl From<&super::raw::RawPromql> for PromqlSource {
    fn from(raw: &super::raw::RawPromql) -> Self {
        PromqlSource {
            name: raw.name.clone(),
            url: raw.url.trim_end_matches('/').to_owned(),
            interval: millis(raw.interval_secs),
            timeout: millis(raw.timeout_secs),
            token_file: raw.token_file.clone().map(PathBuf::from),
            tenant: raw.tenant.clone(),
            ca_file: raw.ca_file.clone().map(PathBuf::from),
        }
    }
}

impl From<&super::raw::RawNotifications> for NotificationsSource {
    fn from(raw: &super::raw::RawNotifications) -> Self {
        NotificationsSource {
            broker: raw.broker.clone(),
            credentials_file: raw.credentials_file.clone().map(PathBuf::from),
            exchange: raw.exchange.clone(),
            topics: raw.topics.clone(),
            queue: raw.queue.clone(),
            max_queue_length: raw.max_queue_length,
            ca_file: raw.ca_file.clone().map(PathBuf::from),
        }
    }
}
