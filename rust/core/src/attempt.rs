//! The ways to serve a request.

use crate::units::Usd;

/// One way to serve a request. Attempts are made in order until one places every server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// Nova as it is, untouched.
    Stock,
    /// The filter path: private hosts only.
    Filter,
    /// Burst hosts only, for a server that is already on one.
    BurstOnly,
    /// The hybrid path: one burst host.
    Hybrid(Placement),
    /// The first servers on private hosts, the rest on one burst host.
    Split {
        /// How many servers stay private; at least 1 and fewer than asked for.
        private: u32,
        /// Where the rest goes.
        burst: Placement,
    },
}

impl Attempt {
    /// Stable name, the same in the journal and in the Python API.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Attempt::Stock => "stock",
            Attempt::Filter => "filter",
            Attempt::BurstOnly => "burst_only",
            Attempt::Hybrid(_) => "hybrid",
            Attempt::Split { .. } => "split",
        }
    }
}

/// A burst host and what a server costs there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Nova's name of the burst host.
    pub burst_host: String,
    /// Provider's instance size.
    pub size: String,
    /// Price of one server per hour, when it is known.
    pub price: Option<Usd>,
}
