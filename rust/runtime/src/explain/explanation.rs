//! What an explanation says. The JSON of `/api/v1/explain` is this, as it stands here.

use super::edit::Edit;
use crate::view::{DecisionView, LimitsView, ReasonView};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spillway_core::{Attempt, Reason};

/// A decision, explained.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Explanation {
    /// The decision and what became of it.
    pub decision: DecisionView,
    /// `boot`, `forced`, `move_private`, `move_burst` or `rebuild`.
    pub operation: String,
    /// Servers that were asked for.
    pub count: u32,
    /// What was tried, in order.
    pub attempts: Vec<AttemptView>,
    /// What active mode would have tried; empty unless the mode was shadow.
    pub shadow_attempts: Vec<AttemptView>,
    /// The first rule that matched; null when none did, and for anything but a boot.
    pub rule: Option<RuleView>,
    /// The policy.
    pub policy: PolicyView,
    /// What else it was made from; null when that cannot be read.
    pub inputs: Option<InputsView>,
    /// What came second, and why; null when there was one way only.
    pub runner_up: Option<RunnerUp>,
    /// The same decision, made again by this release.
    pub again: DecidedAgain,
    /// What would have changed the first attempt, smallest change first. Each was decided.
    pub counterfactuals: Vec<Counterfactual>,
}

/// One way to serve a request.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AttemptView {
    /// `stock`, `filter`, `burst_only`, `hybrid` or `split`.
    pub kind: String,
    /// The first so many servers stay private; of a split only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_count: Option<u32>,
    /// Nova's name of the burst host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst_host: Option<String>,
    /// Provider's name of the size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Price of one server per hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_usd_per_hour: Option<f64>,
}

impl AttemptView {
    pub(super) fn of(attempt: &Attempt) -> Self {
        let (private_count, burst) = match attempt {
            Attempt::Stock | Attempt::Filter | Attempt::BurstOnly => (None, None),
            Attempt::Hybrid(burst) => (None, Some(burst)),
            Attempt::Split { private, burst } => (Some(*private), Some(burst)),
        };
        AttemptView {
            kind: attempt.kind().to_owned(),
            private_count,
            burst_host: burst.map(|burst| burst.burst_host.clone()),
            size: burst.map(|burst| burst.size.clone()),
            price_usd_per_hour: burst.and_then(|burst| Some(burst.price?.dollars())),
        }
    }
}

pub(super) fn reason_view(reason: &Reason) -> ReasonView {
    ReasonView {
        code: reason.code().to_owned(),
        sentence: reason.to_string(),
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RuleView {
    /// Its name.
    pub name: String,
    /// What it allows: `never`, `overflow` or `load`.
    pub burst: String,
    /// What obstacles, flavor and hint leave of that.
    pub level: String,
}

/// The policy of a decision.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PolicyView {
    /// Its digest.
    pub digest: String,
    /// Its mode; null when it cannot be read.
    pub mode: Option<String>,
    /// Why it cannot be read; null when it can.
    pub problem: Option<String>,
}

/// What a decision was made from besides its policy.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct InputsView {
    /// The time at which it was made, which all ages are counted to.
    pub now_ms: u64,
    /// The snapshot.
    pub snapshot: SnapshotUsed,
    /// Launches were paused by an operator.
    pub paused: bool,
    /// The mode that an operator had set.
    pub operator_mode: Option<String>,
    /// The gates.
    pub gates: Vec<GateUsed>,
    /// The sizes of burst hosts that fit the flavor, with what was known of each.
    pub offers: Vec<OfferUsed>,
    /// The spend, when it was known.
    pub spend: Option<SpendUsed>,
    /// Limits on it.
    pub limits: LimitsUsed,
    /// What Placement said.
    pub evidence: EvidenceUsed,
    /// What Nova asked for, as the journal has it.
    pub request: Value,
}

/// The snapshot that a decision used.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SnapshotUsed {
    /// `known`, `missing`, `stale`, `unreadable` or `newer_format`.
    pub state: String,
    /// Its age, where the journal has it: of a stale one, and of one that was used. All that comes
    /// with it is as old at least: gates, offers and spend. Older releases did not record the age
    /// of one that was used; it was no older than `stale_after_ms`.
    pub age_ms: Option<u64>,
    /// The age at which it was no longer trusted; null when the policy cannot be read.
    pub stale_after_ms: Option<u64>,
}

/// A gate that a decision knew.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GateUsed {
    /// `cloud`, `zone:NAME` or `aggregate:NAME`.
    pub scope: String,
    /// `open` or `closed`: what counted.
    pub effective: String,
    /// What an operator had forced.
    pub forced: Option<String>,
    /// How long its signals had had it in its state; null in lines of older releases.
    pub state_for_ms: Option<u64>,
    /// The signals that asked for it to be open.
    pub asking: Vec<String>,
    /// It counts for this request: the cloud's, its zone's, its rule's aggregate's.
    pub counts: bool,
}

/// A size of a burst host that fits the flavor.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OfferUsed {
    /// Nova's name of the burst host.
    pub burst_host: String,
    /// Provider's name of the size.
    pub size: String,
    /// Price per hour: the offer's, else the policy's.
    pub price_usd_per_hour: Option<f64>,
    /// Servers that could still launch; null is unknown.
    pub room: Option<u32>,
    /// It had just failed, and was not asked for this much longer.
    pub barred_for_ms: Option<u64>,
    /// Failures that were remembered.
    pub recent_failures: u32,
    /// The burst host had said something of it; otherwise only the policy does.
    pub reported: bool,
}

/// Money that was spent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SpendUsed {
    /// By all projects, in an hour.
    pub hourly_usd: f64,
    /// By all projects, since the month began.
    pub month_usd: f64,
    /// By the request's project, in an hour.
    pub project_hourly_usd: f64,
    /// By the request's project, since the month began.
    pub project_month_usd: f64,
}

/// Limits on money.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LimitsUsed {
    /// On all projects together.
    pub total: LimitsView,
    /// On each project.
    pub project: LimitsView,
}

/// What Placement said.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EvidenceUsed {
    /// `not_asked`, `unavailable` or `fits`.
    pub state: String,
    /// Servers of the flavor that still fitted on private hosts, when Placement said it.
    pub fits: Option<u32>,
}

/// What came second.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RunnerUp {
    /// The attempt.
    pub attempt: AttemptView,
    /// Why it was not first.
    pub why: String,
}

/// The same inputs, decided by this release.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DecidedAgain {
    /// The decision came out as recorded.
    pub same: bool,
    /// Why it did not, or could not be made; null when it did.
    pub problem: Option<String>,
}

/// Something that would have changed the first attempt.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Counterfactual {
    /// What would have had to be different: the end of a sentence that begins with "if".
    pub change: String,
    /// The same as edits of the recorded policy and inputs.
    pub edits: Vec<Edit>,
    /// The first attempt then.
    pub attempt: AttemptView,
    /// The first attempt that active mode would have made then; null outside shadow mode.
    pub shadow_attempt: Option<AttemptView>,
    /// The reason that would have decided.
    pub reason: ReasonView,
}
