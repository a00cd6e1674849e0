//! The process `spillway run`.
//!
//! One loop (`run`) takes a closed set of events: what sources say ([`crate::sources::Event`]),
//! new lines of the journal, operators' commands, the clock, a changed policy file. It hands them
//! to the engine, which keeps the signals and the gates, writes the snapshot and makes the
//! [`crate::view::View`] that everything is shown from.

mod counts;
mod engine;
#[cfg(test)]
mod forecast_tests;
mod gates;
mod journal_tail;
pub mod operator;
mod recent;
mod run;
pub mod server;
mod signals;
mod source_states;
mod state_file;
mod tasks;

pub use run::{RunError, run};
pub use state_file::StateError;
