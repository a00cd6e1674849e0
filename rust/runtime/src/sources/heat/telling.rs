//! Scaling policies are told when a gate changes: once per change, again until Heat has heard, and
//! only of the newest change.
//!
//! Once per change means at least once: a signal whose answer was lost is sent again, and the
//! policy's own cooldown takes the second. A gate that had its state when we began is no change.

use super::{Heat, read_event};
use crate::config::{HeatSource, OnGate, OpenStackConfig};
use crate::sources::event::{Events, ReadReport};
use crate::sources::time::span;
use spillway_core::gate::GateState;
use spillway_core::scope::Scope;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Pauses between two tries.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

type Gates = BTreeMap<Scope, GateState>;

/// Follows the gates for ever.
pub(super) async fn tell(
    source: &HeatSource,
    openstack: &OpenStackConfig,
    mut gates: watch::Receiver<Gates>,
    events: &Events,
) {
    let mut heat = Heat::new(source, openstack);
    let mut known = gates.borrow_and_update().clone();
    let mut untold = Untold::default();
    loop {
        tokio::select! {
            changed = gates.changed() => {
                if changed.is_err() {
                    return;
                }
                let newest = gates.borrow_and_update().clone();
                untold.changed(&source.on_gate, &known, &newest, Instant::now());
                known.extend(newest);
            }
            () = until(untold.next()) => {
                let begun = Instant::now();
                let Some((position, resource)) = untold.due(begun) else {
                    continue;
                };
                let stack = &source.on_gate[position].stack;
                let mut report = ReadReport::default();
                match heat.signal(stack, &resource).await {
                    Ok(()) => {
                        tracing::info!(stack, resource, "A scaling policy was signalled.");
                        report.targets_up = 1;
                        untold.told(position);
                    }
                    Err(failure) => {
                        tracing::warn!(
                            stack,
                            resource,
                            %failure,
                            "A scaling policy could not be signalled; trying again."
                        );
                        report.failures.push(failure);
                        untold.failed(position, Instant::now());
                    }
                }
                report.took = span(begun.elapsed());
                read_event(events, report).await;
            }
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Changes that Heat has not heard of, the newest of each entry, by the entry's position.
#[derive(Debug, Default)]
struct Untold(BTreeMap<usize, Change>);

#[derive(Debug)]
struct Change {
    resource: String,
    try_at: Instant,
    pause: Duration,
}

impl Untold {
    fn changed(&mut self, on_gate: &[OnGate], known: &Gates, newest: &Gates, now: Instant) {
        for (position, entry) in on_gate.iter().enumerate() {
            let (before, state) = (known.get(&entry.scope), newest.get(&entry.scope));
            let (Some(before), Some(state)) = (before, state) else {
                continue;
            };
            if before == state {
                continue;
            }
            let resource = match state {
                GateState::Open => &entry.on_open,
                GateState::Closed => &entry.on_close,
            };
            self.0.remove(&position);
            if let Some(resource) = resource.clone() {
                let change = Change {
                    resource,
                    try_at: now,
                    pause: FIRST_PAUSE,
                };
                self.0.insert(position, change);
            }
        }
    }

    /// When the next try is due.
    fn next(&self) -> Option<Instant> {
        self.0.values().map(|change| change.try_at).min()
    }

    fn due(&self, now: Instant) -> Option<(usize, String)> {
        let mut due = self.0.iter().filter(|(_, change)| change.try_at <= now);
        due.next()
            .map(|(position, change)| (*position, change.resource.clone()))
    }

    fn told(&mut self, position: usize) {
        self.0.remove(&position);
    }

    fn failed(&mut self, position: usize, now: Instant) {
        if let Some(change) = self.0.get_mut(&position) {
            change.try_at = now + change.pause;
            change.pause = (change.pause * 2).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> OnGate {
        OnGate {
            scope: Scope::Cloud,
            stack: "web".to_owned(),
            on_open: Some("up".to_owned()),
            on_close: Some("down".to_owned()),
        }
    }

    fn gates(state: GateState) -> Gates {
        BTreeMap::from([(Scope::Cloud, state)])
    }

    fn due(untold: &Untold, now: Instant) -> Option<String> {
        untold.due(now).map(|(_, resource)| resource)
    }

    #[test]
    fn only_a_change_is_told() {
        let now = Instant::now();
        let mut untold = Untold::default();
        let (open, closed) = (gates(GateState::Open), gates(GateState::Closed));
        untold.changed(&[entry()], &Gates::new(), &open, now);
        untold.changed(&[entry()], &open, &open, now);
        assert_eq!(due(&untold, now), None);
        untold.changed(&[entry()], &closed, &open, now);
        assert_eq!(due(&untold, now).as_deref(), Some("up"));
        untold.told(0);
        assert_eq!(untold.next(), None);
    }

    #[test]
    fn a_failure_is_tried_again_later_and_later() {
        let now = Instant::now();
        let mut untold = Untold::default();
        untold.changed(
            &[entry()],
            &gates(GateState::Open),
            &gates(GateState::Closed),
            now,
        );
        untold.failed(0, now);
        assert_eq!(due(&untold, now), None);
        assert_eq!(untold.next(), Some(now + FIRST_PAUSE));
        for _ in 0..20 {
            untold.failed(0, now);
        }
        assert_eq!(untold.next(), Some(now + LONGEST_PAUSE));
        assert_eq!(due(&untold, now + LONGEST_PAUSE).as_deref(), Some("down"));
    }

    #[test]
    fn the_newest_change_wins() {
        let now = Instant::now();
        let mut untold = Untold::default();
        let (open, closed) = (gates(GateState::Open), gates(GateState::Closed));
        untold.changed(&[entry()], &closed, &open, now);
        untold.failed(0, now);
        untold.changed(&[entry()], &open, &closed, now);
        assert_eq!(due(&untold, now).as_deref(), Some("down"));
        // An entry that says nothing about closing is done when the gate closes.
        let only_up = OnGate {
            on_close: None,
            ..entry()
        };
        untold.changed(std::slice::from_ref(&only_up), &closed, &open, now);
        untold.changed(&[only_up], &open, &closed, now);
        assert_eq!(untold.next(), None);
    }
}
