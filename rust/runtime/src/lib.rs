//! Spillway's edges that are not Nova: the TOML file, the snapshot, the journal, and their wire
//! formats.
//!
//! Runs inside nova-scheduler, which builds its manager and then forks: nothing here starts a
//! thread or a runtime, opens a socket or waits for anyone. [`config`] makes a checked
//! [`config::Config`] out of the policy file, [`policy_file`], [`snapshot`] and [`journal`] are
//! the three files, and [`wire`] is the only module that knows what their JSON looks like.
#![forbid(unsafe_code)]

pub mod config;
mod file_identity;
pub mod journal;
pub mod policy_file;
pub mod snapshot;
pub mod wire;
