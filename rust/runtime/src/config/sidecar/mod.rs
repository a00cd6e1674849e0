//! The part of the policy file that only the sidecar reads: itself, the clouds that it asks, its
//! sources, and what each signal is measured by.

pub(super) mod check;
pub(super) mod checked;
pub(super) mod raw;
