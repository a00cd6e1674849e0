//! The sidecar's tables as they are written. The doc comments are the manual.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `[sidecar]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct RawSidecar {
    /// Address and port of the status page, `/metrics` and the API. Other machines reach it only
    /// with a token and TLS.
    #[schemars(length(min = 1))]
    pub(in crate::config) listen: String,
    /// Longest time between two looks at the gates and two snapshots, seconds. A signal's change
    /// is looked at at once. At most half of `snapshot.stale_after_secs`.
    #[schemars(range(min = 0.2, max = 3600))]
    pub(in crate::config) interval_secs: f64,
    /// The file in which the sidecar keeps what has to survive it: an operator's word, the gates,
    /// how far the journal was read.
    #[schemars(length(min = 1))]
    pub(in crate::config) state_path: String,
    /// A file with the token that every request has to bring as `Authorization: Bearer TOKEN`,
    /// except to `/healthz` and `/readyz`. Required when `listen` is not a loopback address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-optional-example" = "/etc/spillway/token"))]
    pub(in crate::config) token_file: Option<String>,
    /// A file with the server's certificate chain, PEM. Required when `listen` is not a loopback
    /// address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-optional-example" = "/etc/spillway/tls.crt"))]
    pub(in crate::config) tls_certificate_file: Option<String>,
    /// A file with the certificate's private key, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-optional-example" = "/etc/spillway/tls.key"))]
    pub(in crate::config) tls_key_file: Option<String>,
}

impl Default for RawSidecar {
    fn default() -> Self {
        RawSidecar {
            listen: "127.0.0.1:9650".to_owned(),
            interval_secs: 5.0,
            state_path: "/var/lib/spillway/state.json".to_owned(),
            token_file: None,
            tls_certificate_file: None,
            tls_key_file: None,
        }
    }
}

/// The `[openstack]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct RawOpenStack {
    /// A `clouds.yaml` with the credentials; the sidecar's user has to be able to read it, and no
    /// one else needs to.
    #[schemars(length(min = 1))]
    pub(in crate::config) clouds_file: String,
    /// Which of its clouds. Its user needs to read Placement, Nova's aggregates, and the stacks
    /// that are named here.
    #[schemars(length(min = 1))]
    pub(in crate::config) cloud: String,
}

impl Default for RawOpenStack {
    fn default() -> Self {
        RawOpenStack {
            clouds_file: "/etc/openstack/clouds.yaml".to_owned(),
            cloud: "spillway".to_owned(),
        }
    }
}

/// The `[sources]` table.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct RawSources {
    /// Exporters that the sidecar scrapes itself. For more than some hundred hosts let a
    /// Prometheus do it, and ask that with `[[sources.promql]]`.
    pub(in crate::config) scrape: Vec<RawScrape>,
    /// Prometheus servers, or what speaks their query API: Thanos, Mimir.
    #[schemars(extend("x-example-table" = "commented"))]
    pub(in crate::config) promql: Vec<RawPromql>,
    /// Nova's notifications, read from a queue of the sidecar's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-example-table" = "commented"))]
    pub(in crate::config) notifications: Option<RawNotifications>,
    /// Placement's own books: what private hosts have and what is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-example-table" = "commented"))]
    pub(in crate::config) placement: Option<RawPlacement>,
    /// Heat's stacks: their outputs and scaling policies as signals, and scaling policies that are
    /// told when a gate changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-example-table" = "commented"))]
    pub(in crate::config) heat: Option<RawHeat>,
}

/// One `[[sources.scrape]]` entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RawScrape {
    /// Name, unique among the sources; signals name it.
    #[schemars(length(min = 1), extend("x-example" = "nodes"))]
    pub(in crate::config) name: String,
    /// Addresses of the exporters' pages: `http://` or `https://`, without user or password.
    #[schemars(length(min = 1), inner(length(min = 1)), extend("x-example" = ["http://10.0.0.11:9100/metrics", "http://10.0.0.12:9100/metrics"]))]
    pub(in crate::config) targets: Vec<String>,
    /// Time between two scrapes of a target, seconds.
    #[serde(default = "default_interval_secs")]
    #[schemars(range(min = 0.2, max = 3600))]
    pub(in crate::config) interval_secs: f64,
    /// Longest time that one scrape may take, seconds, from connecting to the last byte. A round of
    /// scrapes ends before the next begins, so it is never longer than the interval.
    #[serde(default = "default_timeout_secs")]
    #[schemars(range(min = 0.1, max = 300))]
    pub(in crate::config) timeout_secs: f64,
    /// Largest page that is read, bytes, counted after decompression.
    #[serde(default = "default_max_bytes")]
    #[schemars(range(min = 1024, max = 1_073_741_824))]
    pub(in crate::config) max_bytes: u64,
    /// Smallest share of the targets that has to have given a signal's series for it to have a
    /// value. A target whose number is NaN, infinite or of the future has not; a line of the
    /// series that cannot be read, or is there twice, leaves the signal without a value at once.
    #[serde(default = "default_min_targets_ratio")]
    #[schemars(range(min = 0, max = 1))]
    pub(in crate::config) min_targets_ratio: f64,
    /// A file with a token that is sent as `Authorization: Bearer TOKEN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-optional-example" = "/etc/spillway/scrape.token"))]
    pub(in crate::config) token_file: Option<String>,
    /// A file with certificates, PEM, that are trusted instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-optional-example" = "/etc/spillway/ca.pem"))]
    pub(in crate::config) ca_file: Option<String>,
}

fn default_interval_secs() -> f64 {
    15.0
}

fn default_timeout_secs() -> f64 {
    5.0
}

fn default_max_bytes() -> u64 {
    16 << 20
}

fn default_min_targets_ratio() -> f64 {
    0.5
}

/// One `[[sources.promql]]` entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RawPromql {
    /// Name, unique among the sources; signals name it.
    #[schemars(length(min = 1), extend("x-example" = "prometheus"))]
    pub(in crate::config) name: String,
    /// Address of the server, `http://` or `https://`, without user or password; the path of the
    /// query API, `/api/v1/query`, is put behind it.
    #[schemars(length(min = 1), extend("x-example" = "http://127.0.0.1:9090"))]
    pub(in crate::config) url: String,
    /// Time between two rounds of queries, seconds.
    #[serde(default = "default_interval_secs")]
    #[schemars(range(min = 0.2, max = 3600))]
    pub(in crate::config) interval_secs: f64,
    /// Longest time that one query may take, seconds; never longer than the interval.
    #[serde(default = "default_timeout_secs")]
    #[schemars(range(min = 0.1, max = 300))]
    pub(in crate::config) timeout_secs: f64,
    /// A file with a token that is sent as `Authorization: Bearer TOKEN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-optional-example" = "/etc/spillway/prometheus.token"))]
    pub(in crate::config) token_file: Option<String>,
    /// Tenant that is sent as `X-Scope-OrgID`, as Mimir wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-optional-example" = "clouds"))]
    pub(in crate::config) tenant: Option<String>,
    /// A file with certificates, PEM, that are trusted instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-optional-example" = "/etc/spillway/ca.pem"))]
    pub(in crate::config) ca_file: Option<String>,
}

/// The `[sources.notifications]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RawNotifications {
    /// Address of the broker: `amqp://HOST:PORT/VHOST` or `amqps://`, without user or password.
    #[schemars(length(min = 1), extend("x-example" = "amqp://127.0.0.1:5672/%2F"))]
    pub(in crate::config) broker: String,
    /// A file with `USER:PASSWORD` in its first line; absent means `guest:guest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-optional-example" = "/etc/spillway/broker.credentials"))]
    pub(in crate::config) credentials_file: Option<String>,
    /// Nova's exchange, its `control_exchange`. It is never made here, only bound to.
    #[serde(default = "default_exchange")]
    #[schemars(length(min = 1))]
    pub(in crate::config) exchange: String,
    /// Nova's topics. With both, an event that comes in both formats counts once.
    #[serde(default = "default_topics")]
    #[schemars(inner(length(min = 1)))]
    pub(in crate::config) topics: Vec<String>,
    /// Name of the sidecar's own queue. Two sidecars need two names.
    #[serde(default = "default_queue")]
    #[schemars(length(min = 1))]
    pub(in crate::config) queue: String,
    /// Messages that the queue keeps while no one reads it; older ones are dropped.
    #[serde(default = "default_max_queue_length")]
    #[schemars(range(min = 10, max = 1_000_000))]
    pub(in crate::config) max_queue_length: u32,
    /// A file with certificates, PEM, that are trusted instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-optional-example" = "/etc/spillway/ca.pem"))]
    pub(in crate::config) ca_file: Option<String>,
}

fn default_exchange() -> String {
    "nova".to_owned()
}

fn default_topics() -> Vec<String> {
    vec![
        "versioned_notifications".to_owned(),
        "notifications".to_owned(),
    ]
}

fn default_queue() -> String {
    "spillway".to_owned()
}

fn default_max_queue_length() -> u32 {
    10_000
}

/// The `[sources.placement]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct RawPlacement {
    /// Time between two readings, seconds.
    #[schemars(range(min = 0.5, max = 3600))]
    pub(in crate::config) interval_secs: f64,
    /// Longest time that one request may take, seconds.
    #[schemars(range(min = 0.1, max = 300))]
    pub(in crate::config) timeout_secs: f64,
}

impl Default for RawPlacement {
    fn default() -> Self {
        RawPlacement {
            interval_secs: 30.0,
            timeout_secs: 10.0,
        }
    }
}

/// The `[sources.heat]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct RawHeat {
    /// Time between two readings, seconds.
    #[schemars(range(min = 0.5, max = 3600))]
    pub(in crate::config) interval_secs: f64,
    /// Longest time that one request may take, seconds.
    #[schemars(range(min = 0.1, max = 300))]
    pub(in crate::config) timeout_secs: f64,
    /// Scaling policies that are signalled when a gate changes.
    pub(in crate::config) on_gate: Vec<RawOnGate>,
}

impl Default for RawHeat {
    fn default() -> Self {
        RawHeat {
            interval_secs: 15.0,
            timeout_secs: 10.0,
            on_gate: Vec::new(),
        }
    }
}

/// One `[[sources.heat.on_gate]]` entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RawOnGate {
    /// Scope of the gate.
    #[serde(default = "default_scope")]
    pub(in crate::config) scope: String,
    /// Name or id of the stack.
    #[schemars(length(min = 1), extend("x-example" = "web"))]
    pub(in crate::config) stack: String,
    /// The scaling policy's resource in the stack that is signalled when the gate opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-example" = "scale_up"))]
    pub(in crate::config) on_open: Option<String>,
    /// The one that is signalled when it closes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-example" = "scale_down"))]
    pub(in crate::config) on_close: Option<String>,
}

fn default_scope() -> String {
    "cloud".to_owned()
}

/// The `[signals.scrape]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RawScrapeSignal {
    /// Name of the `[[sources.scrape]]` entry.
    #[schemars(length(min = 1), extend("x-example" = "nodes"))]
    pub(in crate::config) source: String,
    /// The series: a name, and label matchers with `=` and `!=`.
    #[schemars(length(min = 1), extend("x-example" = "node_cpu_seconds_total{mode=\"idle\"}"))]
    pub(in crate::config) series: String,
    /// A second series; the signal is the sum of the first over the sum of this one, over all
    /// targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-example" = "node_cpu_seconds_total"))]
    pub(in crate::config) divide_by: Option<String>,
    /// The series are counters: what counts is how much they grow per second.
    #[serde(default)]
    #[schemars(extend("x-example" = true))]
    pub(in crate::config) rate: bool,
    /// How the series of all targets become one number, unless `divide_by` is there. Series of
    /// one target are added up first.
    #[serde(default)]
    pub(in crate::config) reduce: RawReduce,
    /// Which quantile, with `reduce = "quantile"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1), extend("x-optional-example" = 0.9))]
    pub(in crate::config) quantile: Option<f64>,
    /// Take 1 minus the number: busy from idle, used from free.
    #[serde(default)]
    #[schemars(extend("x-example" = true))]
    pub(in crate::config) complement: bool,
}

/// How the values of all targets become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum RawReduce {
    /// Their mean.
    #[default]
    Mean,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// Their sum.
    Sum,
    /// A quantile of them, between two by interpolation.
    Quantile,
}

/// The `[signals.promql]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RawPromqlSignal {
    /// Name of the `[[sources.promql]]` entry.
    #[schemars(length(min = 1), extend("x-example" = "prometheus"))]
    pub(in crate::config) source: String,
    /// The query; its answer has to be a scalar or one series.
    #[schemars(length(min = 1), extend("x-example" = "1 - avg(rate(node_cpu_seconds_total{mode=\"idle\"}[1m]))"))]
    pub(in crate::config) query: String,
}

/// The `[signals.notifications]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RawNotificationsSignal {
    /// What is counted.
    #[schemars(extend("x-example" = "arrivals_per_minute"))]
    pub(in crate::config) measure: RawNotificationsMeasure,
    /// Over which time, seconds.
    #[serde(default = "default_window_secs")]
    #[schemars(range(min = 1, max = 3600))]
    pub(in crate::config) window_secs: u64,
}

fn default_window_secs() -> u64 {
    300
}

/// What notifications are counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum RawNotificationsMeasure {
    /// Servers that began to be built, per minute.
    ArrivalsPerMinute,
    /// Servers that ended for want of a host, per minute.
    NoValidHostPerMinute,
    /// Mean time from the start of a build to its end, seconds.
    BuildSecs,
    /// Servers that are being built now.
    Building,
}

/// The `[signals.placement]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RawPlacementSignal {
    /// The resource class.
    #[schemars(length(min = 1), extend("x-example" = "VCPU"))]
    pub(in crate::config) resource_class: String,
    /// Which number of it, over the private hosts of the signal's scope.
    #[serde(default)]
    pub(in crate::config) measure: RawPlacementMeasure,
}

/// Which number of a resource class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum RawPlacementMeasure {
    /// Share of the capacity that is taken, 0 to 1.
    #[default]
    UsedRatio,
    /// What is taken.
    Used,
    /// What is not taken. Small is loaded: use a negative threshold or `used_ratio`.
    Free,
}

/// The `[signals.heat]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RawHeatSignal {
    /// Name or id of the stack.
    #[schemars(length(min = 1), extend("x-example" = "web"))]
    pub(in crate::config) stack: String,
    /// An output of it that is a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-example" = "load"))]
    pub(in crate::config) output: Option<String>,
    /// Instead of an output: a scaling group's resource. The signal is how many members it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-optional-example" = "group"))]
    pub(in crate::config) scaling_group: Option<String>,
}
