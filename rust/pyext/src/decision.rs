//! `Decision` and what it is made of.

use crate::errors::{PolicyError, guarded};
use crate::request::Request;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use spillway_core::{Evidence, attempt, decide};
use spillway_runtime::wire::{Observed, ReplayError};
use std::sync::Arc;

/// What is done about a request, and why, with the inputs that the journal keeps.
#[pyclass(frozen, module = "nova_spillway._native")]
pub(crate) struct Decision {
    pub(crate) id: String,
    pub(crate) decision: decide::Decision,
    pub(crate) request: Py<Request>,
    pub(crate) observed: Arc<Observed>,
    pub(crate) evidence: Evidence,
    pub(crate) decided_at: spillway_core::Timestamp,
    pub(crate) policy_digest: String,
}

#[pymethods]
impl Decision {
    #[getter]
    fn id(&self) -> &str {
        &self.id
    }

    #[getter]
    fn attempts(&self) -> Vec<Attempt> {
        self.decision
            .attempts
            .iter()
            .cloned()
            .map(Attempt)
            .collect()
    }

    #[getter]
    fn shadow_attempts(&self) -> Vec<Attempt> {
        self.decision
            .shadow_attempts
            .iter()
            .cloned()
            .map(Attempt)
            .collect()
    }

    #[getter]
    fn reasons(&self) -> Vec<Reason> {
        self.decision.reasons.iter().cloned().map(Reason).collect()
    }

    #[getter]
    fn primary(&self) -> PyResult<Reason> {
        let first = self.decision.reasons.first().cloned();
        first
            .map(Reason)
            .ok_or_else(|| PyValueError::new_err("a decision without a reason"))
    }

    #[getter]
    fn wants_evidence(&self) -> bool {
        self.decision.wants_evidence
    }

    fn summary(&self) -> String {
        let sentences: Vec<_> = self
            .decision
            .reasons
            .iter()
            .map(ToString::to_string)
            .collect();
        sentences.join("; ")
    }

    fn __repr__(&self) -> String {
        format!("<Decision {}: {}>", self.id, self.summary())
    }
}

/// One way to serve a request.
#[pyclass(frozen, module = "nova_spillway._native")]
pub(crate) struct Attempt(attempt::Attempt);

impl Attempt {
    fn placement(&self) -> Option<&attempt::Placement> {
        match &self.0 {
            attempt::Attempt::Hybrid(burst) | attempt::Attempt::Split { burst, .. } => Some(burst),
            attempt::Attempt::Stock | attempt::Attempt::Filter | attempt::Attempt::BurstOnly => {
                None
            }
        }
    }
}

#[pymethods]
impl Attempt {
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    #[getter]
    fn burst_host(&self) -> Option<&str> {
        self.placement().map(|burst| burst.burst_host.as_str())
    }

    #[getter]
    fn size(&self) -> Option<&str> {
        self.placement().map(|burst| burst.size.as_str())
    }

    #[getter]
    fn price_usd_per_hour(&self) -> Option<f64> {
        self.placement()
            .and_then(|burst| burst.price)
            .map(spillway_core::Usd::dollars)
    }

    #[getter]
    fn private_count(&self) -> u32 {
        match self.0 {
            attempt::Attempt::Split { private, .. } => private,
            _ => 0,
        }
    }

    fn __repr__(&self) -> String {
        match self.placement() {
            Some(burst) => format!(
                "<Attempt {} {} {}>",
                self.kind(),
                burst.burst_host,
                burst.size
            ),
            None => format!("<Attempt {}>", self.kind()),
        }
    }
}

/// Why: a code of a closed set, and a sentence.
#[pyclass(frozen, module = "nova_spillway._native")]
pub(crate) struct Reason(spillway_core::Reason);

#[pymethods]
impl Reason {
    #[getter]
    fn code(&self) -> &'static str {
        self.0.code()
    }

    #[getter]
    fn sentence(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<Reason {}>", self.0.code())
    }
}

/// Decides on recorded inputs, as in the journal.
#[pyfunction]
pub(crate) fn decide_recorded(policy_toml: &str, inputs_json: &str) -> PyResult<String> {
    guarded(|| {
        spillway_runtime::wire::decide_recorded(policy_toml, inputs_json).map_err(|error| {
            let text = error.to_string();
            match error {
                ReplayError::Policy(_) => PolicyError::new_err(text),
                ReplayError::Inputs(_) => PyValueError::new_err(text),
            }
        })
    })
}

/// Every reason code there is.
#[pyfunction]
pub(crate) fn reason_codes() -> Vec<&'static str> {
    spillway_core::Reason::CODES.to_vec()
}
