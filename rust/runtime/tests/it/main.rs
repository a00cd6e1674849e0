//! Integration tests of the runtime crate, in one binary.
#![forbid(unsafe_code)]

mod data;
mod decisions;
mod docs;
mod environment;
mod hostile;
mod journal;
mod policies;
mod policy_file;
mod snapshot;
