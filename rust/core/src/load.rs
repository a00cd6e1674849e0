//! What is known about the private cloud's load, the offers and the spend, at one moment.

use crate::gate::GateState;
use crate::policy::Mode;
use crate::scope::Scope;
use crate::units::{Span, Timestamp, Usd};
use std::collections::BTreeMap;

/// The state that the sidecar publishes, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Load {
    /// A snapshot that is young enough to be trusted.
    Known(LoadView),
    /// No usable snapshot: decisions stand on evidence alone.
    Unknown(SnapshotFault),
}

impl Load {
    /// What an operator said, as far as it is known.
    #[must_use]
    pub fn word(&self) -> OperatorWord {
        match self {
            Load::Known(view) => view.word,
            Load::Unknown(
                SnapshotFault::Stale { word, .. } | SnapshotFault::Unreadable { word },
            ) => *word,
            Load::Unknown(_) => OperatorWord::default(),
        }
    }
}

/// Why there is no usable snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotFault {
    /// The file does not exist.
    Missing,
    /// The file is older than the policy allows. Measurements age; an operator's word does not, so
    /// it still holds.
    Stale {
        /// Age of the file's content.
        age: Span,
        /// What an operator said.
        word: OperatorWord,
    },
    /// The file could not be read or is not a snapshot: cut off, not JSON, a number that is NaN.
    Unreadable {
        /// What an operator said, where that much is known: of a file from the future, whose age
        /// cannot be told since a clock was set back.
        word: OperatorWord,
    },
    /// The file has a format that this release does not know.
    NewerFormat {
        /// The format that the file names.
        format: u32,
    },
}

/// Content of a snapshot, as far as decisions need it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadView {
    /// Gates by scope.
    pub gates: Vec<GateView>,
    /// Money spent, when it is known.
    pub spend: Option<Spend>,
    /// What an operator said.
    pub word: OperatorWord,
}

/// What an operator said while Spillway runs. It only takes away from what the policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OperatorWord {
    /// Nothing may be launched.
    pub paused: bool,
    /// The mode, when it is below the policy's.
    pub mode: Option<Mode>,
}

impl OperatorWord {
    /// The mode that counts: the policy's, unless an operator took away from it.
    #[must_use]
    pub fn mode_under(self, policy: Mode) -> Mode {
        self.mode.map_or(policy, |mode| mode.min(policy))
    }
}

/// One scope's gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateView {
    /// What the gate speaks for.
    pub scope: Scope,
    /// State that the signals gave.
    pub state: GateState,
    /// State that an operator forced, which goes before the signals'.
    pub forced: Option<GateState>,
}

impl GateView {
    /// The state that counts.
    #[must_use]
    pub fn effective(&self) -> GateState {
        self.forced.unwrap_or(self.state)
    }
}

/// A burst host's price and availability for one instance size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Nova's name of the burst host.
    pub burst_host: String,
    /// Provider's name of the instance size.
    pub size: String,
    /// Price per hour; `None` leaves the policy's price.
    pub price: Option<Usd>,
    /// The size just failed and is not asked for before this time.
    pub barred_until: Option<Timestamp>,
    /// Failed launches that the burst host still remembers.
    pub recent_failures: u32,
    /// Servers of this size that can still launch: min(quota, budget, cap). `None` is unknown.
    pub room: Option<u32>,
}

/// Money spent on burst servers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spend {
    /// All projects together.
    pub total: SpendOf,
    /// By project id. A project that is not listed has spent nothing.
    pub projects: BTreeMap<String, SpendOf>,
}

/// Spend of one owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpendOf {
    /// What the running burst servers cost in an hour.
    pub hourly: Usd,
    /// What was spent since the month began.
    pub month: Usd,
}
