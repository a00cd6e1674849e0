//! Decides again on recorded inputs. Golden cases, `explain` and `replay` stand on it.

use super::decision::DecisionShape;
use super::inputs::Inputs;
use super::origin::Origin;
use crate::config::{Config, Diagnostics};
use spillway_core::{Decision, Evidence, Load, Offer, Policy, Request, Timestamp, decide};
use thiserror::Error;

/// Recorded inputs that cannot be decided on.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The recorded policy is unusable.
    #[error("{0}")]
    Policy(Diagnostics),
    /// The recorded inputs are unusable.
    #[error("the recorded inputs are unusable: {0}")]
    Inputs(serde_json::Error),
}

/// What a decision was made from besides the policy, as `decide` takes it.
#[derive(Debug, Clone)]
pub(crate) struct RecordedInputs {
    pub(crate) request: Request,
    pub(crate) load: Load,
    // Only explanations look at it.
    #[cfg_attr(not(feature = "engine"), allow(dead_code))]
    pub(crate) origin: Origin,
    pub(crate) offers: Vec<Offer>,
    pub(crate) evidence: Evidence,
    pub(crate) now: Timestamp,
}

impl RecordedInputs {
    /// Reads the `inputs` of a journal line.
    pub(crate) fn parse(inputs_json: &str) -> Result<Self, ReplayError> {
        let inputs: Inputs<'_> = serde_json::from_str(inputs_json).map_err(ReplayError::Inputs)?;
        Ok(RecordedInputs {
            request: inputs.request.into(),
            origin: inputs.load.origin(),
            load: inputs.load.into(),
            offers: inputs.offers.into_iter().map(Offer::from).collect(),
            evidence: inputs.evidence.into(),
            now: Timestamp(inputs.now_ms),
        })
    }

    /// Decides on them.
    pub(crate) fn decide(&self, policy: &Policy) -> Decision {
        decide(
            policy,
            &self.load,
            &self.offers,
            &self.request,
            self.evidence,
            self.now,
        )
    }
}

/// Returns what a journal line has as its `decision`.
pub(crate) fn decision_json(decision: &Decision) -> serde_json::Result<String> {
    serde_json::to_string(&DecisionShape::of(decision))
}

/// Decides on the `inputs` of a journal line under a policy line's `toml`; returns what such a
/// line has as its `decision`. The environment plays no part.
///
/// # Errors
/// [`ReplayError`] when policy or inputs are unusable.
pub fn decide_recorded(policy_toml: &str, inputs_json: &str) -> Result<String, ReplayError> {
    let config = Config::from_toml(policy_toml, "policy").map_err(ReplayError::Policy)?;
    let decision = RecordedInputs::parse(inputs_json)?.decide(&config.policy);
    decision_json(&decision).map_err(ReplayError::Inputs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::inputs::RequestShape;
    use crate::wire::load::{LoadShape, OfferShape};
    use serde_json::Value;
    use std::fs;
    use std::path::Path;

    /// `written` has everything that `read` had; numbers by value, and what is null was absent.
    fn keeps(read: &Value, written: &Value) -> bool {
        match (read, written) {
            (Value::Object(read), written) => read.iter().all(|(key, value)| {
                let is_other_project = key == "p2";
                value.is_null() || is_other_project || keeps(value, &written[key])
            }),
            (Value::Array(read), Value::Array(written)) => {
                read.len() == written.len()
                    && read
                        .iter()
                        .zip(written)
                        .all(|(read, written)| keeps(read, written))
            }
            (Value::Number(read), Value::Number(written)) => read.as_f64() == written.as_f64(),
            (read, written) => read == written,
        }
    }

    /// What the journal records of a decision's inputs is what they were.
    #[test]
    fn inputs_survive_the_way_into_the_core_and_back() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/decisions");
        let mut seen = 0;
        for entry in fs::read_dir(folder).expect("golden cases") {
            let path = entry.expect("an entry").path();
            let text = fs::read_to_string(&path).expect("a case");
            let case: Value = serde_json::from_str(&text).expect("JSON");
            let recorded = case["inputs"].to_string();
            let inputs: Inputs<'_> = serde_json::from_str(&recorded).expect("inputs");
            let request = Request::from(inputs.request);
            let origin = inputs.load.origin();
            let load = Load::from(inputs.load);
            let offers: Vec<Offer> = inputs.offers.into_iter().map(Offer::from).collect();
            let again = Inputs {
                now_ms: inputs.now_ms,
                request: RequestShape::of(&request, &[]),
                load: LoadShape::of(&load, &origin, &request.project_id),
                offers: offers.iter().map(OfferShape::of).collect(),
                evidence: inputs.evidence,
            };
            let written = serde_json::to_value(&again).expect("JSON");
            assert!(
                keeps(&case["inputs"], &written),
                "{}\n{recorded}\n{written}",
                path.display()
            );
            seen += 1;
        }
        assert!(seen >= 30, "{seen} cases");
    }
}
