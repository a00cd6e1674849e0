//! A decision's inputs, as the journal records them and golden cases write them.

use super::load::{LoadShape, OfferShape};
use serde::{Deserialize, Serialize};
use spillway_core::request::{Flavor, Image, Obstacle, Operation, ServerGroup};
use spillway_core::{Evidence, Request};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Everything that `decide` is given besides the policy.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inputs<'a> {
    pub(super) now_ms: u64,
    #[serde(borrow)]
    pub(super) request: RequestShape<'a>,
    pub(super) load: LoadShape<'a>,
    #[serde(default, borrow)]
    pub(super) offers: Vec<OfferShape<'a>>,
    pub(super) evidence: EvidenceShape,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EvidenceShape {
    NotAsked,
    Unavailable,
    Fits(u32),
}

impl From<Evidence> for EvidenceShape {
    fn from(evidence: Evidence) -> Self {
        match evidence {
            Evidence::NotAsked => EvidenceShape::NotAsked,
            Evidence::Unavailable => EvidenceShape::Unavailable,
            Evidence::Fits(fits) => EvidenceShape::Fits(fits),
        }
    }
}

impl From<EvidenceShape> for Evidence {
    fn from(shape: EvidenceShape) -> Self {
        match shape {
            EvidenceShape::NotAsked => Evidence::NotAsked,
            EvidenceShape::Unavailable => Evidence::Unavailable,
            EvidenceShape::Fits(fits) => Evidence::Fits(fits),
        }
    }
}

/// Declares an enum of stable names that stands for one of the core's.
macro_rules! named {
    ($shape:ident for $core:ident { $($variant:ident),+ }) => {
        #[derive(Debug, Clone, Copy, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum $shape { $($variant),+ }

        impl From<$core> for $shape {
            fn from(value: $core) -> Self {
                match value { $($core::$variant => $shape::$variant),+ }
            }
        }

        impl From<$shape> for $core {
            fn from(value: $shape) -> Self {
                match value { $($shape::$variant => $core::$variant),+ }
            }
        }
    };
}

named!(OperationShape for Operation { Boot, Forced, MovePrivate, MoveBurst, Rebuild });
named!(ObstacleShape for Obstacle { Numa, Pci, Volume, PortResources, ExtraDisks, NoImage });

/// A request. What is empty is left out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestShape<'a> {
    operation: OperationShape,
    count: u32,
    /// Which servers; decisions do not look at it, `explain` does.
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    instance_uuids: Cow<'a, [String]>,
    project_id: Cow<'a, str>,
    #[serde(borrow)]
    flavor: FlavorShape<'a>,
    #[serde(default, borrow)]
    image: ImageShape<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    availability_zone: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<GroupShape<'a>>,
    #[serde(default, skip_serializing_if = "map_is_empty")]
    hints: Cow<'a, BTreeMap<String, Vec<String>>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    obstacles: Vec<ObstacleShape>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FlavorShape<'a> {
    name: Cow<'a, str>,
    vcpus: u32,
    memory_mb: u64,
    #[serde(default)]
    root_gb: u64,
    #[serde(default)]
    ephemeral_gb: u64,
    #[serde(default)]
    swap_mb: u64,
    #[serde(default, skip_serializing_if = "map_is_empty")]
    extra_specs: Cow<'a, BTreeMap<String, String>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageShape<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    os_distro: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    architecture: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupShape<'a> {
    policy: Cow<'a, str>,
    #[serde(default)]
    hosts: Cow<'a, [String]>,
}

impl<'a> RequestShape<'a> {
    pub(super) fn of(request: &'a Request, instance_uuids: &'a [String]) -> Self {
        let text = |value: &'a Option<String>| value.as_deref().map(Cow::Borrowed);
        let Request { flavor, image, .. } = request;
        RequestShape {
            operation: request.operation.into(),
            count: request.count,
            instance_uuids: Cow::Borrowed(instance_uuids),
            project_id: Cow::Borrowed(&request.project_id),
            flavor: FlavorShape {
                name: Cow::Borrowed(&flavor.name),
                vcpus: flavor.vcpus,
                memory_mb: flavor.memory_mb,
                root_gb: flavor.root_gb,
                ephemeral_gb: flavor.ephemeral_gb,
                swap_mb: flavor.swap_mb,
                extra_specs: Cow::Borrowed(&flavor.extra_specs),
            },
            image: ImageShape {
                id: text(&image.id),
                name: text(&image.name),
                os_distro: text(&image.os_distro),
                architecture: text(&image.architecture),
            },
            availability_zone: text(&request.availability_zone),
            group: request.group.as_ref().map(|group| GroupShape {
                policy: Cow::Borrowed(&group.policy),
                hosts: Cow::Borrowed(&group.hosts),
            }),
            hints: Cow::Borrowed(&request.hints),
            obstacles: request
                .obstacles
                .iter()
                .map(|&o| ObstacleShape::from(o))
                .collect(),
        }
    }
}

impl From<RequestShape<'_>> for Request {
    fn from(shape: RequestShape<'_>) -> Request {
        let text = |value: Option<Cow<'_, str>>| value.map(Cow::into_owned);
        let RequestShape { flavor, image, .. } = shape;
        Request {
            operation: shape.operation.into(),
            count: shape.count,
            project_id: shape.project_id.into_owned(),
            flavor: Flavor {
                name: flavor.name.into_owned(),
                vcpus: flavor.vcpus,
                memory_mb: flavor.memory_mb,
                root_gb: flavor.root_gb,
                ephemeral_gb: flavor.ephemeral_gb,
                swap_mb: flavor.swap_mb,
                extra_specs: flavor.extra_specs.into_owned(),
            },
            image: Image {
                id: text(image.id),
                name: text(image.name),
                os_distro: text(image.os_distro),
                architecture: text(image.architecture),
            },
            availability_zone: text(shape.availability_zone),
            group: shape.group.map(|group| ServerGroup {
                policy: group.policy.into_owned(),
                hosts: group.hosts.into_owned(),
            }),
            hints: shape.hints.into_owned(),
            obstacles: shape.obstacles.into_iter().map(Obstacle::from).collect(),
        }
    }
}

// Serde's `skip_serializing_if` hands over a reference to the field.
#[allow(clippy::ptr_arg)]
fn map_is_empty<K: Clone, V: Clone>(map: &Cow<'_, BTreeMap<K, V>>) -> bool {
    map.is_empty()
}
