//! What came second, and why.

use super::explanation::{AttemptView, RunnerUp};
use super::inputs::fitting;
use crate::config::Config;
use crate::wire::RecordedInputs;
use spillway_core::{Attempt, Decision, Placement};
use std::cmp::Ordering;

/// The second attempt of a decision, or of what active mode would have made of it.
pub(super) fn of(
    decision: &Decision,
    inputs: &RecordedInputs,
    config: &Config,
) -> Option<RunnerUp> {
    let attempts = match decision.shadow_attempts.as_slice() {
        [] => &decision.attempts,
        shadow => shadow,
    };
    let [first, second, ..] = attempts else {
        return None;
    };
    let why = match (first, second) {
        (Attempt::Hybrid(first), Attempt::Hybrid(second)) => compare(first, second, inputs, config),
        (Attempt::Split { .. }, Attempt::Hybrid(_)) => {
            "the whole request bursts only when its two parts cannot be placed".to_owned()
        }
        (_, Attempt::Hybrid(_)) => {
            "private hosts first: it bursts when they have no valid host".to_owned()
        }
        _ => "private hosts are tried again when no burst host takes it".to_owned(),
    };
    Some(RunnerUp {
        attempt: AttemptView::of(second),
        why,
    })
}

/// Why one burst host was asked before another: price, then failures, then room, then the order
/// of the policy.
fn compare(
    first: &Placement,
    second: &Placement,
    inputs: &RecordedInputs,
    config: &Config,
) -> String {
    let offer = |placement: &Placement| {
        let found = fitting(inputs, config).into_iter().find(|(host, size, _)| {
            host.name == placement.burst_host && size.name == placement.size
        });
        found.and_then(|(_, _, at)| inputs.offers.get(at?))
    };
    let (one, other) = (offer(first), offer(second));
    if first.price != second.price {
        return match (first.price, second.price) {
            (Some(price), Some(more)) if more > price => {
                format!("{more} an hour is more than {price}")
            }
            (_, None) => "its price is unknown and counts as the highest that is known".to_owned(),
            (Some(price), Some(less)) => {
                format!("{less} an hour is less than {price}, but over a limit it is for overflow")
            }
            (None, Some(_)) => "no price is higher than an unknown one".to_owned(),
        };
    }
    let failures = |offer: Option<&spillway_core::Offer>| offer.map_or(0, |o| o.recent_failures);
    match failures(one).cmp(&failures(other)) {
        Ordering::Less => {
            return format!(
                "at the same price, {} recent failures are more than {}",
                failures(other),
                failures(one)
            );
        }
        Ordering::Greater => return "over a soft limit it is for overflow only".to_owned(),
        Ordering::Equal => {}
    }
    match (one.and_then(|o| o.room), other.and_then(|o| o.room)) {
        (None, Some(room)) => {
            format!("at the same price, room for {room} is less than room without a known end")
        }
        (Some(more), Some(room)) if room < more => {
            format!("at the same price, room for {room} is less than for {more}")
        }
        _ => "nothing tells them apart; the policy names it later".to_owned(),
    }
}
