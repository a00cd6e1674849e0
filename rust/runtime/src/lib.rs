//! Spillway's edges that are not Nova: the TOML file, the snapshot, the journal, and their wire
//! formats.
//!
//! Runs inside nova-scheduler, which builds its manager and then forks: nothing here starts a
//! thread or a runtime, opens a socket or waits for anyone. [`config`] makes a checked
//! [`config::Config`] out of the policy file, [`policy_file`] follows that file over time, and
//! [`wire`] has the snapshot and the journal: it is the only module that knows their JSON.
#![forbid(unsafe_code)]

pub mod config;
mod file_identity;
pub mod policy_file;
pub mod wire;
