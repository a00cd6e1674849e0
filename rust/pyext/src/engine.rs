//! `Engine`: policy, snapshot and journal of one process.

use crate::decision::Decision;
use crate::errors::{PolicyError, guarded};
use crate::request::Request;
use pyo3::prelude::*;
use spillway_core::{Evidence, Timestamp, decide};
use spillway_runtime::config::Config;
use spillway_runtime::policy_file::{PolicyFile, Refreshed};
use spillway_runtime::wire::{DecisionRecord, Journal, OutcomeRecord, SnapshotFile};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Policy, snapshot and journal of one process. The constructor touches no file.
///
/// The mutex is never contended, because the GIL is held through every call, and it cannot be
/// held across a fork, because the forking thread holds the GIL.
#[pyclass(frozen, module = "nova_spillway._native")]
pub(crate) struct Engine(Mutex<State>);

struct State {
    policy_file: PolicyFile,
    taken: Option<Taken>,
    decisions: u64,
}

/// What a policy brings with it.
struct Taken {
    config: Arc<Config>,
    snapshot: SnapshotFile,
    journal: Journal,
}

impl Engine {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the state was held left at worst a cache half-filled; it is read anew.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Engine {
    #[new]
    fn new(policy_path: PathBuf) -> Self {
        Engine(Mutex::new(State {
            policy_file: PolicyFile::new(policy_path),
            taken: None,
            decisions: 0,
        }))
    }

    fn refresh(&self, now: f64) -> PyResult<Option<String>> {
        guarded(|| {
            let mut state = self.state();
            let now = timestamp(now);
            Ok(match state.policy_file.refresh(now) {
                Refreshed::Unchanged => None,
                Refreshed::Refused(line) => Some(line),
                Refreshed::Taken(config) => Some(state.take(config, now)),
            })
        })
    }

    #[getter]
    fn has_policy(&self) -> bool {
        self.state().taken.is_some()
    }

    #[getter]
    fn mode(&self) -> Option<&'static str> {
        self.state()
            .taken
            .as_ref()
            .map(|taken| taken.config.policy.mode.name())
    }

    #[getter]
    fn burst_hosts(&self) -> Vec<String> {
        let state = self.state();
        let hosts = state
            .taken
            .iter()
            .flat_map(|taken| &taken.config.policy.burst_hosts);
        hosts.map(|host| host.name.clone()).collect()
    }

    #[getter]
    fn policy_digest(&self) -> Option<String> {
        self.state()
            .taken
            .as_ref()
            .map(|taken| taken.config.digest.clone())
    }

    #[getter]
    fn policy_error(&self) -> Option<String> {
        self.state().policy_file.refusal().map(str::to_owned)
    }

    fn decide(
        &self,
        py: Python<'_>,
        request: Py<Request>,
        private_fits: Option<i64>,
        now: f64,
    ) -> PyResult<Decision> {
        guarded(|| {
            let now = timestamp(now);
            let evidence = match private_fits {
                None => Evidence::NotAsked,
                Some(fits) => u32::try_from(fits).map_or(Evidence::Unavailable, Evidence::Fits),
            };
            let mut state = self.state();
            let id = state.next_id(now);
            let Some(taken) = state.taken.as_mut() else {
                return Err(PolicyError::new_err("there is no policy"));
            };
            let observed = taken.snapshot.read(now);
            let decision = decide(
                &taken.config.policy,
                &observed.load,
                &observed.offers,
                &request.get().core,
                evidence,
                now,
            );
            Ok(Decision {
                id,
                decision,
                request: request.clone_ref(py),
                observed,
                evidence,
                decided_at: now,
                policy_digest: taken.config.digest.clone(),
            })
        })
    }

    fn record_decision(&self, decision: &Decision, now: f64) -> PyResult<bool> {
        guarded(|| {
            let mut state = self.state();
            let Some(taken) = state.taken.as_mut() else {
                return Ok(false);
            };
            let request = decision.request.get();
            Ok(taken
                .journal
                .append_decision(
                    &DecisionRecord {
                        id: &decision.id,
                        request_id: request.request_id.as_deref(),
                        policy: &decision.policy_digest,
                        instance_uuids: &request.instance_uuids,
                        request: &request.core,
                        load: &decision.observed.load,
                        origin: &decision.observed.origin,
                        offers: &decision.observed.offers,
                        evidence: decision.evidence,
                        decided_at: decision.decided_at,
                        decision: &decision.decision,
                    },
                    timestamp(now),
                )
                .is_ok())
        })
    }

    #[allow(clippy::too_many_arguments)]
    #[pyo3(signature = (decision, *, result, path, hosts, elapsed_ms, detail, now))]
    fn record_outcome(
        &self,
        decision: &Decision,
        result: &str,
        path: Option<&str>,
        hosts: BTreeMap<String, String>,
        elapsed_ms: f64,
        detail: &str,
        now: f64,
    ) -> PyResult<bool> {
        guarded(|| {
            let mut state = self.state();
            let Some(taken) = state.taken.as_mut() else {
                return Ok(false);
            };
            let outcome = OutcomeRecord {
                decision: &decision.id,
                result,
                path,
                hosts: &hosts,
                elapsed_ms,
                detail,
            };
            Ok(taken
                .journal
                .append_outcome(&outcome, timestamp(now))
                .is_ok())
        })
    }

    #[getter]
    fn journal_failures(&self) -> u64 {
        self.state()
            .taken
            .as_ref()
            .map_or(0, |taken| taken.journal.failures())
    }

    #[getter]
    fn journal_error(&self) -> Option<String> {
        let state = self.state();
        state
            .taken
            .as_ref()
            .and_then(|taken| taken.journal.last_error().map(str::to_owned))
    }
}

impl State {
    fn take(&mut self, config: Arc<Config>, now: Timestamp) -> String {
        let mut journal = match self.taken.take() {
            Some(before) if before.config.journal == config.journal => before.journal,
            _ => Journal::new(config.journal.path.clone()),
        };
        // A line that cannot be written is counted by the journal, and stops nothing.
        let recorded = journal.append_policy(&config.digest, &config.effective_toml, now);
        let line = format!(
            "policy {} taken{}: mode {}, {} rules, {} burst hosts",
            config.digest,
            if recorded.is_ok() {
                ""
            } else {
                ", not recorded"
            },
            config.policy.mode.name(),
            config.policy.rules.len(),
            config.policy.burst_hosts.len(),
        );
        let snapshot = SnapshotFile::new(config.snapshot.path.clone(), config.snapshot.stale_after);
        self.taken = Some(Taken {
            config,
            snapshot,
            journal,
        });
        line
    }

    /// Unique among processes of a host and over restarts: time, process, count.
    fn next_id(&mut self, now: Timestamp) -> String {
        self.decisions += 1;
        format!("{:x}-{:x}-{:x}", now.0, std::process::id(), self.decisions)
    }
}

/// Seconds as Python has them, to milliseconds. NaN and times before 1970 become 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn timestamp(seconds: f64) -> Timestamp {
    // Float-to-integer casts saturate, which is what is wanted at both ends.
    Timestamp((seconds * 1_000.0) as u64)
}
