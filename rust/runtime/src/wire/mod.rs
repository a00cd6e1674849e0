//! The two files between scheduler and sidecar, and the JSON that they are made of.
//!
//! Times are Unix milliseconds, money is US dollars, and a key that holds a number ends in its
//! unit. What the core calls by a type, these shapes call by its stable name.

mod amount;
mod decision;
mod inputs;
mod journal;
mod line;
mod load;
mod origin;
mod publish;
mod published;
mod recorded;
mod replay;
mod snapshot;

pub use journal::Journal;
pub use line::{DecisionRecord, OutcomeRecord};
pub use origin::{GateOrigin, Origin};
#[cfg(feature = "engine")]
pub(crate) use publish::replace;
pub use publish::{Publication, PublishedGate};
pub use recorded::{
    BadLine, JournalLine, MAX_LINE_BYTES, RecordedDecision, RecordedOutcome, RecordedPolicy,
};
#[cfg(feature = "engine")]
pub(crate) use replay::{RecordedInputs, decision_json};
pub use replay::{ReplayError, decide_recorded};
pub use snapshot::{MAX_AHEAD, MAX_BYTES, Observed, SnapshotFile};

/// Format of the snapshot and of the journal's lines that this release writes and reads.
pub const FORMAT: u32 = 1;
