//! The file that the sidecar writes and the scheduler reads.

use super::origin::Origin;
use super::published::{self, Published, UNREADABLE};
use crate::file_identity::FileIdentity;
use spillway_core::units::Span;
use spillway_core::{Load, Offer, SnapshotFault, Timestamp};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest snapshot that is read, bytes. One of 1,000 projects, 100 gates and 1,000 offers has
/// about 250 kB; anything near this limit is not a snapshot.
pub const MAX_BYTES: u64 = 16 << 20;

/// How far a snapshot's time may lie ahead of ours. Both are of the same host as a rule; a few
/// seconds cover a clock that is just being set. Beyond it the age cannot be known, so the
/// snapshot counts as unreadable.
pub const MAX_AHEAD: Span = Span::from_secs(5);

/// What a snapshot says, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// State of the private cloud.
    pub load: Load,
    /// Where that comes from; empty when the load is unknown.
    pub origin: Origin,
    /// What burst hosts report of their sizes; empty when the load is unknown.
    pub offers: Vec<Offer>,
}

/// The snapshot file and its content as last read. Opens nothing until it is asked.
#[derive(Debug)]
pub struct SnapshotFile {
    path: PathBuf,
    stale_after: Span,
    seen: Option<FileIdentity>,
    content: Result<Content, SnapshotFault>,
}

#[derive(Debug)]
struct Content {
    written_at: Timestamp,
    observed: Arc<Observed>,
}

impl SnapshotFile {
    /// A file that is not looked at yet. Content older than `stale_after` is not trusted.
    #[must_use]
    pub fn new(path: PathBuf, stale_after: Span) -> Self {
        SnapshotFile {
            path,
            stale_after,
            seen: None,
            content: Err(SnapshotFault::Missing),
        }
    }

    /// Returns what the file says of the private cloud and of the burst hosts at `now`.
    ///
    /// Never fails: a file that is missing, broken, too old or from the future is an unknown load
    /// without offers. One `stat` when the file did not change; it is read again only when it did,
    /// and its age is judged every time.
    pub fn read(&mut self, now: Timestamp) -> Arc<Observed> {
        self.refresh();
        let fault = match &self.content {
            Ok(content) => match self.age_fault(content, now) {
                None => return Arc::clone(&content.observed),
                Some(fault) => fault,
            },
            Err(fault) => *fault,
        };
        Arc::new(Observed {
            load: Load::Unknown(fault),
            origin: Origin::default(),
            offers: Vec::new(),
        })
    }

    fn age_fault(&self, content: &Content, now: Timestamp) -> Option<SnapshotFault> {
        let word = content.observed.load.word();
        if content.written_at.since(now) > MAX_AHEAD {
            return Some(SnapshotFault::Unreadable { word });
        }
        let age = now.since(content.written_at);
        (age > self.stale_after).then_some(SnapshotFault::Stale { age, word })
    }

    fn refresh(&mut self) {
        let found = fs::metadata(&self.path).map(|metadata| FileIdentity::of(&metadata));
        if let (Ok(identity), Some(seen)) = (&found, &self.seen)
            && identity == seen
        {
            return;
        }
        match load(&self.path) {
            Ok((identity, content)) => {
                self.seen = Some(identity);
                self.content = content;
            }
            Err(error) => {
                // Perhaps only for a moment, so the next call looks again.
                self.seen = None;
                self.content = Err(match error.kind() {
                    io::ErrorKind::NotFound => SnapshotFault::Missing,
                    _ => UNREADABLE,
                });
            }
        }
    }
}

/// Reads the file. The identity is that of the file that was opened, not of the one that was
/// looked at before: the sidecar may have replaced it in between.
fn load(path: &Path) -> io::Result<(FileIdentity, Result<Content, SnapshotFault>)> {
    // Looked at before it is opened: opening a pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let identity = FileIdentity::of(&metadata);
    if metadata.len() > MAX_BYTES {
        return Ok((identity, Err(UNREADABLE)));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Ok((identity, Err(UNREADABLE)));
    }
    let content = published::parse(&bytes).map(
        |Published {
             written_at,
             origin,
             view,
             offers,
         }| Content {
            written_at,
            observed: Arc::new(Observed {
                load: Load::Known(view),
                origin,
                offers,
            }),
        },
    );
    Ok((identity, content))
}
