//! A decision's line with all that it was made from.

use super::explanation::AttemptView;
use crate::view::{DecisionView, OutcomeView};
use crate::wire::{RecordedDecision, RecordedOutcome};
use serde::Deserialize;
use serde_json::Value;

/// A decision with its inputs.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) decision: RecordedDecision,
    /// The line's `inputs`.
    pub(super) inputs: Value,
    /// The line's `decision`.
    pub(super) decided: Value,
}

/// What a line has as its decision.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attempts {
    pub(super) attempts: Vec<AttemptView>,
    pub(super) shadow_attempts: Vec<AttemptView>,
}

impl Record {
    /// Adds what [`RecordedDecision`] leaves out of its `line`.
    pub(super) fn of(decision: RecordedDecision, line: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Rest {
            inputs: Value,
            decision: Value,
        }
        let rest: Rest = serde_json::from_slice(line)?;
        Ok(Record {
            decision,
            inputs: rest.inputs,
            decided: rest.decision,
        })
    }

    /// What was decided, as far as it can be read.
    pub(super) fn attempts(&self) -> Attempts {
        Attempts::deserialize(&self.decided).unwrap_or_default()
    }

    /// What Nova asked for.
    pub(super) fn request(&self) -> &Value {
        &self.inputs["request"]
    }
}

/// Whether it is the decision `id`, or one of that request or server.
pub(super) fn is_about(decision: &RecordedDecision, id: &str) -> bool {
    decision.id == id
        || decision.request_id.as_deref() == Some(id)
        || decision.instance_uuids.iter().any(|uuid| uuid == id)
}

/// A decision as it is shown, with what became of it.
pub(super) fn view(decision: RecordedDecision, outcome: Option<RecordedOutcome>) -> DecisionView {
    DecisionView {
        outcome: outcome.map(OutcomeView::from),
        ..decision.into()
    }
}
