//! What sources tell the sidecar's loop: a closed set.

use super::failure::Failure;
use spillway_core::gate::Sample;
use spillway_core::load::{Offer, Spend};
use spillway_core::units::Span;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How sources reach the loop. Bounded: a source that is faster than the loop waits.
pub type Events = mpsc::Sender<Event>;

/// One thing that a source has to say. Signals are named by their position in the policy file.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A signal has a new value. The sample's time is when it was measured, by our clock or, where
    /// the measurement carries one, by its own.
    Sampled {
        /// The signal.
        signal: usize,
        /// Its value; may be NaN or infinite, the gate judges that.
        sample: Sample,
    },
    /// A signal's value while its source is being read: some of what it is made of is new. The
    /// reading's end tells it for good, so it is no point of the signal's course.
    Interim {
        /// The signal.
        signal: usize,
        /// Its value; the time is that of the oldest number in it.
        sample: Sample,
    },
    /// A signal could not be measured. Its last value grows stale.
    Unmeasured {
        /// The signal.
        signal: usize,
        /// Why.
        failure: Failure,
    },
    /// A source finished one reading: a round of scrapes, a query round, a poll.
    Read {
        /// Its name, as in [`crate::config::SignalSource::source`].
        source: Arc<str>,
        /// What came of it.
        report: ReadReport,
    },
    /// The broker's connection came or went.
    Broker {
        /// Whether notifications arrive.
        connected: bool,
    },
    /// Notifications that were taken from the queue since the last event of this kind.
    Notified {
        /// By event type, those that Spillway knows; others as `other`.
        by_event: BTreeMap<&'static str, u64>,
        /// Messages that could not be read and were dropped.
        poison: u64,
    },
    /// A burst host's page was read, or could not be.
    BurstHost {
        /// Nova's name of the host.
        name: Arc<str>,
        /// What it says of itself.
        report: Result<BurstHostReport, Failure>,
    },
}

/// One reading of a source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadReport {
    /// Targets that answered.
    pub targets_up: u32,
    /// Targets that did not, each kind of failure counted.
    pub failures: Vec<Failure>,
    /// Time that the reading took.
    pub took: Span,
    /// Bytes that were read, after decompression.
    pub bytes: u64,
}

/// What a burst host says of itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BurstHostReport {
    /// Servers by state.
    pub servers: BTreeMap<String, u64>,
    /// Its offers.
    pub offers: Vec<Offer>,
    /// Its spend; `None` when it does not know.
    pub spend: Option<Spend>,
    /// Mean time from a launch to a running server, when there was one.
    pub start_time: Option<Span>,
    /// Age of its newest good poll of the provider.
    pub poll_age: Option<Span>,
    /// Launches by result: `launched`, `adopted`, `refused`, `failed`.
    pub launches: BTreeMap<String, u64>,
    /// Limits and what is taken of them, by resource: `servers`, `vcpus`, `memory_mb`, `disk_gb`.
    pub used_of_limit: BTreeMap<String, (f64, f64)>,
}
