//! Spillway's edges that are not Nova: the TOML file, the snapshot, the journal, and their wire
//! formats. The only crate that knows JSON.
#![forbid(unsafe_code)]
