//! What the policy file means: checked and typed.

use super::sidecar::checked::{OpenStackConfig, SidecarConfig, SignalSource, SourcesConfig};
use spillway_core::Policy;
use spillway_core::units::Span;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A checked policy file with the environment over it.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What decisions depend on.
    pub policy: Policy,
    /// Where the sidecar publishes the state of the private cloud.
    pub snapshot: SnapshotConfig,
    /// Where decisions and outcomes are recorded.
    pub journal: JournalConfig,
    /// Ownership tag value of everything launched; present when there is a burst host.
    pub deployment: Option<String>,
    /// What only the burst hosts themselves need, in the order of `policy.burst_hosts`.
    pub burst_hosts: Vec<BurstHostConfig>,
    /// The sidecar itself.
    pub sidecar: SidecarConfig,
    /// The private cloud's own APIs.
    pub openstack: OpenStackConfig,
    /// What the sidecar reads.
    pub sources: SourcesConfig,
    /// What each of `policy.signals` is measured by, by position.
    pub signal_sources: Vec<SignalSource>,
    /// The course of each signal is followed, and a gate may open early.
    pub forecast: bool,
    /// First 16 hexadecimal digits of the SHA-256 of `effective_toml`.
    pub digest: String,
    /// The merged configuration with every default, as TOML; reading it gives this value again.
    pub effective_toml: String,
}

/// The `[snapshot]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotConfig {
    /// The file.
    pub path: PathBuf,
    /// Older content is not trusted.
    pub stale_after: Span,
}

/// The `[journal]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalConfig {
    /// The file.
    pub path: PathBuf,
}

/// A burst host's own limits and its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BurstHostConfig {
    /// Nova's name of the host.
    pub name: String,
    /// Servers that may exist at once.
    pub max_servers: u32,
    /// Virtual CPUs of all servers.
    pub max_vcpus: u32,
    /// Memory of all servers, MiB.
    pub max_memory_mb: u64,
    /// Disks of all servers, GiB.
    pub max_disk_gb: u64,
    /// Time between two bulk polls of the provider.
    pub poll_interval: Span,
    /// Where the driver in nova-compute serves its metrics; `None` means that it serves none.
    pub metrics_listen: Option<SocketAddr>,
    /// Where the sidecar reads those metrics; `None` means that it knows nothing of this host.
    pub metrics_url: Option<String>,
    /// The public cloud behind it.
    pub provider: Provider,
}

/// A public cloud and how to reach it. Credentials are the provider SDK's business, never ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// EC2, or something that speaks its API.
    Ec2(Ec2Options),
}

impl Provider {
    /// Stable name, as in the TOML file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Provider::Ec2(_) => "ec2",
        }
    }

    /// The provider's own table: texts and lists of texts. An absent option is not in it.
    #[must_use]
    pub fn options(&self) -> serde_json::Map<String, serde_json::Value> {
        let Provider::Ec2(options) = self;
        match serde_json::to_value(options) {
            Ok(serde_json::Value::Object(map)) => map,
            // A struct of texts is always an object.
            _ => serde_json::Map::new(),
        }
    }
}

/// The `[burst_hosts.ec2]` table.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Ec2Options {
    /// Region, such as `us-east-1`.
    pub region: String,
    /// Endpoint other than the region's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
    /// Subnet that servers start in.
    pub subnet_id: String,
    /// Security groups of every server; empty means the network's default group.
    pub security_group_ids: Vec<String>,
    /// EC2's availability zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
}
