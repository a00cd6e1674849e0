//! `Policy`: the policy file as the burst host and the check read it.

use crate::errors::{PolicyError, guarded, unmappable};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use spillway_core::request::{Flavor, Image};
use spillway_runtime::config::{self, BurstHostConfig, Config};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A policy file, read once.
#[pyclass(frozen, module = "nova_spillway._native")]
pub(crate) struct Policy(Arc<Config>);

#[pymethods]
impl Policy {
    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<Self> {
        guarded(|| {
            Config::load(&path)
                .map(|config| Policy(Arc::new(config)))
                .map_err(|diagnostics| PolicyError::new_err(diagnostics.to_string()))
        })
    }

    #[getter]
    fn digest(&self) -> &str {
        &self.0.digest
    }

    #[getter]
    fn mode(&self) -> &'static str {
        self.0.policy.mode.name()
    }

    #[getter]
    fn deployment(&self) -> &str {
        self.0.deployment.as_deref().unwrap_or_default()
    }

    #[getter]
    fn burst_hosts(&self) -> Vec<String> {
        self.0
            .policy
            .burst_hosts
            .iter()
            .map(|host| host.name.clone())
            .collect()
    }

    fn burst_host(&self, name: &str) -> PyResult<BurstHost> {
        self.0
            .burst_hosts
            .iter()
            .position(|host| host.name == name)
            .map(|position| BurstHost {
                config: Arc::clone(&self.0),
                position,
            })
            .ok_or_else(|| PyKeyError::new_err(format!("the policy has no burst host {name}")))
    }
}

/// One burst host of the policy.
#[pyclass(frozen, module = "nova_spillway._native")]
pub(crate) struct BurstHost {
    config: Arc<Config>,
    position: usize,
}

impl BurstHost {
    fn configured(&self) -> &BurstHostConfig {
        &self.config.burst_hosts[self.position]
    }
}

#[pymethods]
impl BurstHost {
    #[getter]
    fn name(&self) -> &str {
        &self.configured().name
    }

    #[getter]
    fn provider(&self) -> &str {
        self.configured().provider.name()
    }

    #[getter]
    fn deployment(&self) -> &str {
        self.config.deployment.as_deref().unwrap_or_default()
    }

    #[getter]
    fn max_servers(&self) -> u32 {
        self.configured().max_servers
    }

    #[getter]
    fn max_vcpus(&self) -> u32 {
        self.configured().max_vcpus
    }

    #[getter]
    fn max_memory_mb(&self) -> u64 {
        self.configured().max_memory_mb
    }

    #[getter]
    fn max_disk_gb(&self) -> u64 {
        self.configured().max_disk_gb
    }

    #[getter]
    fn poll_interval_secs(&self) -> f64 {
        self.configured().poll_interval.secs()
    }

    #[getter]
    fn metrics_listen(&self) -> Option<String> {
        self.configured()
            .metrics_listen
            .map(|address| address.to_string())
    }

    /// The sizes that may be launched, in the order of the file.
    #[getter]
    fn sizes(&self) -> Vec<Size> {
        let sizes = self.core().map(|host| host.sizes.as_slice());
        let sizes = sizes.unwrap_or_default().iter();
        sizes
            .map(|size| Size {
                name: size.name.clone(),
                vcpus: size.vcpus,
                memory_mb: size.memory_mb,
                price_usd_per_hour: size.price.map(spillway_core::Usd::dollars),
            })
            .collect()
    }

    /// Architectures that the mapped sizes have, each once, in the order of the file.
    #[getter]
    fn architectures(&self) -> Vec<String> {
        let mut architectures = Vec::new();
        for size in self
            .core()
            .map(|host| host.sizes.as_slice())
            .unwrap_or_default()
        {
            if !architectures.contains(&size.architecture) {
                architectures.push(size.architecture.clone());
            }
        }
        architectures
    }

    /// The provider's own table: texts and lists of texts; an absent option is not in it.
    #[getter]
    fn provider_options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let options = PyDict::new(py);
        for (key, value) in &self.configured().provider.options() {
            match value.as_array() {
                None => options.set_item(key, value.as_str())?,
                Some(texts) => {
                    let texts: Vec<_> = texts.iter().filter_map(|text| text.as_str()).collect();
                    options.set_item(key, texts)?;
                }
            }
        }
        Ok(options)
    }

    #[allow(clippy::too_many_arguments)]
    #[pyo3(signature = (*, flavor_name, vcpus, memory_mb, extra_specs, image_id, image_name,
        os_distro, architecture))]
    fn map_launch(
        &self,
        py: Python<'_>,
        flavor_name: String,
        vcpus: u32,
        memory_mb: u64,
        extra_specs: HashMap<String, String>,
        image_id: Option<String>,
        image_name: Option<String>,
        os_distro: Option<String>,
        architecture: Option<String>,
    ) -> PyResult<LaunchMapping> {
        guarded(|| {
            let host = self
                .core()
                .ok_or_else(|| PyKeyError::new_err(self.name().to_owned()))?;
            let flavor = Flavor {
                name: flavor_name,
                vcpus,
                memory_mb,
                extra_specs: extra_specs.into_iter().collect(),
                ..Flavor::default()
            };
            let image = Image {
                id: image_id,
                name: image_name,
                os_distro,
                architecture,
            };
            let refuse = |reason| unmappable(py, &reason);
            let provider_image = host.provider_image(&image).map_err(refuse)?.to_owned();
            let sizes = host.fitting_sizes(&flavor, &image).map_err(refuse)?;
            let size = sizes
                .first()
                .ok_or_else(|| PyKeyError::new_err("no size"))?;
            Ok(LaunchMapping {
                size: size.name.clone(),
                provider_image,
                price_usd_per_hour: size.price.map(spillway_core::Usd::dollars),
            })
        })
    }
}

impl BurstHost {
    fn core(&self) -> Option<&spillway_core::policy::BurstHost> {
        self.config.policy.burst_host(self.name())
    }
}

/// One of the provider's sizes that may be launched.
#[pyclass(frozen, get_all, module = "nova_spillway._native")]
pub(crate) struct Size {
    name: String,
    vcpus: u32,
    memory_mb: u64,
    price_usd_per_hour: Option<f64>,
}

/// What the provider launches for a flavor and an image.
#[pyclass(frozen, get_all, module = "nova_spillway._native")]
pub(crate) struct LaunchMapping {
    size: String,
    provider_image: String,
    price_usd_per_hour: Option<f64>,
}

/// What is wrong with a policy file, a diagnostic per entry.
#[pyfunction]
pub(crate) fn check_policy(path: PathBuf) -> PyResult<Vec<String>> {
    guarded(|| Ok(diagnostics(&path)))
}

fn diagnostics(path: &Path) -> Vec<String> {
    match Config::load(path) {
        Ok(_) => Vec::new(),
        Err(diagnostics) => diagnostics.iter().map(ToString::to_string).collect(),
    }
}

/// A commented policy file that is made from the code.
#[pyfunction]
pub(crate) fn policy_example() -> String {
    config::example()
}

/// The configuration reference in Markdown, made from the code.
#[pyfunction]
pub(crate) fn policy_reference() -> String {
    config::reference()
}
