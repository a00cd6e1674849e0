//! Why a decision is what it is, from the journal alone: what it was made from, the rule and the
//! reason that decided, the runner-up, and what would have changed it.
//!
//! `files` and `lines` read the journal and what it was rotated to from the end, in bounded
//! memory; `record` is a decision's line, `find` looks for one and `recent` lists the newest.
//! `build` makes an [`Explanation`] of a line and its policy: `inputs`, `runner_up` and
//! `counterfactual`, which tries each of the `changes` by deciding again. `text` shows it.

mod build;
mod changes;
mod counterfactual;
mod edit;
mod explanation;
mod files;
mod find;
mod inputs;
mod lines;
mod recent;
mod record;
mod runner_up;
mod text;

pub use edit::{Document, Edit, Operation};
pub use explanation::{
    AttemptView, Counterfactual, DecidedAgain, EvidenceUsed, Explanation, GateUsed, InputsView,
    LimitsUsed, OfferUsed, PolicyView, RuleView, RunnerUp, SnapshotUsed, SpendUsed,
};
pub use files::JournalFiles;
pub use find::{ExplainError, find};
pub use recent::recent;
