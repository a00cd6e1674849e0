//! The file that the scheduler appends one line per decision and per outcome to.

use spillway_core::{Decision, Evidence, Load, Offer, Request, Timestamp};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// One decision with everything that it was made from.
#[derive(Debug, Clone, Copy)]
pub struct DecisionRecord<'a> {
    /// Id of the decision, which its outcome names again.
    pub id: &'a str,
    /// Nova's request id, when there is one.
    pub request_id: Option<&'a str>,
    /// Digest of the policy.
    pub policy: &'a str,
    /// The time that was given to `decide`.
    pub decided_at: Timestamp,
    /// The servers asked for, in Nova's order.
    pub instance_uuids: &'a [String],
    /// What Nova asked for.
    pub request: &'a Request,
    /// What was known about the private cloud.
    pub load: &'a Load,
    /// What was known about the burst hosts.
    pub offers: &'a [Offer],
    /// What Placement said.
    pub evidence: Evidence,
    /// What was decided.
    pub decision: &'a Decision,
}

/// What became of a decision.
#[derive(Debug, Clone, Copy)]
pub struct OutcomeRecord<'a> {
    /// Id of the decision.
    pub decision: &'a str,
    /// `placed`, `no_valid_host` or `error`.
    pub result: &'a str,
    /// Kind of the attempt that placed the servers, when one did.
    pub path: Option<&'a str>,
    /// Instance uuid to host.
    pub hosts: &'a BTreeMap<String, String>,
    /// Time from the call to its end, milliseconds.
    pub elapsed_ms: f64,
    /// One sentence more, when there is one to say; may be empty.
    pub detail: &'a str,
}

/// Appends whole lines to the journal. Opens nothing until the first line.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    failures: u64,
    last_error: Option<String>,
}

impl Journal {
    /// A journal that is not opened yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Journal {
            path,
            failures: 0,
            last_error: None,
        }
    }

    /// Records the policy that decisions stand on from now on; written before the first decision.
    ///
    /// # Errors
    /// The line was not written. The failure is counted too.
    pub fn append_policy(&mut self, digest: &str, toml: &str, now: Timestamp) -> io::Result<()> {
        let _ = (digest, toml, now, &self.path);
        unimplemented!()
    }

    /// Records a decision.
    ///
    /// # Errors
    /// The line was not written. The failure is counted too.
    pub fn append_decision(
        &mut self,
        record: &DecisionRecord<'_>,
        now: Timestamp,
    ) -> io::Result<()> {
        let _ = (record, now);
        unimplemented!()
    }

    /// Records what became of a decision.
    ///
    /// # Errors
    /// The line was not written. The failure is counted too.
    pub fn append_outcome(&mut self, record: &OutcomeRecord<'_>, now: Timestamp) -> io::Result<()> {
        let _ = (record, now);
        unimplemented!()
    }

    /// Lines that were not written since this process began.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// Why the newest line was not written; `None` after one that was.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }
}
