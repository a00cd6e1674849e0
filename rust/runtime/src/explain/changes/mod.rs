//! What could have been different: candidates, each of which has yet to be tried.
//!
//! They come smallest first: what varies by itself (gates, evidence, offers, spend), then an
//! operator's word, then the policy, then the request. Of alternatives to one another, which
//! are in one list, the first that works is shown.

mod load;
mod offers;
mod policy;
mod request;

use super::edit::{Document, Edit, Operation};
use crate::config::Config;
use crate::wire::RecordedInputs;
use serde_json::Value;
use spillway_core::Decision;
use spillway_core::eligibility::Eligible;

/// Something that could have been different.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// The end of a sentence that begins with "if".
    pub(super) sentence: String,
    pub(super) edits: Vec<Edit>,
}

/// A decision and all that it was made from.
#[derive(Clone, Copy)]
pub(super) struct Situation<'a> {
    pub(super) config: &'a Config,
    pub(super) inputs: &'a RecordedInputs,
    /// The rule that lets the request burst, when one does.
    pub(super) eligible: Option<Eligible<'a>>,
    pub(super) decision: &'a Decision,
    /// The policy as the edits see it.
    pub(super) policy_json: &'a Value,
}

/// Every candidate, in lists of alternatives.
pub(super) fn of(situation: &Situation<'_>) -> Vec<Vec<Change>> {
    let mut all = load::gates(situation);
    all.push(load::evidence(situation));
    all.extend(offers::of(situation));
    all.push(load::spend(situation));
    all.extend(load::operators_word(situation));
    all.extend(policy::of(situation));
    all.extend(request::of(situation));
    all.retain(|alternatives| !alternatives.is_empty());
    all
}

impl Situation<'_> {
    /// Position of the rule in the policy.
    fn rule_at(&self, name: &str) -> Option<usize> {
        let rules = &self.config.policy.rules;
        rules.iter().position(|rule| rule.name == name)
    }
}

fn change(sentence: impl Into<String>, edits: impl Into<Vec<Edit>>) -> Change {
    Change {
        sentence: sentence.into(),
        edits: edits.into(),
    }
}

fn add(document: Document, path: &[&str], value: impl Into<Value>) -> Edit {
    Edit::new(document, Operation::Add, path, value.into())
}

fn replace(document: Document, path: &[&str], value: impl Into<Value>) -> Edit {
    Edit::new(document, Operation::Replace, path, value.into())
}

fn remove(document: Document, path: &[&str]) -> Edit {
    Edit::new(document, Operation::Remove, path, Value::Null)
}
