//! The policy file as it is written. The doc comments are the manual: the configuration reference
//! and the example file are made from them.

use super::sidecar::raw::{
    RawHeatSignal, RawNotificationsSignal, RawOpenStack, RawPlacementSignal, RawPromqlSignal,
    RawScrapeSignal, RawSidecar, RawSources,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that an operator can set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawConfig {
    /// Whether decisions are acted on. Start with `shadow`, read the journal, then go `active`.
    pub(super) mode: RawMode,

    /// Name of this Spillway deployment: 1 to 32 of `a-z`, `0-9` and `-`, first a letter or a
    /// digit. Written as a tag on everything launched, and what carries another name is never
    /// touched; so two clouds that share a provider account need two names. Required when there
    /// is a burst host. Changing it disowns what runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-example" = "my-cloud"))]
    pub(super) deployment: Option<String>,

    /// The file in which the sidecar publishes the state of the private cloud. Without it, or when
    /// it is too old, decisions stand on Placement's evidence alone: private first, then overflow.
    pub(super) snapshot: RawSnapshot,

    /// The file in which every decision and its outcome is recorded.
    pub(super) journal: RawJournal,

    /// The process `spillway run`, which measures the signals and writes the snapshot.
    pub(super) sidecar: RawSidecar,

    /// How the sidecar reaches the private cloud's own APIs, for the sources that need them.
    pub(super) openstack: RawOpenStack,

    /// What the sidecar reads. A source that has no table is off.
    pub(super) sources: RawSources,

    /// How long signals have to stand before a gate changes. Longer times flap less and react
    /// later.
    pub(super) gate: RawGate,

    /// Limits on what burst servers cost. A limit that is absent does not limit. Over a soft limit
    /// only overflow may burst; over a hard one nothing may. A launch counts with its price, per
    /// hour, and with one hour of it in the month. Amounts are US dollars.
    pub(super) money: RawMoney,

    /// Numbers about the private cloud's load. The gate of a scope opens when any of its signals
    /// has stood at or over `open_at` for `gate.open_after_secs`, and closes when all have stood
    /// at or under `close_at` for `gate.close_after_secs`.
    pub(super) signals: Vec<RawSignal>,

    /// Which requests may burst. The first rule that matches decides; a request that matches none
    /// stays private. Every key of a rule has to match; a key that is absent matches anything.
    /// Texts are patterns: `*` stands for any text, `?` for one character.
    pub(super) rules: Vec<RawRule>,

    /// The nova-computes that launch servers at a provider: one per account and region.
    pub(super) burst_hosts: Vec<RawBurstHost>,
}

/// Whether decisions are acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawMode {
    /// Nothing bursts, and nothing is looked at but the kind of request.
    Off,
    /// Every request is decided and recorded, and goes to private hosts.
    #[default]
    Shadow,
    /// Decisions are acted on.
    Active,
}

/// The `[snapshot]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawSnapshot {
    /// The snapshot file; the scheduler's user has to be able to read it.
    #[schemars(length(min = 1))]
    pub(super) path: String,
    /// Oldest snapshot that is trusted, seconds. At least twice the sidecar's interval, or one
    /// late snapshot closes every gate.
    #[schemars(range(min = 1, max = 86_400))]
    pub(super) stale_after_secs: u64,
}

impl Default for RawSnapshot {
    fn default() -> Self {
        RawSnapshot {
            path: "/var/lib/spillway/snapshot.json".to_owned(),
            stale_after_secs: 30,
        }
    }
}

/// The `[journal]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawJournal {
    /// The journal file. It is made when it does not exist, in a folder that does; the
    /// scheduler's user has to be able to write there. When it is moved away, a new one is begun.
    #[schemars(length(min = 1))]
    pub(super) path: String,
}

impl Default for RawJournal {
    fn default() -> Self {
        RawJournal {
            path: "/var/log/spillway/journal.jsonl".to_owned(),
        }
    }
}

/// The `[gate]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawGate {
    /// How long one signal has to stand at or over its `open_at` before the gate opens, seconds from
    /// one of its samples to a later one.
    #[schemars(range(min = 0, max = 86_400))]
    pub(super) open_after_secs: u64,
    /// How long all signals have to stand at or under their `close_at` before the gate closes,
    /// seconds from one sample to a later one. Servers that were launched keep running, so closing late costs little.
    #[schemars(range(min = 0, max = 86_400))]
    pub(super) close_after_secs: u64,
    /// Follow the course of each signal, and let the gate open early when it will be over its
    /// `open_at` sooner than a burst server could start. `open_after_secs` holds all the same.
    pub(super) forecast: bool,
    /// How long a burst server takes to start, seconds. Absent, what the burst hosts measure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600), extend("x-optional-example" = 60))]
    pub(super) forecast_lead_secs: Option<u64>,
}

impl Default for RawGate {
    fn default() -> Self {
        RawGate {
            open_after_secs: 60,
            close_after_secs: 600,
            forecast: false,
            forecast_lead_secs: None,
        }
    }
}

/// The `[money]` table.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawMoney {
    /// Soft limit on what all running burst servers cost in an hour, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000), extend("x-example" = 5.0))]
    pub(super) hourly_soft_usd: Option<f64>,
    /// Hard limit on what all running burst servers cost in an hour, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000), extend("x-example" = 10.0))]
    pub(super) hourly_hard_usd: Option<f64>,
    /// Soft limit on what was spent since the month began, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000), extend("x-example" = 500.0))]
    pub(super) monthly_soft_usd: Option<f64>,
    /// Hard limit on what was spent since the month began, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000), extend("x-example" = 1000.0))]
    pub(super) monthly_hard_usd: Option<f64>,
    /// Soft limit on each project's running burst servers in an hour, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000), extend("x-optional-example" = 1.0))]
    pub(super) project_hourly_soft_usd: Option<f64>,
    /// Hard limit on each project's running burst servers in an hour, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000), extend("x-optional-example" = 2.0))]
    pub(super) project_hourly_hard_usd: Option<f64>,
    /// Soft limit on each project's spend since the month began, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000), extend("x-optional-example" = 100.0))]
    pub(super) project_monthly_soft_usd: Option<f64>,
    /// Hard limit on each project's spend since the month began, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000), extend("x-optional-example" = 200.0))]
    pub(super) project_monthly_hard_usd: Option<f64>,
    /// What any limit allows while the spend, or every price, is unknown.
    pub(super) when_unknown: RawWhenUnknown,
}

/// What limits allow while the spend is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawWhenUnknown {
    /// As over a soft limit: only overflow may burst.
    #[default]
    Overflow,
    /// As over a hard limit: nothing may burst.
    Never,
}

/// One `[[signals]]` entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSignal {
    /// Name, unique in the file; what the sidecar measures under this name is compared with the
    /// thresholds.
    #[schemars(length(min = 1), extend("x-example" = "cpu"))]
    pub(super) name: String,
    /// What the signal speaks for: `cloud`, `zone:NAME` or `aggregate:NAME`. A zone's gate counts
    /// for requests that ask for the zone, an aggregate's for rules that name it.
    #[serde(default = "default_scope")]
    pub(super) scope: String,
    /// At or over this value the signal asks for the gate to open, in the signal's own unit.
    #[schemars(extend("x-example" = 0.85))]
    pub(super) open_at: f64,
    /// At or under this value the signal lets the gate close. Not above `open_at`; the distance
    /// between both is what keeps the gate from flapping.
    #[schemars(extend("x-example" = 0.7))]
    pub(super) close_at: f64,
    /// Oldest sample that counts, seconds. Also the longest gap between two looks at the signal
    /// that does not start its dwell time anew.
    #[serde(default = "default_signal_stale_after_secs")]
    #[schemars(range(min = 1, max = 86_400))]
    pub(super) stale_after_secs: u64,
    /// What the signal does to the gate while it has no usable value: none, too old, NaN or
    /// infinite. It can never open a gate then.
    #[serde(default)]
    pub(super) when_missing: RawWhenMissing,
    /// Measured by a series of scraped exporters. Each signal has exactly one of the tables
    /// `scrape`, `promql`, `notifications`, `placement` and `heat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scrape: Option<RawScrapeSignal>,
    /// Measured by a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-example-table" = "commented"))]
    pub(super) promql: Option<RawPromqlSignal>,
    /// Measured by Nova's notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-example-table" = "commented"))]
    pub(super) notifications: Option<RawNotificationsSignal>,
    /// Measured by Placement, over the private hosts of the scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-example-table" = "commented"))]
    pub(super) placement: Option<RawPlacementSignal>,
    /// Measured by a stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-example-table" = "commented"))]
    pub(super) heat: Option<RawHeatSignal>,
}

fn default_scope() -> String {
    "cloud".to_owned()
}

fn default_signal_stale_after_secs() -> u64 {
    60
}

/// What a signal without a usable value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawWhenMissing {
    /// Keeps the gate as it is: an open one stays open until the signal is back.
    #[default]
    Hold,
    /// Takes no part: the other signals can close the gate.
    Ignore,
}

/// One `[[rules]]` entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    /// Name, unique in the file; shown where a decision is explained.
    #[schemars(length(min = 1), extend("x-example" = "small servers of every project"))]
    pub(super) name: String,
    /// Patterns of project ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1)), extend("x-example" = ["*"]))]
    pub(super) projects: Option<Vec<String>>,
    /// Patterns of flavor names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1)), extend("x-example" = ["m1.*"]))]
    pub(super) flavors: Option<Vec<String>>,
    /// Flavor extra specs that all have to be there, with a pattern of the value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("x-optional-example" = { "hw:cpu_policy": "shared" }))]
    pub(super) flavor_extra_specs: BTreeMap<String, String>,
    /// Fewest virtual CPUs of the flavor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000), extend("x-optional-example" = 1))]
    pub(super) min_vcpus: Option<u32>,
    /// Most virtual CPUs of the flavor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000), extend("x-example" = 8))]
    pub(super) max_vcpus: Option<u32>,
    /// Least memory of the flavor, MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_073_741_824), extend("x-optional-example" = 512))]
    pub(super) min_memory_mb: Option<u64>,
    /// Most memory of the flavor, MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_073_741_824), extend("x-example" = 32768))]
    pub(super) max_memory_mb: Option<u64>,
    /// Patterns of Glance image ids or names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1)), extend("x-optional-example" = ["debian-*"]))]
    pub(super) images: Option<Vec<String>>,
    /// Patterns of the image property `os_distro`. An image without it matches no pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1)), extend("x-optional-example" = ["debian", "ubuntu"]))]
    pub(super) os_distros: Option<Vec<String>>,
    /// Patterns of the image property `hw_architecture`; an image without it counts as `x86_64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1)), extend("x-optional-example" = ["x86_64"]))]
    pub(super) architectures: Option<Vec<String>>,
    /// Patterns of the availability zone that was asked for. A request that asks for none matches
    /// no pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1)), extend("x-optional-example" = ["nova"]))]
    pub(super) availability_zones: Option<Vec<String>>,
    /// Patterns of the server group's policy: `affinity`, `anti-affinity`, `soft-affinity` or
    /// `soft-anti-affinity`; `none` stands for a server without a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1)), extend("x-optional-example" = ["none", "soft-*"]))]
    pub(super) server_groups: Option<Vec<String>>,
    /// Scheduler hints that all have to be there, with a pattern of the value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("x-optional-example" = { "purpose": "batch*" }))]
    pub(super) hints: BTreeMap<String, String>,
    /// What requests of this rule may do at most. A flavor's extra spec `spillway:burst` and a
    /// user's hint of that name can take away from it, never add.
    #[serde(default)]
    pub(super) burst: RawBurstLevel,
    /// With `burst = "load"`: burst also while fewer than this many more servers of the flavor fit
    /// on private hosts, so that room is left for what cannot burst. 0 keeps none.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(super) reserve: u32,
    /// What happens to a request for several servers at once.
    #[serde(default)]
    pub(super) multi_create: RawMultiCreate,
    /// An aggregate whose gate counts for requests of this rule too, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-optional-example" = "ssd"))]
    pub(super) aggregate: Option<String>,
}

/// How much of bursting a request may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawBurstLevel {
    /// Private hosts only.
    Never,
    /// Only after the private hosts had no room.
    Overflow,
    /// Also while a gate is open or private room is below `reserve`.
    #[default]
    Load,
}

/// What happens to a request for several servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawMultiCreate {
    /// All servers go the same way.
    #[default]
    Whole,
    /// As many as fit stay private, the rest bursts. Server groups are never split.
    Split,
}

/// One `[[burst_hosts]]` entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBurstHost {
    /// Nova's name of the host: `[DEFAULT] host` of its nova-compute. Unique in the file.
    #[schemars(length(min = 1), extend("x-example" = "cloud1"))]
    pub(super) name: String,
    /// The public cloud behind it.
    #[schemars(extend("x-example" = "ec2"))]
    pub(super) provider: RawProvider,
    /// Nova's availability zones whose requests it may take. A request that asks for no zone may
    /// always come; one that asks for another never does.
    #[serde(default)]
    #[schemars(inner(length(min = 1)), extend("x-example" = ["nova"]))]
    pub(super) availability_zones: Vec<String>,
    /// Most servers that exist there at once, whatever the account allows.
    #[serde(default = "default_max_servers")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) max_servers: u32,
    /// Most virtual CPUs of all servers together.
    #[serde(default = "default_max_vcpus")]
    #[schemars(range(min = 1, max = 100_000_000))]
    pub(super) max_vcpus: u32,
    /// Most memory of all servers together, MiB.
    #[serde(default = "default_max_memory_mb")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub(super) max_memory_mb: u64,
    /// Most disk of all servers together, GiB.
    #[serde(default = "default_max_disk_gb")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub(super) max_disk_gb: u64,
    /// Time between two bulk polls of the provider, seconds. One call however many servers there
    /// are; a machine that vanished is noticed within two polls.
    #[serde(default = "default_poll_interval_secs")]
    #[schemars(range(min = 0.5, max = 3600))]
    pub(super) poll_interval_secs: f64,
    /// Where the driver in nova-compute serves its metrics over HTTP, at the path `/metrics`:
    /// address and port, `ADDRESS:PORT` or `[ADDRESS]:PORT`. Whoever reaches it can read them, so
    /// keep it to the loopback interface or a network of your own. Absent, it serves none. Taken
    /// when nova-compute starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-example" = "127.0.0.1:9651"))]
    pub(super) metrics_listen: Option<String>,
    /// Where the sidecar reads those metrics: `http://` or `https://`, without user or password.
    /// Absent, it is `http://METRICS_LISTEN/metrics`; with neither, the sidecar knows nothing of
    /// this burst host. Required when `metrics_listen` is every address of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-optional-example" = "http://cloud1.internal.example:9651/metrics"))]
    pub(super) metrics_url: Option<String>,
    /// Flavors that always get one size, by name: `"m1.small" = "t3.small"`. Every other flavor
    /// gets the cheapest size that fits. The extra spec `spillway:size` of a flavor goes before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("x-optional-example" = { "m1.small": "t3.small" }))]
    pub(super) flavors: BTreeMap<String, String>,
    /// How EC2, or something that speaks its API, is reached. Credentials are not here: boto3
    /// finds them in its own places. Required with `provider = "ec2"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ec2: Option<RawEc2>,
    /// The provider's instance sizes that may be launched; at least one. A size fits a flavor when
    /// it has at least its virtual CPUs and memory, and the image's architecture.
    #[schemars(length(min = 1))]
    pub(super) sizes: Vec<RawSize>,
    /// Which of the provider's images stands for a Glance image; at least one, and the first that
    /// matches wins. A request whose image matches none does not burst there.
    #[schemars(length(min = 1))]
    pub(super) images: Vec<RawImage>,
}

fn default_max_servers() -> u32 {
    20
}

fn default_max_vcpus() -> u32 {
    64
}

fn default_max_memory_mb() -> u64 {
    131_072
}

fn default_max_disk_gb() -> u64 {
    4_000
}

fn default_poll_interval_secs() -> f64 {
    10.0
}

/// The public clouds that Spillway knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawProvider {
    /// Amazon EC2, or something that speaks its API.
    Ec2,
}

/// The `[burst_hosts.ec2]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEc2 {
    /// The region.
    #[schemars(length(min = 1), extend("x-example" = "us-east-1"))]
    pub(super) region: String,
    /// Address of an endpoint other than the region's own: `http://` or `https://`, without user
    /// or password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-optional-example" = "https://ec2.internal.example"))]
    pub(super) endpoint_url: Option<String>,
    /// Subnet that servers start in.
    #[schemars(length(min = 1), extend("x-example" = "subnet-0123456789abcdef0"))]
    pub(super) subnet_id: String,
    /// Security groups of every server; empty means the default group of the subnet's network.
    #[serde(default)]
    #[schemars(inner(length(min = 1)), extend("x-example" = ["sg-0123456789abcdef0"]))]
    pub(super) security_group_ids: Vec<String>,
    /// EC2's own availability zone, where it matters beyond the subnet's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-optional-example" = "us-east-1a"))]
    pub(super) availability_zone: Option<String>,
}

/// One `[[burst_hosts.sizes]]` entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSize {
    /// The provider's name of the size, unique at the burst host.
    #[schemars(length(min = 1), extend("x-example" = "t3.small"))]
    pub(super) name: String,
    /// Virtual CPUs that it has.
    #[schemars(range(min = 1, max = 100_000), extend("x-example" = 2))]
    pub(super) vcpus: u32,
    /// Memory that it has, MiB.
    #[schemars(range(min = 1, max = 1_073_741_824), extend("x-example" = 2048))]
    pub(super) memory_mb: u64,
    /// CPU architecture, in Glance's words: `x86_64`, `aarch64`.
    #[serde(default = "default_architecture")]
    #[schemars(length(min = 1))]
    pub(super) architecture: String,
    /// Price of one server per hour, US dollars. Unknown counts as the highest price known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000), extend("x-example" = 0.0208))]
    pub(super) price_usd_per_hour: Option<f64>,
}

fn default_architecture() -> String {
    "x86_64".to_owned()
}

/// One `[[burst_hosts.images]]` entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawImage {
    /// Pattern of the Glance image's id or name; absent matches any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-example" = "debian-12"))]
    pub(super) image: Option<String>,
    /// Pattern of the image property `os_distro`; absent matches any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-optional-example" = "debian"))]
    pub(super) os_distro: Option<String>,
    /// Pattern of the image property `hw_architecture`; absent matches any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-example" = "x86_64"))]
    pub(super) architecture: Option<String>,
    /// The provider's image, at EC2 an AMI id.
    #[schemars(length(min = 1), extend("x-example" = "ami-0123456789abcdef0"))]
    pub(super) provider_image: String,
}
