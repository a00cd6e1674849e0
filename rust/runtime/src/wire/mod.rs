//! The two files between scheduler and sidecar, and the JSON that they are made of.

mod journal;
mod replay;
mod snapshot;

pub use journal::{DecisionRecord, Journal, OutcomeRecord};
pub use replay::{ReplayError, decide_recorded};
pub use snapshot::{Observed, SnapshotFile};
