//! Integration tests of the runtime crate, in one binary.
#![forbid(unsafe_code)]

mod data;
mod decisions;
mod dependencies;
mod docs;
mod environment;
#[cfg(feature = "engine")]
mod explain;
#[cfg(feature = "engine")]
mod fuzz_corpus;
#[cfg(feature = "engine")]
mod fuzz_targets;
mod hostile;
mod journal;
mod journal_examples;
#[cfg(feature = "scrape")]
mod pages;
mod policies;
mod policy_file;
mod publish;
mod snapshot;
