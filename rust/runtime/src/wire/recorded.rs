//! The journal's lines, read back as far as counters and lists need them. `explain` reads the
//! inputs too.

use super::FORMAT;
use serde::Deserialize;
use spillway_core::Timestamp;
use std::collections::BTreeMap;
use thiserror::Error;

/// Longest line that is read, bytes. A decision with 1,000 servers and 1,000 offers has 250 kB.
pub const MAX_LINE_BYTES: usize = 4 << 20;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq)]
pub enum JournalLine {
    /// A policy that decisions name by its digest.
    Policy(RecordedPolicy),
    /// A decision.
    Decision(RecordedDecision),
    /// What became of a decision.
    Outcome(RecordedOutcome),
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedPolicy {
    /// Its digest.
    pub digest: String,
    /// The whole of it.
    pub toml: String,
}

/// A decision without its inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedDecision {
    /// When the line was written.
    pub at: Timestamp,
    /// Its id.
    pub id: String,
    /// Nova's request id.
    pub request_id: Option<String>,
    /// Digest of the policy.
    pub policy: String,
    /// The servers asked for.
    pub instance_uuids: Vec<String>,
    /// Project id.
    pub project_id: String,
    /// Flavor name.
    pub flavor: String,
    /// Kind of the first attempt.
    pub attempt: String,
    /// Kind of the first attempt that active mode would have made; `None` outside shadow mode.
    pub shadow_attempt: Option<String>,
    /// Code and sentence of each reason, the deciding one first.
    pub reasons: Vec<(String, String)>,
}

/// An outcome.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RecordedOutcome {
    /// Id of its decision.
    pub decision: String,
    /// `placed`, `no_valid_host` or `error`.
    pub result: String,
    /// Kind of the attempt that placed the servers.
    #[serde(default)]
    pub path: Option<String>,
    /// Server to host.
    #[serde(default)]
    pub hosts: BTreeMap<String, String>,
    /// From the call to its end, milliseconds.
    #[serde(default)]
    pub elapsed_ms: Option<f64>,
    /// One sentence more; may be empty.
    #[serde(default)]
    pub detail: String,
}

/// A line that is none of the journal's.
#[derive(Debug, Error)]
pub enum BadLine {
    /// It is longer than [`MAX_LINE_BYTES`].
    #[error("longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// A release that is newer than this one wrote it.
    #[error("format {0}, and this release reads up to {FORMAT}")]
    NewerFormat(u32),
    /// No JSON, or not with the keys that its kind has.
    #[error("{0}")]
    Malformed(#[from] serde_json::Error),
    /// A kind that this release does not know.
    #[error("unknown kind of line")]
    UnknownKind,
}

impl JournalLine {
    /// Reads one line, without its line break.
    ///
    /// # Errors
    /// [`BadLine`]; other lines can be read all the same.
    pub fn read(line: &[u8]) -> Result<JournalLine, BadLine> {
        if line.len() > MAX_LINE_BYTES {
            return Err(BadLine::TooLong);
        }
        let head: Head = serde_json::from_slice(line)?;
        if head.format > FORMAT {
            return Err(BadLine::NewerFormat(head.format));
        }
        match head.kind.as_str() {
            "policy" => Ok(JournalLine::Policy(serde_json::from_slice(line)?)),
            "outcome" => Ok(JournalLine::Outcome(serde_json::from_slice(line)?)),
            "decision" => {
                let shape: DecisionLine = serde_json::from_slice(line)?;
                Ok(JournalLine::Decision(shape.into()))
            }
            _ => Err(BadLine::UnknownKind),
        }
    }
}

#[derive(Deserialize)]
struct Head {
    format: u32,
    kind: String,
}

#[derive(Deserialize)]
struct DecisionLine {
    at_ms: u64,
    id: String,
    #[serde(default)]
    request_id: Option<String>,
    policy: String,
    inputs: InputsLine,
    decision: Decided,
}

#[derive(Deserialize)]
struct InputsLine {
    request: RequestLine,
}

#[derive(Deserialize)]
struct RequestLine {
    #[serde(default)]
    instance_uuids: Vec<String>,
    project_id: String,
    flavor: FlavorLine,
}

#[derive(Deserialize)]
struct FlavorLine {
    name: String,
}

#[derive(Deserialize)]
struct Decided {
    attempts: Vec<AttemptLine>,
    #[serde(default)]
    shadow_attempts: Vec<AttemptLine>,
    reasons: Vec<ReasonLine>,
}

#[derive(Deserialize)]
struct AttemptLine {
    kind: String,
}

#[derive(Deserialize)]
struct ReasonLine {
    code: String,
    sentence: String,
}

impl From<DecisionLine> for RecordedDecision {
    fn from(line: DecisionLine) -> Self {
        let first =
            |attempts: Vec<AttemptLine>| attempts.into_iter().next().map(|first| first.kind);
        let reasons = line.decision.reasons.into_iter();
        RecordedDecision {
            at: Timestamp(line.at_ms),
            id: line.id,
            request_id: line.request_id,
            policy: line.policy,
            instance_uuids: line.inputs.request.instance_uuids,
            project_id: line.inputs.request.project_id,
            flavor: line.inputs.request.flavor.name,
            attempt: first(line.decision.attempts).unwrap_or_default(),
            shadow_attempt: first(line.decision.shadow_attempts),
            reasons: reasons
                .map(|reason| (reason.code, reason.sentence))
                .collect(),
        }
    }
}
