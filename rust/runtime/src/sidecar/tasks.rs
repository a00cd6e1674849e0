//! The tasks of the sources that a policy switches on.

use crate::config::{Config, SignalSource};
use crate::sources::ledger::Ledger;
use crate::sources::{Events, burst_hosts, heat, notifications, placement, promql, scrape};
use spillway_core::gate::GateState;
use spillway_core::scope::Scope;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::error;

/// Time before a source that ended is started again. None ever should; one that does must not
/// keep a core busy.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// Running sources.
#[derive(Debug)]
pub(super) struct Tasks(JoinSet<()>);

impl Tasks {
    /// Starts every source of the policy.
    pub(super) fn start(
        config: &Config,
        events: &Events,
        gates: &watch::Receiver<BTreeMap<Scope, GateState>>,
    ) -> Tasks {
        let mut tasks = Tasks(JoinSet::new());
        tasks.start_named(config, events);
        tasks.start_openstack(config, events, gates);
        if config
            .burst_hosts
            .iter()
            .any(|host| host.metrics_url.is_some())
        {
            let (hosts, events) = (config.burst_hosts.clone(), events.clone());
            let interval = config.sidecar.interval;
            tasks.keep("burst_hosts", move || {
                burst_hosts::run(hosts.clone(), interval, events.clone())
            });
        }
        tasks
    }

    /// Ends them.
    pub(super) fn stop(&mut self) {
        self.0.abort_all();
    }

    fn start_named(&mut self, config: &Config, events: &Events) {
        for source in &config.sources.scrape {
            let signals = measured(config, |source| match source {
                SignalSource::Scrape(signal) => Some(signal.clone()),
                _ => None,
            });
            let own: Vec<_> = signals
                .into_iter()
                .filter(|(_, signal)| signal.source == source.name)
                .collect();
            let (source, events) = (source.clone(), events.clone());
            self.keep(&source.name.clone(), move || {
                scrape::run(source.clone(), own.clone(), events.clone())
            });
        }
        for source in &config.sources.promql {
            let signals = measured(config, |source| match source {
                SignalSource::Promql(signal) => Some(signal.clone()),
                _ => None,
            });
            let own: Vec<_> = signals
                .into_iter()
                .filter(|(_, signal)| signal.source == source.name)
                .collect();
            let (source, events) = (source.clone(), events.clone());
            self.keep(&source.name.clone(), move || {
                promql::run(source.clone(), own.clone(), events.clone())
            });
        }
    }

    fn start_openstack(
        &mut self,
        config: &Config,
        events: &Events,
        gates: &watch::Receiver<BTreeMap<Scope, GateState>>,
    ) {
        // Notifications write down what Placement's next reading will show.
        let ledger = Arc::new(Ledger::default());
        if let Some(source) = config.sources.notifications.clone() {
            let signals = measured(config, |source| match source {
                SignalSource::Notifications(signal) => Some(*signal),
                _ => None,
            });
            let hosts = config.burst_hosts.iter();
            let not_private: Vec<_> = hosts.map(|host| host.name.clone()).collect();
            let (ledger, events) = (Arc::clone(&ledger), events.clone());
            self.keep("notifications", move || {
                notifications::run(
                    source.clone(),
                    signals.clone(),
                    Arc::clone(&ledger),
                    not_private.clone(),
                    events.clone(),
                )
            });
        }
        if let Some(source) = config.sources.placement.clone() {
            let signals: Vec<_> = measured(config, |source| match source {
                SignalSource::Placement(signal) => Some(signal.clone()),
                _ => None,
            })
            .into_iter()
            .filter_map(|(position, signal)| {
                let scope = config.policy.signals.get(position)?.scope.clone();
                Some((position, scope, signal))
            })
            .collect();
            let (openstack, events) = (config.openstack.clone(), events.clone());
            self.keep("placement", move || {
                placement::run(
                    source.clone(),
                    openstack.clone(),
                    signals.clone(),
                    Arc::clone(&ledger),
                    events.clone(),
                )
            });
        }
        if let Some(source) = config.sources.heat.clone() {
            let signals = measured(config, |source| match source {
                SignalSource::Heat(signal) => Some(signal.clone()),
                _ => None,
            });
            let (openstack, events) = (config.openstack.clone(), events.clone());
            let gates = gates.clone();
            self.keep("heat", move || {
                heat::run(
                    source.clone(),
                    openstack.clone(),
                    signals.clone(),
                    gates.clone(),
                    events.clone(),
                )
            });
        }
    }

    /// Keeps a source running, whatever it does.
    fn keep<F>(&mut self, name: &str, start: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let name = name.to_owned();
        self.0.spawn(async move {
            loop {
                // A set of one, so that ending this task ends the source with it.
                let mut source = JoinSet::new();
                source.spawn(start());
                match source.join_next().await {
                    Some(Err(panic)) if panic.is_panic() => {
                        error!(source = name, "Source failed and is started again");
                    }
                    _ => error!(source = name, "Source ended and is started again"),
                }
                tokio::time::sleep(RESTART_AFTER).await;
            }
        });
    }
}

/// The signals of one kind, each with its position in the policy file.
fn measured<T>(config: &Config, of: impl Fn(&SignalSource) -> Option<T>) -> Vec<(usize, T)> {
    let sources = config.signal_sources.iter().enumerate();
    sources
        .filter_map(|(position, source)| Some((position, of(source)?)))
        .collect()
}
