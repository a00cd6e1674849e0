//! What the operator wants, checked and typed. The runtime crate makes it from the TOML file.

use crate::pattern::Patterns;
use crate::scope::Scope;
use crate::units::{Finite, Span, Usd};
use std::collections::BTreeMap;

/// Everything that a decision depends on and an operator can set.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Whether decisions are acted on.
    pub mode: Mode,
    /// Dwell times of every gate.
    pub gate: GatePolicy,
    /// Signals, in the order of the file.
    pub signals: Vec<SignalPolicy>,
    /// Eligibility rules; the first that matches decides, none means private only.
    pub rules: Vec<Rule>,
    /// Limits on money.
    pub money: MoneyPolicy,
    /// Where servers can burst to, in the order of the file.
    pub burst_hosts: Vec<BurstHost>,
}

impl Policy {
    /// The burst host of that name.
    #[must_use]
    pub fn burst_host(&self, name: &str) -> Option<&BurstHost> {
        self.burst_hosts.iter().find(|host| host.name == name)
    }
}

/// Whether decisions are acted on. In order: what comes later may do more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Mode {
    /// Nothing bursts and nothing is decided.
    Off,
    /// Decide and record, never act.
    #[default]
    Shadow,
    /// Decide, record and act.
    Active,
}

impl Mode {
    /// Stable name, as in the TOML file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mode::Off => "off",
            Mode::Shadow => "shadow",
            Mode::Active => "active",
        }
    }

    /// Reads a name; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Mode::Off, Mode::Shadow, Mode::Active]
            .into_iter()
            .find(|mode| mode.name() == text)
    }
}

/// Dwell times of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatePolicy {
    /// How long any one signal has to stand over its `open_at`.
    pub open_after: Span,
    /// How long all signals have to stand under their `close_at`.
    pub close_after: Span,
    /// A signal that is forecast to reach its `open_at` within this time counts as standing over
    /// it; `None` forecasts nothing. The time that a burst server takes to start is the right one.
    pub forecast_lead: Option<Span>,
}

/// One signal's thresholds.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalPolicy {
    /// Name, unique within the file.
    pub name: String,
    /// What the signal speaks for.
    pub scope: Scope,
    /// At or over this value the signal asks for the gate to open.
    pub open_at: Finite,
    /// At or under this value the signal lets the gate close; not above `open_at`.
    pub close_at: Finite,
    /// A sample older than this is no value.
    pub stale_after: Span,
    /// What a signal without a value does to the gate.
    pub when_missing: WhenMissing,
}

/// What a signal without a usable value does. Neither can open a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenMissing {
    /// Keeps the gate as it is: an open gate stays open until the signal is back.
    #[default]
    Hold,
    /// Takes no part: the other signals can close the gate.
    Ignore,
}

/// How much of bursting a request may get; the most restrictive of rule, flavor and hint wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum BurstLevel {
    /// Private hosts only.
    Never,
    /// Only after the private hosts had no room.
    Overflow,
    /// Also while the gate is open or private room is below the reserve.
    #[default]
    Load,
}

impl BurstLevel {
    /// Stable name, as in the TOML file, extra specs and hints.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            BurstLevel::Never => "never",
            BurstLevel::Overflow => "overflow",
            BurstLevel::Load => "load",
        }
    }

    /// Reads a name; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [BurstLevel::Never, BurstLevel::Overflow, BurstLevel::Load]
            .into_iter()
            .find(|level| level.name() == text)
    }
}

/// What happens to a request for several servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MultiCreate {
    /// All servers go the same way.
    #[default]
    Whole,
    /// As many as fit stay private, the rest bursts.
    Split,
}

/// One eligibility rule: which requests it is for, and what they may do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rule {
    /// Name for reasons.
    pub name: String,
    /// Project ids.
    pub projects: Patterns,
    /// Flavor names.
    pub flavors: Patterns,
    /// Flavor extra specs that all have to be there, with a pattern for each value.
    pub flavor_extra_specs: BTreeMap<String, Patterns>,
    /// Virtual CPUs, both ends included.
    pub vcpus: Bounds,
    /// Memory in MiB, both ends included.
    pub memory_mb: Bounds,
    /// Image ids or names.
    pub images: Patterns,
    /// Image property `os_distro`.
    pub os_distros: Patterns,
    /// Image architecture.
    pub architectures: Patterns,
    /// Requested availability zones.
    pub availability_zones: Patterns,
    /// Server group policies; [`Rule::NO_GROUP`] stands for a server without a group.
    pub server_groups: Patterns,
    /// Scheduler hints that all have to be there, with a pattern for each value.
    pub hints: BTreeMap<String, Patterns>,
    /// What matching requests may do.
    pub burst: BurstLevel,
    /// Burst while fewer than this many more servers of the flavor fit on private hosts.
    pub reserve: u32,
    /// What happens to a request for several servers.
    pub multi_create: MultiCreate,
    /// Aggregate whose gate counts too.
    pub aggregate: Option<String>,
}

impl Rule {
    /// Stands in `server_groups` for a server that has no group.
    pub const NO_GROUP: &'static str = "none";
}

/// A closed range of whole numbers; an absent end is unbounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// Smallest value that is in.
    pub min: Option<u64>,
    /// Largest value that is in.
    pub max: Option<u64>,
}

impl Bounds {
    /// Whether `value` lies within.
    #[must_use]
    pub fn contains(self, value: u64) -> bool {
        self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }
}

/// Limits on money. An absent limit does not limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MoneyPolicy {
    /// All projects together.
    pub total: Limits,
    /// Each project for itself.
    pub project: Limits,
    /// What a limit allows while the spend is not known.
    pub when_unknown: WhenSpendUnknown,
}

/// Limits for one owner of spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Cost of the running burst servers in an hour.
    pub hourly: SoftHard,
    /// Spend since the month began.
    pub monthly: SoftHard,
}

/// A soft limit, over which only overflow may burst, and a hard one, over which nothing may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SoftHard {
    /// Over it only overflow may burst.
    pub soft: Option<Usd>,
    /// Over it nothing may burst.
    pub hard: Option<Usd>,
}

impl MoneyPolicy {
    /// Whether any limit is set.
    #[must_use]
    pub fn limits_anything(&self) -> bool {
        [
            self.total.hourly,
            self.total.monthly,
            self.project.hourly,
            self.project.monthly,
        ]
        .iter()
        .any(|limit| limit.soft.is_some() || limit.hard.is_some())
    }
}

/// What limits allow while the spend is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenSpendUnknown {
    /// As over the soft limit: only overflow may burst.
    #[default]
    Overflow,
    /// As over the hard limit: nothing may burst.
    Never,
}

/// A nova-compute that runs servers at a provider: one account and region.
#[derive(Debug, Clone, PartialEq)]
pub struct BurstHost {
    /// Nova's name of the host.
    pub name: String,
    /// Nova's availability zones whose requests it may take. A request without a zone may always
    /// come.
    pub availability_zones: Vec<String>,
    /// The provider's instance sizes, in the order of the file.
    pub sizes: Vec<InstanceSize>,
    /// Image mappings; the first that matches wins.
    pub images: Vec<ImageMapping>,
    /// Flavor name to instance size name, for flavors that are pinned.
    pub flavors: BTreeMap<String, String>,
}

/// A provider's instance size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSize {
    /// Provider's name, such as `t3.micro`.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// CPU architecture, such as `x86_64`.
    pub architecture: String,
    /// Price per hour; unknown counts as the highest known.
    pub price: Option<Usd>,
}

/// Which of the provider's images stands for a Glance image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageMapping {
    /// Glance ids or names.
    pub image: Patterns,
    /// Image property `os_distro`.
    pub os_distro: Patterns,
    /// Architecture.
    pub architecture: Patterns,
    /// Provider's image id, such as `ami-0123456789abcdef0`.
    pub provider_image: String,
}
