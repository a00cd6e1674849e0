//! The gates, one per scope, and why each stands as it does.

use super::operator::{Forced, Operator};
use super::signals::Signals;
use crate::view::{AskingView, GateView};
use crate::wire::PublishedGate;
use spillway_core::Timestamp;
use spillway_core::gate::{Asking, Gate, GateState, Observation, Reading, judge};
use spillway_core::load::GateView as CoreGateView;
use spillway_core::policy::{GatePolicy, SignalPolicy};
use spillway_core::scope::Scope;
use spillway_core::units::Span;
use std::collections::BTreeMap;

/// All gates; that of the whole cloud is always there and comes first.
#[derive(Debug, Default)]
pub(super) struct Gates(BTreeMap<Scope, Standing>);

#[derive(Debug)]
struct Standing {
    gate: Gate,
    /// Positions of its signals among all signals.
    signals: Vec<usize>,
    opened: u64,
    closed: u64,
}

impl Gates {
    /// The gates of these signals' scopes. A gate that was there keeps its state; its dwell times
    /// start anew, as its signals may be others now.
    pub(super) fn of(
        signals: &Signals,
        known: impl IntoIterator<Item = (Scope, GateState, Timestamp)>,
        now: Timestamp,
    ) -> Gates {
        let known: BTreeMap<_, _> = known
            .into_iter()
            .map(|(scope, state, since)| (scope, (state, since.min(now))))
            .collect();
        let mut positions = BTreeMap::from([(Scope::Cloud, Vec::new())]);
        for (position, signal) in signals.policies().enumerate() {
            let of_scope: &mut Vec<_> = positions.entry(signal.scope.clone()).or_default();
            of_scope.push(position);
        }
        let gates = positions.into_iter().map(|(scope, signals)| {
            let gate = match known.get(&scope) {
                Some((state, since)) => Gate::restored(*state, *since),
                None => Gate::new(now),
            };
            let standing = Standing {
                gate,
                signals,
                opened: 0,
                closed: 0,
            };
            (scope, standing)
        });
        Gates(gates.collect())
    }

    pub(super) fn scopes(&self) -> Vec<Scope> {
        self.0.keys().cloned().collect()
    }

    /// State of each gate, to be kept.
    pub(super) fn states(&self) -> Vec<(Scope, GateState, Timestamp)> {
        let gates = self.0.iter();
        gates
            .map(|(scope, standing)| (scope.clone(), standing.gate.state(), standing.gate.since()))
            .collect()
    }

    /// The state of each gate that counts.
    pub(super) fn effective(&self, operator: &Operator) -> BTreeMap<Scope, GateState> {
        let gates = self.0.iter();
        gates
            .map(|(scope, standing)| (scope.clone(), standing.effective(operator, scope)))
            .collect()
    }

    /// Looks at every signal once.
    pub(super) fn step(
        &mut self,
        policy: &GatePolicy,
        signals: &Signals,
        now: Timestamp,
    ) -> Vec<(Scope, GateState)> {
        let policies: Vec<_> = signals.policies().collect();
        let mut changes = Vec::new();
        for (scope, standing) in &mut self.0 {
            let own: Vec<SignalPolicy> = standing
                .signals
                .iter()
                .filter_map(|position| policies.get(*position).map(|policy| (*policy).clone()))
                .collect();
            let observations: Vec<Observation> = standing
                .signals
                .iter()
                .map(|position| signals.observation(*position, policy.forecast_lead, now))
                .collect();
            let next = standing.gate.step(policy, &own, &observations, now);
            if next.state() != standing.gate.state() {
                match next.state() {
                    GateState::Open => standing.opened += 1,
                    GateState::Closed => standing.closed += 1,
                }
                changes.push((scope.clone(), next.state()));
            }
            standing.gate = next;
        }
        changes
    }

    pub(super) fn published(&self, operator: &Operator, signals: &Signals) -> Vec<PublishedGate> {
        let policies: Vec<_> = signals.policies().collect();
        let gates = self.0.iter();
        gates
            .map(|(scope, standing)| PublishedGate {
                view: CoreGateView {
                    scope: scope.clone(),
                    state: standing.gate.state(),
                    forced: operator.forced.get(scope).map(|forced| forced.state),
                },
                since: standing.gate.since(),
                asking: standing
                    .asking(&policies)
                    .map(|(signal, _)| signal.name.clone())
                    .collect(),
            })
            .collect()
    }

    pub(super) fn views(
        &self,
        operator: &Operator,
        policy: &GatePolicy,
        signals: &Signals,
        now: Timestamp,
    ) -> Vec<GateView> {
        let policies: Vec<_> = signals.policies().collect();
        let gates = self.0.iter();
        gates
            .map(|(scope, standing)| {
                let forced = operator.forced.get(scope).copied();
                GateView {
                    scope: scope.to_string(),
                    effective: standing.effective(operator, scope).name().to_owned(),
                    state: standing.gate.state().name().to_owned(),
                    since_ms: standing.gate.since().0,
                    forced: forced.map(|forced| forced.state.name().to_owned()),
                    forced_until_ms: forced.and_then(|forced| forced.until).map(|until| until.0),
                    why: standing.why(forced, policy, &policies, signals, now),
                    asking: standing
                        .asking(&policies)
                        .map(|(signal, asking)| AskingView {
                            signal: signal.name.clone(),
                            since_ms: asking.since.0,
                            by_forecast: asking.by_forecast,
                        })
                        .collect(),
                    opened: standing.opened,
                    closed: standing.closed,
                }
            })
            .collect()
    }
}

impl Standing {
    fn effective(&self, operator: &Operator, scope: &Scope) -> GateState {
        let forced = operator.forced.get(scope).map(|forced| forced.state);
        forced.unwrap_or(self.gate.state())
    }

    fn asking<'a>(
        &'a self,
        policies: &'a [&'a SignalPolicy],
    ) -> impl Iterator<Item = (&'a SignalPolicy, Asking)> {
        self.gate.asking().filter_map(|asking| {
            let position = self.signals.get(asking.signal)?;
            policies.get(*position).map(|policy| (*policy, asking))
        })
    }

    /// One sentence for people.
    fn why(
        &self,
        forced: Option<Forced>,
        policy: &GatePolicy,
        policies: &[&SignalPolicy],
        signals: &Signals,
        now: Timestamp,
    ) -> String {
        if let Some(forced) = forced {
            return format!("an operator forced it {}", forced.state.name());
        }
        if self.signals.is_empty() {
            return "no signal speaks for it".to_owned();
        }
        let asking: Vec<_> = self
            .asking(policies)
            .map(|(signal, asking)| match asking.by_forecast {
                true => format!(
                    "{} is forecast to reach {}",
                    signal.name,
                    signal.open_at.get()
                ),
                false => format!("{} is at or over {}", signal.name, signal.open_at.get()),
            })
            .collect();
        let asking = asking.join(", ");
        let silent = self.silent(policies, signals, now);
        match (self.gate.state(), asking.is_empty()) {
            (GateState::Open, false) => asking,
            (GateState::Open, true) if silent.is_empty() => format!(
                "no signal asks for it any more; it closes when all have stood at or under their \
                 close_at for {}",
                seconds(policy.close_after)
            ),
            (GateState::Open, true) => format!("held open: no usable value of {silent}"),
            (GateState::Closed, false) => {
                format!(
                    "{asking}; it opens after {} of that",
                    seconds(policy.open_after)
                )
            }
            (GateState::Closed, true) if silent.is_empty() => {
                "no signal is at or over its open_at".to_owned()
            }
            (GateState::Closed, true) => format!("no usable value of {silent}"),
        }
    }

    /// Names of the signals without a usable value.
    fn silent(&self, policies: &[&SignalPolicy], signals: &Signals, now: Timestamp) -> String {
        let names: Vec<_> = self
            .signals
            .iter()
            .filter_map(|position| {
                let policy = policies.get(*position)?;
                let newest = signals.observation(*position, None, now).newest;
                let is_usable = matches!(judge(newest, policy.stale_after, now), Reading::Fresh(_));
                (!is_usable).then_some(policy.name.as_str())
            })
            .collect();
        names.join(", ")
    }
}

fn seconds(span: Span) -> String {
    format!("{} s", span.secs())
}
