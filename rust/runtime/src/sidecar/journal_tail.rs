//! Follows the journal across rotations and restarts.
//!
//! A file is known by device, inode and its first bytes, since inodes come back. How far each was
//! read is handed out together with the lines: whoever keeps both in one place counts every line
//! once.

use crate::explain::JournalFiles;
use crate::wire::{BadLine, JournalLine, MAX_LINE_BYTES};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Files whose positions are kept: the journal, and rotated ones that a worker may still be
/// writing its last line to. As many again of those that do not show.
const MAX_FILES: usize = 8;

/// Bytes that are read at a time, so that a long backlog is worked off in steps.
const CHUNK_BYTES: usize = 512 << 10;

/// Bytes at the head of a file that tell it from another with the same inode. The first line holds
/// the time to the millisecond and the policy's digest.
const HEAD_BYTES: u64 = 96;

/// How far a file was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    device: u64,
    inode: u64,
    /// SHA-256 of the file's first bytes.
    head: String,
    /// How many bytes that is of.
    head_bytes: u64,
    /// Bytes up to the end of the last line that was read.
    offset: u64,
}

/// Lines that were read, and how far that is.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) lines: Vec<Result<JournalLine, BadLine>>,
    /// Positions after these lines.
    pub(super) positions: Vec<Position>,
    /// Bytes that are there and not read yet.
    pub(super) lag_bytes: u64,
    /// Why the journal cannot be read.
    pub(super) error: Option<String>,
}

type OpenFile = (File, fs::Metadata);

/// Follows one journal.
#[derive(Debug)]
pub(super) struct JournalTail {
    path: PathBuf,
    positions: Vec<Position>,
}

impl JournalTail {
    /// Goes on where `positions` say. Without any, begins with the journal's present file.
    pub(super) fn new(path: PathBuf, positions: Vec<Position>) -> Self {
        JournalTail { path, positions }
    }

    /// Reads what is new, up to a limit: call again at once while there is a lag. Never fails; a
    /// journal that is not there yet is an empty one.
    pub(super) fn read(&mut self) -> Batch {
        let mut batch = Batch::default();
        if let Err(error) = self.read_files(&mut batch) {
            batch.error = Some(format!("{}: {error}", self.path.display()));
        }
        batch.positions.clone_from(&self.positions);
        batch
    }

    fn read_files(&mut self, batch: &mut Batch) -> io::Result<()> {
        let (files, unopened) = self.files()?;
        let mut budget = CHUNK_BYTES;
        let mut read = Vec::new();
        let mut failed = unopened;
        for (file, metadata) in files {
            let n_lines = batch.lines.len();
            match self.read_file(&file, &metadata, &mut budget, batch) {
                Ok(seen) => read.push(seen),
                Err(error) => {
                    // Its position stays where it was, so its lines come again.
                    batch.lines.truncate(n_lines);
                    failed = Some(error);
                    break;
                }
            }
        }
        self.remember(read);
        failed.map_or(Ok(()), Err)
    }

    /// Reads one file on from where it was left; returns its new position, and whether that is its
    /// end.
    fn read_file(
        &self,
        file: &File,
        metadata: &fs::Metadata,
        budget: &mut usize,
        batch: &mut Batch,
    ) -> io::Result<(Position, bool)> {
        let mut position = self.position(file, metadata)?;
        if metadata.len() < position.offset {
            // Cut off in place, as `copytruncate` does.
            position = Position::start(file, metadata)?;
        }
        let read = read_lines(file, position.offset, *budget, &mut batch.lines)?;
        position.offset += read;
        position.complete_head(file)?;
        *budget = budget.saturating_sub(usize::try_from(read).unwrap_or(usize::MAX));
        let lag = file.metadata()?.len().saturating_sub(position.offset);
        batch.lag_bytes += lag;
        Ok((position, lag == 0))
    }

    /// Keeps the new positions, and those of files that did not show this time: one that is being
    /// renamed, or cannot be opened for a moment, is not read twice when it shows again.
    fn remember(&mut self, read: Vec<(Position, bool)>) {
        let is_read = |known: &Position| {
            let mut read = read.iter();
            read.any(|(position, _)| position.file() == known.file())
        };
        let mut unseen = std::mem::take(&mut self.positions);
        unseen.retain(|known| !is_read(known));
        unseen.drain(..unseen.len().saturating_sub(MAX_FILES));
        // From the oldest on, and only what was read to its end: what lies behind a known file is
        // looked at no more.
        let finished = read.iter().take_while(|(_, is_at_end)| *is_at_end).count();
        let too_many = read.len().saturating_sub(MAX_FILES);
        let read = read.into_iter().skip(finished.min(too_many));
        self.positions = unseen;
        self.positions.extend(read.map(|(position, _)| position));
    }

    /// The journal and its rotated files that matter, oldest first, and why one of them could not
    /// be opened. On the first start that is the journal alone; later, also every file that is
    /// known or younger than a known one.
    fn files(&self) -> io::Result<(Vec<OpenFile>, Option<io::Error>)> {
        let paths = match JournalFiles::beside(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            files => files?.read,
        };
        let mut found = Vec::new();
        let mut unopened = None;
        // Oldest first by name: what was written in the same tick of the clock stays so.
        for path in paths.into_iter().rev() {
            match File::open(&path).and_then(|file| Ok((file.metadata()?, file))) {
                Ok((metadata, file)) => found.push((path, file, metadata)),
                // Rotated away in between; it is found under its new name the next time.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => unopened = Some(error),
            }
        }
        let modified = |metadata: &fs::Metadata| (metadata.mtime(), metadata.mtime_nsec());
        found.sort_by_key(|(path, _, metadata)| (*path == self.path, modified(metadata)));
        let first_known = found
            .iter()
            .position(|(_, file, metadata)| self.known(file, metadata).is_some());
        let from = match first_known {
            Some(first) => first,
            None => found.iter().filter(|(path, ..)| *path != self.path).count(),
        };
        let wanted = found
            .into_iter()
            .skip(from)
            .filter(|(_, file, metadata)| !self.is_copy(file, metadata));
        let wanted = wanted.map(|(_, file, metadata)| (file, metadata)).collect();
        Ok((wanted, unopened))
    }

    /// Whether it begins as a file that is known, and is another one: somebody's copy.
    fn is_copy(&self, file: &File, metadata: &fs::Metadata) -> bool {
        self.known(file, metadata).is_none()
            && self.positions.iter().any(|position| {
                position.head_bytes == HEAD_BYTES
                    && position.file() != (metadata.dev(), metadata.ino())
                    && head(file, HEAD_BYTES).is_ok_and(|head| head == position.head)
            })
    }

    fn known(&self, file: &File, metadata: &fs::Metadata) -> Option<&Position> {
        self.positions.iter().find(|position| {
            position.file() == (metadata.dev(), metadata.ino())
                && head(file, position.head_bytes).is_ok_and(|head| head == position.head)
        })
    }

    fn position(&self, file: &File, metadata: &fs::Metadata) -> io::Result<Position> {
        match self.known(file, metadata) {
            Some(position) => Ok(position.clone()),
            None => Position::start(file, metadata),
        }
    }
}

impl Position {
    fn file(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    fn start(file: &File, metadata: &fs::Metadata) -> io::Result<Self> {
        let mut position = Position {
            device: metadata.dev(),
            inode: metadata.ino(),
            head: head(file, 0)?,
            head_bytes: 0,
            offset: 0,
        };
        position.complete_head(file)?;
        Ok(position)
    }

    /// A file that was young is known by more of its bytes once it has them.
    fn complete_head(&mut self, file: &File) -> io::Result<()> {
        let wanted = file.metadata()?.len().min(HEAD_BYTES);
        if self.head_bytes < wanted {
            self.head = head(file, wanted)?;
            self.head_bytes = wanted;
        }
        Ok(())
    }
}

fn head(mut file: &File, bytes: u64) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    file.take(bytes).read_to_end(&mut head)?;
    let digest = Sha256::digest(&head);
    Ok(digest.iter().take(8).map(|b| format!("{b:02x}")).collect())
}

/// Reads whole lines from `offset` on; returns the bytes that they take. A line that is longer
/// than any that is written is passed over as a bad one.
fn read_lines(
    mut file: &File,
    offset: u64,
    budget: usize,
    lines: &mut Vec<Result<JournalLine, BadLine>>,
) -> io::Result<u64> {
    if budget == 0 {
        return Ok(0);
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(budget as u64).read_to_end(&mut bytes)?;
    if !bytes.contains(&b'\n') && bytes.len() == budget {
        // A long line: read on to its end.
        let rest = (MAX_LINE_BYTES + 1 - budget.min(MAX_LINE_BYTES)) as u64;
        file.take(rest).read_to_end(&mut bytes)?;
        if !bytes.contains(&b'\n') && bytes.len() > MAX_LINE_BYTES {
            let skipped = skip_line(file, offset, bytes.len() as u64)?;
            lines.push(Err(BadLine::TooLong));
            return Ok(skipped);
        }
    }
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    for line in bytes[..whole].split(|byte| *byte == b'\n') {
        if !line.is_empty() {
            lines.push(JournalLine::read(line));
        }
    }
    Ok(whole as u64)
}

/// Bytes to the end of a line that is too long, or of what is there of it.
fn skip_line(mut file: &File, offset: u64, mut read: u64) -> io::Result<u64> {
    let mut chunk = vec![0; CHUNK_BYTES];
    file.seek(SeekFrom::Start(offset + read))?;
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(read),
            n => match chunk[..n].iter().position(|byte| *byte == b'\n') {
                Some(at) => return Ok(read + at as u64 + 1),
                None => read += n as u64,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::path::Path;

    /// A folder with a journal, and a reader that loses its memory when asked to.
    struct Journal {
        folder: tempfile::TempDir,
        positions: Vec<Position>,
        seen: Vec<String>,
    }

    impl Journal {
        fn new() -> Self {
            Journal {
                folder: tempfile::tempdir().expect("a folder"),
                positions: Vec::new(),
                seen: Vec::new(),
            }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("journal.jsonl")
        }

        fn append(&self, name: &str, text: &str) {
            let path = self.folder.path().join(name);
            let opened = OpenOptions::new().append(true).create(true).open(path);
            let mut file = opened.expect("a journal");
            file.write_all(text.as_bytes()).expect("written");
        }

        fn outcome(&self, id: &str) {
            self.append("journal.jsonl", &line(id));
        }

        fn rotate(&self) {
            fs::rename(self.path(), self.folder.path().join("journal.jsonl.1")).expect("renamed");
        }

        /// Reads as a sidecar that just started with what the last one kept.
        fn read(&mut self) -> u64 {
            let mut tail = JournalTail::new(self.path(), self.positions.clone());
            let mut bad = 0;
            loop {
                let batch = tail.read();
                assert_eq!(batch.error, None);
                self.positions = batch.positions;
                let read = batch.lines.len();
                for line in batch.lines {
                    match line {
                        Ok(JournalLine::Outcome(outcome)) => self.seen.push(outcome.decision),
                        Ok(other) => panic!("{other:?}"),
                        Err(_) => bad += 1,
                    }
                }
                if batch.lag_bytes == 0 || read == 0 {
                    return bad;
                }
            }
        }
    }

    fn line(id: &str) -> String {
        format!(
            "{{\"format\":1,\"kind\":\"outcome\",\"at_ms\":1,\"decision\":\"{id}\",\"result\":\"placed\"}}\n"
        )
    }

    #[test]
    fn every_line_is_read_once_over_restarts_and_rotations() {
        let mut journal = Journal::new();
        assert_eq!(
            journal.read(),
            0,
            "a journal that is not there is an empty one"
        );
        journal.outcome("a");
        journal.read();
        journal.outcome("b");
        journal.rotate();
        // A worker that had the old file open, and one that begins the new one.
        journal.append("journal.jsonl.1", &line("c"));
        journal.outcome("d");
        journal.read();
        journal.append("journal.jsonl.1", &line("e"));
        journal.outcome("f");
        journal.read();
        assert_eq!(journal.seen, ["a", "b", "c", "d", "e", "f"]);
    }

    #[test]
    fn two_rotations_while_nobody_read_lose_nothing() {
        let mut journal = Journal::new();
        journal.outcome("a");
        journal.read();
        journal.outcome("b");
        journal.rotate();
        journal.outcome("c");
        let path = journal.folder.path();
        fs::rename(path.join("journal.jsonl.1"), path.join("journal.jsonl.2")).expect("renamed");
        journal.rotate();
        journal.outcome("d");
        journal.read();
        assert_eq!(journal.seen, ["a", "b", "c", "d"]);
    }

    #[test]
    fn a_file_that_does_not_show_for_a_moment_is_not_read_again() {
        let mut journal = Journal::new();
        journal.outcome("a");
        journal.read();
        journal.outcome("b");
        let aside = journal.folder.path().join("aside");
        fs::rename(journal.path(), &aside).expect("renamed");
        journal.read();
        journal.outcome("c");
        journal.read();
        fs::rename(&aside, journal.folder.path().join("journal.jsonl.1")).expect("renamed");
        journal.read();
        assert_eq!(journal.seen, ["a", "c", "b"]);
    }

    /// A listing can fall between the two steps of a rotation.
    #[test]
    fn a_rotation_that_is_half_seen_loses_nothing_however_many_files_are_known() {
        let mut journal = Journal::new();
        for number in 0..MAX_FILES + 1 {
            journal.outcome(&format!("file-{number}"));
            journal.read();
            let rotated = format!("journal.jsonl-{number:03}");
            fs::rename(journal.path(), journal.folder.path().join(rotated)).expect("renamed");
        }
        journal.outcome("last");
        journal.read();
        journal.outcome("unread");
        let aside = journal.folder.path().join("aside");
        fs::rename(journal.path(), &aside).expect("renamed");
        journal.outcome("next");
        journal.read();
        fs::rename(&aside, journal.folder.path().join("journal.jsonl-999")).expect("renamed");
        journal.read();
        let n_seen = journal.seen.len();
        assert_eq!(&journal.seen[n_seen - 3..], ["last", "next", "unread"]);
        assert_eq!(n_seen, MAX_FILES + 4);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_costs_no_line() {
        let mut journal = Journal::new();
        journal.outcome("a");
        journal.read();
        journal.rotate();
        // Opening it fails, whoever asks, root too.
        let folder = journal.folder.path().join("loop");
        std::os::unix::fs::symlink(&folder, &folder).expect("a link to itself");
        let tail = |path: &Path, positions: &[Position]| {
            JournalTail::new(path.to_owned(), positions.to_vec()).read()
        };
        let batch = tail(&folder.join("journal.jsonl"), &journal.positions);
        assert!(batch.error.is_some());
        assert_eq!(batch.positions, journal.positions);
        journal.outcome("b");
        journal.read();
        assert_eq!(journal.seen, ["a", "b"]);
    }

    #[test]
    fn many_rotations_while_nobody_read_lose_nothing() {
        let mut journal = Journal::new();
        journal.outcome("a");
        journal.read();
        let many: String = (0..8_000).map(|n| line(&format!("first-{n}"))).collect();
        journal.append("journal.jsonl", &many);
        assert!(many.len() > CHUNK_BYTES, "more than is read in one go");
        for number in (0..2 * MAX_FILES).rev() {
            // An age of their own, whatever the clock's grain is.
            let name = format!("journal.jsonl-{:03}", 100 - number);
            fs::rename(journal.path(), journal.folder.path().join(&name)).expect("renamed");
            let age = std::time::Duration::from_secs(60 * (number as u64 + 1));
            let file = File::options()
                .append(true)
                .open(journal.folder.path().join(&name));
            let file = file.expect("the file");
            file.set_modified(std::time::SystemTime::now() - age)
                .expect("aged");
            journal.outcome(&format!("file-{number}"));
        }
        journal.read();
        journal.read();
        assert_eq!(journal.seen.len(), 1 + 8_000 + 2 * MAX_FILES);
        assert!(journal.positions.len() <= MAX_FILES);
    }

    #[test]
    fn a_copy_of_the_journal_is_not_the_journal() {
        let mut journal = Journal::new();
        journal.outcome("a");
        journal.read();
        journal.rotate();
        // As long as the first line of a real journal, which holds the policy.
        let long = "b".repeat(100);
        journal.outcome(&long);
        journal.read();
        for name in ["journal.jsonl.bak", "journal.jsonlx"] {
            fs::copy(journal.path(), journal.folder.path().join(name)).expect("copied");
        }
        journal.read();
        assert_eq!(journal.seen, ["a", &long]);
    }

    /// The first sidecar does not dig up what was rotated away before its time.
    #[test]
    fn the_first_start_begins_with_the_present_file() {
        let mut journal = Journal::new();
        journal.append("journal.jsonl.1", &line("old"));
        journal.outcome("a");
        journal.read();
        journal.read();
        assert_eq!(journal.seen, ["a"]);
    }

    #[test]
    fn a_line_counts_when_it_is_whole() {
        let mut journal = Journal::new();
        let whole = line("a");
        journal.append("journal.jsonl", &whole[..20]);
        journal.read();
        assert!(journal.seen.is_empty());
        journal.append("journal.jsonl", &whole[20..]);
        journal.read();
        assert_eq!(journal.seen, ["a"]);
    }

    #[test]
    fn a_file_that_was_cut_off_in_place_is_read_from_its_start() {
        let mut journal = Journal::new();
        for _ in 0..9 {
            journal.outcome("a");
        }
        journal.read();
        fs::write(journal.path(), line("b")).expect("cut off");
        journal.read();
        assert_eq!(journal.seen.last().map(String::as_str), Some("b"));
        assert_eq!(journal.seen.len(), 10);
    }

    /// The kernel gives an inode out again as soon as it is free.
    #[test]
    fn another_file_with_the_same_inode_is_another_file() {
        let mut journal = Journal::new();
        journal.outcome("a");
        journal.read();
        let content = line("a-different-one-of-the-same-inode") + &line("b");
        let file = OpenOptions::new().write(true).open(journal.path());
        file.expect("the file")
            .write_all(content.as_bytes())
            .expect("written");
        journal.read();
        assert_eq!(
            journal.seen,
            ["a", "a-different-one-of-the-same-inode", "b"]
        );
    }

    #[test]
    fn bad_lines_are_counted_and_the_others_read() {
        let mut journal = Journal::new();
        journal.append(
            "journal.jsonl",
            "no json\n\n{\"format\":2,\"kind\":\"outcome\"}\n",
        );
        journal.outcome("a");
        journal.append("journal.jsonl", &("x".repeat(MAX_LINE_BYTES + 9) + "\n"));
        journal.outcome("b");
        assert_eq!(journal.read(), 3);
        assert_eq!(journal.seen, ["a", "b"]);
    }

    #[test]
    fn a_backlog_is_read_to_its_end() {
        let mut journal = Journal::new();
        let many: String = (0..20_000).map(|n| line(&n.to_string())).collect();
        journal.append("journal.jsonl", &many);
        journal.read();
        assert_eq!(journal.seen.len(), 20_000);
    }
}
