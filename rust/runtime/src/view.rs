//! What the sidecar shows of itself: one immutable value that the page, the API and the metrics
//! are made from. The JSON of `/api/v1/status` is this, as it stands here.
//!
//! Times are Unix milliseconds, ages are not in it: whoever shows it knows the time. Reading it
//! back takes what is missing as empty, so that a command and a sidecar of two releases understand
//! each other.

use crate::wire::{RecordedDecision, RecordedOutcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that is shown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct View {
    /// Version of the sidecar.
    pub version: String,
    /// When this was put together.
    pub at_ms: u64,
    /// When the sidecar started.
    pub started_at_ms: u64,
    /// The mode.
    pub mode: ModeView,
    /// No launches, by an operator's word.
    pub paused: bool,
    /// The policy file.
    pub config: ConfigView,
    /// The snapshot.
    pub snapshot: SnapshotView,
    /// The gates, the cloud's first.
    pub gates: Vec<GateView>,
    /// The signals, in the order of the policy file.
    pub signals: Vec<SignalView>,
    /// The sources, by name.
    pub sources: Vec<SourceView>,
    /// The burst hosts, in the order of the policy file.
    pub burst_hosts: Vec<BurstHostView>,
    /// Spend of all burst hosts; null while any of them does not say.
    pub spend: Option<SpendView>,
    /// Limits on the spend; null does not limit.
    pub limits: LimitsView,
    /// The journal.
    pub journal: JournalView,
    /// The newest decisions, newest first, at most 50.
    pub decisions: Vec<DecisionView>,
}

/// The mode: the lesser of two.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ModeView {
    /// `off`, `shadow` or `active`: what counts.
    pub effective: String,
    /// What the policy file says.
    pub policy: String,
    /// What an operator said, when they did.
    pub operator: Option<String>,
}

/// The policy file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ConfigView {
    /// Its path.
    pub path: String,
    /// Digest of the policy in effect.
    pub digest: String,
    /// When it was taken.
    pub taken_at_ms: u64,
    /// Why the file as it is now was refused; null while it is good.
    pub refusal: Option<String>,
    /// How often a changed file was taken.
    pub taken: u64,
    /// How often one was refused.
    pub refused: u64,
}

/// The snapshot.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SnapshotView {
    /// Its path.
    pub path: String,
    /// When it was last written.
    pub written_at_ms: Option<u64>,
    /// Why the newest try failed; null after one that did not.
    pub error: Option<String>,
    /// Times that it was written.
    pub writes: u64,
    /// Times that it could not be written.
    pub failures: u64,
    /// Age at which the scheduler no longer trusts it.
    pub stale_after_ms: u64,
}

/// A gate.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GateView {
    /// `cloud`, `zone:NAME` or `aggregate:NAME`.
    pub scope: String,
    /// `open` or `closed`: what counts.
    pub effective: String,
    /// What the signals gave.
    pub state: String,
    /// Since when they gave it.
    pub since_ms: u64,
    /// What an operator forced, when they did.
    pub forced: Option<String>,
    /// Until when; null is until it is taken back.
    pub forced_until_ms: Option<u64>,
    /// Why it stands as it does, for people.
    pub why: String,
    /// Signals that ask for it to be open.
    pub asking: Vec<AskingView>,
    /// Times that the signals opened it.
    pub opened: u64,
    /// Times that they closed it.
    pub closed: u64,
}

/// A signal that asks for a gate to be open.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AskingView {
    /// Name of the signal.
    pub signal: String,
    /// Since when.
    pub since_ms: u64,
    /// It is not over its threshold yet; its course is forecast to be.
    pub by_forecast: bool,
}

/// A signal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SignalView {
    /// Its name.
    pub name: String,
    /// What it speaks for.
    pub scope: String,
    /// Name of the source.
    pub source: String,
    /// How it is measured, for people: the series, the query.
    pub measured_by: String,
    /// `fresh`, `stale`, `absent` or `not_finite`.
    pub reading: String,
    /// Newest value; null when there is none or it is not finite.
    pub value: Option<f64>,
    /// When that was measured.
    pub value_at_ms: Option<u64>,
    /// Threshold.
    pub open_at: f64,
    /// Threshold.
    pub close_at: f64,
    /// Age at which it no longer counts.
    pub stale_after_ms: u64,
    /// `hold` or `ignore`.
    pub when_missing: String,
    /// Time until it reaches `open_at` if it goes on like this.
    pub crosses_in_ms: Option<u64>,
    /// Why it could not be measured the last time; null after it could.
    pub error: Option<String>,
    /// Its recent course, oldest first, at most 120 points of time and value.
    pub course: Vec<(u64, f64)>,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SourceView {
    /// Its name.
    pub name: String,
    /// `scrape`, `promql`, `notifications`, `placement`, `heat` or `burst_hosts`.
    pub kind: String,
    /// Newest reading in which something answered.
    pub last_good_at_ms: Option<u64>,
    /// Time that the newest reading took.
    pub took_ms: Option<u64>,
    /// Readings.
    pub reads: u64,
    /// Targets that answered the last time.
    pub targets_up: u32,
    /// Targets that did not.
    pub targets_down: u32,
    /// The newest failure; null after a reading without one.
    pub error: Option<String>,
    /// Failures by kind since the start.
    pub failures: BTreeMap<String, u64>,
    /// Bytes read since the start.
    pub bytes: u64,
    /// The broker is connected; null for every other source.
    pub connected: Option<bool>,
    /// Times that the connection was made anew.
    pub reconnects: u64,
    /// Notifications by event since the start.
    pub notifications: BTreeMap<String, u64>,
    /// Notifications that could not be read.
    pub poison: u64,
}

/// A burst host.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BurstHostView {
    /// Nova's name of the host.
    pub name: String,
    /// The provider.
    pub provider: String,
    /// Its page answered the last time.
    pub up: bool,
    /// Its page is not read: the policy file has no `metrics_listen` and no `metrics_url` for it.
    pub not_read: bool,
    /// When it last answered.
    pub seen_at_ms: Option<u64>,
    /// Why it did not; null after it did.
    pub error: Option<String>,
    /// Servers by state.
    pub servers: BTreeMap<String, u64>,
    /// Its spend.
    pub spend: Option<SpendView>,
    /// Mean start time of a server.
    pub start_time_ms: Option<u64>,
    /// Launches by result.
    pub launches: BTreeMap<String, u64>,
    /// Limits, by resource.
    pub limits: Vec<ResourceView>,
    /// Its offers.
    pub offers: Vec<OfferView>,
}

/// A limit of a burst host.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ResourceView {
    /// `servers`, `vcpus`, `memory_mb` or `disk_gb`.
    pub resource: String,
    /// What is taken.
    pub used: f64,
    /// The most that may be.
    pub limit: f64,
}

/// An offer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OfferView {
    /// Nova's name of the burst host.
    pub burst_host: String,
    /// Provider's name of the size.
    pub size: String,
    /// Price per hour.
    pub price_usd_per_hour: Option<f64>,
    /// Servers that can still launch.
    pub room: Option<u32>,
    /// It just failed and is not asked for before this time.
    pub barred_until_ms: Option<u64>,
    /// Failures that are remembered.
    pub recent_failures: u32,
}

/// Spend.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SpendView {
    /// What running servers cost in an hour.
    pub hourly_usd: f64,
    /// Since the month began.
    pub month_usd: f64,
}

/// Limits on the spend of all projects together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LimitsView {
    /// Soft, per hour.
    pub hourly_soft_usd: Option<f64>,
    /// Hard, per hour.
    pub hourly_hard_usd: Option<f64>,
    /// Soft, per month.
    pub monthly_soft_usd: Option<f64>,
    /// Hard, per month.
    pub monthly_hard_usd: Option<f64>,
}

/// The journal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct JournalView {
    /// Its path.
    pub path: String,
    /// Lines read since the start of the first sidecar that kept this state, by kind.
    pub lines: BTreeMap<String, u64>,
    /// Lines that could not be read.
    pub bad_lines: u64,
    /// Bytes that are there and not read yet.
    pub lag_bytes: u64,
    /// Why it cannot be read; null while it can.
    pub error: Option<String>,
    /// Decisions by kind of the first attempt and code of the deciding reason.
    pub decisions: Vec<DecisionCount>,
    /// Outcomes by result and path.
    pub outcomes: Vec<OutcomeCount>,
}

/// Decisions that had something in common.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DecisionCount {
    /// Kind of the first attempt.
    pub attempt: String,
    /// Code of the deciding reason.
    pub reason: String,
    /// Kind of the first attempt that active mode would have made; empty outside shadow mode.
    pub shadow_attempt: String,
    /// How many.
    pub count: u64,
}

/// Outcomes that had something in common.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OutcomeCount {
    /// `placed`, `no_valid_host` or `error`.
    pub result: String,
    /// Kind of the attempt that placed the servers; `none` when none did.
    pub path: String,
    /// How many.
    pub count: u64,
}

/// A decision and what became of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DecisionView {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub at_ms: u64,
    /// Nova's request id.
    pub request_id: Option<String>,
    /// The servers.
    pub instance_uuids: Vec<String>,
    /// Project id.
    pub project_id: String,
    /// Flavor name.
    pub flavor: String,
    /// Kind of the first attempt.
    pub attempt: String,
    /// Kind of the first attempt that active mode would have made.
    pub shadow_attempt: Option<String>,
    /// Codes and sentences of the reasons, the deciding one first.
    pub reasons: Vec<ReasonView>,
    /// What became of it; null while it is not known.
    pub outcome: Option<OutcomeView>,
}

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ReasonView {
    /// Its code.
    pub code: String,
    /// Its sentence.
    pub sentence: String,
}

/// What became of a decision.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OutcomeView {
    /// `placed`, `no_valid_host` or `error`.
    pub result: String,
    /// Kind of the attempt that placed the servers.
    pub path: Option<String>,
    /// Server to host.
    pub hosts: BTreeMap<String, String>,
    /// From the call to its end.
    pub elapsed_ms: Option<f64>,
    /// One sentence more; may be empty.
    pub detail: String,
}

/// Without what became of it.
impl From<RecordedDecision> for DecisionView {
    fn from(decision: RecordedDecision) -> Self {
        let reasons = decision.reasons.into_iter();
        DecisionView {
            id: decision.id,
            at_ms: decision.at.0,
            request_id: decision.request_id,
            instance_uuids: decision.instance_uuids,
            project_id: decision.project_id,
            flavor: decision.flavor,
            attempt: decision.attempt,
            shadow_attempt: decision.shadow_attempt,
            reasons: reasons
                .map(|(code, sentence)| ReasonView { code, sentence })
                .collect(),
            outcome: None,
        }
    }
}

impl From<RecordedOutcome> for OutcomeView {
    fn from(outcome: RecordedOutcome) -> Self {
        OutcomeView {
            result: outcome.result,
            path: outcome.path,
            hosts: outcome.hosts,
            elapsed_ms: outcome.elapsed_ms,
            detail: outcome.detail,
        }
    }
}
