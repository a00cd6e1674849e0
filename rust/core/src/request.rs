//! One call of Nova's scheduler, in the words that a decision needs.

use std::collections::BTreeMap;

/// What Nova asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which kind of call it is.
    pub operation: Operation,
    /// How many servers are asked for at once; at least 1.
    pub count: u32,
    /// Id of the project that will own the servers.
    pub project_id: String,
    /// Size of each server.
    pub flavor: Flavor,
    /// What each server starts from.
    pub image: Image,
    /// Availability zone that the user asked for.
    pub availability_zone: Option<String>,
    /// Server group that the servers belong to.
    pub group: Option<ServerGroup>,
    /// Scheduler hints, as Nova hands them over.
    pub hints: BTreeMap<String, Vec<String>>,
    /// Properties of the request that no rule can allow to burst.
    pub obstacles: Vec<Obstacle>,
}

impl Request {
    /// Flavor extra spec and scheduler hint that limit bursting: `never`, `overflow` or `load`.
    pub const BURST_KEY: &'static str = "spillway:burst";
    /// Flavor extra spec that pins the provider's instance size.
    pub const SIZE_KEY: &'static str = "spillway:size";
}

/// The kinds of call of Nova's scheduler. Only a boot may burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A new server (or several), with the host left to the scheduler.
    Boot,
    /// A new server for which an administrator named the host.
    Forced,
    /// Migration, resize, evacuation or unshelving of a server on a private host.
    MovePrivate,
    /// The same of a server on a burst host.
    MoveBurst,
    /// A rebuild in place.
    Rebuild,
}

/// Size of a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flavor {
    /// Name, as in `openstack flavor list`.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// Root disk in GiB; 0 means the image's own size.
    pub root_gb: u64,
    /// Ephemeral disk in GiB.
    pub ephemeral_gb: u64,
    /// Swap disk in MiB.
    pub swap_mb: u64,
    /// Extra specs.
    pub extra_specs: BTreeMap<String, String>,
}

/// What a server starts from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// Glance id; `None` when the server boots from a volume.
    pub id: Option<String>,
    /// Name in Glance.
    pub name: Option<String>,
    /// Image property `os_distro`.
    pub os_distro: Option<String>,
    /// Image property `hw_architecture`, such as `x86_64`; unknown counts as
    /// [`Image::DEFAULT_ARCHITECTURE`].
    pub architecture: Option<String>,
}

impl Image {
    /// Architecture of an image that states none, as Nova's libvirt hosts assume it.
    pub const DEFAULT_ARCHITECTURE: &'static str = "x86_64";

    /// The architecture that the image runs on.
    #[must_use]
    pub fn architecture(&self) -> &str {
        self.architecture
            .as_deref()
            .unwrap_or(Self::DEFAULT_ARCHITECTURE)
    }
}

/// Server group of a request, as the conductor filled it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerGroup {
    /// Nova's policy: `affinity`, `anti-affinity`, `soft-affinity` or `soft-anti-affinity`.
    pub policy: String,
    /// Hosts on which members already are.
    pub hosts: Vec<String>,
}

impl ServerGroup {
    /// Whether every member has to be on one host.
    #[must_use]
    pub fn is_affinity(&self) -> bool {
        self.policy == "affinity"
    }
}

/// Why a request cannot run at a provider, whatever the rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// A NUMA topology, pinned CPUs or huge pages.
    Numa,
    /// PCI devices or vGPUs.
    Pci,
    /// Boots from a volume, which the provider cannot attach.
    Volume,
    /// Ports or devices with resources of their own: QoS bandwidth, SR-IOV, accelerators.
    PortResources,
    /// Ephemeral or swap disks.
    ExtraDisks,
    /// No image at all.
    NoImage,
}

impl Obstacle {
    /// Every obstacle.
    pub const ALL: [Obstacle; 6] = [
        Obstacle::Numa,
        Obstacle::Pci,
        Obstacle::Volume,
        Obstacle::PortResources,
        Obstacle::ExtraDisks,
        Obstacle::NoImage,
    ];

    /// Stable name, the same in the journal and in the Python API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Obstacle::Numa => "numa",
            Obstacle::Pci => "pci",
            Obstacle::Volume => "volume",
            Obstacle::PortResources => "port_resources",
            Obstacle::ExtraDisks => "extra_disks",
            Obstacle::NoImage => "no_image",
        }
    }
}

impl Operation {
    /// Every operation.
    pub const ALL: [Operation; 5] = [
        Operation::Boot,
        Operation::Forced,
        Operation::MovePrivate,
        Operation::MoveBurst,
        Operation::Rebuild,
    ];

    /// Stable name, the same in the journal and in the Python API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Operation::Boot => "boot",
            Operation::Forced => "forced",
            Operation::MovePrivate => "move_private",
            Operation::MoveBurst => "move_burst",
            Operation::Rebuild => "rebuild",
        }
    }
}
