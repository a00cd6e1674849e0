//! What would have changed the first attempt: each of the `changes` is tried by deciding again.

use super::changes::{self, Change, Situation};
use super::edit::{Document, Edit};
use super::explanation::{AttemptView, Counterfactual, reason_view};
use crate::config::Config;
use crate::wire::RecordedInputs;
use serde_json::Value;
use spillway_core::eligibility::Eligible;
use spillway_core::{Attempt, Decision, Policy};
use std::borrow::Cow;

/// Most that are listed; the small changes are tried first.
const MAX_LISTED: usize = 10;

/// Most pairs of changes that are tried, when no change does it alone.
const MAX_PAIRS: usize = 300;

/// Returns the changes after which another attempt comes first.
pub(super) fn of(
    decision: &Decision,
    config: &Config,
    inputs: &RecordedInputs,
    eligible: Option<Eligible<'_>>,
    inputs_json: &Value,
) -> Vec<Counterfactual> {
    let Ok(policy_json) = toml::from_str::<Value>(&config.effective_toml) else {
        return Vec::new();
    };
    let situation = Situation {
        config,
        inputs,
        eligible,
        decision,
        policy_json: &policy_json,
    };
    let trial = Trial {
        decision,
        config,
        inputs_json,
        policy_json: &policy_json,
    };
    let groups: Vec<Vec<Tried>> = changes::of(&situation)
        .into_iter()
        .map(|alternatives| alternatives.into_iter().map(|c| trial.prepare(c)).collect())
        .collect();
    let mut found: Vec<_> = groups
        .iter()
        .filter_map(|group| group.iter().find_map(|change| trial.result(&[change])))
        .collect();
    if found.is_empty() {
        found = trial.pairs(&groups);
    }
    found.truncate(MAX_LISTED);
    found
}

/// A change with the policy that it makes.
struct Tried {
    change: Change,
    /// `None` when the changed policy is no good.
    policy: Option<Policy>,
}

struct Trial<'a> {
    decision: &'a Decision,
    config: &'a Config,
    inputs_json: &'a Value,
    policy_json: &'a Value,
}

impl Trial<'_> {
    fn prepare(&self, change: Change) -> Tried {
        let edits: Vec<_> = change.edits.iter().collect();
        Tried {
            policy: self.policy(&edits).map(Cow::into_owned),
            change,
        }
    }

    /// The policy after the edits of it; `None` when they cannot be made.
    fn policy(&self, edits: &[&Edit]) -> Option<Cow<'_, Policy>> {
        let mut edited: Option<Value> = None;
        for edit in edits.iter().filter(|e| e.document == Document::Policy) {
            let document = edited.get_or_insert_with(|| self.policy_json.clone());
            if !edit.apply(document) {
                return None;
            }
        }
        let Some(document) = edited else {
            return Some(Cow::Borrowed(&self.config.policy));
        };
        let toml = toml::to_string(&document).ok()?;
        let config = Config::from_toml(&toml, "policy").ok()?;
        Some(Cow::Owned(config.policy))
    }

    /// What the changes together make of the decision; `None` when it stays as it was.
    fn result(&self, tried: &[&Tried]) -> Option<Counterfactual> {
        let edits: Vec<&Edit> = tried.iter().flat_map(|one| &one.change.edits).collect();
        let of_policy = |one: &Tried| {
            let edits = &one.change.edits;
            edits.iter().any(|edit| edit.document == Document::Policy)
        };
        let changed: Vec<_> = tried.iter().filter(|one| of_policy(one)).collect();
        let policy = match changed.as_slice() {
            [] => Cow::Borrowed(&self.config.policy),
            [one] => Cow::Borrowed(one.policy.as_ref()?),
            _ => self.policy(&edits)?,
        };
        let mut document = self.inputs_json.clone();
        for edit in edits.iter().filter(|e| e.document == Document::Inputs) {
            if !edit.apply(&mut document) {
                return None;
            }
        }
        let inputs = RecordedInputs::parse(&document.to_string()).ok()?;
        let decision = inputs.decide(&policy);
        if first_attempts(&decision) == first_attempts(self.decision) {
            return None;
        }
        let sentences: Vec<_> = tried.iter().map(|one| &*one.change.sentence).collect();
        Some(Counterfactual {
            change: sentences.join(" and "),
            edits: edits.into_iter().cloned().collect(),
            attempt: decision.attempts.first().map(AttemptView::of)?,
            shadow_attempt: decision.shadow_attempts.first().map(AttemptView::of),
            reason: decision.reasons.first().map(reason_view)?,
        })
    }

    fn pairs(&self, groups: &[Vec<Tried>]) -> Vec<Counterfactual> {
        let mut found = Vec::new();
        let mut left = MAX_PAIRS;
        for (at, group) in groups.iter().enumerate() {
            for other in &groups[at + 1..] {
                let pairs = group.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
                for (one, two) in pairs {
                    left = left.saturating_sub(1);
                    if left == 0 || found.len() == MAX_LISTED {
                        return found;
                    }
                    // Two changes of one thing would contradict each other.
                    let apart = one.change.edits.iter().all(|a| {
                        let same = |b: &Edit| a.document == b.document && a.path == b.path;
                        !two.change.edits.iter().any(same)
                    });
                    if apart && let Some(result) = self.result(&[one, two]) {
                        found.push(result);
                        break;
                    }
                }
            }
        }
        found
    }
}

/// The first attempt, and the one in active mode. The price alone makes neither another.
fn first_attempts(decision: &Decision) -> [Option<Attempt>; 2] {
    let shadow = decision.shadow_attempts.first();
    let first = decision.attempts.first();
    [first, shadow.or(first)].map(|attempt| {
        let mut attempt = attempt.cloned();
        if let Some(Attempt::Hybrid(burst) | Attempt::Split { burst, .. }) = &mut attempt {
            burst.price = None;
        }
        attempt
    })
}
