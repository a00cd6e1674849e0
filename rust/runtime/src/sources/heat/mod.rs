//! Heat's stacks: an output or the size of a scaling group as a signal, and scaling policies that
//! are told when a gate changes.

pub mod stacks;
mod telling;

use super::event::{Event, Events, ReadReport};
use super::failure::{Failure, FailureKind};
use super::openstack::keystone::Keystone;
use super::time::{duration, now, span};
use crate::config::{HeatSignal, HeatSource, OpenStackConfig};
use spillway_core::gate::{GateState, Sample};
use spillway_core::scope::Scope;
use std::collections::BTreeMap;
use std::time::Instant;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// Reads stacks and tells scaling policies, for ever. Neither waits for the other.
pub async fn run(
    source: HeatSource,
    openstack: OpenStackConfig,
    signals: Vec<(usize, HeatSignal)>,
    gates: watch::Receiver<BTreeMap<Scope, GateState>>,
    events: Events,
) {
    let reading = read(&source, &openstack, &signals, &events);
    let telling = telling::tell(&source, &openstack, gates, &events);
    tokio::join!(reading, telling);
}

async fn read(
    source: &HeatSource,
    openstack: &OpenStackConfig,
    signals: &[(usize, HeatSignal)],
    events: &Events,
) {
    if signals.is_empty() {
        return;
    }
    let mut ticks = tokio::time::interval(duration(source.interval));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heat = Heat::new(source, openstack);
    loop {
        ticks.tick().await;
        let begun = Instant::now();
        let mut report = ReadReport::default();
        for (signal, measured) in signals {
            let signal = *signal;
            let event = match heat.measure(measured).await {
                Ok(value) => {
                    report.targets_up += 1;
                    let sample = Sample { value, at: now() };
                    Event::Sampled { signal, sample }
                }
                Err(failure) => {
                    report.failures.push(failure.clone());
                    Event::Unmeasured { signal, failure }
                }
            };
            drop(events.send(event).await);
        }
        report.took = span(begun.elapsed());
        read_event(events, report).await;
    }
}

/// A loop that is gone ends this task, too, so nobody is left to tell.
async fn read_event(events: &Events, report: ReadReport) {
    let source = "heat".into();
    drop(events.send(Event::Read { source, report }).await);
}

/// Heat with our credentials, which are read when they are needed first and after a refusal.
struct Heat<'a> {
    source: &'a HeatSource,
    openstack: &'a OpenStackConfig,
    keystone: Option<Keystone>,
}

impl<'a> Heat<'a> {
    fn new(source: &'a HeatSource, openstack: &'a OpenStackConfig) -> Self {
        Heat {
            source,
            openstack,
            keystone: None,
        }
    }

    async fn measure(&mut self, signal: &HeatSignal) -> Result<f64, Failure> {
        let keystone = self.keystone().await?;
        let measured = stacks::measure(keystone, signal).await;
        self.after(measured)
    }

    async fn signal(&mut self, stack: &str, resource: &str) -> Result<(), Failure> {
        let keystone = self.keystone().await?;
        let signalled = stacks::signal(keystone, stack, resource).await;
        self.after(signalled)
    }

    async fn keystone(&mut self) -> Result<&Keystone, Failure> {
        if self.keystone.is_none() {
            let timeout = duration(self.source.timeout);
            self.keystone = Some(Keystone::new(self.openstack, timeout).await?);
        }
        let missing = || Failure::new(FailureKind::Unauthorized, "no credentials");
        self.keystone.as_ref().ok_or_else(missing)
    }

    fn after<T>(&mut self, done: Result<T, Failure>) -> Result<T, Failure> {
        if matches!(&done, Err(failure) if failure.kind == FailureKind::Unauthorized) {
            self.keystone = None;
        }
        done
    }
}
