//! Decides again on recorded inputs. Golden cases, `explain` and `replay` stand on it.

use crate::config::Diagnostics;
use thiserror::Error;

/// Recorded inputs that cannot be decided on.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The recorded policy is unusable.
    #[error("the policy is unusable: {0}")]
    Policy(#[source] Diagnostics),
    /// The recorded inputs are unusable.
    #[error("the inputs are unusable")]
    Inputs(#[source] serde_json::Error),
}

/// Decides on a journal line's `inputs` under a policy; returns the line's `decision`.
///
/// # Errors
/// [`ReplayError`] when policy or inputs are unusable.
pub fn decide_recorded(policy_toml: &str, inputs_json: &str) -> Result<String, ReplayError> {
    let _ = (policy_toml, inputs_json);
    unimplemented!()
}
