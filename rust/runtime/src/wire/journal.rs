//! The file that the scheduler appends one line per decision and per outcome to.
//!
//! Several workers share it: each opens it for appending and hands the kernel whole lines, one
//! `write` each, so lines never mix. A fork in between is harmless for the same reason.

use super::line::{self, DecisionRecord, OutcomeRecord};
use crate::file_identity::FileKey;
use spillway_core::Timestamp;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Appends whole lines to the journal. Opens nothing until the first line.
///
/// Scheduling goes on whatever happens here: a line that could not be written is counted, and
/// the reason is kept.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// The open file, and what it was when it was opened.
    file: Option<(File, FileKey)>,
    line: Vec<u8>,
    /// The newest write ended within a line; the next one has to begin a new one.
    torn: bool,
    failures: u64,
    last_error: Option<String>,
}

impl Journal {
    /// A journal that is not opened yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Journal {
            path,
            file: None,
            line: Vec::new(),
            torn: false,
            failures: 0,
            last_error: None,
        }
    }

    /// Records the policy that decisions stand on from now on.
    ///
    /// # Errors
    /// The line was not written; that is counted too.
    pub fn append_policy(&mut self, digest: &str, toml: &str, now: Timestamp) -> io::Result<()> {
        self.append(|line| line::write_policy(line, digest, toml, now))
    }

    /// Records a decision.
    ///
    /// # Errors
    /// The line was not written; that is counted too.
    pub fn append_decision(
        &mut self,
        record: &DecisionRecord<'_>,
        now: Timestamp,
    ) -> io::Result<()> {
        self.append(|line| line::write_decision(line, record, now))
    }

    /// Records what became of a decision.
    ///
    /// # Errors
    /// The line was not written; that is counted too.
    pub fn append_outcome(&mut self, record: &OutcomeRecord<'_>, now: Timestamp) -> io::Result<()> {
        self.append(|line| line::write_outcome(line, record, now))
    }

    /// Lines that were not written since this journal was made.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// Why the newest line was not written; `None` after one that was.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        let result = self.try_append(write);
        match &result {
            Ok(()) => self.last_error = None,
            Err(error) => {
                self.failures += 1;
                self.last_error = Some(format!("{}: {error}", self.path.display()));
            }
        }
        result
    }

    fn try_append(&mut self, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        let at_path = fs::metadata(&self.path).map(|metadata| FileKey::of(&metadata));
        let (mut file, key) = match (self.file.take(), at_path) {
            (Some((file, key)), Ok(at_path)) if key == at_path => (file, key),
            // Moved away, deleted or never opened.
            _ => {
                self.torn = false;
                open(&self.path)?
            }
        };
        self.line.clear();
        if self.torn {
            self.line.push(b'\n');
        }
        write(&mut self.line)?;
        self.line.push(b'\n');
        // One write per line, never a loop: a second write could land within another worker's.
        let result = loop {
            match file.write(&self.line) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.file = Some((file, key));
        let written = result?;
        if written < self.line.len() {
            self.torn |= written > 0;
            return Err(io::Error::new(
                io::ErrorKind::WriteZero,
                format!("only {written} of {} bytes were written", self.line.len()),
            ));
        }
        self.torn = false;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<(File, FileKey)> {
    // Looked at before it is opened: opening a pipe would wait for its reader.
    if let Ok(metadata) = fs::metadata(path)
        && !metadata.is_file()
        && !metadata.file_type().is_char_device()
    {
        return Err(io::Error::other("not a regular file"));
    }
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)?;
    let key = FileKey::of(&file.metadata()?);
    Ok((file, key))
}
