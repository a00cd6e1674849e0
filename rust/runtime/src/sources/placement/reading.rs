//! One reading of Placement's API.

use super::books::{Books, Provider, Resource, alike};
use crate::sources::failure::{Failure, FailureKind, excerpt};
use crate::sources::openstack::aggregates::{self, Aggregate};
use crate::sources::openstack::keystone::{Ask, Keystone, PLACEMENT};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use spillway_core::scope::Scope;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The least that has all that is asked for: forbidden traits in `required`, of Placement in
/// OpenStack Rocky.
const MICROVERSION: (u32, u32) = (1, 22);
const MICROVERSION_TEXT: &str = "1.22";

/// Hosts with one of these do not count: burst hosts, and hosts that Nova schedules nothing to.
const EXCLUDED_TRAITS: [&str; 2] = ["CUSTOM_SPILLWAY_BURST", "COMPUTE_STATUS_DISABLED"];

/// Requests under way at once.
const AT_ONCE: usize = 16;

/// Reads Placement, and remembers inventories that have not changed.
#[derive(Debug)]
pub(super) struct Reader {
    keystone: Keystone,
    is_new_enough: bool,
    inventories: HashMap<String, Inventory>,
}

/// An inventory of some generation of its provider.
#[derive(Debug, Clone)]
struct Inventory {
    generation: u64,
    capacity: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Versions {
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    max_version: String,
}

#[derive(Deserialize)]
struct Traits {
    traits: Vec<String>,
}

#[derive(Deserialize)]
struct ListedProviders {
    resource_providers: Vec<Listed>,
}

#[derive(Debug, Clone, Deserialize)]
struct Listed {
    uuid: String,
    name: String,
    generation: u64,
    root_provider_uuid: String,
}

#[derive(Deserialize)]
struct Inventories {
    resource_provider_generation: u64,
    inventories: BTreeMap<String, InventoryOfClass>,
}

#[derive(Deserialize)]
struct InventoryOfClass {
    total: u64,
    #[serde(default)]
    reserved: u64,
    #[serde(default = "one")]
    allocation_ratio: f64,
}

fn one() -> f64 {
    1.0
}

#[derive(Deserialize)]
struct Usages {
    usages: BTreeMap<String, u64>,
}

impl Reader {
    pub(super) fn new(keystone: Keystone) -> Self {
        Reader {
            keystone,
            is_new_enough: false,
            inventories: HashMap::new(),
        }
    }

    /// Reads every private host, and who belongs to each scope.
    ///
    /// # Errors
    /// Any [`Failure`]. A host that cannot be read fails the reading: a part of the cloud is not
    /// the cloud.
    pub(super) async fn read(&mut self, scopes: &BTreeSet<Scope>) -> Result<Books, Failure> {
        let begun = Instant::now();
        self.check_version().await?;
        let asked = Asked {
            keystone: &self.keystone,
            bytes: AtomicU64::new(0),
        };
        let listed = asked.private_providers().await?;
        let inventories = &self.inventories;
        let asked_ref = &asked;
        let reads = listed.into_iter().map(|listed| async move {
            let known = inventories.get(&listed.uuid);
            asked_ref.provider(listed, known).await
        });
        let read: Vec<Option<(Provider, Inventory)>> = stream::iter(reads)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let members = asked.members(scopes).await?;
        let mut inventories = HashMap::new();
        let mut providers = Vec::with_capacity(read.len());
        for (provider, inventory) in read.into_iter().flatten() {
            inventories.insert(provider.uuid.clone(), inventory);
            providers.push(provider);
        }
        let bytes = asked.bytes.into_inner();
        self.inventories = inventories;
        Ok(Books {
            begun,
            bytes,
            providers,
            scopes: members,
        })
    }

    async fn check_version(&mut self) -> Result<(), Failure> {
        if self.is_new_enough {
            return Ok(());
        }
        let versions: Versions = self.keystone.read(&Ask::get(PLACEMENT, &[])).await?;
        let newest = versions.versions.iter().map(|version| {
            let (major, minor) = version.max_version.split_once('.')?;
            Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
        });
        let newest = newest.flatten().max().unwrap_or((0, 0));
        if newest < MICROVERSION {
            let (major, minor) = newest;
            let detail = format!(
                "Placement speaks its API up to {major}.{minor}; {MICROVERSION_TEXT} is needed, \
                 which OpenStack Rocky has"
            );
            return Err(Failure::new(FailureKind::Malformed, detail));
        }
        self.is_new_enough = true;
        Ok(())
    }
}

/// The requests of one reading.
struct Asked<'a> {
    keystone: &'a Keystone,
    bytes: AtomicU64,
}

impl Asked<'_> {
    async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Failure> {
        let ask = Ask {
            query,
            microversion: Some(MICROVERSION_TEXT),
            ..Ask::get(PLACEMENT, path)
        };
        let (answer, bytes) = self.keystone.read_counted(&ask).await?;
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(answer)
    }

    /// The providers of hosts that are private and not disabled, with those nested in them.
    async fn private_providers(&self) -> Result<Vec<Listed>, Failure> {
        // A trait that Placement has never heard of may not be named, and a burst host's is made
        // when the first one starts.
        let names = format!("in:{}", EXCLUDED_TRAITS.join(","));
        let known: Traits = self.get(&["traits"], &[("name", names.as_str())]).await?;
        let forbidden: Vec<String> = known.traits.iter().map(|name| format!("!{name}")).collect();
        let forbidden = forbidden.join(",");
        let query = [("required", forbidden.as_str())];
        let query = if forbidden.is_empty() {
            &[]
        } else {
            &query[..]
        };
        let listed: ListedProviders = self.get(&["resource_providers"], query).await?;
        // What is nested in a host has not the host's traits, so its root decides.
        let hosts: BTreeSet<String> = listed
            .resource_providers
            .iter()
            .filter(|provider| provider.uuid == provider.root_provider_uuid)
            .map(|provider| provider.uuid.clone())
            .collect();
        let providers = listed.resource_providers.into_iter();
        Ok(providers
            .filter(|provider| hosts.contains(&provider.root_provider_uuid))
            .collect())
    }

    /// A provider's use, and its inventory where the one that is known may be another now. `None`
    /// when it was deleted meanwhile.
    async fn provider(
        &self,
        listed: Listed,
        known: Option<&Inventory>,
    ) -> Result<Option<(Provider, Inventory)>, Failure> {
        let uuid = listed.uuid.as_str();
        let inventory = match known {
            Some(known) if known.generation == listed.generation => known.clone(),
            _ => match gone(
                self.get(&["resource_providers", uuid, "inventories"], &[])
                    .await,
            )? {
                Some(answer) => Inventory::of(answer),
                None => return Ok(None),
            },
        };
        // What changes from here on may be in the answer or not; what changed before is.
        let read_at = Instant::now();
        let usages = gone(self.get(&["resource_providers", uuid, "usages"], &[]).await)?;
        let Some(Usages { usages }) = usages else {
            return Ok(None);
        };
        #[allow(clippy::cast_precision_loss)]
        let resources = inventory.capacity.iter().map(|(class, capacity)| {
            let used = usages.get(class).copied().unwrap_or(0) as f64;
            let capacity = *capacity;
            (class.clone(), Resource { capacity, used })
        });
        let provider = Provider {
            resources: resources.collect(),
            read_at,
            uuid: listed.uuid,
            root: listed.root_provider_uuid,
            name: listed.name,
        };
        Ok(Some((provider, inventory)))
    }

    /// The hosts of each scope that is not the whole cloud.
    async fn members(
        &self,
        scopes: &BTreeSet<Scope>,
    ) -> Result<BTreeMap<Scope, Result<BTreeSet<String>, Failure>>, Failure> {
        let mut members = BTreeMap::new();
        if scopes.iter().all(|scope| *scope == Scope::Cloud) {
            return Ok(members);
        }
        let aggregates = aggregates::aggregates(self.keystone).await?;
        for scope in scopes {
            let found = match scope {
                Scope::Cloud => continue,
                Scope::Aggregate(name) => self.of_aggregate(name, &aggregates).await,
                Scope::Zone(name) => self.of_zone(name, &aggregates).await,
            };
            let found = match found {
                Err(failure) if failure.kind != FailureKind::Absent => return Err(failure),
                found_or_absent => found_or_absent,
            };
            members.insert(scope.clone(), found);
        }
        Ok(members)
    }

    async fn of_aggregate(
        &self,
        name: &str,
        aggregates: &[Aggregate],
    ) -> Result<BTreeSet<String>, Failure> {
        let named: Vec<&str> = aggregates
            .iter()
            .filter(|aggregate| aggregate.name == name)
            .map(|aggregate| aggregate.uuid.as_str())
            .collect();
        if named.is_empty() {
            let known = aggregates.iter().map(|aggregate| aggregate.name.as_str());
            return Err(unknown("host aggregate", name, known));
        }
        self.of_uuids(&named).await
    }

    async fn of_zone(
        &self,
        name: &str,
        aggregates: &[Aggregate],
    ) -> Result<BTreeSet<String>, Failure> {
        let zoned = |aggregate: &&Aggregate| aggregate.availability_zone.is_some();
        let of_this = |aggregate: &&Aggregate| aggregate.availability_zone.as_deref() == Some(name);
        let uuid = |aggregate: &'_ Aggregate| aggregate.uuid.clone();
        let named: Vec<String> = aggregates.iter().filter(of_this).map(uuid).collect();
        if !named.is_empty() {
            let named: Vec<&str> = named.iter().map(String::as_str).collect();
            return self.of_uuids(&named).await;
        }
        let zones = aggregates::zones(self.keystone).await?;
        if !zones.iter().any(|zone| zone == name) {
            let known = zones.iter().map(String::as_str);
            return Err(unknown("availability zone", name, known));
        }
        // Nova's default zone: the hosts that no aggregate puts into another.
        let elsewhere: Vec<String> = aggregates.iter().filter(zoned).map(uuid).collect();
        let elsewhere: Vec<&str> = elsewhere.iter().map(String::as_str).collect();
        let everyone: ListedProviders = self.get(&["resource_providers"], &[]).await?;
        let mut members: BTreeSet<String> = roots(everyone).collect();
        if !elsewhere.is_empty() {
            for other in self.of_uuids(&elsewhere).await? {
                members.remove(&other);
            }
        }
        Ok(members)
    }

    async fn of_uuids(&self, aggregates: &[&str]) -> Result<BTreeSet<String>, Failure> {
        let member_of = format!("in:{}", aggregates.join(","));
        let query = [("member_of", member_of.as_str())];
        let listed: ListedProviders = self.get(&["resource_providers"], &query).await?;
        Ok(roots(listed).collect())
    }
}

impl Inventory {
    fn of(answer: Inventories) -> Self {
        let capacity = answer.inventories.into_iter().map(|(class, of_class)| {
            #[allow(clippy::cast_precision_loss)]
            let usable = of_class.total.saturating_sub(of_class.reserved) as f64;
            // Placement itself takes the whole part.
            (class, (usable * of_class.allocation_ratio).floor())
        });
        Inventory {
            generation: answer.resource_provider_generation,
            capacity: capacity.collect(),
        }
    }
}

fn roots(listed: ListedProviders) -> impl Iterator<Item = String> {
    let providers = listed.resource_providers.into_iter();
    providers.map(|provider| provider.root_provider_uuid)
}

/// `None` for a provider that is not there.
fn gone<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if failure.kind == FailureKind::Absent => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let known: BTreeSet<&str> = known.collect();
    let offered = alike(name, known.iter().copied());
    let detail = if offered.is_empty() {
        let names: Vec<&str> = known.into_iter().collect();
        let names = excerpt(&names.join("`, `"));
        format!("there is no {what} `{name}`; there is `{names}`")
    } else {
        format!("there is no {what} `{name}`{offered}")
    };
    Failure::new(FailureKind::Absent, detail)
}
