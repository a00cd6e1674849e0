//! The file that the sidecar writes and the scheduler reads.

use spillway_core::units::Span;
use spillway_core::{Load, Offer, Timestamp};
use std::path::PathBuf;
use std::sync::Arc;

/// What a snapshot says, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// State of the private cloud.
    pub load: Load,
    /// What burst hosts report of their sizes; empty when the load is unknown.
    pub offers: Vec<Offer>,
}

/// The snapshot file and its content as last read. Opens nothing until it is asked.
#[derive(Debug)]
pub struct SnapshotFile {
    path: PathBuf,
    stale_after: Span,
}

impl SnapshotFile {
    /// A file that is not looked at yet.
    #[must_use]
    pub fn new(path: PathBuf, stale_after: Span) -> Self {
        SnapshotFile { path, stale_after }
    }

    /// The content, read again only when the file changed. Never fails: a file that is missing,
    /// broken or old is an unknown load.
    pub fn read(&mut self, now: Timestamp) -> Arc<Observed> {
        let _ = (now, &self.path, self.stale_after);
        unimplemented!()
    }
}
