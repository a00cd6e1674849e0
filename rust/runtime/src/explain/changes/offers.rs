//! Other prices and other room at burst hosts.

use super::{Change, Situation, add, change, remove};
use crate::explain::edit::{Document::Inputs, Edit};
use crate::explain::inputs::fitting;
use serde_json::json;
use spillway_core::policy::{BurstHost, InstanceSize};
use spillway_core::units::Usd;
use spillway_core::{Attempt, Placement};

/// How long a size is barred in a change that bars it; any time does.
const BARRED_MS: u64 = 60_000;

/// For each size: not barred, with room; for the first choice: barred; for the runner-up: cheaper.
pub(super) fn of(situation: &Situation<'_>) -> Vec<Vec<Change>> {
    let inputs = situation.inputs;
    let count = inputs.request.count;
    let mut all = Vec::new();
    for (host, size, at) in fitting(inputs, situation.config) {
        let Some(at) = at else { continue };
        let offer = &inputs.offers[at];
        let at = at.to_string();
        let of_size = format!("{} at {}", size.name, host.name);
        if offer.barred_until.is_some_and(|until| until > inputs.now) {
            let edit = remove(Inputs, &["offers", &at, "barred_until_ms"]);
            let sentence = format!("{of_size} had not been barred after a failure");
            all.push(vec![change(sentence, [edit])]);
        }
        if offer.room.is_some_and(|room| room < count) {
            let edit = add(Inputs, &["offers", &at, "room"], count);
            let sentence = format!("there had been room for {count} of {of_size}");
            all.push(vec![change(sentence, [edit])]);
        }
    }
    let attempts = match situation.decision.shadow_attempts.as_slice() {
        [] => &situation.decision.attempts,
        shadow => shadow,
    };
    let bursts: Vec<_> = attempts
        .iter()
        .filter_map(|attempt| match attempt {
            Attempt::Hybrid(burst) | Attempt::Split { burst, .. } => Some(burst),
            _ => None,
        })
        .collect();
    if let Some(runner_up) = bursts.get(1)
        && let Some(price) = bursts[0].price
    {
        all.push(cheaper(situation, runner_up, price));
    }
    if let Some(first) = bursts.first() {
        all.push(barred(situation, first));
    }
    all
}

/// The smallest price below `than`.
fn cheaper(situation: &Situation<'_>, placement: &Placement, than: Usd) -> Vec<Change> {
    let Ok(price) = Usd::from_dollars(than.dollars() - 0.000_001) else {
        return Vec::new();
    };
    let sentence = format!(
        "{} at {} had cost less than {than} an hour",
        placement.size, placement.burst_host
    );
    offer_edit(
        situation,
        placement,
        "price_usd_per_hour",
        json!(price.dollars()),
    )
    .map(|edit| vec![change(sentence, [edit])])
    .unwrap_or_default()
}

fn barred(situation: &Situation<'_>, placement: &Placement) -> Vec<Change> {
    let sentence = format!(
        "{} at {} had been barred after a failure",
        placement.size, placement.burst_host
    );
    let until = situation.inputs.now.0.saturating_add(BARRED_MS);
    offer_edit(situation, placement, "barred_until_ms", json!(until))
        .map(|edit| vec![change(sentence, [edit])])
        .unwrap_or_default()
}

/// Sets a key of a size's offer, which may not have been there.
fn offer_edit(
    situation: &Situation<'_>,
    placement: &Placement,
    key: &str,
    value: serde_json::Value,
) -> Option<Edit> {
    let is_it = |host: &BurstHost, size: &InstanceSize| {
        host.name == placement.burst_host && size.name == placement.size
    };
    let fitting = fitting(situation.inputs, situation.config);
    let (_, _, at) = fitting.iter().find(|(host, size, _)| is_it(host, size))?;
    if let Some(at) = at {
        return Some(add(Inputs, &["offers", &at.to_string(), key], value));
    }
    let mut offer = json!({"burst_host": placement.burst_host, "size": placement.size});
    offer[key] = value;
    // The key itself may be missing where there were no offers at all.
    Some(if situation.inputs.offers.is_empty() {
        add(Inputs, &["offers"], json!([offer]))
    } else {
        add(Inputs, &["offers", "-"], offer)
    })
}
