//! The functions that are fuzzed. They live with the integration tests of the runtime crate, which
//! run the corpus and some mutations of it through them without libFuzzer.
#![forbid(unsafe_code)]

#[path = "../../runtime/tests/it/fuzz_targets.rs"]
pub mod fuzz_targets;
