//! What the sidecar's tables mean: checked and typed.

use crate::selector::Selector;
use spillway_core::scope::Scope;
use spillway_core::units::Span;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The `[sidecar]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidecarConfig {
    /// Where the page, the metrics and the API are served.
    pub listen: SocketAddr,
    /// Longest time between two steps.
    pub interval: Span,
    /// What survives the process.
    pub state_path: PathBuf,
    /// File with the token that requests have to bring.
    pub token_file: Option<PathBuf>,
    /// Certificate chain and key; always there when `listen` is not a loopback address.
    pub tls: Option<TlsFiles>,
}

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The `[openstack]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenStackConfig {
    /// A `clouds.yaml`.
    pub clouds_file: PathBuf,
    /// Name of the cloud in it.
    pub cloud: String,
}

/// The `[sources]` table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SourcesConfig {
    /// Exporters that are scraped.
    pub scrape: Vec<ScrapeSource>,
    /// Servers that are queried.
    pub promql: Vec<PromqlSource>,
    /// Nova's notifications.
    pub notifications: Option<NotificationsSource>,
    /// Placement.
    pub placement: Option<PlacementSource>,
    /// Heat.
    pub heat: Option<HeatSource>,
}

/// A group of exporters.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrapeSource {
    /// Its name.
    pub name: String,
    /// Addresses of the pages; at least one.
    pub targets: Vec<String>,
    /// Time between two scrapes of a target.
    pub interval: Span,
    /// Longest time of one scrape.
    pub timeout: Span,
    /// Largest page, bytes after decompression.
    pub max_bytes: u64,
    /// Share of targets that has to have answered, 0 to 1.
    pub min_targets_ratio: f64,
    /// File with a bearer token.
    pub token_file: Option<PathBuf>,
    /// Trusted certificates instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// A server with Prometheus' query API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromqlSource {
    /// Its name.
    pub name: String,
    /// Its address, without a slash at its end.
    pub url: String,
    /// Time between two rounds.
    pub interval: Span,
    /// Longest time of one query.
    pub timeout: Span,
    /// File with a bearer token.
    pub token_file: Option<PathBuf>,
    /// `X-Scope-OrgID`.
    pub tenant: Option<String>,
    /// Trusted certificates instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// Nova's notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationsSource {
    /// Address of the broker without credentials.
    pub broker: String,
    /// File with `USER:PASSWORD`.
    pub credentials_file: Option<PathBuf>,
    /// Nova's exchange.
    pub exchange: String,
    /// Nova's topics.
    pub topics: Vec<String>,
    /// Name of the sidecar's own queue.
    pub queue: String,
    /// Messages that the queue keeps.
    pub max_queue_length: u32,
    /// Trusted certificates instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// Placement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementSource {
    /// Time between two readings.
    pub interval: Span,
    /// Longest time of one request.
    pub timeout: Span,
}

/// Heat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeatSource {
    /// Time between two readings.
    pub interval: Span,
    /// Longest time of one request.
    pub timeout: Span,
    /// What is signalled when a gate changes.
    pub on_gate: Vec<OnGate>,
}

/// Scaling policies that are signalled when a gate changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnGate {
    /// Scope of the gate.
    pub scope: Scope,
    /// Name or id of the stack.
    pub stack: String,
    /// Resource that is signalled when the gate opens.
    pub on_open: Option<String>,
    /// Resource that is signalled when it closes.
    pub on_close: Option<String>,
}

/// What a signal is measured by.
#[derive(Debug, Clone, PartialEq)]
pub enum SignalSource {
    /// A scraped series.
    Scrape(ScrapeSignal),
    /// A query.
    Promql(PromqlSignal),
    /// Nova's notifications.
    Notifications(NotificationsSignal),
    /// Placement.
    Placement(PlacementSignal),
    /// A stack.
    Heat(HeatSignal),
}

impl SignalSource {
    /// Name of the source that measures it; sources without a name have that of their kind.
    #[must_use]
    pub fn source(&self) -> &str {
        match self {
            SignalSource::Scrape(signal) => &signal.source,
            SignalSource::Promql(signal) => &signal.source,
            SignalSource::Notifications(_) => "notifications",
            SignalSource::Placement(_) => "placement",
            SignalSource::Heat(_) => "heat",
        }
    }
}

/// A scraped series and how it becomes one number.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrapeSignal {
    /// Name of the source.
    pub source: String,
    /// The series.
    pub series: Selector,
    /// Divisor of a ratio of sums.
    pub divide_by: Option<Selector>,
    /// Counters are taken per second.
    pub rate: bool,
    /// How targets become one number; not looked at with `divide_by`.
    pub reduce: Reduce,
    /// 1 minus the number.
    pub complement: bool,
}

/// How the values of all targets become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reduce {
    /// Their mean.
    Mean,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// Their sum.
    Sum,
    /// A quantile, 0 to 1.
    Quantile(f64),
}

/// A query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromqlSignal {
    /// Name of the source.
    pub source: String,
    /// PromQL.
    pub query: String,
}

/// What notifications are counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationsSignal {
    /// What is counted.
    pub measure: NotificationsMeasure,
    /// Over which time.
    pub window: Span,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationsMeasure {
    /// Servers that began to be built, per minute.
    ArrivalsPerMinute,
    /// Servers that ended for want of a host, per minute.
    NoValidHostPerMinute,
    /// Mean time from the start of a build to its end, seconds.
    BuildSecs,
    /// Servers that are being built now.
    Building,
}

/// A number of a resource class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementSignal {
    /// The resource class.
    pub resource_class: String,
    /// Which number.
    pub measure: PlacementMeasure,
}

/// Which number of a resource class, over the private hosts of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlacementMeasure {
    /// Share of the capacity that is taken, 0 to 1.
    UsedRatio,
    /// What is taken.
    Used,
    /// What is not taken.
    Free,
}

/// A number of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeatSignal {
    /// Name or id of the stack.
    pub stack: String,
    /// Which number.
    pub measure: HeatMeasure,
}

/// Which number of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeatMeasure {
    /// The output of this name.
    Output(String),
    /// The number of members of the scaling group of this resource name.
    ScalingGroup(String),
}
