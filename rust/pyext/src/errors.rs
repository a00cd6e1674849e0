//! From Rust's errors and panics to Python's exceptions, each mapped once.

use pyo3::create_exception;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

create_exception!(
    nova_spillway._native,
    PolicyError,
    PyValueError,
    "The policy is unusable."
);
create_exception!(
    nova_spillway._native,
    CorePanic,
    PyRuntimeError,
    "A panic in the core, stopped at the boundary."
);
create_exception!(
    nova_spillway._native,
    Unmappable,
    PyValueError,
    "A flavor or an image has no counterpart at the provider."
);

/// Runs `work` and turns a panic into [`CorePanic`].
///
/// PyO3 would raise `PanicException`, a `BaseException` that Nova's `except Exception` misses.
pub(crate) fn guarded<T>(work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    caught(work).unwrap_or_else(|message| Err(CorePanic::new_err(message)))
}

/// Runs `work`; a panic's message is the error.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // What a panic can leave half-changed are caches behind a mutex, and those are rebuilt.
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned())
    })
}

/// The exception for a reason that keeps a flavor or an image from being launched.
pub(crate) fn unmappable(py: Python<'_>, reason: &spillway_core::Reason) -> PyErr {
    let error = Unmappable::new_err(reason.to_string());
    match error.value(py).setattr("code", reason.code()) {
        Ok(()) => error,
        Err(other) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[test]
    fn a_panic_is_an_error_with_its_message() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(
            caught(|| -> u8 { panic!("plain") }),
            Err("plain".to_owned())
        );
        assert_eq!(
            caught(|| -> u8 { panic!("number {}", 3) }),
            Err("number 3".to_owned())
        );
        let payload = || -> u8 { std::panic::panic_any(3_u8) };
        assert_eq!(caught(payload), Err("no message".to_owned()));
    }
}
