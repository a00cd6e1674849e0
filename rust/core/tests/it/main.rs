//! Properties that hold for every policy, load, request and series of samples.

#![allow(clippy::unwrap_used)] // A test that cannot build its input has failed.

mod arbitrary;
mod decisions;
mod dependencies;
mod gates;
