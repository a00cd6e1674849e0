//! The journal's lines. Each stands for itself: a reader needs no other line to understand it,
//! except that a decision names its policy by digest and an outcome its decision by id.

use super::FORMAT;
use super::decision::DecisionShape;
use super::inputs::{Inputs, RequestShape};
use super::load::{LoadShape, OfferShape};
use super::origin::Origin;
use serde::Serialize;
use spillway_core::{Decision, Evidence, Load, Offer, Request, Timestamp};
use std::collections::BTreeMap;
use std::io;

/// One decision with everything that it was made from.
#[derive(Debug, Clone, Copy)]
pub struct DecisionRecord<'a> {
    /// Id of the decision, which its outcome names again.
    pub id: &'a str,
    /// Nova's request id, when there is one.
    pub request_id: Option<&'a str>,
    /// Digest of the policy.
    pub policy: &'a str,
    /// The servers asked for, in Nova's order.
    pub instance_uuids: &'a [String],
    /// What Nova asked for.
    pub request: &'a Request,
    /// What was known about the private cloud. Of the spend by project, only that of the
    /// request's project is recorded: a decision looks at no other.
    pub load: &'a Load,
    /// Where that came from.
    pub origin: &'a Origin,
    /// What was known about the burst hosts.
    pub offers: &'a [Offer],
    /// What Placement said.
    pub evidence: Evidence,
    /// The time that was given to `decide`.
    pub decided_at: Timestamp,
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
    /// Time from the call to its end, milliseconds; written as null when it is no number.
    pub elapsed_ms: f64,
    /// One sentence more, when there is one to say; may be empty.
    pub detail: &'a str,
}

/// The keys that every line begins with.
#[derive(Serialize)]
struct Line<T> {
    format: u32,
    kind: &'static str,
    at_ms: u64,
    #[serde(flatten)]
    rest: T,
}

fn write<T: Serialize>(
    line: &mut Vec<u8>,
    kind: &'static str,
    now: Timestamp,
    rest: T,
) -> io::Result<()> {
    let value = Line {
        format: FORMAT,
        kind,
        at_ms: now.0,
        rest,
    };
    // JSON escapes line breaks within texts, so a value is always one line.
    serde_json::to_writer(line, &value).map_err(io::Error::from)
}

/// Appends the line of a policy that was taken, without its line break.
pub(super) fn write_policy(
    line: &mut Vec<u8>,
    digest: &str,
    toml: &str,
    now: Timestamp,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Policy<'a> {
        digest: &'a str,
        toml: &'a str,
    }
    write(line, "policy", now, Policy { digest, toml })
}

/// Appends the line of a decision, without its line break.
pub(super) fn write_decision(
    line: &mut Vec<u8>,
    record: &DecisionRecord<'_>,
    now: Timestamp,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Decided<'a> {
        id: &'a str,
        request_id: Option<&'a str>,
        policy: &'a str,
        inputs: Inputs<'a>,
        decision: DecisionShape<'a>,
    }
    let rest = Decided {
        id: record.id,
        request_id: record.request_id,
        policy: record.policy,
        inputs: Inputs {
            now_ms: record.decided_at.0,
            request: RequestShape::of(record.request, record.instance_uuids),
            load: LoadShape::of(record.load, record.origin, &record.request.project_id),
            offers: record.offers.iter().map(OfferShape::of).collect(),
            evidence: record.evidence.into(),
        },
        decision: DecisionShape::of(record.decision),
    };
    write(line, "decision", now, rest)
}

/// Appends the line of an outcome, without its line break.
pub(super) fn write_outcome(
    line: &mut Vec<u8>,
    record: &OutcomeRecord<'_>,
    now: Timestamp,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Became<'a> {
        decision: &'a str,
        result: &'a str,
        path: Option<&'a str>,
        hosts: &'a BTreeMap<String, String>,
        elapsed_ms: f64,
        detail: &'a str,
    }
    let rest = Became {
        decision: record.decision,
        result: record.result,
        path: record.path,
        hosts: record.hosts,
        elapsed_ms: record.elapsed_ms,
        detail: record.detail,
    };
    write(line, "outcome", now, rest)
}
