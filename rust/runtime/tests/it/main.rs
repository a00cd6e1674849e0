//! Integration tests of the runtime crate, in one binary.
#![forbid(unsafe_code)]

mod data;
mod decisions;
mod docs;
mod policies;
