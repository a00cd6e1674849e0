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
    open: Option<OpenFile>,
    policy: Option<PolicyInEffect>,
    line: Vec<u8>,
    failures: u64,
    last_error: Option<String>,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    key: FileKey,
    /// The newest write ended within a line; the next one has to begin a new one.
    torn: bool,
    /// The policy in effect has its line in this file.
    has_policy: bool,
}

#[derive(Debug)]
struct PolicyInEffect {
    digest: String,
    toml: String,
}

impl Journal {
    /// A journal that is not opened yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Journal {
            path,
            open: None,
            policy: None,
            line: Vec::new(),
            failures: 0,
            last_error: None,
        }
    }

    /// Records the policy that decisions stand on from now on. Its line is written again at the
    /// head of every file that is begun later, so that each file explains its own decisions.
    ///
    /// # Errors
    /// The line was not written; that is counted too. It is tried again before the next line.
    pub fn append_policy(&mut self, digest: &str, toml: &str, now: Timestamp) -> io::Result<()> {
        self.policy = Some(PolicyInEffect {
            digest: digest.to_owned(),
            toml: toml.to_owned(),
        });
        if let Some(open) = &mut self.open {
            open.has_policy = false;
        }
        let result = self.begin(now);
        self.counted(result)
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
        let result = self
            .begin(now)
            .and_then(|()| self.append(|line| line::write_decision(line, record, now)));
        self.counted(result)
    }

    /// Records what became of a decision.
    ///
    /// # Errors
    /// The line was not written; that is counted too.
    pub fn append_outcome(&mut self, record: &OutcomeRecord<'_>, now: Timestamp) -> io::Result<()> {
        let result = self
            .begin(now)
            .and_then(|()| self.append(|line| line::write_outcome(line, record, now)));
        self.counted(result)
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

    fn counted(&mut self, result: io::Result<()>) -> io::Result<()> {
        match &result {
            Ok(()) => self.last_error = None,
            Err(error) => {
                self.failures += 1;
                self.last_error = Some(format!("{}: {error}", self.path.display()));
            }
        }
        result
    }

    /// Makes the file of that path the open one, and sees that the policy in effect is in it.
    fn begin(&mut self, now: Timestamp) -> io::Result<()> {
        let at_path = fs::metadata(&self.path).map(|metadata| FileKey::of(&metadata));
        let is_open = match (&self.open, at_path) {
            (Some(open), Ok(at_path)) => open.key == at_path,
            // Moved away, deleted or never opened.
            _ => false,
        };
        if !is_open {
            self.open = None;
            self.open = Some(open(&self.path)?);
        }
        if self.open.as_ref().is_some_and(|open| !open.has_policy)
            && let Some(policy) = self.policy.take()
        {
            let result =
                self.append(|line| line::write_policy(line, &policy.digest, &policy.toml, now));
            self.policy = Some(policy);
            result?;
            if let Some(open) = &mut self.open {
                open.has_policy = true;
            }
        }
        Ok(())
    }

    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        let Some(open) = &mut self.open else {
            return Err(io::Error::other("not open"));
        };
        self.line.clear();
        if open.torn {
            self.line.push(b'\n');
        }
        write(&mut self.line)?;
        self.line.push(b'\n');
        // One write per line, never a loop: a second write could land within another worker's.
        let written = loop {
            match open.file.write(&self.line) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        if written < self.line.len() {
            open.torn |= written > 0;
            return Err(io::Error::new(
                io::ErrorKind::WriteZero,
                format!("only {written} of {} bytes were written", self.line.len()),
            ));
        }
        open.torn = false;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<OpenFile> {
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
    Ok(OpenFile {
        key: FileKey::of(&file.metadata()?),
        file,
        torn: false,
        has_policy: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_after_one_that_was_cut_off_stands_on_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.jsonl");
        fs::write(&path, "{\"cut").expect("a file");
        let mut journal = Journal::new(path.clone());
        journal.begin(Timestamp(0)).expect("opened");
        journal.open.as_mut().expect("open").torn = true;
        for _ in 0..2 {
            journal
                .append(|line| line.write_all(b"whole"))
                .expect("written");
        }
        let text = fs::read_to_string(&path).expect("a journal");
        assert_eq!(text, "{\"cut\nwhole\nwhole\n");
    }
}
