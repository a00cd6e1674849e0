//! Gates, evidence, spend and an operator's word.

use super::{Change, Situation, add, change, remove, replace};
use crate::explain::edit::{Document::Inputs, Edit};
use crate::explain::inputs::{counts, state_name};
use serde_json::json;
use spillway_core::gate::GateState;
use spillway_core::load::{GateView, LoadView};
use spillway_core::policy::MultiCreate;
use spillway_core::scope::Scope;
use spillway_core::{Evidence, Load};

/// Other states of the gates that count for the request, or a snapshot where there was none.
pub(super) fn gates(situation: &Situation<'_>) -> Vec<Vec<Change>> {
    let Load::Known(view) = &situation.inputs.load else {
        return vec![vec![fresh_snapshot(situation)]];
    };
    let counted: Vec<(usize, &GateView)> = view
        .gates
        .iter()
        .enumerate()
        .filter(|(_, gate)| {
            let eligible = situation.eligible.as_ref();
            counts(&gate.scope, &situation.inputs.request, eligible)
        })
        .collect();
    let open: Vec<_> = counted
        .iter()
        .filter(|(_, gate)| gate.effective() == GateState::Open)
        .collect();
    let mut all: Vec<_> = counted
        .iter()
        .filter_map(|&(at, gate)| unforced(at, gate))
        .map(|unforced| vec![unforced])
        .collect();
    if open.is_empty() {
        all.extend(opened(view, &counted));
        return all;
    }
    let scopes: Vec<_> = open.iter().map(|(_, gate)| &gate.scope).collect();
    let closed = open
        .iter()
        .map(|(at, gate)| state(*at, gate, GateState::Closed));
    let edits: Vec<_> = closed.collect();
    all.push(vec![match scopes.as_slice() {
        [scope] => change(format!("the {scope} gate had been closed"), edits),
        _ => change("every gate that counts had been closed", edits),
    }]);
    all
}

fn fresh_snapshot(situation: &Situation<'_>) -> Change {
    let mut load = json!({
        "snapshot": "known",
        "gates": [{"scope": "cloud", "state": "open"}],
    });
    // A stale snapshot's word holds; a fresh one would have had it, too.
    let word = situation.inputs.load.word();
    if word.paused {
        load["paused"] = json!(true);
    }
    if let Some(mode) = word.mode {
        load["mode"] = json!(mode.name());
    }
    let mut sentence = "there had been a fresh snapshot with an open cloud gate".to_owned();
    if situation.config.policy.money.limits_anything() {
        load["spend"] = json!({"hourly_usd": 0.0, "month_usd": 0.0});
        sentence.push_str(" and nothing spent");
    }
    change(sentence, [add(Inputs, &["load"], load)])
}

fn opened(view: &LoadView, counted: &[(usize, &GateView)]) -> Vec<Vec<Change>> {
    let mut all: Vec<_> = counted
        .iter()
        // One that its signals had open is as it was without the force; see `unforced`.
        .filter(|(_, gate)| gate.state == GateState::Closed)
        .map(|&(at, gate)| {
            let forced = gate.forced.map_or("", |_| "not been forced and had ");
            let sentence = format!("the {} gate had {forced}been open", gate.scope);
            vec![change(sentence, [state(at, gate, GateState::Open)])]
        })
        .collect();
    if !view.gates.iter().any(|gate| gate.scope == Scope::Cloud) {
        let gate = json!({"scope": "cloud", "state": "open"});
        all.push(vec![change(
            "the cloud gate had been open",
            [if view.gates.is_empty() {
                add(Inputs, &["load", "gates"], json!([gate]))
            } else {
                add(Inputs, &["load", "gates", "-"], gate)
            }],
        )]);
    }
    all
}

/// The gate as its signals had it.
fn unforced(at: usize, gate: &GateView) -> Option<Change> {
    let forced = gate.forced?;
    let sentence = format!(
        "no operator had forced the {} gate {}",
        gate.scope,
        state_name(forced)
    );
    Some(change(sentence, [state(at, gate, gate.state)]))
}

fn state(at: usize, gate: &GateView, state: GateState) -> Edit {
    let gate = json!({"scope": gate.scope.to_string(), "state": state_name(state)});
    replace(Inputs, &["load", "gates", &at.to_string()], gate)
}

/// Other answers of Placement, when it was asked or should have been.
pub(super) fn evidence(situation: &Situation<'_>) -> Vec<Change> {
    let Some(eligible) = situation.eligible else {
        return Vec::new();
    };
    let now = situation.inputs.evidence;
    if now == Evidence::NotAsked && !situation.decision.wants_evidence {
        return Vec::new();
    }
    let count = situation.inputs.request.count;
    let reserve = eligible.rule.reserve;
    let splits = eligible.rule.multi_create == MultiCreate::Split && count > 1;
    let fits = match now {
        Evidence::Fits(fits) => Some(fits),
        Evidence::NotAsked | Evidence::Unavailable => None,
    };
    let enough = reserve.max(count);
    let nearest = [
        (reserve > 1 && fits.is_none_or(|f| f >= reserve)).then(|| reserve - 1),
        (splits && fits.is_none_or(|f| f >= count)).then(|| count - 1),
        fits.is_none_or(|f| f > 0).then_some(0),
        fits.is_none_or(|f| f < enough).then_some(enough),
    ];
    let answers = nearest.into_iter().flatten().map(|fits| {
        let sentence = match (fits, now) {
            (0, _) => "Placement had said that nothing more fits on private hosts".to_owned(),
            (fits, Evidence::Fits(_)) => format!("{fits} had fitted on private hosts"),
            (fits, _) => format!("Placement had said that {fits} fit on private hosts"),
        };
        change(
            sentence,
            [add(Inputs, &["evidence"], json!({"fits": fits}))],
        )
    });
    answers.collect()
}

/// A spend that was known, when it was not.
pub(super) fn spend(situation: &Situation<'_>) -> Vec<Change> {
    match &situation.inputs.load {
        Load::Known(view)
            if view.spend.is_none() && situation.config.policy.money.limits_anything() =>
        {
            let spend = json!({"hourly_usd": 0.0, "month_usd": 0.0});
            let edit = add(Inputs, &["load", "spend"], spend);
            vec![change("the spend had been known to be nothing", [edit])]
        }
        _ => Vec::new(),
    }
}

/// Without what an operator said.
pub(super) fn operators_word(situation: &Situation<'_>) -> Vec<Vec<Change>> {
    let word = situation.inputs.load.word();
    let mut all = Vec::new();
    if word.paused {
        let edit = remove(Inputs, &["load", "paused"]);
        all.push(vec![change("launches had not been paused", [edit])]);
    }
    if let Some(mode) = word.mode {
        let sentence = format!("no operator had set the mode to {}", mode.name());
        let edit = remove(Inputs, &["load", "mode"]);
        all.push(vec![change(sentence, [edit])]);
    }
    all
}
