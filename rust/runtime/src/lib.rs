//! Spillway's edges that are not Nova: the TOML file, the snapshot, the journal, and their wire
//! formats.
//!
//! Runs inside nova-scheduler, which builds its manager and then forks: nothing here starts a
//! thread or a runtime, opens a socket or waits for anyone. [`config`] makes a checked
//! [`config::Config`] out of the policy file; [`wire`] is the only place that knows JSON.
#![forbid(unsafe_code)]

pub mod config;
pub mod wire;

pub use config::{Config, Diagnostics};
pub use wire::{Journal, SnapshotFile, decide_recorded};
