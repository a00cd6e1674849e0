//! `Request`: a scheduler call as Python hands it over.

use crate::errors::guarded;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use spillway_core::request::{Flavor, Image, Obstacle, Operation, ServerGroup};
use std::collections::{BTreeMap, HashMap};

/// One call of Nova's scheduler, in the words that a decision needs.
#[pyclass(frozen, module = "nova_spillway._native")]
pub(crate) struct Request {
    pub(crate) core: spillway_core::Request,
    pub(crate) instance_uuids: Vec<String>,
    pub(crate) request_id: Option<String>,
}

#[pymethods]
impl Request {
    // The names of the arguments are the API; a struct of options would only repeat them.
    #[allow(clippy::too_many_arguments)]
    #[new]
    #[pyo3(signature = (*, operation, instance_uuids, project_id, flavor_name, vcpus, memory_mb,
        root_gb, ephemeral_gb = 0, swap_mb = 0, extra_specs = None, image_id = None,
        image_name = None, os_distro = None, architecture = None, availability_zone = None,
        group_policy = None, group_hosts = None, hints = None, obstacles = None,
        request_id = None))]
    fn new(
        operation: &str,
        instance_uuids: Vec<String>,
        project_id: String,
        flavor_name: String,
        vcpus: u32,
        memory_mb: u64,
        root_gb: u64,
        ephemeral_gb: u64,
        swap_mb: u64,
        extra_specs: Option<HashMap<String, String>>,
        image_id: Option<String>,
        image_name: Option<String>,
        os_distro: Option<String>,
        architecture: Option<String>,
        availability_zone: Option<String>,
        group_policy: Option<String>,
        group_hosts: Option<Vec<String>>,
        hints: Option<HashMap<String, Vec<String>>>,
        obstacles: Option<Vec<String>>,
        request_id: Option<String>,
    ) -> PyResult<Self> {
        guarded(|| {
            let operation = Operation::ALL
                .into_iter()
                .find(|known| known.name() == operation)
                .ok_or_else(|| PyValueError::new_err(format!("unknown operation {operation}")))?;
            let count = u32::try_from(instance_uuids.len())
                .ok()
                .filter(|count| *count > 0)
                .ok_or_else(|| PyValueError::new_err("a request is for at least one instance"))?;
            let core = spillway_core::Request {
                operation,
                count,
                project_id,
                flavor: Flavor {
                    name: flavor_name,
                    vcpus,
                    memory_mb,
                    root_gb,
                    ephemeral_gb,
                    swap_mb,
                    extra_specs: sorted(extra_specs),
                },
                image: Image {
                    id: image_id,
                    name: image_name,
                    os_distro,
                    architecture,
                },
                availability_zone,
                group: group_policy.map(|policy| ServerGroup {
                    policy,
                    hosts: group_hosts.unwrap_or_default(),
                }),
                hints: sorted(hints),
                obstacles: obstacles
                    .unwrap_or_default()
                    .iter()
                    .map(|name| obstacle(name))
                    .collect::<PyResult<_>>()?,
            };
            Ok(Request {
                core,
                instance_uuids,
                request_id,
            })
        })
    }
}

fn obstacle(name: &str) -> PyResult<Obstacle> {
    Obstacle::ALL
        .into_iter()
        .find(|known| known.name() == name)
        .ok_or_else(|| PyValueError::new_err(format!("unknown obstacle {name}")))
}

/// The core iterates in one order for ever; a Python dict has the order of its making.
fn sorted<V>(map: Option<HashMap<String, V>>) -> BTreeMap<String, V> {
    map.unwrap_or_default().into_iter().collect()
}
