//! Spillway's edges that are not Nova: the TOML file, the snapshot, the journal, their wire
//! formats, and the sidecar.
//!
//! Without features it runs inside nova-scheduler, which builds its manager and then forks:
//! nothing there starts a thread or a runtime, opens a socket or waits for anyone. [`config`] makes
//! a checked [`config::Config`] out of the policy file, [`policy_file`] follows that file over
//! time, and [`wire`] has the snapshot and the journal: it is the only module that knows their
//! JSON.
//!
//! With the feature `engine` it is the sidecar: `sources` measure, `sidecar` keeps what they
//! say, steps the gates, writes the snapshot, and serves the page, the metrics and the API;
//! `explain` says from the journal why a decision is what it is.
#![forbid(unsafe_code)]

pub mod config;
#[cfg(feature = "engine")]
pub mod explain;
mod file_identity;
#[cfg(feature = "scrape")]
pub mod page;
pub mod policy_file;
pub mod selector;
#[cfg(feature = "engine")]
pub mod sidecar;
#[cfg(feature = "engine")]
pub mod sources;
#[cfg(feature = "engine")]
pub mod view;
pub mod wire;
