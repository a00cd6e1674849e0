//! The extension `nova_spillway._native`: Spillway's core inside Nova's processes.
//!
//! nova-scheduler builds its manager and then forks its workers, so nothing here starts a thread,
//! a runtime or a socket, and no file is open before the first request. The GIL is kept: a call
//! takes microseconds, and giving the GIL up costs more than it brings for work this short
//! (docs/benchmarks.md).

mod decision;
mod engine;
mod errors;
mod policy;
mod request;

use pyo3::prelude::*;

/// Spillway's core inside Nova's processes. The stub `_native.pyi` documents it.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("PolicyError", py.get_type::<errors::PolicyError>())?;
    module.add("CorePanic", py.get_type::<errors::CorePanic>())?;
    module.add("Unmappable", py.get_type::<errors::Unmappable>())?;
    module.add_class::<request::Request>()?;
    module.add_class::<decision::Reason>()?;
    module.add_class::<decision::Attempt>()?;
    module.add_class::<decision::Decision>()?;
    module.add_class::<engine::Engine>()?;
    module.add_class::<policy::Policy>()?;
    module.add_class::<policy::BurstHost>()?;
    module.add_class::<policy::LaunchMapping>()?;
    module.add_class::<policy::Size>()?;
    module.add_function(wrap_pyfunction!(policy::check_policy, module)?)?;
    module.add_function(wrap_pyfunction!(policy::policy_example, module)?)?;
    module.add_function(wrap_pyfunction!(policy::policy_reference, module)?)?;
    module.add_function(wrap_pyfunction!(decision::decide_recorded, module)?)?;
    module.add_function(wrap_pyfunction!(decision::reason_codes, module)?)?;
    Ok(())
}
