//! Looks for one decision in the journal.

use super::build;
use super::explanation::Explanation;
use super::files::JournalFiles;
use super::lines::{LinesBackwards, first_from};
use super::record::{Record, is_about};
use crate::wire::{BadLine, JournalLine, RecordedOutcome};
use memchr::memmem::Finder;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Longest id that is looked for, bytes.
const MAX_ID: usize = 256;

/// Why nothing can be explained.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// What was asked for cannot be the id of anything.
    #[error(
        "'{id}' is no id; expected a server's uuid, a request id or a decision id: \
         1 to {MAX_ID} printable characters without spaces and quotes"
    )]
    NotAnId {
        /// As it was given, without what is not printable.
        id: String,
    },
    /// No decision of the journal has that id.
    #[error("no decision {id} in the journal")]
    NoSuchDecision {
        /// The id.
        id: String,
    },
    /// The line is of a later release.
    #[error("its line in the journal has format {format}, which this release does not know")]
    NewerFormat {
        /// The format.
        format: u32,
    },
    /// A file of the journal cannot be read.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

/// Explains the newest decision about a server, of a request, or of that id; `None` when the
/// journal has none. Which compressed files were passed over is in [`JournalFiles::unread`].
///
/// Reads the journal from its end, so what is new is found at once; memory is bounded by the
/// longest line. Blocks on the disk.
///
/// # Errors
/// [`ExplainError`] when `id` is none or a file cannot be read.
pub fn find(journal: &Path, id: &str) -> Result<Option<Explanation>, ExplainError> {
    check_id(id)?;
    let files = files_of(journal)?;
    let Some(found) = decision(&files, id)? else {
        return Ok(None);
    };
    let policy = policy(&files, &found)?;
    let outcome = outcome(&files, &found)?;
    Ok(Some(build::explain(
        &found.record,
        policy.as_deref(),
        outcome,
    )))
}

pub(super) fn check_id(id: &str) -> Result<(), ExplainError> {
    let is_id = !id.is_empty()
        && id.len() <= MAX_ID
        && id
            .chars()
            .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\'));
    if is_id {
        return Ok(());
    }
    let shown = id.chars().filter(|c| !c.is_control()).take(80).collect();
    Err(ExplainError::NotAnId { id: shown })
}

/// The files of a journal. The scheduler makes it when it first decides, so none is an empty one.
pub(super) fn files_of(journal: &Path) -> Result<JournalFiles, ExplainError> {
    match JournalFiles::beside(journal) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(JournalFiles::default()),
        files => files.map_err(|error| unreadable(journal, error)),
    }
}

pub(super) fn unreadable(path: &Path, error: io::Error) -> ExplainError {
    ExplainError::Unreadable {
        path: path.to_owned(),
        error,
    }
}

/// Opens a file; `None` when it was rotated away after it was listed.
pub(super) fn open(path: &Path) -> Result<Option<File>, ExplainError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, error)),
    }
}

struct Found {
    record: Record,
    /// Position of its file in [`JournalFiles::read`].
    file: usize,
    offset: u64,
}

fn decision(files: &JournalFiles, id: &str) -> Result<Option<Found>, ExplainError> {
    let finder = Finder::new(id);
    for (file, path) in files.read.iter().enumerate() {
        let found = newest_in(path, None, |bytes| {
            finder.find(bytes)?;
            match JournalLine::read(bytes) {
                Ok(JournalLine::Decision(line)) if is_about(&line, id) => {
                    Record::of(line, bytes).ok().map(Ok)
                }
                Err(BadLine::NewerFormat(format)) => {
                    Some(Err(ExplainError::NewerFormat { format }))
                }
                _ => None,
            }
        })?;
        if let Some((offset, record)) = found {
            let record = record?;
            return Ok(Some(Found {
                record,
                file,
                offset,
            }));
        }
    }
    Ok(None)
}

/// The policy's line: each file has one before its first decision.
fn policy(files: &JournalFiles, found: &Found) -> Result<Option<String>, ExplainError> {
    let digest = &found.record.decision.policy;
    let finder = Finder::new(digest);
    let mut before = Some(found.offset);
    for path in &files.read[found.file..] {
        let policy = newest_in(path, before.take(), |bytes| {
            finder.find(bytes)?;
            match JournalLine::read(bytes) {
                Ok(JournalLine::Policy(line)) if line.digest == *digest => Some(line.toml),
                _ => None,
            }
        })?;
        if let Some((_, toml)) = policy {
            return Ok(Some(toml));
        }
    }
    Ok(None)
}

/// What became of it: after it in its file, or in a newer one.
fn outcome(files: &JournalFiles, found: &Found) -> Result<Option<RecordedOutcome>, ExplainError> {
    let id = &found.record.decision.id;
    let finder = Finder::new(id);
    let mut offset = found.offset;
    for path in files.read[..=found.file].iter().rev() {
        let Some(file) = open(path)? else {
            continue;
        };
        let outcome = first_from(file, std::mem::take(&mut offset), |bytes| {
            finder.find(bytes)?;
            match JournalLine::read(bytes) {
                Ok(JournalLine::Outcome(line)) if line.decision == *id => Some(line),
                _ => None,
            }
        });
        if let Some(outcome) = outcome.map_err(|error| unreadable(path, error))? {
            return Ok(Some(outcome));
        }
    }
    Ok(None)
}

/// The newest line of a file for which `look` returns something, and its place.
fn newest_in<T>(
    path: &Path,
    before: Option<u64>,
    mut look: impl FnMut(&[u8]) -> Option<T>,
) -> Result<Option<(u64, T)>, ExplainError> {
    let failed = |error| unreadable(path, error);
    let Some(file) = open(path)? else {
        return Ok(None);
    };
    let mut lines = LinesBackwards::of(file, before).map_err(failed)?;
    while let Some(line) = lines.next_back().map_err(failed)? {
        if let Some(found) = look(line.bytes) {
            return Ok(Some((line.offset, found)));
        }
    }
    Ok(None)
}
