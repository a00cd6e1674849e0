//! Tests of the built command, in one binary.
#![forbid(unsafe_code)]

mod commands;
mod documents;
mod formats;
mod page;
mod run;
mod sidecar;
mod spillway;
