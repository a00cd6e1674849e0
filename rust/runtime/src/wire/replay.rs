//! Decides again on recorded inputs. Golden cases, `explain` and `replay` stand on it.

use super::decision::DecisionShape;
use super::inputs::Inputs;
use crate::config::{Config, Diagnostics};
use spillway_core::{Load, Offer, Request, Timestamp, decide};
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

/// Decides on the `inputs` of a journal line under a policy line's `toml`; returns what such a
/// line has as its `decision`. The environment plays no part.
///
/// # Errors
/// [`ReplayError`] when policy or inputs are unusable.
pub fn decide_recorded(policy_toml: &str, inputs_json: &str) -> Result<String, ReplayError> {
    let config = Config::from_toml(policy_toml, "policy").map_err(ReplayError::Policy)?;
    let inputs: Inputs<'_> = serde_json::from_str(inputs_json).map_err(ReplayError::Inputs)?;
    let request = Request::from(inputs.request);
    let load = Load::from(inputs.load);
    let offers: Vec<Offer> = inputs.offers.into_iter().map(Offer::from).collect();
    let decision = decide(
        &config.policy,
        &load,
        &offers,
        &request,
        inputs.evidence.into(),
        Timestamp(inputs.now_ms),
    );
    serde_json::to_string(&DecisionShape::of(&decision)).map_err(ReplayError::Inputs)
}
