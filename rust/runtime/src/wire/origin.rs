//! Where a load comes from: what people want to know of it and no decision looks at.

use spillway_core::Timestamp;

/// The snapshot's own time, and what it says of each gate besides its state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// When the snapshot was written; `None` when there was none, and in lines of older releases.
    pub written_at: Option<Timestamp>,
    /// One for each gate, in their order.
    pub gates: Vec<GateOrigin>,
}

/// What a snapshot says of a gate besides its state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GateOrigin {
    /// Since when its signals have it in its state.
    pub since: Option<Timestamp>,
    /// The signals that ask for it to be open.
    pub asking: Vec<String>,
}
